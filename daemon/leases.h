/* SPDX-License-Identifier: Apache-2.0
 *
 * Who holds which device for himself, and until when. A lease ends at its time by the wall clock, when its holder gives it back, or when somebody
 * takes it over or ends it by force, with a reason. Its token is told once, to whoever asked for it; only a hash of it is kept. Thread-safe: `change`
 * orders the changes and is held over the disk, `lock` guards the memory and is not.
 */
#ifndef DAEMON_LEASES_H
#define DAEMON_LEASES_H

#include "daemon/device_history.h"
#include "daemon/gateway.h"
#include "daemon/registry.h"
#include "daemon/store.h"

struct leases;

/* All are borrowed; history may be NULL. Leases that ended while nobody was there are ended now. */
struct leases_surroundings {
	struct store *store;
	struct registry *registry;
	struct device_history *history;
	int64_t (*now_ms)(void); /* Unix time */
};
int leases_new(const struct leases_surroundings *surroundings, struct job_fault *ret_fault, struct leases **ret);
void leases_free(struct leases *leases);

/* The device is there. Without a lease: a new one. With the token of the one that is there: renewed, for ttl_ms from now. Else "device-leased", or
 * taken over, for which there must be a reason. */
int leases_grant(struct leases *leases, const char *device, const struct lease_order *order, struct lease_grant *ret,
		 struct job_fault *ret_fault);

/* By its token, or with force, for which there must be a reason. "not-found" when nobody holds the device. */
int leases_release(struct leases *leases, const char *device, const char *token, bool force, const char *reason,
		   struct job_fault *ret_fault);

/* 0 when nobody holds the device, or the holder is who brings this token (NULL: none; several are separated by commas); else "device-leased", naming
 * holder and end. ret_id, when it is not NULL: the id of the lease whose token came, "" when there is none. */
int leases_check(struct leases *leases, const char *device, const char *token, char ret_id[JOB_ID_SIZE], struct job_fault *ret_fault);

/* The same by the id of a lease, as a job names it ("": none). */
int leases_check_id(struct leases *leases, const char *device, const char *id, struct job_fault *ret_fault);

/* Ends what has expired. A clock that was set back makes no lease longer than it was granted for. The Unix time in ms when the next one expires; 0:
 * there is none. */
int64_t leases_turn(struct leases *leases);

/* The wall clock was set by so much: who holds a device holds it for as long as before. Main thread. */
void leases_clock_stepped(struct leases *leases, int64_t by_ms);

#endif
