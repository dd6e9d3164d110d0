/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_resume.h"

#include <string.h>

static const char *const passing[] = {"port-in-use", "modem-unpowered", "modem-wrong-rate", "board-no-bridge"};

bool job_owes_way_back(const struct job_row *row)
{
	return row->job.request.kind == JOB_UPGRADE && !row->no_way_back && engine_phase(row->furthest_phase) >= PHASE_PREPARE;
}

bool job_needs_port(const struct job_row *row)
{
	const struct job_request *request = &row->job.request;
	/* In the run that gives the power there may be no port yet; in one after it there has to be. */
	bool later = row->runs > 1 || row->job.state != JOB_RUNNING;
	bool begun = later && engine_phase(row->furthest_phase) == PHASE_RESTART;
	return begun || request->kind != JOB_POWER_CYCLE || strcmp(request->rung, "reset") == 0 || strcmp(request->rung, "lines") == 0;
}

void job_inherit(const struct job_row *from, struct job_row *to)
{
	bool left_open = from->job.state == JOB_FAILED || (from->job.state == JOB_CANCELLED && from->past_return);
	if (!left_open)
		return;
	memcpy(to->furthest_phase, from->furthest_phase, sizeof(to->furthest_phase));
	to->no_way_back = from->no_way_back;
	memcpy(to->job.from_release, from->job.from_release, sizeof(to->job.from_release));
}

bool job_fault_may_pass(const struct job_row *row, const struct job_fault *fault)
{
	/* Whoever cuts the power stands by it: not once more by itself. */
	if (row->job.request.kind == JOB_POWER_CYCLE)
		return false;
	if (fault->kind->class == CLASS_TRANSIENT || fault->kind->class == CLASS_INFRASTRUCTURE)
		return true;
	for (size_t i = 0; row->past_return && i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strcmp(passing[i], fault->kind->code) == 0)
			return true;
	return false;
}
