/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle.h"

#include <string.h>

#define ELF_HEADER_SIZE   52u /* of ELF32 */
#define ELF_CLASS         4u
#define ELF_DATA          5u
#define ELF_MACHINE       18u
#define CLASS_32          1u
#define DATA_LITTLE       1u
#define DATA_BIG          2u
#define MACHINE_OF_HELPER 0xa7u /* protocol.md 5 */

static const uint8_t elf_magic[4] = {0x7f, 'E', 'L', 'F'};

enum helper_kind helper_recognise(const uint8_t *bytes, size_t length, struct cache_error *ret_error)
{
	unsigned machine;

	ret_error->code = CACHE_ERROR_NONE;
	if (length < sizeof(elf_magic) || memcmp(bytes, elf_magic, sizeof(elf_magic)) != 0)
		return HELPER_NONE;
	if (length < ELF_HEADER_SIZE) {
		cache_error_set(ret_error, CACHE_ERROR_BUNDLE_DAMAGED, "the ELF header should be %u bytes, the file ends after %zu",
				ELF_HEADER_SIZE, length);
		return HELPER_NONE;
	}
	if (bytes[ELF_CLASS] != CLASS_32) {
		cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the ELF file is of class %u, a helper is of class %u (ELF32)",
				bytes[ELF_CLASS], CLASS_32);
		return HELPER_NONE;
	}
	if (bytes[ELF_DATA] != DATA_LITTLE && bytes[ELF_DATA] != DATA_BIG) {
		cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the ELF file has byte order %u, a helper has 1 or 2",
				bytes[ELF_DATA]);
		return HELPER_NONE;
	}
	if (bytes[ELF_DATA] == DATA_BIG)
		machine = (unsigned)(bytes[ELF_MACHINE] << 8 | bytes[ELF_MACHINE + 1]);
	else
		machine = (unsigned)(bytes[ELF_MACHINE + 1] << 8 | bytes[ELF_MACHINE]);
	if (machine != MACHINE_OF_HELPER) {
		cache_error_set(ret_error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the ELF file is for machine 0x%x, a helper is for machine 0x%x",
				machine, MACHINE_OF_HELPER);
		return HELPER_NONE;
	}
	return bytes[ELF_DATA] == DATA_BIG ? HELPER_MONARCH1 : HELPER_MONARCH2;
}
