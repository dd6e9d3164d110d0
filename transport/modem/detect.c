/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding a modem: the ladder of protocol.md 2, then data mode, then an STP session that somebody left open.
 */
#include "transport/modem/modem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/stp/stp_transfer.h"

/* The link's rate, the profile's, and the one that a killed host may have raised the line to. */
#define RUNGS_MAX     (PROFILE_RATES_MAX + 2u)
#define ESCAPE_ROUNDS 5
/* ERRORs in a row to plain AT that make a Monarch 2 modem alive all the same (protocol.md 7 B). */
#define ALIVE_ERRORS 6

/* What the bytes at one rate mean, least telling first: protocol.md 2, "what the first bytes mean". */
enum verdict { VERDICT_SILENT, VERDICT_NULS, VERDICT_TEXT, VERDICT_OTHER_RATE, VERDICT_DATA, VERDICT_ERROR, VERDICT_OK };

struct rung {
	uint32_t rate_bps;
	enum verdict verdict;
	bool held; /* what was written has not left */
	char sample[64];
};

struct ladder {
	bool fixed; /* one rung, whose rate is a guess: the far end's cannot be set or asked */
	size_t count;
	struct rung rungs[RUNGS_MAX];
	uint32_t stp_rate_bps; /* not 0: an STP session answered there */
};

static void ladder_add(struct ladder *ladder, uint32_t rate_bps)
{
	if (rate_bps == 0)
		return;
	for (size_t i = 0; i < ladder->count; i++) {
		if (ladder->rungs[i].rate_bps == rate_bps)
			return;
	}
	ladder->rungs[ladder->count++].rate_bps = rate_bps;
}

static void ladder_init(struct ladder *ladder, const struct modem *modem)
{
	memset(ladder, 0, sizeof(*ladder));
	ladder->fixed = link_has_fixed_rate(modem->link);
	ladder_add(ladder, link_rate(modem->link));
	if (ladder->fixed)
		return;
	for (size_t i = 0; i < PROFILE_RATES_MAX; i++)
		ladder_add(ladder, modem->profile->rates[i]);
	ladder_add(ladder, modem->profile->transfer_rate_bps);
}

static const char *rate_text(const struct ladder *ladder, uint32_t rate_bps, char ret[static 32])
{
	if (ladder->fixed)
		return "the far end's own rate";
	snprintf(ret, 32, "%u bit/s", rate_bps);
	return ret;
}

/* The modem answers there. */
static void found_at(struct modem *modem, const struct ladder *ladder, const struct rung *rung)
{
	modem->info.rate_bps = ladder->fixed ? 0 : rung->rate_bps;
}

static enum verdict noise_verdict(const struct at_noise *noise)
{
	if (noise->total == 0)
		return VERDICT_SILENT;
	if (noise->nul == noise->total)
		return VERDICT_NULS;
	/* The begin of a PPP frame: flag, all stations, unnumbered. */
	if (strstr(noise->sample, "~\\xff"))
		return VERDICT_DATA;
	return noise->high_bit > 0 ? VERDICT_OTHER_RATE : VERDICT_TEXT;
}

static int set_rate(struct modem *modem, uint32_t rate_bps)
{
	int r = modem_set_host_rate(modem, rate_bps);

	at_session_reset(modem->at);
	return r;
}

/* One AT. Fills the rung when it says more than was known. */
static int probe_once(struct modem *modem, struct rung *rung, int64_t timeout_ms)
{
	struct at_reply reply;
	struct at_noise noise;
	enum verdict verdict;
	int r = modem_probe(modem, timeout_ms, &reply);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	at_session_noise(modem->at, &noise);
	if (r == 0)
		verdict = reply.final == AT_FINAL_OK ? VERDICT_OK : VERDICT_ERROR;
	else
		verdict = noise_verdict(&noise);
	if (r < 0) {
		at_session_reset(modem->at); /* the next probe is the resynchronisation */
		rung->held = link_drain(modem->link, clock_now_ms()) == -ETIMEDOUT;
	}
	if (verdict > rung->verdict || rung->sample[0] == '\0')
		snprintf(rung->sample, sizeof(rung->sample), "%s", noise.sample);
	if (verdict > rung->verdict)
		rung->verdict = verdict;
	return 0;
}

/* AT twice, as the first one may end what others left in the modem's line buffer; once when it is OK. */
static int probe_rung(struct modem *modem, struct rung *rung, int64_t timeout_ms)
{
	int r = set_rate(modem, rung->rate_bps);

	rung->verdict = VERDICT_SILENT;
	rung->held = false;
	rung->sample[0] = '\0';
	if (r == -EINVAL) {
		snprintf(rung->sample, sizeof(rung->sample), "the port cannot do this rate");
		return 0;
	}
	/* A modem that erases or restarts may drop its RTS: that is one more kind of silence. The wait for it has cost its time already. */
	if (r == -ETIMEDOUT) {
		rung->held = true;
		return 0;
	}
	if (r == 0)
		r = link_flush_input(modem->link);
	for (int i = 0; r == 0 && i < 2 && rung->verdict != VERDICT_OK; i++)
		r = probe_once(modem, rung, timeout_ms);
	return r;
}

/* 1: alive, and the link is at its rate; 0: no rung answered. */
static int climb(struct modem *modem, struct ladder *ladder)
{
	for (size_t i = 0; i < ladder->count; i++) {
		struct rung *rung = &ladder->rungs[i];
		int r = probe_rung(modem, rung, modem->timings->probe_ms);
		if (r < 0)
			return r;
		if (rung->verdict == VERDICT_OK || rung->verdict == VERDICT_ERROR) {
			found_at(modem, ladder, rung);
			return 1;
		}
	}
	return 0;
}

static bool any_rung(const struct ladder *ladder, enum verdict verdict)
{
	for (size_t i = 0; i < ladder->count; i++) {
		if (ladder->rungs[i].verdict == verdict)
			return true;
	}
	return false;
}

static bool line_held_low(const struct ladder *ladder)
{
	for (size_t i = 0; i < ladder->count; i++) {
		if (ladder->rungs[i].verdict != VERDICT_NULS && ladder->rungs[i].verdict != VERDICT_SILENT)
			return false;
	}
	return any_rung(ladder, VERDICT_NULS);
}

/* Silence, +++ at each rate, silence, AT. The silence after one rate's +++ is the one before the next's. */
static int leave_data_mode(struct modem *modem, struct ladder *ladder, int round)
{
	const struct modem_timings *timings = modem->timings;
	int r = link_quiet(modem->link, timings->escape_guard_ms + round * timings->escape_growth_ms);

	for (size_t i = 0; r >= 0 && i < ladder->count; i++) {
		if (set_rate(modem, ladder->rungs[i].rate_bps) < 0)
			continue;
		r = at_send_raw(modem->at, "+++", timings->probe_ms);
		transcript_note(modem->transcript, "asked a data mode to end at %u bit/s", ladder->rungs[i].rate_bps);
		if (r == 0 || r == -ETIMEDOUT)
			r = link_quiet(modem->link, timings->escape_after_ms);
	}
	return r < 0 ? r : climb(modem, ladder);
}

/* What was in the line buffers goes; then AT decides. */
static int climb_after_stp(struct modem *modem, struct ladder *ladder)
{
	int r;

	at_session_reset(modem->at);
	r = link_quiet(modem->link, modem->timings->flush_ms);
	return r < 0 ? r : climb(modem, ladder);
}

static int leave_stp_at_rate(struct modem *modem, struct ladder *ladder)
{
	int r;

	/* Not for the transcript: thousands of NULs. */
	transcript_binary(modem->transcript, 1);
	r = stp_abandon(modem->link);
	transcript_binary(modem->transcript, 0);
	if (r <= 0)
		return r;
	ladder->stp_rate_bps = link_rate(modem->link);
	r = climb_after_stp(modem, ladder);
	if (r != 0 || set_rate(modem, ladder->stp_rate_bps) < 0)
		return r;
	/* That RESET was taken for the first of a session: only a whole one has an end. */
	r = stp_abandon_waiting(modem->link);
	return r < 0 ? r : climb_after_stp(modem, ladder);
}

/* In a session AT is swallowed or answered by a frame; whoever says something else is in none. */
static bool may_be_stp(const struct rung *rung)
{
	return rung->verdict == VERDICT_SILENT || strstr(rung->sample, "tsaf") != NULL;
}

/* The session of a killed host. That modem answers the first time or not at all. */
static int leave_stp(struct modem *modem, struct ladder *ladder)
{
	int r = 0;

	for (size_t i = 0; r == 0 && ladder->stp_rate_bps == 0 && i < ladder->count; i++) {
		if (!may_be_stp(&ladder->rungs[i]) || set_rate(modem, ladder->rungs[i].rate_bps) < 0)
			continue;
		transcript_note(modem->transcript, "no AT: is an STP session open at %u bit/s?", ladder->rungs[i].rate_bps);
		r = leave_stp_at_rate(modem, ladder);
		at_session_reset(modem->at);
	}
	if (ladder->stp_rate_bps != 0)
		transcript_note(modem->transcript, "an STP session was open at %u bit/s", ladder->stp_rate_bps);
	return r;
}

static void ladder_evidence(const struct ladder *ladder, struct fault *fault)
{
	size_t length = 0;

	for (size_t i = 0; i < ladder->count && length < sizeof(fault->evidence); i++) {
		const struct rung *rung = &ladder->rungs[i];
		char rate[32];
		int written = snprintf(fault->evidence + length, sizeof(fault->evidence) - length, "%s%s: %s%s", i ? "; " : "",
				       rate_text(ladder, rung->rate_bps, rate), rung->sample[0] ? rung->sample : "nothing",
				       rung->held ? ", flow control holds the line" : "");
		length += written > 0 ? (size_t)written : 0;
	}
}

static void rates_text(const struct ladder *ladder, char *ret, size_t size)
{
	size_t length = 0;
	char last[32];

	for (size_t i = 0; i + 1 < ladder->count && length < size; i++) {
		int written = snprintf(ret + length, size - length, "%u, ", ladder->rungs[i].rate_bps);
		length += written > 0 ? (size_t)written : 0;
	}
	if (length < size)
		snprintf(ret + length, size - length, "%s", rate_text(ladder, ladder->rungs[ladder->count - 1].rate_bps, last));
}

static bool any_held(const struct ladder *ladder)
{
	for (size_t i = 0; i < ladder->count; i++) {
		if (ladder->rungs[i].held)
			return true;
	}
	return false;
}

/* A wire that is not there looks like a modem that is not there. */
static const char *flow_text(const struct modem *modem, const struct ladder *ladder)
{
	if (any_held(ladder))
		return ": flow control holds the line, CTS does not come";
	return modem->profile->hardware_flow ? " (with RTS/CTS, a missing CTS wire looks the same)" : "";
}

/* What the ladder saw of a modem that it did not find. */
static void explain(const struct modem *modem, const struct ladder *ladder, struct fault *fault)
{
	char rates[80];

	rates_text(ladder, rates, sizeof(rates));
	if (line_held_low(ladder))
		fault_set(fault, FAULT_MODEM_UNPOWERED, "only NUL bytes at %s: the line is held low", rates);
	else if (any_rung(ladder, VERDICT_DATA))
		fault_set(fault, FAULT_MODEM_IN_DATA_MODE, "the modem is in data mode and +++ does not end it");
	else if (any_rung(ladder, VERDICT_OTHER_RATE))
		fault_set(fault, FAULT_MODEM_WRONG_RATE, "the modem talks at another rate than %s", rates);
	else if (ladder->stp_rate_bps != 0)
		fault_set(fault, FAULT_MODEM_SILENT, "an STP session was open at %u bit/s and no AT is answered after its end",
			  ladder->stp_rate_bps);
	else if (any_rung(ladder, VERDICT_TEXT))
		fault_set(fault, FAULT_MODEM_SILENT, "something that is no modem answers at %s", rates);
	else
		fault_set(fault, FAULT_MODEM_SILENT, "no answer to AT at %s%s", rates, flow_text(modem, ladder));
}

/* Whoever sits at the far end can do what this one cannot. */
static void tell_of_far_end(const struct modem *modem, struct fault *fault)
{
	struct fault seen = *fault;

	if (modem->profile->family == FAMILY_MONARCH2)
		fault_set(fault, seen.code, "%s; nobody here sets the rate of a tcp:// port: set the far end to 115200, or use rfc2217://",
			  seen.message);
	else
		fault_set(fault, seen.code,
			  "%s; nobody here sets the rate of a tcp:// port, and a Monarch 1 modem is at 115200 in its boot ROM and after a "
			  "failed upgrade, else at 921600: it is rescued with the far end at 115200, or over rfc2217://",
			  seen.message);
}

static int not_found(const struct modem *modem, const struct ladder *ladder, struct fault *fault)
{
	explain(modem, ladder, fault);
	if (ladder->fixed && (fault->code == FAULT_MODEM_SILENT || fault->code == FAULT_MODEM_WRONG_RATE))
		tell_of_far_end(modem, fault);
	if (modem->board_silence.code != FAULT_NONE && (fault->code == FAULT_MODEM_SILENT || fault->code == FAULT_MODEM_WRONG_RATE))
		*fault = modem->board_silence;
	ladder_evidence(ladder, fault);
	return -EPROTO;
}

/* 1: alive; 0: one more round may help; negative: an error of the link, or -EPROTO when no round helps. */
static int detect_round(struct modem *modem, struct ladder *ladder, int round, bool patient, struct fault *fault)
{
	/* The round before has just ended with AT at every rate, and this one begins with silence. */
	int r = round == 0 || patient ? climb(modem, ladder) : 0;

	if (r != 0)
		return r;
	/* A restarting modem can hold its line low for a moment, at any time of a long wait. */
	if (line_held_low(ladder))
		return patient ? 0 : not_found(modem, ladder, fault);
	if (round >= ESCAPE_ROUNDS)
		return 0;
	r = leave_data_mode(modem, ladder, round);
	if (r != 0 || (round > 0 && !patient))
		return r;
	ladder->stp_rate_bps = 0;
	return leave_stp(modem, ladder);
}

/* Without patience: data mode gets all its rounds; silence only those that leave the verdict in time. */
static bool has_time(const struct modem *modem, const struct ladder *ladder, int rounds, int64_t started_ms, int64_t round_ms)
{
	int64_t next_ms = round_ms + modem->timings->escape_growth_ms;

	if (rounds >= ESCAPE_ROUNDS)
		return false;
	return any_rung(ladder, VERDICT_DATA) || clock_now_ms() - started_ms + next_ms <= modem->timings->verdict_ms;
}

static int wait_for_next_round(struct modem *modem, const struct ladder *ladder, int64_t started_ms)
{
	struct fault seen;

	explain(modem, ladder, &seen);
	if (modem->waiting)
		modem->waiting(modem->waiting_context, clock_now_ms() - started_ms, seen.message);
	return at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
}

int modem_detect(struct modem *modem, int64_t patience_ms, struct fault *ret_fault)
{
	int64_t started_ms = clock_now_ms();
	bool patient = patience_ms > 0;
	struct ladder ladder;
	char rate[32];

	ladder_init(&ladder, modem);
	for (int round = 0;; round++) {
		int64_t round_ms = clock_now_ms();
		int r = detect_round(modem, &ladder, round, patient, ret_fault);
		if (r == 1)
			break;
		bool more = patient ? clock_now_ms() - started_ms < patience_ms
				    : has_time(modem, &ladder, round + 1, started_ms, clock_now_ms() - round_ms);
		if (r == 0 && !more)
			return not_found(modem, &ladder, ret_fault);
		if (r == 0 && patient)
			r = wait_for_next_round(modem, &ladder, started_ms);
		if (r < 0)
			return modem_line_fault(r, ret_fault);
	}
	modem->board_silence.code = FAULT_NONE;
	transcript_note(modem->transcript, "alive at %s", rate_text(&ladder, modem->info.rate_bps, rate));
	return modem_settle_boot_mode(modem, ret_fault);
}

int modem_await_alive(struct modem *modem, int64_t budget_ms)
{
	int64_t deadline_ms = clock_deadline_ms(budget_ms);
	struct ladder ladder;
	int errors = 0;
	bool silent = false;
	char rate[32];

	ladder_init(&ladder, modem);
	for (size_t i = 0;; i = (i + 1) % ladder.count) {
		struct rung *rung = &ladder.rungs[i];
		int r = probe_rung(modem, rung, modem->timings->alive_probe_ms);
		if (r < 0)
			return r;
		errors += rung->verdict == VERDICT_ERROR;
		if (rung->verdict == VERDICT_OK || (modem_likely_family(modem) == FAMILY_MONARCH2 && errors >= ALIVE_ERRORS)) {
			if (silent || (!ladder.fixed && rung->rate_bps != modem->info.rate_bps))
				transcript_note(modem->transcript, "alive at %s", rate_text(&ladder, rung->rate_bps, rate));
			found_at(modem, &ladder, rung);
			return 0;
		}
		silent = true;
		if (clock_now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		if (i + 1 == ladder.count || rung->verdict == VERDICT_ERROR) {
			r = at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
			if (r < 0)
				return r;
		}
	}
}
