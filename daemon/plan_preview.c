/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/plan_preview.h"

#include <stdio.h>
#include <string.h>

static void copy_steps(const struct upgrade_plan *plan, struct plan *ret)
{
	for (size_t i = 0; i < plan->step_count && i < sizeof(ret->steps) / sizeof(ret->steps[0]); i++) {
		const struct upgrade_step *from = &plan->steps[i];
		struct plan_step *step = &ret->steps[ret->step_count++];
		snprintf(step->phase, sizeof(step->phase), "%s", upgrade_phase_name(from->phase));
		snprintf(step->what, sizeof(step->what), "%s", from->what);
		snprintf(step->why, sizeof(step->why), "%s", from->why);
		step->budget_s = from->budget_s;
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

void plan_preview(const struct device *device, const struct profile *profile, const struct firmware *firmware,
		  const struct job_request *request, struct plan *ret)
{
	struct modem_info modem;
	struct profile rated;
	struct upgrade_firmware wanted;
	struct upgrade_options options;
	struct upgrade_plan plan = {0};
	struct fault fault = {0};
	engine_modem(&device->modem, &modem);
	engine_profile(profile, request->rate_bps, &rated);
	engine_firmware(firmware, &wanted);
	engine_options(request, "", &options);
	*ret = (struct plan){.assumed = assume(&modem, &rated, &wanted)};
	memcpy(ret->device, device->id, sizeof(ret->device));
	memcpy(ret->firmware, firmware->sha256, sizeof(ret->firmware));
	ret->boot_mode = (int)modem.boot_mode;
	int result = upgrade_plan(&modem, &rated, &wanted, &options, &plan, &fault);
	if (result < 0)
		job_fault_from_engine(&ret->fault, &fault);
	else
		copy_steps(&plan, ret);
	snprintf(ret->way, sizeof(ret->way), "%s", upgrade_way_name(result < 0 ? options.way : plan.way));
	snprintf(ret->family, sizeof(ret->family), "%s", modem_family_name(result < 0 ? modem.family : plan.family));
}
