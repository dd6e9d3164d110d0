/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

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

static void upgrade_path(struct text *path, const char *device, bool dry_run)
{
	text_add(path, "/devices/");
	url_escape(path, device);
	text_add(path, dry_run ? "/upgrade?dry_run=true" : "/upgrade");
}

/* One plan. A forbidden one counts as refused. */
static int plan_get(struct session *session, const char *device, const json_t *body, json_t *plans)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_owned *answer = NULL;
	struct plan_row plan;

	upgrade_path(&path, device, true);
	if (session_call(session, "POST", path.bytes, body, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : device);
		return failure.status;
	}
	json_array_append(plans, json_object_get(answer, "plan"));
	plan_read(json_object_get(answer, "plan"), &plan);
	return *plan.fault.code ? STATUS_REFUSED : STATUS_DONE;
}

static int plans_show(struct session *session, json_t *plans)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = json_pack("{s:O}", "plans", plans);

	if (session->json)
		return session_print_json(session, document);
	for (size_t i = 0; i < json_array_size(plans); i++) {
		struct plan_row plan;

		plan_read(json_array_get(plans, i), &plan);
		view_plan(&shown, &plan);
	}
	return session_print(session, &shown);
}

static int upgrade_dry_run(struct session *session, const struct selection *selection, const json_t *body)
{
	json_owned *plans = json_array();
	int *statuses = calloc(selection->count, sizeof(*statuses)), status = STATUS_DONE;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < selection->count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = plan_get(session, selection->devices[i], body, plans);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, selection->count);
	free(statuses);
	if (plans_show(session, plans) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
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
		return upgrade_dry_run(session, &selection, body);
	for (size_t i = 0; i < selection.count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		upgrade_path(&path, selection.devices[i], false);
		status = submission_post(session, &submission, path.bytes, body, "device", selection.devices[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}
