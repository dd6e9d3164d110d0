/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware-cache/content.h"

/* Of an archive: nobody asked for it to be taken, so these only keep a bomb from filling the disk. */
#define ENTRY_MAX (UINT64_C(1) << 28)
#define TOTAL_MAX (UINT64_C(1) << 30)

struct surveying {
	void (*found)(void *context, const struct survey *survey);
	void *context;
	struct survey *survey; /* of what is looked at now; owned */
	FILE *entry;           /* its bytes, when it is one of an archive; owned */
	size_t count;
	bool bad;
};

const char *survey_verdict_name(enum survey_verdict verdict)
{
	switch (verdict) {
	case SURVEY_GOOD:
		return "good";
	case SURVEY_UNCHECKED:
		return "none";
	case SURVEY_LEFT_TO_MODEM:
		return "left-to-modem";
	case SURVEY_DAMAGED:
		return "damaged";
	case SURVEY_UNREAD:
		return "unread";
	}
	return "unread";
}

/* The last record, and each that it lies in. */
static bool is_on_last_path(const struct bundle *bundle, size_t record)
{
	for (size_t i = record + 1; i < bundle->record_count; i++) {
		if (bundle->records[i].depth <= bundle->records[record].depth)
			return false;
	}
	return true;
}

enum survey_verdict survey_record_verdict(const struct survey *survey, size_t record)
{
	if (survey->broken_off && is_on_last_path(&survey->bundle, record))
		return SURVEY_UNREAD;
	switch (survey->bundle.records[record].check) {
	case BUNDLE_CHECK_GOOD:
		return SURVEY_GOOD;
	case BUNDLE_CHECK_NONE:
		return SURVEY_UNCHECKED;
	case BUNDLE_CHECK_LEFT_TO_MODEM:
		return SURVEY_LEFT_TO_MODEM;
	case BUNDLE_CHECK_DAMAGED:
		return SURVEY_DAMAGED;
	}
	return SURVEY_UNREAD;
}

static void note_fault(struct survey *survey, size_t record, const struct cache_error *error)
{
	if (survey->fault_count < SURVEY_FAULTS_MAX)
		survey->faults[survey->fault_count] = (struct survey_fault){.record = record, .error = *error};
	survey->fault_count++;
}

/* The bytes and their survey: what a watch needs to know. */
struct look {
	struct survey *survey;
	void *bytes;
};

static void passed(void *context, size_t end)
{
	const struct look *look = context;

	content_let_go(look->bytes, end);
}

static void damaged(void *context, size_t record, const struct cache_error *error)
{
	const struct look *look = context;

	note_fault(look->survey, record, error);
}

static void digest(void *bytes, size_t length, char ret[FIRMWARE_SHA256_SIZE])
{
	crypto_hash_sha256_state state;
	uint8_t sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&state);
	for (size_t at = 0; at < length; at += BUNDLE_PASS_SIZE) {
		size_t part = length - at < BUNDLE_PASS_SIZE ? length - at : BUNDLE_PASS_SIZE;

		crypto_hash_sha256_update(&state, (const uint8_t *)bytes + at, part);
		content_let_go(bytes, at);
	}
	crypto_hash_sha256_final(&state, sum);
	sodium_bin2hex(ret, FIRMWARE_SHA256_SIZE, sum, sizeof(sum));
}

static void survey_records(struct survey *survey, void *bytes, size_t length)
{
	struct look look = {.survey = survey, .bytes = bytes};
	const struct bundle_watch watch = {.passed = passed, .damaged = damaged, .context = &look};
	struct cache_error error;
	int r = bundle_parse_watched(bytes, length, &watch, &survey->bundle, &error);

	survey->kind = SURVEY_BUNDLE;
	if (r != -EPROTO)
		return;
	survey->broken_off = survey->bundle.record_count > 0;
	/* Its first bytes are none of a record: it is no bundle at all. */
	if (survey->broken_off && survey->bundle.records[0].magic[0] == '\0') {
		survey->kind = SURVEY_OTHER;
		survey->bundle.record_count = 0;
	}
	note_fault(survey, survey->bundle.record_count > 0 ? survey->bundle.record_count - 1 : SURVEY_NO_RECORD, &error);
}

static int survey_bytes(void *context, void *bytes, size_t length, struct cache_error *ret_error)
{
	struct survey *survey = context;
	enum helper_kind helper = helper_recognise(bytes, length, ret_error);

	survey->size = length;
	digest(bytes, length, survey->sha256);
	if (ret_error->code != CACHE_ERROR_NONE) {
		survey->kind = SURVEY_OTHER;
		note_fault(survey, SURVEY_NO_RECORD, ret_error);
	} else if (helper != HELPER_NONE) {
		survey->kind = SURVEY_HELPER;
		strcpy(survey->facts.family, content_helper_family(helper));
	} else {
		survey_records(survey, bytes, length);
	}
	return 0;
}

static int survey_open_file(struct surveying *surveying, int fd, const char *name, struct cache_error *ret_error)
{
	struct survey *survey = surveying->survey;
	const char *slash = strrchr(name, '/');
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot read %s: %s", name, strerrordesc_np(errno));
	memset(survey, 0, sizeof(*survey));
	snprintf(survey->name, sizeof(survey->name), "%s", name);
	firmware_facts_from_name(slash ? slash + 1 : name, &survey->facts);
	r = content_look(fd, (uint64_t)status.st_size, survey_bytes, survey, ret_error);
	if (r < 0)
		return r;
	surveying->count++;
	surveying->bad |= survey->fault_count > 0;
	surveying->found(surveying->context, survey);
	return 0;
}

static int begin_entry(void *context, const char *path, bool *ret_wanted, struct cache_error *ret_error)
{
	struct surveying *surveying = context;

	*ret_wanted = archive_is_firmware(path);
	if (!*ret_wanted)
		return 0;
	snprintf(surveying->survey->name, sizeof(surveying->survey->name), "%s", path);
	surveying->entry = tmpfile();
	if (!surveying->entry)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no room to unpack %s: %s", path, strerrordesc_np(errno));
	return 0;
}

static int append_entry(void *context, const void *bytes, size_t length, struct cache_error *ret_error)
{
	struct surveying *surveying = context;

	if (fwrite(bytes, 1, length, surveying->entry) == length)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_IO, "no room to unpack %s: %s", surveying->survey->name, strerrordesc_np(errno));
}

static int end_entry(void *context, struct cache_error *ret_error)
{
	struct surveying *surveying = context;
	char name[ARCHIVE_PATH_MAX];
	int r;

	memcpy(name, surveying->survey->name, sizeof(name));
	if (fflush(surveying->entry) != 0)
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no room to unpack %s: %s", name, strerrordesc_np(errno));
	else
		r = survey_open_file(surveying, fileno(surveying->entry), name, ret_error);
	fclose(surveying->entry);
	surveying->entry = NULL;
	return r;
}

static int survey_archive(struct surveying *surveying, int fd, uint64_t size, struct cache_error *ret_error)
{
	const struct archive_limits limits = {.entry_max = ENTRY_MAX, .total_max = TOTAL_MAX};
	const struct archive_sink sink = {begin_entry, append_entry, end_entry, surveying};
	int r = archive_walk(fd, size, &limits, &sink, ret_error);

	if (surveying->entry)
		fclose(surveying->entry);
	if (r == 0 && surveying->count == 0)
		r = cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the archive has no .dup and no .elf file");
	return r;
}

int survey_file(int fd, const char *name, void (*found)(void *context, const struct survey *survey), void *context,
		struct cache_error *ret_error)
{
	struct surveying surveying = {.found = found, .context = context, .survey = calloc(1, sizeof(*surveying.survey))};
	uint8_t begin[4];
	struct stat status;
	int r;

	if (sodium_init() < 0 || !surveying.survey) {
		free(surveying.survey);
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory to look at %s", name);
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "%s is no file", name);
	else if (pread(fd, begin, sizeof(begin), 0) == sizeof(begin) && archive_recognise(begin, sizeof(begin)))
		r = survey_archive(&surveying, fd, (uint64_t)status.st_size, ret_error);
	else
		r = survey_open_file(&surveying, fd, name, ret_error);
	free(surveying.survey);
	return r == 0 && surveying.bad ? -EBADMSG : r;
}
