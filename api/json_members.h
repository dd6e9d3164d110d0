/* SPDX-License-Identifier: Apache-2.0
 *
 * The table-driven reader below json_read.h: one rule for each member an object may have.
 */
#ifndef API_JSON_MEMBERS_H
#define API_JSON_MEMBERS_H

#include <jansson.h>

#include "api/json_read.h"

struct member_rule {
	const char *name;
	/* Stores the value. -EINVAL with *ret_error->message filled; the member is filled in by the caller. */
	int (*read)(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error);
	size_t offset, size; /* of the target in *ret */
	bool required;
	int64_t min, max;          /* of a number; of a text: the shortest length */
	const char *const *one_of; /* NULL-terminated; NULL: any text */
	unsigned bit;              /* what a reader with a mask sets */
};

/* Parses the body and gives every member to its rule. An empty body counts as {}. */
int json_read_members(const char *body, size_t length, const struct member_rule *rules, size_t count, void *ret,
		      struct read_error *ret_error);

/* The same of an object inside the body. */
int json_read_object(json_t *object, const struct member_rule *rules, size_t count, void *ret, struct read_error *ret_error);

/* Fills the message. Always -EINVAL. */
int read_error_set(struct read_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Readers of one kind of value. */
int member_text(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error);
/* Text that stands in lists and lines before people. */
int member_name(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error);
int member_lines(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error); /* text with line ends */
int member_digest(const struct member_rule *rule, json_t *value, void *ret,
		  struct read_error *ret_error); /* 64 hexadecimal digits; stored in lower case */
int member_bool(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error);
int member_number(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error);         /* int32_t or uint32_t */
int member_number_or_null(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error); /* null: it stays */
int member_if_leased(const struct member_rule *rule, json_t *value, void *ret,
		     struct read_error *ret_error); /* "refuse" or "wait": a bool, whether to wait */
int member_time(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error); /* int64_t, ms */

#endif
