/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/suggest.h"
#include "cmd/dupctl/verbs.h"

/* What getopt answers for the first long option: no letter. */
#define FIRST_LONG 256

static void *member_of(struct options *options, const struct option_spec *spec)
{
	return (char *)options + spec->offset;
}

static int value_refuse(const struct option_spec *spec, const char *value, struct text *error)
{
	text_addf(error, "--%s does not take '", spec->name);
	text_add_clean(error, value);
	text_add(error, "'");
	if (spec->kind == OPTION_INTEGER)
		text_addf(error, ": it wants a number from %" PRId64 " to %" PRId64, spec->least, spec->most);
	else if (spec->kind == OPTION_DURATION)
		text_add(error, ": it wants a time like 90, 90s, 15m or 2h");
	else
		text_addf(error, ": %s", spec->help);
	return -EINVAL;
}

static int number_store(const struct option_spec *spec, const char *value, struct optional_number *number, struct text *error)
{
	bool good = spec->kind == OPTION_DURATION ? parse_duration(value, &number->value)
						  : parse_integer(value, spec->least, spec->most, &number->value);

	number->set = good;
	return good ? 0 : value_refuse(spec, value, error);
}

static int list_store(const struct option_spec *spec, const char *value, struct option_list *list, struct text *error)
{
	if (*value == '\0')
		return value_refuse(spec, value, error);
	if (list->count == OPTION_LIST_MAX) {
		text_addf(error, "--%s is there more than %u times", spec->name, OPTION_LIST_MAX);
		return -EINVAL;
	}
	list->values[list->count++] = value;
	return 0;
}

static int value_store(const struct option_spec *spec, const char *value, struct options *options, struct text *error)
{
	const char *const *choice = spec->choices;

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)member_of(options, spec) = true;
		return 0;
	case OPTION_DURATION:
	case OPTION_INTEGER:
		return number_store(spec, value, member_of(options, spec), error);
	case OPTION_CHOICE:
		while (*choice && strcmp(*choice, value) != 0)
			choice++;
		if (!*choice)
			return value_refuse(spec, value, error);
		break;
	case OPTION_LIST:
		return list_store(spec, value, member_of(options, spec), error);
	case OPTION_TEXT:
		if (*value == '\0')
			return value_refuse(spec, value, error);
		break;
	}
	*(const char **)member_of(options, spec) = value;
	return 0;
}

/* `typed` is the word of the command line, with its dashes. */
static int option_unknown(const char *typed, uint64_t verbs, struct text *error)
{
	struct suggestion suggestion = {0};
	const struct option_spec *spec;
	char word[33] = "";
	bool elsewhere = false;

	text_add(error, "unknown option '");
	text_add_clean(error, typed);
	text_add(error, "'");
	if (strncmp(typed, "--", 2) != 0 || strcspn(typed + 2, "=") >= sizeof(word))
		return -EINVAL;
	memcpy(word, typed + 2, strcspn(typed + 2, "="));
	suggestion.word = word;
	for (size_t i = 0; (spec = option_spec_at(i)) != NULL; i++) {
		if ((spec->verbs & verbs) == verbs)
			suggestion_offer(&suggestion, spec->name);
		elsewhere |= strcmp(spec->name, word) == 0;
	}
	if (elsewhere)
		text_add(error, verbs == OPTION_ALL_VERBS ? "; options of a verb come after it" : " for this verb");
	else if (suggestion.best)
		text_addf(error, "; did you mean --%s?", suggestion.best);
	return -EINVAL;
}

static int value_complain(const struct option_spec *spec, bool missing, struct text *error)
{
	if (missing)
		text_addf(error, "--%s needs a value: %s", spec->name, spec->help);
	else
		text_addf(error, "--%s takes no value", spec->name);
	return -EINVAL;
}

/* Reads the options that `verbs` take; the operands are what is left from optind on. */
static int options_read(int argc, char **argv, const char *letters, uint64_t verbs, struct options *options, struct text *error)
{
	struct option longs[OPTIONS_MAX] = {{0}};
	const struct option_spec *spec;
	size_t count = 0;
	int found, r = 0;

	for (size_t i = 0; (spec = option_spec_at(i)) != NULL; i++)
		if ((spec->verbs & verbs) == verbs)
			longs[count++] =
			    (struct option){spec->name, spec->argument ? required_argument : no_argument, NULL, (int)i + FIRST_LONG};
	opterr = 0;
	optind = 0;
	while (r == 0 && (found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *typed = argv[optind - 1];

		if (found == 'h')
			options->help = true;
		else if (found == 'V')
			options->version = true;
		else if (found >= FIRST_LONG)
			r = value_store(option_spec_at((size_t)(found - FIRST_LONG)), optarg ? optarg : "", options, error);
		else if (optopt >= FIRST_LONG)
			r = value_complain(option_spec_at((size_t)(optopt - FIRST_LONG)), found == ':', error);
		else if (optopt != 0)
			text_addf(error, "unknown option '-%c'", optopt), r = -EINVAL;
		else
			r = option_unknown(typed, verbs, error);
	}
	return r;
}

/* "; after downloads comes one of list, show, cancel". */
static void second_names_add(const char *name, struct text *error)
{
	const char *before = " ";

	text_addf(error, "; after %s comes one of", name);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = verb_find((enum verb_id)i);

		if (!verb->second_name || strcmp(verb->name, name) != 0)
			continue;
		text_addf(error, "%s%s", before, verb->second_name);
		before = ", ";
	}
}

static int verb_unknown(size_t count, char *const *words, struct text *error)
{
	struct suggestion suggestion = {.word = words[0]};
	bool second = false;

	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = verb_find((enum verb_id)i);

		if (verb->second_name && count > 1 && strcmp(verb->name, words[0]) == 0) {
			second = true;
			suggestion.word = words[1];
			suggestion_offer(&suggestion, verb->second_name);
		}
	}
	for (size_t i = 0; i < VERB_COUNT && !second; i++)
		suggestion_offer(&suggestion, verb_find((enum verb_id)i)->name);
	text_add(error, "unknown verb '");
	text_add_clean(error, words[0]);
	text_add(error, second ? " " : "");
	text_add_clean(error, second ? words[1] : "");
	text_add(error, "'");
	if (suggestion.best)
		text_addf(error, "; did you mean %s%s%s?", second ? words[0] : "", second ? " " : "", suggestion.best);
	else if (second)
		second_names_add(words[0], error);
	return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *ret, struct text *ret_error)
{
	size_t words;
	int r, first;

	*ret = (struct options){0};
	r = options_read(argc, argv, "+:hV", OPTION_ALL_VERBS, ret, ret_error);
	if (r < 0 || ret->help || ret->version)
		return r;
	first = optind;
	if (first >= argc) {
		text_add(ret_error, "what is to be done? A verb is missing");
		return -EINVAL;
	}
	words = verb_parse((size_t)(argc - first), argv + first, &ret->verb);
	if (words == 0)
		return verb_unknown((size_t)(argc - first), argv + first, ret_error);
	ret->has_verb = true;
	first += (int)words - 1; /* getopt takes the last word of the verb for the program's name */
	r = options_read(argc - first, argv + first, ":hV", OPTION_OF_VERB(ret->verb), ret, ret_error);
	if (r < 0 || ret->help || ret->version)
		return r;
	ret->operands = argv + first + optind;
	ret->operand_count = (size_t)(argc - first - optind);
	r = options_check_operands(ret, ret_error);
	if (r == 0)
		r = options_take_words(ret, ret_error);
	return r < 0 ? r : options_check(ret, ret_error);
}
