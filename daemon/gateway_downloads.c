/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

static const char *text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* Borrows from the configuration. Caller frees. */
static struct download_host *hosts_of(const struct config *config)
{
	struct download_host *hosts = calloc(config->host_count + 1, sizeof(*hosts));
	for (size_t i = 0; hosts != NULL && i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];
		hosts[i] = (struct download_host){
		    .name = host->name,
		    .user = text_or_null(host->user),
		    .password = text_or_null(host->password),
		    .token = text_or_null(host->token),
		    .client_cert = text_or_null(host->client_cert),
		    .client_key = text_or_null(host->client_key),
		    .ca_file = text_or_null(host->ca_file),
		};
	}
	return hosts;
}

static int status_fill(struct gateway *gateway, struct download_status *status)
{
	char(*jobs)[JOB_ID_SIZE] = NULL;
	int result = queue_download_jobs(gateway->queue, status->now.id, &jobs, &status->job_count);
	status->jobs = (const char(*)[JOB_ID_SIZE])jobs;
	return result;
}

static struct download_status *status_of(struct gateway *gateway, const struct download *download)
{
	struct download_status *status = calloc(1, sizeof(*status));
	if (status == NULL)
		return NULL;
	status->now = *download;
	if (status_fill(gateway, status) == 0)
		return status;
	free(status);
	return NULL;
}

void download_statuses_free(struct download_status *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++) {
		union {
			const char (*shown)[JOB_ID_SIZE];
			char (*owned)[JOB_ID_SIZE];
		} jobs = {.shown = list[i].jobs};
		free(jobs.owned);
	}
	free(list);
}

static void log_download(const struct download *now)
{
	const struct cache_error *fault = &now->fault;
	bool failed = fault->code != CACHE_ERROR_NONE;
	log_line(now->state == DOWNLOAD_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, NULL, "download %s of %s: %s%s%s%s%s", now->id,
		 now->url, download_state_name(now->state), failed ? ": " : "", failed ? cache_error_code_name(fault->code) : "",
		 failed ? ": " : "", failed ? fault->message : "");
}

static void on_changed(void *context, const struct download *now)
{
	struct gateway *gateway = context;
	struct job_fault fault;
	log_download(now);
	struct download_status *status = status_of(gateway, now);
	if (status != NULL)
		event_publish_download(gateway->events, status);
	download_statuses_free(status, 1);
	if (!download_state_final(now->state))
		return;
	if (store_download_forget(gateway->store, now->id, &fault) < 0)
		log_warning(NULL, "that download %s has ended is not stored: %s", now->id, fault.message);
	queue_wake(gateway->queue);
}

static void on_progress(void *context, const struct download *now)
{
	struct gateway *gateway = context;
	event_publish_download_progress(gateway->events, now);
}

static void on_stored(void *context, const struct firmware_batch *batch)
{
	gateway_firmware_stored(context, batch);
}

int gateway_open_downloads(struct gateway *gateway, struct job_fault *ret_fault)
{
	const struct config *config = gateway->config;
	const struct config_download *wanted = &config->download;
	struct download_host *hosts = hosts_of(config);
	struct cache_error error = {0};
	if (hosts == NULL)
		return -ENOMEM;
	const struct downloads_options options = {
	    .store = gateway->firmware,
	    .require_signature = config->require_signature,
	    .forbid_http = !wanted->allow_http,
	    .proxy = text_or_null(wanted->proxy),
	    .ca_file = text_or_null(wanted->ca_file),
	    .hosts = hosts,
	    .host_count = config->host_count,
	    .max_redirects = wanted->max_redirects > 0 ? (int)wanted->max_redirects : -1,
	    .attempts = wanted->attempts,
	    .max_parallel = wanted->max_parallel,
	    .stall_ms = wanted->stall_s * 1000,
	    .changed = on_changed,
	    .progress = on_progress,
	    .stored = on_stored,
	    .context = gateway,
	};
	int result = downloads_open(&options, &error, &gateway->downloads);
	free(hosts);
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	return result;
}

static bool is_wanted(void *context, const struct download *download)
{
	struct gateway *gateway = context;
	return queue_wants_download(gateway->queue, download->id);
}

void gateway_resume_downloads(struct gateway *gateway)
{
	downloads_resume(gateway->downloads, is_wanted, gateway);
}

static int answer(struct gateway *gateway, const struct download *download, struct download_status **ret)
{
	*ret = status_of(gateway, download);
	return *ret != NULL ? 0 : -ENOMEM;
}

int gateway_begin_download(struct gateway *gateway, const struct download_request *request, struct download_status **ret,
			   struct firmware *ret_firmware, bool *ret_was_there, struct job_fault *ret_fault)
{
	struct download_request wanted = *request;
	struct download download;
	struct cache_error unused;
	*ret_was_there = request->sha256 != NULL && firmware_find(gateway->firmware, request->sha256, ret_firmware, &unused) == 0;
	if (*ret_was_there)
		return 0;
	wanted.try_minisig = request->catalogue || gateway->config->require_signature;
	int result = queue_begin_download(gateway->queue, &wanted, &download, ret_fault);
	return result < 0 ? result : answer(gateway, &download, ret);
}

int gateway_download(struct gateway *gateway, const char *id, struct download_status **ret, struct job_fault *ret_fault)
{
	struct download download;
	struct cache_error error;
	int result = downloads_get(gateway->downloads, id, &download, &error);
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	return result < 0 ? result : answer(gateway, &download, ret);
}

int gateway_downloads(struct gateway *gateway, struct download_status **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct download *downloads = NULL;
	size_t count = 0;
	(void)ret_fault;
	int result = downloads_list(gateway->downloads, &downloads, &count);
	struct download_status *list = result == 0 ? calloc(count + 1, sizeof(*list)) : NULL;
	if (result == 0 && list == NULL)
		result = -ENOMEM;
	for (size_t i = 0; result == 0 && i < count; i++) {
		list[i].now = downloads[i];
		result = status_fill(gateway, &list[i]);
	}
	free(downloads);
	if (result < 0) {
		download_statuses_free(list, list != NULL ? count : 0);
		return result;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static int refuse_cancel(const struct download *download, struct job_fault *ret_fault)
{
	if (!download_state_final(download->state))
		return job_fault_set(ret_fault, "invalid-request", "download %s is being stored: it cannot be cancelled any more",
				     download->id);
	return job_fault_set(ret_fault, "invalid-request", "download %s has ended: it %s", download->id,
			     download_state_name(download->state));
}

int gateway_cancel_download(struct gateway *gateway, const char *id, struct download_status **ret, struct job_fault *ret_fault)
{
	struct download download;
	int result = queue_cancel_download(gateway->queue, id, &download, ret_fault);
	if (result == 1 && download.state != DOWNLOAD_CANCELLED)
		result = refuse_cancel(&download, ret_fault);
	return result < 0 ? result : answer(gateway, &download, ret);
}
