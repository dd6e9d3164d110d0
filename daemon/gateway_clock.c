/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns.h"
#include "daemon/gateway_private.h"
#include "daemon/leases.h"
#include "daemon/log.h"

/* A clock that shows something absurd for a moment must not empty what is kept for so many days. */
#define PRUNE_AFTER_STEP_MS INT64_C(3600000)

void gateway_clock_stepped(struct gateway *gateway, int64_t by_ms)
{
	struct job_fault fault;
	leases_clock_stepped(gateway->leases, by_ms);
	queue_clock_stepped(gateway->queue, by_ms);
	campaigns_clock_stepped(gateway->campaigns, by_ms);
	if (store_shift_times(gateway->store, TIMES_OF_ANSWERS, by_ms, &fault) < 0)
		log_warning(NULL, "the answers kept for repeated requests are not stored as the clock has them now: %s", fault.message);
	log_warning(NULL,
		    "the clock was set %s by %lld s: leases, soaks and waits go on as they were, and what is due at a moment follows it",
		    by_ms > 0 ? "forward" : "back", (long long)(((by_ms > 0 ? by_ms : -by_ms) + 500) / 1000));
	gateway->pruned_at_ms = gateway->now_ms();
	gateway->prune_at_ms = gateway->pruned_at_ms + PRUNE_AFTER_STEP_MS;
}
