/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the store: its state, its index in memory, its folders on disk.
 */
#ifndef FIRMWARE_CACHE_STORE_STATE_H
#define FIRMWARE_CACHE_STORE_STATE_H

#include <pthread.h>

#include "firmware-cache/manifest.h"
#include "firmware-cache/store.h"

/* downloads/ is left alone by the store: its files outlive a restart, and belong to download.h. */
enum store_folder { FOLDER_OBJECTS, FOLDER_MANIFESTS, FOLDER_INCOMING, FOLDER_DOWNLOADS, FOLDER_COUNT };

#define STORE_FILE_NAME_SIZE 96u
/* The source of an object whose manifest was lost. */
#define STORE_SOURCE_FOUND "found in the cache"

struct catalogue_file;

struct store_entry {
	struct manifest manifest;
	unsigned pins;
	bool rotten;
};

/* Guarded by `lock`: all from `changing` on. Entries are changed only by the thread that has the turn to change, and under the
 * lock; that thread may read them without it. But pins and the time of the last use are changed by any thread under the lock. */
struct firmware_store {
	char *root; /* absolute */
	int lock_file;
	bool read_only; /* the disk was, when it was opened */
	int folders[FOLDER_COUNT];
	uint64_t max_size;
	uint64_t quota;
	char *trusted_keys_dir; /* NULL: none */
	void (*key_refused)(void *context, const char *what);
	void (*evicted)(void *context, const struct firmware *firmware);
	void (*rot_found)(void *context, const struct firmware *firmware, const struct cache_error *error);
	void *context;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool changing;
	int64_t newest_use_ns;                                            /* no later use is earlier, whatever the clock says */
	char refused_key[sizeof(((struct trusted_keys *)NULL)->refused)]; /* last told of */
	uint64_t used;                                                    /* bytes of all objects */
	uint64_t reserved;                                                /* bytes that running imports have written */
	uint64_t next_sequence;
	uint64_t next_temp;
	struct catalogue_file *catalogue; /* NULL: none */
	struct store_entry *entries;      /* by sequence */
	size_t entry_count;
	size_t entry_capacity;
};

/* Changes of manifests and objects on disk come one after the other; the mutex is not held meanwhile, so that readers never wait
 * for the disk. */
void store_begin_change(struct firmware_store *store);
void store_end_change(struct firmware_store *store);

/* Index. The caller holds the lock, or is alone. */
struct store_entry *store_index_find(struct firmware_store *store, const char *sha256);
int store_index_reserve(struct firmware_store *store, size_t more); /* room for so many more: 0 or -ENOMEM */
/* Takes the manifest over; needs room. */
void store_index_append(struct firmware_store *store, struct manifest *manifest);
void store_index_sort(struct firmware_store *store);
/* Takes an entry that nobody has pinned out of the index, so that nobody can pin what goes. CACHE_ERROR_NOT_FOUND, CACHE_ERROR_IN_USE. */
int store_index_take_out(struct firmware_store *store, const char *sha256, struct manifest *ret, struct cache_error *ret_error);
/* Links between entries. The caller holds the lock. 0, or an error when a stated helper or second file (of the mask, enum firmware_fact) is not
 * there or cannot belong to this firmware, or a helper is stated to be of another family than its bytes are. */
int store_links_check(struct firmware_store *store, const struct firmware *firmware, unsigned mask, struct cache_error *ret_error);
/* The entries of the files that go with this firmware: helper and second file; NULL for none. The caller holds the lock. */
#define LINKED_MAX 2u
void store_links_targets(struct firmware_store *store, const struct firmware *firmware, struct store_entry *ret[static LINKED_MAX]);
/* Fills pair_part, partner, facts.second and rotten of a copy. */
void store_links_tell(struct firmware_store *store, struct firmware *firmware);
/* The keys that are trusted now. */
int store_load_keys(struct firmware_store *store, struct trusted_keys *ret, struct cache_error *ret_error);
int store_report_unknown(const char *reference, struct cache_error *ret_error);

/* The files of what was taken out of the index; when the object cannot be removed it is put back. The caller has the turn to change. */
int store_remove_files(struct firmware_store *store, struct manifest *gone, struct cache_error *ret_error);

/* Room for what comes in one import and is not in the index yet: removes what was used least recently until all of it fits the quota. 0, or
 * CACHE_ERROR_CACHE_FULL, and nothing went then. The caller has the turn to change, not the lock. */
int store_make_room(struct firmware_store *store, const struct firmware *const *fresh, size_t count, struct cache_error *ret_error);
/* What cannot go because a job needs it; the lock is held. */
uint64_t store_pinned_bytes(const struct firmware_store *store);

/* The use of an entry, now. The lock is held; returns the time, for store_keep_use(), which keeps it on disk without the lock. */
int64_t store_mark_use(struct firmware_store *store, struct firmware *firmware);
void store_keep_use(const struct firmware_store *store, const char *sha256, int64_t used_at_ns);

/* Disk. Each returns 0, or -EPROTO with the path and what the system said: CACHE_ERROR_CACHE_FULL for a full disk, else CACHE_ERROR_IO. */
int disk_report(const struct firmware_store *store, enum store_folder folder, const char *name, int error, const char *what,
		struct cache_error *ret_error);
int disk_report_path(const char *path, int error, const char *what, struct cache_error *ret_error);
int disk_open_folders(struct firmware_store *store, const char *directory, struct cache_error *ret_error);
int disk_create_temp(struct firmware_store *store, char *ret_name, int *ret_fd, struct cache_error *ret_error);
int disk_sync_temp(struct firmware_store *store, const char *temp, int fd, struct cache_error *ret_error);
/* From incoming/ to its place, durably. */
int disk_publish(struct firmware_store *store, const char *temp, enum store_folder folder, const char *name, struct cache_error *ret_error);
/* A whole file, durably and at once: what was under that name stays when it fails. */
int disk_write_text(struct firmware_store *store, enum store_folder folder, const char *name, const char *text,
		    struct cache_error *ret_error);
/* The time stamp of the file is that of the last use: it can be changed without writing the file again. */
int disk_write_manifest(struct firmware_store *store, const struct manifest *manifest, struct cache_error *ret_error);
void disk_signature_name(const char *sha256, char ret[STORE_FILE_NAME_SIZE]);
void disk_manifest_name(const char *sha256, char ret[STORE_FILE_NAME_SIZE]);

/* All bytes of an open file into a digest text: 0 or a negative errno. */
int disk_digest(int fd, char ret[FIRMWARE_SHA256_SIZE]);
/* A regular file of at most so many bytes; caller frees. -EBADMSG for another one. */
int disk_read_file(int fd, size_t max, char **ret, size_t *ret_length);
int disk_write_all(int fd, const void *bytes, size_t length);

/* Leftovers away, manifests read, objects without one indexed from content. */
int store_scan(struct firmware_store *store, struct cache_error *ret_error);

#endif
