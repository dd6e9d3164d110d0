/* SPDX-License-Identifier: Apache-2.0
 *
 * protocol.md 6 as a table of rules.
 */
#include "transport/modem/upgrade_rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* protocol.md 6, 3: these modems need their boot ROM replaced first. */
#define FACTORY_BUILD 33080u

/* protocol.md 6, 5: final build, build between. */
static const struct {
	uint32_t build;
	uint32_t between;
} pairs[] = {
    {48829, 39529},
};

static uint32_t firmware_build(const struct upgrade_firmware *firmware)
{
	return firmware->build ? firmware->build : release_build(firmware->release);
}

static uint32_t modem_build(const struct modem_info *modem)
{
	return modem->build ? modem->build : release_build(modem->release);
}

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

bool upgrade_firmware_matches(const struct upgrade_firmware *firmware, const struct modem_info *modem)
{
	uint32_t build = firmware_build(firmware);

	if (build == 0 && firmware->release[0] == '\0')
		return false;
	if (build != 0 && build != modem_build(modem))
		return false;
	/* A modem may tell its build alone (protocol.md 8). */
	if (build != 0 && modem->release[0] == '\0')
		return true;
	return firmware->release[0] == '\0' || same_release(firmware->release, modem->release);
}

uint32_t upgrade_build_between(const struct upgrade_firmware *firmware)
{
	if (firmware->second_base_build != 0)
		return firmware->second_base_build;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].build == firmware_build(firmware))
			return pairs[i].between;
	}
	return 0;
}

/* The number before the first dot: LR5 is CAT-M1, LR6 is NB-IoT. 0: not known. */
static unsigned branch_of(const char *version)
{
	return isupper((unsigned char)version[0]) && isdigit((unsigned char)version[strcspn(version, "0123456789")])
		   ? (unsigned)strtoul(version + strcspn(version, "0123456789"), NULL, 10)
		   : 0;
}

static unsigned modem_branch(const struct modem_info *modem)
{
	return branch_of(modem->release[0] ? modem->release : modem->ue);
}

static unsigned firmware_branch(const struct upgrade_firmware *firmware)
{
	unsigned branch = branch_of(firmware->release);

	return branch ? branch : firmware->branch;
}

/* What is not known is taken as the same. */
static bool same_branch(const struct plan_question *q)
{
	unsigned from = modem_branch(q->modem);
	unsigned to = firmware_branch(q->firmware);

	return from == 0 || to == 0 || from == to;
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

enum modem_family plan_family(const struct plan_question *q)
{
	if (q->modem->family != FAMILY_UNKNOWN)
		return q->modem->family;
	return q->firmware->family != FAMILY_UNKNOWN ? q->firmware->family : q->profile->family;
}

static bool is_differential(const struct plan_question *q)
{
	return q->firmware->base_build != 0;
}

static bool in_application(const struct plan_question *q)
{
	return q->modem->boot_mode == BOOT_MODE_FFF;
}

static bool is_factory(const struct plan_question *q)
{
	return in_application(q) && plan_family(q) == FAMILY_MONARCH1 && modem_build(q->modem) == FACTORY_BUILD;
}

enum upgrade_way plan_way(const struct plan_question *q)
{
	if (!in_application(q))
		return WAY_ON_THE_FLY;
	if (is_differential(q))
		return WAY_FFF;
	return q->options->way == WAY_AUTO ? WAY_ON_THE_FLY : q->options->way;
}

/* Recovery tells no build, but it was told before. A bundle that was begun had the new boot ROM before it. */
static bool is_factory_in_recovery(const struct plan_question *q)
{
	return q->modem->boot_mode == BOOT_MODE_RECOVERY && plan_family(q) == FAMILY_MONARCH1 && q->options->from_build == FACTORY_BUILD &&
	       q->options->resume_phase < PHASE_TRANSFER;
}

bool plan_replaces_boot_rom(const struct plan_question *q)
{
	if (!q->firmware->helper || !q->firmware->boot_rom || is_differential(q) || plan_way(q) != WAY_ON_THE_FLY)
		return false;
	return is_factory(q) || is_factory_in_recovery(q);
}

/* Then the firmware's own would be taken for it, and any bundle would fit. */
static bool family_is_untold(const struct plan_question *q)
{
	return q->modem->family == FAMILY_UNKNOWN && q->profile->family == FAMILY_UNKNOWN;
}

/* Recovery tells no build, and nobody else has: it may be the factory's of a Monarch 1 (field-failures.md F28). A helper that runs in recovery is
 * RAM's own, and a bundle that an earlier job began has no old boot ROM behind it any more. */
static bool build_is_unknown(const struct plan_question *q)
{
	bool may_be_monarch1 = plan_family(q) == FAMILY_MONARCH1 || family_is_untold(q);

	return q->modem->boot_mode == BOOT_MODE_RECOVERY && may_be_monarch1 && !is_differential(q) && q->options->from_build == 0 &&
	       q->options->resume_phase < PHASE_HELPER && !q->options->begun_before;
}

bool plan_looks_first(const struct plan_question *q)
{
	const struct upgrade_options *options = q->options;
	bool may_work =
	    options->recover && q->modem->boot_mode == BOOT_MODE_RECOVERY && options->resume_phase < PHASE_HELPER && !options->begun_before;

	return !options->looked && (may_work || (build_is_unknown(q) && !options->force));
}

const char *plan_warning(const struct plan_question *q)
{
	bool factory = is_factory(q) || is_factory_in_recovery(q);

	if (!q->options->force || is_differential(q) || plan_replaces_boot_rom(q))
		return NULL;
	if (factory)
		return "factory build 33080: a full bundle without its boot ROM replaced first has destroyed modems";
	return build_is_unknown(q) ? "nobody knows this modem's build: a full bundle can destroy one of the factory build 33080" : NULL;
}

bool plan_first_file_done(const struct plan_question *q)
{
	uint32_t between = upgrade_build_between(q->firmware);

	/* A modem that ran that build from the start proves nothing. */
	return q->firmware->second && in_application(q) && q->options->resume_phase >= PHASE_TRANSFER && modem_build(q->modem) == between &&
	       q->options->from_build != between;
}

/* The rules. Each returns 0 or fills the fault; they are asked in the order of the table below. */

static int refuse_family(const struct plan_question *q, struct fault *fault)
{
	enum modem_family modem = q->modem->family != FAMILY_UNKNOWN ? q->modem->family : q->profile->family;
	enum modem_family bundle = q->firmware->family;

	if (modem != FAMILY_UNKNOWN && bundle != FAMILY_UNKNOWN && modem != bundle)
		return fault_set(fault, FAULT_BUNDLE_WRONG_FAMILY,
				 "the bundle is for %s and the modem is a %s: use a bundle of the modem's own family",
				 modem_family_name(bundle), modem_family_name(modem));
	return 0;
}

static int refuse_unknown_family(const struct plan_question *q, struct fault *fault)
{
	bool known = q->modem->family != FAMILY_UNKNOWN || q->profile->family != FAMILY_UNKNOWN || q->firmware->family != FAMILY_UNKNOWN;

	if (known || q->options->force)
		return 0;
	return fault_set(fault, FAULT_BUNDLE_WRONG_FAMILY,
			 "neither the modem's family nor the bundle's is known: state the family of the firmware, or force");
}

static int refuse_helper(const struct plan_question *q, struct fault *fault)
{
	enum modem_family helper = q->firmware->helper_family;

	if (!q->firmware->helper || helper == FAMILY_UNKNOWN || plan_family(q) == FAMILY_UNKNOWN || helper == plan_family(q))
		return 0;
	return fault_set(fault, FAULT_HELPER_MISMATCH,
			 "the helper is for %s (by its byte order) and the modem is a %s: use the helper that came with the bundle",
			 modem_family_name(helper), modem_family_name(plan_family(q)));
}

static int refuse_size(const struct plan_question *q, struct fault *fault)
{
	uint64_t size = q->firmware->size;

	if (q->options->way != WAY_FFF && plan_way(q) != WAY_FFF)
		size = 0;
	if (q->firmware->second && q->firmware->second_base_build != 0)
		size = q->firmware->second_size;
	if (size <= UPGRADE_FFF_SIZE_MAX)
		return 0;
	return fault_set(fault, FAULT_BUNDLE_TOO_BIG,
			 "the bundle has %llu bytes and the way fff takes %u at most: send a full bundle on the fly",
			 (unsigned long long)size, UPGRADE_FFF_SIZE_MAX);
}

static int refuse_differential(const struct plan_question *q, struct fault *fault)
{
	uint32_t base = q->firmware->base_build;
	uint32_t build = modem_build(q->modem);

	if (base == 0)
		return 0;
	if (!in_application(q))
		return fault_set(fault, FAULT_BUNDLE_WRONG_BASE,
				 "the bundle is a differential from build %u and the modem is in boot mode %d (%s), where no build can be "
				 "differed from: use a full bundle",
				 base, (int)q->modem->boot_mode, boot_mode_name(q->modem->boot_mode));
	if (base != build)
		return fault_set(fault, FAULT_BUNDLE_WRONG_BASE,
				 "the bundle is a differential from build %u and the modem runs build %u (%s): use a full bundle or the "
				 "differential from %u",
				 base, build, known_release(q->modem), build);
	return 0;
}

/* All of it was sent, and only the release tells whether it went in: sending it again would be a guess. */
static int refuse_untold_release(const struct plan_question *q, struct fault *fault)
{
	bool declared = q->firmware->release[0] != '\0' || q->firmware->build != 0;
	bool told = q->modem->release[0] != '\0' || q->modem->build != 0;

	if (!in_application(q) || q->options->force || q->options->resume_phase < PHASE_APPLY || !declared || told)
		return 0;
	return fault_set(
	    fault, FAULT_MODEM_ANSWERS_ERROR,
	    "the bundle was sent before the interruption and the modem does not tell its release, so that nobody can say whether "
	    "it went in (force sends it again)");
}

/* A way that the bundle does not have. */
static int refuse_way(const struct plan_question *q, struct fault *fault)
{
	enum upgrade_way asked = q->options->way;

	if (asked == WAY_AUTO || q->options->force)
		return 0;
	if (is_differential(q) && asked != WAY_FFF)
		return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
				 "the way %s was asked for and a differential goes in by the way fff only: leave the way to auto, or use a "
				 "full bundle",
				 upgrade_way_name(asked));
	if (q->firmware->second && asked != WAY_ON_THE_FLY)
		return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
				 "the way %s was asked for and the first file of a pair goes in on the fly only: leave the way to auto",
				 upgrade_way_name(asked));
	if (asked == WAY_FFF && !in_application(q) && q->options->resume_phase < PHASE_TRANSFER)
		return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
				 "the way fff was asked for, which the application alone has, and the modem is in boot mode %d (%s): leave "
				 "the way to auto, the bundle then goes in on the fly",
				 (int)q->modem->boot_mode, boot_mode_name(q->modem->boot_mode));
	return 0;
}

static int refuse_pair(const struct plan_question *q, struct fault *fault)
{
	if (!q->firmware->second)
		return 0;
	if (is_differential(q))
		return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
				 "a differential (from build %u) cannot be the first file of a pair: a pair begins with a full bundle",
				 q->firmware->base_build);
	if (upgrade_build_between(q->firmware) != 0)
		return 0;
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "the build between the two files of the pair is not known, and the second goes on nothing else: state the base "
			 "build of the second file");
}

static int refuse_boot_mode(const struct plan_question *q, struct fault *fault)
{
	switch (q->modem->boot_mode) {
	case BOOT_MODE_FFF:
	case BOOT_MODE_MTOOLS:
	case BOOT_MODE_UPDATER:
	case BOOT_MODE_RECOVERY:
		return 0;
	case BOOT_MODE_FFH:
		if (q->firmware->helper)
			return 0;
		return fault_set(fault, FAULT_HELPER_NEEDED,
				 "the modem is in boot mode 0 (ffh), where a bundle needs the helper (updater.elf or mtools.elf) that came "
				 "with it: give that helper");
	case BOOT_MODE_UNKNOWN:
		break;
	}
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED, "the boot mode of the modem is not known: probe it first");
}

static int refuse_old_monarch2(const struct plan_question *q, struct fault *fault)
{
	static const uint32_t least[4] = {8, 0, 4, 0};
	const char *version = q->modem->release[0] ? q->modem->release : q->modem->ue;

	if (!in_application(q) || plan_family(q) != FAMILY_MONARCH2 || !version_below(version, least))
		return 0;
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "the modem runs %s: Monarch 2 below 8.0.4.0 needs a raster upgrade, which only the vendor's tool does", version);
}

static int refuse_factory_build(const struct plan_question *q, struct fault *fault)
{
	bool factory = is_factory(q) || is_factory_in_recovery(q);

	if (!factory || is_differential(q) || q->options->force || plan_replaces_boot_rom(q))
		return 0;
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "the modem has the factory build %u, which a full bundle alone can leave unusable, as its boot ROM has to be "
			 "replaced first: use a full bundle that holds a boot ROM package, together with its helper, or the differential "
			 "from %u (force sends this one all the same)",
			 FACTORY_BUILD, FACTORY_BUILD);
}

static int refuse_unknown_build(const struct plan_question *q, struct fault *fault)
{
	if (!build_is_unknown(q) || q->options->force || plan_looks_first(q))
		return 0;
	if (q->options->broken_off)
		return fault_set(
		    fault, FAULT_BUNDLE_UNSUPPORTED,
		    "the modem is in boot mode 4 (recovery) after an upgrade that failed: its application may be half-written, and "
		    "is not started without a helper at hand; nobody knows its %s: name the helper that came with the bundle (force "
		    "sends the bundle all the same)",
		    family_is_untold(q) ? "family" : "build");
	if (family_is_untold(q))
		return fault_set(
		    fault, FAULT_BUNDLE_UNSUPPORTED,
		    "the modem is in boot mode 4 (recovery), its application does not come up, and neither it nor the profile of "
		    "its device tells its family: a bundle of another family can leave it unusable; give the device the profile of "
		    "its board (force sends this one all the same)");
	return fault_set(fault, FAULT_BUNDLE_UNSUPPORTED,
			 "the modem is in boot mode 4 (recovery), its application does not come up and nobody knows its build: a full "
			 "bundle can leave one of the factory build %u unusable (force sends it all the same)",
			 FACTORY_BUILD);
}

static int refuse_installed(const struct plan_question *q, struct fault *fault)
{
	if (!in_application(q) || q->options->force || !upgrade_firmware_matches(q->firmware, q->modem))
		return 0;
	return fault_set(fault, FAULT_ALREADY_INSTALLED, "the modem already runs %s (build %u): force installs it again",
			 known_release(q->modem), modem_build(q->modem));
}

static const char *radio_name(unsigned branch)
{
	return branch == 5 ? " (CAT-M1)" : branch == 6 ? " (NB-IoT)" : "";
}

static int refuse_branch(const struct plan_question *q, struct fault *fault)
{
	unsigned from = modem_branch(q->modem);
	unsigned to = firmware_branch(q->firmware);

	if (!in_application(q) || plan_family(q) != FAMILY_MONARCH1 || same_branch(q))
		return 0;
	if (!q->options->allow_branch_switch)
		return fault_set(fault, FAULT_DOWNGRADE_REFUSED,
				 "the modem runs LR%u%s and the bundle is LR%u%s, another radio: allow_branch_switch permits it", from,
				 radio_name(from), to, radio_name(to));
	/* The differential from the factory build crosses over by the vendor's own design: protocol.md 6, 3. */
	if (is_differential(q) && q->firmware->base_build != FACTORY_BUILD)
		return fault_set(fault, FAULT_BUNDLE_WRONG_BASE,
				 "the modem runs LR%u%s and the bundle is a differential to LR%u%s: between radios use a full bundle", from,
				 radio_name(from), to, radio_name(to));
	return 0;
}

static int refuse_downgrade(const struct plan_question *q, struct fault *fault)
{
	uint32_t from = modem_build(q->modem);
	uint32_t to = firmware_build(q->firmware);

	if (!in_application(q) || q->options->force || q->options->allow_downgrade || to == 0 || to >= from || !same_branch(q))
		return 0;
	return fault_set(fault, FAULT_DOWNGRADE_REFUSED, "the modem runs build %u and the bundle is build %u: allow_downgrade permits it",
			 from, to);
}

typedef int (*plan_rule)(const struct plan_question *q, struct fault *fault);

static const plan_rule rules[] = {
    refuse_family,         refuse_unknown_family, refuse_helper,    refuse_pair,      refuse_size,
    refuse_untold_release, refuse_differential,   refuse_way,       refuse_boot_mode, refuse_old_monarch2,
    refuse_factory_build,  refuse_unknown_build,  refuse_installed, refuse_branch,    refuse_downgrade,
};

/* Those that a modem of the profile's family, in its application, cannot change by what it says. */
static const plan_rule certain_rules[] = {refuse_family, refuse_helper, refuse_pair, refuse_size, refuse_way};

static int ask_rules(const plan_rule *asked, size_t count, const struct plan_question *q, struct fault *ret_fault)
{
	for (size_t i = 0; i < count; i++) {
		int r = asked[i](q, ret_fault);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_refuse(const struct plan_question *q, struct fault *ret_fault)
{
	return ask_rules(rules, sizeof(rules) / sizeof(rules[0]), q, ret_fault);
}

int upgrade_refuse(const struct profile *profile, const struct upgrade_firmware *firmware, const struct upgrade_options *options,
		   struct fault *ret_fault)
{
	const struct modem_info any = {.boot_mode = BOOT_MODE_FFF, .family = FAMILY_UNKNOWN};
	const struct plan_question q = {&any, profile, firmware, options};

	return ask_rules(certain_rules, sizeof(certain_rules) / sizeof(certain_rules[0]), &q, ret_fault);
}
