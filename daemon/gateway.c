/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaigns.h"
#include "daemon/durations.h"
#include "daemon/hotplug.h"
#include "daemon/job_id.h"
#include "daemon/job_retention.h"
#include "daemon/leases.h"
#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/plan_preview.h"
#include "daemon/power.h"
#include "daemon/selector.h"
#include "daemon/transcript_file.h"
#include "daemon/wall_clock.h"

#define EVENTS_KEPT 4096u

static int open_firmware(struct gateway *gateway, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	const struct firmware_store_options options = {
	    .directory = gateway->config->cache_dir,
	    .max_size = gateway->config->max_size,
	    .quota = gateway->config->quota,
	    .trusted_keys_dir = gateway->config->trusted_keys_dir,
	    .key_refused = gateway_key_refused,
	    .evicted = gateway_firmware_evicted,
	    .rot_found = gateway_firmware_rot_found,
	    .context = gateway,
	};
	int result = firmware_store_open(&options, &error, &gateway->firmware);
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	if (result == 0 && firmware_store_read_only(gateway->firmware))
		log_warning(NULL, "the cache %s is on a read-only disk: its firmware can be used, and none can be added or removed",
			    gateway->config->cache_dir);
	if (result == 0)
		firmware_judge(gateway->firmware, NULL, 0); /* a file that is no key is told of now, not with the first signature */
	return result;
}

static int open_leases(struct gateway *gateway, int64_t (*now_ms)(void), struct job_fault *ret_fault)
{
	const struct leases_surroundings surroundings = {
	    .store = gateway->store, .registry = gateway->registry, .history = gateway->history, .now_ms = now_ms};
	return leases_new(&surroundings, ret_fault, &gateway->leases);
}

static int open_queue(struct gateway *gateway, const struct engine_ops *engine, int64_t (*now_ms)(void), struct job_fault *ret_fault)
{
	const struct queue_surroundings surroundings = {
	    .config = gateway->config,
	    .max_parallel = gateway->config->max_parallel,
	    .attempts = gateway->config->attempts,
	    .probe_every_s = gateway->config->health.probe_every_s,
	    .quarantine_after = gateway->config->health.quarantine_after,
	    .require_signature = gateway->config->require_signature,
	    .store = gateway->store,
	    .registry = gateway->registry,
	    .leases = gateway->leases,
	    .durations = gateway->durations,
	    .firmware = gateway->firmware,
	    .downloads = gateway->downloads,
	    .images = gateway->images,
	    .events = gateway->events,
	    .engine = engine,
	    .power = gateway->power,
	    .now_ms = now_ms,
	};
	return queue_new(&surroundings, ret_fault, &gateway->queue);
}

int gateway_new_with(const struct config *config, const struct engine_ops *engine, int64_t (*now_ms)(void), struct job_fault *ret_fault,
		     struct gateway **ret)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	if (gateway == NULL)
		return -ENOMEM;
	gateway->config = config;
	gateway->now_ms = now_ms;
	int result = store_open(config->state_dir, ret_fault, &gateway->store);
	if (result == 0 && store_lost(gateway->store)[0] != '\0')
		log_error(NULL, "%s", store_lost(gateway->store));
	if (result == 0)
		store_audit_keep(gateway->store, config->audit_keep_entries);
	if (result == 0)
		result = open_firmware(gateway, ret_fault);
	if (result == 0)
		result = event_bus_new(EVENTS_KEPT, &gateway->events);
	if (result == 0)
		result = store_epoch_begin(gateway->store, event_bus_epoch(gateway->events), ret_fault);
	if (result == 0)
		result = device_history_new(gateway->store, gateway->events, now_ms, &gateway->history);
	if (result == 0)
		result = registry_new(config, gateway->store, gateway->events, gateway->history, ret_fault, &gateway->registry);
	if (result == 0)
		result = open_leases(gateway, now_ms, ret_fault);
	if (result == 0)
		result = image_share_new(gateway->firmware, &gateway->images);
	if (result == 0)
		result = gateway_open_downloads(gateway, ret_fault);
	if (result == 0)
		gateway_open_hotplug(gateway);
	if (result == 0)
		result = gateway_open_power(gateway, now_ms);
	if (result == 0)
		result = durations_new(gateway->store, ret_fault, &gateway->durations);
	if (result == 0)
		result = open_queue(gateway, engine, now_ms, ret_fault);
	if (result == 0)
		result = campaigns_new(gateway, now_ms, ret_fault, &gateway->campaigns);
	if (result == 0)
		result = job_retention_new(gateway, &gateway->retention);
	if (result == 0)
		power_recover(gateway->power, gateway->queue);
	if (result == 0)
		result = gateway_open_ports(gateway);
	if (result == 0)
		gateway_resume_downloads(gateway);
	if (result < 0) {
		gateway_free(gateway);
		return result;
	}
	*ret = gateway;
	return 0;
}

int gateway_new(const struct config *config, struct job_fault *ret_fault, struct gateway **ret)
{
	static const struct engine_ops engine = {.upgrade = upgrade_run, .probe = probe_run, .restart = restart_run};
	return gateway_new_with(config, &engine, wall_clock_now_ms, ret_fault, ret);
}

void gateway_free(struct gateway *gateway)
{
	if (gateway == NULL)
		return;
	downloads_close(gateway->downloads);
	power_stop(gateway->power);
	job_retention_free(gateway->retention);
	campaigns_free(gateway->campaigns);
	queue_free(gateway->queue);
	durations_free(gateway->durations);
	power_free(gateway->power);
	port_watch_free(gateway->port_watch);
	image_share_free(gateway->images);
	leases_free(gateway->leases);
	hotplug_free(gateway->hotplug);
	registry_free(gateway->registry);
	device_history_free(gateway->history);
	event_bus_free(gateway->events);
	firmware_store_free(gateway->firmware);
	store_close(gateway->store);
	free(gateway);
}

struct event_bus *gateway_events(struct gateway *gateway)
{
	return gateway->events;
}

struct firmware_store *gateway_firmware(struct gateway *gateway)
{
	return gateway->firmware;
}

const struct config *gateway_config(const struct gateway *gateway)
{
	return gateway->config;
}

bool gateway_ready(struct gateway *gateway, char *ret_why, size_t ret_why_size)
{
	if (queue_stopping(gateway->queue)) {
		snprintf(ret_why, ret_why_size, "the daemon is stopping");
		return false;
	}
	return store_healthy(gateway->store, ret_why, ret_why_size);
}

const char *gateway_degraded(const struct gateway *gateway)
{
	return store_lost(gateway->store);
}

int gateway_devices(struct gateway *gateway, const char *selector, struct device **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	size_t count = 0, kept = 0;
	struct device *devices = NULL;
	struct selector *compiled = NULL;
	int result = selector_compile(selector, &compiled, ret_fault);
	if (result == 0)
		result = registry_list(gateway->registry, &devices, &count);
	for (size_t i = 0; i < count; i++)
		if (selector_matches(compiled, &devices[i]))
			devices[kept++] = devices[i];
	selector_free(compiled);
	if (result < 0)
		return result;
	*ret = devices;
	*ret_count = kept;
	return 0;
}

int gateway_device(struct gateway *gateway, const char *id, struct device *ret, struct job_fault *ret_fault)
{
	return registry_get(gateway->registry, id, ret, ret_fault);
}

int gateway_patch_device(struct gateway *gateway, const char *id, const struct device_patch *patch, struct device *ret,
			 struct job_fault *ret_fault)
{
	int result = registry_patch(gateway->registry, id, patch, ret, ret_fault);
	if (result == 0)
		queue_wake(gateway->queue); /* its jobs may go on, or find another place */
	return result;
}

int gateway_report(struct gateway *gateway, const char *id, struct device_report *ret, struct job_fault *ret_fault)
{
	struct device device;
	int result = registry_get(gateway->registry, id, &device, ret_fault);
	return result < 0 ? result : store_report_load(gateway->store, id, ret, ret_fault);
}

static int check_job_id(const char *id, struct job_fault *ret_fault)
{
	return job_id_valid(id) ? 0 : job_fault_set(ret_fault, "not-found", "there is no job of that id");
}

int gateway_job(struct gateway *gateway, const char *id, struct job *ret, struct job_fault *ret_fault)
{
	struct job_row row;
	int result = check_job_id(id, ret_fault);
	if (result == 0)
		result = queue_get(gateway->queue, id, &row, ret_fault);
	if (result == 0)
		*ret = row.job;
	return result;
}

int gateway_cancel(struct gateway *gateway, const char *id, struct job *ret, struct job_fault *ret_fault)
{
	int result = check_job_id(id, ret_fault);
	return result < 0 ? result : queue_cancel(gateway->queue, id, ret, ret_fault);
}

int gateway_jobs(struct gateway *gateway, const struct job_filter *filter, struct job **ret, size_t *ret_count, char ret_next[JOB_ID_SIZE],
		 struct job_fault *ret_fault)
{
	struct job_filter asked = *filter;
	if (asked.limit == 0)
		asked.limit = 100;
	if (asked.limit > 500)
		return job_fault_set(ret_fault, "invalid-request", "limit is at most 500");
	int result = store_job_list(gateway->store, &asked, ret, ret_count, ret_next, ret_fault);
	for (size_t i = 0; result == 0 && i < *ret_count; i++)
		queue_refresh(gateway->queue, &(*ret)[i]);
	return result;
}

static int read_end(struct gateway *gateway, const struct ending *ending, struct missed_end *ret, struct job_fault *ret_fault)
{
	struct job_row row;
	ret->of_campaign = ending->campaign[0] != '\0';
	if (ret->of_campaign)
		return gateway_campaign(gateway, ending->campaign, &ret->campaign, ret_fault);
	int result = store_job_get(gateway->store, ending->job, &row, ret_fault);
	if (result == 0)
		ret->job = row.job;
	return result;
}

/* *ret_found: so many were looked at. */
static int read_ends(struct gateway *gateway, struct endings_seen *seen, struct missed_end *ret, size_t room, size_t *ret_count,
		     size_t *ret_found, struct job_fault *ret_fault)
{
	struct ending endings[16];
	size_t limit = sizeof(endings) / sizeof(endings[0]);
	int result = store_endings_after(gateway->store, seen, endings, room < limit ? room : limit, ret_found, ret_fault);
	for (size_t i = 0; result == 0 && i < *ret_found; i++) {
		result = read_end(gateway, &endings[i], &ret[*ret_count], ret_fault);
		*ret_count += result == 0;
		if (result == -EPROTO && strcmp(ret_fault->kind->code, "not-found") == 0)
			result = 0; /* the history is without it since */
		seen->number = endings[i].number;
	}
	return result;
}

int gateway_missed_ends(struct gateway *gateway, struct endings_seen *seen, struct missed_end *ret, size_t room, size_t *ret_count,
			struct job_fault *ret_fault)
{
	size_t found = 0;
	int result;
	*ret_count = 0;
	do
		result = read_ends(gateway, seen, ret, room, ret_count, &found, ret_fault);
	while (result == 0 && *ret_count == 0 && found > 0);
	return result;
}

int gateway_transcript(struct gateway *gateway, const char *id, char **ret_text, struct job_fault *ret_fault)
{
	struct job job = {0};
	int result = gateway_job(gateway, id, &job, ret_fault);
	if (result < 0)
		return result;
	result = transcript_file_read(store_transcript_dir(gateway->store), id, ret_text);
	if (result == -ENOENT)
		return job_fault_set(ret_fault, "not-found", "job %s has no transcript%s", id,
				     job.started_at_ms == 0 ? ": it has not run" : " any more: its file is gone");
	if (result < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "the transcript of job %s cannot be read: %s", id,
				     strerror(-result));
	return 0;
}

void gateway_counts(struct gateway *gateway, struct gateway_counts *ret)
{
	ret->devices = (unsigned)registry_count(gateway->registry);
	queue_count(gateway->queue, ret);
}

int gateway_wake_fd(const struct gateway *gateway)
{
	return queue_wake_fd(gateway->queue);
}

int64_t gateway_turn(struct gateway *gateway)
{
	int64_t lease_ms = leases_turn(gateway->leases); /* first: what waited for its end goes on in this turn */
	int64_t queue_ms = queue_turn(gateway->queue);
	int64_t campaign_ms = campaigns_turn(gateway->campaigns); /* after the queue: it sees what has ended */
	return moment_earlier(moment_earlier(lease_ms, queue_ms), campaign_ms);
}

void gateway_stop(struct gateway *gateway)
{
	queue_stop(gateway->queue);
	queue_wake(gateway->queue);
}

unsigned gateway_threads(struct gateway *gateway)
{
	return queue_threads(gateway->queue);
}

void gateway_describe_threads(struct gateway *gateway, char *ret, size_t size)
{
	queue_describe_threads(gateway->queue, ret, size);
}

unsigned gateway_threads_left(struct gateway *gateway)
{
	return queue_threads_left(gateway->queue);
}
