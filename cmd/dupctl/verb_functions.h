/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rows of the verb table run. Each prints its answer or why there is none, and returns the exit status.
 */
#ifndef DUPCTL_VERB_FUNCTIONS_H
#define DUPCTL_VERB_FUNCTIONS_H

#include "cmd/dupctl/options.h"
#include "cmd/dupctl/session.h"
#include "cmd/dupctl/verbs.h"

int verb_devices(struct session *session, const struct options *options);
int verb_probe(struct session *session, const struct options *options);
int verb_report(struct session *session, const struct options *options);
int verb_power_cycle(struct session *session, const struct options *options);
int verb_upgrade(struct session *session, const struct options *options);
int verb_lease(struct session *session, const struct options *options);
int verb_release(struct session *session, const struct options *options);
int verb_label(struct session *session, const struct options *options);
int verb_alias(struct session *session, const struct options *options);
int verb_maintenance(struct session *session, const struct options *options);
int verb_adopt(struct session *session, const struct options *options);
int verb_recover(struct session *session, const struct options *options);
int verb_unquarantine(struct session *session, const struct options *options);
int verb_audit(struct session *session, const struct options *options);
int verb_campaign_list(struct session *session, const struct options *options);
int verb_campaign_create(struct session *session, const struct options *options);
int verb_campaign_show(struct session *session, const struct options *options);
/* start, pause, resume, stop, approve and retry: the second name of the verb is that of the request. */
int verb_campaign_direct(struct session *session, const struct options *options);
int verb_campaign_report(struct session *session, const struct options *options);
int verb_campaign_watch(struct session *session, const struct options *options);
int verb_campaign_delete(struct session *session, const struct options *options);
int verb_history(struct session *session, const struct options *options);
int verb_jobs(struct session *session, const struct options *options);
int verb_log(struct session *session, const struct options *options);
int verb_durations(struct session *session, const struct options *options);
int verb_watch(struct session *session, const struct options *options);
int verb_cancel(struct session *session, const struct options *options);
int verb_retry(struct session *session, const struct options *options);
int verb_downloads_list(struct session *session, const struct options *options);
int verb_downloads_show(struct session *session, const struct options *options);
int verb_downloads_cancel(struct session *session, const struct options *options);
int verb_firmware_list(struct session *session, const struct options *options);
int verb_firmware_add(struct session *session, const struct options *options);
int verb_firmware_show(struct session *session, const struct options *options);
int verb_firmware_edit(struct session *session, const struct options *options);
int verb_firmware_remove(struct session *session, const struct options *options);
int verb_firmware_export(struct session *session, const struct options *options);
int verb_doctor(struct session *session, const struct options *options);
int verb_firmware_catalogue(struct session *session, const struct options *options);
int verb_firmware_verify(struct session *session, const struct options *options);

/* "/jobs/ID", escaped, and the rest. */
void job_path(struct text *path, const char *id, const char *rest);

/* What was said to the modem in a job, or in one of its attempts (NULL or not set: all). Returns an exit status. */
int transcript_show(struct session *session, const char *id, const struct optional_number *attempt);

/* "/downloads/ID", escaped. */
void download_path(struct text *path, const char *id);

/* "/firmware/REF", escaped. */
void firmware_path(struct text *path, const char *reference);

/* Waits for the end of a campaign, as long as --timeout lets it. Returns an exit status. */
int campaign_follow(struct session *session, const struct options *options, const char *id);

/* One line on a campaign, or its JSON. Returns an exit status. */
int campaign_state_show(struct session *session, const json_t *campaign);

/* All pages of the report of a campaign as one. Returns an exit status; only for STATUS_DONE there is a report, which the caller frees. */
int campaign_report_get(struct session *session, const char *id, json_t **ret, struct failure *failure);

/* The report of a campaign, also of one that was only tried out. Returns an exit status. */
int campaign_report_show(struct session *session, const json_t *report);

/* Shows the catalogue as it is now. Returns an exit status. */
int catalogue_show(struct session *session);

/* Asks for one firmware (GET, PATCH) and shows the answer, or why there is none. Returns an exit status. */
int firmware_ask(struct session *session, const char *method, const char *reference, const json_t *body);

#endif
