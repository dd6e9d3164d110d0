/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "firmware-cache/download_attempt.h"

/* With an endless header the time would end it, but not the memory. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct download_attempt *attempt = context;
	struct download_request_run *run = &attempt->run;
	size_t length = size * count;

	run->header_bytes += length;
	if (run->header_bytes > DOWNLOAD_HEADER_MAX) {
		cache_error_set(&attempt->refusal, CACHE_ERROR_DOWNLOAD_FAILED, "the header of the answer is longer than %u bytes",
				DOWNLOAD_HEADER_MAX);
		return 0;
	}
	download_answer_line(&run->answer, bytes, length);
	if (run->answer.complete && run->verdict == VERDICT_NONE && download_attempt_judge(attempt) < 0)
		return 0;
	return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct download_attempt *attempt = context;
	size_t length = size * count;

	attempt->run.received += length;
	return download_attempt_take(attempt, bytes, length) < 0 ? CURL_WRITEFUNC_ERROR : length;
}

static CURLcode set_rules(const struct download_attempt *attempt, CURL *easy)
{
	const struct downloads_options *options = &attempt->downloads->options;
	const char *schemes = options->forbid_http ? "https" : "http,https";
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes);

	/* Each redirect is a request of its own, judged and with its own credentials: libcurl follows none. */
	code = code ? code : curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	code = code ? code : curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 0L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A cancel must not wait for a name server. */
	code = code ? code : curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_ms);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
	code = code ? code : curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	code = code ? code : curl_easy_setopt(easy, CURLOPT_USERAGENT, "dupgate/" DUPGATE_VERSION);
	return code;
}

/* libcurl's own are inherited by every program that the process starts. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode set_callbacks(struct download_attempt *attempt, CURL *easy)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);

	code = code ? code : curl_easy_setopt(easy, CURLOPT_HEADERDATA, attempt);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_PRIVATE, attempt);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt->run.text);
	return code;
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *text)
{
	return text && text[0] ? curl_easy_setopt(easy, option, text) : CURLE_OK;
}

static CURLcode set_section(CURL *easy, const struct download_host *host, const char *ca_file)
{
	CURLcode code = set_text(easy, CURLOPT_CAINFO, host && host->ca_file ? host->ca_file : ca_file);

	if (!host)
		return code;
	if (host->token) {
		code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, host->token);
	} else if (host->user) {
		code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_USERNAME, host->user);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_PASSWORD, host->password ? host->password : "");
	}
	code = code ? code : set_text(easy, CURLOPT_SSLCERT, host->client_cert);
	code = code ? code : set_text(easy, CURLOPT_SSLKEY, host->client_key);
	return code;
}

/* Those of the URL that was asked for go to nobody else; those of a section to its host. */
static CURLcode set_target(struct download_attempt *attempt, CURL *easy)
{
	const struct downloads_options *options = &attempt->downloads->options;
	char user[DOWNLOAD_CREDENTIAL_SIZE];
	char password[DOWNLOAD_CREDENTIAL_SIZE];
	char bare[DOWNLOAD_URL_SIZE];
	CURLcode code;

	if (!download_url_split(attempt->part_url, bare, user, password) ||
	    (attempt->redirects > 0 &&
	     !download_url_split(attempt->run.url, bare, (char[DOWNLOAD_CREDENTIAL_SIZE]){0}, (char[DOWNLOAD_CREDENTIAL_SIZE]){0})))
		return CURLE_URL_MALFORMAT;
	code = curl_easy_setopt(easy, CURLOPT_URL, bare);
	code = code ? code
		    : set_section(easy, download_host_for(options->hosts, options->host_count, &attempt->part_origin, &attempt->run.origin),
				  options->ca_file);
	if (user[0] && download_origin_equal(&attempt->part_origin, &attempt->run.origin)) {
		code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_USERNAME, user);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
	}
	explicit_bzero(password, sizeof(password));
	return code;
}

static CURLcode append(struct download_request_run *run, const char *line)
{
	struct curl_slist *grown = curl_slist_append(run->headers, line);

	if (grown)
		run->headers = grown;
	return grown ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Written by ourselves: with its own resume libcurl takes a new file of the length of the part for a success without a body. */
static CURLcode set_headers(struct download_attempt *attempt, CURL *easy)
{
	const struct download_validator *validator = &attempt->transfer->record.validator;
	struct download_request_run *run = &attempt->run;
	char line[DOWNLOAD_ETAG_SIZE + 32];
	CURLcode code = append(run, "Accept-Encoding: identity");

	if (run->held > 0) {
		snprintf(line, sizeof(line), "Range: bytes=%" PRIu64 "-", run->held);
		code = code ? code : append(run, line);
		snprintf(line, sizeof(line), "If-Range: %s", validator->etag[0] ? validator->etag : validator->last_modified);
		code = code ? code : append(run, line);
	}
	return code ? code : curl_easy_setopt(easy, CURLOPT_HTTPHEADER, run->headers);
}

int download_request_start(struct download_attempt *attempt, struct cache_error *ret_error)
{
	struct download_request_run *run = &attempt->run;
	CURL *easy = curl_easy_init();
	CURLcode code = easy ? CURLE_OK : CURLE_OUT_OF_MEMORY;

	run->easy = easy;
	run->headers = NULL;
	run->verdict = VERDICT_NONE;
	run->answer = (struct download_answer){.length = DOWNLOAD_BYTES_UNKNOWN};
	run->header_bytes = 0;
	run->received = 0;
	run->mark_bytes = 0;
	run->text[0] = '\0';
	run->began_ms = downloads_now_ms();
	run->mark_ms = run->began_ms;
	code = code ? code : set_rules(attempt, easy);
	code = code ? code : set_callbacks(attempt, easy);
	code = code ? code : set_target(attempt, easy);
	code = code ? code : set_headers(attempt, easy);
	if (code == CURLE_OK && curl_multi_add_handle(attempt->downloads->multi, easy) == CURLM_OK)
		return 0;
	download_outcome_describe(attempt, "the request cannot be made", curl_easy_strerror(code), ret_error);
	download_request_end(attempt);
	return -EPROTO;
}

void download_request_end(struct download_attempt *attempt)
{
	struct download_request_run *run = &attempt->run;

	if (run->easy) {
		curl_multi_remove_handle(attempt->downloads->multi, run->easy);
		curl_easy_cleanup(run->easy);
	}
	curl_slist_free_all(run->headers);
	run->easy = NULL;
	run->headers = NULL;
}

struct download_attempt *download_request_attempt(void *easy)
{
	struct download_attempt *attempt = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &attempt);
	return attempt;
}
