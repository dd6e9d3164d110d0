/* SPDX-License-Identifier: Apache-2.0
 *
 * How long upgrades take, by what took place: of each family of modems, in each way and in all of them, the newest 200 attempts that sent their bundle
 * and succeeded. Read from the store at start and brought up to date when an attempt ends, so that nobody who asks waits for a disk. Thread-safe; its mutex is held for copies and
 * sums only, and nothing is called under it.
 */
#ifndef DAEMON_DURATIONS_H
#define DAEMON_DURATIONS_H

#include "daemon/engine_request.h"
#include "daemon/store.h"

struct durations;

int durations_new(struct store *store, struct job_fault *ret_fault, struct durations **ret);
void durations_free(struct durations *durations);

/* What alike attempts have in common. */
struct duration_kind {
	enum modem_family family; /* FAMILY_UNKNOWN: nothing is known of those */
	enum upgrade_way way;     /* WAY_AUTO: all of them together */
};
/* chosen: the way that the engine has told, "" as long as it has not: then what was asked for counts. */
struct duration_kind durations_kind(enum modem_family family, const char *chosen, const char *asked);

/* An attempt of an upgrade ends in success: says in run->family whether it tells something. One that sent nothing does not. Pure. */
void durations_mark(struct job_run *run, enum modem_family family);
/* Takes such an attempt; any other is passed over. */
void durations_learn(struct durations *durations, const struct job_run *run);

/* The whole of an attempt: half of them took no longer. False: none is known. */
bool durations_usual_ms(struct durations *durations, const struct duration_kind *kind, int64_t *ret);
/* Nine of ten took no longer. False: fewer than five are known. */
bool durations_long_ms(struct durations *durations, const struct duration_kind *kind, int64_t *ret);
/* What remains of the attempt under way, by its phase and its progress at now_ms (CLOCK_MONOTONIC). False: none is known. */
bool durations_remaining_ms(struct durations *durations, const struct duration_kind *kind, const struct job_row *row, int64_t now_ms,
			    int64_t *ret);

/* By family, then all ways together and each way, the whole first, then the phases in their order. FAMILY_UNKNOWN: of all. Caller frees *ret. 0 or -ENOMEM. */
int durations_list(struct durations *durations, enum modem_family family, struct duration **ret, size_t *ret_count);

#endif
