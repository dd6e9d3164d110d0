/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_event.h"

static const enum event_topic topics[] = {TOPIC_DEVICE, TOPIC_JOB, TOPIC_PROGRESS, TOPIC_FIRMWARE, TOPIC_CAMPAIGN};

static unsigned topic_named(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		const char *known = event_topic_name(topics[i]);
		if (strlen(known) == length && memcmp(known, name, length) == 0)
			return topics[i];
	}
	return 0;
}

bool sse_topics_parse(const char *text, unsigned *ret, const char **ret_bad)
{
	*ret = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		unsigned topic = topic_named(text, length);
		*ret_bad = text;
		if (topic == 0)
			return false;
		*ret |= topic;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

void sse_filter_resume(struct sse_filter *filter, const char *last_event_id, const char *epoch)
{
	filter->resume = true;
	filter->resume_known = false;
	size_t length = strcspn(last_event_id, "-");
	if (length >= sizeof(filter->resume_epoch) || last_event_id[length] != '-')
		return;
	const char *digits = last_event_id + length + 1;
	char *end = NULL;
	errno = 0;
	filter->resume_after = strtoull(digits, &end, 10);
	if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || errno != 0)
		return;
	snprintf(filter->resume_epoch, sizeof(filter->resume_epoch), "%.*s", (int)length, last_event_id);
	filter->resume_known = strcmp(filter->resume_epoch, epoch) == 0;
}

bool sse_filter_passes(const struct sse_filter *filter, const struct event *event)
{
	if ((filter->topics & event->topic) == 0)
		return false;
	if (filter->device[0] != '\0' && strcmp(filter->device, event->device) != 0)
		return false;
	return filter->job[0] == '\0' || strcmp(filter->job, event->job) == 0;
}

char *sse_block(const char *epoch, uint64_t seq, const char *name, const char *json)
{
	char *made = NULL;
	/* `json` ends with its newline; the second one ends the event. */
	int length = asprintf(&made, "id: %s-%" PRIu64 "\nevent: %s\ndata: %s\n", epoch, seq, name, json);
	return length < 0 ? NULL : made;
}

char *sse_render(const struct event *event, const char *epoch)
{
	char *json = json_event(event);
	if (json == NULL)
		return NULL;
	char *block = sse_block(epoch, event->seq, event_topic_name(event->topic), json);
	free(json);
	return block;
}
