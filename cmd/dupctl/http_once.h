/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, sent once: below http_perform(), for nobody else.
 */
#ifndef DUPCTL_HTTP_ONCE_H
#define DUPCTL_HTTP_ONCE_H

#include "cmd/dupctl/http.h"

#define HTTP_KEY_SIZE 37u /* of a UUID as text */

/* As http_perform(), with an Idempotency-Key, NULL: none; and -ECONNRESET when the connection ended after something was sent and before there was a
 * whole answer. */
int http_perform_once(struct http_client *client, const struct http_request *request, const char *key, struct http_response *ret,
		      struct text *ret_error);

/* That of http_client_new(). */
int http_interrupt_fd(const struct http_client *client);

#endif
