/* SPDX-License-Identifier: Apache-2.0
 *
 * All there is to say about a file, also about a damaged one: what is good in it, what is not, and where. Needs no cache. One thread.
 */
#ifndef FIRMWARE_CACHE_SURVEY_H
#define FIRMWARE_CACHE_SURVEY_H

#include "firmware-cache/archive.h"
#include "firmware-cache/firmware.h"

#define SURVEY_FAULTS_MAX 16u
#define SURVEY_NO_RECORD  SIZE_MAX

enum survey_kind { SURVEY_BUNDLE, SURVEY_HELPER, SURVEY_OTHER /* no firmware */ };

enum survey_verdict {
	SURVEY_GOOD,
	SURVEY_UNCHECKED,     /* it has no checksum */
	SURVEY_LEFT_TO_MODEM, /* it has a signature that only the modem can check */
	SURVEY_DAMAGED,
	SURVEY_UNREAD, /* the chain of records breaks off in it */
};
const char *survey_verdict_name(enum survey_verdict verdict); /* "good", "none", "left-to-modem", "damaged", "unread" */

struct survey_fault {
	size_t record; /* its index, or SURVEY_NO_RECORD */
	struct cache_error error;
};

/* One bundle or helper: the file itself, or one of an archive. */
struct survey {
	char name[ARCHIVE_PATH_MAX]; /* the path in the archive, or as the file was called */
	uint64_t size;
	char sha256[FIRMWARE_SHA256_SIZE];
	enum survey_kind kind;
	struct firmware_facts facts; /* of the name, and the family of a helper by its bytes */
	struct bundle bundle;        /* its records, as many as could be read */
	bool broken_off;             /* the last one is where the chain ends before its time */
	size_t fault_count;          /* may be more than there is room for */
	struct survey_fault faults[SURVEY_FAULTS_MAX];
};

enum survey_verdict survey_record_verdict(const struct survey *survey, size_t record);

/* Looks at an open file, called `name`, and at each firmware in it when it is an archive. `found` is called for each; its argument ends with the call.
 * 0: all of it is good; -EBADMSG: something that was told of is not; -EPROTO with *ret_error: the file or the archive cannot be read to its end. */
int survey_file(int fd, const char *name, void (*found)(void *context, const struct survey *survey), void *context,
		struct cache_error *ret_error);

#endif
