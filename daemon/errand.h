/* SPDX-License-Identifier: Apache-2.0
 *
 * A request that changes something, as it goes along with its change: its line of the audit, and the answer that its Idempotency-Key stands for.
 * Both are written in the transaction of what is changed where there is one, else right after.
 */
#ifndef DAEMON_ERRAND_H
#define DAEMON_ERRAND_H

#include "daemon/types.h"

#define TOKEN_NAME_SIZE        33u
#define IDEMPOTENCY_KEY_SIZE   256u
#define IDEMPOTENCY_KEPT_MS    86400000 /* design 8: a day */
#define AUDIT_PATH_SIZE        1024u
#define AUDIT_LIMIT_MAX        500u
#define AUDIT_WHO_UNKNOWN_USER UINT32_MAX

/* Who asks. */
struct actor {
	char
	    token[TOKEN_NAME_SIZE]; /* the name of the token that came, never the token; "": none did, or a wrong one that was not needed */
	uint32_t uid;               /* of the other end of a unix socket; AUDIT_WHO_UNKNOWN_USER: it is none */
	int32_t pid;                /* of the same; 0: not known */
	char user[48];              /* the name of that uid; "": it has none */
	char address[48];           /* of a client that came over TCP, without its port; "": it did not */
};

/* "token:NAME", "user:NAME" (or its number), "address:ADDRESS": the best that is known of him. Pure. */
void actor_name(const struct actor *actor, char ret[REQUESTED_BY_SIZE]);

/* One change. No secrets: the path is without its query, the lease is told by its holder. */
struct audit_entry {
	int64_t id; /* 0: not written */
	int64_t at_ms;
	struct actor who;
	char method[8];
	char path[AUDIT_PATH_SIZE];
	char device[DEVICE_ID_SIZE]; /* "", as all below: it has nothing to do with one */
	char job[JOB_ID_SIZE];
	char firmware[65];
	char campaign[JOB_ID_SIZE];
	char lease[64];
	int status;
	char code[32]; /* of the fault; "": none */
};

struct kept_answer {
	int status;
	char location[112];
	char *body; /* owned; NULL: none */
};
void kept_answer_clear(struct kept_answer *answer);

/* In the transaction of which change it is written; ERRAND_ELSEWHERE: right after it. */
enum errand_change { ERRAND_ELSEWHERE, ERRAND_NEW_JOB, ERRAND_JOB, ERRAND_DEVICE, ERRAND_LEASE, ERRAND_CAMPAIGN };

struct campaign;

struct errand {
	enum errand_change change;
	struct audit_entry entry;       /* its status: the one foreseen, until gateway_end_errand() */
	char key[IDEMPOTENCY_KEY_SIZE]; /* "": none came */
	char request_sha256[65];        /* of query and body, with a key */
	/* The answer that a new job will be given, for the key. Called by the thread of the errand with no lock that it could miss. 0 or -ENOMEM. */
	int (*show_job)(const struct job *job, struct kept_answer *ret);
	/* The same of a campaign that is made, or directed, with the status foreseen. */
	int (*show_campaign)(const struct campaign *campaign, int status, struct kept_answer *ret);
	struct kept_answer answer; /* owned; for the key */
	bool written;
};

struct audit_filter {
	char device[DEVICE_ID_SIZE]; /* "": any */
	int64_t before;              /* entries older than this one; 0: from the newest */
	unsigned limit;              /* 1 … AUDIT_LIMIT_MAX */
};

#endif
