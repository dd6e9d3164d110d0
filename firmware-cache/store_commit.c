/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/import_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firmware-cache/facts.h"
#include "firmware-cache/utf8.h"

#define AUTOMATIC_NAME_DIGITS 12

struct import_part *import_parts_add(struct import_parts *parts)
{
	if (parts->count == parts->capacity) {
		size_t capacity = parts->capacity ? 2 * parts->capacity : 1;
		struct import_part *grown = reallocarray(parts->parts, capacity, sizeof(*grown));

		if (!grown)
			return NULL;
		parts->parts = grown;
		parts->capacity = capacity;
	}
	parts->parts[parts->count] = (struct import_part){0};
	return &parts->parts[parts->count++];
}

void import_parts_clear(struct import_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		firmware_import_abort(parts->parts[i].import);
		free(parts->parts[i].signature);
		manifest_clear(&parts->parts[i].manifest);
		firmware_clear(&parts->parts[i].result);
	}
	free(parts->parts);
	*parts = (struct import_parts){0};
}

static int check_statement(const struct firmware_statement *statement, struct cache_error *ret_error)
{
	const char *source = statement->source ? statement->source : "";
	size_t used = 0;

	if (statement->name && !firmware_name_valid(statement->name))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "name should be 1 to 127 printable characters without a slash, found \"%s\"", statement->name);
	while (utf8_printable(source + used))
		used += utf8_printable(source + used);
	if (source[used] || used > FIRMWARE_SOURCE_STATED_MAX)
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "source should be at most %u printable characters",
				       FIRMWARE_SOURCE_STATED_MAX);
	if (statement->signature && !statement->signature_guessed &&
	    signature_check_form(statement->signature, strlen(statement->signature), ret_error) < 0)
		return -EPROTO;
	if (!statement->facts)
		return 0;
	if (facts_check(statement->facts, ret_error) < 0)
		return -EPROTO;
	return facts_check_release(statement->facts, ret_error);
}

/* What came with a bundle belongs to it, unless another helper is known already. */
static void take_helper(struct manifest *manifest, const struct import_part *part)
{
	if (!part->helper[0] || manifest->firmware.facts.helper[0])
		return;
	memcpy(manifest->content.helper, part->helper, sizeof(part->helper));
	if (!manifest->firmware.facts.family[0])
		memcpy(manifest->content.family, part->helper_family, sizeof(part->helper_family));
	facts_resolve(&manifest->firmware, &manifest->content);
}

static void state(struct import_part *part)
{
	struct firmware *firmware = &part->manifest.firmware;

	if (part->name[0])
		memcpy(firmware->name, part->name, sizeof(firmware->name));
	memcpy(firmware->source, part->source, sizeof(firmware->source));
	facts_take(&firmware->stated, &part->stated, facts_known(&part->stated));
	facts_resolve(firmware, &part->manifest.content);
}

static int check_helper(const struct import_part *part, struct cache_error *ret_error)
{
	const struct firmware *firmware = &part->manifest.firmware;

	if (!part->helper[0] || strcmp(firmware->facts.helper, part->helper) != 0 ||
	    strcmp(firmware->facts.family, part->helper_family) == 0)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_HELPER_MISMATCH,
			       "the helper beside %s in the archive is for %s by its byte order and the bundle is for %s", part->path,
			       part->helper_family, firmware->facts.family);
}

/* What is there already stays as it is: people and jobs rely on its name and values. But an object that was found without a manifest has lost
 * them, and this import brings them back. */
static int compose_again(struct firmware_store *store, const struct store_entry *entry, struct import_part *part,
			 struct cache_error *ret_error)
{
	manifest_clear(&part->manifest);
	if (manifest_copy(&entry->manifest, &part->manifest) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	store_mark_use(store, &part->manifest.firmware);
	if (strcmp(part->manifest.firmware.source, STORE_SOURCE_FOUND) == 0)
		state(part);
	else
		part->stated = (struct firmware_facts){0};
	return 0;
}

static void compose_new(struct firmware_store *store, struct import_part *part, size_t index)
{
	struct firmware *firmware = &part->manifest.firmware;

	snprintf(firmware->name, sizeof(firmware->name), "%.*s", AUTOMATIC_NAME_DIGITS, firmware->sha256);
	firmware->imported_at = (int64_t)time(NULL);
	store_mark_use(store, firmware);
	part->manifest.sequence = store->next_sequence + index;
	state(part);
}

/* The manifest becomes what the index will hold. The caller holds the lock. */
static int compose(struct firmware_store *store, struct import_part *part, size_t index, struct cache_error *ret_error)
{
	const struct store_entry *entry = store_index_find(store, part->manifest.firmware.sha256);
	int r = 0;

	part->again = entry != NULL;
	if (entry)
		r = compose_again(store, entry, part, ret_error);
	else
		compose_new(store, part, index);
	if (r < 0)
		return r;
	take_helper(&part->manifest, part);
	r = check_helper(part, ret_error);
	if (r == 0 && part->stated.base_build)
		r = facts_check_base(&part->manifest.firmware, ret_error);
	return r == 0 ? store_links_check(store, &part->manifest.firmware, facts_known(&part->stated), ret_error) : r;
}

static int compose_all(struct firmware_store *store, struct import_parts *parts, struct cache_error *ret_error)
{
	if (store_index_reserve(store, parts->count) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	for (size_t i = 0; i < parts->count; i++) {
		struct import_part *part = &parts->parts[i];
		int r = compose(store, part, i, ret_error);

		if (r < 0)
			return r;
		if (firmware_copy(&part->manifest.firmware, &part->result) < 0)
			return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	}
	return 0;
}

static int move_object(struct firmware_import *import, const char *sha256, struct cache_error *ret_error)
{
	int r = disk_publish(import->store, import->temp, FOLDER_OBJECTS, sha256, ret_error);

	if (r == 0)
		import->temp[0] = '\0';
	return r;
}

static void take_back(struct firmware_store *store, const struct import_part *part)
{
	char name[STORE_FILE_NAME_SIZE];

	unlinkat(store->folders[FOLDER_OBJECTS], part->manifest.firmware.sha256, 0);
	disk_manifest_name(part->manifest.firmware.sha256, name);
	unlinkat(store->folders[FOLDER_MANIFESTS], name, 0);
	disk_signature_name(part->manifest.firmware.sha256, name);
	unlinkat(store->folders[FOLDER_MANIFESTS], name, 0);
}

static int write_signature(struct firmware_store *store, const struct import_part *part, struct cache_error *ret_error)
{
	char name[STORE_FILE_NAME_SIZE];

	disk_signature_name(part->manifest.firmware.sha256, name);
	return part->signature ? disk_write_text(store, FOLDER_MANIFESTS, name, part->signature, ret_error) : 0;
}

/* The manifest goes first: a crash before the object follows leaves a manifest of nothing, which the next open removes. */
static int write_new(struct firmware_store *store, struct import_part *part, struct cache_error *ret_error)
{
	int r = disk_write_manifest(store, &part->manifest, ret_error);

	if (r == 0)
		r = write_signature(store, part, ret_error);
	return r == 0 ? move_object(part->import, part->manifest.firmware.sha256, ret_error) : r;
}

/* The fresh bytes take the place of the old ones, so that importing again also cures an object that has rotted on disk. */
static int write_again(struct firmware_store *store, struct import_part *part, struct cache_error *ret_error)
{
	int r = move_object(part->import, part->manifest.firmware.sha256, ret_error);

	if (r == 0)
		r = disk_write_manifest(store, &part->manifest, ret_error);
	return r == 0 ? write_signature(store, part, ret_error) : r;
}

/* What is new first: it can be taken back. */
static int write_all(struct firmware_store *store, const struct import_parts *parts, struct cache_error *ret_error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < parts->count; i++) {
		if (!parts->parts[i].again)
			r = write_new(store, &parts->parts[i], ret_error);
	}
	for (size_t i = 0; r == 0 && i < parts->count; i++) {
		if (parts->parts[i].again)
			r = write_again(store, &parts->parts[i], ret_error);
	}
	for (size_t i = 0; r < 0 && i < parts->count; i++) {
		if (!parts->parts[i].again)
			take_back(store, &parts->parts[i]);
	}
	return r;
}

/* The caller holds the lock. */
static void index_part(struct firmware_store *store, struct import_part *part)
{
	if (part->again) {
		struct store_entry *entry = store_index_find(store, part->manifest.firmware.sha256);
		struct manifest old = entry->manifest;

		if (old.firmware.used_at_ns > part->manifest.firmware.used_at_ns)
			part->manifest.firmware.used_at_ns = old.firmware.used_at_ns;
		entry->manifest = part->manifest;
		entry->rotten = false;
		part->manifest = old;
		return;
	}
	store_index_append(store, &part->manifest);
	store->reserved -= part->import->size;
	part->import->size = 0;
}

static int make_room(struct firmware_store *store, const struct import_parts *parts, struct cache_error *ret_error)
{
	const struct firmware **fresh = calloc(parts->count, sizeof(const struct firmware *));
	int r;

	if (!fresh)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	for (size_t i = 0; i < parts->count; i++)
		fresh[i] = &parts->parts[i].manifest.firmware;
	r = store_make_room(store, fresh, parts->count, ret_error);
	free(fresh);
	return r;
}

int import_publish(struct firmware_store *store, struct import_parts *parts, struct cache_error *ret_error)
{
	int r;

	pthread_mutex_lock(&store->lock);
	r = compose_all(store, parts, ret_error);
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = make_room(store, parts, ret_error);
	if (r == 0)
		r = write_all(store, parts, ret_error);
	if (r < 0)
		return r;
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < parts->count; i++)
		index_part(store, &parts->parts[i]);
	for (size_t i = 0; i < parts->count; i++)
		store_links_tell(store, &parts->parts[i].result);
	pthread_mutex_unlock(&store->lock);
	return 0;
}

static int take_signature(const struct firmware_statement *statement, struct import_part *part, struct cache_error *ret_error)
{
	struct cache_error unused;

	/* One that was not guessed has its form. */
	if (!statement->signature || signature_check_form(statement->signature, strlen(statement->signature), &unused) < 0)
		return 0;
	part->signature = strdup(statement->signature);
	return part->signature ? 0 : cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a signature");
}

static int seal_alone(struct firmware_import *import, const struct firmware_statement *statement, const char *sha256,
		      struct import_parts *parts, struct cache_error *ret_error)
{
	struct import_part *part = import_parts_add(parts);

	if (!part) {
		firmware_import_abort(import);
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	}
	part->import = import;
	if (statement->name)
		snprintf(part->name, sizeof(part->name), "%s", statement->name);
	snprintf(part->source, sizeof(part->source), "%s", statement->source ? statement->source : "");
	if (statement->facts)
		part->stated = *statement->facts;
	memcpy(part->manifest.firmware.sha256, sha256, FIRMWARE_SHA256_SIZE);
	if (take_signature(statement, part, ret_error) < 0)
		return -EPROTO;
	return import_seal(import, &part->manifest, ret_error);
}

static int refuse_signature(struct cache_error *ret_error)
{
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
			       "an archive is not kept, and so its signature cannot be checked again: sign the files in it, and put each "
			       "signature beside its file in the archive as NAME.minisig");
}

/* Of an archive: its own name is part of the source of each, and what is stated can mean but one bundle. */
static int take_apart(struct firmware_import *import, const struct firmware_statement *statement, const char *sha256,
		      struct import_parts *parts, struct cache_error *ret_error)
{
	char source[FIRMWARE_SOURCE_SIZE];
	struct import_part *bundle = NULL;
	size_t bundles = 0;

	if (statement->name)
		snprintf(source, sizeof(source), "%s: %s", statement->source ? statement->source : "", statement->name);
	else
		snprintf(source, sizeof(source), "%s: archive %.*s", statement->source ? statement->source : "", AUTOMATIC_NAME_DIGITS,
			 sha256);
	int r = statement->signature && !statement->signature_guessed ? refuse_signature(ret_error)
								      : import_unpack(import, source, parts, ret_error);
	firmware_import_abort(import);
	if (r < 0 || !statement->facts || !facts_known(statement->facts))
		return r;
	for (size_t i = 0; i < parts->count; i++) {
		if (parts->parts[i].manifest.firmware.kind != FIRMWARE_BUNDLE)
			continue;
		bundle = &parts->parts[i];
		bundles++;
	}
	if (bundles != 1)
		return cache_error_set(
		    ret_error, CACHE_ERROR_INVALID_REQUEST,
		    "the archive has %zu bundles, and values can be stated of exactly one: add it without, and state them then", bundles);
	bundle->stated = *statement->facts;
	return 0;
}

static bool is_archive(const struct firmware_import *import)
{
	uint8_t begin[4];

	return pread(import->fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) && archive_recognise(begin, sizeof(begin));
}

static int give(struct import_parts *parts, struct firmware_batch *ret, struct cache_error *ret_error)
{
	ret->items = calloc(parts->count, sizeof(*ret->items));
	if (!ret->items)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	ret->count = parts->count;
	return 0;
}

static void fill(struct import_parts *parts, struct firmware_batch *ret)
{
	for (size_t i = 0; i < parts->count; i++) {
		struct import_part *part = &parts->parts[i];

		ret->items[i] = (struct firmware_batch_item){.firmware = part->result, .is_new = !part->again};
		part->result = (struct firmware){0};
	}
}

int firmware_import_commit_all(struct firmware_import *import, const struct firmware_statement *statement, struct firmware_batch *ret,
			       struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	struct import_parts parts = {0};
	struct firmware_batch batch = {0};
	char sha256[FIRMWARE_SHA256_SIZE];
	int r = check_statement(statement, ret_error);

	if (r == 0)
		r = import_finish(import, sha256, ret_error);
	if (r < 0)
		firmware_import_abort(import);
	else
		r = is_archive(import) ? take_apart(import, statement, sha256, &parts, ret_error)
				       : seal_alone(import, statement, sha256, &parts, ret_error);
	if (r == 0)
		r = give(&parts, &batch, ret_error);
	if (r == 0) {
		store_begin_change(store);
		r = import_publish(store, &parts, ret_error);
		store_end_change(store);
	}
	if (r == 0)
		fill(&parts, &batch);
	else
		firmware_batch_clear(&batch);
	import_parts_clear(&parts);
	*ret = batch;
	return r;
}

void firmware_batch_clear(struct firmware_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		firmware_clear(&batch->items[i].firmware);
	free(batch->items);
	*batch = (struct firmware_batch){0};
}

const struct firmware_batch_item *firmware_batch_main(const struct firmware_batch *batch)
{
	const struct firmware_batch_item *first = NULL;

	for (size_t i = 0; i < batch->count; i++) {
		const struct firmware *firmware = &batch->items[i].firmware;

		if (firmware->kind != FIRMWARE_BUNDLE || firmware->pair_part == 2)
			continue;
		if (first)
			return NULL;
		first = &batch->items[i];
	}
	return first || batch->count != 1 ? first : &batch->items[0];
}

int firmware_import_commit(struct firmware_import *import, const char *name, const struct firmware_facts *stated, const char *source,
			   struct firmware *ret, struct cache_error *ret_error)
{
	const struct firmware_statement statement = {.name = name, .facts = stated, .source = source};
	struct firmware_batch batch;
	int r = firmware_import_commit_all(import, &statement, &batch, ret_error);

	if (r < 0)
		return r;
	struct firmware_batch_item *item = &batch.items[0];
	r = item->is_new ? 0 : 1;
	*ret = item->firmware;
	item->firmware = (struct firmware){0};
	firmware_batch_clear(&batch);
	return r;
}
