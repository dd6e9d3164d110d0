/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/follow_campaign.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

static void campaign_path(struct text *path, const char *id, const char *rest)
{
	text_add(path, "/campaigns/");
	url_escape(path, id);
	text_add(path, rest);
}

static int campaign_ask(struct session *session, const char *method, const char *id, const char *rest, json_t **ret)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};

	campaign_path(&path, id, rest);
	if (session_call(session, method, path.bytes, NULL, ret, &failure) != STATUS_DONE)
		failure_print(&failure, NULL);
	return failure.status;
}

int campaign_follow(struct session *session, const struct options *options, const char *id)
{
	return follow_campaign(session, id, options->timeout_s.set ? monotonic_ms() + options->timeout_s.value * 1000 : 0);
}

int campaign_state_show(struct session *session, const json_t *campaign)
{
	text_owned shown = terminal_text(&session->terminal);
	struct campaign_row row;

	if (session->json)
		return session_print_json(session, campaign);
	campaign_read(campaign, &row);
	view_campaign_state(&shown, &row);
	text_add(&shown, "\n");
	return session_print(session, &shown);
}

int verb_campaign_list(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	text_addf(&path, "/campaigns?limit=%" PRId64, options->limit.set ? options->limit.value : CAMPAIGNS_SHOWN);
	if (options->before) {
		text_add(&path, "&before=");
		url_escape(&path, options->before);
	}
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_campaign_list(&shown, json_object_get(answer, "campaigns"), session->terminal.width);
	if (*reply_text(answer, "next")) {
		text_add(&shown, "older ones: --before ");
		text_add_clean(&shown, reply_text(answer, "next"));
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

int verb_campaign_show(struct session *session, const struct options *options)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;
	struct campaign_row campaign;
	int status = campaign_ask(session, "GET", options->operands[0], "", &answer);

	if (status != STATUS_DONE)
		return status;
	if (session->json)
		return session_print_json(session, answer);
	campaign_read(answer, &campaign);
	view_campaign(&shown, &campaign);
	return session_print(session, &shown);
}

int verb_campaign_direct(struct session *session, const struct options *options)
{
	const char *id = options->operands[0];
	json_owned *answer = NULL;
	text_owned rest = {0};
	int status;

	text_addf(&rest, "/%s", verb_find(options->verb)->second_name);
	status = campaign_ask(session, "POST", id, rest.bytes, &answer);
	if (status != STATUS_DONE)
		return status;
	return options->wait ? campaign_follow(session, options, id) : campaign_state_show(session, answer);
}

int verb_campaign_watch(struct session *session, const struct options *options)
{
	return campaign_follow(session, options, options->operands[0]);
}

int verb_campaign_delete(struct session *session, const struct options *options)
{
	text_owned shown = terminal_text(&session->terminal);
	int status = campaign_ask(session, "DELETE", options->operands[0], "", NULL);

	if (status != STATUS_DONE || session->json)
		return status;
	text_add_clean(&shown, options->operands[0]);
	text_add(&shown, "  deleted\n");
	return session_print(session, &shown);
}
