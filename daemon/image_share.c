/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/image_share.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/gateway.h"

/* A file, or the boot ROM package inside it. */
struct image_key {
	char sha256[FIRMWARE_SHA256_SIZE];
	uint64_t offset, length; /* 0, 0: the whole file */
};

struct shared_image {
	struct image_key key;
	unsigned references;
	bool prepared; /* image or fault is set */
	struct image *image;
	struct job_fault fault;
	struct shared_image *next;
};

struct image_share {
	struct firmware_store *firmware;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct shared_image *images;
};

int image_share_new(struct firmware_store *firmware, struct image_share **ret)
{
	struct image_share *share = calloc(1, sizeof(*share));
	if (share == NULL)
		return -ENOMEM;
	share->firmware = firmware;
	pthread_mutex_init(&share->lock, NULL);
	pthread_cond_init(&share->changed, NULL);
	*ret = share;
	return 0;
}

void image_share_free(struct image_share *share)
{
	if (share == NULL)
		return;
	pthread_cond_destroy(&share->changed);
	pthread_mutex_destroy(&share->lock);
	free(share);
}

/* The records that a person knows by name: those inside a wrapper, or the chain itself when there is none. */
static size_t name_parts(const struct bundle *bundle, struct image_part parts[BUNDLE_RECORDS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; bundle != NULL && i < bundle->record_count; i++) {
		const struct bundle_record *record = &bundle->records[i];
		if (strcmp(record->magic, "PACK") != 0)
			parts[count++] = (struct image_part){record->offset, record->description};
	}
	return count;
}

static int open_image(const char *path, const struct firmware *firmware, const struct image_key *key, struct image **ret)
{
	static const struct image_part whole_slice[] = {{0, "bootrom upgrade package"}};
	struct image_part parts[BUNDLE_RECORDS_MAX];
	/* monarch1 speaks version 1 of STP only, which takes no compressed data. */
	bool compress = strcmp(firmware->facts.family, "monarch1") != 0;
	if (key->length != 0)
		return image_open_slice(path, key->offset, key->length, compress, whole_slice, 1, ret);
	return image_open(path, firmware->kind == FIRMWARE_HELPER, compress, parts, name_parts(firmware->bundle, parts), ret);
}

static int prepare(struct firmware_store *store, const struct firmware *firmware, const struct image_key *key, struct image **ret,
		   struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	char *path = NULL;
	int result = firmware_checked_path(store, firmware->sha256, &path, &error);
	if (result < 0) {
		if (error.code == CACHE_ERROR_NONE)
			cache_error_set(&error, CACHE_ERROR_IO, "firmware %s: %s", firmware->name, strerror(-result));
		job_fault_from_cache(ret_fault, &error);
		return -EPROTO;
	}
	result = open_image(path, firmware, key, ret);
	free(path);
	if (result < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "firmware %s cannot be mapped: %s", firmware->name,
				     strerror(-result));
	return 0;
}

static bool same_key(const struct image_key *one, const struct image_key *other)
{
	return strcmp(one->sha256, other->sha256) == 0 && one->offset == other->offset && one->length == other->length;
}

/* The entry of this key with one reference more; *ret_first: the caller prepares it. NULL when memory is out. */
static struct shared_image *join(struct image_share *share, const struct image_key *key, bool *ret_first)
{
	struct shared_image *entry = share->images;
	while (entry != NULL && !same_key(&entry->key, key))
		entry = entry->next;
	*ret_first = entry == NULL;
	if (entry == NULL) {
		entry = calloc(1, sizeof(*entry));
		if (entry == NULL)
			return NULL;
		entry->key = *key;
		entry->next = share->images;
		share->images = entry;
	}
	entry->references++;
	return entry;
}

/* Drops one reference; the entry is returned when it was the last, for the caller to free outside the lock. */
static struct shared_image *leave(struct image_share *share, struct shared_image *entry)
{
	if (--entry->references > 0)
		return NULL;
	struct shared_image **link = &share->images;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	return entry;
}

static void free_entry(struct shared_image *entry)
{
	if (entry == NULL)
		return;
	image_free(entry->image);
	free(entry);
}

static int acquire(struct image_share *share, const struct firmware *firmware, const struct image_key *key, const struct image **ret,
		   struct job_fault *ret_fault)
{
	bool first;
	pthread_mutex_lock(&share->lock);
	struct shared_image *entry = join(share, key, &first);
	if (entry == NULL) {
		pthread_mutex_unlock(&share->lock);
		return job_fault_set(ret_fault, "infrastructure-error", "memory is out");
	}
	if (first) {
		struct image *image = NULL;
		struct job_fault fault = {0};
		pthread_mutex_unlock(&share->lock);
		(void)prepare(share->firmware, firmware, key, &image, &fault);
		pthread_mutex_lock(&share->lock);
		entry->image = image;
		entry->fault = fault;
		entry->prepared = true;
		pthread_cond_broadcast(&share->changed);
	}
	while (!entry->prepared)
		pthread_cond_wait(&share->changed, &share->lock);
	*ret = entry->image;
	struct shared_image *unused = NULL;
	if (entry->image == NULL) {
		*ret_fault = entry->fault;
		unused = leave(share, entry);
	}
	pthread_mutex_unlock(&share->lock);
	free_entry(unused);
	return *ret != NULL ? 0 : -EPROTO;
}

static int acquire_file(struct image_share *share, const struct firmware *firmware, const struct image **ret, struct job_fault *ret_fault)
{
	struct image_key key = {.length = 0};
	if (firmware->sha256[0] == '\0')
		return 0;
	memcpy(key.sha256, firmware->sha256, sizeof(key.sha256));
	return acquire(share, firmware, &key, ret, ret_fault);
}

static int acquire_boot_rom(struct image_share *share, const struct firmware *bundle, const struct image **ret, struct job_fault *ret_fault)
{
	struct image_key key;
	if (!firmware_boot_rom(bundle, &key.offset, &key.length))
		return 0;
	memcpy(key.sha256, bundle->sha256, sizeof(key.sha256));
	return acquire(share, bundle, &key, ret, ret_fault);
}

int image_share_acquire(struct image_share *share, const struct job_files *files, struct job_images *ret, struct job_fault *ret_fault)
{
	struct job_images images = {0};
	int result = acquire_file(share, &files->bundle, &images.bundle, ret_fault);
	if (result == 0)
		result = acquire_boot_rom(share, &files->bundle, &images.boot_rom, ret_fault);
	if (result == 0)
		result = acquire_file(share, &files->helper, &images.helper, ret_fault);
	if (result == 0)
		result = acquire_file(share, &files->second, &images.second, ret_fault);
	if (result < 0)
		image_share_release(share, &images);
	*ret = images;
	return result;
}

static void release(struct image_share *share, const struct image *image)
{
	if (image == NULL)
		return;
	pthread_mutex_lock(&share->lock);
	struct shared_image *entry = share->images;
	while (entry->image != image)
		entry = entry->next;
	struct shared_image *unused = leave(share, entry);
	pthread_mutex_unlock(&share->lock);
	free_entry(unused);
}

void image_share_release(struct image_share *share, struct job_images *images)
{
	release(share, images->bundle);
	release(share, images->boot_rom);
	release(share, images->helper);
	release(share, images->second);
	*images = (struct job_images){0};
}
