/* SPDX-License-Identifier: Apache-2.0
 *
 * One firmware of the cache, as a value, and what its name and its importer tell of it. design 8.
 */
#ifndef FIRMWARE_CACHE_FIRMWARE_H
#define FIRMWARE_CACHE_FIRMWARE_H

#include "firmware-cache/bundle.h"
#include "firmware-cache/signature.h"

#define FIRMWARE_SHA256_SIZE       65u /* 64 lower-case hex digits and NUL */
#define FIRMWARE_NAME_SIZE         128u
#define FIRMWARE_SOURCE_STATED_MAX 255u /* bytes of where a file came from, as its importer says */
#define FIRMWARE_SOURCE_SIZE       640u /* a URL or "upload", the name of an archive, the path in it */

enum firmware_kind { FIRMWARE_BUNDLE, FIRMWARE_HELPER };
const char *firmware_kind_name(enum firmware_kind kind); /* "bundle", "helper" */

/* What is known besides the bytes. Empty and 0: not known. */
struct firmware_facts {
	char family[16];  /* "monarch1", "monarch2" */
	char release[48]; /* "LR8.0.5.13-59577" */
	uint32_t build;
	uint32_t base_build;               /* a differential from exactly this build */
	char helper[FIRMWARE_SHA256_SIZE]; /* the helper that belongs to this bundle */
	char second[FIRMWARE_SHA256_SIZE]; /* the file that follows this one in the same job (protocol.md 6, 5) */
};

enum signature_verdict {
	SIGNATURE_NONE, /* there is no detached signature */
	SIGNATURE_GOOD,
	SIGNATURE_BAD,
};
const char *signature_verdict_name(enum signature_verdict verdict); /* "none", "good", "bad" */

/* Of the detached signature, with the keys of the moment. */
struct firmware_signature {
	enum signature_verdict verdict;
	struct signature_report report; /* key_id also of a bad one, when it can be read; the rest of a good one */
	char reason[384];               /* of a bad one */
};

struct firmware {
	char sha256[FIRMWARE_SHA256_SIZE];
	char name[FIRMWARE_NAME_SIZE];
	uint64_t size;
	enum firmware_kind kind;
	struct firmware_facts facts;         /* stated over name over content */
	struct firmware_facts stated;        /* of these, what the importer said */
	char source[FIRMWARE_SOURCE_SIZE];   /* "upload" or a URL; of an archive's content also its name and the path in it */
	int64_t imported_at;                 /* Unix time, s */
	int64_t used_at_ns;                  /* Unix time, ns: imported, named by a job, or sent to a modem; told by the store */
	struct bundle *bundle;               /* the records of a bundle, owned; NULL for a helper */
	bool rotten;                         /* its bytes on disk were found to be others; told by the store */
	struct firmware_signature signature; /* told by firmware_judge() alone */
	/* Of a two-file bundle; told by the store, from what is stated, else from the names. */
	unsigned pair_part;               /* 1 or 2; 0: a bundle of its own */
	char partner[FIRMWARE_NAME_SIZE]; /* what the other file is called, whether it is in the cache or not; "": not known */
};

void firmware_clear(struct firmware *firmware);
int firmware_copy(const struct firmware *from, struct firmware *ret);

enum firmware_form {
	FORM_NONE, /* of a helper */
	FORM_FULL,
	FORM_DIFFERENTIAL, /* has a DIFF record, or is said to start from a build */
	FORM_BOOT_ROM,     /* the boot ROM package alone */
	FORM_PAIR_PART,
};
/* What kind of bundle this is: from its records, then from what is known besides. Pure. */
enum firmware_form firmware_form(const struct firmware *firmware);
const char *firmware_form_name(enum firmware_form form); /* "", "full", "differential", "boot-rom", "pair-part" */

/* Reads what a file name tells (protocol.md 5, "Names"): CATM1-39529.dup, upgdiff_33080-to-39529.dup, GM02RB6Q_LR8.0.5.13-59577.dup …
 * Pure. What it does not tell stays empty. */
void firmware_facts_from_name(const char *name, struct firmware_facts *ret);

/* 5 for CAT-M1 (LR5), 6 for NB-IoT (LR6), 0 when the name does not tell (protocol.md 6, 1). Pure. */
unsigned firmware_branch_from_name(const char *name);

/* 1 or 2 when the name is that of the first or second file of a pair ("CATM1-5.2-48829-1.dup"), with the name of the other one; else 0 and
 * "". Pure. */
unsigned firmware_pair_from_name(const char *name, char ret_partner[static FIRMWARE_NAME_SIZE]);

/* 0 when the two can be one firmware in two files, else CACHE_ERROR_INVALID_REQUEST, or CACHE_ERROR_WRONG_FAMILY. Pure. */
int firmware_pair_check(const struct firmware *first, const struct firmware *second, struct cache_error *ret_error);

/* The boot ROM package inside a bundle, header to signature: it can be sent on its own (protocol.md 5 and 7 E). False when there is none
 * or nothing else. Pure. */
bool firmware_boot_rom(const struct firmware *firmware, uint64_t *ret_offset, uint64_t *ret_length);

/* A name for people: 1 to 127 printable characters of UTF-8, no slash, no control character, not "." or "..". */
bool firmware_name_valid(const char *name);

#endif
