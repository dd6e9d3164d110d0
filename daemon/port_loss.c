/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "daemon/job_notes.h"
#include "daemon/queue_private.h"

/* From the third time on it is no accident (field-failures.md F57). */
#define PORT_LOSSES_SUSPECT 3u

#define NOTE_BEGINNING "the port went away"

/* A node of a device that was unplugged may be there a moment longer than the device. */
#define SETTLE_MS 500

/* A path that is there but cannot be opened is no loss: that costs an attempt, so that the job comes to an end. */
static bool is_loss(struct queued_job *entry)
{
	const struct run_outcome *outcome = &entry->outcome;
	if (outcome->fault.kind == NULL || strcmp(outcome->fault.kind->code, "port-gone") != 0)
		return false;
	bool present = registry_check_port(entry->queue->with.registry, entry->row.job.request.device);
	bool loss = !present || outcome->connected;
	entry->settle_until_ms = loss && present ? entry->queue->with.now_ms() + SETTLE_MS : 0;
	return loss;
}

static void describe(struct job_row *next)
{
	struct job *job = &next->job;
	unsigned losses = next->port_losses;
	const char *phase = job->phase[0] != '\0' ? job->phase : "connect";
	/* One note for all, so that those of the engine keep their places. */
	job_notes_drop(job, NOTE_BEGINNING);
	job_note_add(job, NOTE_BEGINNING " %u times, the last time in the phase %s; at most %u are taken", losses, phase, PORT_LOSSES_MAX);
	if (losses < PORT_LOSSES_SUSPECT) {
		snprintf(job->detail, sizeof(job->detail), "the port went away; the job goes on when it is back");
		return;
	}
	snprintf(job->detail, sizeof(job->detail), "the port went away %u times: look at the power supply, the USB hub and the cable",
		 losses);
	char evidence[sizeof(job->fault.evidence)];
	memcpy(evidence, job->fault.evidence, sizeof(evidence));
	job_fault_set(&job->fault, "port-gone",
		      "%s; the port went away %u times in this job: the power supply or the USB hub is too weak, or the cable is loose",
		      job->fault.message, losses);
	memcpy(job->fault.evidence, evidence, sizeof(job->fault.evidence));
}

bool port_loss_count(struct queued_job *entry, struct job_row *next)
{
	if (!is_loss(entry))
		return false;
	next->port_losses++;
	describe(next);
	return true;
}
