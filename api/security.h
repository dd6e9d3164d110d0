/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may talk to a listener. A web page of another origin may not, whatever it sends; a host name that somebody's DNS points at a loopback
 * address may not; from outside of this machine only who knows the token may.
 */
#ifndef API_SECURITY_H
#define API_SECURITY_H

#include "api/head.h"
#include "daemon/job_fault.h"

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

/* Pure. token: that of the configuration, NULL without one. */
bool security_admits(enum listener_kind kind, const char *token, const struct head *head, struct refusal *ret);

/* The content of a token file, without the blanks around it. -EPROTO with a fault when it cannot be read, others may read it, or it has fewer
 * than 16 characters or any that a header cannot carry. Caller frees. */
int security_read_token(const char *path, char **ret, struct job_fault *ret_fault);

#endif
