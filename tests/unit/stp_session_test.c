/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_transfer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/stp_run.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"
#include "transport/stp/stp_frame.h"

static const struct {
	bool packed;
	bool is_elf;
	bool allowed;
	uint8_t version;
	uint32_t data_type;
} types[] = {
    {true, false, true, 2, 5}, {true, false, false, 2, 4}, {false, false, true, 2, 4},
    {true, true, true, 2, 3},  {false, true, true, 2, 2},  {true, false, true, 1, 0},
};

START_TEST(data_types_are_announced)
{
	bool packed = types[_i].data_type == 5 || types[_i].data_type == 3;

	stp_modem = (struct stp_peer){.version = types[_i].version, .max_transfer = 8192, .fragment = 2, .checksums = true};
	stp_run_prepare();
	stp_run.source.compressed = types[_i].packed ? stp_run.packed : NULL;
	stp_run.source.compressed_size = types[_i].packed ? STP_RUN_PACKED : 0;
	stp_run.source.is_elf = types[_i].is_elf;
	stp_run.options.allow_compression = types[_i].allowed;
	stp_run_transfer();
	stp_run_assert_sent(packed ? stp_run.packed : stp_run.plain, packed ? STP_RUN_PACKED : STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_modem.data_type, types[_i].data_type);
	ck_assert_uint_eq(stp_run.summary.compressed, packed);
	if (types[_i].version == 2) {
		stp_run_assert_request(2, STP_TRANSFER_DATA_TYPE, 1, 2, 4);
		stp_run_assert_request(3, STP_TRANSFER_BLOCK_CMD, 1, 3, 2);
	}
}
END_TEST

START_TEST(refused_compression_falls_back_to_plain)
{
	stp_modem =
	    (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 5, RULES({STP_TRANSFER_DATA_TYPE, 1, 3, PEER_NACK, 0})};
	stp_run_prepare();
	stp_run.source.compressed = stp_run.packed;
	stp_run.source.compressed_size = STP_RUN_PACKED;
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_modem.data_type, STP_DATA_BUNDLE);
	ck_assert(!stp_run.summary.compressed);
	ck_assert_uint_eq(stp_run.summary.nacks, 3);
}
END_TEST

/* F38 */
START_TEST(a_refused_session_is_asked_for_three_times_more)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .refuse_opens = 3};
	stp_run_prepare();
	stp_run_hurry(150, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_OPEN_SESSION), 4);
	ck_assert_uint_eq(stp_run.summary.sessions, 1);
	static const char thrice[] = "session refused\nsession refused\nsession refused\nSTP version 1";
	ck_assert_int_eq(strncmp(stp_run.notes, thrice, strlen(thrice)), 0);
	for (size_t i = 0; i < 8; i += 2) {
		stp_run_assert_request(i, STP_RESET, 0, 0, 0);
		stp_run_assert_request(i + 1, STP_OPEN_SESSION, 1, 1, 0);
	}
}
END_TEST

START_TEST(refused_sessions_are_a_fault)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .refuse_opens = 4};
	stp_run_prepare();
	stp_run_hurry(150, 8000);
	stp_run_transfer();
	stp_run_assert_fault(FAULT_STP_REFUSED, "refused to open a session");
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_OPEN_SESSION), 4);
	ck_assert_uint_eq(stp_run.gate_calls, 0);
}
END_TEST

START_TEST(a_session_without_room_is_a_fault)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 16, .fragment = 3};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_fault(FAULT_STP_REFUSED, "16 bytes at most");
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK_CMD), 0);
}
END_TEST

START_TEST(no_answer_to_the_opening_is_a_fault)
{
	const struct stp_peer_rule rule = {(uint8_t)_i, 1, 1000, PEER_DEAF, 0};

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .rules = &rule, .rule_count = 1};
	stp_run_prepare();
	stp_run_hurry(50, 8000);
	stp_run_transfer();
	stp_run_assert_fault(FAULT_STP_NO_ANSWER, _i == STP_RESET ? "no answer to RESET" : "no answer to OPEN_SESSION");
	ck_assert_ptr_null(strstr(stp_run.fault.message, "flow control"));
	ck_assert_uint_eq(stp_peer_count(&stp_modem, (uint8_t)_i), 5);
	ck_assert_uint_eq(stp_run.summary.sessions, 0);
}
END_TEST

/* F13: a tty whose output is stopped takes nothing, as with CTS that never comes. */
START_TEST(flow_control_that_holds_the_line_is_named)
{
	const struct link_settings settings = {.rate_bps = 115200};
	char path[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, path, sizeof path), 0);
	ck_assert_int_eq(link_open(path, &settings, &stp_run.fault, &stp_run.link), 0);
	int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(tcflow(slave, TCOOFF), 0);
	stp_run_prepare();
	stp_run_hurry(30, 8000);
	stp_run.result = stp_transfer(stp_run.link, &stp_run.source, &stp_run.options, &stp_run.fault, &stp_run.summary);
	stp_run_assert_fault(FAULT_STP_NO_ANSWER, "no answer to RESET: writing timed out, flow control holds the line");
	ck_assert_int_eq(tcflow(slave, TCOON), 0);
	close(slave);
	link_close(stp_run.link);
	close(master);
}
END_TEST

/* F13: short frames are taken by the kernel even so; what has not left tells. */
static int never_leaves(struct link *link)
{
	(void)link;
	return 16;
}

START_TEST(flow_control_that_holds_a_transfer_is_named)
{
	static const struct link_ops held = {.queued = never_leaves};

	stp_modem =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK_CMD, 10, 9999, PEER_DEAF, 0})};
	stp_run_prepare();
	stp_run_hurry(30, 200);
	ck_assert_int_eq(link_new(stp_peer_start(&stp_modem), &held, &stp_run.link), 0);
	stp_run.link->is_socket = true;
	stp_run_transfer();
	stp_run_assert_fault(FAULT_TRANSFER_STALLED, "; flow control holds the line");
}
END_TEST

/* F39: nothing after the session was opened; after another RESET it goes, in smaller blocks. */
START_TEST(a_session_that_dies_at_the_start_starts_over_once)
{
	stp_modem = (struct stp_peer){
	    .version = 1, .max_transfer = 8192, .fragment = 3, .forgiving = true, RULES({STP_TRANSFER_BLOCK, 2, 1000, PEER_DEAF, 0})};
	stp_run_prepare();
	stp_run_hurry(50, 300);
	stp_run.options.block_size = 160;
	stp_run_transfer();
	/* Also: progress, which stood at 160, did not go back. */
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.sessions, 2);
	ck_assert_uint_eq(stp_run.gate_calls, 1);
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_OPEN_SESSION), 2);
	size_t at = stp_modem.seen_count;
	while (stp_modem.seen[at - 1].op != STP_OPEN_SESSION)
		at--;
	stp_run_assert_request(at, STP_TRANSFER_BLOCK_CMD, 1, 2, 2);
	ck_assert_uint_le(stp_modem.seen[at].announced, 80);
}
END_TEST

START_TEST(a_session_that_dies_twice_is_a_stall)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 1, 100, PEER_DEAF, 0})};
	stp_run_prepare();
	stp_run_hurry(60, 300);
	stp_run_transfer();
	stp_run_assert_fault(FAULT_TRANSFER_STALLED, "at byte 0 of 10000 (0 %) in bootrom upgrade package");
	ck_assert_uint_eq(stp_run.summary.sessions, 2);
}
END_TEST

START_TEST(a_session_that_dies_later_is_not_started_over)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 6, 100, PEER_DEAF, 0})};
	stp_run_prepare();
	stp_run_hurry(60, 600);
	stp_run_transfer();
	stp_run_assert_fault(FAULT_TRANSFER_STALLED, "took nothing for 1 s at byte 2560 of 10000 (25 %) in fff upgrade package");
	ck_assert_uint_eq(stp_run.summary.sessions, 1);
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_OPEN_SESSION), 1);
	/* 60, 60, 120, 150, 150 ms and what is left of 600. */
	ck_assert_uint_ge(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK), 5 + 4);
	ck_assert_uint_le(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK), 5 + 7);
}
END_TEST

START_TEST(a_refusing_gate_cancels_before_the_first_block)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	stp_run_prepare();
	stp_run.gate = false;
	stp_run_transfer();
	ck_assert_int_eq(stp_run.result, -ECANCELED);
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK_CMD), 0);
	ck_assert_uint_eq(stp_modem.seen_count, 3);
	stp_run_assert_request(2, STP_RESET, 0, 0, 0);
}
END_TEST

START_TEST(a_cancel_ends_the_opening)
{
	int cancel_fd = eventfd(1, EFD_CLOEXEC);

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_OPEN_SESSION, 1, 9, PEER_DEAF, 0})};
	stp_run_prepare();
	ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &stp_run.link), 0);
	link_set_cancel_fd(stp_run.link, cancel_fd);
	int64_t started = clock_now_ms();
	stp_run_transfer();
	ck_assert_int_eq(stp_run.result, -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - started, 1000);
	ck_assert_uint_eq(stp_run.gate_calls, 0);
	close(cancel_fd);
}
END_TEST

/* Past the first block a cancel is not looked at, and the descriptor is armed again when the transfer is over. */
START_TEST(a_cancel_after_the_first_block_is_too_late)
{
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	uint8_t byte;

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	stp_run_prepare();
	ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &stp_run.link), 0);
	link_set_cancel_fd(stp_run.link, cancel_fd);
	stp_run.cancel_at_gate = cancel_fd;
	stp_run.result = stp_transfer(stp_run.link, &stp_run.source, &stp_run.options, &stp_run.fault, &stp_run.summary);
	ck_assert_int_eq((int)link_read(stp_run.link, &byte, 1, clock_deadline_ms(100)), -ECANCELED);
	link_close(stp_run.link);
	stp_peer_stop(&stp_modem);
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	close(cancel_fd);
}
END_TEST

START_TEST(a_port_that_goes_away_is_a_fault)
{
	stp_modem =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 6, 6, PEER_HANG_UP, 0})};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_fault(FAULT_PORT_GONE, "the port went away at byte 2560");
	ck_assert_uint_eq(stp_run.summary.blocks, 5);
}
END_TEST

START_TEST(the_answer_to_the_closing_reset_may_never_come)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_RESET, 2, 2, PEER_DEAF, 0})};
	stp_run_prepare();
	int64_t started = clock_now_ms();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_int_lt(clock_now_ms() - started, 2500);
}
END_TEST

START_TEST(a_damaged_opening_is_asked_again)
{
	stp_modem = (struct stp_peer){.version = 2,
				      .max_transfer = 8192,
				      .fragment = 3,
				      RULES({STP_RESET, 1, 1, PEER_DAMAGE, 0}, {STP_OPEN_SESSION, 1, 1, PEER_MUTE, 0},
					    {STP_TRANSFER_DATA_TYPE, 1, 1, PEER_NOT_UNDERSTOOD, 0})};
	stp_run_prepare();
	stp_run_hurry(120, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	stp_run_assert_request(1, STP_RESET, 0, 0, 0);
	stp_run_assert_request(3, STP_OPEN_SESSION, 1, 1, 0);
	stp_run_assert_request(5, STP_TRANSFER_DATA_TYPE, 1, 2, 4);
}
END_TEST

START_TEST(an_abandoned_session_answers)
{
	/* Idle in a session; at the very start of the largest block. */
	static const size_t missing[] = {0, 8176};
	struct link *link;

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .half_block = missing[_i]};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &link), 0);
	ck_assert_int_eq(stp_abandon(link), 1);
	link_close(link);
	stp_peer_stop(&stp_modem);
	stp_run_assert_request(0, STP_RESET, 0, 0, 0);
	ck_assert_uint_eq(stp_modem.seen_count, 1);
}
END_TEST

START_TEST(a_modem_without_a_session_does_not_answer)
{
	struct link *link;

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, RULES({STP_RESET, 1, 9, PEER_DEAF, 0})};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &link), 0);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(stp_abandon(link), 0);
	ck_assert_int_lt(clock_now_ms() - started, 5000);
	link_close(link);
	stp_peer_stop(&stp_modem);
}
END_TEST

START_TEST(a_modem_waiting_for_a_session_gets_one_to_end)
{
	struct link *link;

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .waits_for_open = true};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &link), 0);
	ck_assert_int_eq(stp_abandon_waiting(link), 1);
	link_close(link);
	stp_peer_stop(&stp_modem);
	stp_run_assert_request(0, STP_OPEN_SESSION, 1, 1, 0);
	stp_run_assert_request(1, STP_RESET, 0, 0, 0);
	ck_assert(!stp_modem.waits_for_open);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stp_session");
	TCase *tests = tcase_create("transfers");

	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, data_types_are_announced, 0, (int)(sizeof types / sizeof types[0]));
	tcase_add_test(tests, refused_compression_falls_back_to_plain);
	tcase_add_test(tests, a_refused_session_is_asked_for_three_times_more);
	tcase_add_test(tests, refused_sessions_are_a_fault);
	tcase_add_test(tests, a_session_without_room_is_a_fault);
	tcase_add_loop_test(tests, no_answer_to_the_opening_is_a_fault, STP_RESET, STP_OPEN_SESSION + 1);
	tcase_add_test(tests, flow_control_that_holds_the_line_is_named);
	tcase_add_test(tests, flow_control_that_holds_a_transfer_is_named);
	tcase_add_test(tests, a_session_that_dies_at_the_start_starts_over_once);
	tcase_add_test(tests, a_session_that_dies_twice_is_a_stall);
	tcase_add_test(tests, a_session_that_dies_later_is_not_started_over);
	tcase_add_test(tests, a_refusing_gate_cancels_before_the_first_block);
	tcase_add_test(tests, a_cancel_ends_the_opening);
	tcase_add_test(tests, a_cancel_after_the_first_block_is_too_late);
	tcase_add_test(tests, a_port_that_goes_away_is_a_fault);
	tcase_add_test(tests, the_answer_to_the_closing_reset_may_never_come);
	tcase_add_test(tests, a_damaged_opening_is_asked_again);
	tcase_add_loop_test(tests, an_abandoned_session_answers, 0, 2);
	tcase_add_test(tests, a_modem_without_a_session_does_not_answer);
	tcase_add_test(tests, a_modem_waiting_for_a_session_gets_one_to_end);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return suite_run(make_suite());
}
