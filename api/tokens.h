/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of the configuration's token_file, each with a name that the audit calls its bearer by.
 */
#ifndef API_TOKENS_H
#define API_TOKENS_H

#include "daemon/errand.h"

#define TOKEN_NAME_DEFAULT "token" /* of a token that was given none */

struct token_ring;

/* The lines of a token file without the blanks around them: NAME:TOKEN, or a TOKEN alone. A name is 1 to 32 characters of [A-Za-z0-9._-]. A file of one
 * line whose token has a colon in it was written before there were names: then the whole line is a token, too. -EPROTO with a fault when it cannot
 * be read, others may read it, or a token has fewer than 16 characters, or any that a header cannot carry, or a name or token is there twice. */
int token_ring_read(const char *path, struct token_ring **ret, struct job_fault *ret_fault);
void token_ring_free(struct token_ring *ring);

/* The name of a token; NULL: it is none of them, or ring is NULL. Takes as long for a wrong one as for a right one of that length. Borrowed. */
const char *token_ring_find(const struct token_ring *ring, const char *token);

#endif
