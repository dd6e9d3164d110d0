/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/types.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const device_states[] = {
    [DEVICE_READY] = "ready",
    [DEVICE_BUSY] = "busy",
    [DEVICE_ABSENT] = "absent",
    [DEVICE_STRANDED] = "stranded",
    [DEVICE_QUARANTINED] = "quarantined",
    [DEVICE_MAINTENANCE] = "maintenance",
    [DEVICE_UNKNOWN] = "unknown",
};

static const char *const job_kinds[] = {
    [JOB_UPGRADE] = "upgrade",
    [JOB_PROBE] = "probe",
    [JOB_POWER_CYCLE] = "power-cycle",
};

static const char *const job_states[] = {
    [JOB_QUEUED] = "queued",       [JOB_WAITING] = "waiting", [JOB_RUNNING] = "running",
    [JOB_SUCCEEDED] = "succeeded", [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};

static const char *const job_waits[] = {
    [WAIT_NOTHING] = "",  [WAIT_DEVICE] = "device", [WAIT_LEASE] = "lease",
    [WAIT_TIME] = "time", [WAIT_RETRY] = "retry",   [WAIT_DOWNLOAD] = "download",
};

static const char *const device_members[] = {
    [DEVICE_MEMBER_NONE] = "", [DEVICE_MEMBER_STATE] = "state", [DEVICE_MEMBER_RELEASE] = "release", [DEVICE_MEMBER_PROFILE] = "profile",
    [DEVICE_MEMBER_ID] = "id", [DEVICE_MEMBER_BOARD] = "board", [DEVICE_MEMBER_ALIAS] = "alias",
};

/* The index of a name, -1 when it is none of them. */
static int find_name(const char *const names[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *device_state_name(enum device_state state)
{
	return device_states[state];
}

bool device_state_parse(const char *name, enum device_state *ret)
{
	int i = find_name(device_states, COUNT_OF(device_states), name);
	if (i < 0)
		return false;
	*ret = (enum device_state)i;
	return true;
}

const char *job_kind_name(enum job_kind kind)
{
	return job_kinds[kind];
}

bool job_kind_parse(const char *name, enum job_kind *ret)
{
	int i = find_name(job_kinds, COUNT_OF(job_kinds), name);
	if (i < 0)
		return false;
	*ret = (enum job_kind)i;
	return true;
}

const char *job_state_name(enum job_state state)
{
	return job_states[state];
}

bool job_state_parse(const char *name, enum job_state *ret)
{
	int i = find_name(job_states, COUNT_OF(job_states), name);
	if (i < 0)
		return false;
	*ret = (enum job_state)i;
	return true;
}

bool job_state_terminal(enum job_state state)
{
	switch (state) {
	case JOB_QUEUED:
	case JOB_WAITING:
	case JOB_RUNNING:
		return false;
	case JOB_SUCCEEDED:
	case JOB_FAILED:
	case JOB_CANCELLED:
		return true;
	}
	return true;
}

const char *job_wait_name(enum job_wait wait)
{
	return job_waits[wait];
}

bool job_wait_parse(const char *name, enum job_wait *ret)
{
	int i = find_name(job_waits, COUNT_OF(job_waits), name);
	if (i < 0)
		return false;
	*ret = (enum job_wait)i;
	return true;
}

static bool is_word_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* 1 … max characters of [A-Za-z0-9._-]. */
static bool is_word(const char *text, size_t max)
{
	size_t length = 0;
	while (is_word_character(text[length]))
		length++;
	return text[length] == '\0' && length > 0 && length <= max;
}

bool device_id_valid(const char *id)
{
	return is_word(id, DEVICE_ID_SIZE - 1) && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

static bool is_label_value(const char *value)
{
	size_t length = strlen(value);
	if (length >= sizeof(((struct label *)0)->value))
		return false;
	for (size_t i = 0; i < length; i++)
		if (value[i] < ' ' || value[i] > '~' || value[i] == ',')
			return false;
	return length == 0 || (value[0] != ' ' && value[length - 1] != ' ');
}

enum device_member device_member_find(const char *key)
{
	int i = find_name(device_members, COUNT_OF(device_members), key);
	return i < 0 ? DEVICE_MEMBER_NONE : (enum device_member)i;
}

const char *label_problem(const char *key, const char *value)
{
	if (!is_word(key, sizeof(((struct label *)0)->key) - 1))
		return "a label's key has 1 to 31 characters of A-Z a-z 0-9 . _ -";
	if (device_member_find(key) != DEVICE_MEMBER_NONE)
		return "state, release, profile, id, board and alias are members of the device, not labels";
	if (!is_label_value(value))
		return "a label's value has at most 63 printable ASCII characters, no comma, no space at either end";
	return NULL;
}
