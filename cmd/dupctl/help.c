/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/help.h"

#include <string.h>

#define TITLE_COLUMNS 26u

static const char exit_statuses[] = "Exit status: 0 done, 1 other, 2 usage, 3 not found, 4 busy, leased or refused,\n"
				    "5 a job or download failed, 6 some of several failed, 7 --timeout passed, work goes on,\n"
				    "8 daemon not reachable; 130 after Ctrl-C.\n";

/* Ours, but in the tables with characters that not every terminal has. */
static void own_add(struct text *ret, const char *bytes)
{
	for (const char *ellipsis; (ellipsis = strstr(bytes, "…")) != NULL && !ret->utf8; bytes = ellipsis + strlen("…")) {
		text_addn(ret, bytes, (size_t)(ellipsis - bytes));
		text_add(ret, "...");
	}
	text_add(ret, bytes);
}

static void verb_name_add(struct text *ret, const struct verb *verb)
{
	text_add(ret, verb->name);
	if (verb->second_name)
		text_addf(ret, " %s", verb->second_name);
}

static void option_add(struct text *ret, const struct option_spec *spec)
{
	size_t start = ret->length;

	if (spec->letter)
		text_addf(ret, "  -%c, --%s", spec->letter, spec->name);
	else
		text_addf(ret, "      --%s", spec->name);
	if (spec->argument)
		text_addf(ret, " %s", spec->argument);
	text_pad(ret, start, TITLE_COLUMNS);
	text_addf(ret, " %s\n", spec->help);
}

/* Those of the verbs in the mask, global or not. */
static void options_add(struct text *ret, uint64_t verbs, bool global)
{
	const struct option_spec *spec;

	for (size_t i = 0; (spec = option_spec_at(i)) != NULL; i++)
		if ((spec->verbs & verbs) && (spec->verbs == OPTION_ALL_VERBS) == global)
			option_add(ret, spec);
}

void help_add(struct text *ret)
{
	own_add(ret, "Usage: dupctl [OPTION…] VERB [ARGUMENT…]\n"
		     "Drives dupgated, which upgrades the firmware of Sequans LTE modems.\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = verb_find((enum verb_id)i);
		size_t start = ret->length;

		text_add(ret, "  ");
		verb_name_add(ret, verb);
		text_pad(ret, start, TITLE_COLUMNS);
		text_addf(ret, " %s\n", verb->summary);
	}
	text_add(ret, "\nOptions:\n");
	options_add(ret, OPTION_ALL_VERBS, true);
	text_add(ret, "\nEach verb has options of its own: dupctl VERB --help.\n\n"
		      "The daemon is found at --url, else at DUPGATE_URL, else at http://127.0.0.1:8480. A token,\n"
		      "when the daemon wants one, comes from DUPGATE_TOKEN or from the file dupgate/token in\n"
		      "$XDG_CONFIG_HOME (~/.config).\n\n");
	text_add(ret, exit_statuses);
}

void help_add_verb(struct text *ret, enum verb_id id)
{
	const struct verb *verb = verb_find(id);
	size_t own;

	text_add(ret, "Usage: dupctl ");
	verb_name_add(ret, verb);
	text_add(ret, *verb->operands ? " " : "");
	own_add(ret, verb->operands);
	own_add(ret, " [OPTION…]\n\n");
	text_add(ret, verb->text);
	text_add(ret, "\n");
	own = ret->length;
	options_add(ret, OPTION_OF_VERB(id), false);
	if (ret->length > own)
		text_add(ret, "\n");
	options_add(ret, OPTION_OF_VERB(id), true);
	text_add(ret, "\n");
	text_add(ret, exit_statuses);
}
