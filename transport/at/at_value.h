/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the parameters of one reply line: `+CEREG: 1,0` or a bare `2`. Pure; never sscanf.
 */
#ifndef TRANSPORT_AT_VALUE_H
#define TRANSPORT_AT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct at_value {
	const char *next;
	bool started; /* a field was read: a comma has to come before the next */
	bool failed;  /* sticky: once a read failed all later ones do */
};

/* Positions after `prefix` ("+CEREG:") and blanks; prefix "" reads from the start. False when the line has another prefix. */
bool at_value_begin(struct at_value *value, const char *line, const char *prefix);

/* The next decimal integer; commas separate. False (and sticky) when it is none or does not fit. */
bool at_value_int(struct at_value *value, int64_t *ret);

/* The next string, quoted or bare up to a comma. */
bool at_value_string(struct at_value *value, char *ret, size_t ret_size);

/* True when nothing is left and nothing failed. */
bool at_value_end(const struct at_value *value);

#endif
