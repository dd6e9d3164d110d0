/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/stp_run.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

const struct stp_part stp_run_parts[3] = {
    {0, 0, "bootrom upgrade package"},
    {700, 500, "fff upgrade package"},
    {9000, 5500, "fs upgrade package"},
};

struct stp_run stp_run;
struct stp_peer stp_modem;

static bool gate(void *context)
{
	struct stp_run *r = context;

	r->gate_calls++;
	if (r->cancel_at_gate > 0)
		eventfd_write(r->cancel_at_gate, 1);
	return r->gate;
}

static void progress(void *context, const struct stp_progress *p)
{
	struct stp_run *r = context;

	r->reports++;
	r->border_reports += p->at_border;
	r->went_back = r->went_back || p->bytes_done < r->last_done || p->bytes_total != STP_RUN_IMAGE;
	r->last_done = p->bytes_done;
	snprintf(r->last_part, sizeof r->last_part, "%s", p->part);
}

static void note(void *context, const char *line)
{
	struct stp_run *r = context;
	size_t used = strlen(r->notes);

	snprintf(r->notes + used, sizeof r->notes - used, "%s\n", line);
}

void stp_run_prepare(void)
{
	for (unsigned i = 0; i < STP_RUN_IMAGE; i++)
		stp_run.plain[i] = (uint8_t)(i * 31u + i / 251u);
	for (unsigned i = 0; i < STP_RUN_PACKED; i++)
		stp_run.packed[i] = (uint8_t)(i * 17u + i / 241u);
	stp_run.gate = true;
	stp_run.source = (struct stp_source){.plain = stp_run.plain, .plain_size = STP_RUN_IMAGE, .parts = stp_run_parts, .part_count = 3};
	stp_run.options = (struct stp_options){
	    .block_size = STP_RUN_BLOCK,
	    .block_size_min = 64,
	    .answer_timeout_ms = 2000, /* long: a busy machine must not make silence */
	    .block_budget_ms = 8000,
	    .allow_compression = true,
	    .before_first_block = gate,
	    .progress = progress,
	    .note = note,
	    .context = &stp_run,
	};
}

void stp_run_hurry(int64_t answer_timeout_ms, int64_t block_budget_ms)
{
	stp_run.options.answer_timeout_ms = answer_timeout_ms;
	stp_run.options.block_budget_ms = block_budget_ms;
}

void stp_run_transfer(void)
{
	if (!stp_run.link)
		ck_assert_int_eq(link_open_fd(stp_peer_start(&stp_modem), &stp_run.link), 0);
	stp_run.result = stp_transfer(stp_run.link, &stp_run.source, &stp_run.options, &stp_run.fault, &stp_run.summary);
	link_get_counters(stp_run.link, &stp_run.counters);
	link_close(stp_run.link);
	stp_run.link = NULL;
	stp_peer_stop(&stp_modem);
}

void stp_run_assert_sent(const uint8_t *image, size_t size)
{
	ck_assert_msg(stp_run.result == 0, "%d %s: %s", stp_run.result, fault_code_name(stp_run.fault.code), stp_run.fault.message);
	ck_assert_uint_eq(stp_modem.image_size, size);
	ck_assert_mem_eq(stp_modem.image, image, size);
	for (size_t i = 0; i < stp_modem.seen_count; i++)
		ck_assert(stp_modem.seen[i].crc_good);
	ck_assert(!stp_run.went_back);
	ck_assert_uint_eq(stp_run.last_done, STP_RUN_IMAGE);
}

void stp_run_assert_fault(enum fault_code code, const char *text)
{
	ck_assert_int_eq(stp_run.result, -EPROTO);
	ck_assert_str_eq(fault_code_name(stp_run.fault.code), fault_code_name(code));
	ck_assert_msg(strstr(stp_run.fault.message, text) != NULL, "%s", stp_run.fault.message);
}

void stp_run_assert_request(size_t index, uint8_t op, uint8_t session, uint32_t transaction, uint16_t length)
{
	ck_assert_uint_lt(index, stp_modem.seen_count);
	const struct stp_peer_seen *seen = &stp_modem.seen[index];
	ck_assert_msg(seen->op == op && seen->session == session && seen->transaction == transaction && seen->length == length,
		      "request %zu: op %u session %u transaction %u length %u", index, seen->op, seen->session, seen->transaction,
		      seen->length);
}

void stp_run_assert_transactions(uint8_t op, size_t from, uint32_t a, uint32_t b)
{
	uint32_t found[STP_PEER_SEEN_MAX];
	size_t count = 0;

	for (size_t i = 0; i < stp_modem.seen_count; i++) {
		if (stp_modem.seen[i].op == op)
			found[count++] = stp_modem.seen[i].transaction;
	}
	ck_assert_uint_ge(count, from + 2);
	ck_assert_uint_eq(found[from], a);
	ck_assert_uint_eq(found[from + 1], b);
}
