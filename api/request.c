/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/head.h"
#include "api/references.h"
#include "api/reply.h"
#include "api/routes.h"
#include "api/sender.h"

/* How long a connection may take for its first head, from one request to the next head, and for a body. */
#define FIRST_HEAD_S  10u
#define NEXT_HEAD_S   30u
#define BODY_S        30u
#define FILE_BODY_S   900u
#define ANSWER_S      60u
#define FILE_ANSWER_S 900u

/* What a client still sends after it was refused is read and dropped, so that it gets to read why; but not more than this, or a whole file. When
 * more than a little comes, it is told at once. */
#define DROPPED_MAX    1048576u
#define DROPPED_LITTLE 65536u

/* What the pattern of a route that is for one device begins with. */
#define OF_A_DEVICE "/devices/{id}"

#define STOPPING_RETRY_S 10u
#define BUSY_RETRY_S     5u

struct request {
	struct door *door;
	struct MHD_Connection *connection;
	struct watched *watched;
	const struct route *route;
	struct head head;
	char path[AUDIT_PATH_SIZE]; /* of a request with effects: for its errand */
	struct errand_visit visit;
	struct exchange exchange;
	int refused; /* what went wrong before the handler; 0: nothing */
	bool refuse_now;
	bool answered;       /* in the middle of the body: only the end of the connection may follow */
	atomic_bool handled; /* the answer is there; hands it over from the import thread */
	char *body;
	size_t body_length, body_size;
	uint64_t dropped;
	struct import_task task;
	struct event_client *client;
};

static enum MHD_Result add_field(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	head_add(context, name, value);
	return MHD_YES;
}

static enum MHD_Result add_query(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	struct request *request = context;
	request->refused = route_take_query(&request->exchange, request->route, name, value != NULL ? value : "");
	return request->refused == 0 ? MHD_YES : MHD_NO;
}

static int check_sender(struct request *request)
{
	struct refusal refusal;
	struct service *service = request->door->service;
	if (security_admits(request->door->listener->kind, service->tokens, &request->head, &refusal))
		return 0;
	request->exchange.answer.ask_for_token = refusal.ask_for_token;
	return exchange_refuse(&request->exchange, refusal.status, NULL, "%s", refusal.why);
}

static bool takes_no_body(const struct route *route)
{
	return route->body == BODY_NONE || route->body == BODY_NONE_READ;
}

/* `curl -d` and `curl --data-binary` call every body a form; a page can send a form anywhere, but not without its Origin. */
static int check_content_type(struct request *request)
{
	const struct head *head = &request->head;
	if (takes_no_body(request->route) || head->fields[HEAD_CONTENT_TYPE] == NULL ||
	    head_media_type_is(head, "application/x-www-form-urlencoded"))
		return 0;
	bool json = head_media_type_is(head, "application/json") ||
		    (strcmp(head->method, "PATCH") == 0 && head_media_type_is(head, "application/merge-patch+json"));
	if (request->route->body == BODY_JSON || request->route->body == BODY_JSON_LONG)
		return json ? 0 : exchange_refuse(&request->exchange, 415, NULL, "the body must be application/json");
	if (request->route->body == BODY_TEXT)
		return head_media_type_is(head, "text/plain") || head_media_type_is(head, "application/octet-stream")
			   ? 0
			   : exchange_refuse(&request->exchange, 415, NULL, "the body must be the file itself, as text/plain");
	if (json && route_of_json(request->route) != NULL) {
		request->route = route_of_json(request->route);
		return 0;
	}
	if (head_media_type_is(head, "application/octet-stream"))
		return 0;
	return exchange_refuse(&request->exchange, 415, NULL,
			       "the body must be the file itself, as application/octet-stream, or its url in application/json");
}

static unsigned body_max(const struct route *route)
{
	return takes_no_body(route) ? 0 : route->body == BODY_JSON_LONG ? BODY_LONG_MAX : BODY_MAX;
}

/* What waits for the disk for long does it where nobody else waits for it. */
static bool has_own_thread(const struct route *route)
{
	return route->body == BODY_FILE || route->body == BODY_NONE_READ || route->body == BODY_JSON_LONG;
}

static int refuse_length(struct request *request)
{
	if (takes_no_body(request->route))
		return exchange_refuse(&request->exchange, 400, NULL, "this request takes no body");
	return exchange_refuse(&request->exchange, 413, NULL, "the body is over %u bytes", body_max(request->route));
}

static int check_length(struct request *request)
{
	uint64_t length = head_content_length(&request->head), limit = body_max(request->route);
	if (request->route->body != BODY_FILE)
		return length > limit ? refuse_length(request) : 0;
	int r = upload_begin(&request->exchange, length);
	request->refuse_now = r < 0 && length > gateway_config(request->exchange.gateway)->max_size;
	return r;
}

static int check_key(struct request *request)
{
	const struct head *head = &request->head;
	const char *key = head->fields[HEAD_IDEMPOTENCY_KEY];
	if (key == NULL || strcmp(head->method, "POST") != 0)
		return 0;
	const char *problem =
	    head->counts[HEAD_IDEMPOTENCY_KEY] > 1 ? "there must be one Idempotency-Key, not several" : errand_key_problem(key);
	return problem != NULL ? exchange_refuse(&request->exchange, 400, NULL, "%s", problem) : 0;
}

static int check_head(struct request *request, const char *path)
{
	struct exchange *exchange = &request->exchange;
	int r = check_sender(request);
	if (r == 0 && exchange->stopping)
		r = exchange_unavailable(exchange, STOPPING_RETRY_S, "the daemon is stopping");
	if (r == 0)
		r = route_find(exchange, request->head.method, path, &request->route);
	if (r < 0)
		return r;
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, add_query, request);
	if (request->refused < 0)
		return request->refused;
	snprintf(request->path, sizeof(request->path), "%s", path);
	r = check_content_type(request);
	if (r == 0)
		r = check_key(request);
	return r < 0 ? r : check_length(request);
}

static struct watched *watched_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

static struct request *request_new(struct door *door, struct MHD_Connection *connection, const char *method, const char *version)
{
	struct request *request = calloc(1, sizeof(*request));
	if (request == NULL)
		return NULL;
	struct service *service = door->service;
	request->door = door;
	request->connection = connection;
	request->watched = watched_of(connection);
	request->head.method = method;
	request->head.before_1_1 = strcmp(version, "HTTP/1.1") != 0;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_field, &request->head);
	request->exchange.gateway = service->gateway;
	request->exchange.merge_patch = head_media_type_is(&request->head, "application/merge-patch+json");
	request->exchange.stopping = atomic_load(&service->stopping);
	request->exchange.lease_token = request->head.fields[HEAD_DUPGATE_LEASE];
	request->exchange.last_event_id = request->head.fields[HEAD_LAST_EVENT_ID];
	pthread_mutex_lock(&service->lock);
	service->open_requests++;
	pthread_mutex_unlock(&service->lock);
	return request;
}

static void request_free(struct request *request)
{
	struct service *service = request->door->service;
	event_client_free(request->client);
	exchange_clear(&request->exchange);
	free(request->body);
	free(request);
	pthread_mutex_lock(&service->lock);
	service->open_requests--;
	pthread_cond_signal(&service->completed);
	pthread_mutex_unlock(&service->lock);
}

static enum MHD_Result send_stream(struct request *request)
{
	struct MHD_Response *response = NULL;
	struct exchange *exchange = &request->exchange;
	int r = event_client_new(request->door->service->hub, request->connection, &exchange->filter, &request->client, &response);
	if (r == -EBUSY)
		r = exchange_unavailable(exchange, BUSY_RETRY_S, "there are %u event streams already",
					 gateway_config(exchange->gateway)->max_event_clients);
	if (r < 0) {
		exchange->answer.stream = false;
		exchange_problem(exchange, r);
		return reply_send(request->connection, &exchange->answer);
	}
	patience_set(request->door->service->patience, request->watched, 0);
	return reply_send_stream(request->connection, response, &exchange->answer);
}

static enum MHD_Result send_answer(struct request *request)
{
	struct answer *answer = &request->exchange.answer;
	patience_set(request->door->service->patience, request->watched, answer->is_file ? FILE_ANSWER_S : ANSWER_S);
	/* A HEAD of a stream has nothing to follow. */
	if (answer->stream && strcmp(request->head.method, "HEAD") != 0)
		return send_stream(request);
	return reply_send(request->connection, answer);
}

static int call_handler(struct request *request)
{
	struct exchange *exchange = &request->exchange;
	int r = 0;
	if (strncmp(request->route->pattern, OF_A_DEVICE, strlen(OF_A_DEVICE)) == 0) {
		r = reference_device(exchange, exchange->parameter, exchange->parameter, sizeof(exchange->parameter));
		if (r == 0)
			errand_name_device(exchange, exchange->parameter);
	}
	return r < 0 ? r : request->route->handler(exchange);
}

/* The digest of a file is its key: the same bytes again are answered with the firmware that is there. */
static bool minds_key(const struct request *request)
{
	return strcmp(request->head.method, "POST") == 0 && request->route->body != BODY_FILE;
}

static void run_errand(struct request *request)
{
	struct actor who;
	const struct errand_terms terms = {
	    .method = request->head.method,
	    .path = request->path,
	    .pattern = request->route->pattern,
	    .key = minds_key(request) ? request->head.fields[HEAD_IDEMPOTENCY_KEY] : NULL,
	    .who = &who,
	};
	sender_name(request->connection, security_token_name(request->door->service->tokens, &request->head), &who);
	int entered = errand_enter(&request->visit, request->door->service->desk, &request->exchange, &terms);
	int r = entered == 0 ? call_handler(request) : entered;
	if (r < 0)
		exchange_problem(&request->exchange, r);
	errand_leave(&request->visit, entered == 0);
}

static void run_handler(void *context)
{
	struct request *request = context;
	if (head_has_effects(&request->head)) {
		run_errand(request);
	} else {
		int r = call_handler(request);
		if (r < 0)
			exchange_problem(&request->exchange, r);
	}
	atomic_store_explicit(&request->handled, true, memory_order_release);
}

static enum MHD_Result refuse(struct request *request)
{
	exchange_problem(&request->exchange, request->refused);
	return send_answer(request);
}

static enum MHD_Result begin(struct request *request, const char *path)
{
	request->refused = check_head(request, path);
	bool file = request->route != NULL && request->route->body == BODY_FILE;
	patience_set(request->door->service->patience, request->watched, file ? FILE_BODY_S : BODY_S);
	if (request->refused == 0)
		return MHD_YES;
	/* A client that asked first, or has more to send than is worth dropping, is told at once; the connection then closes. */
	bool asked_first = request->head.fields[HEAD_EXPECT] != NULL;
	if (asked_first || request->refuse_now || head_content_length(&request->head) > DROPPED_MAX)
		return refuse(request);
	return MHD_YES;
}

static int keep_body(struct request *request, const char *bytes, size_t length)
{
	if (takes_no_body(request->route) || length > body_max(request->route) - request->body_length)
		return refuse_length(request);
	size_t needed = request->body_length + length;
	if (needed > request->body_size) {
		size_t size = needed * 2;
		char *grown = realloc(request->body, size);
		if (grown == NULL)
			return -ENOMEM;
		request->body = grown;
		request->body_size = size;
	}
	memcpy(request->body + request->body_length, bytes, length);
	request->body_length = needed;
	return 0;
}

static enum MHD_Result drop_body(struct request *request, size_t length)
{
	uint64_t most = DROPPED_MAX, max_size = gateway_config(request->exchange.gateway)->max_size;
	if (request->route != NULL && request->route->body == BODY_FILE && max_size > most)
		most = max_size;
	firmware_import_abort(request->exchange.import);
	request->exchange.import = NULL;
	request->dropped += length;
	if (request->dropped > DROPPED_LITTLE && !request->answered) {
		request->answered = true;
		exchange_problem(&request->exchange, request->refused);
		if (!reply_send_early(request->connection, &request->exchange.answer))
			return MHD_NO;
	}
	return request->dropped > most ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_body(struct request *request, const char *bytes, size_t length)
{
	if (request->refused == 0)
		request->refused = request->route->body == BODY_FILE ? upload_append(&request->exchange, bytes, length)
								     : keep_body(request, bytes, length);
	if (request->refused == 0)
		return MHD_YES;
	return drop_body(request, length);
}

static enum MHD_Result end(struct request *request)
{
	if (request->answered)
		return MHD_NO;
	if (request->refused < 0)
		return refuse(request);
	request->exchange.body = request->body;
	request->exchange.body_length = request->body_length;
	if (!has_own_thread(request->route)) {
		run_handler(request);
		return send_answer(request);
	}
	request->task = (struct import_task){.run = run_handler, .context = request, .connection = request->connection};
	if (import_worker_submit(request->door->service->worker, &request->task) == 0)
		return MHD_YES;
	request->refused = exchange_unavailable(&request->exchange, BUSY_RETRY_S, "too many files are being added or read");
	return refuse(request);
}

enum MHD_Result request_arrives(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
				const char *upload, size_t *upload_size, void **request_slot)
{
	struct request *request = *request_slot;
	if (request == NULL) {
		request = request_new(context, connection, method, version);
		*request_slot = request;
		return request != NULL ? begin(request, url) : MHD_NO;
	}
	if (*upload_size > 0) {
		size_t length = *upload_size;
		*upload_size = 0;
		return take_body(request, upload, length);
	}
	return atomic_load_explicit(&request->handled, memory_order_acquire) ? send_answer(request) : end(request);
}

void request_completed(void *context, struct MHD_Connection *connection, void **request_slot, enum MHD_RequestTerminationCode code)
{
	(void)context, (void)connection, (void)code;
	struct request *request = *request_slot;
	*request_slot = NULL;
	if (request == NULL)
		return;
	patience_set(request->door->service->patience, request->watched, NEXT_HEAD_S);
	request_free(request);
}

void connection_changed(void *context, struct MHD_Connection *connection, void **watched, enum MHD_ConnectionNotificationCode code)
{
	struct patience *patience = ((struct door *)context)->service->patience;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		patience_remove(patience, *watched);
		*watched = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*watched = info != NULL ? patience_add(patience, info->connect_fd, FIRST_HEAD_S) : NULL;
}

size_t request_keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context, (void)connection;
	return strlen(text);
}
