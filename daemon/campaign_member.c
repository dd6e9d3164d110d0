/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaign_member.h"

#include <stdio.h>
#include <string.h>

void campaign_member_say(struct campaign_member *member, const char *text)
{
	snprintf(member->reason, sizeof(member->reason), "%.*s", (int)sizeof(member->reason) - 1, text);
}

void campaign_member_take_fault(struct campaign_member *member, const struct job_fault *fault)
{
	member->fault = fault->kind;
	snprintf(member->fault_message, sizeof(member->fault_message), "%.*s", (int)sizeof(member->fault_message) - 1, fault->message);
	snprintf(member->fault_evidence, sizeof(member->fault_evidence), "%.*s", (int)sizeof(member->fault_evidence) - 1, fault->evidence);
}

/* The job was taken back as the campaign paused or stopped. */
static void end_withdrawn(const struct campaign *campaign, struct campaign_member *member)
{
	bool stopped = campaign->state == CAMPAIGN_STOPPED;
	member->withdrawn = false;
	member->state = stopped ? MEMBER_CANCELLED : MEMBER_QUEUED;
	campaign_member_say(member, stopped ? "the campaign was stopped before it began" : "");
	if (stopped)
		return;
	member->job[0] = '\0';
	member->finished_at_ms = member->ended = 0;
}

static void take_end(const struct campaign *campaign, const struct job *job, struct campaign_member *member)
{
	bool was_there = job->fault.kind != NULL && strcmp(job->fault.kind->code, "already-installed") == 0;
	member->finished_at_ms = job->finished_at_ms;
	campaign_member_take_fault(member, &job->fault);
	if (job->state == JOB_SUCCEEDED || was_there) {
		member->state = MEMBER_SUCCEEDED;
		member->fault = NULL;
		member->fault_message[0] = member->fault_evidence[0] = '\0';
		campaign_member_say(member, was_there ? job->fault.message : "");
	} else if (job->state == JOB_FAILED) {
		member->state = MEMBER_FAILED;
		campaign_member_say(member, job->fault.kind != NULL ? job->fault.kind->title : "");
	} else if (member->withdrawn && job->started_at_ms == 0) {
		end_withdrawn(campaign, member);
	} else {
		member->state = MEMBER_CANCELLED;
		campaign_member_say(member, "its job was cancelled");
	}
}

void campaign_member_take_job(const struct campaign *campaign, const struct job *job, struct campaign_member *member)
{
	memcpy(member->from_release, job->from_release, sizeof(member->from_release));
	memcpy(member->to_release, job->to_release, sizeof(member->to_release));
	member->verified = job->verified;
	member->attempts = job->started_at_ms != 0 ? job->attempt : 0;
	member->started_at_ms = job->started_at_ms;
	member->state = job->state == JOB_RUNNING ? MEMBER_RUNNING : job->state == JOB_WAITING ? MEMBER_WAITING : MEMBER_QUEUED;
	member->shut_until_ms = job->state == JOB_WAITING && job->waiting_for == WAIT_TIME ? job->not_before_ms : 0;
	if (job->state == JOB_WAITING && job->detail[0] == '\0')
		snprintf(member->reason, sizeof(member->reason), "its job waits for %s", job_wait_name(job->waiting_for));
	else
		campaign_member_say(member, job->state == JOB_WAITING ? job->detail : "");
	if (job_state_terminal(job->state))
		take_end(campaign, job, member);
}
