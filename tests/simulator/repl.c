/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MicroPython prompt of a Pycom board: as much of the language as a host types to reach the modem (protocol.md 9). The
 * words of the banner and of the tracebacks are the interpreter's own; release numbers are plausible ones.
 */
#include "tests/simulator/board.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulator/modem.h"

#define PROMPT    ">>> "
#define MORE      "... "
#define TRACEBACK "Traceback (most recent call last):\r\n"
#define IN_STDIN  TRACEBACK "  File \"<stdin>\", line 1, in <module>\r\n"

enum { CTRL_B = 2, CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, DELETE = 127, TEXT_MAX = 512, NAME_MAX_LENGTH = 31 };

/* What an import makes known, one bit a name. */
static const char *const modules[] = {"os", "uos", "network", "sqnsupgrade", "machine", "sys", "time", "pycom", "LTE"};
enum { MODULES = sizeof(modules) / sizeof(modules[0]), MODULE_LTE = MODULES - 1, NO_MODULE = -1 };

static int module_named(const char *name, size_t length)
{
	for (int i = 0; i < MODULES; i++)
		if (strlen(modules[i]) == length && strncmp(modules[i], name, length) == 0)
			return i;
	return NO_MODULE;
}

__attribute__((format(printf, 2, 3))) static bool raise(struct board *board, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	board_print(board, IN_STDIN);
	board_print(board, text);
	board_print(board, "\r\n");
	return false;
}

static void print_banner(struct board *board)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "Pycom MicroPython %s [v1.11-c5a0a97] on 2021-10-28; GPy with ESP32\r\n", board->kind->firmware);
	board_print(board, text);
	board_print(board, "Type \"help()\" for more information.\r\n");
}

static void print_prompt(struct board *board)
{
	board_print(board, board->block ? MORE : PROMPT);
}

/* --- what can be called ---------------------------------------------------------------------------------------- */

static bool run_uname(struct modem *modem, const char *arguments)
{
	struct board *board = modem->board;
	const char *release = board->kind->firmware;
	char text[TEXT_MAX];

	if (strcmp(arguments, "") == 0)
		snprintf(text, sizeof(text),
			 "(sysname='GPy', nodename='GPy', release='%s', version='v1.11-c5a0a97 on 2021-10-28', machine='GPy with ESP32', "
			 "sigfox='1.0.1', pybytes='1.6.1')\r\n",
			 release);
	else if (strcmp(arguments, ".release") == 0)
		snprintf(text, sizeof(text), "'%s'\r\n", release);
	else if (strcmp(arguments, ".sysname") == 0 || strcmp(arguments, ".nodename") == 0)
		snprintf(text, sizeof(text), "'GPy'\r\n");
	else
		return raise(board, "AttributeError: 'attrtuple' object has no such attribute");
	board_print(board, text);
	return true;
}

static bool run_lte(struct modem *modem, const char *arguments)
{
	(void)arguments;
	/* The class waits for an answer that a modem without its application never gives, and nothing interrupts it. */
	if (modem->mode != BOOT_APPLICATION)
		board_set_state(modem, BOARD_HUNG);
	return true;
}

static bool run_upgrade_mode(struct modem *modem, const char *arguments)
{
	(void)arguments;
	if (!modem->board->kind->upgrade_mode)
		return raise(modem->board, "AttributeError: type object 'LTE' has no attribute 'modem_upgrade_mode'");
	board_set_state(modem, BOARD_BRIDGE);
	return true;
}

static bool run_reset(struct modem *modem, const char *arguments)
{
	(void)arguments;
	board_reset(modem);
	return true;
}

/* A modem at the slow rate is brought to the mirror's; with a helper on the board, FFH is left by it too. */
static void raise_modem(struct modem *modem, bool helper)
{
	modem->rate = modem->board->kind->bridge_modem_rate;
	modem->rate_set = true;
	if (helper && modem->mode == BOOT_FFH) {
		modem->counters.helpers_loaded++;
		helper_start(modem);
	}
	state_save(modem);
}

static bool run_uart(struct modem *modem, const char *arguments)
{
	struct board *board = modem->board;
	bool slow = strncmp(arguments, "True", 4) == 0;
	bool helper = slow && strchr(arguments, ',') != NULL;

	if (!slow && arguments[0] != ')' && strncmp(arguments, "False", 5) != 0)
		return raise(board, "TypeError: can't convert argument");
	board_print(board, "Preparing modem for upgrade...\r\n");
	if (!board->kind->upgrade_mode)
		return run_upgrade_mode(modem, "");
	if (slow)
		raise_modem(modem, helper);
	board_print(board, "Going into MIRROR mode... please close this terminal to resume the upgrade via UART\r\n");
	return run_upgrade_mode(modem, "");
}

static const struct {
	const char *text; /* what it begins with; the rest are arguments */
	bool whole;       /* nothing may follow */
	bool (*run)(struct modem *modem, const char *arguments);
} calls[] = {
    {"os.uname()", false, run_uname},
    {"uos.uname()", false, run_uname},
    {"LTE.modem_upgrade_mode()", true, run_upgrade_mode},
    {"network.LTE.modem_upgrade_mode()", true, run_upgrade_mode},
    {"LTE()", true, run_lte},
    {"network.LTE()", true, run_lte},
    {"sqnsupgrade.uart(", false, run_uart},
    {"machine.reset()", true, run_reset},
};

/* --- statements ------------------------------------------------------------------------------------------------ */

static size_t name_length(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return isdigit((unsigned char)text[0]) ? 0 : length;
}

static bool run_import(struct board *board, const char *module, const char *name)
{
	int found = module_named(module, name_length(module));

	if (found == NO_MODULE || found == MODULE_LTE)
		return raise(board, "ImportError: no module named '%.*s'", NAME_MAX_LENGTH, module);
	if (!name) {
		board->modules |= 1U << found;
		return true;
	}
	if (strcmp(modules[found], "network") != 0 || strcmp(name, "LTE") != 0)
		return raise(board, "ImportError: cannot import name %.*s", NAME_MAX_LENGTH, name);
	board->modules |= 1U << MODULE_LTE;
	return true;
}

static bool run_expression(struct modem *modem, const char *text)
{
	struct board *board = modem->board;
	size_t length = name_length(text);
	int module = module_named(text, length);

	if (length == 0 || strpbrk(text, "?^$`"))
		return raise(board, "SyntaxError: invalid syntax");
	if (module == NO_MODULE || !(board->modules & 1U << module))
		return raise(board, "NameError: name '%.*s' is not defined", (int)length, text);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		size_t span = strlen(calls[i].text);

		if (strncmp(text, calls[i].text, span) == 0 && (!calls[i].whole || text[span] == '\0'))
			return calls[i].run(modem, text + span);
	}
	return raise(board, "AttributeError: 'module' object has no such attribute");
}

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

/* "lte = LTE()": the name is not kept, its value is made. */
static const char *skip_assignment(const char *text)
{
	const char *after = skip_spaces(text + name_length(text));

	return after > text && after[0] == '=' && after[1] != '=' ? skip_spaces(after + 1) : text;
}

static bool run_statement(struct modem *modem, const char *text)
{
	const char *module;

	if (strncmp(text, "import ", 7) == 0)
		return run_import(modem->board, skip_spaces(text + 7), NULL);
	if (strncmp(text, "from ", 5) == 0) {
		module = skip_spaces(text + 5);
		text = skip_spaces(module + name_length(module));
		if (strncmp(text, "import ", 7) != 0)
			return raise(modem->board, "SyntaxError: invalid syntax");
		return run_import(modem->board, module, skip_spaces(text + 7));
	}
	return run_expression(modem, skip_assignment(text));
}

/* The statements of a line, until one fails or there is no prompt any more. */
static void run_line(struct modem *modem, char *line)
{
	struct board *board = modem->board;
	char *rest = line;
	char *statement;

	while (board->state == BOARD_PROMPT && (statement = strsep(&rest, ";"))) {
		size_t length;

		statement += strspn(statement, " \t");
		length = strlen(statement);
		while (length > 0 && isspace((unsigned char)statement[length - 1]))
			statement[--length] = '\0';
		if (length > 0 && !run_statement(modem, statement))
			return;
	}
}

/* A block is read to its empty line; what it would do is no matter here. */
static bool in_block(struct board *board, const char *line)
{
	size_t length = strlen(line);

	board->block = board->block ? length > 0 : length > 0 && line[length - 1] == ':';
	return board->block;
}

static void end_line(struct modem *modem)
{
	struct board *board = modem->board;
	char line[BOARD_LINE_MAX];
	bool block = board->block;
	unsigned boots = board->boots;

	memcpy(line, board->line, board->length);
	line[board->length] = '\0';
	board->length = 0;
	board_print(board, "\r\n");
	if (!in_block(board, line) && !block)
		run_line(modem, line);
	if (board->state == BOARD_PROMPT && board->boots == boots)
		print_prompt(board);
}

/* --- keys ------------------------------------------------------------------------------------------------------ */

static void interrupt(struct modem *modem)
{
	struct board *board = modem->board;

	board_print(board, "\r\n");
	if (board->state == BOARD_BUSY) {
		board_print(board, TRACEBACK "  File \"main.py\", line 12, in <module>\r\nKeyboardInterrupt: \r\n");
		print_banner(board);
		board_set_state(modem, BOARD_PROMPT);
	}
	board->length = 0;
	board->block = false;
	print_prompt(board);
}

static void restart_interpreter(struct modem *modem)
{
	board_print(modem->board, "\r\nPYB: soft reboot\r\n");
	repl_boot(modem);
}

static void take_text(struct board *board, uint8_t byte)
{
	bool erase = byte == BACKSPACE || byte == DELETE;

	if (erase && board->length > 0) {
		board->length--;
		board_print(board, "\b \b");
	} else if (byte >= ' ' && byte < DELETE && board->length + 1 < sizeof(board->line)) {
		board->line[board->length++] = (char)byte;
		board_put(board, &byte, 1);
	}
}

static void take_at_prompt(struct modem *modem, uint8_t byte)
{
	struct board *board = modem->board;

	if (byte == '\r' || byte == '\n') {
		end_line(modem);
	} else if (byte == CTRL_B) {
		board_print(board, "\r\n");
		print_banner(board);
		print_prompt(board);
	} else if (byte == CTRL_D && board->length == 0) {
		restart_interpreter(modem);
	} else {
		take_text(board, byte);
	}
}

void repl_take(struct modem *modem, uint8_t byte)
{
	struct board *board = modem->board;
	bool second = byte == '\n' && board->after_return;

	board->after_return = byte == '\r';
	if (board->state == BOARD_HUNG || second)
		return;
	if (byte == CTRL_C)
		interrupt(modem);
	else if (board->state == BOARD_PROMPT)
		take_at_prompt(modem, byte);
}

void repl_boot(struct modem *modem)
{
	struct board *board = modem->board;

	board->modules = 0;
	board->block = false;
	if (modem->setting.board_busy) {
		board_set_state(modem, BOARD_BUSY);
		return;
	}
	print_banner(board);
	print_prompt(board);
}

void repl_chatter(struct board *board)
{
	char text[64];

	snprintf(text, sizeof(text), "main.py: sample %u\r\n", board->chatter++);
	board_print(board, text);
}
