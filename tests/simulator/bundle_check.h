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
	RELEASE_MAX = 48,
	MARKER_MAX = 128,
};

/* What a record says the modem will be: in the first 4 KiB of a record's data, ended by NUL or newline. */
#define RELEASE_MARKER "DUPGATE-SIM RELEASE="

enum record_part { PART_HEADER, PART_DESCRIPTION, PART_DATA, PART_SIGNATURE };

struct record_level {
	enum record_part part;
	uint8_t header[BUNDLE_HEADER_MAX];
	uint32_t have;          /* bytes of the part so far */
	uint32_t header_length; /* known from the sixth byte on */
	uint32_t data_length;
	uint64_t data_start; /* offset in the bundle */
	uint32_t description_length;
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
	uint64_t offset;        /* bytes taken */
	const char *fault;      /* first thing wrong, NULL so far */
	uint64_t fault_offset;  /* where it was noticed */
	unsigned records;       /* records begun, wrappers not counted */
	unsigned marker_length; /* bytes of the marker seen */
	char marker[MARKER_MAX];
	char release[RELEASE_MAX]; /* empty: the bundle does not say */
	char ue[RELEASE_MAX];
};

void bundle_check_start(struct bundle_check *check);
/* Faults stick; bytes after one are only counted. */
void bundle_check_feed(struct bundle_check *check, const uint8_t *bytes, size_t length);
/* At least one record, nothing wrong, and the last byte ended the last record. */
bool bundle_check_whole(const struct bundle_check *check);
/* Why it is not whole; NULL when it is. */
const char *bundle_check_fault(const struct bundle_check *check);

#endif
