/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void scenario_free(struct scenario *scenario)
{
	free(scenario->rules);
	free(scenario->settings);
	*scenario = (struct scenario){0};
}

static bool names(int which, unsigned modem)
{
	return which == SCENARIO_ALL || which == (int)modem;
}

static bool command_fits(const char *pattern, const char *command)
{
	size_t length = strlen(pattern);

	if (length > 0 && pattern[length - 1] == '*')
		return strncasecmp(pattern, command, length - 1) == 0;
	return strcasecmp(pattern, command) == 0;
}

static bool matches(const struct rule *rule, const struct happening *happening)
{
	if (rule->trigger != happening->trigger || (rule->mode != SCENARIO_ALL && rule->mode != happening->mode))
		return false;
	if (rule->trigger == TRIGGER_RECORD && (rule->before > 0) != happening->near)
		return false;
	if (happening->near)
		return happening->record == rule->number && happening->border >= rule->before &&
		       happening->from <= happening->border - rule->before && happening->border - rule->before < happening->to;
	if (rule->trigger == TRIGGER_COMMAND)
		return command_fits(rule->command, happening->command);
	return happening->from <= rule->number && rule->number < happening->to;
}

const struct rule *scenario_next(const struct scenario *scenario, uint32_t *seen, unsigned modem, const struct happening *happening,
				 size_t *cursor)
{
	while (*cursor < scenario->rule_count) {
		size_t at = (*cursor)++;
		const struct rule *rule = &scenario->rules[at];

		if (!names(rule->modem, modem) || !matches(rule, happening))
			continue;
		seen[at]++;
		if (seen[at] >= rule->nth && seen[at] - rule->nth < rule->times)
			return rule;
	}
	return NULL;
}

uint64_t scenario_next_ms(const struct scenario *scenario, unsigned modem, uint64_t from_ms)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < scenario->rule_count; i++) {
		const struct rule *rule = &scenario->rules[i];

		if (rule->trigger == TRIGGER_AT_MS && names(rule->modem, modem) && rule->number >= from_ms && rule->number < next)
			next = rule->number;
	}
	return next;
}
