/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_transfer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/stp_run.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"
#include "transport/stp/stp_frame.h"
#include "transport/stp/stp_position.h"

START_TEST(version_1_sends_everything_in_order)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	stp_run_assert_request(0, STP_RESET, 0, 0, 0);
	stp_run_assert_request(1, STP_OPEN_SESSION, 1, 1, 0);
	for (size_t i = 0; i < 20; i++) {
		uint16_t length = i < 19 ? STP_RUN_BLOCK : STP_RUN_IMAGE - 19 * STP_RUN_BLOCK;
		stp_run_assert_request(2 + 2 * i, STP_TRANSFER_BLOCK_CMD, 1, (uint32_t)(2 + 2 * i), 2);
		stp_run_assert_request(3 + 2 * i, STP_TRANSFER_BLOCK, 1, (uint32_t)(3 + 2 * i), length);
		ck_assert_uint_eq(stp_modem.seen[2 + 2 * i].announced, length);
	}
	stp_run_assert_request(42, STP_RESET, 0, 0, 0);
	ck_assert_uint_eq(stp_modem.seen_count, 43);
	ck_assert_uint_eq(stp_run.counters.writes, 43);
	ck_assert_uint_eq(stp_run.counters.bytes_sent, 43 * 16 + 20 * 2 + STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.reports, 20);
	ck_assert_uint_eq(stp_run.gate_calls, 1);
	ck_assert_uint_eq(stp_run.summary.version, 1);
	ck_assert_uint_eq(stp_run.summary.max_transfer, 8192);
	ck_assert_uint_eq(stp_run.summary.blocks, 20);
	ck_assert_uint_eq(stp_run.summary.sessions, 1);
	ck_assert_uint_eq(stp_run.summary.resends + stp_run.summary.nacks + stp_run.summary.damaged + stp_run.summary.skipped_bytes, 0);
	ck_assert_str_eq(stp_run.last_part, "fs upgrade package");
	ck_assert_str_eq(stp_run.notes, "STP version 1, 8192 bytes at most, blocks of 512, plain\n");
}
END_TEST

/* 2048 is what FFH takes, for an ELF. */
static const struct {
	uint8_t version;
	uint16_t max_transfer;
	uint32_t wanted;
	uint16_t sent;
	bool is_elf;
	uint32_t data_type;
} maxima[] = {
    {1, 216, 512, 200, false, 0},   {1, 2048, 2016, 2016, true, 0},  {1, 2048, 8176, 2032, true, 0},
    {2, 2048, 8176, 2032, true, 2}, {2, 8192, 8176, 8176, false, 4},
};

START_TEST(blocks_keep_to_the_sessions_maximum)
{
	bool typed = maxima[_i].version == 2;

	stp_modem = (struct stp_peer){.version = maxima[_i].version, .max_transfer = maxima[_i].max_transfer, .fragment = 4};
	stp_run_prepare();
	stp_run.source.is_elf = maxima[_i].is_elf;
	stp_run.options.block_size = maxima[_i].wanted;
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	stp_run_assert_request(typed ? 4 : 3, STP_TRANSFER_BLOCK, 1, typed ? 4 : 3, maxima[_i].sent);
	ck_assert_uint_eq(stp_run.summary.block_size, maxima[_i].sent);
	ck_assert_uint_eq(stp_modem.data_type, maxima[_i].data_type);
}
END_TEST

/* F43: what is sent again, and under which transaction. The fifth block is away from every border. */
static const struct {
	uint8_t version;
	uint8_t op;
	enum stp_peer_action action;
	bool next_transaction;
	unsigned resends, nacks, damaged;
} repeats[] = {
    {1, STP_TRANSFER_BLOCK_CMD, PEER_DEAF, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_DEAF, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_MUTE, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK, PEER_MUTE, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_NACK, true, 0, 1, 0},
    {2, STP_TRANSFER_BLOCK, PEER_NACK, true, 0, 1, 0},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_NOT_UNDERSTOOD, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK, PEER_NOT_UNDERSTOOD, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_DAMAGE, false, 1, 0, 1},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_DAMAGE, false, 1, 0, 1},
};

START_TEST(trouble_is_answered_by_sending_again)
{
	const struct stp_peer_rule rule = {repeats[_i].op, 5, 5, repeats[_i].action, 0};
	uint32_t first = (repeats[_i].version == 2 ? 3u : 2u) + 8u + (repeats[_i].op == STP_TRANSFER_BLOCK);

	stp_modem = (struct stp_peer){.version = repeats[_i].version, .max_transfer = 8192, .fragment = 3, .rules = &rule, .rule_count = 1};
	stp_run_prepare();
	if (repeats[_i].action == PEER_DEAF || repeats[_i].action == PEER_MUTE)
		stp_run_hurry(120, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	/* What was said is acted on at once; only silence is waited out. */
	ck_assert_int_lt(stp_run.summary.longest_silence_ms, 1500);
	stp_run_assert_transactions(repeats[_i].op, 4, first, first + repeats[_i].next_transaction);
	ck_assert_uint_eq(stp_run.summary.resends, repeats[_i].resends);
	ck_assert_uint_eq(stp_run.summary.nacks, repeats[_i].nacks);
	ck_assert_uint_eq(stp_run.summary.damaged, repeats[_i].damaged);
	ck_assert_uint_eq(stp_run.summary.block_size, STP_RUN_BLOCK / 2);
	ck_assert_msg(strstr(stp_run.notes, "sent again") != NULL, "%s", stp_run.notes);
}
END_TEST

START_TEST(blocks_shrink_and_grow_back)
{
	stp_modem = (struct stp_peer){.version = 2,
				      .max_transfer = 8192,
				      .fragment = 9,
				      RULES({STP_TRANSFER_BLOCK, 5, 5, PEER_NACK, 0}, {STP_TRANSFER_BLOCK, 7, 7, PEER_NACK, 0})};
	stp_run_prepare();
	stp_run.options.block_size = 200;
	stp_run.options.block_size_min = 70;
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	unsigned sizes[3] = {0};
	for (size_t i = 0; i < stp_modem.seen_count; i++) {
		if (stp_modem.seen[i].op != STP_TRANSFER_BLOCK_CMD)
			continue;
		sizes[0] += stp_modem.seen[i].announced == 200;
		sizes[1] += stp_modem.seen[i].announced == 100;
		sizes[2] += stp_modem.seen[i].announced == 70;
	}
	/* 200: five until the first NACK; 100: one, which is refused as well; 70: 32 clean ones; 140 would be next. */
	ck_assert_uint_eq(sizes[1], 1);
	ck_assert_uint_eq(sizes[2], 32);
	ck_assert_uint_gt(sizes[0], 5);
}
END_TEST

/* F59. The kernel's count is asked for when the link is made, when the transfer begins, and after each block. */
static unsigned overrun_looks;

static int count_overruns(struct link *link, struct link_line_errors *ret)
{
	(void)link;
	overrun_looks++;
	*ret = (struct link_line_errors){.overruns = overrun_looks == 1  ? 50
						     : overrun_looks < 6 ? 100
									 : 107,
					 .framing_errors = overrun_looks < 6 ? 20 : 23,
					 .breaks = overrun_looks < 6 ? 4 : 6};
	return 0;
}

START_TEST(blocks_shrink_on_overruns)
{
	static const struct link_ops counting = {.line_errors = count_overruns};

	stp_modem = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 9};
	stp_run_prepare();
	stp_run.options.block_size = 200;
	ck_assert_int_eq(link_new(stp_peer_start(&stp_modem), &counting, &stp_run.link), 0);
	stp_run.link->is_socket = true;
	overrun_looks = 0;
	link_begin_line_errors(stp_run.link);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.overruns, 7);
	ck_assert_uint_eq(stp_run.summary.framing_errors, 3);
	ck_assert_uint_eq(stp_run.summary.breaks, 2);
	ck_assert_uint_eq(stp_run.summary.resends, 0);
	ck_assert_ptr_nonnull(strstr(stp_run.notes, "the kernel lost received bytes (overrun) at byte 600"));
	size_t blocks = 0;
	for (size_t i = 0; i < stp_modem.seen_count; i++) {
		if (stp_modem.seen[i].op != STP_TRANSFER_BLOCK_CMD)
			continue;
		/* Four as they were asked for, then halves until 32 were clean. */
		ck_assert_uint_eq(stp_modem.seen[i].announced, blocks < 4 || blocks >= 36 ? 200 : 100);
		blocks++;
	}
	ck_assert_uint_gt(blocks, 37);
}
END_TEST

START_TEST(a_block_refused_again_and_again_goes_in_smaller_ones)
{
	stp_modem = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 7, PEER_NACK, 0})};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	size_t at = 0;
	for (unsigned blocks = 0; blocks < 7; at++)
		blocks += stp_modem.seen[at].op == STP_TRANSFER_BLOCK;
	ck_assert_uint_eq(stp_modem.seen[at].op, STP_TRANSFER_BLOCK_CMD);
	ck_assert_uint_eq(stp_modem.seen[at].announced, STP_RUN_BLOCK / 2);
	ck_assert_uint_eq(stp_modem.seen[at].transaction, stp_modem.seen[at - 1].transaction + 2);
}
END_TEST

/* A block whose fate is not known must not be announced anew: the modem may have taken it. */
START_TEST(a_block_met_with_silence_keeps_its_transaction)
{
	stp_modem = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 8, PEER_MUTE, 0})};
	stp_run_prepare();
	stp_run_hurry(60, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	stp_run_assert_transactions(STP_TRANSFER_BLOCK, 4, 12, 12);
	stp_run_assert_transactions(STP_TRANSFER_BLOCK, 6, 12, 12);
	ck_assert_uint_eq(stp_run.summary.resends, 4);
}
END_TEST

START_TEST(a_refusal_after_silence_keeps_the_transaction)
{
	stp_modem = (struct stp_peer){.version = 2,
				      .max_transfer = 8192,
				      .fragment = 3,
				      RULES({STP_TRANSFER_BLOCK, 5, 5, PEER_MUTE, 0}, {STP_TRANSFER_BLOCK, 6, 9, PEER_NACK, 0})};
	stp_run_prepare();
	stp_run_hurry(120, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	stp_run_assert_transactions(STP_TRANSFER_BLOCK, 4, 12, 12);
	stp_run_assert_transactions(STP_TRANSFER_BLOCK, 8, 12, 12);
}
END_TEST

START_TEST(the_answer_to_an_older_request_is_passed_over)
{
	stp_modem =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 7, PEER_STALE, 100})};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.residue_bytes, 0);
	ck_assert_uint_eq(stp_run.summary.resends, 0);
}
END_TEST

START_TEST(refusals_without_end_are_damage)
{
	stp_modem =
	    (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 100000, PEER_NACK, 0})};
	stp_run_prepare();
	stp_run_hurry(2000, 300);
	int64_t started = clock_now_ms();
	stp_run_transfer();
	stp_run_assert_fault(FAULT_STP_DAMAGED, "at byte 2048");
	ck_assert_int_lt(clock_now_ms() - started, 3000);
	ck_assert_int_ge(clock_now_ms() - started, 250); /* with pauses: a modem that refuses at once is not asked without a break */
	ck_assert_uint_lt(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK), 60);
}
END_TEST

/* F42 */
START_TEST(residue_goes_again_in_the_next_block)
{
	stp_modem = (struct stp_peer){.version = 1,
				      .max_transfer = 8192,
				      .fragment = 3,
				      RULES({STP_TRANSFER_BLOCK, 3, 4, PEER_RESIDUE, 100}, {STP_TRANSFER_BLOCK, 6, 6, PEER_RESIDUE, 512})};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.residue_bytes, 712);
	ck_assert_uint_eq(stp_run.summary.resends, 0);
	ck_assert_str_eq(strchr(stp_run.notes, '\n') + 1, "residue of 100 bytes at byte 1024\n"
							  "residue of 100 bytes at byte 1436\n"
							  "residue of 512 bytes at byte 2360\n");
}
END_TEST

/* Damaged on the line, and nothing but its content shows it: no residue is longer than its block, none has no length. */
START_TEST(an_impossible_answer_is_a_damaged_one)
{
	static const struct stp_peer_rule rules[] = {{STP_TRANSFER_BLOCK, 4, 4, PEER_IMPOSSIBLE, 2},
						     {STP_TRANSFER_BLOCK, 4, 4, PEER_IMPOSSIBLE, 0},
						     {STP_OPEN_SESSION, 1, 1, PEER_IMPOSSIBLE, 3}};

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .rules = &rules[_i], .rule_count = 1};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.damaged, 1);
	ck_assert_uint_eq(stp_run.summary.residue_bytes, 0);
	if (rules[_i].op == STP_TRANSFER_BLOCK)
		stp_run_assert_transactions(STP_TRANSFER_BLOCK, 3, 9, 9);
}
END_TEST

START_TEST(what_happens_at_every_block_is_told_up_to_a_bound)
{
	stp_modem =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 64, RULES({STP_TRANSFER_BLOCK, 1, 90, PEER_RESIDUE, 1})};
	stp_run_prepare();
	stp_run.options.block_size = 101;
	stp_run_transfer();
	ck_assert_uint_eq(stp_run.summary.residue_bytes, 90);
	unsigned told = 0;
	for (const char *at = stp_run.notes; (at = strstr(at, "residue of 1 bytes")) != NULL; at++)
		told++;
	ck_assert_uint_eq(told, 64);
	ck_assert_msg(strstr(stp_run.notes, "\n26 more resends, residues and silences are not listed\n") != NULL, "%s", stp_run.notes);
}
END_TEST

START_TEST(a_silence_that_ends_in_time_is_told)
{
	stp_modem =
	    (struct stp_peer){.version = 1,
			      .max_transfer = 8192,
			      .fragment = 9,
			      RULES({STP_TRANSFER_BLOCK_CMD, 5, 5, PEER_BUSY, 2050}, {STP_TRANSFER_BLOCK_CMD, 6, 6, PEER_BUSY, 300})};
	stp_run_prepare();
	stp_run_hurry(30000, 120000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	const char *note = strchr(stp_run.notes, '\n') + 1;
	ck_assert_int_eq(strncmp(note, "silent for ", strlen("silent for ")), 0);
	ck_assert_int_ge(strtoll(note + strlen("silent for "), NULL, 10), 2050);
	ck_assert_msg(strstr(note, " ms at byte 2048\n") != NULL, "%s", note);
	ck_assert_ptr_null(strstr(note, "at byte 2560"));
	ck_assert_uint_eq(stp_run.summary.resends, 0);
}
END_TEST

START_TEST(residue_of_everything_is_a_stall)
{
	stp_modem =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 8, 100000, PEER_RESIDUE, 512})};
	stp_run_prepare();
	stp_run_hurry(2000, 300);
	stp_run_transfer();
	stp_run_assert_fault(FAULT_TRANSFER_STALLED, "at byte 3584 of 10000 (35 %) in fff upgrade package");
	ck_assert_uint_lt(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK), 60);
}
END_TEST

/* F36 */
START_TEST(text_before_an_answer_is_skipped)
{
	stp_modem = (struct stp_peer){
	    .version = 1,
	    .max_transfer = 8192,
	    .fragment = 3,
	    RULES({STP_RESET, 1, 1, PEER_TEXT, 0}, {STP_OPEN_SESSION, 1, 1, PEER_TEXT, 0}, {STP_TRANSFER_BLOCK, 1, 9, PEER_TEXT, 0})};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_run.summary.skipped_bytes, 11 * 15);
	ck_assert_uint_eq(stp_run.summary.resends, 0);
}
END_TEST

/* F40, F41: block 18 holds the border at 9000. */
START_TEST(silence_at_a_border_is_waited_for)
{
	static const struct stp_peer_rule rules[] = {{STP_TRANSFER_BLOCK_CMD, 1, 1, PEER_BUSY, 400},
						     {STP_TRANSFER_BLOCK, 18, 18, PEER_BUSY, 400}};

	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .rules = &rules[_i], .rule_count = 1};
	stp_run_prepare();
	stp_run_hurry(40, 2000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	/* 160 ms, 320 ms: two repeats where an unspaced wait of 40 ms would have sent a dozen. */
	ck_assert_uint_ge(stp_run.summary.resends, 1);
	ck_assert_uint_le(stp_run.summary.resends, 2);
	ck_assert_int_ge(stp_run.summary.longest_silence_ms, 390);
	ck_assert_uint_eq(stp_run.summary.block_size, STP_RUN_BLOCK);
	ck_assert_uint_eq(stp_run.summary.sessions, 1);
	/* One for each block, and one that told of the silence while it lasted. */
	ck_assert_uint_eq(stp_run.reports, 21);
	ck_assert_msg(strstr(stp_run.notes, "erasing flash") != NULL, "%s", stp_run.notes);
}
END_TEST

START_TEST(borders_are_reported_before_they_are_met)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	stp_run_prepare();
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	/* Blocks 2 and 3 around 700, 18 and 19 around 9000, the last, and the end. */
	ck_assert_uint_eq(stp_run.border_reports, 6);
}
END_TEST

START_TEST(a_late_answer_does_not_answer_the_next_request)
{
	stp_modem = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 5, PEER_BUSY, 150})};
	stp_run_prepare();
	stp_run_hurry(60, 8000);
	stp_run_transfer();
	stp_run_assert_sent(stp_run.plain, STP_RUN_IMAGE);
	ck_assert_uint_ge(stp_run.summary.resends, 1);
	/* Every repeat is answered as well: the answers that nobody waits for any more did no harm. */
	ck_assert_uint_eq(stp_peer_count(&stp_modem, STP_TRANSFER_BLOCK), stp_run.summary.blocks + stp_run.summary.resends);
}
END_TEST

START_TEST(positions_scale_part_by_part)
{
	const struct stp_source source = {.plain_size = STP_RUN_IMAGE,
					  .compressed = stp_run.packed,
					  .compressed_size = STP_RUN_PACKED,
					  .parts = stp_run_parts,
					  .part_count = 3};
	uint64_t last = 0;

	for (uint64_t at = 0; at <= STP_RUN_PACKED; at++) {
		uint64_t position = stp_plain_position(&source, true, at);
		ck_assert_uint_ge(position, last);
		last = position;
	}
	ck_assert_uint_eq(stp_plain_position(&source, true, 0), 0);
	ck_assert_uint_eq(stp_plain_position(&source, true, 250), 350);
	ck_assert_uint_eq(stp_plain_position(&source, true, 500), 700);
	ck_assert_uint_eq(stp_plain_position(&source, true, 3000), 700 + 8300 / 2);
	ck_assert_uint_eq(stp_plain_position(&source, true, STP_RUN_PACKED), STP_RUN_IMAGE);
	ck_assert_uint_eq(stp_plain_position(&source, false, 1234), 1234);
	ck_assert_str_eq(stp_part_at(&source, true, 499), "bootrom upgrade package");
	ck_assert_str_eq(stp_part_at(&source, true, 500), "fff upgrade package");
	ck_assert_str_eq(stp_part_at(&source, false, 500), "bootrom upgrade package");
}
END_TEST

START_TEST(borders_lie_around_the_start_of_a_part)
{
	const struct stp_source source = {.plain_size = STP_RUN_IMAGE, .parts = stp_run_parts, .part_count = 3};

	const struct stp_source unknown = {.plain_size = STP_RUN_IMAGE};

	ck_assert(stp_is_border(&unknown, false, 0, 100));
	ck_assert(!stp_is_border(&unknown, false, 100, 100));
	ck_assert(stp_is_border(&source, false, 0, 100));    /* the first block */
	ck_assert(!stp_is_border(&source, false, 500, 100)); /* ends before */
	ck_assert(stp_is_border(&source, false, 600, 100));  /* right behind it */
	ck_assert(stp_is_border(&source, false, 650, 100));  /* in it */
	ck_assert(stp_is_border(&source, false, 750, 100));  /* began just before it */
	ck_assert(!stp_is_border(&source, false, 800, 100)); /* long over */
	ck_assert(stp_is_border(&source, false, 9900, 100)); /* the last block */
	ck_assert(!stp_is_border(&source, false, 5000, 100));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stp_transfer");
	TCase *tests = tcase_create("transfers");

	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, version_1_sends_everything_in_order);
	tcase_add_loop_test(tests, blocks_keep_to_the_sessions_maximum, 0, (int)(sizeof maxima / sizeof maxima[0]));
	tcase_add_loop_test(tests, trouble_is_answered_by_sending_again, 0, (int)(sizeof repeats / sizeof repeats[0]));
	tcase_add_test(tests, blocks_shrink_and_grow_back);
	tcase_add_test(tests, blocks_shrink_on_overruns);
	tcase_add_test(tests, a_block_refused_again_and_again_goes_in_smaller_ones);
	tcase_add_test(tests, a_block_met_with_silence_keeps_its_transaction);
	tcase_add_test(tests, refusals_without_end_are_damage);
	tcase_add_test(tests, a_refusal_after_silence_keeps_the_transaction);
	tcase_add_test(tests, the_answer_to_an_older_request_is_passed_over);
	tcase_add_test(tests, residue_goes_again_in_the_next_block);
	tcase_add_test(tests, residue_of_everything_is_a_stall);
	tcase_add_loop_test(tests, an_impossible_answer_is_a_damaged_one, 0, 3);
	tcase_add_test(tests, what_happens_at_every_block_is_told_up_to_a_bound);
	tcase_add_test(tests, a_silence_that_ends_in_time_is_told);
	tcase_add_test(tests, text_before_an_answer_is_skipped);
	tcase_add_loop_test(tests, silence_at_a_border_is_waited_for, 0, 2);
	tcase_add_test(tests, borders_are_reported_before_they_are_met);
	tcase_add_test(tests, a_late_answer_does_not_answer_the_next_request);
	tcase_add_test(tests, positions_scale_part_by_part);
	tcase_add_test(tests, borders_lie_around_the_start_of_a_part);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return suite_run(make_suite());
}
