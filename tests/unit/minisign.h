/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and signatures made by the real minisign, in the working folder: keys/NAME.pub and NAME.key, FILE.minisig.
 */
#ifndef TESTS_UNIT_MINISIGN_H
#define TESTS_UNIT_MINISIGN_H

#include <stddef.h>

void minisign_write(const char *name, const void *bytes, size_t length);
size_t minisign_read(const char *name, char *ret, size_t size);
void minisign_make_key(const char *name);
/* format: "-H", or "-l" for the legacy one. The trusted comment is "for the lab". */
void minisign_sign(const char *key, const char *file, const char *format);

#endif
