/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry_private.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/log.h"
#include "transport/clock.h"

/* A port that is no path is looked for by whoever opens it. */
static bool port_exists(const char *port)
{
	return strstr(port, "://") != NULL || access(port, F_OK) == 0;
}

bool registry_looks_present(const struct registry_entry *entry)
{
	bool fixed = registry_entry_is_fixed(entry);
	return (fixed || entry->present) && port_exists(fixed ? entry->section->port : entry->device.port);
}

bool registry_is_behind(struct registry *registry, const char *id, const char *port)
{
	const struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return false;
	pthread_mutex_lock(&registry->lock);
	bool behind = registry_entry_is_fixed(entry) ||
		      (strcmp(entry->device.port, port) == 0 && entry->syspath[0] != '\0' && access(entry->syspath, F_OK) == 0);
	pthread_mutex_unlock(&registry->lock);
	return behind;
}

/* Returns whether that is news. */
static bool check_port(struct registry *registry, struct registry_entry *entry, bool *ret_present)
{
	pthread_mutex_lock(&registry->change);
	struct registry_entry next = *entry;
	next.present = *ret_present = registry_looks_present(entry);
	bool news = entry->present != next.present;
	if (news) {
		log_info(entry->id, "the port %s %s", entry->device.port, next.present ? "is there" : "is gone");
		registry_show(registry, entry, &next);
	}
	pthread_mutex_unlock(&registry->change);
	return news;
}

bool registry_check_port(struct registry *registry, const char *id)
{
	bool present = false;
	struct registry_entry *entry = registry_find(registry, id);
	if (entry != NULL)
		check_port(registry, entry, &present);
	return present;
}

static struct registry_entry *section_at(struct registry *registry, size_t index, bool *ret_fixed)
{
	pthread_mutex_lock(&registry->lock);
	struct registry_entry *entry = index < registry->section_count ? registry->entries[index] : NULL;
	*ret_fixed = entry != NULL && registry_entry_is_fixed(entry);
	pthread_mutex_unlock(&registry->lock);
	return entry;
}

bool registry_check_ports(struct registry *registry)
{
	bool one_came = false;
	bool fixed;
	struct registry_entry *entry;
	for (size_t i = 0; (entry = section_at(registry, i, &fixed)) != NULL; i++) {
		bool present;
		if (fixed && check_port(registry, entry, &present))
			one_came = one_came || present;
	}
	return one_came;
}

bool registry_present(struct registry *registry, const char *id)
{
	const struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return false;
	pthread_mutex_lock(&registry->lock);
	bool present = entry->present;
	pthread_mutex_unlock(&registry->lock);
	return present;
}

struct registry_standing registry_standing(struct registry *registry, const char *id)
{
	struct registry_standing standing = {0};
	pthread_mutex_lock(&registry->lock);
	const struct registry_entry *entry = name_index_find(&registry->by_id, id);
	if (entry != NULL)
		standing = (struct registry_standing){entry->present, entry->device.maintenance, entry->traits};
	pthread_mutex_unlock(&registry->lock);
	return standing;
}

bool registry_traits(struct registry *registry, const char *id, struct device *ret, char ret_controller[64])
{
	pthread_mutex_lock(&registry->lock);
	const struct registry_entry *entry = name_index_find(&registry->by_id, id);
	if (entry != NULL) {
		*ret = registry_snapshot(entry);
		memcpy(ret_controller, entry->controller, sizeof(entry->controller));
	}
	pthread_mutex_unlock(&registry->lock);
	return entry != NULL;
}

static void enlist(struct registry *registry, struct registry_waiter *waiter)
{
	pthread_mutex_lock(&registry->lock);
	waiter->next = registry->waiters;
	registry->waiters = waiter;
	pthread_mutex_unlock(&registry->lock);
}

static void leave(struct registry *registry, const struct registry_waiter *waiter)
{
	pthread_mutex_lock(&registry->lock);
	struct registry_waiter **link = &registry->waiters;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	pthread_mutex_unlock(&registry->lock);
}

/* 0 when something came or went. */
static int wait_for_news(int fd, int cancel_fd, int64_t deadline_ms)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	eventfd_t ignored;
	int count = clock_poll(fds, 2, deadline_ms);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents != 0)
		return -ECANCELED;
	if (fds[0].revents == 0)
		return -ETIMEDOUT;
	(void)eventfd_read(fd, &ignored);
	return 0;
}

int registry_await_port(struct registry *registry, const char *id, bool present, int cancel_fd, int64_t deadline_ms)
{
	if (registry_find(registry, id) == NULL)
		return -ENODEV;
	struct registry_waiter waiter = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (waiter.fd < 0)
		return -errno;
	int result = 0;
	enlist(registry, &waiter);
	(void)registry_check_port(registry, id);
	while (result == 0 && registry_present(registry, id) != present)
		result = wait_for_news(waiter.fd, cancel_fd, deadline_ms);
	leave(registry, &waiter);
	close(waiter.fd);
	return result;
}
