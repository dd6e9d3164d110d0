/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "cmd/dupctl/job_query.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

void job_path(struct text *path, const char *id, const char *rest)
{
	text_add(path, "/jobs/");
	url_escape(path, id);
	text_add(path, rest);
}

/* Page after page, the newest first, until there are as many as wanted. `ret`: one answer that holds them all. */
static int jobs_collect(struct session *session, const struct options *options, json_t *ret, struct failure *failure)
{
	int64_t wanted = options->limit.set ? options->limit.value : JOBS_SHOWN, now_s = (int64_t)time(NULL);
	text_owned before = {0};
	json_t *jobs = json_array();

	text_add(&before, options->before ? options->before : "");
	json_object_set_new(ret, "jobs", jobs);
	do {
		text_owned path = {0};
		json_owned *page = NULL;

		job_query_path(&path, options, now_s, text_bytes(&before), wanted < JOBS_PAGE ? wanted : JOBS_PAGE);
		if (session_call(session, "GET", path.bytes, NULL, &page, failure) != STATUS_DONE)
			return failure->status;
		json_array_extend(jobs, json_object_get(page, "jobs"));
		wanted -= (int64_t)json_array_size(json_object_get(page, "jobs"));
		text_clear(&before);
		text_add(&before, reply_text(page, "next"));
		json_object_set(ret, "next", json_object_get(page, "next"));
	} while (wanted > 0 && before.length > 0);
	return STATUS_DONE;
}

static int jobs_list(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned shown = terminal_text(&session->terminal);
	json_owned *answer = json_object();

	if (jobs_collect(session, options, answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_job_list(&shown, json_object_get(answer, "jobs"), session->terminal.width);
	if (*reply_text(answer, "next")) {
		text_add(&shown, "older ones: --before ");
		text_add_clean(&shown, reply_text(answer, "next"));
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

static int job_show(struct session *session, const char *id)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, attempts_path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL, *tried = NULL;
	struct job_row job;

	job_path(&path, id, "");
	job_path(&attempts_path, id, "/attempts");
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE ||
	    session_call(session, "GET", attempts_path.bytes, NULL, &tried, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	json_object_set(answer, "attempts", json_object_get(tried, "attempts"));
	if (session->json)
		return session_print_json(session, answer);
	job_read(answer, &job);
	view_job(&shown, &job);
	if (json_array_size(json_object_get(answer, "attempts")) > 0)
		text_add(&shown, "\n");
	view_attempts(&shown, json_object_get(answer, "attempts"), session->terminal.width);
	return session_print(session, &shown);
}

int verb_jobs(struct session *session, const struct options *options)
{
	if (options->operand_count == 0)
		return jobs_list(session, options);
	if (options->transcript)
		return transcript_show(session, options->operands[0], NULL);
	return job_show(session, options->operands[0]);
}

static int job_cancel(struct session *session, const char *id, json_t *jobs)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *job = NULL;

	job_path(&path, id, "");
	if (session_call(session, "DELETE", path.bytes, NULL, &job, &failure) == STATUS_DONE)
		json_array_append_new(jobs, job);
	else
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : id);
	return failure.status;
}

static int cancelled_show(struct session *session, json_t *jobs)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = json_pack("{s:O}", "jobs", jobs);

	if (session->json)
		return session_print_json(session, document);
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		struct job_row job;

		job_read(json_array_get(jobs, i), &job);
		text_add_clean(&shown, job.id);
		text_add(&shown, "  ");
		text_add_clean(&shown, job.device);
		text_add(&shown, job_row_terminal(&job) ? "  " : "  will be cancelled, still ");
		text_add_clean(&shown, job.state);
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

int verb_cancel(struct session *session, const struct options *options)
{
	json_owned *jobs = json_array();
	int *statuses = calloc(options->operand_count, sizeof(*statuses)), status = STATUS_DONE;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < options->operand_count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = job_cancel(session, options->operands[i], jobs);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	if (cancelled_show(session, jobs) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}

int verb_retry(struct session *session, const struct options *options)
{
	submission_owned submission = submission_begin(options);
	json_owned *terms = submission_terms(options);
	int status = STATUS_DONE;

	for (size_t i = 0; i < options->operand_count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		job_path(&path, options->operands[i], "/retry");
		status = submission_post(session, &submission, path.bytes, terms, "job", options->operands[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}
