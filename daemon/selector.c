/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/selector.h"

#include <string.h>

/* A piece of the selector's text. */
struct span {
	const char *start;
	size_t length;
};

struct term {
	struct span key, value;
	bool negated;
};

static bool span_equals(struct span span, const char *text)
{
	return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

static const char *first_term(const char *selector)
{
	return selector != NULL && selector[0] != '\0' ? selector : NULL;
}

/* Takes the term at *position and moves behind its comma, to NULL after the last. False when it is none. */
static bool next_term(const char **position, struct span *ret_text, struct term *ret)
{
	const char *start = *position;
	size_t length = strcspn(start, ",");
	*position = start[length] == ',' ? start + length + 1 : NULL;
	*ret_text = (struct span){start, length};
	const char *equals = memchr(start, '=', length);
	if (equals == NULL)
		return false;
	ret->negated = equals > start && equals[-1] == '!';
	ret->key = (struct span){start, (size_t)(equals - start) - (ret->negated ? 1 : 0)};
	ret->value = (struct span){equals + 1, (size_t)(start + length - equals) - 1};
	return ret->key.length > 0;
}

int selector_check(const char *selector, struct job_fault *ret_fault)
{
	const char *position = first_term(selector);
	while (position != NULL) {
		struct span text;
		struct term term;
		if (!next_term(&position, &text, &term))
			return job_fault_set(ret_fault, "invalid-request", "selector: \"%.*s\" is not key=value or key!=value",
					     (int)text.length, text.start);
		enum device_state state;
		char name[24] = "";
		if (!span_equals(term.key, "state"))
			continue;
		if (term.value.length < sizeof(name))
			memcpy(name, term.value.start, term.value.length);
		if (!device_state_parse(name, &state))
			return job_fault_set(ret_fault, "invalid-request", "selector: there is no state \"%.*s\"", (int)term.value.length,
					     term.value.start);
	}
	return 0;
}

/* NULL for a label that is missing. */
static const char *value_of(const struct device *device, struct span key)
{
	if (span_equals(key, "state"))
		return device_state_name(device->state);
	if (span_equals(key, "release"))
		return device->modem.release;
	if (span_equals(key, "profile"))
		return device->profile;
	if (span_equals(key, "id"))
		return device->id;
	for (size_t i = 0; i < device->label_count; i++)
		if (span_equals(key, device->labels[i].key))
			return device->labels[i].value;
	return NULL;
}

bool selector_matches(const char *selector, const struct device *device)
{
	const char *position = first_term(selector);
	while (position != NULL) {
		struct span text;
		struct term term;
		if (!next_term(&position, &text, &term))
			return false;
		const char *value = value_of(device, term.key);
		bool equal = value != NULL && span_equals(term.value, value);
		if (equal == term.negated)
			return false;
	}
	return true;
}
