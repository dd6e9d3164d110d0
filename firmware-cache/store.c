/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware-cache/catalogue_file.h"
#include "firmware-cache/facts.h"

int firmware_store_open(const struct firmware_store_options *options, struct cache_error *ret_error, struct firmware_store **ret)
{
	struct firmware_store *store;
	int r;

	if (sodium_init() < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "libsodium does not start");
	store = calloc(1, sizeof(*store));
	if (!store)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for the cache");
	store->max_size = options->max_size;
	store->quota = options->quota;
	store->key_refused = options->key_refused;
	store->evicted = options->evicted;
	store->rot_found = options->rot_found;
	store->context = options->context;
	store->lock_file = -1;
	for (int i = 0; i < FOLDER_COUNT; i++)
		store->folders[i] = -1;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->changed, NULL);
	manifest_setup();

	if (options->trusted_keys_dir)
		store->trusted_keys_dir = strdup(options->trusted_keys_dir);
	if (options->trusted_keys_dir && !store->trusted_keys_dir)
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for the cache");
	else
		r = disk_open_folders(store, options->directory, ret_error);
	if (r == 0)
		r = store_scan(store, ret_error);
	if (r == 0)
		r = catalogue_file_load(store, ret_error);
	if (r < 0) {
		firmware_store_free(store);
		return r;
	}
	*ret = store;
	return 0;
}

bool firmware_store_read_only(const struct firmware_store *store)
{
	return store->read_only;
}

void firmware_store_free(struct firmware_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->entry_count; i++)
		manifest_clear(&store->entries[i].manifest);
	free(store->entries);
	for (int i = 0; i < FOLDER_COUNT; i++) {
		if (store->folders[i] >= 0)
			close(store->folders[i]);
	}
	if (store->lock_file >= 0)
		close(store->lock_file);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->lock);
	catalogue_file_clear(store->catalogue);
	free(store->trusted_keys_dir);
	free(store->root);
	free(store);
}

static int compose_patch(struct firmware_store *store, const char *sha256, const char *name, const struct firmware_facts *stated,
			 unsigned mask, struct manifest *next, struct cache_error *ret_error)
{
	const struct store_entry *entry = store_index_find(store, sha256);

	if (!entry)
		return store_report_unknown(sha256, ret_error);
	if (manifest_copy(&entry->manifest, next) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	if (name)
		snprintf(next->firmware.name, sizeof(next->firmware.name), "%s", name);
	if (stated)
		facts_take(&next->firmware.stated, stated, mask);
	if (stated && mask & (FACT_RELEASE | FACT_BUILD) && facts_check_release(&next->firmware.stated, ret_error) < 0)
		return -EPROTO;
	facts_resolve(&next->firmware, &next->content);
	if ((name || (stated && mask & FACT_BASE_BUILD)) && facts_check_base(&next->firmware, ret_error) < 0)
		return -EPROTO;
	/* A helper that went away later must not forbid to change the name. */
	return stated ? store_links_check(store, &next->firmware, mask, ret_error) : 0;
}

static int patch_in_turn(struct firmware_store *store, struct manifest *next, struct firmware *ret, struct cache_error *ret_error)
{
	struct store_entry *entry;
	int r;

	if (firmware_copy(&next->firmware, ret) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	r = disk_write_manifest(store, next, ret_error);
	if (r < 0) {
		firmware_clear(ret);
		return r;
	}
	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, next->firmware.sha256);
	next->firmware.used_at_ns = entry->manifest.firmware.used_at_ns; /* pinning does not wait for its turn */
	manifest_clear(&entry->manifest);
	entry->manifest = *next;
	store_links_tell(store, ret);
	pthread_mutex_unlock(&store->lock);
	memset(next, 0, sizeof(*next));
	return 0;
}

int firmware_patch(struct firmware_store *store, const char *sha256, const char *name, const struct firmware_facts *stated, unsigned mask,
		   struct firmware *ret, struct cache_error *ret_error)
{
	struct firmware_facts meant = {0};
	struct manifest next = {0};
	int r;

	if (name && !firmware_name_valid(name))
		return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST,
				       "name should be 1 to 127 printable characters without a slash, found \"%s\"", name);
	if (stated)
		facts_take(&meant, stated, mask);
	r = facts_check(&meant, ret_error);
	if (r < 0)
		return r;
	store_begin_change(store);
	pthread_mutex_lock(&store->lock);
	r = compose_patch(store, sha256, name, stated, mask, &next, ret_error);
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = patch_in_turn(store, &next, ret, ret_error);
	store_end_change(store);
	manifest_clear(&next);
	return r;
}

int store_remove_files(struct firmware_store *store, struct manifest *gone, struct cache_error *ret_error)
{
	char manifest_name[STORE_FILE_NAME_SIZE];

	/* The object goes first: a manifest without object is removed by the next open, an object without manifest would come back. */
	if (unlinkat(store->folders[FOLDER_OBJECTS], gone->firmware.sha256, 0) < 0 && errno != ENOENT) {
		int r = disk_report(store, FOLDER_OBJECTS, gone->firmware.sha256, errno, "remove", ret_error);

		pthread_mutex_lock(&store->lock);
		store_index_append(store, gone);
		store_index_sort(store);
		pthread_mutex_unlock(&store->lock);
		return r;
	}
	fsync(store->folders[FOLDER_OBJECTS]);
	disk_manifest_name(gone->firmware.sha256, manifest_name);
	unlinkat(store->folders[FOLDER_MANIFESTS], manifest_name, 0);
	disk_signature_name(gone->firmware.sha256, manifest_name);
	unlinkat(store->folders[FOLDER_MANIFESTS], manifest_name, 0);
	fsync(store->folders[FOLDER_MANIFESTS]);
	return 0;
}

int firmware_remove(struct firmware_store *store, const char *sha256, struct cache_error *ret_error)
{
	struct manifest gone = {0};
	int r;

	store_begin_change(store);
	pthread_mutex_lock(&store->lock);
	r = store_index_take_out(store, sha256, &gone, ret_error);
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		r = store_remove_files(store, &gone, ret_error);
	store_end_change(store);
	manifest_clear(&gone);
	return r;
}

static int check_object(struct firmware_store *store, const char *sha256, struct cache_error *ret_error)
{
	char digest[FIRMWARE_SHA256_SIZE];
	int fd = openat(store->folders[FOLDER_OBJECTS], sha256, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return disk_report(store, FOLDER_OBJECTS, sha256, errno, "open", ret_error);
	r = disk_digest(fd, digest);
	close(fd);
	if (r < 0)
		return disk_report(store, FOLDER_OBJECTS, sha256, -r, "read", ret_error);
	if (strcmp(digest, sha256) == 0)
		return 0;
	cache_error_set(ret_error, CACHE_ERROR_DIGEST_MISMATCH, "%s/objects/%s has changed on disk: add the firmware again", store->root,
			sha256);
	snprintf(ret_error->evidence, sizeof(ret_error->evidence), "its SHA-256 is %s", digest);
	return -EPROTO;
}

/* What the bytes were found to be: `error` NULL, as they should. */
static void note_rot(struct firmware_store *store, const char *sha256, const struct cache_error *error)
{
	struct firmware firmware = {0};
	struct store_entry *entry;
	bool news;

	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, sha256);
	news = entry && entry->rotten != (error != NULL);
	if (news) {
		entry->rotten = error != NULL;
		news = firmware_copy(&entry->manifest.firmware, &firmware) == 0;
	}
	if (news)
		store_links_tell(store, &firmware);
	pthread_mutex_unlock(&store->lock);
	if (news && store->rot_found)
		store->rot_found(store->context, &firmware, error);
	firmware_clear(&firmware);
}

int firmware_checked_path(struct firmware_store *store, const char *sha256, char **ret_path, struct cache_error *ret_error)
{
	struct store_entry *entry;
	int64_t used = 0;
	int r;

	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, sha256);
	if (entry)
		used = store_mark_use(store, &entry->manifest.firmware);
	pthread_mutex_unlock(&store->lock);
	if (!entry)
		return store_report_unknown(sha256, ret_error);
	store_keep_use(store, sha256, used);
	r = check_object(store, sha256, ret_error);
	if (r == 0 || ret_error->code == CACHE_ERROR_DIGEST_MISMATCH)
		note_rot(store, sha256, r == 0 ? NULL : ret_error);
	if (r == 0 && asprintf(ret_path, "%s/objects/%s", store->root, sha256) < 0)
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a path");
	return r;
}
