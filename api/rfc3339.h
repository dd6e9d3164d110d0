/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as the API writes and reads them. Pure.
 */
#ifndef API_RFC3339_H
#define API_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC3339_SIZE 32u

/* "2026-03-01T10:15:30.250Z" from Unix time in ms. */
void rfc3339_from_ms(int64_t unix_ms, char ret[static RFC3339_SIZE]);

/* "2026-03-01T10:15:30Z" from Unix time in s. */
void rfc3339_from_s(int64_t unix_s, char ret[static RFC3339_SIZE]);

/* Any offset, 0 to 9 digits of fraction (cut to ms), years 1970 to 9999; a leap second counts as the second after. False for anything else. */
bool rfc3339_parse(const char *text, int64_t *ret_unix_ms);

#endif
