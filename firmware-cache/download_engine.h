/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the downloads: their state. "The thread" is the one that transfers; everything else only reads, adds and marks.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_ENGINE_H
#define FIRMWARE_CACHE_DOWNLOAD_ENGINE_H

#include <pthread.h>

#include "firmware-cache/download_record.h"

struct download_attempt;

struct transfer {
	/* begin()'s until `held` is off, then the thread's. The id, the URL and the digest never change: with the lock, anyone may read them. */
	struct download_record record;

	/* Guarded by the lock. */
	struct download now;
	bool held;           /* not on disk yet, or of an earlier run and not resumed */
	bool of_earlier_run; /* and not resumed */
	bool unwanted;       /* to be removed without a word */
	bool announce;       /* changed() is due for what another thread did */
	bool storing;        /* too late for a cancel */

	/* The thread's own. */
	struct download_attempt *attempt; /* while it runs */
	bool settled;                     /* final, its files gone, told */
	int64_t due_ms;                   /* of the next attempt, monotonic */
	int64_t told_ms;                  /* of the last progress() */
	uint64_t told_bytes;
	unsigned failures;  /* in a row, without gaining ground */
	uint64_t most_held; /* bytes, of all attempts */
};

struct downloads {
	struct downloads_options options; /* with its strings, owned; defaults filled in */
	char boot[DOWNLOAD_BOOT_SIZE];
	void *multi; /* of libcurl */
	pthread_t thread;

	pthread_mutex_t lock;
	bool closing;
	int64_t last_id_ms;
	struct transfer **transfers; /* by creation; only the thread takes one out */
	size_t count;
	size_t capacity;
};

/* download_options.c. Copies with the defaults; -ENOMEM leaves what downloads_options_free takes. */
int downloads_options_copy(const struct downloads_options *from, struct downloads_options *ret);
void downloads_options_free(struct downloads_options *options);

/* download_files.c: ID.state and ID.part. */
int download_files_save(struct downloads *downloads, const struct transfer *transfer, struct cache_error *ret_error);
void download_files_remove(struct downloads *downloads, const struct transfer *transfer);
/* Adds what the disk holds; alone. */
int download_files_load(struct downloads *downloads, struct cache_error *ret_error);
void download_part_name(const char *id, char ret[static 32]);

/* download.c. With the lock, or alone. -ENOMEM. Takes the transfer over. */
int downloads_insert(struct downloads *downloads, struct transfer *transfer);
struct transfer *transfer_new(const struct download_record *record);
void transfer_free(struct transfer *transfer);

/* download_thread.c */
int downloads_start_thread(struct downloads *downloads, struct cache_error *ret_error);
void downloads_stop_thread(struct downloads *downloads);
void downloads_wake(struct downloads *downloads);
int64_t downloads_now_ms(void);

#endif
