/* SPDX-License-Identifier: Apache-2.0 */
/* Boards with a plain command line: one that takes a command for its bridge, and one that a script file describes. */
#include "tests/simulator/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/modem.h"

#define AVR_PROMPT "\r\n> "

enum { SCRIPT_RATE = 115200, BACKSPACE = 8, DELETE = 127 };

/* True: a line is whole, in board->line. */
static bool edit_line(struct board *board, uint8_t byte, bool echo)
{
	bool second = byte == '\n' && board->after_return;

	board->after_return = byte == '\r';
	if (second)
		return false;
	if (byte == '\r' || byte == '\n') {
		board->line[board->length] = '\0';
		board->length = 0;
		return true;
	}
	if (byte == BACKSPACE || byte == DELETE)
		board->length -= board->length > 0;
	else if (byte >= ' ' && board->length + 1 < sizeof(board->line))
		board->line[board->length++] = (char)byte;
	if (echo && byte >= ' ')
		board_put(board, &byte, 1);
	return false;
}

/* --- avr-iot --------------------------------------------------------------------------------------------------- */

void avr_boot(struct modem *modem)
{
	board_print(modem->board, AVR_PROMPT);
}

void avr_take(struct modem *modem, uint8_t byte)
{
	struct board *board = modem->board;

	if (!edit_line(board, byte, true))
		return;
	if (strcmp(board->line, "MC+BRIDGEMODE=PERMANENT") == 0) {
		board_print(board, "\r\nOK\r\n");
		board_set_state(modem, BOARD_BRIDGE);
		return;
	}
	if (board->line[0] != '\0')
		board_print(board, "\r\nERROR: unknown command");
	board_print(board, AVR_PROMPT);
}

/* --- script ---------------------------------------------------------------------------------------------------- */

/* Says what is to be said until a line of the host is awaited; at the end of the script the bridge opens. */
static void say_steps(struct modem *modem)
{
	struct board *board = modem->board;
	const struct board_script *script = &board->script;

	while (board->step < script->count) {
		const struct board_step *step = &script->steps[board->step];

		if (step->kind == STEP_EXPECT || step->kind == STEP_SECRET)
			return;
		if (step->kind == STEP_SEND)
			board_print(board, step->text);
		board->step++;
	}
	board_set_state(modem, BOARD_BRIDGE);
}

void script_boot(struct modem *modem)
{
	modem->board->step = 0;
	say_steps(modem);
}

/* A wrong line is answered with the `wrong` line after its `expect`, and the dialogue begins again. */
static void refuse_line(struct modem *modem)
{
	struct board *board = modem->board;
	const struct board_step *next = &board->script.steps[board->step + 1];

	if (board->step + 1 < board->script.count && next->kind == STEP_WRONG)
		board_print(board, next->text);
	script_boot(modem);
}

void script_take(struct modem *modem, uint8_t byte)
{
	struct board *board = modem->board;
	const struct board_step *step = &board->script.steps[board->step];

	if (!edit_line(board, byte, step->kind == STEP_EXPECT))
		return;
	if (strcmp(board->line, step->text) != 0) {
		refuse_line(modem);
		return;
	}
	board->step++;
	say_steps(modem);
}

static bool wrong(const char *path, unsigned line, const char *what)
{
	fprintf(stderr, "dupgate-sim: %s: line %u: %s\n", path, line, what);
	return false;
}

/* In place: \r, \n, \t and \\. */
static bool unescape(char *text)
{
	static const char codes[] = "rnt\\", values[] = "\r\n\t\\";
	char *out = text;

	for (; *text; text++) {
		const char *code = codes;

		if (*text == '\\') {
			text++;
			code = *text ? strchr(codes, *text) : NULL;
			if (!code)
				return false;
			*out++ = values[code - codes];
			continue;
		}
		*out++ = *text;
	}
	*out = '\0';
	return true;
}

static bool read_rate(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long rate;

	errno = 0;
	rate = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] < '0' || text[0] > '9' || rate < 300 || rate > 4000000)
		return false;
	*ret = (uint32_t)rate;
	return true;
}

static bool add_step(struct board_script *script, const char *word, char *text, const char **ret_problem)
{
	static const char *const words[] = {
	    [STEP_SEND] = "send", [STEP_EXPECT] = "expect", [STEP_SECRET] = "secret", [STEP_WRONG] = "wrong"};
	struct board_step *step = &script->steps[script->count];
	unsigned kind = 0;

	while (kind < 4 && strcmp(words[kind], word) != 0)
		kind++;
	*ret_problem = NULL;
	if (kind == 4)
		*ret_problem = "send, expect, secret, wrong, rate or bridge-rate is needed";
	else if (script->count == BOARD_STEPS_MAX)
		*ret_problem = "too many lines";
	else if (!unescape(text))
		*ret_problem = "only \\r, \\n, \\t and \\\\ are known";
	else if (kind == STEP_WRONG && (script->count == 0 || (step[-1].kind != STEP_EXPECT && step[-1].kind != STEP_SECRET)))
		*ret_problem = "wrong comes right after an expect or a secret";
	if (*ret_problem)
		return false;
	step->kind = kind;
	snprintf(step->text, sizeof(step->text), "%s", text);
	script->count++;
	return true;
}

static bool take_script_line(struct board_script *script, const char *path, unsigned number, char *line)
{
	const char *problem = "a rate from 300 to 4000000 is needed";
	char *text;
	bool good;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (line[0] == '\0' || line[0] == '#')
		return true;
	text = line + strcspn(line, " ");
	if (*text != '\0')
		*text++ = '\0';
	if (strcmp(line, "rate") == 0)
		good = read_rate(text, &script->rate);
	else if (strcmp(line, "bridge-rate") == 0)
		good = read_rate(text, &script->bridge_rate);
	else
		good = add_step(script, line, text, &problem);
	return good || wrong(path, number, problem);
}

bool script_load(struct board_script *ret, const char *path)
{
	char line[BOARD_LINE_MAX];
	FILE *file = fopen(path, "re");
	unsigned number = 0;
	bool good = true;

	*ret = (struct board_script){.rate = SCRIPT_RATE};
	if (!file) {
		fprintf(stderr, "dupgate-sim: %s: %s\n", path, strerror(errno));
		return false;
	}
	while (good && fgets(line, sizeof(line), file)) {
		number++;
		good = strchr(line, '\n') || feof(file) ? take_script_line(ret, path, number, line) : wrong(path, number, "too long");
	}
	fclose(file);
	if (good && ret->count == 0)
		return wrong(path, number, "there is nothing to expect");
	return good;
}
