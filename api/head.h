/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a request's head that this API looks at, borrowed from the HTTP library for as long as the request lives. Pure.
 */
#ifndef API_HEAD_H
#define API_HEAD_H

#include <stdbool.h>
#include <stdint.h>

enum head_field {
	HEAD_HOST,
	HEAD_ORIGIN,
	HEAD_SEC_FETCH_SITE,
	HEAD_SEC_FETCH_MODE,
	HEAD_AUTHORIZATION,
	HEAD_CONTENT_TYPE,
	HEAD_CONTENT_LENGTH,
	HEAD_EXPECT,
	HEAD_LAST_EVENT_ID,
	HEAD_DUPGATE_LEASE,
	HEAD_IDEMPOTENCY_KEY,
	HEAD_FIELD_COUNT
};

struct head {
	const char *method;
	bool before_1_1;                      /* HTTP/1.0: no Host is needed */
	const char *fields[HEAD_FIELD_COUNT]; /* NULL: not there */
	unsigned counts[HEAD_FIELD_COUNT];
};

/* Keeps the field when it is one of those above; the first of several. */
void head_add(struct head *head, const char *name, const char *value);

/* GET and HEAD have none. */
bool head_has_effects(const struct head *head);

/* 0 when it is not said. */
uint64_t head_content_length(const struct head *head);

/* True when the media type, without its parameters, is `type`. */
bool head_media_type_is(const struct head *head, const char *type);

#endif
