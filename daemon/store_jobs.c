/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/job_notes.h"

/* The history may be without the job that it retries by now. */
#define RETRY_OF "(SELECT id FROM jobs WHERE id = ?12)"

static const char insert_job[] =
    "INSERT INTO jobs (" JOB_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, " RETRY_OF ", ?13, ?14, ?15,"
    " ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38,"
    " ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, ?58, ?59, ?60)";
static const char update_job[] =
    "UPDATE jobs SET (" JOB_COLUMNS ") = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, " RETRY_OF ", ?13, ?14, ?15,"
    " ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38,"
    " ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, ?58, ?59, ?60)"
    " WHERE id = ?60";
static const char select_job[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1";
static const char select_unfinished[] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_open WHERE " JOB_IS_OPEN " ORDER BY id";
static const char select_newest_id[] = "SELECT max(id) FROM jobs";
static const char select_newest_upgrade[] = "SELECT max(id) FROM jobs WHERE device = ?1 AND kind = 'upgrade' AND furthest_phase <> ''";

static const char select_newest_good[] = "SELECT max(id) FROM jobs WHERE device = ?1 AND kind = 'upgrade' AND state = 'succeeded'";

static const char select_upgrade_before[] =
    "SELECT max(id) FROM jobs WHERE device = ?1 AND kind = 'upgrade' AND id < ?2 AND (past_return OR state = 'succeeded')";

static const char select_begun_before[] =
    "SELECT count(*) FROM jobs WHERE past_return AND state <> 'succeeded' AND id ="
    " (SELECT max(id) FROM jobs WHERE device = ?1 AND kind = 'upgrade' AND id < ?2 AND (past_return OR state = 'succeeded'))";

static const char after_every_id[] = "~";

static void bind_request(struct store_binder *binder, const struct job_request *request)
{
	store_bind_text(binder, job_kind_name(request->kind));
	store_bind_text(binder, request->device);
	store_bind_text(binder, request->firmware);
	store_bind_text(binder, request->firmware_name);
	store_bind_text(binder, request->helper);
	store_bind_text(binder, request->way);
	store_bind_int(binder, request->force);
	store_bind_int(binder, request->allow_downgrade);
	store_bind_int(binder, request->priority);
	store_bind_int(binder, request->rate_bps);
	store_bind_int(binder, request->not_before_ms);
	store_bind_text_or_null(binder, request->retry_of);
}

/* As long as it runs more of it may be told at any moment, without the disk. */
static double kept_percent(const struct job_row *row)
{
	const struct job *job = &row->job;
	bool ahead = job->state == JOB_RUNNING && row->percent_allowed > job->progress.percent;
	return ahead ? row->percent_allowed : job->progress.percent;
}

/* The text of the notes is the caller's, as it must live until the statement is reset. */
static int bind_job(sqlite3_stmt *statement, const struct job_row *row, const char *notes)
{
	const struct job *job = &row->job;
	struct store_binder binder = {.statement = statement, .next = 1};
	bind_request(&binder, &job->request);
	store_bind_text(&binder, job_state_name(job->state));
	store_bind_text(&binder, job->phase);
	store_bind_text(&binder, row->furthest_phase);
	store_bind_text(&binder, job->detail);
	store_bind_text(&binder, job_wait_name(job->waiting_for));
	store_bind_text(&binder, job->from_release);
	store_bind_text(&binder, job->to_release);
	store_bind_int(&binder, (int64_t)job->progress.bytes_done);
	store_bind_int(&binder, (int64_t)job->progress.bytes_total);
	store_bind_real(&binder, kept_percent(row));
	store_bind_text(&binder, job->progress.part);
	store_bind_int(&binder, job->step);
	store_bind_int(&binder, job->steps);
	store_bind_int(&binder, job->can_cancel);
	store_bind_int(&binder, row->cancel_requested);
	store_bind_int(&binder, job->attempt);
	store_bind_int(&binder, job->interruptions);
	store_bind_int(&binder, job->created_at_ms);
	store_bind_int(&binder, job->started_at_ms);
	store_bind_int(&binder, job->finished_at_ms);
	store_bind_int(&binder, job->not_before_ms);
	store_bind_int(&binder, job->verified);
	store_bind_text(&binder, job->fault.kind != NULL ? job->fault.kind->code : "");
	store_bind_text(&binder, job->fault.message);
	store_bind_text(&binder, job->fault.evidence);
	store_bind_text(&binder, job->request.second);
	store_bind_int(&binder, job->request.allow_branch_switch);
	store_bind_int(&binder, row->past_return);
	store_bind_int(&binder, row->no_way_back);
	store_bind_int(&binder, row->port_losses);
	store_bind_int(&binder, row->absent_since_ms);
	store_bind_text(&binder, notes);
	store_bind_text(&binder, row->url);
	store_bind_text(&binder, row->url_sha256);
	store_bind_text(&binder, job->download);
	store_bind_text(&binder, job->request.lease);
	store_bind_int(&binder, row->aside);
	store_bind_int(&binder, job->request.recover);
	store_bind_text(&binder, job->request.rung);
	store_bind_text(&binder, job->request.requested_by);
	store_bind_text(&binder, job->request.campaign);
	store_bind_text(&binder, job->request.window);
	store_bind_int(&binder, job->waiting_since_ms);
	store_bind_int(&binder, job->request.deadline_ms);
	store_bind_int(&binder, job->request.attempts);
	store_bind_int(&binder, job->attempts_max);
	store_bind_int(&binder, row->runs);
	store_bind_text(&binder, job->id);
	return binder.error;
}

static void read_request(struct store_reader *reader, struct job_request *ret)
{
	char kind[16];
	store_read_text(reader, kind, sizeof(kind));
	(void)job_kind_parse(kind, &ret->kind);
	store_read_text(reader, ret->device, sizeof(ret->device));
	store_read_text(reader, ret->firmware, sizeof(ret->firmware));
	store_read_text(reader, ret->firmware_name, sizeof(ret->firmware_name));
	store_read_text(reader, ret->helper, sizeof(ret->helper));
	store_read_text(reader, ret->way, sizeof(ret->way));
	ret->force = store_read_int(reader) != 0;
	ret->allow_downgrade = store_read_int(reader) != 0;
	ret->priority = (int)store_read_int(reader);
	ret->rate_bps = (uint32_t)store_read_int(reader);
	ret->not_before_ms = store_read_int(reader);
	store_read_text(reader, ret->retry_of, sizeof(ret->retry_of));
}

static void read_progress(struct store_reader *reader, struct job_progress *ret)
{
	ret->bytes_done = (uint64_t)store_read_int(reader);
	ret->bytes_total = (uint64_t)store_read_int(reader);
	ret->percent = store_read_real(reader);
	store_read_text(reader, ret->part, sizeof(ret->part));
	ret->known = ret->bytes_total > 0;
	ret->eta_s = -1;
}

static void read_fault(struct store_reader *reader, struct job_fault *ret)
{
	char code[48];
	store_read_text(reader, code, sizeof(code));
	if (code[0] != '\0')
		ret->kind = fault_kind_find(code);
	store_read_text(reader, ret->message, sizeof(ret->message));
	store_read_text(reader, ret->evidence, sizeof(ret->evidence));
}

/* Those of the third version of the schema and after. */
static void read_later_columns(struct store_reader *reader, struct job_row *ret)
{
	char notes[JOB_NOTES_TEXT_SIZE];
	ret->past_return = store_read_int(reader) != 0;
	ret->no_way_back = store_read_int(reader) != 0;
	ret->port_losses = (uint32_t)store_read_int(reader);
	ret->absent_since_ms = store_read_int(reader);
	store_read_text(reader, notes, sizeof(notes));
	job_notes_split(&ret->job, notes);
	store_read_text(reader, ret->url, sizeof(ret->url));
	store_read_text(reader, ret->url_sha256, sizeof(ret->url_sha256));
	store_read_text(reader, ret->job.download, sizeof(ret->job.download));
	store_read_text(reader, ret->job.request.lease, sizeof(ret->job.request.lease));
	ret->aside = store_read_int(reader) != 0;
	ret->job.request.recover = store_read_int(reader) != 0;
	store_read_text(reader, ret->job.request.rung, sizeof(ret->job.request.rung));
	store_read_text(reader, ret->job.request.requested_by, sizeof(ret->job.request.requested_by));
	store_read_text(reader, ret->job.request.campaign, sizeof(ret->job.request.campaign));
	store_read_text(reader, ret->job.request.window, sizeof(ret->job.request.window));
	ret->job.waiting_since_ms = store_read_int(reader);
	ret->job.request.deadline_ms = store_read_int(reader);
	ret->job.request.attempts = (uint32_t)store_read_int(reader);
	ret->job.attempts_max = (uint32_t)store_read_int(reader);
	ret->runs = (uint32_t)store_read_int(reader);
}

static void read_job(sqlite3_stmt *statement, struct job_row *ret)
{
	struct job *job = &ret->job;
	struct store_reader reader = {.statement = statement};
	char name[24];
	memset(ret, 0, sizeof(*ret));
	read_request(&reader, &job->request);
	store_read_text(&reader, name, sizeof(name));
	(void)job_state_parse(name, &job->state);
	store_read_text(&reader, job->phase, sizeof(job->phase));
	store_read_text(&reader, ret->furthest_phase, sizeof(ret->furthest_phase));
	store_read_text(&reader, job->detail, sizeof(job->detail));
	store_read_text(&reader, name, sizeof(name));
	(void)job_wait_parse(name, &job->waiting_for);
	store_read_text(&reader, job->from_release, sizeof(job->from_release));
	store_read_text(&reader, job->to_release, sizeof(job->to_release));
	read_progress(&reader, &job->progress);
	ret->percent_allowed = job->progress.percent;
	job->step = (uint32_t)store_read_int(&reader);
	job->steps = (uint32_t)store_read_int(&reader);
	job->can_cancel = store_read_int(&reader) != 0;
	ret->cancel_requested = store_read_int(&reader) != 0;
	job->attempt = (uint32_t)store_read_int(&reader);
	job->interruptions = (uint32_t)store_read_int(&reader);
	job->created_at_ms = store_read_int(&reader);
	job->started_at_ms = store_read_int(&reader);
	job->finished_at_ms = store_read_int(&reader);
	job->not_before_ms = store_read_int(&reader);
	job->verified = store_read_int(&reader) != 0;
	read_fault(&reader, &job->fault);
	store_read_text(&reader, job->request.second, sizeof(job->request.second));
	job->request.allow_branch_switch = store_read_int(&reader) != 0;
	read_later_columns(&reader, ret);
	store_read_text(&reader, job->id, sizeof(job->id));
}

static int write_job(struct store *store, const char *sql, const struct job_row *row, struct job_fault *ret_fault)
{
	char notes[JOB_NOTES_TEXT_SIZE];
	struct errand *errand;
	enum errand_change change = sql == insert_job ? ERRAND_NEW_JOB : ERRAND_JOB;
	int result = store_errand_begin_write(store, change, &row->job, &errand, ret_fault);
	if (result < 0)
		return result;
	job_notes_join(&row->job, notes);
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement == NULL)
		result = -EPROTO;
	else if (bind_job(statement, row, notes) != SQLITE_OK)
		result = store_failed(&store->writer, ret_fault);
	else
		result = store_run(&store->writer, statement, ret_fault);
	if (result == 0 && row->run.number != 0)
		result = store_attempt_write(store, row, ret_fault);
	if (result == 0 && job_state_terminal(row->job.state))
		result = store_ending_note(store, row, ret_fault);
	return store_errand_end_write(store, errand, result, ret_fault);
}

int store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault)
{
	return write_job(store, insert_job, row, ret_fault);
}

int store_job_update(struct store *store, const struct job_row *row, struct job_fault *ret_fault)
{
	return write_job(store, update_job, row, ret_fault);
}

int store_job_get(struct store *store, const char *id, struct job_row *ret, struct job_fault *ret_fault)
{
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_job, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_text(&binder, id);
		int step = sqlite3_step(statement);
		if (step == SQLITE_ROW) {
			read_job(statement, ret);
			result = 0;
		} else if (step == SQLITE_DONE) {
			job_fault_set(ret_fault, "not-found", "there is no job %s", id);
		} else {
			store_failed(&store->reader, ret_fault);
		}
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return result;
}

int store_read_jobs(struct store_connection *connection, sqlite3_stmt *statement, bool whole_rows, void **ret, size_t *ret_count,
		    struct job_fault *ret_fault)
{
	size_t size = whole_rows ? sizeof(struct job_row) : sizeof(struct job);
	size_t count = 0, room = 0;
	char *rows = NULL;
	int result = 0, step;
	while (result == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step != SQLITE_ROW) {
			result = store_failed(connection, ret_fault);
			break;
		}
		if (count == room) {
			room = room == 0 ? 16 : 2 * room;
			char *more = reallocarray(rows, room, size);
			if (more == NULL) {
				result = -ENOMEM;
				break;
			}
			rows = more;
		}
		struct job_row row;
		read_job(statement, &row);
		memcpy(rows + count++ * size, whole_rows ? (void *)&row : (void *)&row.job, size);
	}
	sqlite3_reset(statement);
	if (result < 0) {
		free(rows);
		return result;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

int store_jobs_unfinished(struct store *store, struct job_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	void *rows = NULL;
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_unfinished, ret_fault);
	if (statement != NULL)
		result = store_read_jobs(&store->reader, statement, true, &rows, ret_count, ret_fault);
	store_read_end(store);
	if (result == 0)
		*ret = rows;
	return result;
}

/* One id, or "" where there is none; device, before NULL: the statement takes none. */
static int read_id(struct store *store, const char *sql, const char *device, const char *before, char ret[JOB_ID_SIZE],
		   struct job_fault *ret_fault)
{
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, sql, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		if (device != NULL)
			store_bind_text(&binder, device);
		if (before != NULL)
			store_bind_text(&binder, before);
		result = sqlite3_step(statement) == SQLITE_ROW ? 0 : store_failed(&store->reader, ret_fault);
		struct store_reader reader = {.statement = statement};
		if (result == 0)
			store_read_text(&reader, ret, JOB_ID_SIZE);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return result;
}

int store_job_newest_id(struct store *store, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	return read_id(store, select_newest_id, NULL, NULL, ret, ret_fault);
}

int store_job_newest_upgrade(struct store *store, const char *device, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	return read_id(store, select_newest_upgrade, device, NULL, ret, ret_fault);
}

int store_job_newest_good(struct store *store, const char *device, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	return read_id(store, select_newest_good, device, NULL, ret, ret_fault);
}

int store_job_upgrade_before(struct store *store, const char *device, const char *job, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	return read_id(store, select_upgrade_before, device, job, ret, ret_fault);
}

int store_job_begun_before(struct store *store, const char *device, const char *job, bool *ret, struct job_fault *ret_fault)
{
	char count[JOB_ID_SIZE] = "";
	int result = read_id(store, select_begun_before, device, job[0] != '\0' ? job : after_every_id, count, ret_fault);
	*ret = strcmp(count, "0") != 0;
	return result;
}
