/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of this moment as one block of a stream.
 */
#ifndef API_SNAPSHOT_H
#define API_SNAPSHOT_H

#include "api/sse.h"
#include "daemon/gateway.h"

/* The snapshot that the filter lets through, or, for the stream of one job, that job. *ret_cursor is an event before the state was read: what
 * comes after it may be told twice, but nothing is missed. *ret_last: nothing will follow. A negative errno when it cannot be made; caller
 * frees *ret. */
int snapshot_block(struct gateway *gateway, const struct sse_filter *filter, char **ret, uint64_t *ret_cursor, bool *ret_last);

/* What ended, as events without an id; "" when the filter lets none of them through. Caller frees; NULL without memory. */
char *snapshot_ends_block(const struct sse_filter *filter, const struct missed_end *ends, size_t count);

#endif
