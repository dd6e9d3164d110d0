/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS     " \t"
#define TERM_SHOWN 60

/* A piece of the selector's text. */
struct span {
	const char *start;
	size_t length;
};

enum condition { CONDITION_EXISTS, CONDITION_MISSING, CONDITION_IN, CONDITION_NOT_IN };

struct term {
	struct span key;
	enum device_member member;
	enum condition condition;
	size_t first, count; /* of the values */
};

struct selector {
	char *text; /* what the spans are pieces of */
	size_t term_count, value_count;
	struct term *terms;
	struct span *values;
};

/* Where the compiler is in the text. */
struct scan {
	struct selector *selector;
	const char *at;
	const char *term; /* where the term began */
	struct job_fault *fault;
};

static bool span_equals(struct span span, const char *text)
{
	return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

/* Without the blanks at its ends. */
static struct span trimmed(const char *start, const char *end)
{
	start += strspn(start, BLANKS);
	while (end > start && strchr(BLANKS, end[-1]) != NULL)
		end--;
	return (struct span){start, end > start ? (size_t)(end - start) : 0};
}

static void skip_blanks(struct scan *scan)
{
	scan->at += strspn(scan->at, BLANKS);
}

static bool take(struct scan *scan, const char *word)
{
	if (strncmp(scan->at, word, strlen(word)) != 0)
		return false;
	scan->at += strlen(word);
	return true;
}

static int refuse(const struct scan *scan, const char *why)
{
	struct span term = trimmed(scan->term, scan->term + strcspn(scan->term, ","));
	const char *opened = memchr(term.start, '(', term.length);
	if (opened != NULL) /* a list has commas of its own */
		term = trimmed(term.start, opened + strcspn(opened, ")") + (strchr(opened, ')') != NULL));
	bool cut = term.length > TERM_SHOWN;
	return job_fault_set(scan->fault, "invalid-request", "selector, character %zu: \"%.*s%s\": %s",
			     (size_t)(scan->at - scan->selector->text) + 1, cut ? TERM_SHOWN : (int)term.length, term.start,
			     cut ? "..." : "", why);
}

static int add_value(struct scan *scan, const char *start, const char *end)
{
	struct selector *selector = scan->selector;
	struct term *term = &selector->terms[selector->term_count];
	struct span value = trimmed(start, end);
	enum device_state state;
	char name[24] = "";
	for (size_t i = 0; i < value.length; i++)
		if ((unsigned char)value.start[i] < 0x20 || value.start[i] == 0x7F)
			return refuse(scan, "a value has no control characters");
	if (value.length < sizeof(name))
		memcpy(name, value.start, value.length);
	if (term->member == DEVICE_MEMBER_STATE && !device_state_parse(name, &state))
		return refuse(scan, "there is no such state");
	selector->values[selector->value_count++] = value;
	term->count++;
	scan->at = end;
	return 0;
}

static int take_value(struct scan *scan, enum condition condition)
{
	scan->selector->terms[scan->selector->term_count].condition = condition;
	return add_value(scan, scan->at, scan->at + strcspn(scan->at, ","));
}

/* The end of a value of a list: a comma, or a parenthesis that was not opened in the value. NULL: the text ends first. */
static const char *end_of_item(const char *at)
{
	size_t open = 0;
	for (; *at != '\0' && !(open == 0 && (*at == ',' || *at == ')')); at++) {
		open += *at == '(';
		open -= *at == ')';
	}
	return *at != '\0' ? at : NULL;
}

static int take_list(struct scan *scan, enum condition condition)
{
	scan->selector->terms[scan->selector->term_count].condition = condition;
	skip_blanks(scan);
	if (!take(scan, "("))
		return refuse(scan, "a list in parentheses follows in and notin");
	if (scan->at[strspn(scan->at, BLANKS)] == ')')
		return refuse(scan, "the list is empty");
	for (;;) {
		const char *end = end_of_item(scan->at);
		int result = end != NULL ? add_value(scan, scan->at, end) : refuse(scan, "the list has no )");
		if (result < 0)
			return result;
		if (*scan->at++ == ')')
			return 0;
	}
}

static bool is_key_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static struct span take_word(struct scan *scan)
{
	struct span word = {.start = scan->at};
	skip_blanks(scan);
	for (word.start = scan->at; is_key_character(*scan->at); scan->at++)
		word.length++;
	return word;
}

static int take_key(struct scan *scan, struct term *term)
{
	char name[sizeof(((struct label *)0)->key)] = "";
	term->key = take_word(scan);
	if (term->key.length == 0)
		return refuse(scan, "a key has characters of A-Z a-z 0-9 . _ -");
	if (term->key.length >= sizeof(name))
		return refuse(scan, "a key has at most 31 characters");
	memcpy(name, term->key.start, term->key.length);
	term->member = device_member_find(name);
	skip_blanks(scan);
	return 0;
}

/* What follows the key. */
static int take_condition(struct scan *scan, struct term *term)
{
	if (*scan->at == '\0' || *scan->at == ',') {
		term->condition = CONDITION_EXISTS;
		return 0;
	}
	if (take(scan, "!="))
		return take_value(scan, CONDITION_NOT_IN);
	if (take(scan, "==") || take(scan, "="))
		return take_value(scan, CONDITION_IN);
	const char *before = scan->at;
	struct span word = take_word(scan);
	if (span_equals(word, "in"))
		return take_list(scan, CONDITION_IN);
	if (span_equals(word, "notin"))
		return take_list(scan, CONDITION_NOT_IN);
	scan->at = before;
	return refuse(scan, "=, !=, in or notin follows a key");
}

static int take_term(struct scan *scan)
{
	struct term *term = &scan->selector->terms[scan->selector->term_count];
	skip_blanks(scan);
	scan->term = scan->at;
	if (*scan->at == '\0' || *scan->at == ',')
		return refuse(scan, "a term is missing");
	*term = (struct term){.first = scan->selector->value_count};
	bool negated = take(scan, "!");
	int result = take_key(scan, term);
	if (result == 0 && negated)
		term->condition = CONDITION_MISSING;
	else if (result == 0)
		result = take_condition(scan, term);
	if (result < 0)
		return result;
	skip_blanks(scan);
	if (*scan->at != '\0' && *scan->at != ',')
		return refuse(scan, "a comma follows a term");
	scan->selector->term_count++;
	return 0;
}

static int take_terms(struct scan *scan)
{
	skip_blanks(scan);
	if (*scan->at == '\0')
		return 0;
	for (;;) {
		int result = take_term(scan);
		if (result < 0 || *scan->at == '\0')
			return result;
		scan->at++;
	}
}

int selector_compile(const char *text, struct selector **ret, struct job_fault *ret_fault)
{
	struct selector *selector = calloc(1, sizeof(*selector));
	if (selector == NULL)
		return -ENOMEM;
	size_t room = 1; /* each term and each value but the first has a comma before it */
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		room += *at == ',';
	selector->text = strdup(text != NULL ? text : "");
	selector->terms = calloc(room, sizeof(*selector->terms));
	selector->values = calloc(room, sizeof(*selector->values));
	int result = -ENOMEM;
	if (selector->text != NULL && selector->terms != NULL && selector->values != NULL) {
		struct scan scan = {.selector = selector, .at = selector->text, .term = selector->text, .fault = ret_fault};
		result = take_terms(&scan);
	}
	if (result < 0) {
		selector_free(selector);
		return result;
	}
	*ret = selector;
	return 0;
}

void selector_free(struct selector *selector)
{
	if (selector == NULL)
		return;
	free(selector->values);
	free(selector->terms);
	free(selector->text);
	free(selector);
}

/* NULL for a label that is missing. */
static const char *value_of(const struct device *device, const struct term *term)
{
	switch (term->member) {
	case DEVICE_MEMBER_STATE:
		return device_state_name(device->state);
	case DEVICE_MEMBER_RELEASE:
		return device->modem.release;
	case DEVICE_MEMBER_PROFILE:
		return device->profile;
	case DEVICE_MEMBER_ID:
		return device->id;
	case DEVICE_MEMBER_BOARD:
		return device->board;
	case DEVICE_MEMBER_ALIAS:
		return device->alias;
	case DEVICE_MEMBER_NONE:
		break;
	}
	for (size_t i = 0; i < device->label_count; i++)
		if (span_equals(term->key, device->labels[i].key))
			return device->labels[i].value;
	return NULL;
}

static bool is_one_of(const struct selector *selector, const struct term *term, const char *value)
{
	bool equal = false;
	for (size_t i = 0; i < term->count && value != NULL && !equal; i++)
		equal = span_equals(selector->values[term->first + i], value);
	return equal;
}

static bool term_matches(const struct selector *selector, const struct term *term, const struct device *device)
{
	const char *value = value_of(device, term);
	bool exists = value != NULL && (term->member == DEVICE_MEMBER_NONE || value[0] != '\0');
	switch (term->condition) {
	case CONDITION_EXISTS:
		return exists;
	case CONDITION_MISSING:
		return !exists;
	case CONDITION_IN:
		return is_one_of(selector, term, value);
	case CONDITION_NOT_IN:
		return !is_one_of(selector, term, value);
	}
	return false;
}

bool selector_asks(const struct selector *selector, enum device_member member)
{
	for (size_t i = 0; i < selector->term_count; i++)
		if (selector->terms[i].member == member)
			return true;
	return false;
}

bool selector_matches(const struct selector *selector, const struct device *device)
{
	bool matches = true;
	for (size_t i = 0; i < selector->term_count && matches; i++)
		matches = term_matches(selector, &selector->terms[i], device);
	return matches;
}
