/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/modem/upgrade_plan.h"

#define PHASES_TEXT_SIZE 256u

_Static_assert(PHASE_COUNT == ATTEMPT_PHASES_MAX, "every phase of the engine has its place");

#define ATTEMPT_COLUMNS                                                                                                                    \
	"job, number, started_at_ms, log_from, finished_at_ms, outcome, phase, bytes_done, phases, fault_code, fault_message, "            \
	"fault_evidence, way"

static const char save_attempt[] =
    "INSERT INTO attempts (" ATTEMPT_COLUMNS ", family) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    " ON CONFLICT (job, number) DO UPDATE SET (finished_at_ms, outcome, phase, bytes_done, phases, fault_code, fault_message,"
    " fault_evidence, way, family) = (?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
static const char end_interrupted[] = "UPDATE attempts SET outcome = 'interrupted' WHERE outcome = 'running'";
static const char select_attempts[] = "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE job = ?1 ORDER BY number";

static const char select_telling[] = "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE family = ?1 AND family <> '' AND way = ?2"
				     " ORDER BY job DESC, number DESC LIMIT ?3";

static const char *const outcome_names[] = {
    [ATTEMPT_RUNNING] = "running",     [ATTEMPT_SUCCEEDED] = "succeeded",     [ATTEMPT_FAILED] = "failed",
    [ATTEMPT_CANCELLED] = "cancelled", [ATTEMPT_INTERRUPTED] = "interrupted",
};

const char *attempt_outcome_name(enum attempt_outcome outcome)
{
	return outcome_names[outcome];
}

bool attempt_outcome_parse(const char *name, enum attempt_outcome *ret)
{
	for (size_t i = 0; i < sizeof(outcome_names) / sizeof(outcome_names[0]); i++) {
		if (strcmp(outcome_names[i], name) != 0)
			continue;
		*ret = (enum attempt_outcome)i;
		return true;
	}
	return false;
}

/* What became of the attempt is told by where its job went from `running`. */
static enum attempt_outcome outcome_of(const struct job *job)
{
	switch (job->state) {
	case JOB_RUNNING:
		return ATTEMPT_RUNNING;
	case JOB_SUCCEEDED:
		return ATTEMPT_SUCCEEDED;
	case JOB_CANCELLED:
		return ATTEMPT_CANCELLED;
	case JOB_QUEUED: /* put back by the ordered stop */
		return ATTEMPT_INTERRUPTED;
	case JOB_WAITING:
	case JOB_FAILED:
		return ATTEMPT_FAILED;
	}
	return ATTEMPT_FAILED;
}

/* "connect 120 identify 40": names and milliseconds. */
static void join_phases(const struct job_run *run, char ret[PHASES_TEXT_SIZE])
{
	size_t used = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < ATTEMPT_PHASES_MAX && used < PHASES_TEXT_SIZE; i++)
		if ((run->phases & 1u << i) != 0)
			used += (size_t)snprintf(ret + used, PHASES_TEXT_SIZE - used, "%s%s %u", used > 0 ? " " : "",
						 upgrade_phase_name((enum upgrade_phase)i), run->phase_ms[i]);
}

static void split_phases(char *text, struct job_attempt *ret)
{
	char *rest = NULL;
	for (char *name = strtok_r(text, " ", &rest); name != NULL && ret->phase_count < ATTEMPT_PHASES_MAX;
	     name = strtok_r(NULL, " ", &rest)) {
		const char *ms = strtok_r(NULL, " ", &rest);
		struct attempt_phase *phase = &ret->phases[ret->phase_count++];
		snprintf(phase->name, sizeof(phase->name), "%s", name);
		phase->ms = ms != NULL ? (uint32_t)strtoul(ms, NULL, 10) : 0;
	}
}

int store_attempt_write(struct store *store, const struct job_row *row, struct job_fault *ret_fault)
{
	char phases[PHASES_TEXT_SIZE];
	const struct job_run *run = &row->run;
	const struct job_fault *fault = &row->job.fault;
	struct store_binder binder = {.statement = store_statement(&store->writer, save_attempt, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	join_phases(run, phases);
	store_bind_text(&binder, row->job.id);
	store_bind_int(&binder, run->number);
	store_bind_int(&binder, run->started_at_ms);
	store_bind_int(&binder, (int64_t)run->log_from);
	store_bind_int(&binder, run->finished_at_ms);
	store_bind_text(&binder, attempt_outcome_name(outcome_of(&row->job)));
	store_bind_text(&binder, run->phases != 0 ? row->job.phase : "");
	store_bind_int(&binder, (int64_t)run->bytes_done);
	store_bind_text(&binder, phases);
	store_bind_text(&binder, fault->kind != NULL ? fault->kind->code : "");
	store_bind_text(&binder, fault->message);
	store_bind_text(&binder, fault->evidence);
	store_bind_text(&binder, run->way);
	store_bind_text(&binder, run->family);
	return binder.error == SQLITE_OK ? store_run(&store->writer, binder.statement, ret_fault) : store_failed(&store->writer, ret_fault);
}

int store_attempts_interrupt(struct store *store, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	sqlite3_stmt *statement = store_statement(&store->writer, end_interrupted, ret_fault);
	result = statement != NULL ? store_run(&store->writer, statement, ret_fault) : -EPROTO;
	return store_write_end(store, result, ret_fault);
}

static void read_attempt(sqlite3_stmt *statement, struct attempt_row *ret)
{
	struct job_attempt *attempt = &ret->attempt;
	struct store_reader reader = {.statement = statement};
	char text[PHASES_TEXT_SIZE];
	*ret = (struct attempt_row){0};
	store_read_text(&reader, ret->job, sizeof(ret->job));
	attempt->number = (uint32_t)store_read_int(&reader);
	attempt->started_at_ms = store_read_int(&reader);
	ret->log_from = (uint64_t)store_read_int(&reader);
	attempt->finished_at_ms = store_read_int(&reader);
	store_read_text(&reader, text, sizeof(text));
	(void)attempt_outcome_parse(text, &attempt->outcome);
	store_read_text(&reader, attempt->phase, sizeof(attempt->phase));
	attempt->bytes_done = (uint64_t)store_read_int(&reader);
	store_read_text(&reader, text, sizeof(text));
	split_phases(text, attempt);
	store_read_text(&reader, text, sizeof(text));
	attempt->fault.kind = text[0] != '\0' ? fault_kind_find(text) : NULL;
	store_read_text(&reader, attempt->fault.message, sizeof(attempt->fault.message));
	store_read_text(&reader, attempt->fault.evidence, sizeof(attempt->fault.evidence));
	store_read_text(&reader, attempt->way, sizeof(attempt->way));
}

static int read_attempts(struct store *store, sqlite3_stmt *statement, struct attempt_row **rows, size_t *count,
			 struct job_fault *ret_fault)
{
	int step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct attempt_row *grown = reallocarray(*rows, *count + 1, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		*rows = grown;
		read_attempt(statement, &grown[(*count)++]);
	}
	return step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
}

/* Binds the texts that are not NULL, then the limit unless it is 0. */
static int list_attempts(struct store *store, const char *sql, const char *const texts[2], unsigned limit, struct attempt_row **ret,
			 size_t *ret_count, struct job_fault *ret_fault)
{
	struct attempt_row *rows = NULL;
	size_t count = 0;
	int result = -EPROTO;
	store_read_begin(store);
	struct store_binder binder = {.statement = store_statement(&store->reader, sql, ret_fault), .next = 1};
	if (binder.statement != NULL) {
		for (size_t i = 0; i < 2 && texts[i] != NULL; i++)
			store_bind_text(&binder, texts[i]);
		if (limit > 0)
			store_bind_int(&binder, limit);
		result = read_attempts(store, binder.statement, &rows, &count, ret_fault);
		sqlite3_reset(binder.statement);
	}
	store_read_end(store);
	if (result < 0) {
		free(rows);
		return result;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

int store_attempts_list(struct store *store, const char *job, struct attempt_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	const char *const texts[2] = {job};
	return list_attempts(store, select_attempts, texts, 0, ret, ret_count, ret_fault);
}

int store_attempts_telling(struct store *store, const char *family, const char *way, unsigned limit, struct attempt_row **ret,
			   size_t *ret_count, struct job_fault *ret_fault)
{
	const char *const texts[2] = {family, way};
	return list_attempts(store, select_telling, texts, limit, ret, ret_count, ret_fault);
}
