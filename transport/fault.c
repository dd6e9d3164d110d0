/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

static const char *const code_names[FAULT_CODE_COUNT] = {
    [FAULT_NONE] = "none",
    [FAULT_PORT_IN_USE] = "port-in-use",
    [FAULT_PORT_GONE] = "port-gone",
    [FAULT_MODEM_SILENT] = "modem-silent",
    [FAULT_MODEM_UNPOWERED] = "modem-unpowered",
    [FAULT_MODEM_WRONG_RATE] = "modem-wrong-rate",
    [FAULT_MODEM_IN_DATA_MODE] = "modem-in-data-mode",
    [FAULT_MODEM_ANSWERS_ERROR] = "modem-answers-error",
    [FAULT_BOARD_NO_BRIDGE] = "board-no-bridge",
    [FAULT_BOARD_TOO_OLD] = "board-too-old",
    [FAULT_BOOT_MODE_REFUSED] = "boot-mode-refused",
    [FAULT_BOOT_MODE_UNCHANGED] = "boot-mode-unchanged",
    [FAULT_HELPER_NEEDED] = "helper-needed",
    [FAULT_HELPER_MISMATCH] = "helper-mismatch",
    [FAULT_HELPER_NOT_STARTING] = "helper-not-starting",
    [FAULT_BUNDLE_UNSUPPORTED] = "bundle-unsupported",
    [FAULT_BUNDLE_TOO_BIG] = "bundle-too-big",
    [FAULT_BUNDLE_WRONG_BASE] = "bundle-wrong-base",
    [FAULT_BUNDLE_WRONG_FAMILY] = "bundle-wrong-family",
    [FAULT_ALREADY_INSTALLED] = "already-installed",
    [FAULT_DOWNGRADE_REFUSED] = "downgrade-refused",
    [FAULT_STP_REFUSED] = "stp-refused",
    [FAULT_STP_NO_ANSWER] = "stp-no-answer",
    [FAULT_STP_DAMAGED] = "stp-damaged",
    [FAULT_TRANSFER_STALLED] = "transfer-stalled",
    [FAULT_APPLY_FAILED] = "apply-failed",
    [FAULT_APPLY_TIMEOUT] = "apply-timeout",
    [FAULT_RESTART_TIMEOUT] = "restart-timeout",
    [FAULT_RELEASE_MISMATCH] = "release-mismatch",
    [FAULT_IDENTITY_CHANGED] = "identity-changed",
    [FAULT_POWER_CYCLE_FAILED] = "power-cycle-failed",
};

const char *fault_code_name(enum fault_code code)
{
	if ((unsigned)code >= FAULT_CODE_COUNT || !code_names[code])
		return "none";
	return code_names[code];
}

/* snprintf() cuts at a byte: a character that lost its tail would make the whole text invalid UTF-8 for JSON. */
static void drop_partial_character(char *text)
{
	size_t end = strlen(text);
	size_t start = end;
	size_t wanted = 1;

	while (start > 0 && end - start < 4 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u)
		start--;
	if (start == 0)
		return;
	unsigned char lead = (unsigned char)text[start - 1];
	if (lead >= 0xF0u)
		wanted = 4;
	else if (lead >= 0xE0u)
		wanted = 3;
	else if (lead >= 0xC0u)
		wanted = 2;
	if (end - start + 1 < wanted)
		text[start - 1] = '\0';
}

int fault_set(struct fault *f, enum fault_code code, const char *format, ...)
{
	va_list arguments;

	f->code = code;
	f->evidence[0] = '\0';
	va_start(arguments, format);
	vsnprintf(f->message, sizeof f->message, format, arguments);
	va_end(arguments);
	drop_partial_character(f->message);
	return -EPROTO;
}

void fault_prefix(struct fault *f, const char *format, ...)
{
	char whole[FAULT_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(whole, sizeof whole, format, arguments);
	va_end(arguments);
	size_t used = length < 0 ? 0 : (size_t)length;
	if (used + 3 < sizeof whole) {
		size_t room = sizeof whole - used - 3;
		snprintf(whole + used, sizeof whole - used, ": %.*s", (int)room, f->message);
	}
	memcpy(f->message, whole, sizeof whole);
	drop_partial_character(f->message);
}

void fault_set_evidence(struct fault *f, const void *bytes, size_t length)
{
	fault_escape(f->evidence, sizeof f->evidence, bytes, length);
}

/* Writes one byte as text and returns its length, 4 at most. */
static size_t escape_byte(char ret[5], uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";
	static const struct {
		uint8_t byte;
		char letter;
	} named[] = {{'\r', 'r'}, {'\n', 'n'}, {'\t', 't'}, {'\\', '\\'}};

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
		if (named[i].byte == byte) {
			ret[0] = '\\';
			ret[1] = named[i].letter;
			return 2;
		}
	}
	if (byte >= 0x20 && byte < 0x7F) {
		ret[0] = (char)byte;
		return 1;
	}
	ret[0] = '\\';
	ret[1] = 'x';
	ret[2] = hex[byte >> 4];
	ret[3] = hex[byte & 15u];
	return 4;
}

size_t fault_escape(char *ret, size_t ret_size, const void *bytes, size_t length)
{
	const uint8_t *in = bytes;
	const size_t mark = sizeof ELLIPSIS - 1;
	size_t used = 0;
	size_t fitting = 0; /* how much may stay when the mark has to follow */

	for (size_t i = 0; i < length; i++) {
		char piece[5];
		size_t need = escape_byte(piece, in[i]);

		if (used + need >= ret_size) {
			memcpy(ret + fitting, ELLIPSIS, mark + 1);
			return fitting + mark;
		}
		memcpy(ret + used, piece, need);
		used += need;
		if (used + mark < ret_size)
			fitting = used;
	}
	ret[used] = '\0';
	return used;
}
