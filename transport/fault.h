/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine says when it cannot go on. A fault is written where the cause is seen
 * and gains a prefix in each layer above it; it is logged or stored by the caller only.
 */
#ifndef TRANSPORT_FAULT_H
#define TRANSPORT_FAULT_H

#include <stddef.h>
#include <stdint.h>

/* The codes of design 10 that the engine itself can end in. Their names are stable; class and
 * remedy live in the daemon's fault table, which a test holds against this list. */
enum fault_code {
	FAULT_NONE = 0,
	FAULT_PORT_IN_USE,
	FAULT_PORT_GONE,
	FAULT_MODEM_SILENT,
	FAULT_MODEM_UNPOWERED,
	FAULT_MODEM_WRONG_RATE,
	FAULT_MODEM_IN_DATA_MODE,
	FAULT_MODEM_ANSWERS_ERROR,
	FAULT_BOARD_NO_BRIDGE,
	FAULT_BOARD_TOO_OLD,
	FAULT_BOOT_MODE_REFUSED,
	FAULT_BOOT_MODE_UNCHANGED,
	FAULT_HELPER_NEEDED,
	FAULT_HELPER_MISMATCH,
	FAULT_HELPER_NOT_STARTING,
	FAULT_BUNDLE_UNSUPPORTED,
	FAULT_BUNDLE_TOO_BIG,
	FAULT_BUNDLE_WRONG_BASE,
	FAULT_BUNDLE_WRONG_FAMILY,
	FAULT_ALREADY_INSTALLED,
	FAULT_DOWNGRADE_REFUSED,
	FAULT_STP_REFUSED,
	FAULT_STP_NO_ANSWER,
	FAULT_STP_DAMAGED,
	FAULT_TRANSFER_STALLED,
	FAULT_APPLY_FAILED,
	FAULT_APPLY_TIMEOUT,
	FAULT_RESTART_TIMEOUT,
	FAULT_RELEASE_MISMATCH,
	FAULT_IDENTITY_CHANGED,
	FAULT_POWER_CYCLE_FAILED,
	FAULT_CODE_COUNT
};

#define FAULT_TEXT_SIZE 384u

/* A plain value: copy it freely. Both texts are NUL-terminated UTF-8; bytes from a modem are escaped. */
struct fault {
	enum fault_code code;
	char message[FAULT_TEXT_SIZE];  /* what happened, in a sentence without a full stop */
	char evidence[FAULT_TEXT_SIZE]; /* the bytes or lines that show it; may be empty */
};

/* The stable name ("modem-silent"); "none" for FAULT_NONE, never NULL. Any thread. */
const char *fault_code_name(enum fault_code code);

/* Replaces *f and clears its evidence. Always returns -EPROTO, so that a function can end in
 * `return fault_set(…)`. f may not be NULL. */
int fault_set(struct fault *f, enum fault_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the message; the tail is cut when it no longer fits. */
void fault_prefix(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps bytes from the wire as evidence, escaped as fault_escape() does. */
void fault_set_evidence(struct fault *f, const void *bytes, size_t length);

/* Writes bytes as printable ASCII: \r \n \t \\ and \xNN for the rest. Always terminates; what does not fit
 * is replaced by "…". Returns the length written. ret_size is at least 8. */
size_t fault_escape(char *ret, size_t ret_size, const void *bytes, size_t length);

#endif
