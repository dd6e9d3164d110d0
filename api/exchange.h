/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its answer as values, free of the HTTP library: what the handlers of the routes see.
 */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/sse.h"
#include "api/url.h"
#include "daemon/gateway.h"

#define QUERY_MAX        12u
#define QUERY_NAME_SIZE  32u
#define QUERY_VALUE_SIZE 512u

struct query_item {
	char name[QUERY_NAME_SIZE];
	char value[QUERY_VALUE_SIZE];
};

struct candidate {
	char sha256[65];
	char name[128];
};

struct answer {
	int status;
	const char *content_type; /* NULL: no body */
	char *body;               /* owned, unless `lent` */
	size_t length;
	bool lent;
	bool is_file; /* instead of `body`: `length` bytes from the begin of `file`, owned */
	int file;
	char etag[72];
	char digest[64]; /* RFC 9530, Repr-Digest */
	char location[112];
	char link[512];
	char allow[48];
	unsigned retry_after_s; /* 0: not said */
	bool ask_for_token;
	bool replayed; /* it was given before, to a request with the same Idempotency-Key */
	bool stream;   /* server-sent events as `filter` says, instead of a body */
};

struct exchange {
	struct gateway *gateway;
	bool stopping;                                                    /* the daemon is on its way out */
	char parameter[PARAMETER_SIZE], second_parameter[PARAMETER_SIZE]; /* of the path; "": it has none */
	size_t query_count;
	struct query_item query[QUERY_MAX];
	const char *body;
	size_t body_length;
	bool merge_patch;               /* the body is a JSON Merge Patch (RFC 7396) */
	const char *last_event_id;      /* NULL: not said */
	const char *lease_token;        /* of Dupgate-Lease, for gateway_check_lease(); NULL: none came */
	struct firmware_import *import; /* owned until it is committed */
	struct sse_filter filter;
	struct errand *errand; /* of a request that may change something; NULL: it only looks. Borrowed */
	bool changes_nothing;  /* in the end it only looked */
	/* What a problem says besides the fault. */
	struct job_fault fault;
	int problem_status; /* 0: as the kind of the fault says */
	char member[64];
	const char *remedy;           /* a literal, closer to the case than that of the fault's kind; NULL: none */
	struct candidate *candidates; /* owned */
	size_t candidate_count;
	struct answer answer;
};

void exchange_clear(struct exchange *exchange);

/* The value of a query parameter; NULL when it is not there. Borrowed. */
const char *exchange_query(const struct exchange *exchange, const char *name);

/* "true" or "false". Missing: false. */
int exchange_query_bool(struct exchange *exchange, const char *name, bool *ret);

/* A number from min to max. Missing: *ret stays. */
int exchange_query_number(struct exchange *exchange, const char *name, uint32_t min, uint32_t max, uint32_t *ret);

/* An "invalid-request" with a status of its own (0: 400) and a member (NULL: none). Always -EPROTO. */
int exchange_refuse(struct exchange *exchange, int status, const char *member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "infrastructure-error" with 503 and Retry-After. Always -EPROTO. */
int exchange_unavailable(struct exchange *exchange, unsigned retry_after_s, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Take over the body; NULL is -ENOMEM. */
int exchange_json(struct exchange *exchange, int status, char *json);
int exchange_text(struct exchange *exchange, int status, char *text);

/* 202 with the job and its place. */
int exchange_new_job(struct exchange *exchange, const struct job *job);

/* The firmware, or the holder of the lease, that the request is about: for the audit. */
void exchange_about_firmware(struct exchange *exchange, const char *sha256);
void exchange_about_lease(struct exchange *exchange, const char *holder);

/* Turns the failure `r` of a handler (with the fault, when it is -EPROTO) into the answer. */
void exchange_problem(struct exchange *exchange, int r);

#endif
