/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/firmware.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX        (FIRMWARE_NAME_SIZE / 2)
#define BUILD_DIGITS_MIN 5u /* of every build seen; less is the number of a part or a year, more is a date */
#define BUILD_DIGITS_MAX 6u

static const char digits[] = "0123456789";

/* A name is words between '-', '_' and spaces. */
struct word {
	const char *text;
	size_t length;
	char before; /* the separator, NUL at the start */
};

/* One side of "A-to-B". */
struct side {
	char release[sizeof(((struct firmware_facts *)NULL)->release)];
	uint32_t build;
};

static const struct {
	const char *word;
	bool begin_is_enough;
	const char *family;
	unsigned branch; /* 0: any */
} families[] = {
    {"CATM1", false, "monarch1", 5},   {"NB1", false, "monarch1", 6}, {"FIPY", false, "monarch1", 0}, {"GPY", false, "monarch1", 0},
    {"upgdiff", false, "monarch1", 0}, {"GM02", true, "monarch2", 0}, {"GP02", true, "monarch2", 0},
};

/* Without ".dup", ".dup.tgz" …: dots that letters follow to the end. Those of a version have a digit behind them. */
static size_t stem_length(const char *name)
{
	size_t length = strlen(name);
	size_t end = length;

	while (end > 0 && name[end - 1] != '.') {
		char c = name[end - 1];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return length;
		if (--end > 0 && name[end - 1] == '.')
			length = --end;
	}
	return length;
}

static size_t split(const char *name, struct word *words)
{
	size_t end = stem_length(name);
	size_t count = 0;
	size_t at = 0;

	while (at < end && count < WORDS_MAX) {
		size_t length = strcspn(name + at, "-_ ");

		if (length > end - at)
			length = end - at;
		if (length > 0)
			words[count++] = (struct word){name + at, length, at > 0 ? name[at - 1] : '\0'};
		at += length + 1;
	}
	return count;
}

static bool word_is(const struct word *word, const char *text, bool begin_is_enough)
{
	size_t length = strlen(text);

	if (word->length < length || (!begin_is_enough && word->length != length))
		return false;
	return strncasecmp(word->text, text, length) == 0;
}

static uint32_t build_of(const struct word *word)
{
	if (word->length < BUILD_DIGITS_MIN || word->length > BUILD_DIGITS_MAX || strspn(word->text, digits) < word->length)
		return 0;
	return (uint32_t)strtoul(word->text, NULL, 10);
}

/* "LR8.0.5.13" followed by "-59577". */
static bool is_release(const struct word *word, const struct word *end)
{
	if (!word_is(word, "LR", true) || word->length == 2 || word + 1 == end || word[1].before != '-')
		return false;
	if (strspn(word->text + 2, "0123456789.") < word->length - 2 || build_of(word + 1) == 0)
		return false;
	return (size_t)(word[1].text - word->text) + word[1].length < sizeof(((struct side *)NULL)->release);
}

static void read_family(const struct word *word, struct firmware_facts *facts, bool *contradicts)
{
	for (size_t i = 0; i < COUNT(families); i++) {
		if (!word_is(word, families[i].word, families[i].begin_is_enough))
			continue;
		if (facts->family[0] && strcmp(facts->family, families[i].family) != 0)
			*contradicts = true;
		strcpy(facts->family, families[i].family);
	}
}

static const struct word *read_build(const struct word *word, const struct word *end, struct side *side)
{
	if (is_release(word, end)) {
		size_t length = (size_t)(word[1].text - word->text) + word[1].length;

		memcpy(side->release, word->text, length);
		side->release[length] = '\0';
		side->build = build_of(word + 1);
		return word + 1;
	}
	if (build_of(word) && !side->release[0])
		side->build = build_of(word);
	return word;
}

unsigned firmware_branch_from_name(const char *name)
{
	struct word words[WORDS_MAX];
	size_t count = split(name, words);
	unsigned branch = 0;

	for (size_t i = 0; i < count * COUNT(families); i++) {
		unsigned told = families[i % COUNT(families)].branch;

		if (!told || !word_is(&words[i / COUNT(families)], families[i % COUNT(families)].word, false))
			continue;
		if (branch && branch != told)
			return 0;
		branch = told;
	}
	return branch;
}

unsigned firmware_pair_from_name(const char *name, char ret_partner[static FIRMWARE_NAME_SIZE])
{
	struct word words[WORDS_MAX];
	size_t count = strlen(name) < FIRMWARE_NAME_SIZE ? split(name, words) : 0;
	const struct word *last = words + (count ? count - 1 : 0);

	ret_partner[0] = '\0';
	if (count < 2 || last->before != '-' || last->length != 1 || build_of(last - 1) == 0)
		return 0;
	if (*last->text != '1' && *last->text != '2')
		return 0;
	strcpy(ret_partner, name);
	ret_partner[last->text - name] = *last->text == '1' ? '2' : '1';
	return (unsigned)(*last->text - '0');
}

void firmware_facts_from_name(const char *name, struct firmware_facts *ret)
{
	struct word words[WORDS_MAX];
	const struct word *end = words + split(name, words);
	struct side base = {0};
	struct side target = {0};
	bool contradicts = false;

	memset(ret, 0, sizeof(*ret));
	for (const struct word *word = words; word < end; word++) {
		read_family(word, ret, &contradicts);
		if (word_is(word, "to", false) && target.build && !base.build) {
			base = target;
			target = (struct side){0};
		}
		word = read_build(word, end, &target);
	}
	/* "…59577_to_lab" is no differential. */
	if (base.build && !target.build) {
		target = base;
		base = (struct side){0};
	}
	if (contradicts)
		ret->family[0] = '\0';
	memcpy(ret->release, target.release, sizeof(ret->release));
	ret->build = target.build;
	ret->base_build = base.build;
}
