/* SPDX-License-Identifier: Apache-2.0
 *
 * Why the cache refuses something: a stable code (design 10), a sentence, the evidence.
 */
#ifndef FIRMWARE_CACHE_ERROR_H
#define FIRMWARE_CACHE_ERROR_H

#include <stddef.h>
#include <stdint.h>

enum cache_error_code {
	CACHE_ERROR_NONE = 0,
	CACHE_ERROR_BUNDLE_DAMAGED,     /* "bundle-damaged" */
	CACHE_ERROR_BUNDLE_UNSUPPORTED, /* "bundle-unsupported": whole, but of a kind nobody knows */
	CACHE_ERROR_BUNDLE_TOO_BIG,     /* "bundle-too-big": over max_size */
	CACHE_ERROR_CACHE_FULL,         /* "cache-full": quota, or the disk */
	CACHE_ERROR_DIGEST_MISMATCH,    /* "digest-mismatch" */
	CACHE_ERROR_INVALID_REQUEST,    /* "invalid-request": a stated value that cannot be, an ambiguous name */
	CACHE_ERROR_NOT_FOUND,          /* "not-found" */
	CACHE_ERROR_WRONG_FAMILY,       /* "bundle-wrong-family": files that are to go together and cannot */
	CACHE_ERROR_HELPER_MISMATCH,    /* "helper-mismatch" */
	CACHE_ERROR_IN_USE,             /* "device-busy": pinned by a job */
	CACHE_ERROR_SIGNATURE_MISSING,  /* "signature-missing" */
	CACHE_ERROR_SIGNATURE_BAD,      /* "signature-bad" */
	CACHE_ERROR_DOWNLOAD_FAILED,    /* "download-failed" */
	CACHE_ERROR_IO,                 /* "infrastructure-error": the disk said no */
	CACHE_ERROR_CODE_COUNT
};

struct cache_error {
	enum cache_error_code code;
	char message[384];
	char evidence[256];
};

/* The stable name, for the daemon's fault table. Never NULL. */
const char *cache_error_code_name(enum cache_error_code code);

/* Fills *e; always returns -EPROTO so that a function can end in it. */
int cache_error_set(struct cache_error *e, enum cache_error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
