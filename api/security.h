/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may talk to a listener. A web page of another origin may not, whatever it sends; a host name that somebody's DNS points at a loopback
 * address may not; from outside of this machine only who knows the token may.
 */
#ifndef API_SECURITY_H
#define API_SECURITY_H

#include "api/head.h"
#include "api/tokens.h"

enum listener_kind {
	LISTENER_UNIX,     /* the file's mode decides */
	LISTENER_LOOPBACK, /* everybody on this machine */
	LISTENER_OPEN,     /* a token is needed */
};

struct refusal {
	int status;
	const char *why;
	bool ask_for_token;
};

/* Pure. tokens: those of the configuration, NULL without any. */
bool security_admits(enum listener_kind kind, const struct token_ring *tokens, const struct head *head, struct refusal *ret);

/* The name of the token that came; NULL: none came, or none of these. Borrowed. Pure. */
const char *security_token_name(const struct token_ring *tokens, const struct head *head);

#endif
