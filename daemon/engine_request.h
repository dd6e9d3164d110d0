/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the daemon's values and the engine's: what a job asks for, as the engine takes it; what the engine says, as a job keeps it. Pure.
 */
#ifndef DAEMON_ENGINE_REQUEST_H
#define DAEMON_ENGINE_REQUEST_H

#include "daemon/job_files.h"
#include "transport/modem/restart_run.h"

/* The engine, exchangeable so that the queue is tested without a modem. */
struct engine_ops {
	int (*upgrade)(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret);
	int (*probe)(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret);
	int (*restart)(const struct upgrade_request *request, enum restart_rung rung, const struct upgrade_events *events,
		       struct upgrade_result *ret);
};

/* False when there is no such way ("" is auto). */
bool engine_way_parse(const char *name, enum upgrade_way *ret);
/* PHASE_CONNECT for "" and for a name that is none. */
enum upgrade_phase engine_phase(const char *name);

void engine_firmware(const struct job_files *files, struct upgrade_firmware *ret);
void engine_options(const struct job_request *request, const char *furthest_phase, struct upgrade_options *ret);
/* The device's profile with the rate of the request, when it has one, tried first. */
void engine_profile(const struct profile *profile, uint32_t rate_bps, struct profile *ret);
/* What the application told before, for a modem that is outside of it now and tells nothing. Safe is only what the job itself heard (from_release, "": nothing),
 * or what is remembered of a device that cannot have another modem by now (`same`): a modem that was swapped in recovery behind a port that is known by
 * its path would else get a bundle on the word of the one before. Where it is not safe nothing is known, and the engine looks for itself. */
void engine_past(const char *from_release, const struct device_modem *modem, bool same, struct upgrade_options *ret);
/* What is known of a modem without asking it. */
void engine_modem(const struct device_modem *modem, struct modem_info *ret);

void job_fault_from_engine(struct job_fault *ret, const struct fault *fault);

#endif
