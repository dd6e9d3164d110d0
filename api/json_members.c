/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_members.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/rfc3339.h"
#include "firmware-cache/utf8.h"

int read_error_set(struct read_error *error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static const char *type_name(json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static int wrong_type(const struct member_rule *rule, json_t *value, const char *wanted, struct read_error *ret_error)
{
	return read_error_set(ret_error, "%s must be %s, not %s", rule->name, wanted, type_name(value));
}

static int refuse_choice(const struct member_rule *rule, struct read_error *ret_error)
{
	char choices[128] = "";
	size_t used = 0;
	for (size_t i = 0; rule->one_of[i] != NULL && used < sizeof(choices); i++)
		used += (size_t)snprintf(choices + used, sizeof(choices) - used, "%s%s", i > 0 ? ", " : "", rule->one_of[i]);
	return read_error_set(ret_error, "%s must be one of %s", rule->name, choices);
}

static bool is_choice(const char *text, const char *const *choices)
{
	for (; *choices != NULL; choices++)
		if (strcmp(text, *choices) == 0)
			return true;
	return false;
}

static int take_text(const struct member_rule *rule, json_t *value, const char *allowed, void *ret, struct read_error *ret_error)
{
	if (!json_is_string(value))
		return wrong_type(rule, value, "a string", ret_error);
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	if (rule->one_of != NULL && !is_choice(text, rule->one_of))
		return refuse_choice(rule, ret_error);
	if ((int64_t)length < rule->min || length >= rule->size)
		return read_error_set(ret_error, "%s must have %" PRId64 " to %zu bytes", rule->name, rule->min, rule->size - 1);
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)text[i] < 0x20 && strchr(allowed, text[i]) == NULL) || text[i] == 0x7F)
			return read_error_set(ret_error, "%s must have no control characters", rule->name);
	memcpy((char *)ret + rule->offset, text, length + 1);
	return 0;
}

int member_text(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	return take_text(rule, value, "", ret, ret_error);
}

int member_name(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	int r = take_text(rule, value, "", ret, ret_error);
	const char *text = r == 0 ? (const char *)ret + rule->offset : "";
	for (size_t taken; *text != '\0'; text += taken) {
		taken = utf8_printable(text);
		if (taken == 0)
			return read_error_set(
			    ret_error, "%s must have printable characters only, none that are invisible or turn text around", rule->name);
	}
	return r;
}

int member_lines(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	return take_text(rule, value, "\r\n", ret, ret_error);
}

int member_digest(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	const char *text = json_string_value(value);
	if (!json_is_string(value))
		return wrong_type(rule, value, "a string", ret_error);
	if (strlen(text) + 1 != rule->size || text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return read_error_set(ret_error, "%s must be %zu hexadecimal digits", rule->name, rule->size - 1);
	char *target = (char *)ret + rule->offset;
	for (size_t i = 0; i < rule->size; i++)
		target[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

int member_bool(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	if (!json_is_boolean(value))
		return wrong_type(rule, value, "a boolean", ret_error);
	bool set = json_is_true(value);
	memcpy((char *)ret + rule->offset, &set, sizeof(set));
	return 0;
}

int member_if_leased(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	static const char *const choices[] = {"refuse", "wait", NULL};
	if (!json_is_string(value))
		return wrong_type(rule, value, "a string", ret_error);
	const struct member_rule choice = {.name = rule->name, .one_of = choices};
	if (!is_choice(json_string_value(value), choices))
		return refuse_choice(&choice, ret_error);
	bool wait = strcmp(json_string_value(value), "wait") == 0;
	memcpy((char *)ret + rule->offset, &wait, sizeof(wait));
	return 0;
}

int member_number(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	if (!json_is_integer(value))
		return wrong_type(rule, value, "an integer", ret_error);
	json_int_t number = json_integer_value(value);
	if (number < rule->min || number > rule->max)
		return read_error_set(ret_error, "%s must be from %" PRId64 " to %" PRId64, rule->name, rule->min, rule->max);
	/* The range of the rule is within the target's, signed or not, so that the low 32 bits are the number. */
	uint32_t stored = (uint32_t)number;
	memcpy((char *)ret + rule->offset, &stored, sizeof(stored));
	return 0;
}

int member_number_or_null(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	return json_is_null(value) ? 0 : member_number(rule, value, ret, ret_error);
}

int member_time(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	if (!json_is_string(value))
		return wrong_type(rule, value, "a string", ret_error);
	int64_t unix_ms;
	if (!rfc3339_parse(json_string_value(value), &unix_ms))
		return read_error_set(ret_error, "%s must be a time such as 2026-03-01T22:00:00Z", rule->name);
	memcpy((char *)ret + rule->offset, &unix_ms, sizeof(unix_ms));
	return 0;
}

/* jansson would recurse through 2048 levels. */
static bool too_deep(const char *body, size_t length)
{
	bool in_string = false;
	size_t depth = 0;
	for (size_t i = 0; i < length; i++) {
		char c = body[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
			return true;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return false;
}

static int parse_object(const char *body, size_t length, json_t **ret, struct read_error *ret_error)
{
	if (length == 0) {
		*ret = json_object();
		return *ret != NULL ? 0 : -ENOMEM;
	}
	if (too_deep(body, length))
		return read_error_set(ret_error, "the body nests more than %u deep", JSON_DEPTH_MAX);
	json_error_t error;
	*ret = json_loadb(body, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (*ret == NULL && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (*ret == NULL && json_error_code(&error) == json_error_null_character)
		return read_error_set(ret_error, "a string of the body has a NUL");
	if (*ret == NULL)
		return read_error_set(ret_error, "the body is no JSON: line %d, column %d: %s", error.line, error.column, error.text);
	if (json_is_object(*ret))
		return 0;
	return read_error_set(ret_error, "the body must be an object, not %s", type_name(*ret));
}

static const struct member_rule *find_rule(const struct member_rule *rules, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static int name_member(struct read_error *error, const char *name, int r)
{
	snprintf(error->member, sizeof(error->member), "%s", name);
	return r;
}

int json_read_object(json_t *object, const struct member_rule *rules, size_t count, void *ret, struct read_error *ret_error)
{
	const char *name;
	json_t *value;
	int r = 0;
	json_object_foreach(object, name, value)
	{
		const struct member_rule *rule = find_rule(rules, count, name);
		r = rule == NULL ? read_error_set(ret_error, "unknown member \"%.60s\"", name) : rule->read(rule, value, ret, ret_error);
		if (r < 0) {
			name_member(ret_error, name, r);
			break;
		}
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		if (rules[i].required && json_object_get(object, rules[i].name) == NULL)
			r = name_member(ret_error, rules[i].name, read_error_set(ret_error, "%s is missing", rules[i].name));
	return r;
}

int json_read_members(const char *body, size_t length, const struct member_rule *rules, size_t count, void *ret,
		      struct read_error *ret_error)
{
	*ret_error = (struct read_error){0};
	json_t *object = NULL;
	int r = parse_object(body, length, &object, ret_error);
	if (r == 0)
		r = json_read_object(object, rules, count, ret, ret_error);
	json_decref(object);
	return r;
}
