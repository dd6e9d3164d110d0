/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/catalogue.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "firmware-cache/download.h"
#include "firmware-cache/facts.h"

#define PREFIX_DIGITS_MIN 6u

static void free_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(free_json)))

struct member {
	const char *name;
	bool required;
	bool is_number;
	size_t offset, size; /* of a text in the entry; the URL has a size of 0 */
	uint64_t most;       /* of a number: stored in 64 bits, or in 32 when it fits */
};

#define TEXT_OF(name, required, place)                                                                                                     \
	{                                                                                                                                  \
		name, required, false, offsetof(struct catalogue_entry, place), sizeof(((struct catalogue_entry *)NULL)->place), 0         \
	}
#define NUMBER_OF(name, place, most)                                                                                                       \
	{                                                                                                                                  \
		name, false, true, offsetof(struct catalogue_entry, place), 0, most                                                        \
	}

static const struct member members[] = {
    TEXT_OF("name", true, name),
    {"url", true, false, offsetof(struct catalogue_entry, url), 0, 0},
    TEXT_OF("sha256", true, sha256),
    NUMBER_OF("size", size, INT64_MAX),
    TEXT_OF("family", false, facts.family),
    TEXT_OF("release", false, facts.release),
    NUMBER_OF("build", facts.build, UINT32_MAX),
    NUMBER_OF("base_build", facts.base_build, UINT32_MAX),
    TEXT_OF("helper", false, facts.helper),
    TEXT_OF("second", false, facts.second),
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

void catalogue_clear(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->count; i++)
		free(catalogue->entries[i].url);
	free(catalogue->entries);
	*catalogue = (struct catalogue){0};
}

int catalogue_copy(const struct catalogue *from, struct catalogue *ret)
{
	struct catalogue copy = *from;

	copy.count = 0;
	copy.entries = calloc(from->count + 1, sizeof(*copy.entries));
	if (!copy.entries)
		return -ENOMEM;
	for (size_t i = 0; i < from->count; i++) {
		copy.entries[i] = from->entries[i];
		copy.entries[i].url = strdup(from->entries[i].url);
		if (!copy.entries[i].url) {
			catalogue_clear(&copy);
			return -ENOMEM;
		}
		copy.count++;
	}
	*ret = copy;
	return 0;
}

static int refuse(struct cache_error *ret_error, size_t index, const char *what)
{
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "entry %zu of the catalogue: %s", index + 1, what);
}

static int refuse_member(struct cache_error *ret_error, size_t index, const char *member, const char *what)
{
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "entry %zu of the catalogue: %.60s %s", index + 1, member, what);
}

static int take_text(const struct member *member, const json_t *value, size_t index, struct catalogue_entry *ret,
		     struct cache_error *ret_error)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	bool is_url = member->size == 0;

	if (!text)
		return refuse_member(ret_error, index, member->name, "should be a text");
	if (length == 0 || strlen(text) != length || length > (is_url ? CATALOGUE_URL_MAX : member->size - 1))
		return refuse_member(ret_error, index, member->name, "is empty or too long");
	if (!is_url) {
		memcpy((char *)ret + member->offset, text, length + 1);
		return 0;
	}
	ret->url = strdup(text);
	return ret->url ? 0 : cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
}

static int take_number(const struct member *member, const json_t *value, size_t index, struct catalogue_entry *ret,
		       struct cache_error *ret_error)
{
	json_int_t number = json_integer_value(value);
	uint32_t narrow = (uint32_t)number;
	uint64_t wide = (uint64_t)number;

	if (!json_is_integer(value) || number < 1 || wide > member->most)
		return refuse_member(ret_error, index, member->name, "should be a positive number");
	if (member->most > UINT32_MAX)
		memcpy((char *)ret + member->offset, &wide, sizeof(wide));
	else
		memcpy((char *)ret + member->offset, &narrow, sizeof(narrow));
	return 0;
}

static const struct member *find_member(const char *name)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	}
	return NULL;
}

static int check_entry(const struct catalogue_entry *entry, size_t index, struct cache_error *ret_error)
{
	char shown[DOWNLOAD_URL_SIZE];
	struct cache_error error;

	if (!sha256_text_valid(entry->sha256))
		return refuse_member(ret_error, index, "sha256", "should be 64 lower-case hex digits");
	if (!firmware_name_valid(entry->name))
		return refuse_member(ret_error, index, "name", "should be 1 to 127 printable characters without a slash");
	if (facts_check(&entry->facts, &error) < 0 || facts_check_release(&entry->facts, &error) < 0 ||
	    download_url_shown(entry->url, shown, &error) < 0)
		return refuse(ret_error, index, error.message);
	return 0;
}

static int read_entry(json_t *object, size_t index, struct catalogue_entry *ret, struct cache_error *ret_error)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return refuse(ret_error, index, "it is no object");
	json_object_foreach(object, name, value)
	{
		const struct member *member = find_member(name);
		int r;

		if (!member)
			return refuse_member(ret_error, index, name, "is an unknown member");
		r = member->is_number ? take_number(member, value, index, ret, ret_error) : take_text(member, value, index, ret, ret_error);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (members[i].required && !json_object_get(object, members[i].name))
			return refuse_member(ret_error, index, members[i].name, "is missing");
	}
	return check_entry(ret, index, ret_error);
}

static int compare_digests(const void *left, const void *right)
{
	const struct catalogue_entry *const *a = left;
	const struct catalogue_entry *const *b = right;

	return strcmp((*a)->sha256, (*b)->sha256);
}

static const struct catalogue_entry *find_sorted(const struct catalogue_entry *const *sorted, size_t count, const char *sha256)
{
	struct catalogue_entry key;
	const struct catalogue_entry *wanted = &key;

	snprintf(key.sha256, sizeof(key.sha256), "%s", sha256);
	const struct catalogue_entry *const *found =
	    bsearch(&wanted, sorted, count, sizeof(const struct catalogue_entry *), compare_digests);
	return found ? *found : NULL;
}

static int check_links(const struct catalogue *catalogue, const struct catalogue_entry *const *sorted, struct cache_error *ret_error)
{
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct catalogue_entry *entry = &catalogue->entries[i];

		if (i + 1 < catalogue->count && strcmp(sorted[i]->sha256, sorted[i + 1]->sha256) == 0)
			return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue has %.12s… twice", sorted[i]->sha256);
		if (strcmp(entry->facts.helper, entry->sha256) == 0 || strcmp(entry->facts.second, entry->sha256) == 0)
			return refuse(ret_error, i, "it names itself");
		if (entry->facts.helper[0] && !find_sorted(sorted, catalogue->count, entry->facts.helper))
			return refuse_member(ret_error, i, "helper", "is the digest of no entry");
		if (entry->facts.second[0] && !find_sorted(sorted, catalogue->count, entry->facts.second))
			return refuse_member(ret_error, i, "second", "is the digest of no entry");
	}
	return 0;
}

static int check_whole(const struct catalogue *catalogue, struct cache_error *ret_error)
{
	const struct catalogue_entry **sorted = calloc(catalogue->count + 1, sizeof(const struct catalogue_entry *));
	int r;

	if (!sorted)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
	for (size_t i = 0; i < catalogue->count; i++)
		sorted[i] = &catalogue->entries[i];
	qsort(sorted, catalogue->count, sizeof(const struct catalogue_entry *), compare_digests);
	r = check_links(catalogue, sorted, ret_error);
	free(sorted);
	return r;
}

/* An array of objects needs no more; jansson would recurse through 2048 levels. */
static bool too_deep(const char *text, size_t length)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < length; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '[' || text[i] == '{') && ++depth > 2)
			return true;
		else if (!in_string && (text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
	}
	return false;
}

static int parse(const char *text, size_t length, json_t **ret, struct cache_error *ret_error)
{
	json_error_t error;

	if (length > CATALOGUE_SIZE_MAX)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue is over %u bytes", CATALOGUE_SIZE_MAX);
	if (too_deep(text, length))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue nests more than 2 deep");
	*ret = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue is no JSON: line %d, column %d: %s",
				       error.line, error.column, error.text);
	if (!json_is_array(*ret))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue should be an array of objects");
	if (json_array_size(*ret) > CATALOGUE_ENTRIES_MAX)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the catalogue has %zu entries, at most %u are taken",
				       json_array_size(*ret), CATALOGUE_ENTRIES_MAX);
	return 0;
}

int catalogue_read(const char *text, size_t length, struct catalogue *ret, struct cache_error *ret_error)
{
	_cleanup_json_ json_t *json = NULL;
	struct catalogue catalogue = {0};
	int r = parse(text, length, &json, ret_error);

	if (r < 0)
		return r;
	catalogue.entries = calloc(json_array_size(json) + 1, sizeof(*catalogue.entries));
	if (!catalogue.entries)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
	for (size_t i = 0; i < json_array_size(json) && r == 0; i++) {
		catalogue.count++;
		r = read_entry(json_array_get(json, i), i, &catalogue.entries[i], ret_error);
	}
	if (r == 0)
		r = check_whole(&catalogue, ret_error);
	if (r < 0)
		catalogue_clear(&catalogue);
	else
		*ret = catalogue;
	return r;
}

static bool is_meant(const struct catalogue_entry *entry, const char *reference)
{
	size_t length = strlen(reference);

	if (sha256_text_valid(reference))
		return strcmp(entry->sha256, reference) == 0;
	return strcmp(entry->name, reference) == 0 ||
	       (length >= PREFIX_DIGITS_MIN && length < FIRMWARE_SHA256_SIZE && strncasecmp(entry->sha256, reference, length) == 0);
}

const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *reference, struct cache_error *ret_error)
{
	const struct catalogue_entry *found = NULL;

	for (size_t i = 0; i < catalogue->count; i++) {
		if (!is_meant(&catalogue->entries[i], reference))
			continue;
		if (found) {
			cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "\"%s\" is ambiguous in the catalogue: %.12s, %.12s",
					reference, found->sha256, catalogue->entries[i].sha256);
			return NULL;
		}
		found = &catalogue->entries[i];
	}
	if (!found)
		cache_error_set(ret_error, CACHE_ERROR_NOT_FOUND, "no firmware \"%s\" in the catalogue", reference);
	return found;
}
