/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "firmware-cache/facts.h"

#define DIGITS_SHOWN      12
#define PREFIX_DIGITS_MIN 6u
#define FIRST_CAPACITY    16u

void store_begin_change(struct firmware_store *store)
{
	pthread_mutex_lock(&store->lock);
	while (store->changing)
		pthread_cond_wait(&store->changed, &store->lock);
	store->changing = true;
	pthread_mutex_unlock(&store->lock);
}

void store_end_change(struct firmware_store *store)
{
	pthread_mutex_lock(&store->lock);
	store->changing = false;
	pthread_cond_signal(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

struct store_entry *store_index_find(struct firmware_store *store, const char *sha256)
{
	for (size_t i = 0; i < store->entry_count; i++) {
		if (strcmp(store->entries[i].manifest.firmware.sha256, sha256) == 0)
			return &store->entries[i];
	}
	return NULL;
}

int store_index_reserve(struct firmware_store *store, size_t more)
{
	size_t capacity = store->entry_capacity ? store->entry_capacity : FIRST_CAPACITY;
	struct store_entry *entries;

	while (capacity < store->entry_count + more)
		capacity *= 2;
	if (store->entries && capacity == store->entry_capacity)
		return 0;
	entries = reallocarray(store->entries, capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	store->entries = entries;
	store->entry_capacity = capacity;
	return 0;
}

void store_index_append(struct firmware_store *store, struct manifest *manifest)
{
	store->entries[store->entry_count++] = (struct store_entry){.manifest = *manifest};
	store->used += manifest->firmware.size;
	if (manifest->firmware.used_at_ns > store->newest_use_ns)
		store->newest_use_ns = manifest->firmware.used_at_ns;
	if (manifest->sequence >= store->next_sequence)
		store->next_sequence = manifest->sequence + 1;
	memset(manifest, 0, sizeof(*manifest));
}

int store_index_take_out(struct firmware_store *store, const char *sha256, struct manifest *ret, struct cache_error *ret_error)
{
	struct store_entry *entry = store_index_find(store, sha256);
	size_t after;

	if (!entry)
		return store_report_unknown(sha256, ret_error);
	if (entry->pins > 0)
		return cache_error_set(ret_error, CACHE_ERROR_IN_USE, "firmware %.12s (%s) is needed by a job", sha256,
				       entry->manifest.firmware.name);
	*ret = entry->manifest;
	after = store->entry_count - (size_t)(entry - store->entries) - 1;
	memmove(entry, entry + 1, after * sizeof(*entry));
	store->entry_count--;
	store->used -= ret->firmware.size;
	return 0;
}

static int compare_sequence(const void *left, const void *right)
{
	const struct store_entry *a = left;
	const struct store_entry *b = right;

	return (a->manifest.sequence > b->manifest.sequence) - (a->manifest.sequence < b->manifest.sequence);
}

void store_index_sort(struct firmware_store *store)
{
	if (store->entry_count > 1)
		qsort(store->entries, store->entry_count, sizeof(*store->entries), compare_sequence);
}

int store_report_unknown(const char *reference, struct cache_error *ret_error)
{
	return cache_error_set(ret_error, CACHE_ERROR_NOT_FOUND, "no firmware \"%s\" in the cache", reference);
}

static bool is_digest_prefix(const char *reference, const char *sha256)
{
	size_t length = strlen(reference);

	return length >= PREFIX_DIGITS_MIN && length < FIRMWARE_SHA256_SIZE && strncasecmp(reference, sha256, length) == 0;
}

static bool is_meant(const char *reference, const struct firmware *firmware)
{
	if (sha256_text_valid(reference)) /* a whole digest means its content, whatever others are called */
		return strcmp(reference, firmware->sha256) == 0;
	return strcmp(reference, firmware->name) == 0 || is_digest_prefix(reference, firmware->sha256);
}

static int report_ambiguous(const struct firmware_store *store, const char *reference, size_t count, struct cache_error *ret_error)
{
	char candidates[sizeof(ret_error->evidence)] = "";
	size_t used = 0;

	for (size_t i = 0; i < store->entry_count && used + DIGITS_SHOWN + 3 < sizeof(candidates); i++) {
		const struct firmware *firmware = &store->entries[i].manifest.firmware;

		if (is_meant(reference, firmware))
			used += (size_t)snprintf(candidates + used, sizeof(candidates) - used, "%s%.*s", used ? ", " : "", DIGITS_SHOWN,
						 firmware->sha256);
	}
	cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "\"%s\" is ambiguous, %zu firmwares are meant: %s", reference, count,
			candidates);
	memcpy(ret_error->evidence, candidates, sizeof(candidates));
	return -EPROTO;
}

static int find_locked(struct firmware_store *store, const char *reference, struct firmware *ret, struct cache_error *ret_error)
{
	const struct firmware *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < store->entry_count; i++) {
		const struct firmware *firmware = &store->entries[i].manifest.firmware;

		if (!is_meant(reference, firmware))
			continue;
		found = firmware;
		count++;
	}
	if (count == 0)
		return store_report_unknown(reference, ret_error);
	if (count > 1)
		return report_ambiguous(store, reference, count, ret_error);
	if (firmware_copy(found, ret) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a firmware");
	store_links_tell(store, ret);
	return 0;
}

int firmware_find(struct firmware_store *store, const char *reference, struct firmware *ret, struct cache_error *ret_error)
{
	int r;

	pthread_mutex_lock(&store->lock);
	r = find_locked(store, reference, ret, ret_error);
	pthread_mutex_unlock(&store->lock);
	return r;
}

bool firmware_is_there(struct firmware_store *store, const char *sha256)
{
	bool there;

	pthread_mutex_lock(&store->lock);
	there = store_index_find(store, sha256) != NULL;
	pthread_mutex_unlock(&store->lock);
	return there;
}

static int list_locked(struct firmware_store *store, struct firmware *list)
{
	int r = 0;

	for (size_t i = 0; i < store->entry_count && r == 0; i++) {
		r = firmware_copy(&store->entries[i].manifest.firmware, &list[i]);
		if (r == 0)
			store_links_tell(store, &list[i]);
	}
	return r;
}

int firmware_list(struct firmware_store *store, struct firmware **ret, size_t *ret_count)
{
	struct firmware *list;
	size_t count;
	int r;

	pthread_mutex_lock(&store->lock);
	count = store->entry_count;
	list = calloc(count + 1, sizeof(*list)); /* never NULL, also for none */
	r = list ? list_locked(store, list) : -ENOMEM;
	pthread_mutex_unlock(&store->lock);
	if (r < 0) {
		firmware_list_free(list, count);
		return r;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

void firmware_list_free(struct firmware *list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		firmware_clear(&list[i]);
	free(list);
}

int firmware_pin(struct firmware_store *store, const char *sha256)
{
	struct store_entry *entry;
	int64_t used = 0;

	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, sha256);
	if (entry) {
		entry->pins++;
		used = store_mark_use(store, &entry->manifest.firmware);
	}
	pthread_mutex_unlock(&store->lock);
	if (!entry)
		return -ENOENT;
	store_keep_use(store, sha256, used);
	return 0;
}

void firmware_unpin(struct firmware_store *store, const char *sha256)
{
	struct store_entry *entry;

	pthread_mutex_lock(&store->lock);
	entry = store_index_find(store, sha256);
	if (entry && entry->pins > 0)
		entry->pins--;
	pthread_mutex_unlock(&store->lock);
}
