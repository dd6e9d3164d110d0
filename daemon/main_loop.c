/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/main_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/wall_clock.h"

#define HEARTBEAT_MS         15000
#define STOP_REPORT_MS       2000
#define STOP_LOG_EVERY       5 /* reports */
#define STOP_EXTENSION_USEC  "60000000"
#define WATCHDOG_HALVES_USEC 2000u /* half of it, in ms */

enum source {
	SOURCE_SIGNAL,
	SOURCE_BUS,
	SOURCE_QUEUE,
	SOURCE_DUE,
	SOURCE_PORTS,
	SOURCE_HOTPLUG,
	SOURCE_HEARTBEAT,
	SOURCE_WATCHDOG,
	SOURCE_STOP_REPORT,
	SOURCE_COUNT
};

struct main_loop {
	struct gateway *gateway;
	const struct main_loop_hooks *hooks;
	int epoll_fd;
	int fds[SOURCE_COUNT]; /* -1: not there; those of the gateway are borrowed */
	bool stopping, cut_short;
	struct clock_watch clock;
	unsigned stop_reports;
};

static void signals_of_the_loop(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
}

int main_loop_block_signals(void)
{
	sigset_t set;
	signals_of_the_loop(&set);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Its descriptor is ours, and counts. */
static bool is_counter(enum source source)
{
	return source == SOURCE_DUE || source == SOURCE_HEARTBEAT || source == SOURCE_WATCHDOG || source == SOURCE_STOP_REPORT;
}

static void drain(int fd)
{
	uint64_t ignored;
	(void)!read(fd, &ignored, sizeof(ignored));
}

static int watch(struct main_loop *loop, enum source source, int fd)
{
	if (fd < 0)
		return -errno;
	loop->fds[source] = fd;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static struct timespec timespec_of(int64_t ms)
{
	return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

static int watch_period(struct main_loop *loop, enum source source, int64_t period_ms)
{
	int result = watch(loop, source, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	const struct itimerspec every = {.it_interval = timespec_of(period_ms), .it_value = timespec_of(period_ms)};
	if (result == 0 && timerfd_settime(loop->fds[source], 0, &every, NULL) < 0)
		result = -errno;
	return result;
}

static int watch_signals(struct main_loop *loop)
{
	sigset_t set;
	signals_of_the_loop(&set);
	return watch(loop, SOURCE_SIGNAL, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

static int watch_all(struct main_loop *loop)
{
	uint64_t watchdog_usec = 0;
	int result = watch_signals(loop);
	if (result == 0)
		result = watch(loop, SOURCE_BUS, event_bus_wake_fd(gateway_events(loop->gateway)));
	if (result == 0)
		result = watch(loop, SOURCE_QUEUE, gateway_wake_fd(loop->gateway));
	/* What is due is due by the wall clock, as people say when; a step of that clock wakes it. */
	if (result == 0)
		result = watch(loop, SOURCE_DUE, timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
	if (result == 0 && gateway_ports_fd(loop->gateway) >= 0)
		result = watch(loop, SOURCE_PORTS, gateway_ports_fd(loop->gateway));
	if (result == 0 && gateway_hotplug_fd(loop->gateway) >= 0)
		result = watch(loop, SOURCE_HOTPLUG, gateway_hotplug_fd(loop->gateway));
	if (result == 0)
		result = watch_period(loop, SOURCE_HEARTBEAT, HEARTBEAT_MS);
	if (result == 0 && sd_watchdog_enabled(0, &watchdog_usec) > 0)
		result = watch_period(loop, SOURCE_WATCHDOG, (int64_t)(watchdog_usec / WATCHDOG_HALVES_USEC));
	return result;
}

static void close_all(struct main_loop *loop)
{
	for (int source = 0; source < SOURCE_COUNT; source++)
		if (loop->fds[source] >= 0 && (is_counter((enum source)source) || source == SOURCE_SIGNAL))
			close(loop->fds[source]);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
}

static void look_at_clock(struct main_loop *loop)
{
	int64_t step_ms = wall_clock_look(&loop->clock);
	if (step_ms != 0)
		gateway_clock_stepped(loop->gateway, step_ms);
}

/* When the next turn is due. */
static int64_t turn(struct main_loop *loop)
{
	int64_t due_ms = gateway_turn(loop->gateway), errands_ms = gateway_prune_errands(loop->gateway);
	int64_t jobs_ms = gateway_prune_jobs(loop->gateway);
	int64_t prune_ms = jobs_ms < errands_ms ? jobs_ms : errands_ms;
	return due_ms == 0 || prune_ms < due_ms ? prune_ms : due_ms;
}

/* Again when the clock was set under it: the moment in which the next one is due may be another. */
static void take_turn(struct main_loop *loop)
{
	int result;
	do {
		look_at_clock(loop);
		const struct itimerspec at = {.it_value = timespec_of(turn(loop))};
		result = timerfd_settime(loop->fds[SOURCE_DUE], TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
	} while (result < 0 && errno == ECANCELED);
	if (result < 0)
		log_error(NULL, "the timer of the queue cannot be set: %s", strerror(errno));
}

static void report_stop(struct main_loop *loop)
{
	unsigned count = gateway_threads(loop->gateway);
	char jobs[512];
	gateway_describe_threads(loop->gateway, jobs, sizeof(jobs));
	sd_notifyf(0, "STATUS=stopping: waiting for %u running jobs%s%s\nEXTEND_TIMEOUT_USEC=" STOP_EXTENSION_USEC, count,
		   count > 0 ? ": " : "", jobs);
	if (count > 0 && loop->stop_reports++ % STOP_LOG_EVERY == 0)
		log_info(NULL, "stopping: waiting for %u running jobs: %s; another signal ends at once", count, jobs);
}

static void begin_stop(struct main_loop *loop)
{
	loop->stopping = true;
	sd_notify(0, "STOPPING=1");
	loop->hooks->quiesce(loop->hooks->context);
	gateway_stop(loop->gateway);
	report_stop(loop);
	if (watch_period(loop, SOURCE_STOP_REPORT, STOP_REPORT_MS) < 0)
		log_error(NULL, "the stop cannot be prolonged: %s", strerror(errno));
}

static void take_signal(struct main_loop *loop)
{
	struct signalfd_siginfo about;
	if (read(loop->fds[SOURCE_SIGNAL], &about, sizeof(about)) != sizeof(about))
		return;
	log_info(NULL, "signal %s", sigabbrev_np((int)about.ssi_signo));
	if (loop->stopping)
		loop->cut_short = true;
	else
		begin_stop(loop);
}

static void take(struct main_loop *loop, enum source source)
{
	if (is_counter(source) || source == SOURCE_BUS)
		drain(loop->fds[source]);
	switch (source) {
	case SOURCE_SIGNAL:
		take_signal(loop);
		break;
	case SOURCE_BUS:
		loop->hooks->events(loop->hooks->context);
		break;
	case SOURCE_QUEUE:
	case SOURCE_DUE:
		take_turn(loop);
		break;
	case SOURCE_PORTS:
		gateway_ports_changed(loop->gateway);
		break;
	case SOURCE_HOTPLUG:
		gateway_take_hotplug(loop->gateway);
		break;
	case SOURCE_HEARTBEAT:
		gateway_survey_ports(loop->gateway);
		loop->hooks->heartbeat(loop->hooks->context);
		break;
	case SOURCE_WATCHDOG:
		sd_notify(0, "WATCHDOG=1");
		break;
	case SOURCE_STOP_REPORT:
		report_stop(loop);
		break;
	case SOURCE_COUNT:
		break;
	}
}

static int turn_until_stopped(struct main_loop *loop)
{
	while (!loop->cut_short && !(loop->stopping && gateway_threads(loop->gateway) == 0)) {
		struct epoll_event events[SOURCE_COUNT];
		int count = epoll_wait(loop->epoll_fd, events, SOURCE_COUNT, -1);
		if (count < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < count; i++)
			take(loop, (enum source)events[i].data.u32);
	}
	return 0;
}

int main_loop_run(struct gateway *gateway, const struct main_loop_hooks *hooks)
{
	struct main_loop loop = {.gateway = gateway, .hooks = hooks, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	for (int source = 0; source < SOURCE_COUNT; source++)
		loop.fds[source] = -1;
	int result = loop.epoll_fd < 0 ? -errno : watch_all(&loop);
	if (result == 0) {
		look_at_clock(&loop);
		sd_notify(0, "READY=1\nSTATUS=ready");
		result = turn_until_stopped(&loop);
	}
	close_all(&loop);
	if (result < 0)
		log_error(NULL, "the main loop ends: %s", strerror(-result));
	if (result < 0)
		return EX_OSERR;
	if (loop.cut_short)
		return MAIN_LOOP_CUT_SHORT;
	return gateway_threads_left(gateway) > 0 ? MAIN_LOOP_LEFT_BEHIND : 0;
}
