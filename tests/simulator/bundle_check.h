/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a modem checks while a bundle streams in: the chain of records, nested wrappers and every sum that needs no key
 * (protocol.md 5). Keeps no more than the headers. Pure.
 */
#ifndef SIMULATOR_BUNDLE_CHECK_H
#define SIMULATOR_BUNDLE_CHECK_H

#include "tests/simulator/sums.h"

enum {
	BUNDLE_DEPTH = 4, /* wrappers in wrappers */
	BUNDLE_HEADER_MAX = 20,
	BUNDLE_STARTS = 64, /* records whose places are kept */
	RELEASE_MAX = 48,
	MARKER_MAX = 128,
	DESCRIPTION_MAX = 40, /* what is kept of one */
};

/*
 * What a record says the modem will be: in the first 4 KiB of a record's data, ended by NUL or newline. " UE=" must follow;
 * " BASE=" (the one build that a differential goes on) and " PAIR=1" or " PAIR=2" may.
 */
#define RELEASE_MARKER "DUPGATE-SIM RELEASE="

/* The record that replaces the boot ROM (protocol.md 5); alone, it is a bundle for procedure E. */
#define BOOT_ROM_DESCRIPTION "bootrom upgrade package"
/* The one whose place the application has: it is erased where this record begins. */
#define MAIN_DESCRIPTION "fff upgrade package"

enum bundle_kind { BUNDLE_FULL, BUNDLE_DIFFERENTIAL, BUNDLE_BOOT_ROM, BUNDLE_FIRST, BUNDLE_SECOND };

enum record_part { PART_HEADER, PART_DESCRIPTION, PART_DATA, PART_SIGNATURE };

struct record_level {
	enum record_part part;
	uint8_t header[BUNDLE_HEADER_MAX];
	uint32_t have;          /* bytes of the part so far */
	uint32_t header_length; /* known from the sixth byte on */
	uint32_t data_length;
	uint64_t data_start; /* offset in the bundle */
	uint32_t description_length;
	char description[DESCRIPTION_MAX];
	uint32_t signature_length;
	uint16_t signature_type;
	bool wrapper;
	struct fletcher fletcher;
	uint32_t crc;
	uint8_t signature[4];
	unsigned complete; /* records that ended at this level */
};

struct bundle_check {
	struct record_level levels[BUNDLE_DEPTH];
	uint64_t offset;       /* bytes taken */
	const char *fault;     /* first thing wrong, NULL so far */
	uint64_t fault_offset; /* where it was noticed */
	unsigned records;      /* records begun, wrappers not counted */
	uint64_t next_border;  /* where the record ends that began last; 0 before the first */
	uint64_t starts[BUNDLE_STARTS];
	unsigned boot_roms;     /* of them with the boot ROM */
	unsigned mains;         /* of them with the application */
	unsigned differentials; /* of them DIFF */
	unsigned marker_length; /* bytes of the marker seen */
	char marker[MARKER_MAX];
	char release[RELEASE_MAX]; /* empty: the bundle does not say */
	char ue[RELEASE_MAX];
	char base[RELEASE_MAX]; /* empty: any */
	char pair[RELEASE_MAX]; /* "1", "2" or empty */
};

void bundle_check_start(struct bundle_check *check);
/* Faults stick; bytes after one are only counted. */
void bundle_check_feed(struct bundle_check *check, const uint8_t *bytes, size_t length);
/* At least one record, nothing wrong, and the last byte ended the last record. */
bool bundle_check_whole(const struct bundle_check *check);
/* Bytes in all when one wrapper holds everything; 0: nobody can tell yet. */
uint64_t bundle_check_size(const struct bundle_check *check);
/* Where record `number` begins, or will begin if it is the next; 0: not known. */
uint64_t bundle_check_record(const struct bundle_check *check, uint64_t number);
/* Of a whole bundle. */
enum bundle_kind bundle_check_kind(const struct bundle_check *check);
/* Why it is not whole; NULL when it is. */
const char *bundle_check_fault(const struct bundle_check *check);

#endif
