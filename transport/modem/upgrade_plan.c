/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/upgrade_plan.h"

#include <stdio.h>
#include <string.h>

/* protocol.md 3: what AT+SMSTPU without an argument can store. */
#define FFF_WAY_SIZE_MAX 4194304u
/* protocol.md 6, 3: these modems need their boot ROM replaced first. */
#define FACTORY_BUILD 33080u
/* protocol.md 7, real runs: 12 KiB/s is the slowest seen (115200 bit/s), with as much again in reserve. */
#define SLOWEST_BYTES_PER_S 6144u

static const char *const way_names[] = {
    [WAY_AUTO] = "auto",
    [WAY_ON_THE_FLY] = "on-the-fly",
    [WAY_FFF] = "fff",
    [WAY_LEGACY] = "legacy",
};

const char *upgrade_way_name(enum upgrade_way way)
{
	return way_names[way];
}

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_CONNECT] = "connect", [PHASE_IDENTIFY] = "identify", [PHASE_PREPARE] = "prepare",
    [PHASE_SWITCH] = "switch",   [PHASE_HELPER] = "helper",     [PHASE_TRANSFER] = "transfer",
    [PHASE_APPLY] = "apply",     [PHASE_RESTART] = "restart",   [PHASE_VERIFY] = "verify",
};

const char *upgrade_phase_name(enum upgrade_phase phase)
{
	return phase < PHASE_COUNT ? phase_names[phase] : "unknown";
}

struct question {
	const struct modem_info *modem;
	const struct profile *profile;
	const struct upgrade_firmware *firmware;
	const struct upgrade_options *options;
};

/* "LR5.1.1.0-39529" without the build: its length. */
static size_t version_length(const char *release)
{
	return strcspn(release, "-");
}

static bool same_release(const char *one, const char *other)
{
	size_t length = version_length(one);

	if (one[length] == '-' && other[version_length(other)] == '-')
		return strcmp(one, other) == 0;
	return length == version_length(other) && strncmp(one, other, length) == 0;
}

static uint32_t firmware_build(const struct upgrade_firmware *firmware)
{
	return firmware->build ? firmware->build : release_build(firmware->release);
}

static uint32_t modem_build(const struct modem_info *modem)
{
	return modem->build ? modem->build : release_build(modem->release);
}

bool upgrade_firmware_matches(const struct upgrade_firmware *firmware, const struct modem_info *modem)
{
	uint32_t build = firmware_build(firmware);

	if (build == 0 && firmware->release[0] == '\0')
		return false;
	if (build != 0 && build != modem_build(modem))
		return false;
	return firmware->release[0] == '\0' || same_release(firmware->release, modem->release);
}

/* The branch is what stands before the first dot: LR5 is CAT-M1, LR6 is NB-IoT. Not known: taken as the same. */
static bool same_branch(const char *one, const char *other)
{
	size_t length = strcspn(one, ".");

	if (one[0] == '\0' || other[0] == '\0')
		return true;
	return length == strcspn(other, ".") && strncmp(one, other, length) == 0;
}

/* "UE8.0.3.2" or "LR8.0.3.2-57000" → 8,0,3,2. False when there are no four numbers. */
static bool version_parse(const char *text, uint32_t ret[4])
{
	text += strcspn(text, "0123456789");
	for (size_t i = 0; i < 4; i++) {
		if (*text < '0' || *text > '9')
			return false;
		for (ret[i] = 0; *text >= '0' && *text <= '9'; text++)
			ret[i] = (ret[i] * 10 + (uint32_t)(*text - '0')) % 100000u;
		if (i < 3 && *text++ != '.')
			return false;
	}
	return true;
}

static bool version_below(const char *text, const uint32_t least[4])
{
	uint32_t version[4];

	if (!version_parse(text, version))
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (version[i] != least[i])
			return version[i] < least[i];
	}
	return false;
}

static const char *known_release(const struct modem_info *modem)
{
	return modem->release[0] ? modem->release : "an unknown release";
}

static enum modem_family chosen_family(const struct question *q)
{
	if (q->modem->family != FAMILY_UNKNOWN)
		return q->modem->family;
	return q->firmware->family != FAMILY_UNKNOWN ? q->firmware->family : q->profile->family;
}

/* The rules. Each returns 0 or fills the fault; they are asked in the order of the table below. */

static int refuse_family(const struct question *q, struct fault *fault)
{
	enum modem_family modem = q->modem->family != FAMILY_UNKNOWN ? q->modem->family : q->profile->family;
	enum modem_family bundle = q->firmware->family;

	if (modem != FAMILY_UNKNOWN && bundle != FAMILY_UNKNOWN && modem != bundle)
		return fault_set(fault, FAULT_BUNDLE_WRONG_FAMILY, "the bundle is for %s and the modem is a %s", modem_family_name(bundle),
				 modem_family_name(modem));
	if (modem == FAMILY_UNKNOWN && bundle == FAMILY_UNKNOWN && !q->options->force)
		return fault_set(
		    fault, FAULT_BUNDLE_WRONG_FAMILY,
		    "neither the modem nor the bundle tells its family: state the family of the firmware or the profile of the "
		    "device, or use force");
	return 0;
}

static int refuse_way(const struct question *q, struct fault *fault)
{
	switch (q->options->way) {
	case WAY_AUTO:
	case WAY_ON_THE_FLY:
		return 0;
	case WAY_FFF:
		if (q->firmware->size > FFF_WAY_SIZE_MAX)
			return fault_set(fault, FAULT_BUNDLE_TOO_BIG,
					 "the bundle has %llu bytes and the fff way takes at most %u: use the way on-the-fly",
					 (unsigned long long)q->firmware->size, FFF_WAY_SIZE_MAX);
		break;
	case WAY_LEGACY:
		break;
	}
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED, "the way %s was asked for and this version sends bundles on the fly only",
			 upgrade_way_name(q->options->way));
}

static int refuse_differential(const struct question *q, struct fault *fault)
{
	uint32_t base = q->firmware->base_build;
	uint32_t build = modem_build(q->modem);

	if (base == 0)
		return 0;
	if (q->modem->boot_mode != BOOT_MODE_FFF)
		return fault_set(fault, FAULT_BUNDLE_WRONG_BASE,
				 "the bundle is a differential from build %u and the modem is in boot mode %d (%s), where no build can be "
				 "differed from: use a full bundle",
				 base, (int)q->modem->boot_mode, boot_mode_name(q->modem->boot_mode));
	if (base != build)
		return fault_set(fault, FAULT_BUNDLE_WRONG_BASE,
				 "the bundle is a differential from build %u and the modem runs build %u (%s): use a full bundle or the "
				 "differential from %u",
				 base, build, known_release(q->modem), build);
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "a differential (from build %u) goes in by the way fff and this version sends bundles on the fly only: use a full "
			 "bundle",
			 base);
}

static int refuse_boot_mode(const struct question *q, struct fault *fault)
{
	switch (q->modem->boot_mode) {
	case BOOT_MODE_FFF:
	case BOOT_MODE_RECOVERY:
		return 0;
	case BOOT_MODE_FFH:
		return fault_set(
		    fault, FAULT_HELPER_NEEDED,
		    "the modem is in boot mode 0 (ffh), where a bundle needs the helper that came with it, and this version cannot "
		    "start a helper yet");
	case BOOT_MODE_MTOOLS:
	case BOOT_MODE_UPDATER:
		return fault_set(
		    fault, FAULT_BUNDLE_UNSUPPORTED,
		    "the modem is in boot mode %d (%s) and this version upgrades from the modes 2 (fff) and 4 (recovery) only: "
		    "restart the modem",
		    (int)q->modem->boot_mode, boot_mode_name(q->modem->boot_mode));
	case BOOT_MODE_UNKNOWN:
		break;
	}
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED, "the boot mode of the modem is not known: probe it first");
}

static int refuse_old_monarch2(const struct question *q, struct fault *fault)
{
	static const uint32_t least[4] = {8, 0, 4, 0};
	const char *version = q->modem->release[0] ? q->modem->release : q->modem->ue;

	if (q->modem->boot_mode != BOOT_MODE_FFF || chosen_family(q) != FAMILY_MONARCH2 || !version_below(version, least))
		return 0;
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "the modem runs %s: Monarch 2 below 8.0.4.0 needs a raster upgrade, which only the vendor's tool does", version);
}

static int refuse_factory_build(const struct question *q, struct fault *fault)
{
	if (q->modem->boot_mode != BOOT_MODE_FFF || chosen_family(q) != FAMILY_MONARCH1 || modem_build(q->modem) != FACTORY_BUILD ||
	    q->options->force)
		return 0;
	return fault_set(
	    fault, FAULT_BUNDLE_UNSUPPORTED,
	    "the modem runs the factory build %u, which a full bundle alone can leave unusable: its boot ROM has to be replaced "
	    "first, or the differential from %u used (force sends it all the same)",
	    FACTORY_BUILD, FACTORY_BUILD);
}

static int refuse_installed(const struct question *q, struct fault *fault)
{
	if (q->modem->boot_mode != BOOT_MODE_FFF || q->options->force || !upgrade_firmware_matches(q->firmware, q->modem))
		return 0;
	return fault_set(fault, FAULT_ALREADY_INSTALLED, "the modem already runs %s (build %u): force installs it again",
			 known_release(q->modem), modem_build(q->modem));
}

static int refuse_downgrade(const struct question *q, struct fault *fault)
{
	uint32_t from = modem_build(q->modem);
	uint32_t to = firmware_build(q->firmware);

	if (q->modem->boot_mode != BOOT_MODE_FFF || q->options->force || q->options->allow_downgrade || to == 0 || to >= from)
		return 0;
	if (!same_branch(q->modem->release, q->firmware->release))
		return 0;
	return fault_set(fault, FAULT_DOWNGRADE_REFUSED, "the modem runs build %u and the bundle is build %u: allow_downgrade permits it",
			 from, to);
}

typedef int (*plan_rule)(const struct question *q, struct fault *fault);

static const plan_rule rules[] = {
    refuse_family,       refuse_way,           refuse_differential, refuse_boot_mode,
    refuse_old_monarch2, refuse_factory_build, refuse_installed,    refuse_downgrade,
};

static void add_step(struct upgrade_plan *plan, enum upgrade_phase phase, uint32_t budget_s, const char *what, const char *why)
{
	struct upgrade_step *step = &plan->steps[plan->step_count++];

	step->phase = phase;
	step->budget_s = budget_s;
	snprintf(step->what, sizeof(step->what), "%s", what);
	snprintf(step->why, sizeof(step->why), "%s", why);
}

static void add_beginning(const struct question *q, struct upgrade_plan *plan)
{
	bool application = q->modem->boot_mode == BOOT_MODE_FFF;

	add_step(plan, PHASE_CONNECT, 15, "find the modem and its rate", "the rate differs by family and boot mode");
	add_step(plan, PHASE_IDENTIFY, 60, "ask release and IMEI",
		 application ? "the right modem, and a bundle that may go on it"
			     : "only the application tells its release: from_release stays unknown and no downgrade is seen");
}

static void add_transfer(const struct question *q, struct upgrade_plan *plan)
{
	uint64_t transfer_s = q->firmware->size / SLOWEST_BYTES_PER_S + 2u * q->profile->block_budget_s;

	if (q->modem->boot_mode == BOOT_MODE_FFF) {
		add_step(plan, PHASE_PREPARE, 60, "quiet the radio and power saving", "an attached or sleeping modem refuses the switch");
		add_step(plan, PHASE_SWITCH, q->profile->boot_budget_s, "switch to boot mode 4 (recovery)",
			 "a bundle on the fly is taken in recovery only");
	}
	add_step(plan, PHASE_TRANSFER, (uint32_t)transfer_s, "send the bundle on the fly",
		 q->modem->boot_mode == BOOT_MODE_FFF ? "it is flashed as it arrives: no way back from its first block"
						      : "the modem is in recovery already: no switch is needed");
}

/* How much of the ordinary plan an earlier run has already brought behind it. */
enum resume { RESUME_NONE, RESUME_APPLY, RESUME_VERIFY };

static enum resume resume_of(const struct question *q)
{
	enum upgrade_phase phase = q->options->resume_phase;
	bool declared = q->firmware->release[0] != '\0' || q->firmware->build != 0;

	if (q->modem->boot_mode == BOOT_MODE_RECOVERY)
		return phase >= PHASE_APPLY ? RESUME_APPLY : RESUME_NONE;
	if (q->modem->boot_mode != BOOT_MODE_FFF)
		return RESUME_NONE;
	/* A forced bundle may be the release that runs already: then only a bundle that was wholly sent shows in it. */
	if (phase >= (q->options->force ? PHASE_APPLY : PHASE_TRANSFER) && upgrade_firmware_matches(q->firmware, q->modem))
		return RESUME_VERIFY;
	/* Nothing declared: only the modem's own report can tell. */
	return phase >= PHASE_APPLY && !declared ? RESUME_APPLY : RESUME_NONE;
}

static void make_steps(const struct question *q, enum resume resume, struct upgrade_plan *plan)
{
	add_beginning(q, plan);
	if (resume == RESUME_NONE)
		add_transfer(q, plan);
	if (resume != RESUME_VERIFY) {
		add_step(plan, PHASE_APPLY, q->profile->apply_budget_s, "wait until the modem has applied it",
			 resume == RESUME_APPLY ? "the whole bundle was sent before the interruption: it is asked for its report"
						: "it must not lose power now; it answers when it is done");
		add_step(plan, PHASE_RESTART, q->profile->boot_budget_s, "restart into boot mode 2 (fff)",
			 "the new firmware runs after a restart");
	}
	add_step(plan, PHASE_VERIFY, 60, "read release and IMEI back",
		 resume == RESUME_VERIFY ? "the interrupted job had already brought the release" : "what the modem says now decides");
}

int upgrade_plan(const struct modem_info *modem, const struct profile *profile, const struct upgrade_firmware *firmware,
		 const struct upgrade_options *options, struct upgrade_plan *ret, struct fault *ret_fault)
{
	const struct question q = {modem, profile, firmware, options};
	enum resume resume = resume_of(&q);

	memset(ret, 0, sizeof(*ret));
	ret->way = WAY_ON_THE_FLY;
	ret->family = chosen_family(&q);
	/* What is behind an interrupted job needs no permission any more. */
	for (size_t i = 0; resume == RESUME_NONE && i < sizeof(rules) / sizeof(rules[0]); i++) {
		int r = rules[i](&q, ret_fault);
		if (r < 0)
			return r;
	}
	make_steps(&q, resume, ret);
	return 0;
}
