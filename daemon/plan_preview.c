/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan_preview.h"

#include <stdio.h>
#include <string.h>

static void copy_steps(const struct upgrade_plan *plan, struct plan *ret)
{
	_Static_assert(UPGRADE_STEPS_MAX <= PLAN_STEPS_MAX, "a preview has room for every plan");
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct upgrade_step *from = &plan->steps[i];
		struct plan_step *step = &ret->steps[ret->step_count++];
		snprintf(step->phase, sizeof(step->phase), "%s", upgrade_phase_name(from->phase));
		snprintf(step->what, sizeof(step->what), "%s", from->what);
		snprintf(step->why, sizeof(step->why), "%s", from->why);
		step->budget_s = from->budget_s;
		ret->budget_s += from->budget_s;
	}
}

/* A modem that was never asked is taken to be healthy and of the bundle's kind. */
static bool assume(struct modem_info *modem, const struct profile *profile, const struct upgrade_firmware *wanted)
{
	if (modem->boot_mode != BOOT_MODE_UNKNOWN)
		return false;
	modem->boot_mode = BOOT_MODE_FFF;
	if (modem->family == FAMILY_UNKNOWN)
		modem->family = profile->family != FAMILY_UNKNOWN ? profile->family : wanted->family;
	return true;
}

static void name_file(const struct firmware *firmware, struct plan_file *ret)
{
	memcpy(ret->sha256, firmware->sha256, sizeof(ret->sha256));
	memcpy(ret->name, firmware->name, sizeof(ret->name));
}

void plan_preview(const struct device *device, const struct profile *profile, const struct job_files *files,
		  const struct job_request *request, bool begun_before, bool same_modem, struct plan *ret)
{
	struct modem_info modem;
	struct profile rated;
	struct upgrade_firmware wanted;
	struct upgrade_options options;
	struct upgrade_plan plan = {0};
	struct fault fault = {0};
	engine_modem(&device->modem, &modem);
	engine_profile(profile, request->rate_bps, &rated);
	engine_firmware(files, &wanted);
	engine_options(request, "", &options);
	engine_past("", &device->modem, same_modem, &options);
	options.begun_before = begun_before;
	*ret = (struct plan){.assumed = assume(&modem, &rated, &wanted)};
	memcpy(ret->device, device->id, sizeof(ret->device));
	name_file(&files->bundle, &ret->firmware);
	name_file(&files->helper, &ret->helper);
	name_file(&files->second, &ret->second);
	ret->boot_mode = (int)modem.boot_mode;
	snprintf(ret->boot_mode_name, sizeof(ret->boot_mode_name), "%s", boot_mode_name(modem.boot_mode));
	int result = upgrade_plan(&modem, &rated, &wanted, &options, &plan, &fault);
	ret->helper_unused = result == 0 && plan.helper_unused;
	if (result < 0)
		job_fault_from_engine(&ret->fault, &fault);
	else
		copy_steps(&plan, ret);
	memcpy(ret->warning, plan.warning, sizeof(ret->warning));
	snprintf(ret->way, sizeof(ret->way), "%s", upgrade_way_name(result < 0 ? options.way : plan.way));
	snprintf(ret->family, sizeof(ret->family), "%s", modem_family_name(result < 0 ? modem.family : plan.family));
}
