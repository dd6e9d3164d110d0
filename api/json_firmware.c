/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include "api/rfc3339.h"

#define NS_PER_S INT64_C(1000000000)

static json_t *records_array(const struct bundle *bundle)
{
	json_t *records = json_array();
	for (size_t i = 0; records != NULL && bundle != NULL && i < bundle->record_count; i++) {
		const struct bundle_record *record = &bundle->records[i];
		json_t *object = JSON_MEMBERS({"magic", json_text_always(record->magic)}, {"description", json_text(record->description)},
					      {"offset", json_count(record->offset)}, {"size", json_count(record->size)},
					      {"checksum", json_text(bundle_checksum_name(record))},
					      {"check", json_text(bundle_check_name(record->check))});
		if (json_array_append_new(records, object) == 0)
			continue;
		json_decref(records);
		return NULL;
	}
	return records;
}

/* Nothing gets into the cache whose structure, checksums or digest are wrong; what is left to tell is what there was to check, and what became of
 * the bytes since. */
static json_t *checks_object(const struct firmware *firmware)
{
	bool checksum = false, left = false;
	for (size_t i = 0; firmware->bundle != NULL && i < firmware->bundle->record_count; i++) {
		checksum |= firmware->bundle->records[i].check == BUNDLE_CHECK_GOOD;
		left |= firmware->bundle->records[i].check == BUNDLE_CHECK_LEFT_TO_MODEM;
	}
	bool is_signed = firmware->signature.verdict != SIGNATURE_NONE;
	const char *signature = left && !is_signed ? "left-to-modem" : signature_verdict_name(firmware->signature.verdict);
	return JSON_MEMBERS({"structure", json_text("good")}, {"checksum", json_text(checksum ? "good" : "none")},
			    {"signature", json_text(signature)}, {"digest", json_text(firmware->rotten ? "bad" : "good")});
}

/* The detached one. */
json_t *json_signature_object(const struct firmware_signature *signature)
{
	if (signature->verdict == SIGNATURE_NONE)
		return json_null();
	return JSON_MEMBERS({"verdict", json_text(signature_verdict_name(signature->verdict))},
			    {"key_id", json_text(signature->report.key_id)}, {"key_name", json_text(signature->report.key_name)},
			    {"trusted_comment", json_text(signature->report.trusted_comment)}, {"reason", json_text(signature->reason)});
}

/* The names of what its importer stated. */
static json_t *stated_array(const struct firmware_facts *stated)
{
	const struct {
		const char *name;
		bool is_stated;
	} members[] = {
	    {"family", stated->family[0] != '\0'},   {"release", stated->release[0] != '\0'}, {"build", stated->build != 0},
	    {"base_build", stated->base_build != 0}, {"helper", stated->helper[0] != '\0'},   {"second", stated->second[0] != '\0'},
	};
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < sizeof(members) / sizeof(members[0]); i++) {
		if (!members[i].is_stated || json_array_append_new(array, json_string(members[i].name)) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

json_t *json_firmware_object(const struct firmware *firmware)
{
	char imported_at[RFC3339_SIZE], used_at[RFC3339_SIZE];
	rfc3339_from_s(firmware->imported_at, imported_at);
	rfc3339_from_s(firmware->used_at_ns / NS_PER_S, used_at);
	const struct firmware_facts *facts = &firmware->facts;
	return JSON_MEMBERS({"sha256", json_text(firmware->sha256)}, {"name", json_text_always(firmware->name)},
			    {"size", json_count(firmware->size)}, {"kind", json_text(firmware_kind_name(firmware->kind))},
			    {"form", json_text(firmware_form_name(firmware_form(firmware)))}, {"family", json_text(facts->family)},
			    {"release", json_text(facts->release)}, {"build", json_number(facts->build)},
			    {"base_build", json_number(facts->base_build)}, {"stated", stated_array(&firmware->stated)},
			    {"records", records_array(firmware->bundle)}, {"checks", checks_object(firmware)},
			    {"signature", json_signature_object(&firmware->signature)}, {"helper", json_text(facts->helper)},
			    {"second", json_text(facts->second)}, {"pair_part", json_number(firmware->pair_part)},
			    {"pair_with", json_text(firmware->partner)}, {"source", json_text(firmware->source)},
			    {"imported_at", json_text(imported_at)}, {"used_at", json_text(used_at)});
}

char *json_view_firmware(const struct firmware *firmware)
{
	return json_line(json_firmware_object(firmware));
}

char *json_view_firmware_list(const struct firmware *list, size_t count)
{
	return json_line(JSON_MEMBERS({"firmware", json_firmware_array(list, count)}));
}

char *json_view_firmware_batch(const struct firmware_batch *batch)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < batch->count; i++) {
		if (json_array_append_new(array, json_firmware_object(&batch->items[i].firmware)) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return json_line(JSON_MEMBERS({"firmware", array}));
}
