/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/campaign_order.h"
#include "cmd/dupctl/lease_file.h"
#include "cmd/dupctl/plans.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"

static void member_add(json_t *body, const char *member, const char *value)
{
	if (value)
		json_object_set_new(body, member, json_string(value));
}

static json_t *job_body(const struct options *options)
{
	json_t *body = upgrade_order_body(options);

	member_add(body, option_is_url(options->firmware) ? "url" : "firmware", options->firmware);
	member_add(body, "sha256", options->sha256);
	member_add(body, "not_before", options->not_before);
	member_add(body, "if_leased", options->if_leased);
	return body;
}

/* A campaign waits for whoever holds a device, also when that is us. */
static bool some_are_ours(const struct session *session, const struct options *options, const struct selection *selection)
{
	bool ours = false;

	for (size_t i = 0; i < json_array_size(selection->listed) && !ours; i++) {
		const json_t *device = json_array_get(selection->listed, i);

		ours = json_is_object(json_object_get(device, "lease")) && lease_at_hand(options, session->url, reply_text(device, "id"));
	}
	return ours;
}

static int campaign_show(struct session *session, const struct options *options, const json_t *campaign)
{
	const char *id = reply_text(campaign, "id");
	text_owned shown = terminal_text(&session->terminal);
	int status;

	if (options->wait)
		return campaign_follow(session, options, id);
	status = campaign_state_show(session, campaign);
	if (session->json || status != STATUS_DONE)
		return status;
	text_add(&shown, "  how far it is: dupctl campaign watch ");
	text_add_clean(&shown, id);
	text_add(&shown, "\n");
	return session_print(session, &shown);
}

static int upgrade_each(struct session *session, const struct options *options, const struct selection *selection, const json_t *body)
{
	submission_owned submission = submission_begin(options);
	int status = STATUS_DONE;

	for (size_t i = 0; i < selection->count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		plans_path(&path, selection->devices[i], "upgrade", false);
		status = submission_post(session, &submission, path.bytes, body, "device", selection->devices[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}

int verb_upgrade(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *job = job_body(options), *order = campaign_order_body(options), *campaign = NULL;
	int status = selection_resolve(session, options, &selection, &failure);

	if (status == STATUS_DONE && options->dry_run)
		return plans_ask(session, &selection, "upgrade", job);
	if (status == STATUS_DONE &&
	    (options_job_each(options) || (!options_paced(options) && some_are_ours(session, options, &selection))))
		return upgrade_each(session, options, &selection, job);
	if (status == STATUS_DONE)
		status = session_call(session, "POST", "/upgrades", order, &campaign, &failure);
	/* What the cache has not, the catalogue may have: that is fetched for a job, not for a campaign. */
	if (status == STATUS_NOT_FOUND && selection.count > 0 && !options_paced(options))
		return upgrade_each(session, options, &selection, job);
	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	return campaign_show(session, options, campaign);
}
