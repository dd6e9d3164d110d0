/* SPDX-License-Identifier: Apache-2.0
 *
 * What every fuzz harness shares. A harness is one decoder and the laws it has to keep; libFuzzer drives it under `make fuzz`, and
 * replay.c plays its corpus in `make test`.
 */
#ifndef TESTS_FUZZ_HARNESS_H
#define TESTS_FUZZ_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The name libFuzzer calls. Always 0; a broken law aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Aborts with the law that does not hold, also without NDEBUG's leave. */
#define LAW(holds)                                                                                                                         \
	do {                                                                                                                               \
		if (!(holds)) {                                                                                                            \
			fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #holds);                                    \
			abort();                                                                                                           \
		}                                                                                                                          \
	} while (0)

/* The length of the next piece of an input that is fed in parts: 1 to 16 bytes, told by the bytes themselves. */
static inline size_t next_piece(const uint8_t *bytes, size_t at, size_t length)
{
	size_t piece = (size_t)(bytes[(at * 7 + 3) % length] & 15u) + 1;

	return piece < length - at ? piece : length - at;
}

#endif
