/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/survey_view.h"
#include "cmd/dupctl/views.h"

#define DESCRIPTION_COLUMNS 26u
#define RECORD_COLUMNS      34u

static const char *const kinds[] = {[SURVEY_BUNDLE] = "bundle", [SURVEY_HELPER] = "helper", [SURVEY_OTHER] = "no firmware"};

const char *survey_remedy(enum cache_error_code code)
{
	static const struct {
		enum cache_error_code code;
		const char *remedy;
	} remedies[] = {
	    {CACHE_ERROR_BUNDLE_DAMAGED,
	     "Get the file again from where it came from, and compare its size and SHA-256 with what the vendor "
	     "states. Do not send it to a modem."},
	    {CACHE_ERROR_BUNDLE_UNSUPPORTED,
	     "Check that this is the file you mean: a .dup bundle, an .elf helper, or the .zip or .tgz they "
	     "came in."},
	    {CACHE_ERROR_BUNDLE_TOO_BIG, "Unpack the archive yourself and look at the files one by one."},
	};

	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (remedies[i].code == code)
			return remedies[i].remedy;
	return "Check that the file can be read, and that there is room in the folder for temporary files.";
}

static enum text_color verdict_color(enum survey_verdict verdict)
{
	switch (verdict) {
	case SURVEY_GOOD:
		return TEXT_GREEN;
	case SURVEY_UNCHECKED:
	case SURVEY_LEFT_TO_MODEM:
		return TEXT_PLAIN;
	case SURVEY_DAMAGED:
	case SURVEY_UNREAD:
		return TEXT_RED;
	}
	return TEXT_PLAIN;
}

/* "Fletcher-32 good", "RSA-SHA256, which only the modem can check". */
static void verdict_add(struct text *ret, const struct bundle_record *record, enum survey_verdict verdict)
{
	const char *signature = bundle_signature_name(record->signature_type);

	text_add_color(ret, verdict_color(verdict));
	switch (verdict) {
	case SURVEY_GOOD:
		text_addf(ret, "%s good", signature);
		break;
	case SURVEY_UNCHECKED:
		text_add(ret, "no checksum");
		break;
	case SURVEY_LEFT_TO_MODEM:
		text_addf(ret, "%s, which only the modem can check", signature);
		break;
	case SURVEY_DAMAGED:
		text_addf(ret, "DAMAGED: %s wrong", signature);
		break;
	case SURVEY_UNREAD:
		text_add(ret, "NOT READ TO ITS END");
		break;
	}
	text_add_color(ret, TEXT_PLAIN);
}

static void record_add(struct text *ret, const struct survey *survey, size_t index)
{
	const struct bundle_record *record = &survey->bundle.records[index];
	size_t start = ret->length;

	text_addf(ret, "  %-4zu at %10" PRIu64 "  %*s%s", index + 1, record->offset, 2 * (int)record->depth, "",
		  record->magic[0] ? record->magic : "?");
	text_pad(ret, start, RECORD_COLUMNS);
	text_addf(ret, " %10" PRIu32 " B  ", record->size);
	start = ret->length;
	text_add_clean(ret, record->description);
	text_pad(ret, start, DESCRIPTION_COLUMNS);
	text_add(ret, "  ");
	verdict_add(ret, record, survey_record_verdict(survey, index));
	text_add(ret, "\n");
}

static void records_add(struct text *ret, const struct survey *survey)
{
	size_t count = survey->bundle.record_count, counts[SURVEY_UNREAD + 1] = {0};

	if (count == 0)
		return;
	text_add(ret, "Records:\n");
	for (size_t i = 0; i < count; i++) {
		record_add(ret, survey, i);
		counts[survey_record_verdict(survey, i)]++;
	}
	text_addf(ret, "  %zu of %zu good", counts[SURVEY_GOOD], count);
	if (counts[SURVEY_DAMAGED])
		text_addf(ret, ", %zu damaged", counts[SURVEY_DAMAGED]);
	if (counts[SURVEY_UNREAD])
		text_addf(ret, ", %zu not read to the end", counts[SURVEY_UNREAD]);
	if (counts[SURVEY_LEFT_TO_MODEM])
		text_addf(ret, ", %zu left to the modem", counts[SURVEY_LEFT_TO_MODEM]);
	if (counts[SURVEY_UNCHECKED])
		text_addf(ret, ", %zu without a checksum", counts[SURVEY_UNCHECKED]);
	text_add(ret, "\n");
}

static void faults_add(struct text *ret, const struct survey *survey)
{
	size_t shown = survey->fault_count < SURVEY_FAULTS_MAX ? survey->fault_count : SURVEY_FAULTS_MAX;

	if (shown == 0)
		return;
	text_add(ret, "What is wrong:\n");
	for (size_t i = 0; i < shown; i++) {
		const struct cache_error *error = &survey->faults[i].error;
		const struct fault_row row = {cache_error_code_name(error->code), error->message, error->evidence, ""};

		text_add(ret, "  ");
		view_fault(ret, &row, "    ");
		text_add(ret, "\n");
	}
	if (survey->fault_count > shown)
		text_addf(ret, "  and %zu more\n", survey->fault_count - shown);
	text_addf(ret, "What to do:\n  %s\n", survey_remedy(survey->faults[0].error.code));
}

void view_survey(struct text *ret, const struct survey *survey)
{
	bool good = survey->fault_count == 0;
	text_owned size = {0}, build = {0}, base = {0};

	text_add_clean(ret, survey->name);
	text_add(ret, ": ");
	text_add_color(ret, good ? TEXT_GREEN : TEXT_RED);
	text_add(ret, good ? "good" : survey->kind == SURVEY_OTHER ? "no firmware" : "DAMAGED");
	text_add_color(ret, TEXT_PLAIN);
	text_add(ret, "\n");
	format_size(&size, (int64_t)survey->size);
	text_addf(&size, " (%" PRIu64 " bytes)", survey->size);
	view_field(ret, "SHA-256", survey->sha256);
	view_field(ret, "Size", size.bytes);
	view_field(ret, "Kind", kinds[survey->kind]);
	view_field(ret, "Family", survey->facts.family);
	view_field(ret, "Release", survey->facts.release);
	if (survey->facts.build)
		text_addf(&build, "%" PRIu32, survey->facts.build);
	view_field(ret, "Build", text_bytes(&build));
	if (survey->facts.base_build)
		text_addf(&base, "%" PRIu32, survey->facts.base_build);
	view_field(ret, "Only from", text_bytes(&base));
	records_add(ret, survey);
	faults_add(ret, survey);
}

json_t *json_of_path(const char *path)
{
	text_owned clean = {.utf8 = true};

	text_add_clean(&clean, path);
	return json_string(text_bytes(&clean));
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(uint32_t number)
{
	return number ? json_integer(number) : json_null();
}

static json_t *records_json(const struct survey *survey)
{
	json_t *array = json_array();

	for (size_t i = 0; i < survey->bundle.record_count; i++) {
		const struct bundle_record *record = &survey->bundle.records[i];

		json_array_append_new(array,
				      json_pack("{s:o, s:o, s:I, s:I, s:s, s:s}", "magic", text_or_null(record->magic), "description",
						text_or_null(record->description), "offset", (json_int_t)record->offset, "size",
						(json_int_t)record->size, "signature", bundle_signature_name(record->signature_type),
						"check", survey_verdict_name(survey_record_verdict(survey, i))));
	}
	return array;
}

json_t *cache_error_json(const struct cache_error *error)
{
	return json_pack("{s:s, s:s, s:o, s:s}", "code", cache_error_code_name(error->code), "message", error->message, "evidence",
			 text_or_null(error->evidence), "remedy", survey_remedy(error->code));
}

static json_t *faults_json(const struct survey *survey)
{
	json_t *array = json_array();

	for (size_t i = 0; i < survey->fault_count && i < SURVEY_FAULTS_MAX; i++) {
		json_t *fault = cache_error_json(&survey->faults[i].error);

		json_object_set_new(fault, "record",
				    survey->faults[i].record == SURVEY_NO_RECORD ? json_null()
										 : json_integer((json_int_t)survey->faults[i].record + 1));
		json_array_append_new(array, fault);
	}
	return array;
}

json_t *survey_json(const struct survey *survey)
{
	return json_pack("{s:o, s:b, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_of_path(survey->name), "good",
			 survey->fault_count == 0, "sha256", survey->sha256, "size", (json_int_t)survey->size, "kind",
			 survey->kind == SURVEY_OTHER ? json_null() : json_string(kinds[survey->kind]), "family",
			 text_or_null(survey->facts.family), "release", text_or_null(survey->facts.release), "build",
			 number_or_null(survey->facts.build), "base_build", number_or_null(survey->facts.base_build), "records",
			 records_json(survey), "faults", faults_json(survey));
}
