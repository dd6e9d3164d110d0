/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/campaign_order.h"
#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/verb_functions.h"

static int draft_start(struct session *session, const char *id, json_t **campaign)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *started = NULL;

	text_add(&path, "/campaigns/");
	url_escape(&path, id);
	text_add(&path, "/start");
	if (session_call(session, "POST", path.bytes, NULL, &started, &failure) == STATUS_DONE && started) {
		json_decref(*campaign);
		*campaign = started;
		return STATUS_DONE;
	}
	text_add(&failure.text, "\n  it stays a draft: dupctl campaign start ");
	text_add_clean(&failure.text, id);
	failure_print(&failure, NULL);
	return failure.status;
}

static int created_show(struct session *session, const struct options *options, const json_t *campaign)
{
	text_owned shown = terminal_text(&session->terminal);

	int status = session->json || !options->quiet ? campaign_state_show(session, campaign) : STATUS_DONE;

	if (session->json || status != STATUS_DONE)
		return status;
	if (!options->quiet)
		text_add(&shown, options->start ? "  how far it is: dupctl campaign watch " : "  start it: dupctl campaign start ");
	text_add_clean(&shown, reply_text(campaign, "id"));
	text_add(&shown, "\n");
	return session_print(session, &shown);
}

int verb_campaign_create(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *body = campaign_order_body(options), *campaign = NULL;
	int status = selection_resolve(session, options, &selection, &failure);

	if (status == STATUS_DONE)
		status = session_call(session, "POST", "/campaigns", body, &campaign, &failure);
	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	if (options->dry_run)
		return campaign_report_show(session, campaign);
	if (options->start)
		status = draft_start(session, reply_text(campaign, "id"), &campaign);
	if (status != STATUS_DONE)
		return status;
	return options->wait ? campaign_follow(session, options, reply_text(campaign, "id")) : created_show(session, options, campaign);
}
