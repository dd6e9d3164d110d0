/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/cache_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware-cache/utf8.h"

static const char *const code_names[CACHE_ERROR_CODE_COUNT] = {
    [CACHE_ERROR_NONE] = "none",
    [CACHE_ERROR_BUNDLE_DAMAGED] = "bundle-damaged",
    [CACHE_ERROR_BUNDLE_UNSUPPORTED] = "bundle-unsupported",
    [CACHE_ERROR_BUNDLE_TOO_BIG] = "bundle-too-big",
    [CACHE_ERROR_CACHE_FULL] = "cache-full",
    [CACHE_ERROR_DIGEST_MISMATCH] = "digest-mismatch",
    [CACHE_ERROR_INVALID_REQUEST] = "invalid-request",
    [CACHE_ERROR_NOT_FOUND] = "not-found",
    [CACHE_ERROR_WRONG_FAMILY] = "bundle-wrong-family",
    [CACHE_ERROR_HELPER_MISMATCH] = "helper-mismatch",
    [CACHE_ERROR_IN_USE] = "device-busy",
    [CACHE_ERROR_SIGNATURE_MISSING] = "signature-missing",
    [CACHE_ERROR_SIGNATURE_BAD] = "signature-bad",
    [CACHE_ERROR_DOWNLOAD_FAILED] = "download-failed",
    [CACHE_ERROR_IO] = "infrastructure-error",
};

const char *cache_error_code_name(enum cache_error_code code)
{
	if ((unsigned)code >= CACHE_ERROR_CODE_COUNT)
		return "infrastructure-error";
	return code_names[code];
}

int cache_error_set(struct cache_error *e, enum cache_error_code code, const char *format, ...)
{
	char message[sizeof(e->message)]; /* the arguments may point into the message that is replaced */
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);

	e->code = code;
	memcpy(e->message, message, sizeof(message));
	/* Names come from outside, and the cut at the end can fall inside a character. */
	utf8_make_printable(e->message);
	e->evidence[0] = '\0';
	return -EPROTO;
}
