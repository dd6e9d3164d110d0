/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/upgrade_plan.h"

#define M1 FAMILY_MONARCH1
#define M2 FAMILY_MONARCH2

struct row {
	const char *name;
	struct modem_info modem;
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	enum fault_code code;
	const char *text;   /* part of the message */
	const char *phases; /* of the plan, first letters of "connect identify prepare switch transfer apply restart verify", s: switch */
	const char *profile;
};

#define APPLICATION .boot_mode = BOOT_MODE_FFF
#define RECOVERY    .boot_mode = BOOT_MODE_RECOVERY
#define CATM1_38638 .family = M1, .ue = "UE5.0.0.0d", .release = "LR5.1.1.0-38638", .build = 38638, .imei = "354347091234567"
#define CATM1_39529 .family = M1, .release = "LR5.1.1.0-39529", .build = 39529, .size = 5996938
#define WALTER      .family = M2, .ue = "UE8.0.5.13", .release = "LR8.0.5.13-59577", .build = 59577

static const struct row rows[] = {
    {"from the application", {APPLICATION, CATM1_38638}, {CATM1_39529}, {0}, FAULT_NONE, NULL, "cipstarv", NULL},
    {"from recovery", {RECOVERY, .family = M1}, {CATM1_39529}, {.from_build = 38638}, FAULT_NONE, NULL, "citarv", NULL},
    {"from recovery, no build known", {RECOVERY, .family = M1}, {CATM1_39529}, {0}, FAULT_NONE, NULL, "cippstarv", NULL},
    {"on the fly asked for", {APPLICATION, CATM1_38638}, {CATM1_39529}, {.way = WAY_ON_THE_FLY}, FAULT_NONE, NULL, "cipstarv", NULL},
    {"Monarch 2", {APPLICATION, WALTER}, {.family = M2, .build = 61488}, {0}, FAULT_NONE, NULL, "cipstarv", NULL},
    {"firmware that declares nothing", {APPLICATION, CATM1_38638}, {.size = 9}, {0}, FAULT_NONE, NULL, "cipstarv", NULL},

    {"other family",
     {APPLICATION, CATM1_38638},
     {.family = M2, .build = 61488},
     {.force = true},
     FAULT_BUNDLE_WRONG_FAMILY,
     "for monarch2 and the modem is a monarch1",
     NULL,
     NULL},
    {"other family than the profile's",
     {RECOVERY},
     {.family = M2, .build = 61488},
     {0},
     FAULT_BUNDLE_WRONG_FAMILY,
     "the modem is a monarch1",
     NULL,
     "monarch1"},
    {"no family at all", {RECOVERY}, {.build = 5}, {0}, FAULT_BUNDLE_WRONG_FAMILY, "state the family", NULL, NULL},
    {"no family at all, forced", {RECOVERY}, {.build = 5}, {.force = true}, FAULT_NONE, NULL, "citarv", NULL},
    {"the family of the bundle is enough", {RECOVERY}, {CATM1_39529}, {.from_build = 38638}, FAULT_NONE, NULL, "citarv", NULL},

    {"way fff",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 39529, .size = 4194304},
     {.way = WAY_FFF},
     FAULT_NONE,
     NULL,
     "ciptarv",
     NULL},
    {"way fff in recovery",
     {RECOVERY, .family = M1},
     {.family = M1, .build = 39529, .size = 4194304},
     {.way = WAY_FFF},
     FAULT_BUNDLE_UNSUPPORTED,
     "leave the way to auto",
     NULL,
     NULL},
    {"way fff in recovery, forced",
     {RECOVERY, .family = M1},
     {.family = M1, .build = 39529, .size = 4194304},
     {.way = WAY_FFF, .force = true},
     FAULT_NONE,
     NULL,
     "citarv",
     NULL},
    {"way fff, too big",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 39529, .size = 4194305},
     {.way = WAY_FFF},
     FAULT_BUNDLE_TOO_BIG,
     "4194305",
     NULL,
     NULL},
    {"way legacy", {APPLICATION, CATM1_38638}, {CATM1_39529}, {.way = WAY_LEGACY}, FAULT_NONE, NULL, "ciptarv", NULL},
    {"way legacy in recovery: nothing differs",
     {RECOVERY, .family = M1},
     {CATM1_39529},
     {.way = WAY_LEGACY, .from_build = 38638},
     FAULT_NONE,
     NULL,
     "citarv",
     NULL},

    {"differential from another build",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 40343, .base_build = 33080},
     {0},
     FAULT_BUNDLE_WRONG_BASE,
     "from build 33080 and the modem runs build 38638",
     NULL,
     NULL},
    {"differential in recovery",
     {RECOVERY, .family = M1},
     {.family = M1, .build = 40343, .base_build = 33080},
     {0},
     FAULT_BUNDLE_WRONG_BASE,
     "boot mode 4 (recovery)",
     NULL,
     NULL},
    {"differential from this build",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 40343, .base_build = 38638, .size = 4194304},
     {0},
     FAULT_NONE,
     NULL,
     "ciptarv",
     NULL},
    {"F25: differential that cannot be stored",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 40343, .base_build = 38638, .size = 4194305},
     {0},
     FAULT_BUNDLE_TOO_BIG,
     "4194305 bytes and the way fff takes 4194304",
     NULL,
     NULL},
    {"differential, another way asked for",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 40343, .base_build = 38638},
     {.way = WAY_ON_THE_FLY},
     FAULT_BUNDLE_UNSUPPORTED,
     "by the way fff only",
     NULL,
     NULL},
    {"F26: differential in mode 0, with a helper",
     {.boot_mode = BOOT_MODE_FFH, .family = M1},
     {.family = M1, .build = 40343, .base_build = 38638, .helper = true},
     {.force = true},
     FAULT_BUNDLE_WRONG_BASE,
     "boot mode 0 (ffh), where no build can be differed from: use a full bundle",
     NULL,
     NULL},

    {"boot mode 0", {.boot_mode = BOOT_MODE_FFH, .family = M1}, {CATM1_39529}, {0}, FAULT_HELPER_NEEDED, "0 (ffh)", NULL, NULL},
    {"boot mode 1", {.boot_mode = BOOT_MODE_MTOOLS, .family = M1}, {CATM1_39529}, {0}, FAULT_NONE, NULL, "citarv", NULL},
    {"boot mode 3", {.boot_mode = BOOT_MODE_UPDATER, .family = M1}, {CATM1_39529}, {0}, FAULT_NONE, NULL, "citarv", NULL},
    {"boot mode not known",
     {.boot_mode = BOOT_MODE_UNKNOWN, .family = M1},
     {CATM1_39529},
     {0},
     FAULT_BUNDLE_UNSUPPORTED,
     "probe it first",
     NULL,
     NULL},

    {"Monarch 2 below 8.0.4.0",
     {APPLICATION, .family = M2, .ue = "UE8.0.3.9", .release = "LR8.0.3.9-57000", .build = 57000},
     {.family = M2, .build = 61488},
     {.force = true},
     FAULT_BUNDLE_UNSUPPORTED,
     "LR8.0.3.9-57000: Monarch 2 below 8.0.4.0",
     NULL,
     NULL},
    {"Monarch 2 below 8.0.4.0, only UE known",
     {APPLICATION, .family = M2, .ue = "UE8.0.3.9"},
     {.family = M2, .build = 61488},
     {0},
     FAULT_BUNDLE_UNSUPPORTED,
     "UE8.0.3.9",
     NULL,
     NULL},
    {"Monarch 2 at 8.0.4.0",
     {APPLICATION, .family = M2, .ue = "UE8.0.4.0"},
     {.family = M2, .build = 61488},
     {0},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"factory build",
     {APPLICATION, .family = M1, .release = "LR5.1.1.0-33080", .build = 33080},
     {CATM1_39529},
     {0},
     FAULT_BUNDLE_UNSUPPORTED,
     "factory build 33080",
     NULL,
     NULL},
    {"factory build, forced",
     {APPLICATION, .family = M1, .release = "LR5.1.1.0-33080", .build = 33080},
     {CATM1_39529},
     {.force = true},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},

    {"installed, by build",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 38638},
     {0},
     FAULT_ALREADY_INSTALLED,
     "LR5.1.1.0-38638",
     NULL,
     NULL},
    {"installed, by release",
     {APPLICATION, .family = M2, .release = "LR8.0.5.13"},
     {.family = M2, .release = "LR8.0.5.13"},
     {0},
     FAULT_ALREADY_INSTALLED,
     "LR8.0.5.13",
     NULL,
     NULL},
    {"installed, forced", {APPLICATION, CATM1_38638}, {.family = M1, .build = 38638}, {.force = true}, FAULT_NONE, NULL, "cipstarv", NULL},
    {"same version, other build",
     {APPLICATION, CATM1_38638},
     {.family = M1, .release = "LR5.1.1.0-39529"},
     {0},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},

    {"downgrade",
     {APPLICATION, CATM1_38638},
     {.family = M1, .release = "LR5.1.0.0-33988", .build = 33988},
     {0},
     FAULT_DOWNGRADE_REFUSED,
     "build 38638 and the bundle is build 33988",
     NULL,
     NULL},
    {"downgrade of an unknown branch",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 33988},
     {0},
     FAULT_DOWNGRADE_REFUSED,
     "33988",
     NULL,
     NULL},
    {"downgrade allowed",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 33988},
     {.allow_downgrade = true},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"downgrade forced", {APPLICATION, CATM1_38638}, {.family = M1, .build = 33988}, {.force = true}, FAULT_NONE, NULL, "cipstarv", NULL},
    {"F30: the other radio",
     {APPLICATION, CATM1_38638},
     {.family = M1, .release = "LR6.0.0.0-41019", .build = 41019},
     {.force = true, .allow_downgrade = true},
     FAULT_DOWNGRADE_REFUSED,
     "LR5 (CAT-M1) and the bundle is LR6 (NB-IoT), another radio: allow_branch_switch permits it",
     NULL,
     NULL},
    {"F30: the other radio, by its name only",
     {APPLICATION, CATM1_38638},
     {.family = M1, .branch = 6, .build = 41019},
     {0},
     FAULT_DOWNGRADE_REFUSED,
     "allow_branch_switch",
     NULL,
     NULL},
    {"F30: from a modem whose UE alone is known",
     {APPLICATION, .family = M1, .ue = "UE6.0.0.0"},
     {CATM1_39529},
     {0},
     FAULT_DOWNGRADE_REFUSED,
     "LR6 (NB-IoT) and the bundle is LR5 (CAT-M1)",
     NULL,
     NULL},
    {"F30: the other radio, allowed: builds of two branches do not compare",
     {APPLICATION, CATM1_38638},
     {.family = M1, .release = "LR6.0.0.0-37781", .build = 37781},
     {.allow_branch_switch = true},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"F30: the other radio by a differential",
     {APPLICATION, CATM1_38638},
     {.family = M1, .release = "LR6.0.0.0-41019", .build = 41019, .base_build = 38638},
     {.allow_branch_switch = true},
     FAULT_BUNDLE_WRONG_BASE,
     "between radios use a full bundle",
     NULL,
     NULL},
    {"the factory differential crosses over",
     {APPLICATION, .family = M1, .release = "LR5.1.1.0-33080", .build = 33080},
     {.family = M1, .release = "LR6.0.0.0-40343", .build = 40343, .base_build = 33080},
     {.allow_branch_switch = true},
     FAULT_NONE,
     NULL,
     "ciptarv",
     NULL},
    {"branches are no matter of Monarch 2",
     {APPLICATION, WALTER},
     {.family = M2, .release = "LR9.0.0.0-70000", .build = 70000},
     {0},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"F35: helper of the other family",
     {.boot_mode = BOOT_MODE_FFH, .family = M1},
     {CATM1_39529, .helper = true, .helper_family = M2},
     {.force = true},
     FAULT_HELPER_MISMATCH,
     "the helper is for monarch2 (by its byte order) and the modem is a monarch1",
     NULL,
     NULL},
    {"F35: helper of another family than the bundle",
     {.boot_mode = BOOT_MODE_FFH},
     {CATM1_39529, .helper = true, .helper_family = M2},
     {0},
     FAULT_HELPER_MISMATCH,
     "came with the bundle",
     NULL,
     NULL},
    {"F35: a wrong helper is refused where none is needed, too",
     {APPLICATION, CATM1_38638},
     {CATM1_39529, .helper = true, .helper_family = M2},
     {0},
     FAULT_HELPER_MISMATCH,
     "monarch2",
     NULL,
     NULL},
    {"recovery knows no downgrade",
     {RECOVERY, .family = M1},
     {.family = M1, .build = 33988},
     {.from_build = 38638},
     FAULT_NONE,
     NULL,
     "citarv",
     NULL},

    {"resumed at apply, in recovery",
     {RECOVERY, .family = M1},
     {CATM1_39529},
     {.resume_phase = PHASE_APPLY},
     FAULT_NONE,
     NULL,
     "ciarv",
     NULL},
    {"resumed at verify, in recovery",
     {RECOVERY, .family = M1},
     {CATM1_39529},
     {.resume_phase = PHASE_VERIFY},
     FAULT_NONE,
     NULL,
     "ciarv",
     NULL},
    {"resumed at transfer, in recovery",
     {RECOVERY, .family = M1},
     {CATM1_39529},
     {.resume_phase = PHASE_TRANSFER},
     FAULT_NONE,
     NULL,
     "citarv",
     NULL},
    {"resumed at transfer, target there",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 38638},
     {.resume_phase = PHASE_TRANSFER},
     FAULT_NONE,
     NULL,
     "civ",
     NULL},
    {"resumed at transfer, target there, forced: nothing shows that it was sent",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 38638},
     {.resume_phase = PHASE_TRANSFER, .force = true},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"resumed at apply, target there, forced",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 38638},
     {.resume_phase = PHASE_APPLY, .force = true},
     FAULT_NONE,
     NULL,
     "civ",
     NULL},
    {"resumed at switch, target there",
     {APPLICATION, CATM1_38638},
     {.family = M1, .build = 38638},
     {.resume_phase = PHASE_SWITCH},
     FAULT_ALREADY_INSTALLED,
     "already runs",
     NULL,
     NULL},
    {"resumed at apply, old release",
     {APPLICATION, CATM1_38638},
     {CATM1_39529},
     {.resume_phase = PHASE_APPLY},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"resumed at apply, nothing declared",
     {APPLICATION, CATM1_38638},
     {.family = M1},
     {.resume_phase = PHASE_APPLY},
     FAULT_NONE,
     NULL,
     "ciarv",
     NULL},
    {"resumed at transfer, nothing declared",
     {APPLICATION, CATM1_38638},
     {.family = M1},
     {.resume_phase = PHASE_TRANSFER},
     FAULT_NONE,
     NULL,
     "cipstarv",
     NULL},
    {"resumed at apply, in ffh",
     {.boot_mode = BOOT_MODE_FFH, .family = M1},
     {CATM1_39529},
     {.resume_phase = PHASE_APPLY},
     FAULT_HELPER_NEEDED,
     "0 (ffh)",
     NULL,
     NULL},
};

static const struct profile *profile_of(const struct row *row)
{
	return profile_builtin(row->profile ? row->profile : "auto");
}

START_TEST(each_rule_decides)
{
	const struct row *row = &rows[_i];
	struct upgrade_plan plan;
	struct fault fault = {0};
	char phases[UPGRADE_STEPS_MAX + 1] = "";
	int r = upgrade_plan(&row->modem, profile_of(row), &row->firmware, &row->options, &plan, &fault);

	ck_assert_msg(r == (row->code ? -EPROTO : 0), "%s: %d %s", row->name, r, fault.message);
	ck_assert_msg(fault.code == row->code, "%s: %s", row->name, fault_code_name(fault.code));
	if (row->text)
		ck_assert_msg(strstr(fault.message, row->text) != NULL, "%s: %s", row->name, fault.message);
	for (size_t i = 0; r == 0 && i < plan.step_count; i++) {
		phases[i] = upgrade_phase_name(plan.steps[i].phase)[0];
		ck_assert_msg(i == 0 || plan.steps[i].phase >= plan.steps[i - 1].phase, "%s: order", row->name);
		ck_assert_msg(plan.steps[i].what[0] && plan.steps[i].why[0] && plan.steps[i].budget_s > 0, "%s: step %zu", row->name, i);
	}
	if (row->phases)
		ck_assert_msg(strcmp(phases, row->phases) == 0, "%s: %s", row->name, phases);
}
END_TEST

START_TEST(budgets_are_the_profile_s)
{
	const struct modem_info modem = {APPLICATION, CATM1_38638};
	const struct upgrade_firmware firmware = {CATM1_39529};
	const struct upgrade_options options = {0};
	struct profile profile = *profile_builtin("monarch1");
	struct upgrade_plan plan;
	struct fault fault = {0};

	profile.boot_budget_s = 77;
	profile.apply_budget_s = 1234;
	ck_assert_int_eq(upgrade_plan(&modem, &profile, &firmware, &options, &plan, &fault), 0);
	ck_assert_int_eq(plan.way, WAY_ON_THE_FLY);
	ck_assert_int_eq(plan.family, M1);
	ck_assert_uint_eq(plan.steps[0].phase, PHASE_CONNECT);
	ck_assert_uint_eq(plan.steps[0].budget_s, 30);
	ck_assert_uint_eq(plan.steps[3].phase, PHASE_SWITCH);
	ck_assert_uint_eq(plan.steps[3].budget_s, 77);
	ck_assert_uint_eq(plan.steps[4].phase, PHASE_TRANSFER);
	ck_assert_uint_eq(plan.steps[4].budget_s, 5996938 / 6144 + 240);
	ck_assert_uint_eq(plan.steps[5].phase, PHASE_APPLY);
	ck_assert_uint_eq(plan.steps[5].budget_s, 1234);
}
END_TEST

START_TEST(recovery_says_that_no_release_is_known)
{
	const struct modem_info modem = {RECOVERY, .family = M1};
	const struct upgrade_firmware firmware = {CATM1_39529};
	const struct upgrade_options options = {0};
	struct upgrade_plan plan;
	struct fault fault = {0};

	ck_assert_int_eq(upgrade_plan(&modem, profile_builtin("auto"), &firmware, &options, &plan, &fault), 0);
	ck_assert_ptr_nonnull(strstr(plan.steps[1].why, "from_release stays unknown"));
}
END_TEST

START_TEST(builds_are_read_from_releases)
{
	ck_assert_uint_eq(release_build("LR5.1.1.0-39529"), 39529);
	ck_assert_uint_eq(release_build("GP02RBAQ-DM_LR8.2.0.3-60186"), 60186);
	ck_assert_uint_eq(release_build("LR5.1.1.0"), 0);
	ck_assert_uint_eq(release_build("LR5.1.1.0-"), 0);
	ck_assert_uint_eq(release_build("LR5.1.1.0-39529b"), 0);
	ck_assert_uint_eq(release_build("LR5-4294967296"), 0);
	ck_assert_uint_eq(release_build(""), 0);
}
END_TEST

static const struct {
	struct upgrade_firmware firmware;
	struct modem_info modem;
	bool matches;
} matches[] = {
    {{.build = 39529}, {.release = "LR5.1.1.0-39529", .build = 39529}, true},
    {{.build = 39529}, {.release = "LR5.1.1.0-38638", .build = 38638}, false},
    {{.release = "LR5.1.1.0-39529"}, {.release = "LR5.1.1.0-39529", .build = 39529}, true},
    {{.release = "LR5.1.1.0-39529"}, {.release = "LR5.1.1.1-39529", .build = 39529}, false},
    {{.release = "LR5.1.1.0", .build = 39529}, {.release = "LR5.1.1.0-39529", .build = 39529}, true},
    {{.release = "LR5.1.1"}, {.release = "LR5.1.1.0-39529", .build = 39529}, false},
    {{.size = 5}, {.release = "LR5.1.1.0-39529", .build = 39529}, false},
    {{.build = 39529}, {.build = 0}, false},
    {{.release = "LR5.1.1.0-39529"}, {.build = 39529}, true},
    {{.release = "LR5.1.1.0-39529"}, {.build = 38638}, false},
    {{.release = "LR5.1.1.0"}, {.build = 39529}, false},
};

START_TEST(declared_firmware_is_recognised)
{
	ck_assert_int_eq(upgrade_firmware_matches(&matches[_i].firmware, &matches[_i].modem), matches[_i].matches);
}
END_TEST

START_TEST(names_are_stable)
{
	static const char *const phases[] = {"connect",  "identify", "prepare", "switch", "helper",
					     "transfer", "apply",    "restart", "verify"};

	for (size_t i = 0; i < PHASE_COUNT; i++)
		ck_assert_str_eq(upgrade_phase_name((enum upgrade_phase)i), phases[i]);
	ck_assert_str_eq(upgrade_way_name(WAY_AUTO), "auto");
	ck_assert_str_eq(upgrade_way_name(WAY_ON_THE_FLY), "on-the-fly");
	ck_assert_str_eq(upgrade_way_name(WAY_FFF), "fff");
	ck_assert_str_eq(upgrade_way_name(WAY_LEGACY), "legacy");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_plan");
	TCase *tcase = tcase_create("upgrade_plan");

	tcase_add_loop_test(tcase, each_rule_decides, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, budgets_are_the_profile_s);
	tcase_add_test(tcase, recovery_says_that_no_release_is_known);
	tcase_add_test(tcase, builds_are_read_from_releases);
	tcase_add_loop_test(tcase, declared_firmware_is_recognised, 0, (int)(sizeof(matches) / sizeof(matches[0])));
	tcase_add_test(tcase, names_are_stable);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
