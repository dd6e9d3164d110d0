/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/fleet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/simulator/control.h"
#include "tests/simulator/modem.h"

enum {
	EVENTS = 64,
	WAKE_TIMER = UINT32_MAX,
	WAKE_SIGNAL = UINT32_MAX - 1,
	WAKE_CONTROL = UINT32_MAX - 2,
	SPARE_FILES = 64,
};

struct fleet {
	const struct options *options;
	struct modem *modems;
	uint64_t *due; /* one per modem, kept beside them so that the soonest is found fast */
	unsigned started;
	int epoll;
	int timer;
	int signals;
	struct control control;
	uint64_t armed_ns;
};

static int failed(const char *what)
{
	fprintf(stderr, "dupgate-sim: %s: %s\n", what, strerror(errno));
	return -1;
}

static int make_directory(const char *path)
{
	struct stat seen;

	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return failed(path);
	if (stat(path, &seen) < 0)
		return failed(path);
	if (!S_ISDIR(seen.st_mode)) {
		errno = ENOTDIR;
		return failed(path);
	}
	return 0;
}

static void raise_file_limit(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int watch(const struct fleet *fleet, int fd, uint32_t name)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = name};

	return epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_loop(struct fleet *fleet)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return failed("signals");
	fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
	fleet->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	fleet->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fleet->epoll < 0 || fleet->timer < 0 || fleet->signals < 0)
		return failed("the loop");
	if (watch(fleet, fleet->timer, WAKE_TIMER) < 0 || watch(fleet, fleet->signals, WAKE_SIGNAL) < 0)
		return failed("the loop");
	return 0;
}

static int start_modems(struct fleet *fleet, const struct scenario *scenario)
{
	size_t count = fleet->options->count;

	fleet->modems = calloc(count, sizeof(*fleet->modems));
	fleet->due = calloc(count, sizeof(*fleet->due));
	if (!fleet->modems || !fleet->due)
		return failed("modems");
	for (unsigned i = 0; i < count; i++) {
		/* One that failed halfway is stopped like the others. */
		fleet->started = i + 1;
		if (!modem_start(&fleet->modems[i], i, fleet->options, scenario, fleet->epoll))
			return -1;
	}
	return 0;
}

static uint64_t soonest(const struct fleet *fleet)
{
	uint64_t due = NEVER;

	for (unsigned i = 0; i < fleet->started; i++)
		if (fleet->due[i] < due)
			due = fleet->due[i];
	return due;
}

static void arm_timer(struct fleet *fleet)
{
	struct itimerspec when = {0};
	uint64_t due = soonest(fleet);

	if (due == fleet->armed_ns)
		return;
	fleet->armed_ns = due;
	if (due != NEVER) {
		/* A time of zero would disarm it. */
		due = due > 0 ? due : 1;
		when.it_value.tv_sec = (time_t)(due / NS_PER_S);
		when.it_value.tv_nsec = (long)(due % NS_PER_S);
	}
	timerfd_settime(fleet->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void advance(struct fleet *fleet, unsigned index, uint64_t now)
{
	modem_advance(&fleet->modems[index], now);
	fleet->due[index] = modem_due(&fleet->modems[index]);
}

static void advance_due(struct fleet *fleet)
{
	uint64_t now = line_clock_ns();

	for (unsigned i = 0; i < fleet->started; i++)
		if (fleet->due[i] <= now)
			advance(fleet, i, now);
}

static void take_timer(struct fleet *fleet)
{
	uint64_t expirations;

	if (read(fleet->timer, &expirations, sizeof(expirations)) > 0)
		fleet->armed_ns = NEVER;
}

static void take_orders(struct fleet *fleet)
{
	struct rule order;
	uint64_t now = line_clock_ns();

	while (control_next(&fleet->control, &order))
		for (unsigned i = 0; i < fleet->started; i++) {
			modem_obey(&fleet->modems[i], &order, now);
			fleet->due[i] = modem_due(&fleet->modems[i]);
		}
}

/* False: a signal asks for the end. */
static bool take_event(struct fleet *fleet, uint32_t name)
{
	if (name == WAKE_SIGNAL)
		return false;
	if (name == WAKE_TIMER) {
		take_timer(fleet);
		return true;
	}
	if (name == WAKE_CONTROL) {
		take_orders(fleet);
		return true;
	}
	fleet->modems[name].readable = true;
	advance(fleet, name, line_clock_ns());
	return true;
}

static int open_control(struct fleet *fleet)
{
	if (!fleet->options->control)
		return 0;
	if (control_open(&fleet->control, fleet->options->control) < 0 || watch(fleet, fleet->control.fd, WAKE_CONTROL) < 0)
		return failed(fleet->options->control);
	return 0;
}

static int run_loop(struct fleet *fleet)
{
	struct epoll_event events[EVENTS];
	bool going = true;

	fleet->armed_ns = NEVER;
	while (going) {
		int count;

		advance_due(fleet);
		arm_timer(fleet);
		count = epoll_wait(fleet->epoll, events, EVENTS, -1);
		if (count < 0 && errno != EINTR)
			return failed("epoll");
		for (int i = 0; i < count; i++)
			going = take_event(fleet, events[i].data.u32) && going;
	}
	return 0;
}

static void close_fleet(struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->started; i++)
		modem_stop(&fleet->modems[i]);
	control_close(&fleet->control);
	free(fleet->modems);
	free(fleet->due);
	if (fleet->epoll >= 0)
		close(fleet->epoll);
	if (fleet->timer >= 0)
		close(fleet->timer);
	if (fleet->signals >= 0)
		close(fleet->signals);
}

int fleet_run(const struct options *options, const struct scenario *scenario)
{
	struct fleet fleet = {.options = options, .epoll = -1, .timer = -1, .signals = -1, .control = {.fd = -1}};
	int error;

	raise_file_limit(options->count + SPARE_FILES);
	error = make_directory(options->dir);
	if (error == 0 && options->state_dir)
		error = make_directory(options->state_dir);
	if (error == 0)
		error = open_loop(&fleet);
	if (error == 0)
		error = open_control(&fleet);
	if (error == 0)
		error = start_modems(&fleet, scenario);
	if (error == 0) {
		printf("ready: %llu modems in %s\n", (unsigned long long)options->count, options->dir);
		fflush(stdout);
		error = run_loop(&fleet);
	}
	close_fleet(&fleet);
	return error == 0 ? 0 : 1;
}
