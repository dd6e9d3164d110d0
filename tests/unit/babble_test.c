/* SPDX-License-Identifier: Apache-2.0
 *
 * A port that never stops to talk: a line held low, a board whose program prints and prints. Every wait ends all the same.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/unit/board_rig.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"

/* More than a wait is late by on a busy machine. */
#define LONGEST_MS 30000

static struct modem modem;
static struct fault fault;

/* NULs without an end, however fast they are read; takes what is written. */
static void set_up(void)
{
	struct link *port;
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(link_open_fd(fd, &port), 0);
	ck_assert_int_eq(modem_open_link(&modem, port, profile_builtin("pycom"), NULL), 0);
	modem.timings = &board_timings;
}

static void tear_down(void)
{
	modem_close(&modem);
}

START_TEST(a_command_ends_at_its_time)
{
	int64_t started_ms = clock_now_ms();
	struct at_reply reply;

	ck_assert_int_eq(at_command(modem.at, "AT", 100, &reply), -ETIMEDOUT);
	ck_assert_int_lt(clock_now_ms() - started_ms, LONGEST_MS);
}
END_TEST

START_TEST(a_board_that_comes_to_no_prompt_is_given_up)
{
	ck_assert_int_eq(board_open_bridge(&modem, BOOT_MODE_UNKNOWN, &fault), 0);
	ck_assert_ptr_nonnull(strstr(modem.board_silence.message, "neither the board's prompt at 115200 bit/s nor the modem"));
}
END_TEST

START_TEST(a_script_ends_at_its_time)
{
	struct profile profile = *profile_builtin("monarch2");
	char why[128];

	ck_assert_int_eq(profile_set(&profile, "board", "chat", why, sizeof why), 0);
	ck_assert_int_eq(profile_set(&profile, "chat", "TIMEOUT 1 login: root", why, sizeof why), 0);
	modem.profile = &profile;
	ck_assert_int_eq(board_open_bridge(&modem, BOOT_MODE_UNKNOWN, &fault), 0);
	ck_assert_ptr_nonnull(strstr(modem.board_silence.message, "\"login:\" did not come within 1 s"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("babble");
	TCase *tests = tcase_create("babble");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_command_ends_at_its_time);
	tcase_add_test(tests, a_board_that_comes_to_no_prompt_is_given_up);
	tcase_add_test(tests, a_script_ends_at_its_time);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
