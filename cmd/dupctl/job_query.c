/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/job_query.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/http.h"

static bool state_known(const char *word, size_t length)
{
	static const char *const states[] = {"queued", "waiting", "running", "succeeded", "failed", "cancelled"};
	bool known = false;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]) && !known; i++)
		known = strlen(states[i]) == length && memcmp(states[i], word, length) == 0;
	return known;
}

static int states_check(const char *states, struct text *error)
{
	size_t length = strcspn(states, ",");

	for (; state_known(states, length); length = strcspn(states, ",")) {
		if (states[length] == '\0')
			return 0;
		states += length + 1;
	}
	text_owned word = {.utf8 = error->utf8};

	text_addn(&word, states, length);
	text_add(error, "--state does not take '");
	text_add_clean(error, text_bytes(&word));
	text_add(error, "': queued, waiting, running, succeeded, failed or cancelled, several with commas between");
	return -EINVAL;
}

static int moment_check(const char *name, const char *moment, struct text *error)
{
	int64_t value;

	if (!moment || parse_duration(moment, &value) || parse_time(moment, &value))
		return 0;
	text_addf(error, "--%s wants a time like 2026-01-31T22:00:00Z, or 90s, 15m, 2h ago", name);
	return -EINVAL;
}

int job_query_check(const struct options *options, struct text *error)
{
	int r = options->state ? states_check(options->state, error) : 0;

	if (r == 0)
		r = moment_check("since", options->since, error);
	return r < 0 ? r : moment_check("until", options->until, error);
}

bool job_query_filtered(const struct options *options)
{
	return options->state || options->kind || options->code || options->firmware || options->since || options->until ||
	       options->device || options->campaign || options->before || options->limit.set;
}

static void query_add(struct text *path, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	text_addf(path, "&%s=", name);
	url_escape(path, value);
}

static void moment_add(struct text *path, const char *name, const char *moment, int64_t now_s)
{
	text_owned absolute = {0};
	int64_t ago_s;

	if (moment && parse_duration(moment, &ago_s))
		format_time(&absolute, now_s - ago_s);
	query_add(path, name, absolute.length ? absolute.bytes : moment);
}

void job_query_path(struct text *path, const struct options *options, int64_t now_s, const char *before, int64_t limit)
{
	text_addf(path, "/jobs?limit=%" PRId64, limit);
	query_add(path, "state", options->state);
	query_add(path, "kind", options->kind);
	query_add(path, "code", options->code);
	query_add(path, "firmware", options->firmware);
	query_add(path, "device", options->device);
	query_add(path, "campaign", options->campaign);
	moment_add(path, "since", options->since, now_s);
	moment_add(path, "until", options->until, now_s);
	query_add(path, "before", before);
}
