/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows → text for people. Pure: width, colours and characters are those of the text and the arguments. width 0: no limit.
 */
#ifndef DUPCTL_VIEWS_H
#define DUPCTL_VIEWS_H

#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/text.h"

/* Lists: arrays of the API's objects. */
void view_device_list(struct text *ret, const json_t *devices, size_t width);
void view_job_list(struct text *ret, const json_t *jobs, size_t width);
void view_download_list(struct text *ret, const json_t *downloads, size_t width);
/* `whole`: all of the cache, so that what is linked and not in the list is gone. */
void view_firmware_list(struct text *ret, const json_t *firmware, bool whole, size_t width);

/* Entries of the catalogue: what of it is in the cache says so. */
void view_available_list(struct text *ret, const json_t *entries, size_t width);

/* What happened to a device, newest first. */
void view_audit(struct text *ret, const json_t *audit, size_t width);
void view_history(struct text *ret, const json_t *history, size_t width);

/* How long upgrades take, as `durations` of the API tells. */
void view_durations(struct text *ret, const json_t *durations, size_t width);

void view_campaign_list(struct text *ret, const json_t *campaigns, size_t width);

/* The devices of the report of a campaign. */
void view_campaign_devices(struct text *ret, const json_t *report, size_t width);

/* "campaign ID  waiting: wave 1 of 2 is done: …", without a newline. */
void view_campaign_state(struct text *ret, const struct campaign_row *campaign);

/* "63 of 64 verified, 1 failed; bench-7: modem-silent: … unplug it …" and how to try it again, without a newline at the end: of a report. */
void view_campaign_summary(struct text *ret, const json_t *report);

/* "Job waits:    ID, upgrade, for lease since …", a line for each, the one that came first first. */
void view_waiting_jobs(struct text *ret, const json_t *jobs);

/* What became of each attempt of a job, in their order; nothing when there was none. */
void view_attempts(struct text *ret, const json_t *attempts, size_t width);

/* One object, a line for each thing that is known. */
/* `history`: of the device, the newest first, NULL when it is not known. */
void view_device(struct text *ret, const struct device_row *device, const json_t *history);
void view_job(struct text *ret, const struct job_row *job);
void view_campaign(struct text *ret, const struct campaign_row *campaign);
void view_download(struct text *ret, const struct download_row *download);
void view_firmware(struct text *ret, const struct firmware_row *firmware);
void view_catalogue(struct text *ret, const json_t *catalogue, size_t width);
void view_report(struct text *ret, const json_t *report);
void view_plan(struct text *ret, const struct plan_row *plan);

/* "2 fff", "-" when not known. */
void view_boot_mode(struct text *ret, int64_t boot_mode, const char *name);

/* "37 %, 2.1 MB of 5.7 MB"; "2.1 MB" when the total is not known. */
void view_bytes(struct text *ret, int64_t bytes_done, int64_t bytes_total);

/* The colour of a state of a device or a job. */
enum text_color view_state_color(const char *state);

/* "Title:       value" when there is a value. */
void view_field(struct text *ret, const char *title, const char *value);

/* "code: message", then "  seen: …" and "  what to do: …", each on a line of its own after `indent`. No newline at the end. */
void view_fault(struct text *ret, const struct fault_row *fault, const char *indent);

#endif
