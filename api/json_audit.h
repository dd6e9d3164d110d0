/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit as JSON.
 */
#ifndef API_JSON_AUDIT_H
#define API_JSON_AUDIT_H

#include "daemon/errand.h"

/* next: where the next page begins, 0: there is none. Caller frees; NULL: out of memory. */
char *json_view_audit(const struct audit_entry *entries, size_t count, int64_t next);

#endif
