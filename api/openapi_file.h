/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.yaml, inside the program.
 */
#ifndef API_OPENAPI_FILE_H
#define API_OPENAPI_FILE_H

#include <stddef.h>

const char *openapi_file(size_t *ret_length);

#endif
