/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/board.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/modem/board_talk.h"

#define QUOTE_SIZE 96u

/* protocol.md 9: leaves bridge mode only by reset, so that nothing has to be said at the end. */
static const char avr_iot_script[] = "ABORT ERROR TIMEOUT 5 '' MC+BRIDGEMODE=PERMANENT\\r OK";

static const struct {
	enum board_kind kind;
	const char *text;
} farewells[] = {
    {BOARD_PYCOM, "Take the board's USB power and battery away and give them back: it then runs its application. A reset is not enough."},
    {BOARD_AVR_IOT, "Reset the board, so that it leaves bridge mode and runs its application again."},
};

struct script_run {
	struct board_talk *talk;
	const struct chat_script *script;
	const char *name; /* of the script, for sentences */
	uint32_t timeout_s;
};

static void quote(const struct script_run *run, const struct chat_step *step, char ret[static QUOTE_SIZE])
{
	fault_escape(ret, QUOTE_SIZE, run->script->text + step->offset, step->length);
}

/* "line 3 of the chat script"; a script of our own has no lines that anybody could look up. */
static const char *where(const struct script_run *run, const struct chat_step *step, char ret[static QUOTE_SIZE])
{
	if (run->script == &run->talk->modem->profile->chat)
		snprintf(ret, QUOTE_SIZE, "line %u of %s", step->line, run->name);
	else
		snprintf(ret, QUOTE_SIZE, "%s", run->name);
	return ret;
}

static int fail_wait(const struct script_run *run, const struct chat_step *step, const struct chat_step *aborted_by, struct fault *fault)
{
	char place[QUOTE_SIZE], expected[QUOTE_SIZE], came[QUOTE_SIZE];

	where(run, step, place);
	quote(run, step, expected);
	if (aborted_by) {
		quote(run, aborted_by, came);
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "%s: \"%s\" came, not \"%s\"", place, came, expected);
	} else if (run->talk->heard_length == 0) {
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "%s: nothing came within %u s, not \"%s\"", place, run->timeout_s, expected);
	} else {
		fault_escape(came, sizeof(came), run->talk->heard, run->talk->heard_length);
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "%s: \"%s\" did not come within %u s, but \"%s\"", place, expected, run->timeout_s,
			  came);
	}
	board_set_evidence(run->talk, fault);
	return -EPROTO;
}

static int await_word(const struct script_run *run, const struct chat_step *step, struct fault *fault)
{
	struct board_talk *talk = run->talk;
	struct chat_matcher matcher = {
	    .script = run->script,
	    .aborts = (size_t)(step - run->script->steps),
	    .expected = run->script->text + step->offset,
	    .expected_length = step->length,
	};
	int64_t deadline_ms = clock_deadline_ms((int64_t)run->timeout_s * 1000);

	board_forget(talk);
	for (;;) {
		size_t taken;
		int r = board_hear(talk, deadline_ms);
		if (r == -ETIMEDOUT)
			return fail_wait(run, step, NULL, fault);
		if (r < 0)
			return r;
		enum chat_event event = chat_matcher_feed(&matcher, talk->bytes + talk->begin, talk->end - talk->begin, &taken);
		board_take(talk, taken);
		if (event == CHAT_EXPECTED)
			return 0;
		if (event == CHAT_ABORTED)
			return fail_wait(run, step, matcher.aborted_by, fault);
	}
}

static int run_step(struct script_run *run, const struct chat_step *step, struct fault *fault)
{
	char place[QUOTE_SIZE];
	int r = 0;

	switch (step->verb) {
	case CHAT_EXPECT:
		return await_word(run, step, fault);
	case CHAT_SEND:
		r = board_say(run->talk, run->script->text + step->offset, step->length);
		if (r == -ETIMEDOUT)
			r = fault_set(fault, FAULT_BOARD_NO_BRIDGE, "%s: flow control holds the line", where(run, step, place));
		return r;
	case CHAT_TIMEOUT:
		run->timeout_s = step->number;
		return 0;
	case CHAT_RATE:
		r = board_set_rate(run->talk, step->number, fault);
		if (r == -EPROTO)
			fault_prefix(fault, "%s", where(run, step, place));
		return r;
	case CHAT_ABORT:
		return 0;
	}
	return 0;
}

static int run_script(struct board_talk *talk, const struct chat_script *script, const char *name, struct fault *fault)
{
	struct script_run run = {.talk = talk, .script = script, .name = name, .timeout_s = CHAT_TIMEOUT_DEFAULT_S};
	int r = 0;

	talk->total = talk->junk = 0;
	for (size_t i = 0; r == 0 && i < script->step_count; i++)
		r = run_step(&run, &script->steps[i], fault);
	return r;
}

/* The rate that a bridge has: the profile's, or for a script the one it left. */
static int follow_script(struct board_talk *talk, const char *name, struct fault *fault)
{
	struct modem *modem = talk->modem;
	bool left_by_script = modem->profile->board == BOARD_CHAT && modem->profile->bridge_rate_bps == 0;
	enum board_answer answer = ANSWER_NONE;
	struct at_noise noise;
	int r = left_by_script ? 0 : board_set_rate(talk, profile_bridge_rate(modem->profile), fault);

	talk->begin = talk->end = 0;
	if (r == 0)
		r = board_await_modem(talk, &answer, &noise);
	if (r < 0)
		return r;
	if (answer != ANSWER_NONE)
		transcript_note(modem->transcript, "the board passes the line on");
	else
		fault_set(&modem->board_silence, FAULT_BOARD_NO_BRIDGE,
			  "%s went through, but no modem answers behind the board at %u bit/s", name, link_rate(modem->link));
	return 0;
}

/* A console that knows AT is told from a modem by AT+SMOD?. */
static int find_bridge(struct board_talk *talk, enum board_answer *ret, bool *ret_open, struct fault *fault)
{
	enum boot_mode mode = BOOT_MODE_UNKNOWN;
	struct at_noise noise;
	int r = board_set_rate(talk, profile_bridge_rate(talk->modem->profile), fault);

	if (r == 0)
		r = board_probe(talk, 2, ret, &noise);
	if (r == 0 && *ret == ANSWER_OK)
		r = modem_ask_boot_mode(talk->modem, &mode);
	*ret_open = mode != BOOT_MODE_UNKNOWN;
	return r == -ETIMEDOUT ? 0 : r;
}

static int open_by_script(struct board_talk *talk, const struct chat_script *script, const char *name, struct fault *fault)
{
	struct modem *modem = talk->modem;
	enum board_answer answer = ANSWER_NONE;
	bool open = false;
	int r = find_bridge(talk, &answer, &open, fault);

	if (r == 0 && open) {
		transcript_note(modem->transcript, "the board passes the line on already");
		return 0;
	}
	if (r == 0)
		r = board_set_rate(talk, profile_board_rate(modem->profile), fault);
	if (r == 0)
		r = link_quiet(modem->link, modem->timings->flush_ms); /* what AT was answered with is no answer to the script */
	if (r == 0)
		r = run_script(talk, script, name, fault);
	if (r == 0)
		return follow_script(talk, name, fault);
	if (r != -EPROTO || fault->code != FAULT_BOARD_NO_BRIDGE)
		return r;
	/* A modem that answers ERROR to everything refuses the script as well; one that is at work, in a session or at another rate says nothing. */
	if (answer != ANSWER_ERROR && (answer == ANSWER_OK || board_noise_is_text(talk->total, talk->junk)))
		return r;
	modem->board_silence = *fault;
	if (modem->profile->board == BOARD_AVR_IOT && talk->total == 0)
		fault_set(&modem->board_silence, FAULT_MODEM_SILENT,
			  "neither the board's bridge command at %u bit/s nor the modem behind it at %u bit/s answers",
			  profile_board_rate(modem->profile), profile_bridge_rate(modem->profile));
	return board_set_rate(talk, profile_bridge_rate(modem->profile), fault);
}

static int open_avr_iot(struct board_talk *talk, struct fault *fault)
{
	struct chat_script script = {.line_count = 0};
	char why[128];
	int r = chat_script_add(&script, avr_iot_script, why, sizeof(why));

	return r < 0 ? r : open_by_script(talk, &script, "the board's bridge command", fault);
}

static int open_bridge(struct board_talk *talk, enum boot_mode last_boot_mode, struct fault *fault)
{
	const struct profile *profile = talk->modem->profile;

	switch (profile->board) {
	case BOARD_DIRECT:
		return 0;
	case BOARD_PYCOM:
		return board_open_mirror(talk, last_boot_mode, fault);
	case BOARD_AVR_IOT:
		return open_avr_iot(talk, fault);
	case BOARD_CHAT:
		return open_by_script(talk, &profile->chat, "the chat script", fault);
	}
	return 0;
}

int board_open_bridge(struct modem *modem, enum boot_mode last_boot_mode, struct fault *ret_fault)
{
	struct board_talk talk = {.modem = modem};
	int r;

	modem->board_silence.code = FAULT_NONE;
	r = open_bridge(&talk, last_boot_mode, ret_fault);
	modem->board_spoke = talk.total > 0;
	at_session_reset(modem->at);
	return r < 0 ? modem_line_fault(r, ret_fault) : 0;
}

const char *board_farewell(const struct profile *profile)
{
	for (size_t i = 0; i < sizeof(farewells) / sizeof(farewells[0]); i++) {
		if (farewells[i].kind == profile->board)
			return farewells[i].text;
	}
	return NULL;
}
