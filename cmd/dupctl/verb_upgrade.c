/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/plans.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"

static void member_add(json_t *body, const char *member, const char *value)
{
	if (value)
		json_object_set_new(body, member, json_string(value));
}

static void number_add(json_t *body, const char *member, struct optional_number number)
{
	if (number.set)
		json_object_set_new(body, member, json_integer(number.value));
}

static json_t *upgrade_body(const struct options *options)
{
	json_t *body = json_object();

	member_add(body, option_is_url(options->firmware) ? "url" : "firmware", options->firmware);
	member_add(body, "sha256", options->sha256);
	member_add(body, "helper", options->helper);
	member_add(body, "second", options->second);
	member_add(body, "way", options->way);
	if (options->force)
		json_object_set_new(body, "force", json_true());
	if (options->allow_downgrade)
		json_object_set_new(body, "allow_downgrade", json_true());
	if (options->allow_branch_switch)
		json_object_set_new(body, "allow_branch_switch", json_true());
	number_add(body, "priority", options->priority);
	member_add(body, "not_before", options->not_before);
	number_add(body, "rate", options->rate);
	member_add(body, "if_leased", options->if_leased);
	return body;
}

int verb_upgrade(struct session *session, const struct options *options)
{
	submission_owned submission = submission_begin(options);
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *body = upgrade_body(options);
	int status = selection_resolve(session, options, &selection, &failure);

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	if (options->dry_run)
		return plans_ask(session, &selection, "upgrade", body);
	for (size_t i = 0; i < selection.count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		plans_path(&path, selection.devices[i], "upgrade", false);
		status = submission_post(session, &submission, path.bytes, body, "device", selection.devices[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}
