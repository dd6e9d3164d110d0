/* SPDX-License-Identifier: Apache-2.0
 *
 * Splits what a modem sends into lines. Pure: fed bytes, gives lines; however the bytes are cut, the lines are the same.
 */
#ifndef TRANSPORT_AT_PARSER_H
#define TRANSPORT_AT_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/at/at_session.h"

#define AT_LINE_MAX 512u

/* CR and LF each end a line, so that application and FFH look alike (protocol.md 2); empty lines are no lines. NUL, control and
 * high-bit bytes around a line are dropped; inside of one each becomes '?', lest noise be spliced into a final code. Of an
 * over-long line the first AT_LINE_MAX bytes stay. */
struct at_parser {
	char line[AT_LINE_MAX + 1];
	size_t have;   /* bytes of the line so far */
	size_t strong; /* of them up to the last one that is neither blank nor junk */
};

void at_parser_init(struct at_parser *parser);

/* Takes bytes up to the end of the first line. Returns it, NUL-terminated and valid until the next call, or NULL when all was taken
 * without one. *ret_taken: how many; call again with the rest. */
const char *at_parser_feed(struct at_parser *parser, const uint8_t *bytes, size_t length, size_t *ret_taken);

/* A line has begun and not ended. */
bool at_parser_has_partial(const struct at_parser *parser);

/* AT_FINAL_NONE when the line is no final result code. */
enum at_final at_final_of(const char *line);

#endif
