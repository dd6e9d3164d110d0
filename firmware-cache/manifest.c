/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/facts.h"

#define FORMAT_VERSION 1

/* Reads members; the first that is missing, of another type or out of range makes the whole text bad. */
struct reader {
	const json_t *object;
	bool bad;
};

static void free_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(free_json)))

void manifest_clear(struct manifest *manifest)
{
	firmware_clear(&manifest->firmware);
}

int manifest_copy(const struct manifest *from, struct manifest *ret)
{
	struct manifest copy = *from;
	int r = firmware_copy(&from->firmware, &copy.firmware);

	if (r == 0)
		*ret = copy;
	return r;
}

void manifest_setup(void)
{
	json_object_seed(0);
}

static json_t *facts_to_json(const struct firmware_facts *facts)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "family", facts->family, "release", facts->release, "build",
			 (json_int_t)facts->build, "base_build", (json_int_t)facts->base_build, "helper", facts->helper, "second",
			 facts->second);
}

static json_t *record_to_json(const struct bundle_record *record)
{
	return json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:s, s:i, s:s}", "magic", record->magic, "version", record->version,
			 "flags", record->flags, "offset", (json_int_t)record->offset, "data_offset", (json_int_t)record->data_offset,
			 "size", (json_int_t)record->size, "signature_type", record->signature_type, "signature_size",
			 record->signature_size, "check", bundle_check_name(record->check), "depth", (int)record->depth, "description",
			 record->description);
}

static json_t *records_to_json(const struct bundle *bundle)
{
	json_t *array = json_array();

	for (size_t i = 0; bundle && i < bundle->record_count; i++) {
		if (json_array_append_new(array, record_to_json(&bundle->records[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *digest_to_json(const struct manifest *manifest)
{
	char hex[2 * SIGNATURE_DIGEST_SIZE + 1];

	if (!manifest->has_digest)
		return json_null();
	return json_string(sodium_bin2hex(hex, sizeof(hex), manifest->digest, sizeof(manifest->digest)));
}

char *manifest_write(const struct manifest *manifest)
{
	const struct firmware *firmware = &manifest->firmware;
	_cleanup_json_ json_t *json = json_pack("{s:i, s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:o}", "manifest", FORMAT_VERSION,
						"sha256", firmware->sha256, "name", firmware->name, "size", (json_int_t)firmware->size,
						"kind", firmware_kind_name(firmware->kind), "stated", facts_to_json(&firmware->stated),
						"content", facts_to_json(&manifest->content), "blake2b", digest_to_json(manifest), "source",
						firmware->source, "imported_at", (json_int_t)firmware->imported_at, "sequence",
						(json_int_t)manifest->sequence, "records", records_to_json(firmware->bundle));

	return json ? json_dumps(json, JSON_INDENT(1)) : NULL;
}

static const json_t *member(struct reader *reader, const char *name, json_type type)
{
	const json_t *value = json_object_get(reader->object, name);

	if (!value || json_typeof(value) != type)
		reader->bad = true;
	return reader->bad ? NULL : value;
}

static uint64_t read_number(struct reader *reader, const char *name, uint64_t largest)
{
	const json_t *value = member(reader, name, JSON_INTEGER);
	json_int_t number = value ? json_integer_value(value) : 0;

	if (number < 0 || (uint64_t)number > largest) {
		reader->bad = true;
		return 0;
	}
	return (uint64_t)number;
}

static void read_text(struct reader *reader, const char *name, char *ret, size_t size)
{
	const json_t *value = member(reader, name, JSON_STRING);

	ret[0] = '\0';
	if (!value)
		return;
	if (json_string_length(value) >= size || strlen(json_string_value(value)) != json_string_length(value))
		reader->bad = true;
	else
		memcpy(ret, json_string_value(value), json_string_length(value) + 1);
}

static void read_facts(struct reader *reader, const char *name, struct firmware_facts *ret)
{
	struct reader facts = {.object = member(reader, name, JSON_OBJECT), .bad = reader->bad};
	struct cache_error error;

	read_text(&facts, "family", ret->family, sizeof(ret->family));
	read_text(&facts, "release", ret->release, sizeof(ret->release));
	ret->build = (uint32_t)read_number(&facts, "build", UINT32_MAX);
	ret->base_build = (uint32_t)read_number(&facts, "base_build", UINT32_MAX);
	read_text(&facts, "helper", ret->helper, sizeof(ret->helper));
	/* Manifests from before there were pairs do not have it. */
	ret->second[0] = '\0';
	if (json_object_get(facts.object, "second"))
		read_text(&facts, "second", ret->second, sizeof(ret->second));
	reader->bad = facts.bad || facts_check(ret, &error) < 0;
}

static void read_kind(struct reader *reader, enum firmware_kind *ret)
{
	char text[16];

	read_text(reader, "kind", text, sizeof(text));
	*ret = strcmp(text, firmware_kind_name(FIRMWARE_HELPER)) == 0 ? FIRMWARE_HELPER : FIRMWARE_BUNDLE;
	if (strcmp(text, firmware_kind_name(*ret)) != 0)
		reader->bad = true;
}

static void read_check(struct reader *reader, enum bundle_check *ret)
{
	static const enum bundle_check checks[] = {BUNDLE_CHECK_GOOD, BUNDLE_CHECK_NONE, BUNDLE_CHECK_LEFT_TO_MODEM};
	char text[16];
	bool known = false;

	read_text(reader, "check", text, sizeof(text));
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strcmp(text, bundle_check_name(checks[i])) == 0) {
			*ret = checks[i];
			known = true;
		}
	}
	if (!known)
		reader->bad = true;
}

static void read_record(struct reader *reader, uint64_t file_size, struct bundle_record *ret)
{
	memset(ret, 0, sizeof(*ret));
	read_text(reader, "magic", ret->magic, sizeof(ret->magic));
	ret->version = (uint16_t)read_number(reader, "version", 3);
	ret->flags = (uint16_t)read_number(reader, "flags", UINT16_MAX);
	ret->offset = read_number(reader, "offset", file_size);
	ret->data_offset = read_number(reader, "data_offset", file_size);
	ret->size = (uint32_t)read_number(reader, "size", UINT32_MAX);
	ret->signature_type = (uint16_t)read_number(reader, "signature_type", BUNDLE_SIGNATURE_CRC32);
	ret->signature_size = (uint16_t)read_number(reader, "signature_size", UINT16_MAX);
	read_check(reader, &ret->check);
	ret->depth = (unsigned)read_number(reader, "depth", BUNDLE_DEPTH_MAX);
	read_text(reader, "description", ret->description, sizeof(ret->description));
	if (ret->size > file_size - ret->data_offset)
		reader->bad = true;
}

static int read_records(struct reader *reader, struct firmware *firmware)
{
	const json_t *array = member(reader, "records", JSON_ARRAY);
	size_t count = json_array_size(array);

	/* A bundle has records, a helper has none. */
	if (count > BUNDLE_RECORDS_MAX || (count > 0) != (firmware->kind == FIRMWARE_BUNDLE))
		reader->bad = true;
	if (reader->bad || count == 0)
		return 0;
	firmware->bundle = malloc(sizeof(*firmware->bundle));
	if (!firmware->bundle)
		return -ENOMEM;
	firmware->bundle->record_count = count;
	for (size_t i = 0; i < count; i++) {
		struct reader record = {.object = json_array_get(array, i), .bad = reader->bad};

		read_record(&record, firmware->size, &firmware->bundle->records[i]);
		reader->bad = record.bad;
	}
	return 0;
}

static void read_digest(struct reader *reader, struct manifest *ret)
{
	const json_t *value = json_object_get(reader->object, "blake2b");
	size_t length = 0;

	if (!value || json_is_null(value))
		return;
	ret->has_digest = json_is_string(value) &&
			  sodium_hex2bin(ret->digest, sizeof(ret->digest), json_string_value(value), json_string_length(value), NULL,
					 &length, NULL) == 0 &&
			  length == sizeof(ret->digest);
	if (!ret->has_digest)
		reader->bad = true;
}

static int read_manifest(struct reader *reader, struct manifest *ret)
{
	struct firmware *firmware = &ret->firmware;
	int r;

	if (read_number(reader, "manifest", FORMAT_VERSION) != FORMAT_VERSION)
		reader->bad = true;
	read_text(reader, "sha256", firmware->sha256, sizeof(firmware->sha256));
	read_text(reader, "name", firmware->name, sizeof(firmware->name));
	firmware->size = read_number(reader, "size", INT64_MAX);
	read_kind(reader, &firmware->kind);
	read_facts(reader, "stated", &firmware->stated);
	read_facts(reader, "content", &ret->content);
	read_digest(reader, ret);
	read_text(reader, "source", firmware->source, sizeof(firmware->source));
	firmware->imported_at = (int64_t)read_number(reader, "imported_at", INT64_MAX);
	ret->sequence = read_number(reader, "sequence", INT64_MAX - 1);
	r = read_records(reader, firmware);
	if (r < 0)
		return r;
	if (reader->bad || !sha256_text_valid(firmware->sha256) || !firmware_name_valid(firmware->name))
		return -EBADMSG;
	facts_resolve(firmware, &ret->content);
	return 0;
}

int manifest_read(const char *text, size_t length, struct manifest *ret)
{
	_cleanup_json_ json_t *json = NULL;
	struct reader reader = {0};
	int r;

	if (length > MANIFEST_SIZE_MAX)
		return -EBADMSG;
	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		return -EBADMSG;
	reader.object = json;
	memset(ret, 0, sizeof(*ret));
	r = read_manifest(&reader, ret);
	if (r < 0)
		manifest_clear(ret);
	return r;
}
