/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hotplug.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemon/hotplug_port.h"
#include "daemon/log.h"

/* A hub with its boards tells of some hundred devices in one moment, a few hundred bytes each. */
#define RECEIVE_BUFFER (8 * 1024 * 1024)
/* Until all ports are looked at again after a failure, or for those that udev had not finished with. */
#define SECOND_LOOK_S 1
/* So that a stream of events that does not end lets others have their turn. */
#define EVENTS_AT_ONCE 1024

/* udevd has this socket as long as it runs. */
#define UDEV_SOCKET "/run/udev/control"

struct hotplug {
	const struct config *config;
	struct registry *registry;
	struct udev *udev;
	struct udev_monitor *monitor;
	int epoll_fd, timer_fd;
	bool udevd;
	struct usb_port *ports; /* those that came and were not told yet */
	size_t count, capacity;
};

static int add_port(struct hotplug *hotplug, const struct usb_port *port)
{
	if (hotplug->count == hotplug->capacity) {
		size_t capacity = hotplug->capacity * 2 + 16;
		struct usb_port *grown = reallocarray(hotplug->ports, capacity, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		hotplug->ports = grown;
		hotplug->capacity = capacity;
	}
	hotplug->ports[hotplug->count++] = *port;
	return 0;
}

static void look_again_later(struct hotplug *hotplug)
{
	const struct itimerspec once = {.it_value.tv_sec = SECOND_LOOK_S};
	if (timerfd_settime(hotplug->timer_fd, 0, &once, NULL) < 0)
		log_error(NULL, "the ports of USB cannot be looked at again: %s", strerror(errno));
}

static void check_taken(struct hotplug *hotplug, int result, const struct job_fault *fault)
{
	hotplug->count = 0;
	if (result == 0)
		return;
	log_warning(NULL, "what was plugged in is not stored, and tried again: %s", result == -EPROTO ? fault->message : strerror(-result));
	look_again_later(hotplug);
}

static void tell_ports_that_came(struct hotplug *hotplug)
{
	struct job_fault fault;
	if (hotplug->count > 0)
		check_taken(hotplug, registry_ports_came(hotplug->registry, hotplug->ports, hotplug->count, &fault), &fault);
}

/* Whether udev has done with it; without udev there is nothing to wait for. */
static bool is_settled(const struct hotplug *hotplug, struct udev_device *device)
{
	return !hotplug->udevd || udev_device_get_is_initialized(device) > 0;
}

/* One of those that are there. patient: what udev has not done with is left for its event, and for a second look. */
static int look_at(struct hotplug *hotplug, const char *syspath, bool patient)
{
	struct usb_port port;
	struct udev_device *device = udev_device_new_from_syspath(hotplug->udev, syspath);
	int result = 0;
	if (device != NULL && hotplug_port_read(hotplug->config, device, &port)) {
		if (!patient || is_settled(hotplug, device))
			result = add_port(hotplug, &port);
		else
			look_again_later(hotplug);
	}
	udev_device_unref(device);
	return result;
}

/* All that are there, told as such. */
static int scan(struct hotplug *hotplug, bool patient)
{
	struct job_fault fault;
	struct udev_list_entry *entry;
	struct udev_enumerate *list = udev_enumerate_new(hotplug->udev);
	int result = list != NULL ? udev_enumerate_add_match_subsystem(list, "tty") : -ENOMEM;
	if (result >= 0)
		result = udev_enumerate_scan_devices(list);
	udev_list_entry_foreach(entry, result >= 0 ? udev_enumerate_get_list_entry(list) : NULL)
	{
		result = look_at(hotplug, udev_list_entry_get_name(entry), patient);
		if (result < 0)
			break;
	}
	udev_enumerate_unref(list);
	if (result >= 0)
		result = registry_ports_are(hotplug->registry, hotplug->ports, hotplug->count, &fault);
	check_taken(hotplug, result, &fault);
	return result;
}

static int listen(struct hotplug *hotplug)
{
	hotplug->udevd = access(UDEV_SOCKET, F_OK) == 0;
	hotplug->monitor = udev_monitor_new_from_netlink(hotplug->udev, hotplug->udevd ? "udev" : "kernel");
	if (hotplug->monitor == NULL)
		return -errno;
	if (udev_monitor_set_receive_buffer_size(hotplug->monitor, RECEIVE_BUFFER) < 0)
		log_debug(NULL, "the kernel's queue of events keeps its size");
	int result = udev_monitor_filter_add_match_subsystem_devtype(hotplug->monitor, "tty", NULL);
	return result < 0 ? result : udev_monitor_enable_receiving(hotplug->monitor);
}

static int watch(const struct hotplug *hotplug, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(hotplug->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_all(struct hotplug *hotplug)
{
	hotplug->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	hotplug->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (hotplug->epoll_fd < 0 || hotplug->timer_fd < 0)
		return -errno;
	hotplug->udev = udev_new();
	if (hotplug->udev == NULL)
		return -ENOMEM;
	int result = listen(hotplug);
	if (result == 0)
		result = watch(hotplug, udev_monitor_get_fd(hotplug->monitor));
	return result < 0 ? result : watch(hotplug, hotplug->timer_fd);
}

int hotplug_new(const struct config *config, struct registry *registry, struct hotplug **ret)
{
	struct hotplug *hotplug = calloc(1, sizeof(*hotplug));
	if (hotplug == NULL)
		return -ENOMEM;
	hotplug->config = config;
	hotplug->registry = registry;
	hotplug->epoll_fd = hotplug->timer_fd = -1;
	int result = open_all(hotplug);
	if (result < 0) {
		hotplug_free(hotplug);
		return result;
	}
	(void)scan(hotplug, true);
	*ret = hotplug;
	return 0;
}

void hotplug_free(struct hotplug *hotplug)
{
	if (hotplug == NULL)
		return;
	udev_monitor_unref(hotplug->monitor);
	udev_unref(hotplug->udev);
	if (hotplug->timer_fd >= 0)
		close(hotplug->timer_fd);
	if (hotplug->epoll_fd >= 0)
		close(hotplug->epoll_fd);
	free(hotplug->ports);
	free(hotplug);
}

int hotplug_fd(const struct hotplug *hotplug)
{
	return hotplug->epoll_fd;
}

static void take_event(struct hotplug *hotplug, struct udev_device *device)
{
	struct usb_port port;
	const char *action = udev_device_get_action(device);
	bool gone = action != NULL && strcmp(action, "remove") == 0;
	if (!gone && hotplug_port_read(hotplug->config, device, &port)) {
		if (add_port(hotplug, &port) < 0)
			look_again_later(hotplug);
		return;
	}
	/* In the order in which it happened. */
	tell_ports_that_came(hotplug);
	registry_port_left(hotplug->registry, udev_device_get_syspath(device));
}

/* Returns whether events were lost. */
static bool take_events(struct hotplug *hotplug, bool *ret_any)
{
	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		errno = 0;
		struct udev_device *device = udev_monitor_receive_device(hotplug->monitor);
		if (device == NULL && errno != EINTR)
			return errno == ENOBUFS;
		if (device == NULL)
			continue;
		take_event(hotplug, device);
		udev_device_unref(device);
		*ret_any = true;
	}
	return false;
}

bool hotplug_take(struct hotplug *hotplug)
{
	uint64_t expired = 0;
	bool any = false;
	bool due = read(hotplug->timer_fd, &expired, sizeof(expired)) == sizeof(expired);
	bool lost = take_events(hotplug, &any);
	tell_ports_that_came(hotplug);
	if (lost)
		log_warning(NULL, "the kernel told of more than could be taken: all ports of USB are looked at again");
	if (lost || due)
		(void)scan(hotplug, false);
	return any || lost || due;
}
