/* SPDX-License-Identifier: Apache-2.0
 *
 * One transfer against the scripted modem: what goes in, what came of it, and what is asserted of both.
 */
#ifndef TESTS_STP_RUN_H
#define TESTS_STP_RUN_H

#include "tests/unit/stp_peer.h"
#include "transport/stp/stp_transfer.h"

#define STP_RUN_IMAGE  10000u
#define STP_RUN_PACKED 6000u
#define STP_RUN_BLOCK  512u

#define RULES(...)                                                                                                                         \
	.rules = (const struct stp_peer_rule[]){__VA_ARGS__},                                                                              \
	.rule_count = sizeof((const struct stp_peer_rule[]){__VA_ARGS__}) / sizeof(struct stp_peer_rule)

/* Three parts, with borders at 700 and 9000. */
extern const struct stp_part stp_run_parts[3];

/* One run: what goes in, what came of it. */
struct stp_run {
	struct stp_source source;
	struct stp_options options;
	struct stp_summary summary;
	struct fault fault;
	struct link *link;
	struct link_counters counters;
	int result;
	uint8_t plain[STP_RUN_IMAGE];
	uint8_t packed[STP_RUN_PACKED];
	bool gate; /* what before_first_block answers */
	unsigned gate_calls;
	int cancel_at_gate; /* an eventfd made readable there, or 0 */
	unsigned reports;
	unsigned border_reports;
	uint64_t last_done;
	bool went_back;
	char last_part[64];
	char notes[8192];
};

extern struct stp_run stp_run;
extern struct stp_peer stp_modem;

/* Fills images and options; the modem is the test's to describe. */
void stp_run_prepare(void);

/* For tests in which silence is part of the play. */
void stp_run_hurry(int64_t answer_timeout_ms, int64_t block_budget_ms);

/* Runs to the end, with stp_run.link if the test opened it; afterwards all of both may be looked at. */
void stp_run_transfer(void);

/* The modem has this image, whole and once, and progress ended at the end. */
void stp_run_assert_sent(const uint8_t *image, size_t size);
void stp_run_assert_fault(enum fault_code code, const char *text);
void stp_run_assert_request(size_t index, uint8_t op, uint8_t session, uint32_t transaction, uint16_t length);

/* The transactions of two requests with this op, one after the other. */
void stp_run_assert_transactions(uint8_t op, size_t from, uint32_t a, uint32_t b);

#endif
