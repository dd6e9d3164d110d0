/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware fetched by URL into the store, by one thread of its own (libcurl). A download is told of as a value; what is unfinished outlives a
 * restart. Thread-safe, but for open, resume and close, which belong to one thread.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_H
#define FIRMWARE_CACHE_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware-cache/signature.h"
#include "firmware-cache/store.h"

#define DOWNLOAD_ID_SIZE        21u   /* 20 lower-case hex digits and NUL; sorts by creation */
#define DOWNLOAD_URL_SIZE       2048u /* with NUL */
#define DOWNLOAD_UNFINISHED_MAX 1024u
#define DOWNLOAD_FINISHED_KEPT  128u /* then the oldest finished one is forgotten */
#define DOWNLOAD_PROGRESS_MS    250  /* between two calls of progress() for one download */
#define DOWNLOAD_BYTES_UNKNOWN  UINT64_MAX

enum download_state {
	DOWNLOAD_QUEUED,
	DOWNLOAD_RUNNING,
	DOWNLOAD_WAITING, /* for the next attempt, at not_before */
	DOWNLOAD_SUCCEEDED,
	DOWNLOAD_FAILED,
	DOWNLOAD_CANCELLED,
	DOWNLOAD_STATE_COUNT
};

const char *download_state_name(enum download_state state); /* "queued" … "cancelled" */
bool download_state_final(enum download_state state);

/* Plain: nothing in it is owned. */
struct download {
	char id[DOWNLOAD_ID_SIZE];
	char url[DOWNLOAD_URL_SIZE];       /* as people may see it: no user, no password, "?..." in the place of a query */
	char sha256[FIRMWARE_SHA256_SIZE]; /* asked for; "": none */
	enum download_state state;
	uint64_t bytes_done;
	uint64_t bytes_total;                /* DOWNLOAD_BYTES_UNKNOWN until the server tells, and when it does not */
	unsigned attempt;                    /* the first is 1; 0 before it */
	int64_t not_before;                  /* Unix time, s, of the next attempt while waiting; else 0 */
	char firmware[FIRMWARE_SHA256_SIZE]; /* when it has succeeded; "": an archive with several bundles */
	bool was_there;                      /* the store had that content already */
	struct cache_error fault;            /* when failed; while waiting, what broke the last attempt; else of code CACHE_ERROR_NONE */
	int64_t created_at;                  /* Unix time, s */
	int64_t finished_at;                 /* 0: not yet */
};

/* Credentials and certificates of one host. NULL: none. They are used for that host alone: `name` without a port means the port that was asked
 * for, and the usual one of the scheme; a redirect elsewhere loses them, and gets those of a section of its own when it is to https. */
struct download_host {
	const char *name; /* "firmware.example", "10.0.0.7:8443"; letters of either case */
	const char *user;
	const char *password;
	const char *token;       /* Authorization: Bearer */
	const char *client_cert; /* PEM files */
	const char *client_key;
	const char *ca_file; /* over that of the options */
};

/* Strings are copied. Zero means the default that stands beside. */
struct downloads_options {
	struct firmware_store *store; /* outlives the downloads */
	bool require_signature;       /* of a catalogue; a firmware without one is stored */
	bool forbid_http;             /* https alone */
	const char *proxy;            /* "http://user:password@proxy:3128"; NULL: none, whatever the environment says */
	const char *ca_file;          /* PEM; NULL: the system's */
	const struct download_host *hosts;
	size_t host_count;
	int max_redirects;     /* 5; negative: none */
	unsigned attempts;     /* 5 without gaining ground; one that brings at least 1 MiB more than was ever held starts the count anew */
	unsigned max_parallel; /* 4 */
	unsigned connect_ms;   /* 15000: to resolve, connect, shake hands */
	unsigned stall_ms;     /* 30000: for all headers after that; then, less than 100 bytes a second over such a time end the attempt */
	unsigned retry_first_ms; /* 1000: the wait after the first attempt; it doubles, and is shortened by chance by up to a half */
	unsigned retry_max_ms;   /* 60000; also for what a server's Retry-After may ask */
	/* Both are called by the thread of the downloads, one after the other, with no lock held; they may call everything here but resume and
	 * close. changed: a new download, each new state, an attempt's begin. progress: more bytes, at most 4 times a second. May be NULL. */
	void (*changed)(void *context, const struct download *now);
	void (*progress)(void *context, const struct download *now);
	/* What was stored, all of it where an archive came; before changed() tells the success. */
	void (*stored)(void *context, const struct firmware_batch *batch);
	void *context;
};

struct downloads;

/* Finds what was unfinished (queued, and held back until downloads_resume) and starts the thread; call it before others start theirs. What is
 * left of downloads but cannot be read is removed. -EPROTO with CACHE_ERROR_IO; CACHE_ERROR_INVALID_REQUEST for a certificate
 * file that cannot be read, or a section without a host. */
int downloads_open(const struct downloads_options *options, struct cache_error *ret_error, struct downloads **ret);

/* Lets go on what was unfinished when it was opened, of which `wanted` says true (NULL: all); the rest is removed with its bytes, silently. */
void downloads_resume(struct downloads *downloads, bool (*wanted)(void *context, const struct download *download), void *context);

/* Ends within 1 s (or what the disk takes): bytes of unfinished ones stay on disk for the next open. No callback after it. Takes NULL. */
void downloads_close(struct downloads *downloads);

struct download_request {
	const char *url;
	const char *sha256;                  /* NULL: whatever comes */
	const char *name;                    /* NULL: the last part of the URL's path when it can be one */
	const struct firmware_facts *stated; /* NULL: none */
	const char *signature;               /* text of a .minisig file; NULL: none */
	const char *signature_url;           /* NULL: none. Fetched before the firmware is stored; without it there is no success */
	bool catalogue;                      /* what comes is a catalogue (catalogue.h), in the place of the one that is kept */
	bool try_minisig;                    /* without either: "<url>.minisig", and none when the server has none */
};

/* Adds a download, or finds the unfinished one of the same URL and digest (whose other values stay as they are). 1 when it was found, 0 when it is
 * new: then it is on disk. -EPROTO: CACHE_ERROR_INVALID_REQUEST (a URL, digest, name or fact that cannot be), _IO, _CACHE_FULL. Blocks on the
 * disk, never on the network. */
int downloads_begin(struct downloads *downloads, const struct download_request *request, struct download *ret,
		    struct cache_error *ret_error);

/* 0, or CACHE_ERROR_NOT_FOUND. */
int downloads_get(struct downloads *downloads, const char *id, struct download *ret, struct cache_error *ret_error);

/* All, oldest first. *ret is malloc'd. 0 or -ENOMEM. */
int downloads_list(struct downloads *downloads, struct download **ret, size_t *ret_count);

/* At once: 0 with the cancelled download; its connection and its bytes are gone within 1 s. 1 with the download as it is when it has ended
 * before, or is just being stored. CACHE_ERROR_NOT_FOUND. */
int downloads_cancel(struct downloads *downloads, const char *id, struct download *ret, struct cache_error *ret_error);

/* Fills what people may see of a URL: for texts and for configuration checks. Pure. CACHE_ERROR_INVALID_REQUEST when it is no http or https URL. */
int download_url_shown(const char *url, char ret[static DOWNLOAD_URL_SIZE], struct cache_error *ret_error);

#endif
