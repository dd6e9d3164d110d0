/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the downloads: what the disk keeps of one that is unfinished, as a text. Pure.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_RECORD_H
#define FIRMWARE_CACHE_DOWNLOAD_RECORD_H

#include "firmware-cache/download.h"

#define DOWNLOAD_ETAG_SIZE     256u
#define DOWNLOAD_HTTP_DATE_MAX 64u
#define DOWNLOAD_BOOT_SIZE     64u
#define DOWNLOAD_RECORD_MAX    32768u /* bytes of the text */

/* Which content the bytes are of: what If-Range may ask for. Both empty: the bytes cannot be gone on with. */
struct download_validator {
	char etag[DOWNLOAD_ETAG_SIZE];              /* strong, with its quotes */
	char last_modified[DOWNLOAD_HTTP_DATE_MAX]; /* strong: older than the answer it came with */
};

struct download_record {
	char id[DOWNLOAD_ID_SIZE];
	char url[DOWNLOAD_URL_SIZE];       /* whole: it may hold credentials */
	char sha256[FIRMWARE_SHA256_SIZE]; /* "": none */
	char name[FIRMWARE_NAME_SIZE];     /* "": none */
	struct firmware_facts stated;
	char signature_url[DOWNLOAD_URL_SIZE];
	char signature[SIGNATURE_TEXT_MAX + 1];
	bool catalogue;
	bool try_minisig;
	int64_t created_at;
	struct download_validator validator;
	uint64_t total;   /* DOWNLOAD_BYTES_UNKNOWN */
	uint64_t durable; /* bytes that survive a power cut */
	char boot[DOWNLOAD_BOOT_SIZE];
};

/* NULL only without memory. Caller frees. */
char *download_record_write(const struct download_record *record);

/* 0; -EBADMSG for anything that download_record_write does not write. */
int download_record_read(const char *text, size_t length, struct download_record *ret);

#endif
