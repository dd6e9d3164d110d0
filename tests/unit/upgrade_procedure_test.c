/* SPDX-License-Identifier: Apache-2.0
 *
 * The procedures of protocol.md 7 as plans: which actions, in which order, for which modem and firmware.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/upgrade_plan.h"

#define M1 FAMILY_MONARCH1
#define M2 FAMILY_MONARCH2

#define APP(b)     .boot_mode = BOOT_MODE_FFF, .family = M1, .release = "LR5.1.1.0-" #b, .build = b
#define AT(mode)   .boot_mode = mode, .family = M1
#define FULL       .family = M1, .release = "LR5.1.1.0-39529", .build = 39529
#define FACTORY_OK FULL, .helper = true, .helper_family = M1, .boot_rom = true
#define PAIR_TO(b) .family = M1, .build = b, .size = 5000000, .second = true
#define PAIR       PAIR_TO(48829)

/* One letter for an action; after a | the second file begins. */
static const char letters[ACTION_COUNT] = {
    [ACTION_LOOK] = 'o',          [ACTION_CONNECT] = 'c',       [ACTION_IDENTIFY] = 'i', [ACTION_QUIET] = 'q',
    [ACTION_TO_RECOVERY] = 'r',   [ACTION_SEND_BOOT_ROM] = 'B', [ACTION_TO_FFH] = 'F',   [ACTION_START_HELPER] = 'H',
    [ACTION_SEND] = 'S',          [ACTION_SEND_LEGACY] = 'L',   [ACTION_STORE] = 'T',    [ACTION_AWAIT_APPLY] = 'a',
    [ACTION_APPLY_LEGACY] = 'l',  [ACTION_APPLY_STORED] = 'u',  [ACTION_RESTART] = 'n',  [ACTION_RESTART_PAIR] = 'p',
    [ACTION_RESTART_RESET] = 'x', [ACTION_VERIFY] = 'v',
};

static const struct {
	const char *name;
	struct modem_info modem;
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	enum upgrade_way way;
	const char *actions; /* NULL: refused */
	enum fault_code code;
	const char *text;
	bool helper_unused;
} rows[] = {
    {"A", {APP(38638)}, {FULL}, {0}, WAY_ON_THE_FLY, "ciqrSanv", 0, NULL, false},
    {"B",
     {.boot_mode = BOOT_MODE_FFF, .family = M2, .build = 59577},
     {.family = M2, .build = 61488},
     {0},
     WAY_ON_THE_FLY,
     "ciqrSanv",
     0,
     NULL,
     false},
    {"C, a differential", {APP(38638)}, {FULL, .base_build = 38638, .size = 9}, {0}, WAY_FFF, "ciqTuxv", 0, NULL, false},
    {"C, asked for", {APP(38638)}, {FULL, .size = 9}, {.way = WAY_FFF}, WAY_FFF, "ciqTuxv", 0, NULL, false},
    {"C, the factory differential", {APP(33080)}, {FULL, .base_build = 33080, .size = 9}, {0}, WAY_FFF, "ciqTuxv", 0, NULL, false},
    {"small bundles go on the fly unasked", {APP(38638)}, {FULL, .size = 9}, {0}, WAY_ON_THE_FLY, "ciqrSanv", 0, NULL, false},
    {"D", {AT(BOOT_MODE_FFH)}, {FULL, .helper = true}, {0}, WAY_ON_THE_FLY, "ciHSanv", 0, NULL, false},
    {"D, Monarch 2",
     {.boot_mode = BOOT_MODE_FFH},
     {.family = M2, .build = 61488, .helper = true, .helper_family = M2},
     {0},
     WAY_ON_THE_FLY,
     "ciHSanv",
     0,
     NULL,
     false},
    {"D without a helper", {AT(BOOT_MODE_FFH)}, {FULL}, {.force = true}, 0, NULL, FAULT_HELPER_NEEDED, "give that helper", false},
    {"mode 1, helper given", {AT(BOOT_MODE_MTOOLS)}, {FULL, .helper = true}, {0}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, true},
    {"mode 3", {AT(BOOT_MODE_UPDATER)}, {FULL}, {0}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, false},
    {"mode 4", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.from_build = 38638}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, false},
    {"F28: mode 4, no build known", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {0}, WAY_ON_THE_FLY, "cioqrSanv", 0, NULL, false},
    {"F28: mode 4, no build known, the boot ROM could go first",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {0},
     WAY_ON_THE_FLY,
     "cioqrSanv",
     0,
     NULL,
     true},
    {"F28: mode 4, the application did not come up",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.looked = true},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "nobody knows its build",
     false},
    {"F28: the same, forced", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.force = true}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, false},
    {"mode 4, an earlier job had begun",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.begun_before = true},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     false},
    {"mode 4, the helper runs", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.resume_phase = PHASE_HELPER}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, false},
    {"mode 4, Monarch 2",
     {.boot_mode = BOOT_MODE_RECOVERY, .family = M2},
     {.family = M2, .build = 61488},
     {0},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     false},
    {"mode 4, nobody knows the family",
     {.boot_mode = BOOT_MODE_RECOVERY},
     {.family = M2, .build = 61488},
     {0},
     WAY_ON_THE_FLY,
     "cioqrSanv",
     0,
     NULL,
     false},
    {"mode 4, nobody knows the family, the application did not come up",
     {.boot_mode = BOOT_MODE_RECOVERY},
     {.family = M2, .build = 61488},
     {.looked = true},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "neither it nor the profile of its device tells its family",
     false},
    {"mode 4, nobody knows the family, forced",
     {.boot_mode = BOOT_MODE_RECOVERY},
     {.family = M2, .build = 61488},
     {.force = true},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     false},
    {"a recovery looks for the application first",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.recover = true, .from_build = 38638},
     WAY_ON_THE_FLY,
     "cioqrSanv",
     0,
     NULL,
     false},
    {"a recovery that looked",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.recover = true, .looked = true, .from_build = 38638},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     false},
    {"a recovery where an earlier job had begun",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.recover = true, .begun_before = true},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     false},
    {"a recovery from mode 0", {AT(BOOT_MODE_FFH)}, {FULL, .helper = true}, {.recover = true}, WAY_ON_THE_FLY, "ciHSanv", 0, NULL, false},
    {"a recovery finds the application", {APP(38638)}, {FULL}, {.recover = true}, WAY_ON_THE_FLY, "civ", 0, NULL, false},
    {"F19: in mode 2 a helper is not needed", {APP(38638)}, {FACTORY_OK}, {0}, WAY_ON_THE_FLY, "ciqrSanv", 0, NULL, true},
    {"F19: nor for a differential",
     {APP(38638)},
     {FULL, .base_build = 38638, .size = 9, .helper = true},
     {0},
     WAY_FFF,
     "ciqTuxv",
     0,
     NULL,
     true},

    {"E", {APP(33080)}, {FACTORY_OK}, {0}, WAY_ON_THE_FLY, "ciqrBFHSanv", 0, NULL, false},
    {"E is taken also when forced", {APP(33080)}, {FACTORY_OK}, {.force = true}, WAY_ON_THE_FLY, "ciqrBFHSanv", 0, NULL, false},
    {"F28: no helper", {APP(33080)}, {FULL, .boot_rom = true}, {0}, 0, NULL, FAULT_BUNDLE_UNSUPPORTED, "together with its helper", false},
    {"F28: no boot ROM package",
     {APP(33080)},
     {FULL, .helper = true},
     {0},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "holds a boot ROM package",
     false},
    {"F28: the old way", {APP(33080)}, {FACTORY_OK}, {.way = WAY_LEGACY}, 0, NULL, FAULT_BUNDLE_UNSUPPORTED, "factory build", false},
    {"F28: the way fff",
     {APP(33080)},
     {FACTORY_OK, .size = 9},
     {.way = WAY_FFF},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "factory build",
     false},
    {"F28: forced", {APP(33080)}, {FULL}, {.force = true}, WAY_ON_THE_FLY, "ciqrSanv", 0, NULL, false},
    {"E broken off at the switch",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {.resume_phase = PHASE_SWITCH, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciBFHSanv",
     0,
     NULL,
     false},
    {"E broken off at the boot ROM",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {.resume_phase = PHASE_HELPER, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciBFHSanv",
     0,
     NULL,
     false},
    {"F28: a factory modem in recovery, known from before",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {.from_build = 33080},
     WAY_ON_THE_FLY,
     "ciBFHSanv",
     0,
     NULL,
     false},
    {"F28: a factory modem in recovery, no helper",
     {AT(BOOT_MODE_RECOVERY)},
     {FULL},
     {.from_build = 33080},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "factory build 33080",
     false},
    {"E broken off in ffh",
     {AT(BOOT_MODE_FFH)},
     {FACTORY_OK},
     {.resume_phase = PHASE_HELPER, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciHSanv",
     0,
     NULL,
     false},
    {"E broken off with the helper",
     {AT(BOOT_MODE_MTOOLS)},
     {FACTORY_OK},
     {.resume_phase = PHASE_HELPER, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     true},
    {"E broken off in the bundle",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {.resume_phase = PHASE_TRANSFER, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     true},
    {"F11: E back in mode 2",
     {APP(33080)},
     {FACTORY_OK},
     {.resume_phase = PHASE_HELPER, .from_build = 33080},
     WAY_ON_THE_FLY,
     "ciqrBFHSanv",
     0,
     NULL,
     false},
    {"D broken off at the helper, another build",
     {AT(BOOT_MODE_RECOVERY)},
     {FACTORY_OK},
     {.resume_phase = PHASE_HELPER, .from_build = 38638},
     WAY_ON_THE_FLY,
     "ciSanv",
     0,
     NULL,
     true},

    {"F", {APP(38638)}, {FULL}, {.way = WAY_LEGACY}, WAY_LEGACY, "ciqLlxv", 0, NULL, false},
    {"F in mode 4", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.way = WAY_LEGACY, .from_build = 38638}, WAY_ON_THE_FLY, "ciSanv", 0, NULL, false},

    {"F29: a pair", {APP(38638)}, {PAIR}, {0}, WAY_ON_THE_FLY, "ciqrSap|qrSanv", 0, NULL, false},
    {"F29: a pair with a differential",
     {APP(38638)},
     {PAIR, .second_base_build = 39529},
     {0},
     WAY_ON_THE_FLY,
     "ciqrSap|qTuxv",
     0,
     NULL,
     false},
    {"a pair from ffh", {AT(BOOT_MODE_FFH)}, {PAIR, .helper = true}, {0}, WAY_ON_THE_FLY, "ciHSap|qrSanv", 0, NULL, false},
    {"a pair on a factory modem",
     {APP(33080)},
     {PAIR, .helper = true, .boot_rom = true},
     {0},
     WAY_ON_THE_FLY,
     "ciqrBFHSap|qrSanv",
     0,
     NULL,
     false},
    {"a pair on the build between: from the first file", {APP(39529)}, {PAIR}, {0}, WAY_ON_THE_FLY, "ciqrSap|qrSanv", 0, NULL, false},
    {"a pair broken off between",
     {APP(39529)},
     {PAIR},
     {.resume_phase = PHASE_RESTART, .from_build = 38638},
     WAY_ON_THE_FLY,
     "ci|qrSanv",
     0,
     NULL,
     false},
    {"a pair broken off between, not known from where",
     {APP(39529)},
     {PAIR, .second_base_build = 39529},
     {.resume_phase = PHASE_TRANSFER},
     WAY_ON_THE_FLY,
     "ci|qTuxv",
     0,
     NULL,
     false},
    {"the build between was there from the start",
     {APP(39529)},
     {PAIR},
     {.resume_phase = PHASE_TRANSFER, .from_build = 39529},
     WAY_ON_THE_FLY,
     "ciqrSap|qrSanv",
     0,
     NULL,
     false},
    {"a pair broken off in recovery",
     {AT(BOOT_MODE_RECOVERY)},
     {PAIR},
     {.resume_phase = PHASE_VERIFY},
     WAY_ON_THE_FLY,
     "ciSap|qrSanv",
     0,
     NULL,
     false},
    {"a pair that was done", {APP(48829)}, {PAIR}, {.resume_phase = PHASE_RESTART}, WAY_ON_THE_FLY, "civ", 0, NULL, false},
    {"a pair of unknown builds",
     {APP(38638)},
     {PAIR_TO(50000)},
     {0},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "state the base build of the second file",
     false},
    {"a pair by another way",
     {APP(38638)},
     {PAIR},
     {.way = WAY_LEGACY},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "first file of a pair goes in on the fly only",
     false},
    {"a pair that begins with a differential",
     {APP(38638)},
     {PAIR, .base_build = 38638},
     {0},
     0,
     NULL,
     FAULT_BUNDLE_UNSUPPORTED,
     "begins with a full bundle",
     false},
    {"a second file that cannot be stored",
     {APP(38638)},
     {PAIR, .second_base_build = 39529, .second_size = 4194305},
     {0},
     0,
     NULL,
     FAULT_BUNDLE_TOO_BIG,
     "4194305",
     false},
};

static void write_actions(const struct upgrade_plan *plan, char *ret)
{
	unsigned file = 0;

	for (size_t i = 0; i < plan->step_count; i++) {
		if (plan->steps[i].file != file)
			*ret++ = '|';
		file = plan->steps[i].file;
		*ret++ = letters[plan->steps[i].action];
	}
	*ret = '\0';
}

START_TEST(each_modem_gets_its_procedure)
{
	char actions[2 * UPGRADE_STEPS_MAX + 1];
	struct upgrade_plan plan;
	struct fault fault = {0};
	int r = upgrade_plan(&rows[_i].modem, profile_builtin("auto"), &rows[_i].firmware, &rows[_i].options, &plan, &fault);

	ck_assert_msg(fault.code == rows[_i].code, "%s: %s: %s", rows[_i].name, fault_code_name(fault.code), fault.message);
	ck_assert_int_eq(r, rows[_i].actions ? 0 : -EPROTO);
	if (rows[_i].text)
		ck_assert_msg(strstr(fault.message, rows[_i].text) != NULL, "%s: %s", rows[_i].name, fault.message);
	if (!rows[_i].actions)
		return;
	write_actions(&plan, actions);
	ck_assert_msg(strcmp(actions, rows[_i].actions) == 0, "%s: %s", rows[_i].name, actions);
	ck_assert_msg(plan.way == rows[_i].way, "%s: %s", rows[_i].name, upgrade_way_name(plan.way));
	ck_assert_msg(plan.helper_unused == rows[_i].helper_unused, "%s: helper", rows[_i].name);
	for (size_t i = 0; i < plan.step_count; i++) {
		const struct upgrade_step *step = &plan.steps[i];
		ck_assert_msg(step->what[0] && strlen(step->what) < sizeof(step->what) - 1, "%s: %s", rows[_i].name, step->what);
		ck_assert_msg(step->why[0] && strlen(step->why) < sizeof(step->why) - 1, "%s: %s", rows[_i].name, step->why);
		ck_assert_msg(step->budget_s > 0, "%s: %s", rows[_i].name, step->what);
	}
}
END_TEST

static const struct {
	const char *name;
	struct modem_info modem;
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	const char *warning;
} warnings[] = {
    {"a factory build, forced", {APP(33080)}, {FULL}, {.force = true}, "factory build 33080: a full bundle without its boot ROM"},
    {"the same in recovery", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.force = true, .from_build = 33080}, "factory build 33080: a full"},
    {"no build known", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.force = true}, "nobody knows this modem's build"},
    {"its boot ROM is replaced first", {APP(33080)}, {FACTORY_OK}, {.force = true}, NULL},
    {"a differential", {APP(33080)}, {FULL, .base_build = 33080, .size = 9}, {.force = true}, NULL},
    {"another build", {APP(38638)}, {FULL}, {.force = true}, NULL},
    {"not forced", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {0}, NULL},
    {"known in recovery", {AT(BOOT_MODE_RECOVERY)}, {FULL}, {.force = true, .from_build = 38638}, NULL},
};

START_TEST(force_is_warned_of)
{
	struct upgrade_plan plan;
	struct fault fault = {0};

	ck_assert_int_eq(
	    upgrade_plan(&warnings[_i].modem, profile_builtin("auto"), &warnings[_i].firmware, &warnings[_i].options, &plan, &fault), 0);
	ck_assert_uint_lt(strlen(plan.warning), sizeof(plan.warning) - 1);
	if (warnings[_i].warning)
		ck_assert_msg(strstr(plan.warning, warnings[_i].warning) == plan.warning, "%s: %s", warnings[_i].name, plan.warning);
	else
		ck_assert_msg(plan.warning[0] == '\0', "%s: %s", warnings[_i].name, plan.warning);
}
END_TEST

/* protocol.md 7, Budgets: what a person is told to wait at most. */
START_TEST(steps_say_how_long_they_may_take)
{
	const struct modem_info factory = {APP(33080)};
	const struct modem_info healthy = {APP(38638)};
	const struct upgrade_firmware full = {FACTORY_OK};
	const struct upgrade_firmware pair = {PAIR, .second_base_build = 39529, .second_size = 3000000};
	const struct upgrade_options options = {0};
	struct upgrade_plan plan;
	struct fault fault;

	ck_assert_int_eq(upgrade_plan(&factory, profile_builtin("monarch1"), &full, &options, &plan, &fault), 0);
	ck_assert_uint_eq(plan.steps[4].budget_s, 65536 / 6144 + 240 + 1200);
	ck_assert_uint_eq(plan.steps[5].budget_s, 300);
	ck_assert_uint_eq(plan.steps[6].phase, PHASE_HELPER);
	ck_assert_uint_eq(plan.steps[6].budget_s, 300 + 60 + 120);
	ck_assert_int_eq(upgrade_plan(&healthy, profile_builtin("monarch1"), &pair, &options, &plan, &fault), 0);
	ck_assert_uint_eq(plan.steps[4].budget_s, 5000000 / 6144 + 240);
	ck_assert_uint_eq(plan.steps[8].action, ACTION_STORE);
	ck_assert_uint_eq(plan.steps[8].phase, PHASE_TRANSFER);
	ck_assert_uint_eq(plan.steps[8].budget_s, 3000000 / 6144 + 240);
}
END_TEST

static const struct {
	const char *name, *profile;
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	enum fault_code code;
	const char *text;
} in_vain[] = {
    {"a full bundle", "monarch1", {FULL}, {0}, FAULT_NONE, ""},
    {"of a family that nobody stated", "auto", {.build = 5}, {0}, FAULT_NONE, ""},
    {"for another family than the profile's",
     "monarch1",
     {.family = M2, .build = 5},
     {.force = true},
     FAULT_BUNDLE_WRONG_FAMILY,
     "a bundle of"},
    {"for whatever modem there may be", "auto", {.family = M2, .build = 5}, {0}, FAULT_NONE, ""},
    {"a helper of another family", "monarch1", {.helper = true, .helper_family = M2}, {0}, FAULT_HELPER_MISMATCH, "use the helper"},
    {"a differential on the fly",
     "auto",
     {FULL, .base_build = 33080, .size = 9},
     {.way = WAY_ON_THE_FLY},
     FAULT_BUNDLE_UNSUPPORTED,
     "leave the way"},
    {"a differential the old way",
     "auto",
     {FULL, .base_build = 33080, .size = 9},
     {.way = WAY_LEGACY},
     FAULT_BUNDLE_UNSUPPORTED,
     "leave the way"},
    {"a differential by its way", "auto", {FULL, .base_build = 33080, .size = 9}, {.way = WAY_FFF}, FAULT_NONE, ""},
    {"too much for the way fff", "auto", {FULL, .size = 4194305}, {.way = WAY_FFF}, FAULT_BUNDLE_TOO_BIG, "on the fly"},
    {"the old way takes any size", "auto", {FULL, .size = 4194305}, {.way = WAY_LEGACY}, FAULT_NONE, ""},
    {"a pair the old way", "auto", {PAIR}, {.way = WAY_LEGACY}, FAULT_BUNDLE_UNSUPPORTED, "leave the way"},
    {"a pair of unknown builds", "auto", {PAIR_TO(50000)}, {0}, FAULT_BUNDLE_UNSUPPORTED, "state the base build"},
    {"a second file that cannot be stored",
     "auto",
     {PAIR, .second_base_build = 39529, .second_size = 4194305},
     {0},
     FAULT_BUNDLE_TOO_BIG,
     "4194305"},
};

START_TEST(what_no_modem_could_take_is_refused_without_one)
{
	struct fault fault = {0};
	int r = upgrade_refuse(profile_builtin(in_vain[_i].profile), &in_vain[_i].firmware, &in_vain[_i].options, &fault);

	ck_assert_msg(fault.code == in_vain[_i].code, "%s: %s", in_vain[_i].name, fault.message);
	ck_assert_int_eq(r, in_vain[_i].code == FAULT_NONE ? 0 : -EPROTO);
	ck_assert_msg(strstr(fault.message, in_vain[_i].text) != NULL, "%s: %s", in_vain[_i].name, fault.message);
}
END_TEST

START_TEST(the_build_between_is_stated_or_known)
{
	ck_assert_uint_eq(upgrade_build_between(&(struct upgrade_firmware){.build = 48829}), 39529);
	ck_assert_uint_eq(upgrade_build_between(&(struct upgrade_firmware){.release = "LR5.2.0.0-48829"}), 39529);
	ck_assert_uint_eq(upgrade_build_between(&(struct upgrade_firmware){.build = 48829, .second_base_build = 40000}), 40000);
	ck_assert_uint_eq(upgrade_build_between(&(struct upgrade_firmware){.build = 39529}), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_procedure");
	TCase *tcase = tcase_create("upgrade_procedure");

	tcase_add_loop_test(tcase, force_is_warned_of, 0, (int)(sizeof(warnings) / sizeof(warnings[0])));
	tcase_add_loop_test(tcase, each_modem_gets_its_procedure, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, steps_say_how_long_they_may_take);
	tcase_add_test(tcase, the_build_between_is_stated_or_known);
	tcase_add_loop_test(tcase, what_no_modem_could_take_is_refused_without_one, 0, (int)(sizeof(in_vain) / sizeof(in_vain[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
