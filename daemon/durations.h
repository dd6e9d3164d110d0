/* SPDX-License-Identifier: Apache-2.0
 *
 * How long upgrades take, by what took place: of each family of modems the newest 200 attempts that sent their bundle and succeeded. Read from the
 * store at start and brought up to date when an attempt ends, so that nobody who asks waits for a disk. Thread-safe; its mutex is held for copies and
 * sums only, and nothing is called under it.
 */
#ifndef DAEMON_DURATIONS_H
#define DAEMON_DURATIONS_H

#include "daemon/store.h"
#include "transport/modem/profile.h"

struct durations;

int durations_new(struct store *store, struct job_fault *ret_fault, struct durations **ret);
void durations_free(struct durations *durations);

/* An upgrade of a modem of this family succeeded with this attempt. One that sent nothing tells nothing. */
void durations_learn(struct durations *durations, enum modem_family family, const struct job_run *run);

/* The whole of an attempt: half of them took no longer. False: none is known. */
bool durations_usual_ms(struct durations *durations, enum modem_family family, int64_t *ret);
/* Nine of ten took no longer. False: fewer than five are known. */
bool durations_long_ms(struct durations *durations, enum modem_family family, int64_t *ret);
/* What remains of the attempt under way, by its phase and its progress at now_ms (CLOCK_MONOTONIC). False: none is known. */
bool durations_remaining_ms(struct durations *durations, enum modem_family family, const struct job_row *row, int64_t now_ms, int64_t *ret);

/* By family, the whole first, then the phases in their order. FAMILY_UNKNOWN: of all. Caller frees *ret. 0 or -ENOMEM. */
int durations_list(struct durations *durations, enum modem_family family, struct duration **ret, size_t *ret_count);

#endif
