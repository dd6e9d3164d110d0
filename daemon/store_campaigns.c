/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_plan.h"

#define ORDER_COLUMNS                                                                                                                      \
	"id, name, selector, firmware, firmware_name, helper, second, way, force, allow_downgrade, allow_branch_switch, priority, "        \
	"rate_bps, max_parallel, stop_failed, stop_consecutive, stop_percent, pause_after_wave, soak_s, start_window, offline, release, "  \
	"created_at_ms, deadline_ms, attempts, requested_by"
#define MEMBER_COLUMNS                                                                                                                     \
	"campaign, device, wave, state, reason, job, previous, withdrawn, from_release, to_release, attempts, started_at_ms, "             \
	"finished_at_ms, fault_code, fault_message, fault_evidence, verified, ended"

static const char insert_campaign[] =
    "INSERT INTO campaigns (" ORDER_COLUMNS ", state, reason, wave, wave_done_at_ms, started_at_ms, finished_at_ms) VALUES (?1, ?2, ?3,"
    " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, 'draft', '', 0, 0, 0, 0)"
    " ON CONFLICT (id) DO NOTHING";
static const char update_campaign[] = "UPDATE campaigns SET state = ?2, reason = ?3, wave = ?4, wave_done_at_ms = ?5, started_at_ms = ?6,"
				      " finished_at_ms = ?7, deadline_ms = ?8 WHERE id = ?1";
static const char insert_wave[] =
    "INSERT INTO campaign_waves (campaign, position, kind, number, selector) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
/* New members come behind those that are there. */
static const char save_member[] =
    "INSERT INTO campaign_members (" MEMBER_COLUMNS ", position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
    " ?16, ?17, ?18, ?19) ON CONFLICT (campaign, device) DO UPDATE SET (state, reason, job, previous, withdrawn, from_release, to_release, "
    "attempts,"
    " started_at_ms, finished_at_ms, fault_code, fault_message, fault_evidence, verified, ended) ="
    " (?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
static const char select_campaign[] =
    "SELECT " ORDER_COLUMNS
    ", state, reason, wave, wave_done_at_ms, started_at_ms, finished_at_ms FROM campaigns WHERE id = ?1 AND NOT removed";
static const char select_waves[] = "SELECT kind, number, selector FROM campaign_waves WHERE campaign = ?1 ORDER BY position";
static const char select_members[] =
    "SELECT " MEMBER_COLUMNS " FROM campaign_members WHERE campaign = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
static const char select_position[] = "SELECT position FROM campaign_members WHERE campaign = ?1 AND device = ?2";
static const char count_members[] = "SELECT wave, state, count(*) FROM campaign_members WHERE campaign = ?1 GROUP BY wave, state";
static const char select_ids[] = "SELECT id FROM campaigns WHERE id < ?1 AND NOT removed ORDER BY id DESC LIMIT ?2";
static const char select_unfinished[] =
    "SELECT id FROM campaigns WHERE state IN ('draft', 'running', 'paused', 'waiting')"
    " UNION SELECT campaign FROM campaign_members WHERE state IN ('queued', 'waiting', 'running') ORDER BY 1";
static const char delete_campaign[] = "DELETE FROM campaigns WHERE id = ?1";

/* A statement of the writer whose first parameter is the campaign. */
static int begin(struct store *store, const char *sql, const char *campaign, struct store_binder *ret, struct job_fault *ret_fault)
{
	*ret = (struct store_binder){.statement = store_statement(&store->writer, sql, ret_fault), .next = 1};
	if (ret->statement == NULL)
		return -EPROTO;
	store_bind_text(ret, campaign);
	return 0;
}

static int run_bound(struct store *store, struct store_binder *binder, struct job_fault *ret_fault)
{
	return binder->error == SQLITE_OK ? store_run(&store->writer, binder->statement, ret_fault)
					  : store_failed(&store->writer, ret_fault);
}

static int write_order(struct store *store, const struct campaign *campaign, struct job_fault *ret_fault)
{
	const struct campaign_order *order = &campaign->order;
	const struct job_request *request = &order->request;
	char window[WINDOW_TEXT_SIZE] = "";
	if (order->window.days != 0)
		window_text(&order->window, window, sizeof(window));
	struct store_binder binder;
	if (begin(store, insert_campaign, campaign->id, &binder, ret_fault) < 0)
		return -EPROTO;
	store_bind_text(&binder, order->name);
	store_bind_text(&binder, order->selector);
	store_bind_text(&binder, request->firmware);
	store_bind_text(&binder, request->firmware_name);
	store_bind_text(&binder, request->helper);
	store_bind_text(&binder, request->second);
	store_bind_text(&binder, request->way);
	store_bind_int(&binder, request->force);
	store_bind_int(&binder, request->allow_downgrade);
	store_bind_int(&binder, request->allow_branch_switch);
	store_bind_int(&binder, request->priority);
	store_bind_int(&binder, request->rate_bps);
	store_bind_int(&binder, order->max_parallel);
	store_bind_int(&binder, order->stop_after.failed);
	store_bind_int(&binder, order->stop_after.consecutive);
	store_bind_int(&binder, order->stop_after.percent);
	store_bind_int(&binder, order->pause_after_wave);
	store_bind_int(&binder, order->soak_s);
	store_bind_text(&binder, window);
	store_bind_text(&binder, campaign_offline_name(order->offline));
	store_bind_text(&binder, campaign->release);
	store_bind_int(&binder, campaign->created_at_ms);
	store_bind_int(&binder, request->deadline_ms);
	store_bind_int(&binder, request->attempts);
	store_bind_text(&binder, request->requested_by);
	return run_bound(store, &binder, ret_fault);
}

static int write_state(struct store *store, const struct campaign *campaign, struct job_fault *ret_fault)
{
	struct store_binder binder;
	if (begin(store, update_campaign, campaign->id, &binder, ret_fault) < 0)
		return -EPROTO;
	store_bind_text(&binder, campaign_state_name(campaign->state));
	store_bind_text(&binder, campaign->reason);
	store_bind_int(&binder, campaign->wave);
	store_bind_int(&binder, campaign->wave_done_at_ms);
	store_bind_int(&binder, campaign->started_at_ms);
	store_bind_int(&binder, campaign->finished_at_ms);
	store_bind_int(&binder, campaign->order.request.deadline_ms);
	return run_bound(store, &binder, ret_fault);
}

static int write_wave(struct store *store, const struct campaign *campaign, size_t position, struct job_fault *ret_fault)
{
	const struct campaign_wave *wave = &campaign->order.waves[position];
	struct store_binder binder;
	if (begin(store, insert_wave, campaign->id, &binder, ret_fault) < 0)
		return -EPROTO;
	store_bind_int(&binder, (int64_t)position);
	store_bind_int(&binder, wave->kind);
	store_bind_int(&binder, wave->number);
	store_bind_text(&binder, wave->selector);
	return run_bound(store, &binder, ret_fault);
}

static int write_member(struct store *store, const char *campaign, const struct campaign_member *member, size_t position,
			struct job_fault *ret_fault)
{
	struct store_binder binder;
	if (begin(store, save_member, campaign, &binder, ret_fault) < 0)
		return -EPROTO;
	store_bind_text(&binder, member->device);
	store_bind_int(&binder, member->wave);
	store_bind_text(&binder, member_state_name(member->state));
	store_bind_text(&binder, member->reason);
	store_bind_text(&binder, member->job);
	store_bind_text(&binder, member->previous);
	store_bind_int(&binder, member->withdrawn);
	store_bind_text(&binder, member->from_release);
	store_bind_text(&binder, member->to_release);
	store_bind_int(&binder, member->attempts);
	store_bind_int(&binder, member->started_at_ms);
	store_bind_int(&binder, member->finished_at_ms);
	store_bind_text(&binder, member->fault != NULL ? member->fault->code : "");
	store_bind_text(&binder, member->fault_message);
	store_bind_text(&binder, member->fault_evidence);
	store_bind_int(&binder, member->verified);
	store_bind_int(&binder, member->ended);
	store_bind_int(&binder, (int64_t)position);
	return run_bound(store, &binder, ret_fault);
}

int store_campaign_save(struct store *store, const struct campaign_change *change, struct job_fault *ret_fault)
{
	struct errand *errand;
	const struct campaign *campaign = change->campaign;
	int result = store_errand_begin_campaign(store, campaign, &errand, ret_fault);
	if (result < 0)
		return result;
	result = write_order(store, campaign, ret_fault);
	if (result == 0)
		result = write_state(store, campaign, ret_fault);
	for (size_t i = 0; result == 0 && i < campaign->order.wave_count; i++)
		result = write_wave(store, campaign, i, ret_fault);
	for (size_t i = 0; result == 0 && i < change->count; i++)
		result = write_member(store, campaign->id, &change->members[i], i, ret_fault);
	if (result == 0 && change->ends)
		result = store_ending_note_campaign(store, campaign->id, change->told_before, ret_fault);
	return store_errand_end_write(store, errand, result, ret_fault);
}

static void read_order(struct store_reader *reader, struct campaign *ret)
{
	struct campaign_order *order = &ret->order;
	struct job_request *request = &order->request;
	char window[WINDOW_TEXT_SIZE], offline[16];
	request->kind = JOB_UPGRADE;
	store_read_text(reader, ret->id, sizeof(ret->id));
	store_read_text(reader, order->name, sizeof(order->name));
	store_read_text(reader, order->selector, sizeof(order->selector));
	store_read_text(reader, request->firmware, sizeof(request->firmware));
	store_read_text(reader, request->firmware_name, sizeof(request->firmware_name));
	store_read_text(reader, request->helper, sizeof(request->helper));
	store_read_text(reader, request->second, sizeof(request->second));
	store_read_text(reader, request->way, sizeof(request->way));
	request->force = store_read_int(reader) != 0;
	request->allow_downgrade = store_read_int(reader) != 0;
	request->allow_branch_switch = store_read_int(reader) != 0;
	request->priority = (int)store_read_int(reader);
	request->rate_bps = (uint32_t)store_read_int(reader);
	order->max_parallel = (uint32_t)store_read_int(reader);
	order->stop_after.failed = (uint32_t)store_read_int(reader);
	order->stop_after.consecutive = (uint32_t)store_read_int(reader);
	order->stop_after.percent = (uint32_t)store_read_int(reader);
	order->pause_after_wave = store_read_int(reader) != 0;
	order->soak_s = (uint32_t)store_read_int(reader);
	store_read_text(reader, window, sizeof(window));
	if (window[0] != '\0')
		(void)window_parse(window, &order->window);
	store_read_text(reader, offline, sizeof(offline));
	(void)campaign_offline_parse(offline, &order->offline);
	store_read_text(reader, ret->release, sizeof(ret->release));
	ret->created_at_ms = store_read_int(reader);
	request->deadline_ms = store_read_int(reader);
	request->attempts = (uint32_t)store_read_int(reader);
	store_read_text(reader, request->requested_by, sizeof(request->requested_by));
}

static void read_campaign(sqlite3_stmt *statement, struct campaign *ret)
{
	struct store_reader reader = {.statement = statement};
	char state[16];
	*ret = (struct campaign){0};
	read_order(&reader, ret);
	store_read_text(&reader, state, sizeof(state));
	(void)campaign_state_parse(state, &ret->state);
	store_read_text(&reader, ret->reason, sizeof(ret->reason));
	ret->wave = (uint32_t)store_read_int(&reader);
	ret->wave_done_at_ms = store_read_int(&reader);
	ret->started_at_ms = store_read_int(&reader);
	ret->finished_at_ms = store_read_int(&reader);
}

static void read_member(sqlite3_stmt *statement, struct campaign_member *ret)
{
	struct store_reader reader = {.statement = statement, .next = 1};
	char text[48];
	*ret = (struct campaign_member){0};
	store_read_text(&reader, ret->device, sizeof(ret->device));
	ret->wave = (int)store_read_int(&reader);
	store_read_text(&reader, text, sizeof(text));
	(void)member_state_parse(text, &ret->state);
	store_read_text(&reader, ret->reason, sizeof(ret->reason));
	store_read_text(&reader, ret->job, sizeof(ret->job));
	store_read_text(&reader, ret->previous, sizeof(ret->previous));
	ret->withdrawn = store_read_int(&reader) != 0;
	store_read_text(&reader, ret->from_release, sizeof(ret->from_release));
	store_read_text(&reader, ret->to_release, sizeof(ret->to_release));
	ret->attempts = (uint32_t)store_read_int(&reader);
	ret->started_at_ms = store_read_int(&reader);
	ret->finished_at_ms = store_read_int(&reader);
	store_read_text(&reader, text, sizeof(text));
	ret->fault = text[0] != '\0' ? fault_kind_find(text) : NULL;
	store_read_text(&reader, ret->fault_message, sizeof(ret->fault_message));
	store_read_text(&reader, ret->fault_evidence, sizeof(ret->fault_evidence));
	ret->verified = store_read_int(&reader) != 0;
	ret->ended = store_read_int(&reader);
}

static sqlite3_stmt *select_by_id(struct store *store, const char *sql, const char *id, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->reader, sql, ret_fault), .next = 1};
	if (binder.statement != NULL)
		store_bind_text(&binder, id);
	return binder.statement;
}

static int load_waves(struct store *store, const char *id, struct campaign_order *order, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = select_by_id(store, select_waves, id, ret_fault);
	int step = statement != NULL ? SQLITE_ROW : SQLITE_ERROR;
	while (step == SQLITE_ROW && (step = sqlite3_step(statement)) == SQLITE_ROW && order->wave_count < CAMPAIGN_WAVES_MAX) {
		struct store_reader reader = {.statement = statement};
		struct campaign_wave *wave = &order->waves[order->wave_count++];
		wave->kind = (enum wave_kind)store_read_int(&reader);
		wave->number = (uint32_t)store_read_int(&reader);
		store_read_text(&reader, wave->selector, sizeof(wave->selector));
	}
	int result = step == SQLITE_ERROR ? store_failed(&store->reader, ret_fault) : 0;
	sqlite3_reset(statement);
	return result;
}

/* Behind which a page begins; -1: with the first member. */
static int find_position(struct store *store, const char *id, const struct campaign_page *page, int64_t *ret, struct job_fault *ret_fault)
{
	*ret = -1;
	if (page->after[0] == '\0')
		return 0;
	struct store_binder binder = {.statement = select_by_id(store, select_position, id, ret_fault), .next = 2};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, page->after);
	int step = sqlite3_step(binder.statement);
	int result = step == SQLITE_DONE  ? campaign_refuse_cursor(page->after, ret_fault)
		     : step != SQLITE_ROW ? store_failed(&store->reader, ret_fault)
					  : 0;
	if (result == 0)
		*ret = sqlite3_column_int64(binder.statement, 0);
	sqlite3_reset(binder.statement);
	return result;
}

static int load_members(struct store *store, const char *id, const struct campaign_page *page, struct campaign_report *ret,
			struct job_fault *ret_fault)
{
	size_t room = 0;
	int64_t position;
	int step = SQLITE_DONE;
	int result = find_position(store, id, page, &position, ret_fault);
	sqlite3_stmt *statement = result == 0 ? select_by_id(store, select_members, id, ret_fault) : NULL;
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 2};
	store_bind_int(&binder, position);
	store_bind_int(&binder, page->limit > 0 ? (int64_t)page->limit + 1 : -1);
	while (result == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		if (ret->count == room) {
			room = room * 2 + 16;
			struct campaign_member *grown = reallocarray(ret->members, room, sizeof(*grown));
			result = grown != NULL ? 0 : -ENOMEM;
			ret->members = grown != NULL ? grown : ret->members;
		}
		if (result == 0)
			read_member(statement, &ret->members[ret->count++]);
	}
	if (result == 0 && step != SQLITE_DONE)
		result = store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	ret->more = page->limit > 0 && ret->count > page->limit;
	if (ret->more)
		ret->count = page->limit;
	return result;
}

static int tally_members(struct store *store, struct campaign *campaign, struct job_fault *ret_fault)
{
	int step;
	sqlite3_stmt *statement = select_by_id(store, count_members, campaign->id, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	campaign_tally_begin(campaign);
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_reader reader = {.statement = statement};
		enum member_state state;
		char text[16];
		int wave = (int)store_read_int(&reader);
		store_read_text(&reader, text, sizeof(text));
		(void)member_state_parse(text, &state);
		campaign_tally_add(campaign, wave, state, (uint32_t)store_read_int(&reader));
	}
	campaign_tally_end(campaign);
	int result = step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

static int load_campaign(struct store *store, const char *id, struct campaign *ret, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = select_by_id(store, select_campaign, id, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	int step = sqlite3_step(statement);
	int result = step == SQLITE_ROW    ? 0
		     : step == SQLITE_DONE ? job_fault_set(ret_fault, "not-found", "there is no campaign of that id")
					   : store_failed(&store->reader, ret_fault);
	if (result == 0)
		read_campaign(statement, ret);
	sqlite3_reset(statement);
	return result == 0 ? load_waves(store, id, &ret->order, ret_fault) : result;
}

int store_campaign_load(struct store *store, const char *id, const struct campaign_page *page, struct campaign_report *ret,
			struct job_fault *ret_fault)
{
	*ret = (struct campaign_report){0};
	store_read_begin(store);
	int result = load_campaign(store, id, &ret->campaign, ret_fault);
	if (result == 0)
		result = tally_members(store, &ret->campaign, ret_fault);
	if (result == 0)
		result = load_members(store, id, page, ret, ret_fault);
	store_read_end(store);
	if (result < 0)
		campaign_report_clear(ret);
	return result;
}

int store_campaign_glance(struct store *store, const char *id, struct campaign *ret, struct job_fault *ret_fault)
{
	store_read_begin(store);
	int result = load_campaign(store, id, ret, ret_fault);
	if (result == 0)
		result = tally_members(store, ret, ret_fault);
	store_read_end(store);
	return result;
}

/* `reader` is held. */
static int read_ids(struct store *store, sqlite3_stmt *statement, char (**ids)[JOB_ID_SIZE], size_t *count, struct job_fault *ret_fault)
{
	int step = SQLITE_DONE, result = 0;
	while (result == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		char(*grown)[JOB_ID_SIZE] = reallocarray(*ids, *count + 1, sizeof(*grown));
		if (grown == NULL) {
			result = -ENOMEM;
			break;
		}
		*ids = grown;
		struct store_reader reader = {.statement = statement};
		store_read_text(&reader, grown[(*count)++], sizeof(*grown));
	}
	if (result == 0 && step != SQLITE_DONE)
		result = store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

static int list_ids(struct store *store, const char *sql, const char *before, unsigned limit, char (**ret)[JOB_ID_SIZE], size_t *ret_count,
		    struct job_fault *ret_fault)
{
	char(*ids)[JOB_ID_SIZE] = NULL;
	size_t count = 0;
	int result = -EPROTO;
	store_read_begin(store);
	struct store_binder binder = {.statement = store_statement(&store->reader, sql, ret_fault), .next = 1};
	if (binder.statement != NULL && limit > 0) {
		store_bind_text(&binder, before[0] != '\0' ? before : "~");
		store_bind_int(&binder, limit);
	}
	if (binder.statement != NULL)
		result = read_ids(store, binder.statement, &ids, &count, ret_fault);
	store_read_end(store);
	if (result < 0) {
		free(ids);
		return result;
	}
	*ret = ids;
	*ret_count = count;
	return 0;
}

int store_campaign_ids(struct store *store, const char *before, unsigned limit, char (**ret)[JOB_ID_SIZE], size_t *ret_count,
		       struct job_fault *ret_fault)
{
	return list_ids(store, select_ids, before, limit, ret, ret_count, ret_fault);
}

int store_campaigns_unfinished(struct store *store, char (**ret)[JOB_ID_SIZE], size_t *ret_count, struct job_fault *ret_fault)
{
	return list_ids(store, select_unfinished, "", 0, ret, ret_count, ret_fault);
}

int store_campaign_remove(struct store *store, const struct campaign *campaign, struct job_fault *ret_fault)
{
	struct errand *errand;
	int result = store_errand_begin_campaign(store, campaign, &errand, ret_fault);
	if (result < 0)
		return result;
	result = store_run_for(store, delete_campaign, campaign->id, ret_fault);
	return store_errand_end_write(store, errand, result, ret_fault);
}
