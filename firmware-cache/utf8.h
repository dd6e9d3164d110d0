/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes may be shown to people: printable UTF-8, and nothing that can hide or turn text around.
 */
#ifndef FIRMWARE_CACHE_UTF8_H
#define FIRMWARE_CACHE_UTF8_H

#include <stddef.h>

/* Bytes of the printable character that `text` (ended by a NUL) begins with; 0 at the end, for a control or an invisible
 * formatting character, and for bytes that are no UTF-8. */
size_t utf8_printable(const char *text);

/* Puts a '?' in the place of each byte that is no part of a printable character. */
void utf8_make_printable(char *text);

/* The bytes as a string of its own, to be freed by the caller; NULL when there is no memory. Never reads beyond length, as strndup() may. */
char *text_of_bytes(const char *bytes, size_t length);

#endif
