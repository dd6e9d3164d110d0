/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/campaign_order.h"
#include "cmd/dupctl/follow.h"

struct submission submission_begin(const struct options *options)
{
	return (struct submission){
	    .refused = json_array(),
	    .deadline_ms = options->timeout_s.set ? monotonic_ms() + options->timeout_s.value * 1000 : 0,
	};
}

void submission_clear(struct submission *submission)
{
	complaints_clear(&submission->complaints);
	fleet_clear(&submission->fleet);
	json_decref(submission->refused);
	json_decref(submission->reports);
	free(submission->statuses);
	*submission = (struct submission){0};
}

static void refusal_keep(struct submission *submission, const struct failure *failure, const char *member, const char *name)
{
	int *statuses = realloc(submission->statuses, (submission->refused_count + 1) * sizeof(*statuses));

	if (!statuses) {
		fputs("dupctl: out of memory\n", stderr);
		exit(STATUS_OTHER);
	}
	submission->statuses = statuses;
	statuses[submission->refused_count++] = failure->status;
	json_array_append_new(submission->refused, json_pack("{s:s, s:O?}", member, name, "problem", failure->problem));
}

json_t *submission_terms(const struct options *options)
{
	json_t *terms = json_object();

	order_terms_add(terms, options);
	if (options->if_leased)
		json_object_set_new(terms, "if_leased", json_string(options->if_leased));
	if (json_object_size(terms) > 0)
		return terms;
	json_decref(terms);
	return NULL;
}

/* For what is easily mistaken: a label for a device, a file for firmware of the cache. */
static void hint_add(struct failure *failure, const json_t *body, const char *name)
{
	const char *firmware = reply_text(body, "firmware");

	if (failure->status != STATUS_NOT_FOUND)
		return;
	if (strchr(name, '=')) {
		text_add(&failure->text, "\n  by its labels a device is named so: --selector ");
		text_add_clean(&failure->text, name);
	} else if (*firmware && strstr(text_bytes(&failure->text), firmware) && access(firmware, F_OK) == 0) {
		text_add(&failure->text, "\n  there is a file of that name: dupctl firmware add ");
		text_add_clean(&failure->text, firmware);
	}
}

int submission_post(struct session *session, struct submission *submission, const char *path, const json_t *body, const char *member,
		    const char *name)
{
	failure_owned failure = session_failure(session);
	json_t *job = NULL;

	if (session_call(session, "POST", path, body, &job, &failure) == STATUS_DONE && job) {
		fleet_add(&submission->fleet, job);
		return STATUS_DONE;
	}
	if (failure.status == STATUS_DONE)
		failure_set(&failure, STATUS_OTHER, "the answer holds no job");
	if (failure.status == STATUS_UNREACHABLE || failure.status > STATUS_SIGNAL) {
		complaints_tell(&submission->complaints);
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : name);
		return failure.status;
	}
	hint_add(&failure, body, name);
	complaints_add(&submission->complaints, &failure, name);
	refusal_keep(submission, &failure, member, name);
	return STATUS_DONE;
}

static int submission_status(const struct submission *submission, bool waited)
{
	size_t count = submission->fleet.count, total = count + submission->refused_count;
	int *statuses = calloc(total ? total : 1, sizeof(*statuses));
	int status = STATUS_OTHER;

	if (!statuses)
		return status;
	for (size_t i = 0; i < count; i++)
		statuses[i] = !waited || strcmp(submission->fleet.rows[i].state, "succeeded") == 0 ? STATUS_DONE : STATUS_JOB_FAILED;
	for (size_t i = 0; i < submission->refused_count; i++)
		statuses[count + i] = submission->statuses[i];
	status = exit_status_combine(statuses, total);
	free(statuses);
	return status;
}

static int json_show(struct session *session, const struct submission *submission)
{
	json_owned *document = json_pack("{s:o}", "jobs", fleet_json(&submission->fleet));

	if (submission->refused_count > 0)
		json_object_set(document, "refused", submission->refused);
	if (submission->reports)
		json_object_set(document, "reports", submission->reports);
	return session_print_json(session, document);
}

static int jobs_show(struct session *session, const struct fleet *fleet)
{
	text_owned lines = terminal_text(&session->terminal);
	size_t columns = view_device_columns(fleet->rows, fleet->count);

	for (size_t i = 0; i < fleet->count; i++) {
		size_t start = lines.length;

		text_add_clean(&lines, fleet->rows[i].device);
		text_pad(&lines, start, columns + 2);
		text_add_clean(&lines, fleet->rows[i].state);
		text_add(&lines, ", job ");
		text_add_clean(&lines, fleet->rows[i].id);
		text_add(&lines, "\n");
	}
	return session_print(session, &lines);
}

int submission_wait(struct session *session, struct submission *submission, const struct options *options)
{
	complaints_tell(&submission->complaints);
	if (!options->wait || submission->fleet.count == 0)
		return STATUS_DONE;
	return follow_jobs(session, &submission->fleet, submission->refused_count, submission->deadline_ms);
}

int submission_show(struct session *session, struct submission *submission, const struct options *options, int status)
{
	if (session->json && status < STATUS_SIGNAL && json_show(session, submission) != STATUS_DONE)
		return STATUS_OTHER;
	if (!session->json && !options->wait && jobs_show(session, &submission->fleet) != STATUS_DONE)
		return STATUS_OTHER;
	return status != STATUS_DONE ? status : submission_status(submission, options->wait);
}

int submission_end(struct session *session, struct submission *submission, const struct options *options)
{
	return submission_show(session, submission, options, submission_wait(session, submission, options));
}
