/* SPDX-License-Identifier: Apache-2.0
 *
 * One handler for each route: read what was sent, ask the gateway, show the answer. See struct route.
 */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/exchange.h"

int route_list_devices(struct exchange *exchange);
int route_get_device(struct exchange *exchange);
int route_patch_device(struct exchange *exchange);
int route_get_report(struct exchange *exchange);
int route_recover_device(struct exchange *exchange);
int route_get_history(struct exchange *exchange);
int route_probe_device(struct exchange *exchange);
int route_power_cycle_device(struct exchange *exchange);
int route_upgrade_device(struct exchange *exchange);
int route_put_lease(struct exchange *exchange);
int route_end_lease(struct exchange *exchange);
int route_list_jobs(struct exchange *exchange);
int route_get_job(struct exchange *exchange);
int route_cancel_job(struct exchange *exchange);
int route_retry_job(struct exchange *exchange);
int route_get_transcript(struct exchange *exchange);
int route_list_attempts(struct exchange *exchange);
int route_get_attempt_transcript(struct exchange *exchange);
int route_list_durations(struct exchange *exchange);
int route_follow_job(struct exchange *exchange);
int route_upgrade_many(struct exchange *exchange);
int route_list_campaigns(struct exchange *exchange);
int route_create_campaign(struct exchange *exchange);
int route_get_campaign(struct exchange *exchange);
int route_remove_campaign(struct exchange *exchange);
int route_get_campaign_report(struct exchange *exchange);
int route_start_campaign(struct exchange *exchange);
int route_pause_campaign(struct exchange *exchange);
int route_resume_campaign(struct exchange *exchange);
int route_stop_campaign(struct exchange *exchange);
int route_approve_campaign(struct exchange *exchange);
int route_retry_campaign(struct exchange *exchange);
int route_list_firmware(struct exchange *exchange);
int route_add_firmware(struct exchange *exchange);
int route_get_firmware(struct exchange *exchange);
int route_get_content(struct exchange *exchange);
int route_patch_firmware(struct exchange *exchange);
int route_put_catalogue(struct exchange *exchange);
int route_get_catalogue(struct exchange *exchange);
int route_sign_firmware(struct exchange *exchange);
int route_remove_firmware(struct exchange *exchange);
int route_fetch_firmware(struct exchange *exchange);
int route_list_downloads(struct exchange *exchange);
int route_get_download(struct exchange *exchange);
int route_cancel_download(struct exchange *exchange);
int route_follow_events(struct exchange *exchange);
int route_list_audit(struct exchange *exchange);
int route_get_health(struct exchange *exchange);
int route_get_readiness(struct exchange *exchange);
int route_get_version(struct exchange *exchange);
int route_get_openapi(struct exchange *exchange);

/* A request for the device of the path, when that is there and takes jobs. */
int device_request_begin(struct exchange *exchange, enum job_kind kind, struct job_request *ret);

/* route_fetch_firmware: what POST /firmware does with a body of JSON. Before the body of route_add_firmware: checks the query and the length and begins the import. Appending follows the head at once. */
int upload_begin(struct exchange *exchange, uint64_t content_length);
int upload_append(struct exchange *exchange, const void *bytes, size_t length);

#endif
