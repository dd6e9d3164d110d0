/* SPDX-License-Identifier: Apache-2.0 */
/* What FFH checks of an ELF helper while it streams in (protocol.md 5). Keeps its first bytes only. Pure. */
#ifndef SIMULATOR_ELF_CHECK_H
#define SIMULATOR_ELF_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_HEAD_MAX = 4096, /* its headers lie within */
	ELF_HEADER = 52,     /* of ELF32 */
	ELF_SEGMENT = 32,    /* a program header */
	ELF_MACHINE = 0xa7,  /* protocol.md 5 */
};

/* Which bundle a helper came with: in its first 4 KiB, ended by NUL. */
#define HELPER_MARKER "DUPGATE-SIM HELPER="

struct elf_check {
	uint8_t head[ELF_HEAD_MAX];
	uint64_t length; /* bytes so far, those that were not kept included */
};

void elf_check_start(struct elf_check *check);
void elf_check_feed(struct elf_check *check, const uint8_t *bytes, size_t length);
/* Why it cannot be run on a modem of that byte order; NULL when it can. Bytes that have not come yet are a reason, too. */
const char *elf_check_fault(const struct elf_check *check, bool big_endian);
/* Bytes in all, as its headers say; 0 while they are not here. */
uint64_t elf_check_size(const struct elf_check *check);
/* Copies the release of its bundle; empty when it does not say one. */
void elf_check_release(const struct elf_check *check, char *out, size_t size);

#endif
