/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/plans.h"

#include <stdlib.h>

#include "cmd/dupctl/complaints.h"
#include "cmd/dupctl/views.h"

void plans_path(struct text *path, const char *device, const char *action, bool dry_run)
{
	text_add(path, "/devices/");
	url_escape(path, device);
	text_addf(path, "/%s%s", action, dry_run ? "?dry_run=true" : "");
}

/* One plan. A forbidden one counts as refused. */
static int plan_get(struct session *session, const char *device, const char *action, const json_t *body, json_t *plans,
		    struct complaints *complaints)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_owned *answer = NULL;
	struct plan_row plan;

	plans_path(&path, device, action, true);
	if (session_call(session, "POST", path.bytes, body, &answer, &failure) != STATUS_DONE) {
		if (failure.status < STATUS_UNREACHABLE)
			complaints_add(complaints, &failure, device);
		else
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

int plans_ask(struct session *session, const struct selection *selection, const char *action, const json_t *body)
{
	json_owned *plans = json_array();
	int *statuses = calloc(selection->count, sizeof(*statuses)), status = STATUS_DONE;
	complaints_owned complaints = {0};

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < selection->count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = plan_get(session, selection->devices[i], action, body, plans, &complaints);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, selection->count);
	free(statuses);
	complaints_tell(&complaints);
	if (plans_show(session, plans) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}
