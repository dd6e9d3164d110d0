/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi_file.h"

/* The assembler takes the file as it is, from the folder that the compiler runs in: no tool, no generated source. */
__asm__(".pushsection .rodata\n"
	"openapi_file_start:\n"
	"\t.incbin \"openapi.yaml\"\n"
	"openapi_file_end:\n"
	"\t.byte 0\n"
	".popsection\n");

extern const char openapi_file_start[], openapi_file_end[];

const char *openapi_file(size_t *ret_length)
{
	*ret_length = (size_t)(openapi_file_end - openapi_file_start);
	return openapi_file_start;
}
