/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <string.h>

/* The names of SMOD's numbers, protocol.md 1; the plan has only the number. */
static const char *boot_mode_name(int boot_mode)
{
	static const char *const names[] = {"ffh", "mtools", "fff", "updater", "recovery"};
	return boot_mode >= 0 && (size_t)boot_mode < sizeof(names) / sizeof(names[0]) ? names[boot_mode] : "";
}

static json_t *step_array(const struct plan *plan)
{
	json_t *steps = json_array();
	for (size_t i = 0; steps != NULL && i < plan->step_count; i++) {
		const struct plan_step *step = &plan->steps[i];
		json_t *object = JSON_MEMBERS({"phase", json_text_always(step->phase)}, {"what", json_text_always(step->what)},
					      {"why", json_text(step->why)}, {"budget_s", json_count(step->budget_s)});
		if (json_array_append_new(steps, object) == 0)
			continue;
		json_decref(steps);
		return NULL;
	}
	return steps;
}

/* A plan that is forbidden before it chose says so in words. */
static json_t *chosen(const char *text, const char *not_chosen)
{
	return strcmp(text, not_chosen) == 0 ? json_null() : json_text(text);
}

char *json_view_plan(const struct plan *plan)
{
	json_t *object = JSON_MEMBERS(
	    {"device", json_text_always(plan->device)}, {"firmware", json_text_always(plan->firmware)}, {"way", chosen(plan->way, "auto")},
	    {"family", chosen(plan->family, "unknown")}, {"boot_mode", plan->boot_mode >= 0 ? json_integer(plan->boot_mode) : json_null()},
	    {"boot_mode_name", json_text(boot_mode_name(plan->boot_mode))}, {"assumed", json_boolean(plan->assumed)},
	    {"steps", step_array(plan)}, {"fault", json_fault_object(&plan->fault)});
	return json_line(JSON_MEMBERS({"plan", object}));
}
