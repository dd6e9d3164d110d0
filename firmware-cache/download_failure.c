/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "firmware-cache/download_attempt.h"
#include "firmware-cache/utf8.h"

/* What a person can do about it: these do not change by asking again. */
static const struct {
	CURLcode code;
	const char *what;
} final_results[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, "the server does not speak HTTP"},
    {CURLE_URL_MALFORMAT, "the URL cannot be understood"},
    {CURLE_SSL_CERTPROBLEM, "the client certificate or its key cannot be used"},
    {CURLE_SSL_CACERT_BADFILE, "the file with the trusted certificates (ca_file) cannot be used"},
    {CURLE_SSL_ENGINE_NOTFOUND, "the client certificate or its key cannot be used"},
    {CURLE_OUT_OF_MEMORY, "there is no memory for it"},
};

static const struct {
	CURLcode code;
	const char *what;
} passing_results[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "the host's name is not known"},
    {CURLE_COULDNT_RESOLVE_PROXY, "the proxy's name is not known"},
    {CURLE_COULDNT_CONNECT, "the host cannot be reached"},
    {CURLE_OPERATION_TIMEDOUT, "the host does not answer in time"},
    {CURLE_PARTIAL_FILE, "the connection ended before the file did"},
    {CURLE_RECV_ERROR, "the connection broke"},
    {CURLE_SEND_ERROR, "the connection broke"},
    {CURLE_GOT_NOTHING, "the server closed the connection without an answer"},
    {CURLE_SSL_CONNECT_ERROR, "the secure connection could not be made"},
    {CURLE_WEIRD_SERVER_REPLY, "the server does not speak HTTP"},
};

/* SSL_get_verify_result(3): X509_STORE_CTX_get_error(3) lists the numbers. */
static const struct {
	long result;
	const char *what;
} certificate_results[] = {
    {9, "the server's certificate is not valid yet: check the clocks"},
    {10, "the server's certificate has expired"},
    {18, "the server's certificate is self-signed and not trusted (ca_file names what is)"},
    {19, "the server's certificate ends in a self-signed one that is not trusted (ca_file names what is)"},
    {20, "the server's certificate is of an issuer that is not trusted (ca_file names what is)"},
    {21, "the server's certificate is of an issuer that is not trusted (ca_file names what is)"},
};

/* What libcurl gives when the chain of certificates was good, and the name on the last one was not. */
#define CHAIN_NOT_REFUSED 1

static const char *describe_certificate(const struct download_request_run *run)
{
	long result = 0;

	curl_easy_getinfo(run->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	for (size_t i = 0; i < sizeof(certificate_results) / sizeof(certificate_results[0]); i++) {
		if (certificate_results[i].result == result)
			return certificate_results[i].what;
	}
	return result <= CHAIN_NOT_REFUSED ? "the server's certificate is for another host" : "the server's certificate cannot be trusted";
}

void download_failure_of_curl(const struct download_request_run *run, int code, struct download_failure *ret)
{
	const char *what = "it did not work";

	*ret = (struct download_failure){0};
	for (size_t i = 0; i < sizeof(passing_results) / sizeof(passing_results[0]); i++) {
		if ((int)passing_results[i].code == code)
			what = passing_results[i].what;
	}
	for (size_t i = 0; i < sizeof(final_results) / sizeof(final_results[0]); i++) {
		if ((int)final_results[i].code == code) {
			what = final_results[i].what;
			ret->final = true;
		}
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		what = describe_certificate(run);
		ret->final = true;
	}
	snprintf(ret->what, sizeof(ret->what), "%s", what);
	snprintf(ret->evidence, sizeof(ret->evidence), "%s", run->text[0] ? run->text : curl_easy_strerror((CURLcode)code));
	utf8_make_printable(ret->evidence);
}

static const struct {
	unsigned status;
	const char *what;
} statuses[] = {
    {401, "the server wants credentials (a host section names them)"},
    {403, "the server refuses it to us"},
    {404, "the server has no such file"},
    {407, "the proxy wants credentials"},
    {410, "the server has that file no more"},
    {416, "the server cannot give the part of the file that it was asked for"},
    {429, "the server has too much to do"},
    {503, "the server has too much to do"},
};

void download_failure_of_status(const struct download_request_run *run, struct download_failure *ret)
{
	const char *what = "the server refuses";

	*ret = (struct download_failure){.final = run->verdict == VERDICT_REFUSED};
	if (run->answer.status == 206)
		what = "the server gives a part of the file that nobody asked for";
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == run->answer.status)
			what = statuses[i].what;
	}
	snprintf(ret->what, sizeof(ret->what), "%s%s", what, run->held > 0 && ret->final ? ", of which a part had come before" : "");
	snprintf(ret->evidence, sizeof(ret->evidence), "HTTP %u%s%s", run->answer.status, run->answer.reason[0] ? " " : "",
		 run->answer.reason);
}
