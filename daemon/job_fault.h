/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of fault codes (design 10): class, sentence, remedy. README's table is checked against it by a test.
 */
#ifndef DAEMON_JOB_FAULT_H
#define DAEMON_JOB_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_class { CLASS_TRANSIENT, CLASS_INFRASTRUCTURE, CLASS_DEVICE, CLASS_BUNDLE, CLASS_OPERATOR };
const char *fault_class_name(enum fault_class class); /* "transient" … */
bool fault_class_parse(const char *name, enum fault_class *ret);

struct fault_kind {
	const char *code; /* "modem-silent" */
	enum fault_class class;
	int http_status;    /* when it answers a request: 400, 404, 409, 413, 422, 507 … */
	const char *title;  /* short sentence, the same every time (problem+json title) */
	const char *remedy; /* what a technician does next */
};

/* NULL when there is no such code. fault_kind_at(): walks them, NULL after the last. */
const struct fault_kind *fault_kind_find(const char *code);
const struct fault_kind *fault_kind_at(size_t index);

/* A fault of a job or an answer, by value. kind is never NULL when it is set. */
struct job_fault {
	const struct fault_kind *kind; /* NULL: none */
	char message[512];
	char evidence[384];
	char job[32]; /* device-busy: the job in the way; "" otherwise */
	char remedy
	    [288]; /* closer to the case than that of the kind; "": that is all there is to say. It goes with an answer, and is not stored */
};

/* What to do: the fault's own word, else that of its kind. */
const char *job_fault_remedy(const struct job_fault *fault);

/* Gives it a remedy of its own: what is known of the case, and the commands that help. Always returns -EPROTO. */
int job_fault_advise(struct job_fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills, with no evidence, no job and no remedy of its own; always returns -EPROTO. An unknown code is a bug and aborts. */
int job_fault_set(struct job_fault *f, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
