/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_HTTPS 443u

static CURLU *parse(const char *url)
{
	CURLU *handle = curl_url();

	if (handle && curl_url_set(handle, CURLUPART_URL, url, 0) != CURLUE_OK) {
		curl_url_cleanup(handle);
		return NULL;
	}
	return handle;
}

/* Into a fixed buffer: false when the URL has no such part, or a longer one. */
static bool take_part(CURLU *handle, CURLUPart part, unsigned flags, char *ret, size_t size)
{
	char *text = NULL;
	bool fits = curl_url_get(handle, part, &text, flags) == CURLUE_OK && strlen(text) < size;

	if (fits)
		strcpy(ret, text);
	curl_free(text);
	return fits;
}

/* A URL goes into a request as it is: no byte that could end a line or hide from a reader. */
static bool characters_valid(const char *url)
{
	for (; *url; url++) {
		if (*url <= ' ' || *url > '~')
			return false;
	}
	return true;
}

static int refuse(struct cache_error *ret_error, const char *reason)
{
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "the url %s", reason);
}

static bool take_origin(CURLU *handle, struct download_origin *ret)
{
	char port[8];

	if (!take_part(handle, CURLUPART_HOST, 0, ret->host, sizeof(ret->host)) || ret->host[0] == '\0' ||
	    !take_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)))
		return false;
	for (char *c = ret->host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	ret->port = (unsigned)strtoul(port, NULL, 10);
	return true;
}

int download_url_check(const char *url, bool allow_http, struct download_origin *ret, struct cache_error *ret_error)
{
	char scheme[8];
	CURLU *handle;
	bool whole;

	*ret = (struct download_origin){0};
	if (strlen(url) >= DOWNLOAD_URL_SIZE)
		return refuse(ret_error, "is longer than 2047 characters");
	if (!characters_valid(url))
		return refuse(ret_error, "has characters that should be written as %XX");
	handle = parse(url);
	if (!handle)
		return refuse(ret_error, "should be http://HOST/… or https://HOST/…");
	whole = take_part(handle, CURLUPART_SCHEME, 0, scheme, sizeof(scheme));
	ret->https = whole && strcmp(scheme, "https") == 0;
	if (!whole || (!ret->https && strcmp(scheme, "http") != 0)) {
		curl_url_cleanup(handle);
		return refuse(ret_error, "should begin with https:// or http://: nothing else is fetched");
	}
	whole = take_origin(handle, ret);
	curl_url_cleanup(handle);
	if (!whole)
		return refuse(ret_error, "names no host");
	if (!ret->https && !allow_http)
		return refuse(ret_error, "should begin with https://: the configuration forbids plain http");
	return 0;
}

bool download_origin_equal(const struct download_origin *a, const struct download_origin *b)
{
	return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* "host:port" names exactly that; 2: with the port, 1: the host alone, 0: another one. */
static int section_fits(const char *name, const struct download_origin *origin)
{
	char with_port[DOWNLOAD_HOST_SIZE + 8];

	snprintf(with_port, sizeof(with_port), "%s:%u", origin->host, origin->port);
	if (strcasecmp(name, with_port) == 0)
		return 2;
	return strcasecmp(name, origin->host) == 0;
}

const struct download_host *download_host_for(const struct download_host *hosts, size_t count, const struct download_origin *first,
					      const struct download_origin *to)
{
	/* A redirect must not carry credentials to whoever else listens on the same machine; and anybody on the way can make one of plain http,
	 * to have them sent where he reads along. */
	bool asked_for = download_origin_equal(first, to);
	bool port_meant = asked_for || to->port == PORT_HTTPS;
	const struct download_host *found = NULL;

	if (!asked_for && !to->https)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		int fits = section_fits(hosts[i].name, to);

		if (fits == 2)
			return &hosts[i];
		if (fits == 1 && port_meant)
			found = &hosts[i];
	}
	return found;
}

int download_url_shown(const char *url, char ret[static DOWNLOAD_URL_SIZE], struct cache_error *ret_error)
{
	struct download_origin origin;
	CURLU *handle;
	char *query = NULL;
	int r = download_url_check(url, true, &origin, ret_error);

	if (r < 0)
		return r;
	handle = parse(url);
	if (!handle)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a URL");
	/* Signed links carry their secret in the query. */
	if (curl_url_get(handle, CURLUPART_QUERY, &query, 0) == CURLUE_OK)
		curl_url_set(handle, CURLUPART_QUERY, "...", 0);
	curl_free(query);
	curl_url_set(handle, CURLUPART_USER, NULL, 0);
	curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(handle, CURLUPART_OPTIONS, NULL, 0);
	curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
	if (!take_part(handle, CURLUPART_URL, 0, ret, DOWNLOAD_URL_SIZE))
		r = refuse(ret_error, "is longer than 2047 characters");
	curl_url_cleanup(handle);
	return r;
}

/* False when it is there and does not fit. */
static bool take_credential(CURLU *handle, CURLUPart part, char *ret)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(handle, part, &text, CURLU_URLDECODE);
	bool fits = code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD || (code == CURLUE_OK && strlen(text) < DOWNLOAD_CREDENTIAL_SIZE);

	snprintf(ret, DOWNLOAD_CREDENTIAL_SIZE, "%s", text ? text : "");
	curl_free(text);
	return fits;
}

bool download_url_split(const char *url, char ret[static DOWNLOAD_URL_SIZE], char ret_user[static DOWNLOAD_CREDENTIAL_SIZE],
			char ret_password[static DOWNLOAD_CREDENTIAL_SIZE])
{
	CURLU *handle = parse(url);
	bool done;

	if (!handle)
		return false;
	done = take_credential(handle, CURLUPART_USER, ret_user) && take_credential(handle, CURLUPART_PASSWORD, ret_password);
	curl_url_set(handle, CURLUPART_USER, NULL, 0);
	curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
	done = done && take_part(handle, CURLUPART_URL, 0, ret, DOWNLOAD_URL_SIZE);
	curl_url_cleanup(handle);
	return done;
}

bool download_url_resolve(const char *from, const char *location, char ret[static DOWNLOAD_URL_SIZE])
{
	CURLU *handle = parse(from);
	bool done;

	if (!handle)
		return false;
	done = location[0] && curl_url_set(handle, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK &&
	       take_part(handle, CURLUPART_URL, 0, ret, DOWNLOAD_URL_SIZE);
	curl_url_cleanup(handle);
	return done;
}

void download_url_name(const char *url, char ret[static FIRMWARE_NAME_SIZE])
{
	CURLU *handle = parse(url);
	char path[DOWNLOAD_URL_SIZE];
	const char *last;

	ret[0] = '\0';
	if (!handle)
		return;
	if (take_part(handle, CURLUPART_PATH, CURLU_URLDECODE, path, sizeof(path))) {
		last = strrchr(path, '/');
		last = last ? last + 1 : path;
		if (firmware_name_valid(last))
			strcpy(ret, last);
	}
	curl_url_cleanup(handle);
}

bool download_url_minisig(const char *url, char ret[static DOWNLOAD_URL_SIZE])
{
	CURLU *handle = parse(url);
	char path[DOWNLOAD_URL_SIZE + sizeof(".minisig")];
	bool done = false;

	if (!handle)
		return false;
	if (take_part(handle, CURLUPART_PATH, 0, path, DOWNLOAD_URL_SIZE)) {
		strcat(path, ".minisig");
		done = curl_url_set(handle, CURLUPART_PATH, path, 0) == CURLUE_OK &&
		       take_part(handle, CURLUPART_URL, 0, ret, DOWNLOAD_URL_SIZE);
	}
	curl_url_cleanup(handle);
	return done;
}
