/* SPDX-License-Identifier: Apache-2.0
 *
 * The MicroPython prompt in front of a modem, and the mirror that it opens. protocol.md 9, field-failures.md F14 to F18. The board's LTE class
 * is never made: on a modem in mode 0 or 4 that hangs for ever.
 */
#include "transport/modem/board_talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/modem/board_prompt.h"

#define RELEASE_LEAST  "1.18.1"
#define RELEASE_LINE   "import os; os.uname()"
#define UPGRADE_MODE   "modem_upgrade_mode"
#define MIRROR_WORDS   "Going into MIRROR mode"
#define POWER_OFF      "take the board's USB power away and give it back"
#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

/* Ctrl-C ends what runs, twice for a program that catches the first; a prompt that was there before shows itself after Enter; Ctrl-B leaves
 * the raw prompt of a tool. A board that has just been plugged in needs the repetition. */
static const char *const wakes[] = {"\x03\x03", "\r", "\x03\x03\x02", "\x03\x03", "\r"};

struct mirror_way {
	const char *prepare; /* a line that comes back to the prompt */
	const char *open;    /* a line that does not, because the prompt is gone then */
	const char *words;   /* what tells that; NULL: silence does */
};

static const struct mirror_way way_plain = {"from network import LTE", "LTE." UPGRADE_MODE "()", NULL};
/* The board raises a modem that sits at 115200 before it mirrors. */
static const struct mirror_way way_raised = {"import sqnsupgrade", "sqnsupgrade.uart(True)", MIRROR_WORDS};

struct pycom_reply {
	const char *line; /* what was said: only behind its echo a prompt is the end of the reply */
	const char *words;
	bool echoed, prompt, traceback, opened;
	char last[BOARD_LINE_MAX + 1];
	char release[BOARD_RELEASE_SIZE];
};

static void take_line(struct pycom_reply *reply, const char *line)
{
	if (reply->line && !reply->echoed) {
		reply->echoed = strstr(line, reply->line) != NULL;
		return;
	}
	reply->traceback = reply->traceback || strncmp(line, "Traceback", strlen("Traceback")) == 0;
	reply->opened = reply->opened || (reply->words && strstr(line, reply->words));
	board_release_of_line(line, reply->release);
	snprintf(reply->last, sizeof(reply->last), "%s", line);
}

static void take_heard(struct board_talk *talk, struct board_prompt *prompt, struct pycom_reply *reply)
{
	while (talk->begin < talk->end && !reply->prompt && !reply->opened) {
		size_t taken;
		enum board_event event = board_prompt_feed(prompt, talk->bytes + talk->begin, talk->end - talk->begin, &taken);
		board_take(talk, taken);
		if (event == BOARD_LINE)
			take_line(reply, prompt->line);
		if (event == BOARD_PROMPT)
			reply->prompt = !reply->line || reply->echoed;
	}
}

/* A board may open its mirror in the middle of the line that says so. */
static bool has_begun_words(const struct board_prompt *prompt, const char *words)
{
	return words && memmem(prompt->line, prompt->have, words, strlen(words)) != NULL;
}

/* Until the prompt, the words or the deadline; also until quiet_ms of silence, if not 0. */
static int hear_reply(struct board_talk *talk, struct pycom_reply *reply, int64_t quiet_ms, int64_t deadline_ms)
{
	struct board_prompt prompt = {.have = 0};

	while (!reply->prompt && !reply->opened) {
		int64_t quiet_at_ms = clock_deadline_ms(quiet_ms);
		int r = board_hear(talk, quiet_ms && quiet_at_ms < deadline_ms ? quiet_at_ms : deadline_ms);
		if (r == 0)
			take_heard(talk, &prompt, reply);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (r == 0)
			continue;
		reply->opened = has_begun_words(&prompt, reply->words);
		if (!reply->words || clock_now_ms() >= deadline_ms)
			return 0;
	}
	return 0;
}

static int find_prompt(struct board_talk *talk, size_t tries, bool *ret)
{
	int r = 0;

	*ret = false;
	talk->total = talk->junk = 0;
	board_forget(talk);
	for (size_t i = 0; r == 0 && !*ret && i < tries; i++) {
		struct pycom_reply reply = {.line = NULL};
		r = board_say(talk, wakes[i], strlen(wakes[i]));
		if (r == 0)
			r = hear_reply(talk, &reply, 0, clock_deadline_ms(talk->modem->timings->board_prompt_ms));
		*ret = reply.prompt;
	}
	return r;
}

static int say_line(struct board_talk *talk, const char *line)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%s\r", line);

	board_forget(talk);
	return board_say(talk, text, (size_t)length);
}

static int refuse_by_prompt(const struct board_talk *talk, const struct pycom_reply *reply, struct fault *fault)
{
	if (!reply->prompt) {
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "the board's prompt does not come back after \"%s\"", reply->line);
		board_set_evidence(talk, fault);
		return -EPROTO;
	}
	if (strncmp(reply->last, "AttributeError", strlen("AttributeError")) == 0 && strstr(reply->last, UPGRADE_MODE))
		fault_set(fault, FAULT_BOARD_TOO_OLD, "the board's firmware%s%s has no way to its modem: it needs %s",
			  talk->modem->board_release[0] ? " " : "", talk->modem->board_release, RELEASE_LEAST);
	else
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "the board does not open its mirror: \"%s\" %s", reply->line,
			  reply->traceback ? "fails" : "comes back to the prompt");
	fault_set_evidence(fault, reply->last, strlen(reply->last));
	return -EPROTO;
}

static int check_release(struct board_talk *talk, struct fault *fault)
{
	struct modem *modem = talk->modem;
	struct pycom_reply reply = {.line = RELEASE_LINE};
	int r = say_line(talk, RELEASE_LINE);

	if (r == 0)
		r = hear_reply(talk, &reply, 0, clock_deadline_ms(modem->timings->board_reply_ms));
	if (r < 0)
		return r;
	if (!reply.prompt)
		return refuse_by_prompt(talk, &reply, fault);
	/* A build of somebody's own may tell none: then the mirror itself shows whether it is there. */
	if (reply.release[0] == '\0') {
		transcript_note(modem->transcript, "the board does not tell its firmware");
		return 0;
	}
	memcpy(modem->board_release, reply.release, sizeof(reply.release));
	if (board_release_compare(reply.release, RELEASE_LEAST) >= 0)
		return 0;
	fault_set(fault, FAULT_BOARD_TOO_OLD, "the board's firmware is %s, and its modem can be reached from %s on", reply.release,
		  RELEASE_LEAST);
	fault_set_evidence(fault, reply.last, strlen(reply.last));
	return -EPROTO;
}

static int prepare_mirror(struct board_talk *talk, const struct mirror_way *way, struct fault *fault)
{
	struct pycom_reply reply = {.line = way->prepare};
	int r = say_line(talk, way->prepare);

	if (r == 0)
		r = hear_reply(talk, &reply, 0, clock_deadline_ms(talk->modem->timings->board_reply_ms));
	return r == 0 && (reply.traceback || !reply.prompt) ? refuse_by_prompt(talk, &reply, fault) : r;
}

static int enter_mirror(struct board_talk *talk, const struct mirror_way **way, struct fault *fault)
{
	const struct modem_timings *timings = talk->modem->timings;
	int r = prepare_mirror(talk, *way, fault);

	/* A firmware built without that library: the modem may be at the mirror's rate all the same. */
	if (r == -EPROTO && *way == &way_raised) {
		transcript_note(talk->modem->transcript, "the board cannot raise its modem (%s): plain mirror", fault->message);
		*way = &way_plain;
		r = prepare_mirror(talk, *way, fault);
	}
	if (r == 0)
		r = say_line(talk, (*way)->open);
	if (r < 0)
		return r;
	struct pycom_reply opened = {.line = (*way)->open, .words = (*way)->words};
	int64_t patience_ms = opened.words ? timings->board_mirror_ms : timings->board_reply_ms;
	r = hear_reply(talk, &opened, timings->board_quiet_ms, clock_deadline_ms(patience_ms));
	if (r == 0 && (opened.prompt || (opened.words && !opened.opened)))
		return refuse_by_prompt(talk, &opened, fault);
	return r;
}

/* Which of the three cases of F18 it is. What modem_detect() finds nevertheless, a data mode or a session somebody left open, is better. */
static void explain_silence(struct board_talk *talk, bool raised, const struct at_noise *noise)
{
	struct modem *modem = talk->modem;
	struct fault *fault = &modem->board_silence;
	uint32_t rate_bps = profile_bridge_rate(modem->profile);

	if (board_noise_is_text(noise->total, noise->nul + noise->high_bit)) {
		fault_set(
		    fault, FAULT_BOARD_NO_BRIDGE,
		    "the mirror is open at %u bit/s, but something else than the modem talks there: another program on the board or on "
		    "this port; " POWER_OFF,
		    rate_bps);
		return;
	}
	if (raised) {
		modem->info.boot_mode = BOOT_MODE_UNKNOWN;
		fault_set(
		    fault, FAULT_BOARD_NO_BRIDGE,
		    "the mirror is open at %u bit/s and the modem does not answer there, though the board raised its rate; " POWER_OFF,
		    rate_bps);
		return;
	}
	modem->info.boot_mode = BOOT_MODE_FFH;
	fault_set(fault, FAULT_BOARD_NO_BRIDGE,
		  "the mirror is open at %u bit/s and the modem %sit is at 115200 behind a mirror that cannot follow, as in FFH; " POWER_OFF
		  ", the next try raises the modem's rate first",
		  rate_bps, noise->total > 0 ? "talks at another rate: " : "does not answer: it hangs or has no power, or ");
}

/* The link is at the rate of the console. 0: the modem answers, or modem_detect() has to find it. */
static int follow_mirror(struct board_talk *talk, bool raised, struct fault *fault)
{
	struct modem *modem = talk->modem;
	enum board_answer answer = ANSWER_NONE;
	struct at_noise noise;
	bool prompt = false;
	int r = board_set_rate(talk, profile_bridge_rate(modem->profile), fault);

	if (r == 0)
		r = board_await_modem(talk, &answer, &noise);
	if (r < 0)
		return r;
	if (answer != ANSWER_NONE) {
		transcript_note(modem->transcript, "the board's mirror is open");
		return 0;
	}
	r = board_set_rate(talk, profile_board_rate(modem->profile), fault);
	if (r == 0)
		r = find_prompt(talk, 2, &prompt);
	if (r == 0 && prompt) {
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "the board is at its prompt again: its mirror did not open");
		board_set_evidence(talk, fault);
		return -EPROTO;
	}
	if (r == 0)
		r = board_set_rate(talk, profile_bridge_rate(modem->profile), fault);
	if (r == 0)
		explain_silence(talk, raised, &noise);
	return r;
}

/* Neither AT nor a prompt. A mirror may be open with a modem behind it that is at work, or in a session of a host that was killed. */
static int leave_to_detection(struct board_talk *talk, const struct at_noise *noise, struct fault *fault)
{
	const struct profile *profile = talk->modem->profile;

	if (board_noise_is_text(talk->total, talk->junk)) {
		fault_set(fault, FAULT_BOARD_NO_BRIDGE, "the board talks at %u bit/s and comes to no prompt", profile_board_rate(profile));
		board_set_evidence(talk, fault);
		return -EPROTO;
	}
	if (noise->high_bit > 0)
		explain_silence(talk, false, noise);
	else
		fault_set(&talk->modem->board_silence, FAULT_MODEM_SILENT,
			  "neither the board's prompt at %u bit/s nor the modem behind a mirror at %u bit/s answers",
			  profile_board_rate(profile), profile_bridge_rate(profile));
	return board_set_rate(talk, profile_bridge_rate(profile), fault);
}

/* At a prompt the board was reset since it last bridged. A modem that was left outside its application has come up at 115200 then
 * (protocol.md 2), which the plain mirror cannot follow. */
static const struct mirror_way *way_to(enum boot_mode last_boot_mode)
{
	bool slow = last_boot_mode == BOOT_MODE_FFH || last_boot_mode == BOOT_MODE_UPDATER || last_boot_mode == BOOT_MODE_RECOVERY;

	return slow ? &way_raised : &way_plain;
}

int board_open_mirror(struct board_talk *talk, enum boot_mode last_boot_mode, struct fault *ret_fault)
{
	struct modem *modem = talk->modem;
	const struct mirror_way *way = way_to(last_boot_mode);
	enum board_answer answer = ANSWER_NONE;
	struct at_noise noise;
	bool prompt = false;
	int r = board_set_rate(talk, profile_bridge_rate(modem->profile), ret_fault);

	if (r == 0)
		r = board_probe(talk, 2, &answer, &noise);
	if (r == 0 && answer != ANSWER_NONE) {
		transcript_note(modem->transcript, "the board's mirror is open already");
		return 0;
	}
	if (r == 0)
		r = board_set_rate(talk, profile_board_rate(modem->profile), ret_fault);
	if (r == 0)
		r = find_prompt(talk, COUNT_OF(wakes), &prompt);
	if (r == 0 && !prompt)
		return leave_to_detection(talk, &noise, ret_fault);
	if (r == 0)
		r = check_release(talk, ret_fault);
	if (r == 0)
		r = enter_mirror(talk, &way, ret_fault);
	return r < 0 ? r : follow_mirror(talk, way == &way_raised, ret_fault);
}
