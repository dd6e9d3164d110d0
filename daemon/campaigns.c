/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_plan.h"
#include "daemon/job_id.h"
#include "daemon/job_pins.h"
#include "daemon/log.h"

/* A draft that was read from the disk has none, and no memory for them. */
static void copy_members(struct campaign_member *to, const struct campaign_member *from, size_t count)
{
	if (count > 0)
		memcpy(to, from, count * sizeof(*to));
}

int campaign_draft_begin(struct campaigns *campaigns, struct campaign_run *run, struct campaign_draft *ret)
{
	*ret = (struct campaign_draft){.campaigns = campaigns, .run = run, .next = run->now};
	ret->members = malloc((run->roster.count + 1) * sizeof(*ret->members));
	ret->copied = calloc(run->roster.count + 1, sizeof(*ret->copied));
	ret->changed = calloc(run->roster.count + 1, sizeof(*ret->changed));
	if (ret->members != NULL && ret->copied != NULL && ret->changed != NULL)
		return 0;
	campaign_draft_end(ret);
	return -ENOMEM;
}

void campaign_draft_end(struct campaign_draft *draft)
{
	free(draft->members);
	free(draft->copied);
	free(draft->changed);
	draft->members = NULL;
	draft->copied = draft->changed = NULL;
}

struct campaign_members campaign_draft_members(const struct campaign_draft *draft)
{
	return (struct campaign_members){
	    .now = draft->run->roster.members, .next = draft->members, .copied = draft->copied, .count = draft->run->roster.count};
}

const struct campaign_member *campaign_draft_see(const struct campaign_draft *draft, size_t i)
{
	const struct campaign_members members = campaign_draft_members(draft);
	return campaign_member_at(&members, i);
}

struct campaign_member *campaign_draft_edit(struct campaign_draft *draft, size_t i)
{
	if (!draft->copied[i])
		draft->members[i] = draft->run->roster.members[i];
	draft->copied[i] = true;
	return &draft->members[i];
}

void campaign_draft_tally(struct campaign_draft *draft)
{
	const struct campaign_run *run = draft->run;
	struct campaign *next = &draft->next;
	next->counts = run->now.counts;
	for (size_t i = 0; i < next->order.wave_count; i++)
		next->order.waves[i].finished = run->now.order.waves[i].finished;
	for (size_t i = 0; i < run->roster.count; i++)
		if (draft->copied[i])
			campaign_tally_move(next, run->roster.members[i].wave, run->roster.members[i].state, draft->members[i].state);
	campaign_tally_end(next);
}

void campaign_stir(struct campaign_run *run)
{
	for (size_t i = 0; i < run->roster.count; i++)
		run->roster.marks[i].stirred = true;
	run->due = true;
}

int64_t campaign_tell(struct campaigns *campaigns, struct campaign_run *run, bool at_once)
{
	int64_t now_ms = campaigns->now_ms(), due_ms = run->told_at_ms + CAMPAIGN_TOLD_EVERY_MS;
	bool set_back = now_ms < run->told_at_ms;
	if (!run->untold)
		return 0;
	if (!at_once && !set_back && now_ms < due_ms)
		return due_ms;
	run->untold = false;
	run->told_at_ms = now_ms;
	event_publish_campaign(campaigns->gateway->events, EVENT_CAMPAIGN_CHANGED, &run->now);
	return 0;
}

static bool same_step(const struct campaign *one, const struct campaign *other)
{
	bool same = one->state == other->state && one->wave == other->wave;
	for (size_t i = 0; i < one->order.wave_count; i++)
		same &= one->order.waves[i].state == other->order.waves[i].state;
	return same;
}

void campaign_draft_show(struct campaign_draft *draft)
{
	struct campaign_run *run = draft->run;
	struct campaigns *campaigns = draft->campaigns;
	campaign_draft_tally(draft);
	bool at_once = !same_step(&run->now, &draft->next);
	run->untold |= memcmp(&run->now, &draft->next, sizeof(run->now)) != 0;
	pthread_mutex_lock(&campaigns->lock);
	run->now = draft->next;
	for (size_t i = 0; i < run->roster.count; i++)
		if (draft->copied[i])
			run->roster.members[i] = draft->members[i];
	pthread_mutex_unlock(&campaigns->lock);
	memset(draft->copied, 0, run->roster.count * sizeof(*draft->copied));
	/* Still under `change`: whoever listens sees the changes in the order in which they were made. */
	campaign_tell(campaigns, run, at_once);
}

void campaign_draft_take_back(struct campaign_draft *draft)
{
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		draft->copied[i] = draft->copied[i] && !draft->changed[i];
		draft->changed[i] = false;
	}
}

static int save(struct campaign_draft *draft, const struct campaign_member *members, size_t count, struct job_fault *ret_fault)
{
	const struct gateway *gateway = draft->campaigns->gateway;
	const struct campaign *next = &draft->next;
	bool final = next->state == CAMPAIGN_STOPPED || next->state == CAMPAIGN_FINISHED;
	struct campaign_change change = {.campaign = next, .members = members, .count = count};
	change.ends = final && next->state != draft->run->now.state;
	change.told_before = event_bus_head(gateway->events);
	return store_campaign_save(gateway->store, &change, ret_fault);
}

int campaign_draft_commit(struct campaign_draft *draft, struct job_fault *ret_fault)
{
	size_t count = 0, room = 1;
	struct campaign_run *run = draft->run;
	for (size_t i = 0; i < run->roster.count; i++)
		room += draft->changed[i];
	struct campaign_member *kept = calloc(room, sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < run->roster.count; i++)
		if (draft->changed[i])
			kept[count++] = *campaign_draft_see(draft, i);
	int result = 0;
	campaign_draft_tally(draft); /* the answer to a request with a key is kept with it */
	if (count > 0 || draft->kept)
		result = save(draft, kept, count, ret_fault);
	free(kept);
	if (result < 0)
		return result;
	draft->kept = false;
	memset(draft->changed, 0, run->roster.count * sizeof(*draft->changed));
	if (draft->next.state != run->now.state)
		log_info(NULL, "campaign %s: %s -> %s%s%s", run->now.id, campaign_state_name(run->now.state),
			 campaign_state_name(draft->next.state), draft->next.reason[0] != '\0' ? ": " : "", draft->next.reason);
	campaign_draft_show(draft);
	return 0;
}

struct campaign_run *campaigns_find(struct campaigns *campaigns, const char *id)
{
	struct campaign_run *run = campaigns->runs;
	while (run != NULL && strcmp(run->now.id, id) != 0)
		run = run->next;
	return run;
}

int campaign_pin(struct campaigns *campaigns, struct campaign_run *run, struct job_fault *ret_fault)
{
	int result = run->pinned ? 0 : job_pins_take(campaigns->gateway->firmware, &run->now.order.request, ret_fault);
	run->pinned = result == 0;
	return result;
}

int campaign_roster_make(struct campaign_member *members, size_t count, struct campaign_roster *ret)
{
	struct campaign_roster roster = {.count = count, .marks = calloc(count + 1, sizeof(*roster.marks))};
	int result = roster.marks != NULL ? 0 : -ENOMEM;
	for (size_t i = 0; result == 0 && i < count; i++)
		result = name_index_put(&roster.by_device, members[i].device, &members[i]);
	if (result < 0) {
		campaign_roster_clear(&roster);
		return result;
	}
	roster.members = members;
	*ret = roster;
	return 0;
}

void campaign_roster_clear(struct campaign_roster *roster)
{
	name_index_clear(&roster->by_device);
	free(roster->members);
	free(roster->marks);
	*roster = (struct campaign_roster){0};
}

int campaigns_take(struct campaigns *campaigns, struct campaign_report *report, struct campaign_run **ret)
{
	struct job_fault fault;
	struct campaign_run *run = calloc(1, sizeof(*run));
	if (run == NULL)
		return -ENOMEM;
	run->now = report->campaign;
	int result = campaign_roster_make(report->members, report->count, &run->roster);
	if (result < 0) {
		free(run);
		return result;
	}
	report->members = NULL;
	campaign_tally(&run->now, run->roster.members, run->roster.count);
	campaign_stir(run);
	if (campaign_pin(campaigns, run, &fault) < 0)
		log_warning(NULL, "campaign %s: %s", run->now.id, fault.message);
	pthread_mutex_lock(&campaigns->lock);
	struct campaign_run **last = &campaigns->runs;
	while (*last != NULL)
		last = &(*last)->next;
	*last = run;
	pthread_mutex_unlock(&campaigns->lock);
	*ret = run;
	return 0;
}

void campaigns_forget(struct campaigns *campaigns, struct campaign_run *run)
{
	pthread_mutex_lock(&campaigns->lock);
	struct campaign_run **link = &campaigns->runs;
	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	pthread_mutex_unlock(&campaigns->lock);
	if (run->pinned)
		job_pins_drop(campaigns->gateway->firmware, &run->now.order.request);
	campaign_roster_clear(&run->roster);
	free(run);
}

static int take_up(struct campaigns *campaigns, const char *id, struct job_fault *ret_fault)
{
	struct campaign_run *run;
	struct campaign_report report;
	int result = store_campaign_load(campaigns->gateway->store, id, &(struct campaign_page){0}, &report, ret_fault);
	if (result < 0)
		return result;
	result = campaigns_take(campaigns, &report, &run);
	campaign_report_clear(&report);
	return result;
}

static int recover(struct campaigns *campaigns, struct job_fault *ret_fault)
{
	char(*ids)[JOB_ID_SIZE] = NULL;
	size_t count = 0;
	struct store *store = campaigns->gateway->store;
	int result = store_campaign_ids(store, "", 1, &ids, &count, ret_fault);
	if (result == 0 && count > 0)
		memcpy(campaigns->newest_id, ids[0], sizeof(campaigns->newest_id));
	free(ids);
	ids = NULL;
	if (result == 0)
		result = store_campaigns_unfinished(store, &ids, &count, ret_fault);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = take_up(campaigns, ids[i], ret_fault);
	free(ids);
	return result;
}

int campaigns_new(struct gateway *gateway, int64_t (*now_ms)(void), struct job_fault *ret_fault, struct campaigns **ret)
{
	struct campaigns *campaigns = calloc(1, sizeof(*campaigns));
	if (campaigns == NULL)
		return -ENOMEM;
	campaigns->gateway = gateway;
	campaigns->now_ms = now_ms;
	campaigns->heard = event_bus_head(gateway->events);
	pthread_mutex_init(&campaigns->change, NULL);
	pthread_mutex_init(&campaigns->lock, NULL);
	pthread_mutex_lock(&campaigns->change);
	int result = recover(campaigns, ret_fault);
	pthread_mutex_unlock(&campaigns->change);
	if (result < 0) {
		campaigns_free(campaigns);
		return result;
	}
	*ret = campaigns;
	return 0;
}

void campaigns_free(struct campaigns *campaigns)
{
	if (campaigns == NULL)
		return;
	while (campaigns->runs != NULL)
		campaigns_forget(campaigns, campaigns->runs);
	pthread_mutex_destroy(&campaigns->lock);
	pthread_mutex_destroy(&campaigns->change);
	free(campaigns);
}

/* `change` is held. */
static int add(struct campaigns *campaigns, struct campaign *campaign, const struct campaign_member *members, size_t count,
	       struct job_fault *ret_fault)
{
	struct campaign_run *run;
	struct campaign_report report = {.count = count};
	campaign->created_at_ms = campaigns->now_ms();
	(void)store_errand_who(campaigns->gateway->store, campaign->order.request.requested_by);
	if (campaign->state != CAMPAIGN_DRAFT)
		campaign->started_at_ms = campaign->created_at_ms;
	job_id_make(campaign->created_at_ms, campaigns->newest_id, campaign->id);
	report.members = calloc(count + 1, sizeof(*report.members));
	if (report.members == NULL)
		return -ENOMEM;
	copy_members(report.members, members, count);
	campaign_tally(campaign, members, count);
	report.campaign = *campaign;
	const struct campaign_change change = {.campaign = campaign, .members = members, .count = count};
	int result = store_campaign_save(campaigns->gateway->store, &change, ret_fault);
	if (result == 0)
		result = campaigns_take(campaigns, &report, &run);
	campaign_report_clear(&report);
	if (result < 0)
		return result;
	memcpy(campaigns->newest_id, campaign->id, sizeof(campaigns->newest_id));
	*campaign = run->now;
	log_info(NULL, "campaign %s: %s, %s for \"%s\", %zu devices", campaign->id, campaign_state_name(campaign->state),
		 campaign->order.request.firmware_name, campaign->order.selector, count);
	run->untold = true;
	campaign_tell(campaigns, run, true);
	return 0;
}

int campaigns_add(struct campaigns *campaigns, struct campaign *campaign, const struct campaign_member *members, size_t count,
		  struct job_fault *ret_fault)
{
	pthread_mutex_lock(&campaigns->change);
	int result = add(campaigns, campaign, members, count, ret_fault);
	pthread_mutex_unlock(&campaigns->change);
	queue_wake(campaigns->gateway->queue);
	return result;
}

int campaigns_glance(struct campaigns *campaigns, const char *id, struct campaign *ret, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&campaigns->lock);
	const struct campaign_run *run = campaigns_find(campaigns, id);
	bool found = run != NULL;
	if (found)
		*ret = run->now;
	pthread_mutex_unlock(&campaigns->lock);
	return found ? 0 : store_campaign_glance(campaigns->gateway->store, id, ret, ret_fault);
}

static int copy_page(const struct campaign_run *run, const struct campaign_page *page, struct campaign_report *ret,
		     struct job_fault *ret_fault)
{
	size_t from = 0;
	while (page->after[0] != '\0' && from < run->roster.count && strcmp(run->roster.members[from].device, page->after) != 0)
		from++;
	from += page->after[0] != '\0';
	if (from > run->roster.count)
		return campaign_refuse_cursor(page->after, ret_fault);
	ret->campaign = run->now;
	ret->count = run->roster.count - from;
	ret->more = page->limit > 0 && ret->count > page->limit;
	if (ret->more)
		ret->count = page->limit;
	ret->members = calloc(ret->count + 1, sizeof(*ret->members));
	if (ret->members == NULL)
		return -ENOMEM;
	copy_members(ret->members, run->roster.members + from, ret->count);
	return 0;
}

int campaigns_get(struct campaigns *campaigns, const char *id, const struct campaign_page *page, struct campaign_report *ret,
		  struct job_fault *ret_fault)
{
	int result = 0;
	*ret = (struct campaign_report){0};
	pthread_mutex_lock(&campaigns->lock);
	const struct campaign_run *run = campaigns_find(campaigns, id);
	bool found = run != NULL;
	if (found)
		result = copy_page(run, page, ret, ret_fault);
	pthread_mutex_unlock(&campaigns->lock);
	return found ? result : store_campaign_load(campaigns->gateway->store, id, page, ret, ret_fault);
}

int campaigns_list(struct campaigns *campaigns, const char *before, unsigned limit, struct campaign **ret, size_t *ret_count,
		   bool *ret_more, struct job_fault *ret_fault)
{
	char(*ids)[JOB_ID_SIZE] = NULL;
	size_t count = 0, kept = 0;
	int result = store_campaign_ids(campaigns->gateway->store, before, limit + 1, &ids, &count, ret_fault);
	struct campaign *list = result == 0 ? calloc(count + 1, sizeof(*list)) : NULL;
	if (result == 0 && list == NULL)
		result = -ENOMEM;
	*ret_more = count > limit;
	for (size_t i = 0; result == 0 && i < count && i < limit; i++) {
		int found = campaigns_glance(campaigns, ids[i], &list[kept], ret_fault);
		kept += found == 0;
		/* One that was removed in between is none. */
		result = found == -EPROTO && strcmp(ret_fault->kind->code, "not-found") == 0 ? 0 : found;
	}
	free(ids);
	if (result < 0) {
		free(list);
		return result;
	}
	*ret = list;
	*ret_count = kept;
	return 0;
}
