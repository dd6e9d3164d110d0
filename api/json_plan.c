/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <string.h>

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
	bool known = plan->boot_mode >= 0;
	json_t *object = JSON_MEMBERS(
	    {"device", json_text_always(plan->device)}, {"firmware", json_text_always(plan->firmware.sha256)},
	    {"firmware_name", json_text(plan->firmware.name)}, {"helper", json_text(plan->helper.sha256)},
	    {"helper_name", json_text(plan->helper.name)}, {"helper_unused", json_boolean(plan->helper_unused)},
	    {"second", json_text(plan->second.sha256)}, {"second_name", json_text(plan->second.name)}, {"way", chosen(plan->way, "auto")},
	    {"family", chosen(plan->family, "unknown")}, {"boot_mode", known ? json_integer(plan->boot_mode) : json_null()},
	    {"boot_mode_name", known ? json_text(plan->boot_mode_name) : json_null()}, {"assumed", json_boolean(plan->assumed)},
	    {"warning", json_text(plan->warning)}, {"steps", step_array(plan)}, {"budget_s", json_count(plan->budget_s)},
	    {"fault", json_fault_object(&plan->fault)});
	return json_line(JSON_MEMBERS({"plan", object}));
}
