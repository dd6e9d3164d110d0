/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/import_parts.h"
#include "firmware-cache/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSED_OVER_SIZE 300u

struct unpacking {
	struct firmware_store *store;
	const char *source;
	struct import_parts *parts;
	char passed_over[PASSED_OVER_SIZE]; /* the names of what nobody wants */
	unsigned passed_over_more;
	struct found_signature *signatures; /* in the order of the archive, owned */
	size_t signature_count;
	bool in_signature; /* the entry that comes is one */
};

/* NAME.minisig. */
struct found_signature {
	char path[ARCHIVE_PATH_MAX]; /* of what it is the signature of */
	size_t length;
	char text[SIGNATURE_TEXT_MAX + 1];
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int begin_signature(struct unpacking *unpacking, const char *path, struct cache_error *ret_error)
{
	struct found_signature *grown = reallocarray(unpacking->signatures, unpacking->signature_count + 1, sizeof(*grown));
	struct found_signature *found;

	if (!grown)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a signature");
	unpacking->signatures = grown;
	found = &grown[unpacking->signature_count++];
	*found = (struct found_signature){.length = 0};
	snprintf(found->path, sizeof(found->path), "%.*s", (int)(strlen(path) - strlen(".minisig")), path);
	return 0;
}

static int append_signature(struct unpacking *unpacking, const void *bytes, size_t length, struct cache_error *ret_error)
{
	struct found_signature *found = &unpacking->signatures[unpacking->signature_count - 1];

	if (length > SIGNATURE_TEXT_MAX - found->length)
		return cache_error_set(ret_error, CACHE_ERROR_SIGNATURE_BAD,
				       "%s.minisig in the archive is no signature of minisign: it is too long", found->path);
	memcpy(found->text + found->length, bytes, length);
	found->length += length;
	return 0;
}

static int end_signature(const struct unpacking *unpacking, struct cache_error *ret_error)
{
	const struct found_signature *found = &unpacking->signatures[unpacking->signature_count - 1];
	struct cache_error error;

	if (signature_check_form(found->text, found->length, &error) == 0)
		return 0;
	return cache_error_set(ret_error, error.code, "%s.minisig in the archive: %s", found->path, error.message);
}

static void pass_over(struct unpacking *unpacking, const char *path)
{
	char *end = strchr(unpacking->passed_over, '\0');
	size_t room = sizeof(unpacking->passed_over) - (size_t)(end - unpacking->passed_over);

	if (unpacking->passed_over_more > 0 || strlen(path) + 3 > room)
		unpacking->passed_over_more++;
	else
		stpcpy(end == unpacking->passed_over ? end : stpcpy(end, ", "), path);
}

static int begin_entry(void *context, const char *path, bool *ret_wanted, struct cache_error *ret_error)
{
	struct unpacking *unpacking = context;
	const char *name = base_name(path);
	struct import_part *part;

	unpacking->in_signature = archive_is_signature(path);
	*ret_wanted = unpacking->in_signature || archive_is_firmware(path);
	if (unpacking->in_signature)
		return begin_signature(unpacking, path, ret_error);
	if (!*ret_wanted) {
		pass_over(unpacking, path);
		return 0;
	}
	if (!firmware_name_valid(name))
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED,
				       "the archive is refused: %s cannot be the name of a firmware (1 to 127 bytes)", path);
	part = import_parts_add(unpacking->parts);
	if (!part)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	snprintf(part->path, sizeof(part->path), "%s", path);
	snprintf(part->name, sizeof(part->name), "%s", name);
	snprintf(part->source, sizeof(part->source), "%s: %s", unpacking->source, path);
	return firmware_import_begin(unpacking->store, ret_error, &part->import);
}

static struct import_part *last_part(struct unpacking *unpacking)
{
	return &unpacking->parts->parts[unpacking->parts->count - 1];
}

static int append_entry(void *context, const void *bytes, size_t length, struct cache_error *ret_error)
{
	struct unpacking *unpacking = context;

	if (unpacking->in_signature)
		return append_signature(unpacking, bytes, length, ret_error);
	return firmware_import_append(last_part(unpacking)->import, bytes, length, ret_error);
}

static bool is_there(const struct import_parts *parts, const char *sha256)
{
	for (size_t i = 0; i + 1 < parts->count; i++) {
		if (strcmp(parts->parts[i].manifest.firmware.sha256, sha256) == 0)
			return true;
	}
	return false;
}

static int end_entry(void *context, struct cache_error *ret_error)
{
	struct unpacking *unpacking = context;
	struct import_part *part;
	struct cache_error error;
	int r;

	if (unpacking->in_signature)
		return end_signature(unpacking, ret_error);
	part = last_part(unpacking);
	r = import_finish(part->import, part->manifest.firmware.sha256, &error);
	if (r == 0 && is_there(unpacking->parts, part->manifest.firmware.sha256)) {
		firmware_import_abort(part->import);
		unpacking->parts->count--;
		return 0;
	}
	if (r == 0)
		r = import_seal(part->import, &part->manifest, &error);
	if (r < 0) {
		cache_error_set(ret_error, error.code, "%s in the archive: %s", part->path, error.message);
		memcpy(ret_error->evidence, error.evidence, sizeof(error.evidence));
	}
	return r;
}

static bool same_folder(const struct import_part *one, const struct import_part *other)
{
	size_t length = (size_t)(base_name(one->path) - one->path);

	return length == (size_t)(base_name(other->path) - other->path) && strncmp(one->path, other->path, length) == 0;
}

/* The one helper beside a bundle; of several, the one for the family that the bundle's name tells. NULL: none, or nobody knows which. */
static const struct import_part *helper_of(const struct import_parts *parts, const struct import_part *bundle)
{
	const struct import_part *only = NULL, *fitting = NULL;
	struct firmware_facts named;
	size_t count = 0, fitting_count = 0;

	firmware_facts_from_name(bundle->name, &named);
	for (size_t i = 0; i < parts->count; i++) {
		const struct import_part *part = &parts->parts[i];

		if (part->manifest.firmware.kind != FIRMWARE_HELPER || !same_folder(part, bundle))
			continue;
		only = part;
		count++;
		if (strcmp(part->manifest.content.family, named.family) == 0) {
			fitting = part;
			fitting_count++;
		}
	}
	if (count == 1)
		return only;
	return fitting_count == 1 ? fitting : NULL;
}

static void link_helpers(struct import_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		struct import_part *part = &parts->parts[i];
		const struct import_part *helper = part->manifest.firmware.kind == FIRMWARE_BUNDLE ? helper_of(parts, part) : NULL;

		if (!helper)
			continue;
		memcpy(part->helper, helper->manifest.firmware.sha256, sizeof(part->helper));
		memcpy(part->helper_family, helper->manifest.content.family, sizeof(part->helper_family));
	}
}

static int link_signatures(const struct unpacking *unpacking, struct cache_error *ret_error)
{
	for (size_t i = 0; i < unpacking->signature_count * unpacking->parts->count; i++) {
		const struct found_signature *found = &unpacking->signatures[i / unpacking->parts->count];
		struct import_part *part = &unpacking->parts->parts[i % unpacking->parts->count];

		if (part->signature || strcmp(part->path, found->path) != 0)
			continue;
		part->signature = text_of_bytes(found->text, found->length);
		if (!part->signature)
			return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a signature");
	}
	return 0;
}

static int report_nothing(const struct unpacking *unpacking, struct cache_error *ret_error)
{
	char more[32] = "";

	if (unpacking->passed_over_more > 0)
		snprintf(more, sizeof(more), " and %u more", unpacking->passed_over_more);
	if (unpacking->passed_over[0] == '\0' && unpacking->passed_over_more == 0)
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the archive has no .dup and no .elf file, only folders");
	return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the archive has no .dup and no .elf file, only %s%s",
			       unpacking->passed_over, more);
}

int import_unpack(struct firmware_import *archive, const char *source, struct import_parts *ret, struct cache_error *ret_error)
{
	struct firmware_store *store = archive->store;
	struct unpacking unpacking = {.store = store, .source = source, .parts = ret};
	const struct archive_limits limits = {.entry_max = store->max_size, .total_max = store->max_size};
	const struct archive_sink sink = {begin_entry, append_entry, end_entry, &unpacking};
	uint64_t size = archive->size;
	int r;

	/* The archive itself is not kept: what comes out is what the quota is for. */
	import_release(archive);
	r = archive_walk(archive->fd, size, &limits, &sink, ret_error);
	if (r == 0 && ret->count == 0)
		r = report_nothing(&unpacking, ret_error);
	if (r == 0) {
		link_helpers(ret);
		r = link_signatures(&unpacking, ret_error);
	}
	free(unpacking.signatures);
	return r;
}
