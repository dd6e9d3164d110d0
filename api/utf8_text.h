/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON can carry nothing but UTF-8; everything that goes in or out is held against it here. Pure.
 */
#ifndef API_UTF8_TEXT_H
#define API_UTF8_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing over U+10FFFF. */
bool utf8_text_valid(const char *text, size_t length);

/* A copy in which each byte that is no part of well-formed UTF-8 became the four characters \xNN. Caller frees; NULL without memory. */
char *utf8_text_escape(const char *text, size_t *ret_length);

#endif
