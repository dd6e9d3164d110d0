/* SPDX-License-Identifier: Apache-2.0
 *
 * The path and the query of a request, as raw text, taken apart. Pure. A part is split off first and percent-decoded once after that, so
 * that an encoded slash can never make a new part.
 */
#ifndef API_URL_H
#define API_URL_H

#include <stdbool.h>
#include <stddef.h>

#define PARAMETER_SIZE 256u

enum url_verdict {
	URL_FITS,
	URL_DIFFERS,  /* another path */
	URL_REFUSED,  /* the path fits, but its parameter can be no id: bad escape, control character, slash, no UTF-8, "." or ".." */
	URL_TOO_LONG, /* … is longer than any id */
};

/* Decodes `length` characters. -EINVAL for a bad escape, a NUL or another control character, or bytes that are no UTF-8; -ENAMETOOLONG
 * when it does not fit into `size` with its NUL. */
int url_decode(const char *text, size_t length, char *ret, size_t size);

/* Holds the raw path against a pattern such as "/jobs/{id}/attempts/{number}", whose parameters go, decoded, to `ret_parameter` and
 * `ret_second` ("" when the pattern has none). */
enum url_verdict url_match(const char *pattern, const char *path, char ret_parameter[static PARAMETER_SIZE],
			   char ret_second[static PARAMETER_SIZE]);

#endif
