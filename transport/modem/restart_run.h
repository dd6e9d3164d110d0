/* SPDX-License-Identifier: Apache-2.0
 *
 * Restarts a modem that runs nothing of ours, on the calling thread: by AT^RESET, by its modem lines, or by its power.
 */
#ifndef TRANSPORT_RESTART_RUN_H
#define TRANSPORT_RESTART_RUN_H

#include "transport/modem/upgrade_run.h"

/* From the gentlest to the one that helps when nothing else does. */
enum restart_rung { RESTART_BY_RESET, RESTART_BY_LINES, RESTART_BY_POWER, RESTART_BY_ANY, RESTART_RUNG_COUNT };
const char *restart_rung_name(enum restart_rung rung); /* "reset", "lines", "power", "auto" */
bool restart_rung_parse(const char *name, enum restart_rung *ret);

/* Looks at the modem, restarts it, and asks who and how it is: events->modem() tells, before and after. RESTART_BY_ANY climbs until a rung has an
 * effect. A rung has one when
 *   AT^RESET was taken and AT+SMOD? is answered after it,
 *   dropping the lines made the modem say +SYSSTART, or answer after silence,
 *   switching the power made the port go away and come back, or the modem silent, or say +SYSSTART, or answer after silence,
 * and the modem answers in the end. Phases connect and restart. request->firmware and what belongs to it is not looked at; its IMEI is not checked.
 * 0; -EPROTO: FAULT_POWER_CYCLE_FAILED when no rung had an effect, with what was seen, or what keeps the port from being used, or what is wrong with
 * the modem after its power came back; -ECANCELED; what a callback returned. */
int restart_run(const struct upgrade_request *request, enum restart_rung rung, const struct upgrade_events *events,
		struct upgrade_result *ret);

#endif
