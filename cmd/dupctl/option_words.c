/* SPDX-License-Identifier: Apache-2.0
 *
 * Verbs that take more than devices: which of the operands those are, and which the words after them.
 */
#include <errno.h>
#include <string.h>

#include "cmd/dupctl/options.h"

/* "key=value" or "key-". */
static bool word_is_label(const char *word)
{
	size_t length = strlen(word);

	return strchr(word, '=') || (length > 1 && word[length - 1] == '-');
}

/* How many operands are devices. */
static size_t device_count(const struct options *options)
{
	/* Without a selector the first is one, whatever it looks like. */
	size_t count = options->all || options->selector ? 0 : 1;

	if (options->verb != VERB_LABEL)
		return options->operand_count - 1;
	while (count < options->operand_count && !word_is_label(options->operands[count]))
		count++;
	return count < options->operand_count ? count : options->operand_count;
}

static int labels_check(const struct options *options, struct text *error)
{
	if (options->word_count == 0) {
		text_add(error, "no label is named: give KEY=VALUE to set one, KEY- to remove it");
		return -EINVAL;
	}
	for (size_t i = 0; i < options->word_count; i++) {
		if (word_is_label(options->words[i]) && options->words[i][0] != '=')
			continue;
		text_add(error, "'");
		text_add_clean(error, options->words[i]);
		text_add(error, "' is neither KEY=VALUE nor KEY-; devices come before the labels");
		return -EINVAL;
	}
	return 0;
}

static int words_check(const struct options *options, struct text *error)
{
	if (options->verb == VERB_LABEL)
		return labels_check(options, error);
	if (options->verb != VERB_MAINTENANCE || strcmp(options->words[0], "on") == 0 || strcmp(options->words[0], "off") == 0)
		return 0;
	text_add(error, "maintenance on or off? It is the last word");
	return -EINVAL;
}

int options_take_words(struct options *options, struct text *error)
{
	if (options->verb != VERB_LABEL && options->verb != VERB_ALIAS && options->verb != VERB_MAINTENANCE)
		return 0;
	size_t devices = device_count(options);

	options->words = options->operands + devices;
	options->word_count = options->operand_count - devices;
	options->operand_count = devices;
	return words_check(options, error);
}
