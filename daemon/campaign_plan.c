/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaign_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/moment.h"
#include "daemon/selector.h"

/* How many a wave by number takes at most. */
static size_t wave_room(const struct campaign_wave *wave, size_t count)
{
	return wave->kind == WAVE_PERCENT ? (count * wave->number + 99) / 100 : wave->number;
}

static int fill_by_selector(const struct campaign_wave *wave, int number, const struct device *devices, size_t count, int *waves,
			    struct job_fault *ret_fault)
{
	struct selector *selector = NULL;
	int result = selector_compile(wave->selector, &selector, ret_fault);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (waves[i] < 0 && selector_matches(selector, &devices[i]))
			waves[i] = number;
	selector_free(selector);
	return result;
}

int campaign_split(const struct campaign_order *order, const struct device *devices, size_t count, int *ret_waves,
		   struct job_fault *ret_fault)
{
	int result = 0;
	for (size_t i = 0; i < count; i++)
		ret_waves[i] = -1;
	for (size_t number = 0; result == 0 && number < order->wave_count; number++) {
		const struct campaign_wave *wave = &order->waves[number];
		size_t room = wave_room(wave, count);
		if (wave->kind == WAVE_SELECTOR)
			result = fill_by_selector(wave, (int)number, devices, count, ret_waves, ret_fault);
		for (size_t i = 0; wave->kind != WAVE_SELECTOR && i < count && room > 0; i++) {
			if (ret_waves[i] >= 0)
				continue;
			ret_waves[i] = (int)number;
			room--;
		}
	}
	return result;
}

__attribute__((format(printf, 3, 4))) static void say(char *ret, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(ret, size, format, arguments);
	va_end(arguments);
}

static enum member_verdict judge_away(const struct campaign *campaign, const struct device *device, const char *where, char *ret_reason,
				      size_t size)
{
	say(ret_reason, size, "the device %s is %s", device->id, where);
	switch (campaign->order.offline) {
	case OFFLINE_WAIT:
		return VERDICT_WAIT;
	case OFFLINE_SKIP:
		return VERDICT_SKIP;
	case OFFLINE_FAIL:
		return VERDICT_FAIL;
	}
	return VERDICT_WAIT;
}

static enum member_verdict judge_held(const struct device *device, char *ret_reason, size_t size)
{
	char end[MOMENT_SIZE];
	moment_text(device->lease.expires_at_ms, end);
	say(ret_reason, size, "the device %s is leased by %s until %s", device->id, device->lease.holder, end);
	return VERDICT_WAIT;
}

/* Nobody has to wait for what has come to an end; but a job may be about to put something else there. */
static bool has_release(const struct campaign *campaign, const struct device *device)
{
	return campaign->release[0] != '\0' && strcmp(device->modem.release, campaign->release) == 0 && !campaign->order.request.force &&
	       device->state != DEVICE_STRANDED && device->job[0] == '\0';
}

/* NULL: it takes jobs. */
static const char *unfit(const struct campaign *campaign, const struct device *device)
{
	if (device->offered)
		return "only offered: nobody has given it a profile";
	return device->quarantine.since_ms != 0 && !campaign->order.request.force ? "quarantined" : NULL;
}

enum member_verdict campaign_judge(const struct campaign *campaign, const struct device *device, bool present, char *ret_reason,
				   size_t ret_reason_size)
{
	ret_reason[0] = '\0';
	if (device == NULL) {
		say(ret_reason, ret_reason_size, "there is no such device any more");
		return VERDICT_SKIP;
	}
	if (has_release(campaign, device)) {
		say(ret_reason, ret_reason_size, "it has %s already", campaign->release);
		return VERDICT_DONE;
	}
	const char *trouble = unfit(campaign, device);
	if (trouble != NULL) {
		say(ret_reason, ret_reason_size, "the device %s is %s", device->id, trouble);
		return VERDICT_SKIP;
	}
	if (device->maintenance)
		return judge_away(campaign, device, "in maintenance", ret_reason, ret_reason_size);
	if (device->job[0] != '\0') {
		say(ret_reason, ret_reason_size, "the device %s has the job %s", device->id, device->job);
		return VERDICT_WAIT;
	}
	if (device->lease.holder[0] != '\0')
		return judge_held(device, ret_reason, ret_reason_size);
	return present ? VERDICT_GO : judge_away(campaign, device, "absent", ret_reason, ret_reason_size);
}

const char *campaign_fault_of(const struct device *device)
{
	return device->maintenance ? "device-busy" : "port-gone";
}

static uint32_t *count_of(struct campaign_counts *counts, enum member_state state)
{
	switch (state) {
	case MEMBER_QUEUED:
		return &counts->queued;
	case MEMBER_WAITING:
		return &counts->waiting;
	case MEMBER_RUNNING:
		return &counts->running;
	case MEMBER_SUCCEEDED:
		return &counts->succeeded;
	case MEMBER_FAILED:
		return &counts->failed;
	case MEMBER_CANCELLED:
		return &counts->cancelled;
	case MEMBER_SKIPPED:
		return &counts->skipped;
	}
	return &counts->queued;
}

void campaign_tally_begin(struct campaign *campaign)
{
	campaign->counts = (struct campaign_counts){0};
	for (size_t i = 0; i < campaign->order.wave_count; i++)
		campaign->order.waves[i].devices = campaign->order.waves[i].finished = 0;
}

void campaign_tally_add(struct campaign *campaign, int wave, enum member_state state, uint32_t devices)
{
	campaign->counts.total += devices;
	*count_of(&campaign->counts, state) += devices;
	if ((size_t)wave >= campaign->order.wave_count) /* -1, too */
		return;
	campaign->order.waves[wave].devices += devices;
	campaign->order.waves[wave].finished += member_state_final(state) ? devices : 0;
}

void campaign_tally_move(struct campaign *campaign, int wave, enum member_state from, enum member_state to)
{
	(*count_of(&campaign->counts, from))--;
	(*count_of(&campaign->counts, to))++;
	if ((size_t)wave >= campaign->order.wave_count)
		return;
	campaign->order.waves[wave].finished -= member_state_final(from);
	campaign->order.waves[wave].finished += member_state_final(to);
}

void campaign_tally_end(struct campaign *campaign)
{
	for (size_t i = 0; i < campaign->order.wave_count; i++) {
		struct campaign_wave *wave = &campaign->order.waves[i];
		bool begun = campaign->started_at_ms != 0 && i <= campaign->wave;
		wave->state = !begun ? WAVE_PENDING : wave->finished == wave->devices ? WAVE_DONE : WAVE_RUNNING;
	}
}

void campaign_tally(struct campaign *campaign, const struct campaign_member *members, size_t count)
{
	campaign_tally_begin(campaign);
	for (size_t i = 0; i < count; i++)
		campaign_tally_add(campaign, members[i].wave, members[i].state, 1);
	campaign_tally_end(campaign);
}

const struct campaign_member *campaign_member_at(const struct campaign_members *members, size_t i)
{
	return members->copied != NULL && members->copied[i] ? &members->next[i] : &members->now[i];
}

/* Failures since the last success of a job, in the order in which they ended. */
static uint32_t failures_in_a_row(const struct campaign_members *members)
{
	int64_t success = 0;
	uint32_t failures = 0;
	for (size_t i = 0; i < members->count; i++) {
		const struct campaign_member *member = campaign_member_at(members, i);
		if (member->state == MEMBER_SUCCEEDED && member->job[0] != '\0' && member->ended > success)
			success = member->ended;
	}
	for (size_t i = 0; i < members->count; i++) {
		const struct campaign_member *member = campaign_member_at(members, i);
		failures += member->state == MEMBER_FAILED && member->ended > success;
	}
	return failures;
}

bool campaign_tripped(const struct campaign *campaign, const struct campaign_members *members, char *ret_reason, size_t ret_reason_size)
{
	const struct campaign_stop_rules *rules = &campaign->order.stop_after;
	const struct campaign_counts *counts = &campaign->counts;
	uint32_t failed = counts->failed, taken = counts->total - counts->skipped;
	bool asks = rules->consecutive > 0 && failed >= rules->consecutive;
	uint32_t row = asks ? failures_in_a_row(members) : 0;
	if (failed == 0)
		return false;
	if (rules->failed > 0 && failed >= rules->failed)
		say(ret_reason, ret_reason_size, "%u failed: it stops after %u", failed, rules->failed);
	else if (rules->consecutive > 0 && row >= rules->consecutive)
		say(ret_reason, ret_reason_size, "%u failed one after the other: it stops after %u", row, rules->consecutive);
	else if (rules->percent > 0 && (uint64_t)failed * 100 >= (uint64_t)rules->percent * taken)
		say(ret_reason, ret_reason_size, "%u of %u failed: it stops after %u %%", failed, taken, rules->percent);
	else
		return false;
	return true;
}

enum campaign_step campaign_next(const struct campaign *campaign, int64_t now_ms, uint32_t *ret_wave)
{
	uint32_t next = UINT32_MAX;
	for (uint32_t i = 0; i < campaign->order.wave_count; i++) {
		const struct campaign_wave *wave = &campaign->order.waves[i];
		if (wave->finished == wave->devices)
			continue;
		if (i <= campaign->wave)
			return STEP_WORK;
		next = i < next ? i : next;
	}
	*ret_wave = next;
	if (next == UINT32_MAX)
		return STEP_FINISH;
	int64_t done_ms = campaign->wave_done_at_ms != 0 ? campaign->wave_done_at_ms : now_ms;
	if (now_ms < done_ms + (int64_t)campaign->order.soak_s * 1000)
		return STEP_SOAK;
	return campaign->order.pause_after_wave ? STEP_ASK : STEP_ADVANCE;
}

int64_t campaign_shut_until(const struct campaign *campaign, const struct campaign_members *members, bool full)
{
	int64_t first_ms = 0;
	for (size_t i = 0; campaign->counts.running == 0 && i < members->count; i++) {
		const struct campaign_member *member = campaign_member_at(members, i);
		bool has_no_place = full && member->state == MEMBER_QUEUED && member->job[0] == '\0';
		if (member_state_final(member->state) || member->wave > (int)campaign->wave || has_no_place)
			continue;
		if (member->shut_until_ms == 0)
			return 0;
		first_ms = moment_earlier(first_ms, member->shut_until_ms);
	}
	return first_ms;
}

void campaign_sum_up(const struct campaign *campaign, char *ret, size_t size)
{
	const struct campaign_counts *counts = &campaign->counts;
	const struct {
		uint32_t number;
		const char *what;
	} parts[] = {
	    {counts->succeeded, "succeeded"}, {counts->failed, "failed"}, {counts->cancelled, "cancelled"}, {counts->skipped, "skipped"}};
	size_t used = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && used < size; i++)
		if (parts[i].number > 0)
			used += (size_t)snprintf(ret + used, size - used, "%s%u %s", used > 0 ? ", " : "", parts[i].number, parts[i].what);
}

int campaign_refuse_cursor(const char *device, struct job_fault *ret_fault)
{
	return job_fault_set(ret_fault, "invalid-request", "\"after\" has a value that is no device of the campaign: %s", device);
}
