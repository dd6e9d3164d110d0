/* SPDX-License-Identifier: Apache-2.0 */
#include "api/url.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "api/utf8_text.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One character, escaped or not, moved past. -1 for a bad escape. */
static int take_byte(const char **text, const char *end)
{
	char c = *(*text)++;
	if (c != '%')
		return (uint8_t)c;
	if (end - *text < 2)
		return -1;
	int high = hex_digit((*text)[0]), low = hex_digit((*text)[1]);
	*text += 2;
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int url_decode(const char *text, size_t length, char *ret, size_t size)
{
	const char *end = text + length;
	size_t used = 0;
	while (text < end) {
		int byte = take_byte(&text, end);
		if (byte < 0x20 || byte == 0x7F)
			return -EINVAL;
		if (used + 1 >= size)
			return -ENAMETOOLONG;
		ret[used++] = (char)byte;
	}
	ret[used] = '\0';
	return utf8_text_valid(ret, used) ? 0 : -EINVAL;
}

static enum url_verdict take_parameter(const char *text, size_t length, char ret[static PARAMETER_SIZE])
{
	int r = url_decode(text, length, ret, PARAMETER_SIZE);
	if (r == -ENAMETOOLONG)
		return URL_TOO_LONG;
	if (r < 0 || strchr(ret, '/') != NULL || strcmp(ret, ".") == 0 || strcmp(ret, "..") == 0)
		return URL_REFUSED;
	return URL_FITS;
}

enum url_verdict url_match(const char *pattern, const char *path, char ret_parameter[static PARAMETER_SIZE],
			   char ret_second[static PARAMETER_SIZE])
{
	const char *parameters[2] = {NULL, NULL};
	size_t lengths[2] = {0, 0}, count = 0;
	while (*pattern != '\0') {
		if (*pattern == '{') {
			pattern = strchr(pattern, '}') + 1;
			parameters[count] = path;
			lengths[count] = strcspn(path, "/");
			path += lengths[count];
			if (lengths[count++] == 0)
				return URL_DIFFERS;
		} else if (*pattern++ != *path++) {
			return URL_DIFFERS;
		}
	}
	ret_parameter[0] = ret_second[0] = '\0';
	if (*path != '\0')
		return URL_DIFFERS;
	enum url_verdict verdict = count > 0 ? take_parameter(parameters[0], lengths[0], ret_parameter) : URL_FITS;
	return verdict == URL_FITS && count > 1 ? take_parameter(parameters[1], lengths[1], ret_second) : verdict;
}
