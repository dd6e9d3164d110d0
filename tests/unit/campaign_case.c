/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/campaign_case.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/clock.h"

#define PATIENCE_MS 10000

struct campaign case_create(struct fixture *fixture, const struct campaign_order *order)
{
	struct campaign campaign;
	struct job_fault fault = {0};
	int result = gateway_create_campaign(fixture->gateway, order, "test.dup", &campaign, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return campaign;
}

struct campaign case_run(struct fixture *fixture, const struct campaign_order *order)
{
	struct campaign campaign;
	struct job_fault fault = {0};
	int result = gateway_run_campaign(fixture->gateway, order, "test.dup", &campaign, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return campaign;
}

struct campaign case_direct(struct fixture *fixture, const char *id, enum campaign_verb verb)
{
	struct campaign campaign;
	struct job_fault fault = {0};
	int result = gateway_direct_campaign(fixture->gateway, id, verb, &campaign, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return campaign;
}

struct job_fault case_refused(struct fixture *fixture, const char *id, enum campaign_verb verb)
{
	struct campaign campaign;
	struct job_fault fault = {0};
	ck_assert_int_eq(gateway_direct_campaign(fixture->gateway, id, verb, &campaign, &fault), -EPROTO);
	return fault;
}

static struct campaign_report report_of(struct fixture *fixture, const char *id)
{
	struct campaign_report report;
	struct job_fault fault = {0};
	int result = gateway_campaign_report(fixture->gateway, id, &(struct campaign_page){0}, &report, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return report;
}

struct campaign case_now(struct fixture *fixture, const char *id)
{
	struct campaign campaign;
	struct job_fault fault = {0};
	int result = gateway_campaign(fixture->gateway, id, &campaign, &fault);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
	return campaign;
}

struct campaign_member case_member(struct fixture *fixture, const char *id, size_t device)
{
	char name[DEVICE_ID_SIZE];
	struct campaign_report report = report_of(fixture, id);
	size_t i = 0;
	snprintf(name, sizeof(name), "modem%zu", device);
	while (i < report.count && strcmp(report.members[i].device, name) != 0)
		i++;
	ck_assert_uint_lt(i, report.count);
	struct campaign_member member = report.members[i];
	campaign_report_clear(&report);
	return member;
}

void case_states(struct fixture *fixture, const char *id, char ret[FIXTURE_MODEMS + 1])
{
	static const char letters[] = {[MEMBER_QUEUED] = 'q', [MEMBER_WAITING] = 'w',   [MEMBER_RUNNING] = 'r', [MEMBER_SUCCEEDED] = 's',
				       [MEMBER_FAILED] = 'f', [MEMBER_CANCELLED] = 'c', [MEMBER_SKIPPED] = 'k'};
	struct campaign_report report = report_of(fixture, id);
	ck_assert_uint_le(report.count, FIXTURE_MODEMS);
	for (size_t i = 0; i < report.count; i++)
		ret[i] = letters[report.members[i].state];
	ret[report.count] = '\0';
	campaign_report_clear(&report);
}

/* False when nothing happened for so long. */
static bool await_news(struct fixture *fixture, int patience_ms)
{
	struct pollfd fds[] = {{.fd = event_bus_wake_fd(fixture->gateway->events), .events = POLLIN},
			       {.fd = gateway_wake_fd(fixture->gateway), .events = POLLIN}};
	eventfd_t ignored;
	int count = poll(fds, 2, patience_ms);
	if (fds[0].revents != 0)
		ck_assert_int_eq(eventfd_read(fds[0].fd, &ignored), 0);
	return count > 0;
}

struct campaign case_await(struct fixture *fixture, const char *id, enum campaign_state state)
{
	int64_t deadline_ms = clock_deadline_ms(PATIENCE_MS);
	for (;;) {
		gateway_turn(fixture->gateway);
		struct campaign campaign = case_now(fixture, id);
		if (campaign.state == state)
			return campaign;
		ck_assert_msg(clock_now_ms() < deadline_ms, "the campaign is %s: %s", campaign_state_name(campaign.state), campaign.reason);
		await_news(fixture, PATIENCE_MS);
	}
}

void case_await_states(struct fixture *fixture, const char *id, const char *states)
{
	char now[FIXTURE_MODEMS + 1];
	int64_t deadline_ms = clock_deadline_ms(PATIENCE_MS);
	for (;;) {
		gateway_turn(fixture->gateway);
		case_states(fixture, id, now);
		if (strcmp(now, states) == 0)
			return;
		ck_assert_msg(clock_now_ms() < deadline_ms, "the devices are %s, not %s: the first %s", now, states,
			      case_member(fixture, id, 0).reason);
		await_news(fixture, PATIENCE_MS);
	}
}

void case_settle_turns(struct fixture *fixture)
{
	do
		gateway_turn(fixture->gateway);
	while (await_news(fixture, 0));
}

void case_settle(struct fixture *fixture)
{
	fixture_await_idle(fixture);
	case_settle_turns(fixture);
}

static void hidden_port(struct fixture *fixture, size_t device, char *ret, size_t size)
{
	snprintf(ret, size, "%s.away", fixture->config.devices[device].port);
}

void case_unplug(struct fixture *fixture, size_t device)
{
	char hidden[300];
	hidden_port(fixture, device, hidden, sizeof(hidden));
	ck_assert_int_eq(rename(fixture->config.devices[device].port, hidden), 0);
	if (fixture->gateway != NULL)
		gateway_check_ports(fixture->gateway);
}

void case_plug(struct fixture *fixture, size_t device)
{
	char hidden[300];
	hidden_port(fixture, device, hidden, sizeof(hidden));
	ck_assert_int_eq(rename(hidden, fixture->config.devices[device].port), 0);
	if (fixture->gateway != NULL)
		gateway_check_ports(fixture->gateway);
}

void case_set_maintenance(struct fixture *fixture, size_t device, bool on)
{
	struct device changed;
	struct job_fault fault = {0};
	const struct device_patch patch = {.set_maintenance = true, .maintenance = on};
	ck_assert_int_eq(gateway_patch_device(fixture->gateway, fixture->config.devices[device].id, &patch, &changed, &fault), 0);
}

void case_break(size_t device, bool broken)
{
	fixture_modem(device)->fault = broken ? FAULT_MODEM_UNPOWERED : FAULT_NONE;
	fixture_modem(device)->fault_phase = PHASE_CONNECT;
}

/* The thread of the run before may still look. */
void case_hold(size_t device, bool held)
{
	fixture_modem(device)->gated = held;
	fixture_modem(device)->gate = PHASE_CONNECT;
}
