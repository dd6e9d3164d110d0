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

/* A port over the network that was lost is tried again in the end once a minute. */
#define UNREACHED_PAUSE_MIN_MS INT64_C(1000)
#define UNREACHED_PAUSE_MAX_MS INT64_C(60000)

/* A board that was plugged in again as another tty before its port was opened. */
static bool has_moved(const struct queued_job *entry)
{
	struct device now;
	struct job_fault unused;
	const char *opened = entry->outcome.port;
	return opened[0] != '\0' && registry_get(entry->queue->with.registry, entry->row.job.request.device, &now, &unused) == 0 &&
	       strcmp(now.port, opened) != 0;
}

/* A path that is there but cannot be opened is no loss: that costs an attempt, so that the job comes to an end. */
static bool is_loss(struct queued_job *entry)
{
	const struct run_outcome *outcome = &entry->outcome;
	if (outcome->fault.kind == NULL || strcmp(outcome->fault.kind->code, "port-gone") != 0)
		return false;
	bool present = registry_check_port(entry->queue->with.registry, entry->row.job.request.device);
	bool moved = has_moved(entry);
	bool loss = !present || outcome->connected || moved;
	entry->settle_until_ms = loss && present && !moved ? entry->queue->with.now_ms() + SETTLE_MS : 0;
	return loss;
}

/* Indexed by whether the port is one over the network. */
static const struct {
	const char *look_at, *cause;
} suspects[] = {
    {"the power supply, the USB hub and the cable", "the power supply or the USB hub is too weak, or the cable is loose"},
    {"the network, the server of the port, and what is behind it",
     "the network, the server of the port, or what is behind it is not reliable"},
};

static void describe(struct job_row *next, bool remote)
{
	struct job *job = &next->job;
	unsigned losses = next->port_losses;
	const char *phase = job->phase[0] != '\0' ? job->phase : "connect";
	/* One note for all, so that those of the engine keep their places. */
	job_notes_drop(job, NOTE_BEGINNING);
	job_note_add(job, NOTE_BEGINNING " %u time%s, the last time in the phase %s; at most %u are taken", losses, losses == 1 ? "" : "s",
		     phase, PORT_LOSSES_MAX);
	if (losses < PORT_LOSSES_SUSPECT) {
		snprintf(job->detail, sizeof(job->detail), "the port went away; the job goes on when it is back");
		return;
	}
	snprintf(job->detail, sizeof(job->detail), "the port went away %u times: look at %s", losses, suspects[remote].look_at);
	char evidence[sizeof(job->fault.evidence)];
	memcpy(evidence, job->fault.evidence, sizeof(evidence));
	job_fault_set(&job->fault, "port-gone", "%s; the port went away %u times in this job: %s", job->fault.message, losses,
		      suspects[remote].cause);
	memcpy(job->fault.evidence, evidence, sizeof(job->fault.evidence));
}

/* The server of a port that this job had already, or that its modem waits behind, comes back as a tty does: in its own time. What it says of a
 * client that is there may be our own session of before, whose end it has not noticed. */
static bool is_unreached(const struct queued_job *entry, const struct job_row *next)
{
	const struct run_outcome *outcome = &entry->outcome;
	const char *code = outcome->fault.kind != NULL ? outcome->fault.kind->code : "";
	bool closed = strcmp(code, "port-gone") == 0 || strcmp(code, "port-in-use") == 0;
	return closed && outcome->remote && !outcome->connected && (next->port_losses > 0 || next->past_return);
}

/* Half of the time that it has been away for. */
static int64_t pause_ms(int64_t away_ms)
{
	if (away_ms < 2 * UNREACHED_PAUSE_MIN_MS)
		return UNREACHED_PAUSE_MIN_MS;
	return away_ms < 2 * UNREACHED_PAUSE_MAX_MS ? away_ms / 2 : UNREACHED_PAUSE_MAX_MS;
}

static void wait_unreached(struct queued_job *entry, struct job_row *next)
{
	int64_t now_ms = entry->queue->with.now_ms();
	if (entry->unreached_since_ms == 0)
		entry->unreached_since_ms = now_ms;
	next->absent_since_ms = entry->unreached_since_ms;
	entry->settle_until_ms = now_ms + pause_ms(now_ms - entry->unreached_since_ms);
	snprintf(next->job.detail, sizeof(next->job.detail), "the port cannot be opened: it is tried again until it can");
}

bool port_loss_count(struct queued_job *entry, struct job_row *next)
{
	if (is_unreached(entry, next)) {
		wait_unreached(entry, next);
		return true;
	}
	entry->unreached_since_ms = 0;
	if (!is_loss(entry))
		return false;
	next->port_losses++;
	describe(next, entry->outcome.remote);
	return true;
}
