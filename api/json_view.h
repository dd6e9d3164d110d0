/* SPDX-License-Identifier: Apache-2.0
 *
 * The objects of design 8 as text: one line, ended by a newline. Callers free; NULL without memory. Pure, any thread.
 */
#ifndef API_JSON_VIEW_H
#define API_JSON_VIEW_H

#include "daemon/attempts.h"
#include "daemon/campaign.h"
#include "daemon/gateway.h"

/* Once, before there are threads: seeds the hash of the objects. */
void json_view_prepare(void);

char *json_view_device(const struct device *device);
char *json_view_devices(const struct device *devices, size_t count);
char *json_view_lease(const char *device, const struct lease_grant *grant);
char *json_view_report(const struct device_report *report);
char *json_view_history(const struct device_entry *entries, size_t count);
char *json_view_job(const struct job *job);
/* next: the cursor of the next page, NULL on the last. */
char *json_view_jobs(const struct job *jobs, size_t count, const char *next);
char *json_view_durations(const struct duration *durations, size_t count);
char *json_view_attempts(const char *job, const struct job_attempt *attempts, size_t count);
char *json_view_campaign(const struct campaign *campaign);
char *json_view_campaigns(const struct campaign *campaigns, size_t count, const char *next);
char *json_view_campaign_report(const struct campaign_report *report);
char *json_view_plan(const struct plan *plan);
char *json_view_firmware(const struct firmware *firmware);
char *json_view_firmware_list(const struct firmware *list, size_t count);
/* The same form. */
char *json_view_firmware_batch(const struct firmware_batch *batch);
char *json_view_download(const struct download_status *status);
char *json_view_downloads(const struct download_status *list, size_t count);
/* The catalogue, with whether each is in the cache. */
char *json_view_catalogue(const struct catalogue *catalogue, struct firmware_store *store);
/* A list of the cache, and what the catalogue has besides; NULL: there is none. */
char *json_view_firmware_available(const struct firmware *list, size_t count, const struct catalogue *catalogue);
/* {"status":"ok"} and the like. */
char *json_view_status(const char *status);
char *json_view_readiness(const char *degraded); /* "": it is not */
char *json_view_version(void);

#endif
