/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_import.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firmware-cache/facts.h"
#include "firmware-cache/utf8.h"

#define AUTOMATIC_NAME_DIGITS 12

/* What the caller says of the bytes. */
struct statement {
	const char *name; /* NULL: none */
	struct firmware_facts facts;
	const char *source;
};

int firmware_import_begin(struct firmware_store *store, struct cache_error *ret_error, struct firmware_import **ret)
{
	struct firmware_import *import = calloc(1, sizeof(*import));
	int r;

	if (!import)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for an import");
	import->store = store;
	import->folder = FOLDER_INCOMING;
	crypto_hash_sha256_init(&import->digest);
	r = disk_create_temp(store, import->temp, &import->fd, ret_error);
	if (r < 0) {
		free(import);
		return r;
	}
	*ret = import;
	return 0;
}

static int report_full(const struct firmware_store *store, size_t length, uint64_t pinned, uint64_t reserved, struct cache_error *ret_error)
{
	return cache_error_set(ret_error, CACHE_ERROR_CACHE_FULL,
			       "no room for %zu more bytes in the quota of %" PRIu64 ": jobs need %" PRIu64
			       " bytes of firmware, and files that are coming in have %" PRIu64,
			       length, store->quota, pinned, reserved);
}

int import_reserve(struct firmware_import *import, size_t length, struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	uint64_t pinned, reserved;
	bool fits;

	if (import->size > store->max_size || length > store->max_size - import->size)
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_TOO_BIG,
				       "the file is over the limit of %" PRIu64 " bytes (max_size): at least %" PRIu64 " bytes",
				       store->max_size, import->size + length);
	pthread_mutex_lock(&store->lock);
	pinned = store_pinned_bytes(store);
	reserved = store->reserved;
	fits = pinned + reserved <= store->quota && length <= store->quota - pinned - reserved;
	if (fits)
		store->reserved += length;
	pthread_mutex_unlock(&store->lock);
	if (!fits)
		return report_full(store, length, pinned, reserved, ret_error);
	import->size += length;
	return 0;
}

int firmware_import_append(struct firmware_import *import, const void *bytes, size_t length, struct cache_error *ret_error)
{
	int r;

	if (import->failure.code == CACHE_ERROR_NONE && import_reserve(import, length, &import->failure) == 0) {
		r = disk_write_all(import->fd, bytes, length);
		if (r < 0)
			disk_report(import->store, import->folder, import->temp, -r, "write", &import->failure);
	}
	if (import->failure.code != CACHE_ERROR_NONE) {
		*ret_error = import->failure;
		return -EPROTO;
	}
	crypto_hash_sha256_update(&import->digest, bytes, length);
	return 0;
}

void import_release(struct firmware_import *import)
{
	pthread_mutex_lock(&import->store->lock);
	import->store->reserved -= import->size;
	pthread_mutex_unlock(&import->store->lock);
	import->size = 0;
}

void firmware_import_abort(struct firmware_import *import)
{
	if (!import)
		return;
	import_release(import);
	close(import->fd);
	if (import->temp[0])
		unlinkat(import->store->folders[import->folder], import->temp, 0);
	free(import);
}

static int check_statement(const struct statement *statement, struct cache_error *ret_error)
{
	size_t used = 0;

	if (statement->name && !firmware_name_valid(statement->name))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "name should be 1 to 127 printable characters without a slash, found \"%s\"", statement->name);
	while (utf8_printable(statement->source + used))
		used += utf8_printable(statement->source + used);
	if (statement->source[used] || used >= sizeof(((struct firmware *)NULL)->source))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "source should be at most 255 printable characters");
	if (facts_check(&statement->facts, ret_error) < 0)
		return -EPROTO;
	return facts_check_release(&statement->facts, ret_error);
}

/* The bytes are complete: what they are, and safe on disk. */
static int seal(struct firmware_import *import, struct manifest *ret, struct cache_error *ret_error)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	int r;

	if (import->failure.code != CACHE_ERROR_NONE) {
		*ret_error = import->failure;
		return -EPROTO;
	}
	crypto_hash_sha256_final(&import->digest, digest);
	sodium_bin2hex(ret->firmware.sha256, sizeof(ret->firmware.sha256), digest, sizeof(digest));
	ret->firmware.size = import->size;
	r = import_check_digest(import, ret->firmware.sha256, ret_error);
	if (r == 0)
		r = content_inspect(import->fd, import->size, ret, ret_error);
	if (r == 0)
		r = import_check_end(import, &ret->firmware, ret_error);
	if (r == 0)
		r = disk_sync_temp(import->store, import->temp, import->fd, ret_error);
	return r == 0 ? import_enter(import, ret_error) : r;
}

static void state(struct manifest *manifest, const struct statement *statement)
{
	struct firmware *firmware = &manifest->firmware;

	if (statement->name)
		snprintf(firmware->name, sizeof(firmware->name), "%s", statement->name);
	facts_take(&firmware->stated, &statement->facts, facts_known(&statement->facts));
	facts_resolve(firmware, &manifest->content);
}

static int move_object(struct firmware_import *import, const char *sha256, struct cache_error *ret_error)
{
	int r = disk_publish(import->store, import->temp, FOLDER_OBJECTS, sha256, ret_error);

	if (r == 0)
		import->temp[0] = '\0';
	return r;
}

/* The manifest goes first: a crash before the object follows leaves a manifest of nothing, which the next open removes. */
static int publish_new(struct firmware_import *import, struct manifest *manifest, struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	char name[STORE_FILE_NAME_SIZE];
	int r = disk_write_manifest(store, manifest, ret_error);

	disk_manifest_name(manifest->firmware.sha256, name);
	if (r == 0)
		r = move_object(import, manifest->firmware.sha256, ret_error);
	if (r < 0) {
		unlinkat(store->folders[FOLDER_OBJECTS], manifest->firmware.sha256, 0);
		unlinkat(store->folders[FOLDER_MANIFESTS], name, 0);
		return r;
	}
	pthread_mutex_lock(&store->lock);
	store_index_append(store, manifest);
	store->reserved -= import->size;
	import->size = 0;
	pthread_mutex_unlock(&store->lock);
	return 0;
}

/* The fresh bytes take the place of the old ones, so that importing again also cures an object that has rotted on disk. */
static int publish_again(struct firmware_import *import, struct manifest *manifest, struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	struct store_entry *entry;
	struct manifest old;
	int r = move_object(import, manifest->firmware.sha256, ret_error);

	if (r == 0)
		r = disk_write_manifest(store, manifest, ret_error);
	if (r < 0)
		return r;
	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, manifest->firmware.sha256);
	if (entry->manifest.firmware.used_at_ns > manifest->firmware.used_at_ns)
		manifest->firmware.used_at_ns = entry->manifest.firmware.used_at_ns;
	old = entry->manifest;
	entry->manifest = *manifest;
	*manifest = old;
	pthread_mutex_unlock(&store->lock);
	return 1;
}

/* What is there already stays as it is: people and jobs rely on its name and values. But an object that was found without a manifest has lost
 * them, and this import brings them back. */
static int compose_again(struct firmware_store *store, const struct store_entry *entry, const struct statement *statement,
			 struct manifest *fresh, struct cache_error *ret_error)
{
	struct firmware *firmware = &fresh->firmware;

	manifest_clear(fresh);
	if (manifest_copy(&entry->manifest, fresh) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	store_mark_use(store, firmware);
	if (strcmp(firmware->source, STORE_SOURCE_FOUND) != 0)
		return 0;
	snprintf(firmware->source, sizeof(firmware->source), "%s", statement->source);
	state(fresh, statement);
	return store_links_check(store, firmware, facts_known(&statement->facts), ret_error);
}

/* `fresh` becomes what the index will hold. */
static int compose(struct firmware_store *store, const struct statement *statement, struct manifest *fresh, bool *ret_again,
		   struct cache_error *ret_error)
{
	const struct store_entry *entry = store_index_find(store, fresh->firmware.sha256);
	struct firmware *firmware = &fresh->firmware;

	*ret_again = entry != NULL;
	if (entry)
		return compose_again(store, entry, statement, fresh, ret_error);
	if (store_index_reserve(store) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	snprintf(firmware->name, sizeof(firmware->name), "%.*s", AUTOMATIC_NAME_DIGITS, firmware->sha256);
	snprintf(firmware->source, sizeof(firmware->source), "%s", statement->source);
	firmware->imported_at = (int64_t)time(NULL);
	store_mark_use(store, firmware);
	fresh->sequence = store->next_sequence;
	state(fresh, statement);
	return store_links_check(store, firmware, facts_known(&statement->facts), ret_error);
}

static int publish(struct firmware_import *import, const struct statement *statement, struct manifest *fresh, struct firmware *ret,
		   struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	bool again;
	int r;

	pthread_mutex_lock(&store->lock);
	r = compose(store, statement, fresh, &again, ret_error);
	pthread_mutex_unlock(&store->lock);
	if (r == 0 && !again)
		r = store_make_room(store, &fresh->firmware, ret_error);
	if (r < 0)
		return r;
	if (firmware_copy(&fresh->firmware, ret) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	r = again ? publish_again(import, fresh, ret_error) : publish_new(import, fresh, ret_error);
	if (r < 0) {
		firmware_clear(ret);
		return r;
	}
	pthread_mutex_lock(&store->lock);
	store_links_tell(store, ret);
	pthread_mutex_unlock(&store->lock);
	return r;
}

int firmware_import_commit(struct firmware_import *import, const char *name, const struct firmware_facts *stated, const char *source,
			   struct firmware *ret, struct cache_error *ret_error)
{
	struct statement statement = {.name = name, .source = source ? source : ""};
	struct manifest manifest = {0};
	int r;

	if (stated)
		statement.facts = *stated;
	r = check_statement(&statement, ret_error);
	if (r == 0)
		r = seal(import, &manifest, ret_error);
	if (r == 0) {
		store_begin_change(import->store);
		r = publish(import, &statement, &manifest, ret, ret_error);
		store_end_change(import->store);
	}
	manifest_clear(&manifest);
	firmware_import_abort(import);
	return r;
}
