/* SPDX-License-Identifier: Apache-2.0
 *
 * The form of a signature: taken or refused in words, and a text that goes on behind its fourth line is the same signature.
 */
#include "firmware-cache/signature.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct cache_error error = {0};
	char *text = malloc(length + 2);

	if (!text)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\n';
	int r = signature_check_form(text, length, &error);
	LAW(r == 0 ? error.code == CACHE_ERROR_NONE : error.code == CACHE_ERROR_SIGNATURE_BAD && error.message[0]);
	LAW(r == 0 || length < SIGNATURE_TEXT_MAX || strstr(error.message, "too long"));
	if (r == 0 && length + 1 < SIGNATURE_TEXT_MAX)
		LAW(signature_check_form(text, length + 1, &error) == 0);
	free(text);
	return 0;
}
