/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of what can be asked.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/exchange.h"

#define BODY_MAX      65536u   /* of JSON */
#define BODY_LONG_MAX 2097152u /* of a catalogue, which is a text in JSON where it is signed */

enum body_kind {
	BODY_NONE,
	BODY_NONE_READ, /* none; the handler reads a firmware and runs on the import thread */
	BODY_JSON,      /* kept until it is whole, at most BODY_MAX */
	BODY_JSON_LONG, /* the same, at most BODY_LONG_MAX; the handler runs on the import thread */
	BODY_TEXT,      /* as BODY_JSON, of plain text */
	BODY_FILE,      /* streamed into an import; the handler runs on the import thread */
};

struct route {
	const char *method;
	const char *pattern;                       /* at most one parameter in braces */
	int (*handler)(struct exchange *exchange); /* fills the answer: 0, or -EPROTO with the exchange's fault, or -ENOMEM */
	enum body_kind body;
	const char *query[QUERY_MAX]; /* what it takes, NULL-terminated when fewer */
};

/* NULL after the last. */
const struct route *route_at(size_t index);

/* The route of a method and a raw path; HEAD counts as GET. Fills the exchange's parameter. -EPROTO with the fault: 404, 400 for an id that
 * cannot be one, 405 with Allow. */
int route_find(struct exchange *exchange, const char *method, const char *path, const struct route **ret);

/* The route that takes a body of JSON where `route` takes a file; NULL: there is none. */
const struct route *route_of_json(const struct route *route);

/* Adds one raw parameter of the query: -EPROTO for one the route does not take, one given twice, one that cannot be decoded. */
int route_take_query(struct exchange *exchange, const struct route *route, const char *raw_name, const char *raw_value);

#endif
