/* SPDX-License-Identifier: Apache-2.0 */
/* Writes files to send to the modems: the shape of real ones (protocol.md 5), contents of no meaning. */
#ifndef SIMULATOR_MAKE_BUNDLE_H
#define SIMULATOR_MAKE_BUNDLE_H

#include "tests/simulator/options.h"

/* Writes options->bundle and says so on stdout; a failure goes to stderr. Returns the exit status. */
int make_bundle(const struct options *options);
/* The same for options->helper: an ELF32 whose one segment is the file (protocol.md 5). */
int make_helper(const struct options *options);
/* Bytes of no meaning that a zlib stream shrinks as the options ask; *random is never 0 and is left for the next. */
void make_content(const struct options *options, uint64_t *random, uint8_t *out, uint32_t size);
/* Writes the file and says so. Returns the exit status. */
int make_file(const char *path, const uint8_t *bytes, uint64_t size);

#endif
