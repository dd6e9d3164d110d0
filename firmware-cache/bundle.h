/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a .dup file: a chain of records, versions 1, 2, 3, PACK nested. Pure: bytes in, records or an exact error out.
 * protocol.md 5.
 */
#ifndef FIRMWARE_CACHE_BUNDLE_H
#define FIRMWARE_CACHE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware-cache/cache_error.h"

#define BUNDLE_RECORDS_MAX 256u
#define BUNDLE_DEPTH_MAX   4u

enum bundle_signature {
	BUNDLE_SIGNATURE_NONE = 0,
	BUNDLE_SIGNATURE_FLETCHER32 = 1,
	BUNDLE_SIGNATURE_ECDSA256 = 2,
	BUNDLE_SIGNATURE_RSA_SHA256 = 3,
	BUNDLE_SIGNATURE_CRC32 = 4,
};

enum bundle_check {
	BUNDLE_CHECK_GOOD,
	BUNDLE_CHECK_NONE,          /* the record carries none */
	BUNDLE_CHECK_LEFT_TO_MODEM, /* RSA, ECDSA: only the modem has the key */
	BUNDLE_CHECK_DAMAGED,       /* only where a watch let the walk go on */
};
const char *bundle_check_name(enum bundle_check check); /* "good", "none", "left-to-modem", "damaged" */
const char *bundle_signature_name(uint16_t type);       /* "Fletcher-32"; "unknown" */

struct bundle_record;
/* What covers a record: "none", "fletcher-32", "crc-32", "rsa", "ecdsa". */
const char *bundle_checksum_name(const struct bundle_record *record);

struct bundle_record {
	char magic[5];
	uint16_t version;
	uint16_t flags;
	uint64_t offset;      /* of the header, in the file */
	uint64_t data_offset; /* of the data, in the file */
	uint32_t size;        /* of the data */
	uint16_t signature_type;
	uint16_t signature_size;
	enum bundle_check check;
	unsigned depth;        /* 0: not inside a PACK */
	char description[128]; /* printable; other bytes are escaped */
};

struct bundle {
	size_t record_count;
	struct bundle_record records[BUNDLE_RECORDS_MAX];
};

/* Walks the whole file: every header, every checksum. 0, or -EPROTO with the record's number, its offset, what was expected
 * and what was found. Never reads outside bytes[0..length). Any thread. */
int bundle_parse(const uint8_t *bytes, size_t length, struct bundle *ret, struct cache_error *ret_error);

#define BUNDLE_PASS_SIZE 262144u

/* Who hears of a walk. Each function may be NULL; they are called from within bundle_parse_watched(). */
struct bundle_watch {
	/* All bytes before this place were read and are not needed soon: a map can let go of them. At least every BUNDLE_PASS_SIZE bytes that are
	 * read; a record in a PACK is read again with the PACK, so the place may go back. */
	void (*passed)(void *context, size_t end);
	/* A record (its index) whose checksum is wrong. With this function the walk goes on behind it; the record's check says damaged. */
	void (*damaged)(void *context, size_t record, const struct cache_error *error);
	void *context;
};

/* As bundle_parse(); with a watch for damage also -EBADMSG: the walk came to its end, and *ret_error is that of the first damaged record. What was
 * found of the records is in *ret whatever is returned; after -EPROTO the last one may be half read. */
int bundle_parse_watched(const uint8_t *bytes, size_t length, const struct bundle_watch *watch, struct bundle *ret,
			 struct cache_error *ret_error);

/* Fletcher-32 as in protocol.md 5. */
uint32_t bundle_fletcher32(const uint8_t *bytes, size_t length);

enum helper_kind { HELPER_NONE, HELPER_MONARCH1 /* ELF32 big-endian, 0xA7 */, HELPER_MONARCH2 /* little-endian */ };

/* HELPER_NONE with *ret_error filled when it is an ELF but no helper; with code NONE when it is no ELF at all. */
enum helper_kind helper_recognise(const uint8_t *bytes, size_t length, struct cache_error *ret_error);

#endif
