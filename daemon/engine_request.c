/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/engine_request.h"

#include <stdio.h>
#include <string.h>

static const enum upgrade_way ways[] = {WAY_AUTO, WAY_ON_THE_FLY, WAY_FFF, WAY_LEGACY};

bool engine_way_parse(const char *name, enum upgrade_way *ret)
{
	*ret = WAY_AUTO;
	if (name[0] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(upgrade_way_name(ways[i]), name) != 0)
			continue;
		*ret = ways[i];
		return true;
	}
	return false;
}

enum upgrade_phase engine_phase(const char *name)
{
	for (int phase = PHASE_CONNECT; phase < PHASE_COUNT; phase++)
		if (strcmp(upgrade_phase_name((enum upgrade_phase)phase), name) == 0)
			return (enum upgrade_phase)phase;
	return PHASE_CONNECT;
}

static enum modem_family family_of(const struct firmware *firmware)
{
	enum modem_family family;
	return modem_family_parse(firmware->facts.family, &family) ? family : FAMILY_UNKNOWN;
}

void engine_firmware(const struct job_files *files, struct upgrade_firmware *ret)
{
	const struct firmware *bundle = &files->bundle;
	uint64_t offset, length;
	*ret = (struct upgrade_firmware){
	    .family = family_of(bundle),
	    .branch = firmware_branch_from_name(bundle->name),
	    .build = bundle->facts.build,
	    .base_build = bundle->facts.base_build,
	    .size = bundle->size,
	    .boot_rom = firmware_boot_rom(bundle, &offset, &length),
	    .helper = files->helper.sha256[0] != '\0',
	    .helper_family = family_of(&files->helper),
	    .second = files->second.sha256[0] != '\0',
	    .second_size = files->second.size,
	    .second_base_build = files->second.facts.base_build,
	};
	memcpy(ret->release, bundle->facts.release, sizeof(ret->release));
}

void engine_options(const struct job_request *request, const char *furthest_phase, struct upgrade_options *ret)
{
	*ret = (struct upgrade_options){
	    .force = request->force,
	    .recover = request->recover,
	    .allow_downgrade = request->allow_downgrade,
	    .allow_branch_switch = request->allow_branch_switch,
	    .resume_phase = engine_phase(furthest_phase),
	};
	(void)engine_way_parse(request->way, &ret->way);
}

void engine_profile(const struct profile *profile, uint32_t rate_bps, struct profile *ret)
{
	*ret = *profile;
	if (rate_bps == 0)
		return;
	if (ret->transfer_rate_bps != 0)
		ret->transfer_rate_bps = rate_bps;
	/* A board's own rates are those of its wiring, not of the job. */
	if (profile->board != BOARD_DIRECT) {
		ret->board_rate_bps = profile_board_rate(profile);
		ret->bridge_rate_bps = profile->board == BOARD_CHAT ? profile->bridge_rate_bps : profile_bridge_rate(profile);
	}
	size_t count = 0;
	ret->rates[count++] = rate_bps;
	for (size_t i = 0; i < PROFILE_RATES_MAX && profile->rates[i] != 0 && count < PROFILE_RATES_MAX; i++)
		if (profile->rates[i] != rate_bps)
			ret->rates[count++] = profile->rates[i];
	if (count < PROFILE_RATES_MAX)
		ret->rates[count] = 0;
}

void engine_past(const char *from_release, const struct device_modem *modem, bool same, struct upgrade_options *ret)
{
	bool heard = from_release[0] != '\0';
	ret->from_build = release_build(heard ? from_release : same ? modem->release : "");
	if (ret->from_build == 0 && same)
		ret->from_build = modem->build;
	if ((!heard && !same) || !modem_family_parse(modem->family, &ret->from_family))
		ret->from_family = FAMILY_UNKNOWN;
}

void engine_modem(const struct device_modem *modem, struct modem_info *ret)
{
	*ret = (struct modem_info){.boot_mode = (enum boot_mode)modem->boot_mode, .family = FAMILY_UNKNOWN, .rate_bps = modem->rate_bps};
	memcpy(ret->imei, modem->imei, sizeof(ret->imei));
	/* Family and release were told by the application; in any other mode a bundle may have gone in since. */
	if (ret->boot_mode != BOOT_MODE_FFF)
		return;
	if (!modem_family_parse(modem->family, &ret->family))
		ret->family = FAMILY_UNKNOWN;
	memcpy(ret->ue, modem->ue, sizeof(ret->ue));
	memcpy(ret->release, modem->release, sizeof(ret->release));
	ret->build = modem->build;
}

void job_fault_from_engine(struct job_fault *ret, const struct fault *fault)
{
	if (fault->code == FAULT_NONE) {
		job_fault_set(ret, "infrastructure-error", "the engine failed and did not say why");
		return;
	}
	job_fault_set(ret, fault_code_name(fault->code), "%s", fault->message);
	snprintf(ret->evidence, sizeof(ret->evidence), "%s", fault->evidence);
}
