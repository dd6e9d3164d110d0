/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaigns over the scripted modems of gateway_fixture.h. One fixture in a test; each call asserts that it works.
 */
#ifndef TESTS_CAMPAIGN_CASE_H
#define TESTS_CAMPAIGN_CASE_H

#include "daemon/campaign.h"
#include "tests/unit/gateway_fixture.h"

/* All devices, "test.dup", whatever else `order` says. */
struct campaign case_create(struct fixture *fixture, const struct campaign_order *order);
struct campaign case_run(struct fixture *fixture, const struct campaign_order *order);
struct campaign case_direct(struct fixture *fixture, const char *id, enum campaign_verb verb);
/* It must be refused with this code; returns what the fault says. */
struct job_fault case_refused(struct fixture *fixture, const char *id, enum campaign_verb verb);

struct campaign case_now(struct fixture *fixture, const char *id);
struct campaign_member case_member(struct fixture *fixture, const char *id, size_t device);
/* The states of the members in their order, a letter each: q w r s f c k (skipped). */
void case_states(struct fixture *fixture, const char *id, char ret[FIXTURE_MODEMS + 1]);

/* Turns until it is so; fails after 10 s. */
struct campaign case_await(struct fixture *fixture, const char *id, enum campaign_state state);
void case_await_states(struct fixture *fixture, const char *id, const char *states);
/* Turns until nothing more is to be done at this moment; with jobs that run, or until these have ended. */
void case_settle_turns(struct fixture *fixture);
void case_settle(struct fixture *fixture);

/* The port of a modem goes, and comes back. */
void case_unplug(struct fixture *fixture, size_t device);
void case_plug(struct fixture *fixture, size_t device);
void case_set_maintenance(struct fixture *fixture, size_t device, bool on);

/* The modem's upgrades fail by the device, or not. */
void case_break(size_t device, bool broken);
/* The modem's upgrades are held in the phase `connect`, or not. */
void case_hold(size_t device, bool held);

#endif
