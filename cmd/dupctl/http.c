/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/http_once.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS  60000L
#define FILE_SILENCE_S     120L
#define BODY_MAX           (256u << 20)
#define PROBLEM_MAX        65536u

struct http_client {
	char *base; /* "http://host:port", without a slash at the end */
	char *socket_path;
	char *authorization; /* the header line; NULL: none */
	const char *leases;  /* NULL: none */
	int interrupt_fd;
};

struct http_stream {
	struct http_client *client;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct sse_parser *parser;
	struct text body;
	int64_t heard_ms;
};

struct exchange {
	struct http_response *response;
	const struct http_upload *upload;
	FILE *download;
	CURL *easy;
	int64_t sent;
	int interrupt_fd;
	bool interrupted, file_failed, write_failed;
};

int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void url_escape(struct text *text, const char *part)
{
	for (; *part; part++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *part))
			text_addn(text, part, 1);
		else
			text_addf(text, "%%%02X", (unsigned char)*part);
	}
}

static bool url_valid(const char *url)
{
	CURLU *parts = curl_url();
	bool valid = parts && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) &&
		     curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;

	curl_url_cleanup(parts);
	return valid;
}

static void url_refuse(struct text *error, const char *url)
{
	text_add(error, "'");
	text_add_clean(error, url);
	text_add(error, "' is no URL of a daemon: http://host:port, https://host:port or unix:/path");
}

int http_client_new(const char *url, const char *token, int interrupt_fd, struct http_client **ret, struct text *ret_error)
{
	struct http_client *client;
	bool local = strncmp(url, "unix:/", 6) == 0;
	text_owned header = {0};

	if (!local && !url_valid(url)) {
		url_refuse(ret_error, url);
		return -EINVAL;
	}
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->interrupt_fd = interrupt_fd;
	client->base = strdup(local ? "http://localhost" : url);
	client->socket_path = local ? strdup(url + strlen("unix:")) : NULL;
	if (token) {
		text_addf(&header, "Authorization: Bearer %s", token);
		client->authorization = strdup(header.bytes);
	}
	if (!client->base || (local && !client->socket_path) || (token && !client->authorization) ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		http_client_free(client);
		return -ENOMEM;
	}
	while (client->base[0] && client->base[strlen(client->base) - 1] == '/')
		client->base[strlen(client->base) - 1] = '\0';
	*ret = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	free(client->base);
	free(client->socket_path);
	free(client->authorization);
	free(client);
	curl_global_cleanup();
}

void http_client_bring_leases(struct http_client *client, const char *tokens)
{
	client->leases = tokens;
}

void http_response_clear(struct http_response *response)
{
	text_clear(&response->body);
}

static bool fd_readable(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&poller, 1, 0) > 0;
}

static size_t file_take(const char *bytes, size_t length, struct exchange *exchange)
{
	size_t taken = fwrite(bytes, 1, length, exchange->download);

	exchange->write_failed = taken < length;
	return taken;
}

static size_t body_take(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	long status = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	if (exchange->download && status == 200)
		return file_take(bytes, size * count, exchange);
	if (exchange->response->body.length + size * count > BODY_MAX)
		return 0;
	text_addn(&exchange->response->body, bytes, size * count);
	return size * count;
}

static size_t body_give(char *buffer, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	size_t length = fread(buffer, 1, size * count, exchange->upload->file);

	exchange->sent += (int64_t)length;
	if (ferror(exchange->upload->file) || (length == 0 && exchange->sent < exchange->upload->size)) {
		exchange->file_failed = true;
		return CURL_READFUNC_ABORT;
	}
	return length;
}

static int transfer_watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct exchange *exchange = context;

	(void)down_total, (void)down, (void)up_total;
	if (exchange->upload && exchange->upload->progress)
		exchange->upload->progress(exchange->upload->context, up);
	exchange->interrupted = fd_readable(exchange->interrupt_fd);
	return exchange->interrupted;
}

/* What every request has in common. No proxy: the daemon is on this host or in its network. */
static CURL *easy_new(const struct http_client *client, const char *path, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();
	text_owned url = {0};

	if (!easy)
		return NULL;
	text_addf(&url, "%s%s", client->base, path);
	curl_easy_setopt(easy, CURLOPT_URL, url.bytes);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "dupctl/" DUPGATE_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (client->socket_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
	return easy;
}

static struct curl_slist *headers_new(const struct http_client *client, const char *first)
{
	struct curl_slist *headers = curl_slist_append(NULL, first);

	/* No "100 Continue" round trip: the daemon says what it has to say in its answer. */
	headers = curl_slist_append(headers, "Expect:");
	if (client->authorization)
		headers = curl_slist_append(headers, client->authorization);
	return headers;
}

/* A patch of ours says what changes: of an object in it, too, what it does not name stays. */
static const char *content_type(const struct http_request *request)
{
	if (request->upload)
		return "Content-Type: application/octet-stream";
	return strcmp(request->method, "PATCH") == 0 ? "Content-Type: application/merge-patch+json" : "Content-Type: application/json";
}

static struct curl_slist *lease_add(struct curl_slist *headers, const struct http_client *client, const char *method)
{
	text_owned line = {0};

	if (!client->leases || strcmp(method, "GET") == 0)
		return headers;
	text_addf(&line, "Dupgate-Lease: %s", client->leases);
	return curl_slist_append(headers, line.bytes);
}

static struct curl_slist *key_add(struct curl_slist *headers, const char *key)
{
	text_owned line = {0};

	if (!key)
		return headers;
	text_addf(&line, "Idempotency-Key: %s", key);
	return curl_slist_append(headers, line.bytes);
}

int http_interrupt_fd(const struct http_client *client)
{
	return client->interrupt_fd;
}

static void body_prepare(CURL *easy, const struct http_request *request, struct exchange *exchange)
{
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, FILE_SILENCE_S);
	if (request->upload) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->upload->size);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, body_give);
		curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
		return;
	}
	if (!request->download)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
	if (request->body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	else if (strcmp(request->method, "POST") == 0)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
}

static int exchange_explain(const struct http_client *client, const struct exchange *exchange, CURLcode code, const char *detail,
			    struct text *error)
{
	if (exchange->interrupted) {
		text_add(error, "interrupted");
		return -EINTR;
	}
	if (exchange->file_failed) {
		text_add(error, "the file cannot be read to its end, or changed while it was read");
		return -EIO;
	}
	if (exchange->write_failed) {
		text_addf(error, "the file cannot be written: %s", strerror(errno));
		return -EIO;
	}
	text_addf(error, "the daemon at %s%s does not answer: %s", client->socket_path ? "unix:" : client->base,
		  client->socket_path ? client->socket_path : "", *detail ? detail : curl_easy_strerror(code));
	if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE)
		return -ECONNRESET;
	return code == CURLE_WRITE_ERROR ? -EIO : -ECONNREFUSED;
}

int http_perform_once(struct http_client *client, const struct http_request *request, const char *key, struct http_response *ret,
		      struct text *ret_error)
{
	struct exchange exchange = {
	    .response = ret, .upload = request->upload, .download = request->download, .interrupt_fd = client->interrupt_fd};
	struct curl_slist *headers = key_add(lease_add(headers_new(client, content_type(request)), client, request->method), key);
	CURL *easy = easy_new(client, request->path, headers);
	char detail[CURL_ERROR_SIZE] = "";
	char *type = NULL;
	curl_off_t retry_after_s = 0;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	*ret = (struct http_response){0};
	exchange.easy = easy;
	if (easy) {
		body_prepare(easy, request, &exchange);
		curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_take);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, transfer_watch);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
		code = curl_easy_perform(easy);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &ret->status);
		curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
		curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
		ret->may_come_again = retry_after_s > 0;
		snprintf(ret->content_type, sizeof(ret->content_type), "%s", type ? type : "");
	}
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	/* An upload that is refused early may end in a closed connection: the answer that came before counts. */
	if (code == CURLE_OK || (ret->status >= 400 && ret->body.length > 0 && !exchange.interrupted))
		return 0;
	return exchange_explain(client, &exchange, code, detail, ret_error);
}

static size_t stream_take(char *bytes, size_t size, size_t count, void *context)
{
	struct http_stream *stream = context;

	stream->heard_ms = monotonic_ms();
	if (http_stream_status(stream) == 200)
		sse_parser_feed(stream->parser, bytes, size * count);
	else if (stream->body.length < PROBLEM_MAX)
		text_addn(&stream->body, bytes, size * count);
	return size * count;
}

int http_stream_open(struct http_client *client, const char *path, struct sse_parser *parser, struct http_stream **ret)
{
	struct http_stream *stream = calloc(1, sizeof(*stream));
	text_owned last_id = {0};

	if (!stream)
		return -ENOMEM;
	sse_parser_restart(parser);
	*stream = (struct http_stream){.client = client, .parser = parser, .heard_ms = monotonic_ms()};
	stream->headers = headers_new(client, "Accept: text/event-stream");
	if (*sse_parser_last_id(parser)) {
		text_addf(&last_id, "Last-Event-ID: %s", sse_parser_last_id(parser));
		stream->headers = curl_slist_append(stream->headers, last_id.bytes);
	}
	stream->easy = easy_new(client, path, stream->headers);
	stream->multi = curl_multi_init();
	if (!stream->easy || !stream->multi) {
		http_stream_free(stream);
		return -ENOMEM;
	}
	curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, stream_take);
	curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
	curl_multi_add_handle(stream->multi, stream->easy);
	*ret = stream;
	return 0;
}

void http_stream_free(struct http_stream *stream)
{
	if (!stream)
		return;
	if (stream->multi && stream->easy)
		curl_multi_remove_handle(stream->multi, stream->easy);
	curl_easy_cleanup(stream->easy);
	curl_multi_cleanup(stream->multi);
	curl_slist_free_all(stream->headers);
	text_clear(&stream->body);
	free(stream);
}

int http_stream_wait(struct http_stream *stream, int timeout_ms)
{
	struct curl_waitfd extra = {.fd = stream->client->interrupt_fd, .events = CURL_WAIT_POLLIN};
	int running = 0, queued = 0;

	if (curl_multi_perform(stream->multi, &running) != CURLM_OK)
		return -EIO;
	if (running && curl_multi_poll(stream->multi, &extra, extra.fd >= 0, timeout_ms, NULL) != CURLM_OK)
		return -EIO;
	if (running && curl_multi_perform(stream->multi, &running) != CURLM_OK)
		return -EIO;
	while (curl_multi_info_read(stream->multi, &queued))
		running = 0;
	return running ? 0 : -EPIPE;
}

long http_stream_status(const struct http_stream *stream)
{
	long status = 0;

	curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

int64_t http_stream_heard_ms(const struct http_stream *stream)
{
	return stream->heard_ms;
}

const char *http_stream_body(const struct http_stream *stream)
{
	return text_bytes(&stream->body);
}
