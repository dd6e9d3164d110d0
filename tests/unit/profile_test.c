/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/profile.h"

static const struct {
	const char *name;
	enum modem_family family;
	uint32_t rates[PROFILE_RATES_MAX];
	bool hardware_flow;
	uint32_t block_size;
	uint32_t transfer_rate_bps;
	enum profile_lines lines;
} expected[] = {
    {"auto", FAMILY_UNKNOWN, {921600, 115200}, false, 0, 921600, LINES_BOTH},
    {"monarch1", FAMILY_MONARCH1, {921600, 115200}, true, 2016, 921600, LINES_BOTH},
    {"monarch2", FAMILY_MONARCH2, {115200, 921600}, true, 8176, 921600, LINES_BOTH},
    {"pycom", FAMILY_MONARCH1, {921600}, false, 2016, 0, LINES_NONE},
    {"walter", FAMILY_MONARCH2, {115200, 921600}, false, 8176, 921600, LINES_NONE},
    {"avr-iot", FAMILY_MONARCH2, {115200}, false, 2016, 0, LINES_NONE},
};

START_TEST(built_in_profiles_hold_the_protocol_s_values)
{
	const struct profile *profile = profile_builtin(expected[_i].name);

	ck_assert_ptr_nonnull(profile);
	ck_assert_str_eq(profile->name, expected[_i].name);
	ck_assert_int_eq(profile->family, expected[_i].family);
	ck_assert_mem_eq(profile->rates, expected[_i].rates, sizeof(profile->rates));
	ck_assert_int_eq(profile->hardware_flow, expected[_i].hardware_flow);
	ck_assert_uint_eq(profile->block_size, expected[_i].block_size);
	ck_assert_uint_eq(profile->transfer_rate_bps, expected[_i].transfer_rate_bps);
	ck_assert_int_eq(profile->restart_lines, expected[_i].lines);
	ck_assert_uint_gt(profile->block_size_min, 0);
	ck_assert_uint_eq(profile->command_timeout_ms, 5000);
	ck_assert_uint_eq(profile->boot_budget_s, 300);
	ck_assert_uint_eq(profile->block_budget_s, 120);
	ck_assert_uint_eq(profile->apply_budget_s, 1200);
}
END_TEST

START_TEST(the_table_ends)
{
	size_t count = 0;

	while (profile_builtin_at(count))
		count++;
	ck_assert_uint_eq(count, sizeof(expected) / sizeof(expected[0]));
	ck_assert_ptr_null(profile_builtin("nokia"));
}
END_TEST

START_TEST(the_family_fills_what_the_profile_leaves_open)
{
	struct profile profile = *profile_builtin("auto");

	ck_assert_str_eq(profile_quiesce(&profile, FAMILY_MONARCH1), "AT+CFUN=4");
	ck_assert_str_eq(profile_quiesce(&profile, FAMILY_MONARCH2), "AT+CFUN=5");
	ck_assert_uint_eq(profile_block_size(&profile, FAMILY_MONARCH1), 2016);
	ck_assert_uint_eq(profile_block_size(&profile, FAMILY_UNKNOWN), 2016);
	ck_assert_uint_eq(profile_block_size(&profile, FAMILY_MONARCH2), 8176);
	profile.block_size = 512;
	strcpy(profile.quiesce, "AT+CFUN=0");
	ck_assert_uint_eq(profile_block_size(&profile, FAMILY_MONARCH2), 512);
	ck_assert_str_eq(profile_quiesce(&profile, FAMILY_MONARCH2), "AT+CFUN=0");
}
END_TEST

START_TEST(values_are_set_by_key)
{
	struct profile profile = *profile_builtin("monarch1");
	const uint32_t rates[PROFILE_RATES_MAX] = {460800, 9600, 0, 0};
	char why[128] = "";

	ck_assert_int_eq(profile_set(&profile, "rates", "460800, 9600", why, sizeof(why)), 0);
	ck_assert_mem_eq(profile.rates, rates, sizeof(rates));
	ck_assert_int_eq(profile_set(&profile, "restart_lines", "rts", why, sizeof(why)), 0);
	ck_assert_int_eq(profile.restart_lines, LINES_RTS);
	ck_assert_int_eq(profile_set(&profile, "restart_lines", "break", why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, "restart_lines is none, dtr, rts or dtr,rts");
	why[0] = '\0';
	ck_assert_int_eq(profile_set(&profile, "restart_lines", "dtr,rts", why, sizeof(why)), 0);
	ck_assert_int_eq(profile_set(&profile, "flow", "none", why, sizeof(why)), 0);
	ck_assert_int_eq(profile.hardware_flow, false);
	ck_assert_int_eq(profile_set(&profile, "flow", "rtscts", why, sizeof(why)), 0);
	ck_assert_int_eq(profile.hardware_flow, true);
	ck_assert_int_eq(profile_set(&profile, "block_size", "4096", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.block_size, 4096);
	ck_assert_int_eq(profile_set(&profile, "block_size_min", "64", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.block_size_min, 64);
	ck_assert_int_eq(profile_set(&profile, "quiesce", "AT+CFUN=0", why, sizeof(why)), 0);
	ck_assert_str_eq(profile.quiesce, "AT+CFUN=0");
	ck_assert_int_eq(profile_set(&profile, "command_timeout_ms", "900", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.command_timeout_ms, 900);
	ck_assert_int_eq(profile_set(&profile, "boot_budget_s", "30", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.boot_budget_s, 30);
	ck_assert_int_eq(profile_set(&profile, "block_budget_s", "240", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.block_budget_s, 240);
	ck_assert_int_eq(profile_set(&profile, "apply_budget_s", "2400", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.apply_budget_s, 2400);
	ck_assert_str_eq(why, "");
}
END_TEST

static const struct {
	const char *name;
	const char *settings[5]; /* key, value, key, value */
	uint32_t transfer_rate_bps;
} transfer_rates[] = {
    {"monarch2", {"board", "chat"}, 0},
    {"monarch2", {"board", "chat", "rates", "115200,921600"}, 0},
    {"monarch2", {"board", "chat", "transfer_rate", "921600"}, 921600},
    {"monarch2", {"transfer_rate", "921600", "board", "pycom"}, 921600},
    {"monarch2", {"board", "direct"}, 921600},
    {"monarch2", {"transfer_rate", "460800"}, 460800},
    {"monarch2", {"transfer_rate", "none"}, 0},
    {"monarch2", {"transfer_rate", "0"}, 0},
    {"monarch2", {"rates", "115200"}, 115200},
    {"monarch2", {"rates", "57600,460800,115200"}, 460800},
    {"monarch2", {"rates", "115200", "transfer_rate", "921600"}, 921600},
    {"monarch2", {"transfer_rate", "921600", "rates", "115200"}, 921600},
    {"monarch2", {"transfer_rate", "none", "rates", "115200,921600"}, 0},
    {"pycom", {"rates", "460800"}, 0},
    {"pycom", {"transfer_rate", "460800"}, 460800},
};

START_TEST(the_transfer_s_rate_follows_the_rates_until_it_is_named)
{
	struct profile profile = *profile_builtin(transfer_rates[_i].name);
	const char *const *setting = transfer_rates[_i].settings;
	char why[128] = "";

	for (; setting[0]; setting += 2)
		ck_assert_int_eq(profile_set(&profile, setting[0], setting[1], why, sizeof(why)), 0);
	ck_assert_uint_eq(profile.transfer_rate_bps, transfer_rates[_i].transfer_rate_bps);
}
END_TEST

static const struct {
	const char *key;
	const char *value;
	int r;
	const char *why;
} refused[] = {
    {"speed", "115200", -ENOENT, ""},
    {"rates", "", -EINVAL, "rates is a list"},
    {"rates", "fast", -EINVAL, "rates is a list"},
    {"rates", "115200,", -EINVAL, "rates is a list"},
    {"rates", "115200 921600", -EINVAL, "commas between"},
    {"rates", "0", -EINVAL, "from 1200 to 4000000"},
    {"rates", "4000001", -EINVAL, "from 1200 to 4000000"},
    {"rates", "9600,19200,38400,57600,115200", -EINVAL, "at most 4"},
    {"transfer_rate", "", -EINVAL, "from 1200 to 4000000, or none"},
    {"transfer_rate", "fast", -EINVAL, "from 1200 to 4000000, or none"},
    {"transfer_rate", "1199", -EINVAL, "from 1200 to 4000000, or none"},
    {"transfer_rate", "4000001", -EINVAL, "from 1200 to 4000000, or none"},
    {"flow", "xonxoff", -EINVAL, "rtscts or none"},
    {"block_size", "63", -EINVAL, "from 64 to 65519"},
    {"block_size", "65520", -EINVAL, "from 64 to 65519"},
    {"block_size", "4294967360", -EINVAL, "from 64 to 65519"},
    {"block_size", "-64", -EINVAL, "from 64 to 65519"},
    {"block_size_min", "0", -EINVAL, "block_size_min"},
    {"quiesce", "reboot", -EINVAL, "one AT command"},
    {"quiesce", "AT+CFUN=4\rAT", -EINVAL, "one AT command"},
    {"quiesce", "AT+CFUN=4AT+CFUN=4AT+CFUN=4AT+CFUN=4", -EINVAL, "at most 31"},
    {"board", "Pycom", -EINVAL, "direct, pycom, avr-iot or chat"},
    {"board_rate", "1199", -EINVAL, "from 1200 to 4000000"},
    {"bridge_rate", "4000001", -EINVAL, "from 1200 to 4000000"},
    {"chat", "OK \\q", -EINVAL, "is no escape"},
    {"command_timeout_ms", "99", -EINVAL, "from 100 to 60000"},
    {"boot_budget_s", "0", -EINVAL, "from 1 to 3600"},
    {"block_budget_s", "3601", -EINVAL, "from 1 to 3600"},
    {"apply_budget_s", "7201", -EINVAL, "from 1 to 7200"},
};

static const struct {
	const char *name;
	enum board_kind board;
	uint32_t board_rate_bps, bridge_rate_bps;
} boards[] = {
    {"auto", BOARD_DIRECT, 921600, 921600}, {"monarch1", BOARD_DIRECT, 921600, 921600}, {"monarch2", BOARD_DIRECT, 115200, 115200},
    {"pycom", BOARD_PYCOM, 115200, 921600}, {"walter", BOARD_DIRECT, 115200, 115200},   {"avr-iot", BOARD_AVR_IOT, 115200, 115200},
};

START_TEST(boards_have_rates_of_their_own)
{
	struct profile profile = *profile_builtin(boards[_i].name);
	char why[128] = "";

	ck_assert_int_eq(profile.board, boards[_i].board);
	ck_assert_uint_eq(profile_board_rate(&profile), boards[_i].board_rate_bps);
	ck_assert_uint_eq(profile_bridge_rate(&profile), boards[_i].bridge_rate_bps);
	ck_assert_int_eq(profile_set(&profile, "board_rate", "9600", why, sizeof(why)), 0);
	ck_assert_int_eq(profile_set(&profile, "bridge_rate", "460800", why, sizeof(why)), 0);
	ck_assert_uint_eq(profile_board_rate(&profile), 9600);
	ck_assert_uint_eq(profile_bridge_rate(&profile), 460800);
}
END_TEST

START_TEST(a_script_and_its_board_belong_together)
{
	struct profile profile = *profile_builtin("auto");
	char why[128] = "";

	ck_assert_ptr_null(profile_contradiction(&profile));
	ck_assert_int_eq(profile_set(&profile, "board", "chat", why, sizeof(why)), 0);
	ck_assert_str_eq(profile_contradiction(&profile), "board: chat needs a script, at least one line of `chat`");
	ck_assert_int_eq(profile_set(&profile, "chat", "'' go", why, sizeof(why)), 0);
	ck_assert_ptr_null(profile_contradiction(&profile));
	ck_assert_int_eq(profile_set(&profile, "board", "direct", why, sizeof(why)), 0);
	ck_assert_str_eq(profile_contradiction(&profile), "chat: the script is for `board = chat`");
}
END_TEST

START_TEST(bad_values_are_refused_with_a_reason)
{
	struct profile profile = *profile_builtin("monarch1");
	char why[128] = "";

	ck_assert_int_eq(profile_set(&profile, refused[_i].key, refused[_i].value, why, sizeof(why)), refused[_i].r);
	ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s", why);
	ck_assert_mem_eq(&profile, profile_builtin("monarch1"), sizeof(profile));
}
END_TEST

START_TEST(families_have_names)
{
	enum modem_family family = FAMILY_UNKNOWN;

	ck_assert_str_eq(modem_family_name(FAMILY_MONARCH1), "monarch1");
	ck_assert_str_eq(modem_family_name(FAMILY_MONARCH2), "monarch2");
	ck_assert_str_eq(modem_family_name(FAMILY_UNKNOWN), "unknown");
	ck_assert(modem_family_parse("monarch2", &family));
	ck_assert_int_eq(family, FAMILY_MONARCH2);
	ck_assert(!modem_family_parse("monarch3", &family));
	ck_assert_int_eq(family, FAMILY_MONARCH2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("profile");
	TCase *tcase = tcase_create("profile");

	tcase_add_loop_test(tcase, built_in_profiles_hold_the_protocol_s_values, 0, (int)(sizeof(expected) / sizeof(expected[0])));
	tcase_add_test(tcase, the_table_ends);
	tcase_add_test(tcase, the_family_fills_what_the_profile_leaves_open);
	tcase_add_test(tcase, values_are_set_by_key);
	tcase_add_loop_test(tcase, the_transfer_s_rate_follows_the_rates_until_it_is_named, 0,
			    (int)(sizeof(transfer_rates) / sizeof(transfer_rates[0])));
	tcase_add_loop_test(tcase, boards_have_rates_of_their_own, 0, (int)(sizeof(boards) / sizeof(boards[0])));
	tcase_add_test(tcase, a_script_and_its_board_belong_together);
	tcase_add_loop_test(tcase, bad_values_are_refused_with_a_reason, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(tcase, families_have_names);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
