/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/port_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

/* devpts tells of its ptys as other folders do of their files (IN_CREATE with the pty, IN_DELETE as soon as its master is closed, measured with
 * Linux 6.18), so that a link to a pty needs nothing of its own. A job that has the pty open sees POLLHUP besides. */
#define FOLDER_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

#define LINKS_MAX 40u /* of one path, as the kernel has it */
#define WALKS_MAX 8u  /* of one path whose folders vanish under the walk; then the next renewal has to do */
#define READ_SIZE 16384u

/* A name in a watched folder on which a port hangs. */
struct interest {
	int wd;
	char *name;
};

struct interests {
	struct interest *list;
	size_t count;
};

struct port_watch {
	int fd;
	char **paths;
	size_t path_count;
	struct interests now;
	bool refusal_told;
};

/* Along a path: what is behind, without links ("" is the root), and what lies ahead. */
struct walk {
	char behind[PATH_MAX], ahead[PATH_MAX];
	unsigned links;
};

/* Where the walk to the folder of one path ended: the next path is mostly in the same folder, and begins there. */
struct trail {
	const char *path; /* borrowed */
	size_t length;    /* of the folder's part of it, with its slash; 0: nothing is known */
	char behind[PATH_MAX];
	unsigned links;
};

static void forget(struct interests *interests)
{
	for (size_t i = 0; i < interests->count; i++)
		free(interests->list[i].name);
	free(interests->list);
	*interests = (struct interests){0};
}

static int add_interest(struct interests *interests, int wd, const char *name)
{
	struct interest *list = reallocarray(interests->list, interests->count + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	interests->list = list;
	char *copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	list[interests->count++] = (struct interest){wd, copy};
	return 0;
}

static bool has_folder(const struct interests *interests, int wd)
{
	for (size_t i = 0; i < interests->count; i++)
		if (interests->list[i].wd == wd)
			return true;
	return false;
}

static bool has_name(const struct interests *interests, int wd, const char *name)
{
	for (size_t i = 0; i < interests->count; i++)
		if (interests->list[i].wd == wd && strcmp(interests->list[i].name, name) == 0)
			return true;
	return false;
}

/* -EAGAIN: the folder is not there any more. A folder that the kernel does not let us watch is done without. */
static int watch_name(struct port_watch *watch, struct interests *into, const char *folder, const char *name)
{
	const char *path = folder[0] != '\0' ? folder : "/";
	int wd = inotify_add_watch(watch->fd, path, FOLDER_EVENTS);
	if (wd >= 0)
		return add_interest(into, wd, name);
	if (errno == ENOENT || errno == ENOTDIR)
		return -EAGAIN;
	if (!watch->refusal_told)
		log_warning(NULL, "%s cannot be watched, so that ports in it are looked for every 15 s only: %s%s", path, strerror(errno),
			    errno == ENOSPC ? " (fs.inotify.max_user_watches)" : "");
	watch->refusal_told = true;
	return 0;
}

/* Takes the next name off what lies ahead. False at the end. */
static bool take_name(struct walk *walk, char ret[PATH_MAX])
{
	const char *start = walk->ahead + strspn(walk->ahead, "/");
	size_t length = strcspn(start, "/");
	memcpy(ret, start, length);
	ret[length] = '\0';
	const char *rest = start + length + strspn(start + length, "/");
	memmove(walk->ahead, rest, strlen(rest) + 1);
	return length > 0;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What a link says comes before what lay ahead. False when the path gets too long. */
static bool follow(struct walk *walk, const char *target)
{
	char ahead[2 * PATH_MAX];
	snprintf(ahead, sizeof(ahead), "%s/%s", target, walk->ahead);
	if (strlen(ahead) >= sizeof(walk->ahead) || ++walk->links > LINKS_MAX)
		return false;
	memcpy(walk->ahead, ahead, strlen(ahead) + 1);
	if (target[0] == '/')
		walk->behind[0] = '\0';
	return true;
}

/* 1 to go on; 0 at the end of the path, or where there is nothing yet; -EAGAIN; -ENOMEM. */
static int step(struct port_watch *watch, struct interests *into, struct walk *walk, const char *name)
{
	char path[2 * PATH_MAX], target[PATH_MAX];
	char *slash = strrchr(walk->behind, '/');
	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		if (slash != NULL)
			*slash = '\0';
		return 1;
	}
	int length = snprintf(path, sizeof(path), "%s/%s", walk->behind, name);
	if ((size_t)length >= sizeof(walk->behind))
		return 0;
	bool last = walk->ahead[0] == '\0';
	/* A folder that is there tells by itself when it goes: what is in it is watched. */
	if (last || !is_folder(path)) {
		int result = watch_name(watch, into, walk->behind, name);
		if (result < 0)
			return result;
		/* Looked at with the watch in place, so that what changes after the look is told. */
		ssize_t size = readlink(path, target, sizeof(target) - 1);
		target[size >= 0 ? size : 0] = '\0';
		if (size >= 0)
			return follow(walk, target);
		if (last || !is_folder(path))
			return 0;
	}
	memcpy(walk->behind, path, (size_t)length + 1);
	return 1;
}

/* Sets the walk to where the last one was in the same folder, else to the root. */
static void set_out(struct walk *walk, const char *path, size_t length, const struct trail *trail)
{
	bool known = length > 0 && trail->length == length && memcmp(trail->path, path, length) == 0;
	const char *ahead = known ? path + length : path;
	memcpy(walk->ahead, ahead, strlen(ahead) + 1);
	strcpy(walk->behind, known ? trail->behind : "");
	walk->links = known ? trail->links : 0;
}

static int walk_path(struct port_watch *watch, struct interests *into, const char *path, struct trail *trail)
{
	struct walk walk;
	char name[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL && slash[1] != '\0' ? (size_t)(slash - path) + 1 : 0;
	int result = 1;
	bool noted = false;
	if (strlen(path) >= sizeof(walk.ahead))
		return 0;
	set_out(&walk, path, length, trail);
	trail->length = 0;
	while (result > 0 && take_name(&walk, name)) {
		/* The links in the folder's part have put in front of this name what they say: it is the first with nothing ahead. */
		if (walk.ahead[0] == '\0' && !noted) {
			noted = true;
			trail->path = path;
			trail->length = length;
			trail->links = walk.links;
			strcpy(trail->behind, walk.behind);
		}
		result = step(watch, into, &walk, name);
	}
	if (result < 0)
		trail->length = 0;
	return result < 0 ? result : 0;
}

void port_watch_renew(struct port_watch *watch)
{
	struct interests next = {0};
	struct trail trail = {.length = 0};
	for (size_t i = 0; i < watch->path_count; i++) {
		int result = -EAGAIN;
		for (unsigned walks = 0; result == -EAGAIN && walks < WALKS_MAX; walks++)
			result = walk_path(watch, &next, watch->paths[i], &trail);
		if (result != -ENOMEM)
			continue;
		forget(&next); /* what is watched now stays so */
		return;
	}
	/* One that the kernel has taken back already is refused: no matter. */
	for (size_t i = 0; i < watch->now.count; i++)
		if (!has_folder(&next, watch->now.list[i].wd))
			(void)inotify_rm_watch(watch->fd, watch->now.list[i].wd);
	forget(&watch->now);
	watch->now = next;
}

static bool concerns_us(const struct port_watch *watch, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0)
		return has_folder(&watch->now, event->wd);
	return event->len > 0 && has_name(&watch->now, event->wd, event->name);
}

bool port_watch_read(struct port_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[READ_SIZE];
	bool concerned = false;
	ssize_t size;
	while ((size = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buffer + at);
			concerned = concerned || concerns_us(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		if (size < (ssize_t)(sizeof(buffer) / 2))
			break;
	}
	if (concerned)
		port_watch_renew(watch);
	return concerned;
}

int port_watch_add(struct port_watch *watch, const char *path)
{
	char **paths = reallocarray(watch->paths, watch->path_count + 1, sizeof(*paths));
	if (paths == NULL)
		return -ENOMEM;
	watch->paths = paths;
	paths[watch->path_count] = strdup(path);
	if (paths[watch->path_count] == NULL)
		return -ENOMEM;
	watch->path_count++;
	return 0;
}

int port_watch_fd(const struct port_watch *watch)
{
	return watch->fd;
}

int port_watch_new(struct port_watch **ret)
{
	struct port_watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return -ENOMEM;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0) {
		int error = -errno;
		free(watch);
		return error;
	}
	*ret = watch;
	return 0;
}

void port_watch_free(struct port_watch *watch)
{
	if (watch == NULL)
		return;
	forget(&watch->now);
	for (size_t i = 0; i < watch->path_count; i++)
		free(watch->paths[i]);
	free(watch->paths);
	close(watch->fd);
	free(watch);
}
