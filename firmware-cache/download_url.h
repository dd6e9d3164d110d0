/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the downloads: what is asked of a URL, and which host may see which credentials. Pure.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_URL_H
#define FIRMWARE_CACHE_DOWNLOAD_URL_H

#include "firmware-cache/download.h"

#define DOWNLOAD_HOST_SIZE       256u
#define DOWNLOAD_CREDENTIAL_SIZE 256u

/* Who answers: equal ones may share credentials. */
struct download_origin {
	bool https;
	char host[DOWNLOAD_HOST_SIZE]; /* lower case */
	unsigned port;
};

/* CACHE_ERROR_INVALID_REQUEST: too long, characters that no URL has, no host, a scheme other than http and https (or http, when it is not
 * allowed). The message never shows credentials. */
int download_url_check(const char *url, bool allow_http, struct download_origin *ret, struct cache_error *ret_error);

bool download_origin_equal(const struct download_origin *a, const struct download_origin *b);

/* The section whose credentials may be sent to `to`, when `first` is where the request of the user went. NULL: none, also for every
 * redirect to plain http elsewhere. */
const struct download_host *download_host_for(const struct download_host *hosts, size_t count, const struct download_origin *first,
					      const struct download_origin *to);

/* The last part of the path, decoded; "" when it can be no name. */
void download_url_name(const char *url, char ret[static FIRMWARE_NAME_SIZE]);

/* "<path>.minisig" in the place of the path. False when that is too long. */
bool download_url_minisig(const char *url, char ret[static DOWNLOAD_URL_SIZE]);

/* Without user, password and fragment: as it goes into a request. ret_user and ret_password get what was there, decoded, or "". False without
 * memory, or when they are too long. */
bool download_url_split(const char *url, char ret[static DOWNLOAD_URL_SIZE], char ret_user[static DOWNLOAD_CREDENTIAL_SIZE],
			char ret_password[static DOWNLOAD_CREDENTIAL_SIZE]);

/* Where a Location leads from a URL. False when it leads nowhere. */
bool download_url_resolve(const char *from, const char *location, char ret[static DOWNLOAD_URL_SIZE]);

#endif
