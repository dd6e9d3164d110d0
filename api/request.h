/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of one request inside the HTTP library: head, body, answer. Made in the first callback, freed in the completed one.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api/service.h"

/* Callbacks of libmicrohttpd; `door` is a struct door. */
enum MHD_Result request_arrives(void *door, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
				const char *upload, size_t *upload_size, void **request);
void request_completed(void *door, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code);
void connection_changed(void *door, struct MHD_Connection *connection, void **watched, enum MHD_ConnectionNotificationCode code);

/* Leaves a path or a query as it came: taken apart first, decoded later. */
size_t request_keep_escapes(void *context, struct MHD_Connection *connection, char *text);

#endif
