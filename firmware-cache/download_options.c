/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/download_engine.h"

#define MAX_REDIRECTS  5
#define ATTEMPTS       5u
#define MAX_PARALLEL   4u
#define CONNECT_MS     15000u
#define STALL_MS       30000u
#define RETRY_FIRST_MS 1000u
#define RETRY_MAX_MS   60000u

/* False without memory. */
static bool copy_text(const char *from, const char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return !from || *ret;
}

static bool copy_host(const struct download_host *from, struct download_host *ret)
{
	return copy_text(from->name, &ret->name) && copy_text(from->user, &ret->user) && copy_text(from->password, &ret->password) &&
	       copy_text(from->token, &ret->token) && copy_text(from->client_cert, &ret->client_cert) &&
	       copy_text(from->client_key, &ret->client_key) && copy_text(from->ca_file, &ret->ca_file);
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value ? value : otherwise;
}

int downloads_options_copy(const struct downloads_options *from, struct downloads_options *ret)
{
	struct download_host *hosts = calloc(from->host_count + 1, sizeof(*hosts));
	bool whole;

	*ret = *from;
	ret->hosts = hosts;
	ret->host_count = hosts ? from->host_count : 0;
	ret->max_redirects = from->max_redirects ? from->max_redirects : MAX_REDIRECTS;
	ret->attempts = or_default(from->attempts, ATTEMPTS);
	ret->max_parallel = or_default(from->max_parallel, MAX_PARALLEL);
	ret->connect_ms = or_default(from->connect_ms, CONNECT_MS);
	ret->stall_ms = or_default(from->stall_ms, STALL_MS);
	ret->retry_first_ms = or_default(from->retry_first_ms, RETRY_FIRST_MS);
	ret->retry_max_ms = or_default(from->retry_max_ms, RETRY_MAX_MS);
	whole = copy_text(from->proxy, &ret->proxy);
	whole = copy_text(from->ca_file, &ret->ca_file) && whole && hosts;
	for (size_t i = 0; i < ret->host_count; i++)
		whole = copy_host(&from->hosts[i], &hosts[i]) && whole;
	return whole ? 0 : -ENOMEM;
}

/* Passwords do not stay behind in freed memory. */
static void free_text(const char *text)
{
	char *owned;

	if (!text)
		return;
	memcpy(&owned, &text, sizeof(owned));
	explicit_bzero(owned, strlen(owned));
	free(owned);
}

void downloads_options_free(struct downloads_options *options)
{
	void *hosts;

	free_text(options->proxy);
	free_text(options->ca_file);
	for (size_t i = 0; i < options->host_count; i++) {
		free_text(options->hosts[i].name);
		free_text(options->hosts[i].user);
		free_text(options->hosts[i].password);
		free_text(options->hosts[i].token);
		free_text(options->hosts[i].client_cert);
		free_text(options->hosts[i].client_key);
		free_text(options->hosts[i].ca_file);
	}
	memcpy(&hosts, &options->hosts, sizeof(hosts));
	free(hosts);
}
