/* SPDX-License-Identifier: Apache-2.0
 *
 * The power of devices on a made tree of sysfs, with a thread that is kernel and hub: what may be cut, what is on the disk, what comes back.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/leases.h"
#include "daemon/power_private.h"
#include "daemon/queue_private.h"
#include "tests/unit/gateway_fixture.h"
#include "tests/unit/suite_run.h"

static struct fixture fixture;
static struct power *power;
static char sys[160];

#define REGISTRY (fixture.gateway->registry)
#define STORE    (fixture.gateway->store)
#define QUEUE    (fixture.gateway->queue)

static const char *disable_of(unsigned port)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/bus/usb/devices/1-1:1.0/1-1-port%u/disable", sys, port);
	return path;
}

static void write_digit(const char *path, char digit)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%c\n", digit);
	ck_assert_int_eq(fclose(file), 0);
}

static char read_digit(const char *path)
{
	FILE *file = fopen(path, "r");
	int c = file != NULL ? fgetc(file) : -1;
	if (file != NULL)
		fclose(file);
	return c == EOF ? '-' : (char)c;
}

/* What happens when the clock is looked at next: between the moment in which the group is held and the cut. */
static void (*at_look)(void);

static int64_t look_at_clock(void)
{
	void (*now)(void) = at_look;
	at_look = NULL;
	if (now != NULL)
		now();
	return fixture_now();
}

/* modem0 and modem1 on the ports 1 and 2 of one hub, modem2 nowhere. */
static void make(void)
{
	char command[512];
	fixture_make(&fixture, 3);
	snprintf(sys, sizeof(sys), "%s/sys", fixture.directory);
	for (unsigned port = 1; port <= 2; port++) {
		snprintf(command, sizeof(command), "mkdir -p $(dirname '%s')", disable_of(port));
		ck_assert_int_eq(system(command), 0);
		write_digit(disable_of(port), '0');
	}
	strcpy(fixture.config.devices[0].power, "usb-port:1-1.1");
	strcpy(fixture.config.devices[1].power, "usb-port:1-1.2");
	strcpy(fixture.config.devices[2].power, "none");
	fixture.config.power = (struct config_power){.min_interval_s = 60, .command_timeout_s = 30};
	fixture_start(&fixture);
	const struct power_surroundings with = {.config = &fixture.config,
						.store = STORE,
						.registry = REGISTRY,
						.history = fixture.gateway->history,
						.sys = sys,
						.now_ms = look_at_clock};
	ck_assert_int_eq(power_new(&with, &power), 0);
	power_assign(power);
}

static void clear(void)
{
	power_stop(power);
	power_free(power);
	fixture_clear(&fixture);
}

/* Kernel and hub: what is switched off loses its port. */
struct hub {
	pthread_t thread;
	int stop[2], watch;
	bool dead;            /* takes what is written and switches nothing */
	bool breaks;          /* the switch is gone once it is off */
	void (*at_off)(void); /* called when it is off */
	int times;
};

static void obey(struct hub *hub, char *last)
{
	char now = read_digit(disable_of(1));
	const char *port = fixture.config.devices[0].port;
	if (now == *last || now == '-' || hub->dead)
		return;
	*last = now;
	if (now == '1' && hub->at_off != NULL)
		hub->at_off();
	if (now == '1' && hub->breaks)
		unlink(disable_of(1));
	if (now == '1')
		unlink(port);
	else
		close(open(port, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	hub->times += now == '1';
	registry_check_port(REGISTRY, "modem0");
}

static void *be_hub(void *context)
{
	struct hub *hub = context;
	char last = '0', events[1024];
	struct pollfd fds[] = {{.fd = hub->watch, .events = POLLIN}, {.fd = hub->stop[0], .events = POLLIN}};
	while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
		ck_assert_int_gt(read(hub->watch, events, sizeof(events)), 0);
		obey(hub, &last);
	}
	return NULL;
}

static void begin_hub(struct hub *hub)
{
	ck_assert_int_eq(pipe2(hub->stop, O_CLOEXEC), 0);
	hub->watch = inotify_init1(IN_CLOEXEC);
	ck_assert_int_ge(inotify_add_watch(hub->watch, disable_of(1), IN_CLOSE_WRITE), 0);
	ck_assert_int_eq(pthread_create(&hub->thread, NULL, be_hub, hub), 0);
}

static void end_hub(struct hub *hub)
{
	ck_assert_int_eq(write(hub->stop[1], "", 1), 1);
	ck_assert_int_eq(pthread_join(hub->thread, NULL), 0);
	close(hub->stop[0]);
	close(hub->stop[1]);
	close(hub->watch);
}

static int cycle(const char *device, char said[160], struct job_fault *ret_fault)
{
	const struct power_order order = {.device = device, .job = "", .cancel_fd = -1};
	return power_cycle(power, QUEUE, &order, said, 160, ret_fault);
}

static struct power_row row_of(const char *device)
{
	struct power_row row;
	struct job_fault fault;
	ck_assert_int_eq(store_power_load(STORE, device, &row, &fault), 0);
	return row;
}

static void assert_noted(const char *detail)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	struct job_fault fault;
	ck_assert_int_eq(device_history_list(fixture.gateway->history, "modem0", 1, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, "power-cycled");
	ck_assert_msg(strstr(entries[0].detail, detail) != NULL, "%s", entries[0].detail);
	free(entries);
}

static struct job_request probe_of(size_t device)
{
	struct job_request request = fixture_request(device);
	request.kind = JOB_PROBE;
	return request;
}

static struct job sibling;

/* What a kill would leave on the disk, and a job of another board on the hub, which may not begin now. */
static void look_at_off(void)
{
	struct job_fault fault;
	const struct job_request request = probe_of(1);
	ck_assert_str_eq(row_of("modem0").off, "usb-port:1-1.1");
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &sibling, &fault), 0);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, sibling.id).state, JOB_QUEUED);
}

START_TEST(a_port_goes_off_and_on_and_its_neighbours_wait)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {.at_off = look_at_off};
	begin_hub(&hub);
	int result = cycle("modem0", said, &fault);
	end_hub(&hub);
	ck_assert_msg(result == 0, "%d: %s (%s)", result, fault.message, fault.evidence);
	ck_assert_str_eq(said, "cycled by usb-port:1-1.1: the port went away and came back");
	ck_assert_int_eq(hub.times, 1);
	ck_assert_int_eq(read_digit(disable_of(1)), '0');
	ck_assert_int_eq(read_digit(disable_of(2)), '0');
	const struct power_row row = row_of("modem0");
	ck_assert_str_eq(row.off, "");
	ck_assert_int_eq(row.switched_at_ms, fixture_now());
	assert_noted(said);
	fixture_await(&fixture, sibling.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(once_in_a_while_only)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {0};
	begin_hub(&hub);
	ck_assert_int_eq(cycle("modem0", said, &fault), 0);
	end_hub(&hub);
	fixture_advance(59999);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.message, "the power of modem0 was cycled 59 s ago: not again before 2023-11-14T22:14:20Z");
	ck_assert_str_eq(job_fault_remedy(&fault),
			 "Wait until 2023-11-14T22:14:20Z ([power] min_interval_s = 60), then: dupctl power-cycle modem0.");
	ck_assert_int_eq(cycle("modem0", said, &fault), -EAGAIN);
	ck_assert_int_eq(power_check(power, QUEUE, "modem1", &fault), 0);
	fixture_advance(1);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
	/* A clock that was set back forbids nothing. */
	fixture_advance(-120000);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
}
END_TEST

START_TEST(a_hub_that_switches_nothing_is_found_out)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {.dead = true};
	begin_hub(&hub);
	ck_assert_int_eq(cycle("modem0", said, &fault), -EPROTO);
	end_hub(&hub);
	ck_assert_str_eq(fault.kind->code, "power-cycle-failed");
	ck_assert_ptr_nonnull(strstr(fault.message, "the port stayed: this hub does not switch"));
	ck_assert_int_eq(read_digit(disable_of(1)), '0');
	ck_assert_str_eq(row_of("modem0").off, "");
	assert_noted("usb-port:1-1.1 failed: the port stayed");
}
END_TEST

START_TEST(what_never_went_off_is_not_said_to_be_off)
{
	char said[160];
	struct job_fault fault = {0};
	ck_assert_int_eq(unlink(disable_of(1)), 0);
	ck_assert_int_eq(cycle("modem0", said, &fault), -EPROTO);
	ck_assert_int_eq(strncmp(fault.message, "its power cannot be switched off: the hub is not there", 54), 0);
	ck_assert_ptr_nonnull(strstr(fault.evidence, "No such file or directory"));
	ck_assert_str_eq(row_of("modem0").off, "");
	assert_noted("failed: its power cannot be switched off");
}
END_TEST

START_TEST(what_cannot_be_given_back_is_said_and_given_back_later)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {.breaks = true};
	begin_hub(&hub);
	ck_assert_int_eq(cycle("modem0", said, &fault), -EPROTO);
	end_hub(&hub);
	ck_assert_ptr_nonnull(strstr(fault.message, "it is without power now: "));
	ck_assert_ptr_nonnull(strstr(fault.evidence, "No such file or directory"));
	ck_assert_str_eq(row_of("modem0").off, "usb-port:1-1.1");
	assert_noted("it is without power now");
	/* No time has to pass for that. */
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
	/* The next start, with a setting that is another one by now. */
	write_digit(disable_of(1), '1');
	registry_set_power(REGISTRY, "modem0", "");
	const struct job_request request = probe_of(0);
	struct job job;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	power_recover(power, QUEUE);
	power_stop(power);
	ck_assert_int_eq(read_digit(disable_of(1)), '0');
	ck_assert_str_eq(row_of("modem0").off, "");
	assert_noted("given back at the start of the daemon");
	close(open(fixture.config.devices[0].port, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	registry_check_port(REGISTRY, "modem0");
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_bundle_that_goes_in_forbids_it_to_all_on_the_hub)
{
	struct job_fault fault = {0};
	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = PHASE_TRANSFER;
	fixture_modem(1)->fault = FAULT_APPLY_FAILED;
	fixture_modem(1)->fault_phase = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 1);
	fixture_await_point_of_no_return(&fixture, job.id);
	ck_assert_int_eq(power_check(power, QUEUE, "modem1", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	ck_assert_str_eq(fault.job, job.id);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, job.id);
	ck_assert_ptr_nonnull(strstr(fault.message, "takes that of modem1, too"));
	fixture_open_gate(1);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	/* It may be at work all the same. */
	ck_assert_int_eq(power_check(power, QUEUE, "modem1", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "modem may still be at work"));
	fixture_advance(3600000);
	ck_assert_int_eq(power_check(power, QUEUE, "modem1", &fault), 0);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
}
END_TEST

START_TEST(a_hub_that_is_not_ganged_has_no_neighbours)
{
	struct job_fault fault = {0};
	struct config_hub hub = {.path = "1-1", .ganged = false};
	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 1);
	fixture_await_point_of_no_return(&fixture, job.id);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	fixture.config.hubs = &hub;
	fixture.config.hub_count = 1;
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
	fixture_open_gate(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(without_means_it_says_what_to_configure)
{
	char said[160];
	struct job_fault fault = {0};
	ck_assert(power_has_method(power, "modem0"));
	ck_assert(!power_has_method(power, "modem2"));
	ck_assert_int_eq(power_check(power, QUEUE, "modem2", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "power-cycle-failed");
	ck_assert_ptr_nonnull(strstr(fault.message, "say [device modem2] power = command:/path"));
	ck_assert_int_eq(cycle("modem2", said, &fault), -EAGAIN);
	ck_assert_int_eq(power_check(power, QUEUE, "modem9", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

/* A board on port 1 of the hub, without a section of its own. */
static void plug(const char *syspath, const char *serial, const char *path)
{
	struct job_fault fault;
	struct usb_port port = {.controller = "0000:00:14.0",
				.product = "Pysense",
				.vid = 0x04d8,
				.pid = 0xf012,
				.board = "pysense",
				.profile = "pycom",
				.named = true};
	snprintf(port.syspath, sizeof(port.syspath), "%s", syspath);
	snprintf(port.serial, sizeof(port.serial), "%s", serial);
	snprintf(port.path, sizeof(port.path), "%s", path);
	snprintf(port.node, sizeof(port.node), "/dev/null");
	ck_assert_int_eq(registry_port_came(REGISTRY, &port, &fault), 0);
	power_assign(power);
}

static void assert_power(const char *device, const char *expected)
{
	struct device known;
	struct job_fault fault;
	ck_assert_int_eq(registry_get(REGISTRY, device, &known, &fault), 0);
	ck_assert_str_eq(known.power, expected);
}

START_TEST(a_board_on_usb_gets_the_port_it_is_plugged_into)
{
	struct job_fault fault = {0};
	fixture.config.hotplug_power = false;
	plug("/sys/a", "Py1", "1-1.1");
	assert_power("py1", "");
	fixture.config.hotplug_power = true;
	power_assign(power);
	assert_power("py1", "usb-port:1-1.1");
	/* There is no switch. */
	registry_port_left(REGISTRY, "/sys/a");
	plug("/sys/b", "Py1", "1-1.3");
	assert_power("py1", "");
	registry_port_left(REGISTRY, "/sys/b");
	plug("/sys/c", "Py1", "1-1.2");
	assert_power("py1", "usb-port:1-1.2");
	/* What is away is not switched where another one is now. */
	registry_port_left(REGISTRY, "/sys/c");
	ck_assert_int_eq(power_check(power, QUEUE, "py1", &fault), 0);
	plug("/sys/d", "Py2", "1-1.2");
	ck_assert_int_eq(power_check(power, QUEUE, "py1", &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "py1 is away, and py2 is plugged into the USB port 1-1.2 where it was");
	/* A setting that points elsewhere than the board is. */
	registry_set_power(REGISTRY, "py2", "usb-port:1-1.1");
	ck_assert_int_eq(power_check(power, QUEUE, "py2", &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "is at the USB port 1-1.2, and its power setting is for 1-1.1"));
}
END_TEST

static void plug_next_to_it(void)
{
	plug("/sys/new", "Py9", "1-1.2");
}

START_TEST(a_board_that_comes_to_the_hub_this_moment_keeps_its_power)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {0};
	begin_hub(&hub);
	at_look = plug_next_to_it;
	ck_assert_int_eq(cycle("modem0", said, &fault), -EAGAIN);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.message, "py9, whose power goes off with that of modem0, was plugged in this moment: try again");
	/* Nothing is held any more, and the next try holds that board, too. */
	ck_assert_ptr_null(QUEUE->holds);
	ck_assert_int_eq(cycle("modem0", said, &fault), 0);
	end_hub(&hub);
	ck_assert_int_eq(hub.times, 1);
}
END_TEST

static bool is_held(const char *device)
{
	pthread_mutex_lock(&QUEUE->lock);
	bool held = queue_holds(QUEUE, device);
	pthread_mutex_unlock(&QUEUE->lock);
	return held;
}

static bool newcomer_held;

/* As the main thread does it. */
static void plug_while_it_is_off(void)
{
	plug("/sys/new", "Py9", "1-1.2");
	power_assign(power);
	newcomer_held = is_held("py9");
}

START_TEST(a_board_that_is_plugged_in_while_the_power_is_off_waits)
{
	char said[160];
	struct job_fault fault = {0};
	struct hub hub = {.at_off = plug_while_it_is_off};
	newcomer_held = false;
	begin_hub(&hub);
	ck_assert_int_eq(cycle("modem0", said, &fault), 0);
	end_hub(&hub);
	ck_assert(newcomer_held);
	ck_assert(!is_held("py9"));
	ck_assert_ptr_null(power->cuts);
}
END_TEST

/* The ids that go off with a device, in their order. */
static const char *group_of(const char *device)
{
	static char ids[256];
	struct power_method method;
	struct queue_hold hold;
	struct device known;
	struct job_fault fault;
	ck_assert_int_eq(registry_get(REGISTRY, device, &known, &fault), 0);
	power_method_of(&known, &method);
	ck_assert_int_eq(power_group(power, device, &method, &hold), 0);
	ids[0] = '\0';
	for (size_t i = 0; i < hold.count; i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i > 0 ? " " : "", hold.devices[i]);
	free(hold.devices);
	return ids;
}

static void run(const char *format, const char *where)
{
	char command[512];
	snprintf(command, sizeof(command), "cd '%s/bus/usb/devices' && %s", sys, format);
	ck_assert_msg(system(command) == 0, "%s", where);
}

START_TEST(the_two_halves_of_a_hub_are_one)
{
	struct job_fault fault = {0};
	struct config_hub hub = {.path = "2-1", .ganged = false};
	plug("/sys/fast", "Py8", "2-1.2");
	plug("/sys/far", "Py7", "2-2.2");
	ck_assert_str_eq(group_of("modem0"), "modem0 modem1");
	run("mkdir -p 2-1:1.0/2-1-port1 && echo 0 >2-1:1.0/2-1-port1/disable && ln -s ../../2-1:1.0/2-1-port1 1-1:1.0/1-1-port1/peer"
	    " && ln -s ../../1-1:1.0/1-1-port1 2-1:1.0/2-1-port1/peer",
	    "a hub of USB 3");
	ck_assert_str_eq(group_of("modem0"), "modem0 modem1 py8");
	/* Named by its other half, as the board is there only by one. */
	plug("/sys/same", "Py6", "2-1.1");
	registry_set_power(REGISTRY, "py6", "usb-port:1-1.1");
	ck_assert_int_eq(power_check(power, QUEUE, "py6", &fault), 0);
	/* What is said of one half of the hub is said of both. */
	fixture.config.hubs = &hub;
	fixture.config.hub_count = 1;
	ck_assert_str_eq(group_of("modem0"), "modem0 py6");
}
END_TEST

START_TEST(commands_of_one_group_go_off_together)
{
	registry_set_power(REGISTRY, "modem0", "command:/bin/pdu 1");
	registry_set_power(REGISTRY, "modem1", "command:/bin/pdu 2");
	registry_set_power(REGISTRY, "modem2", "command:/bin/pdu 1");
	ck_assert_str_eq(group_of("modem0"), "modem0 modem2");
	strcpy(fixture.config.devices[0].power_group, "strip");
	strcpy(fixture.config.devices[1].power_group, "strip");
	ck_assert_str_eq(group_of("modem0"), "modem0 modem1 modem2");
	ck_assert_str_eq(group_of("modem1"), "modem0 modem1");
	ck_assert_str_eq(group_of("modem2"), "modem0 modem2");
	/* Its own port cuts nothing but itself. */
	registry_set_power(REGISTRY, "modem1", "usb-port:1-9.2");
	ck_assert_str_eq(group_of("modem1"), "modem1");
	ck_assert_str_eq(group_of("modem0"), "modem0 modem1 modem2");
}
END_TEST

static void lease(const char *device, const char *holder)
{
	const struct lease_order order = {.holder = holder, .reason = "", .ttl_s = 600};
	struct lease_grant granted;
	struct job_fault fault = {0};
	int result = gateway_grant_lease(fixture.gateway, device, &order, &granted, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
}

START_TEST(what_somebody_else_holds_is_not_cut_with_it)
{
	struct job_fault fault = {0};
	lease("modem1", "alice");
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
	ck_assert_ptr_nonnull(strstr(fault.message, "takes that of another device, too: the device modem1 is leased by alice until "));
	ck_assert_int_eq(power_check(power, QUEUE, "modem1", &fault), 0);
	lease("modem0", "alice");
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
	fixture_advance(600000);
	lease("modem0", "alice");
	lease("modem1", "bob");
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), -EPROTO);
	fixture_advance(600000);
	ck_assert_int_eq(power_check(power, QUEUE, "modem0", &fault), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power");
	TCase *tcase = tcase_create("power");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, make, clear);
	tcase_add_test(tcase, a_port_goes_off_and_on_and_its_neighbours_wait);
	tcase_add_test(tcase, once_in_a_while_only);
	tcase_add_test(tcase, a_hub_that_switches_nothing_is_found_out);
	tcase_add_test(tcase, what_never_went_off_is_not_said_to_be_off);
	tcase_add_test(tcase, what_cannot_be_given_back_is_said_and_given_back_later);
	tcase_add_test(tcase, a_bundle_that_goes_in_forbids_it_to_all_on_the_hub);
	tcase_add_test(tcase, a_hub_that_is_not_ganged_has_no_neighbours);
	tcase_add_test(tcase, without_means_it_says_what_to_configure);
	tcase_add_test(tcase, a_board_on_usb_gets_the_port_it_is_plugged_into);
	tcase_add_test(tcase, a_board_that_comes_to_the_hub_this_moment_keeps_its_power);
	tcase_add_test(tcase, a_board_that_is_plugged_in_while_the_power_is_off_waits);
	tcase_add_test(tcase, the_two_halves_of_a_hub_are_one);
	tcase_add_test(tcase, commands_of_one_group_go_off_together);
	tcase_add_test(tcase, what_somebody_else_holds_is_not_cut_with_it);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
