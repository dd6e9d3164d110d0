/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

int64_t store_mark_use(struct firmware_store *store, struct firmware *firmware)
{
	struct timespec now;
	int64_t now_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
	/* A gateway without a battery starts in the past until it hears of the time. */
	if (now_ns <= store->newest_use_ns)
		now_ns = store->newest_use_ns + 1;
	store->newest_use_ns = now_ns;
	firmware->used_at_ns = now_ns;
	return now_ns;
}

void store_keep_use(const struct firmware_store *store, const char *sha256, int64_t used_at_ns)
{
	const struct timespec used = {.tv_sec = used_at_ns / NS_PER_S, .tv_nsec = used_at_ns % NS_PER_S};
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, used};
	char name[STORE_FILE_NAME_SIZE];

	/* Not durable at once, and no error: a use that is forgotten costs no more than a firmware that goes a little early. */
	disk_manifest_name(sha256, name);
	(void)utimensat(store->folders[FOLDER_MANIFESTS], name, times, AT_SYMLINK_NOFOLLOW);
}

uint64_t store_pinned_bytes(const struct firmware_store *store)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < store->entry_count; i++)
		bytes += store->entries[i].pins > 0 ? store->entries[i].manifest.firmware.size : 0;
	return bytes;
}

/* What goes with a firmware that stays has to stay as well. */
static void keep_linked(struct firmware_store *store, const struct firmware *firmware, bool *kept)
{
	struct store_entry *linked[LINKED_MAX];

	store_links_targets(store, firmware, linked);
	for (size_t i = 0; i < LINKED_MAX; i++) {
		size_t at = linked[i] ? (size_t)(linked[i] - store->entries) : 0;

		if (!linked[i] || kept[at])
			continue;
		kept[at] = true;
		keep_linked(store, &linked[i]->manifest.firmware, kept);
	}
}

/* What comes in one import; some of it may be there already. */
struct comers {
	const struct firmware *const *fresh;
	size_t count;
	uint64_t new_bytes;
};

/* Marks what must stay for jobs and for the firmware that comes, and tells how many bytes that is. */
static uint64_t mark_kept(struct firmware_store *store, const struct comers *comers, bool *kept)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < comers->count; i++) {
		const struct store_entry *there = store_index_find(store, comers->fresh[i]->sha256);

		if (there)
			kept[there - store->entries] = true;
		keep_linked(store, comers->fresh[i], kept);
	}
	for (size_t i = 0; i < store->entry_count; i++) {
		if (store->entries[i].pins == 0 || kept[i])
			continue;
		kept[i] = true;
		keep_linked(store, &store->entries[i].manifest.firmware, kept);
	}
	for (size_t i = 0; i < store->entry_count; i++)
		bytes += kept[i] ? store->entries[i].manifest.firmware.size : 0;
	return bytes;
}

/* A helper or second file does not go before the last bundle that names it. */
static void mark_named(struct firmware_store *store, bool *named)
{
	struct store_entry *linked[LINKED_MAX];

	for (size_t i = 0; i < store->entry_count; i++) {
		store_links_targets(store, &store->entries[i].manifest.firmware, linked);
		for (size_t k = 0; k < LINKED_MAX; k++) {
			if (linked[k])
				named[linked[k] - store->entries] = true;
		}
	}
}

static bool is_older(const struct store_entry *one, const struct store_entry *other)
{
	const struct firmware *a = &one->manifest.firmware;
	const struct firmware *b = &other->manifest.firmware;

	return a->used_at_ns != b->used_at_ns ? a->used_at_ns < b->used_at_ns : one->manifest.sequence < other->manifest.sequence;
}

static struct store_entry *oldest_but(struct firmware_store *store, const bool *kept, const bool *named)
{
	struct store_entry *oldest = NULL;

	for (size_t i = 0; i < store->entry_count; i++) {
		if (!kept[i] && !named[i] && (!oldest || is_older(&store->entries[i], oldest)))
			oldest = &store->entries[i];
	}
	return oldest;
}

/* 1 with what was taken out of the index, 0 when there is room. marks: two for each entry, all false. */
static int take_next(struct firmware_store *store, const struct comers *comers, bool *marks, struct manifest *ret,
		     struct cache_error *ret_error)
{
	bool *kept = marks, *named = marks + store->entry_count;
	const struct store_entry *oldest;
	uint64_t kept_bytes;
	int r;

	if (comers->new_bytes <= store->quota && store->used <= store->quota - comers->new_bytes)
		return 0;
	kept_bytes = mark_kept(store, comers, kept);
	mark_named(store, named);
	oldest = oldest_but(store, kept, named);
	if (!oldest || comers->new_bytes > store->quota || kept_bytes > store->quota - comers->new_bytes)
		return cache_error_set(ret_error, CACHE_ERROR_CACHE_FULL,
				       "no room for %" PRIu64 " bytes in the quota of %" PRIu64 ": %" PRIu64
				       " bytes of firmware are needed by jobs, or go with what is added",
				       comers->new_bytes, store->quota, kept_bytes);
	r = store_index_take_out(store, oldest->manifest.firmware.sha256, ret, ret_error);
	return r < 0 ? r : 1;
}

static void tell_evicted(struct firmware_store *store, struct firmware *gone)
{
	if (!store->evicted)
		return;
	pthread_mutex_lock(&store->lock);
	store_links_tell(store, gone);
	pthread_mutex_unlock(&store->lock);
	store->evicted(store->context, gone);
}

static int evict_one(struct firmware_store *store, const struct comers *comers, struct cache_error *ret_error)
{
	struct manifest gone = {0};
	bool *marks;
	int r;

	pthread_mutex_lock(&store->lock);
	marks = calloc(2 * store->entry_count + 1, sizeof(*marks));
	if (marks)
		r = take_next(store, comers, marks, &gone, ret_error);
	else
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for the index of the cache");
	pthread_mutex_unlock(&store->lock);
	free(marks);
	if (r > 0 && store_remove_files(store, &gone, ret_error) < 0)
		r = -EPROTO;
	if (r > 0)
		tell_evicted(store, &gone.firmware);
	manifest_clear(&gone);
	return r;
}

int store_make_room(struct firmware_store *store, const struct firmware *const *fresh, size_t count, struct cache_error *ret_error)
{
	struct comers comers = {.fresh = fresh, .count = count};
	bool any = false;
	int r;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < count; i++) {
		if (store_index_find(store, fresh[i]->sha256))
			continue;
		comers.new_bytes += fresh[i]->size;
		any = true;
	}
	pthread_mutex_unlock(&store->lock);
	do
		r = any ? evict_one(store, &comers, ret_error) : 0;
	while (r > 0);
	return r;
}
