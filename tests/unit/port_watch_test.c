/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/port_watch.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define TOLD_WITHIN_MS 1000

static char folder[128];
static struct port_watch *watch;

static void make_folder(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/ports-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(port_watch_new(&watch), 0);
}

static void run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run_shell(const char *format, ...)
{
	char line[512], whole[768];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	snprintf(whole, sizeof(whole), "cd %s && %s", folder, line);
	ck_assert_int_eq(system(whole), 0);
}

static void remove_folder(void)
{
	port_watch_free(watch);
	run_shell("rm -rf %s", folder);
}

static void watch_port(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(port_watch_add(watch, path), 0);
	port_watch_renew(watch);
}

static bool told(void)
{
	struct pollfd poll_fd = {.fd = port_watch_fd(watch), .events = POLLIN};
	while (poll(&poll_fd, 1, TOLD_WITHIN_MS) == 1)
		if (port_watch_read(watch))
			return true;
	return false;
}

/* All is taken, and none of it was about a port. */
static bool told_of_others_only(void)
{
	struct pollfd poll_fd = {.fd = port_watch_fd(watch), .events = POLLIN};
	if (poll(&poll_fd, 1, TOLD_WITHIN_MS) != 1)
		return false;
	return !port_watch_read(watch) && poll(&poll_fd, 1, 0) == 0;
}

/* So many folders are watched. */
static unsigned folders_watched(void)
{
	char path[64], line[512];
	unsigned count = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", port_watch_fd(watch));
	FILE *file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL)
		count += strncmp(line, "inotify wd:", 11) == 0;
	fclose(file);
	return count;
}

/* Each command but the first is told; `before` makes what is there when the watch begins. */
static const struct story {
	const char *before, *port;
	const char *commands[4];
	unsigned folders; /* watched at the end */
} stories[] = {
    {"true", "tty", {"touch tty", "rm tty", "mkfifo tty", "mv tty tty.old"}, 1},
    {"true", "tty", {"touch other && mv other tty", "ln -sf /dev/null t && mv t tty"}, 2},
    {"true", "a/b/tty", {"mkdir a", "mkdir a/b", "touch a/b/tty"}, 1},
    {"mkdir -p a/b && touch a/b/tty", "a/b/tty", {"rm -r a", "mkdir a", "mkdir a/b", "touch a/b/tty"}, 1},
    {"mkdir a && touch a/tty", "a/tty", {"mv a c", "mkdir a", "touch a/tty"}, 1},
    {"mkdir dev && ln -s dev/tty0 tty", "tty", {"touch dev/tty0", "rm dev/tty0", "rm tty", "touch tty"}, 1},
    {"mkdir dev && ln -s ../dev/tty0 by-id && mkdir id && mv by-id id", "id/by-id", {"touch dev/tty0", "rm id/by-id"}, 1},
    {"mkdir -p one two && ln -s one now", "now/tty", {"touch one/tty", "ln -s two t && mv -T t now", "touch two/tty", "rm two/tty"}, 2},
    {"ln -s $PWD/dev/./x/../tty0 tty", "tty", {"mkdir dev", "mkdir dev/x", "touch dev/tty0"}, 2},
    {"ln -s b a && ln -s a b", "a", {"rm b"}, 1},
    {"touch a", "a/tty", {"rm a", "mkdir a", "touch a/tty"}, 1},
};

START_TEST(what_happens_on_the_way_to_a_port_is_told)
{
	const struct story *story = &stories[_i];
	run_shell("%s", story->before);
	watch_port(story->port);
	for (size_t i = 0; i < 4 && story->commands[i] != NULL; i++) {
		run_shell("%s", story->commands[i]);
		ck_assert_msg(told(), "nothing is told of: %s", story->commands[i]);
		/* What else the command did is taken too: of the next one a word of its own has to come. */
		while (port_watch_read(watch))
			continue;
	}
	ck_assert_uint_eq(folders_watched(), story->folders);
}
END_TEST

START_TEST(other_files_of_the_folder_are_passed_over)
{
	run_shell("ln -s dev/tty0 tty && mkdir dev");
	watch_port("tty");
	run_shell("touch tty0 && mv tty0 tty1 && rm tty1");
	ck_assert(told_of_others_only());
	run_shell("touch dev/tty dev/tty00 && echo more >dev/tty");
	ck_assert(told_of_others_only());
	run_shell("touch dev/tty0");
	ck_assert(told());
	/* What is in the port is no matter of ours. */
	run_shell("echo more >dev/tty0");
	ck_assert_int_eq(poll(&(struct pollfd){.fd = port_watch_fd(watch), .events = POLLIN}, 1, 0), 0);
}
END_TEST

START_TEST(a_pty_behind_a_link_is_told_of)
{
	char name[64];
	int master, slave;
	ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
	run_shell("ln -s %s tty", name);
	watch_port("tty");
	close(slave);
	ck_assert_int_eq(close(master), 0);
	ck_assert(told());
	ck_assert_int_eq(access(name, F_OK), -1);
	ck_assert_int_eq(openpty(&master, &slave, name, NULL, NULL), 0);
	run_shell("ln -sf %s tty", name);
	ck_assert(told());
	ck_assert_uint_eq(folders_watched(), 2);
}
END_TEST

/* Of so many files the kernel counts no more; then all ports have to be looked at. */
START_TEST(a_queue_that_flows_over_is_told)
{
	char path[256], text[32] = "";
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	unsigned long limit = strtoul(text, NULL, 10);
	watch_port("tty");
	snprintf(path, sizeof(path), "%s/other", folder);
	for (unsigned long i = 0; i <= limit / 2; i++) {
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		unlink(path);
	}
	run_shell("touch tty");
	ck_assert(told());
	run_shell("rm tty");
	ck_assert(told());
}
END_TEST

START_TEST(flapping_leaves_nothing_behind)
{
	run_shell("mkdir dev");
	for (int i = 0; i < 32; i++) {
		char name[16];
		snprintf(name, sizeof(name), "tty%d", i);
		run_shell("ln -s dev/real%d tty%d", i, i);
		watch_port(name);
	}
	ck_assert_uint_eq(folders_watched(), 2);
	for (int i = 0; i < 200; i++) {
		run_shell("rm -r dev");
		ck_assert(told());
		run_shell("mkdir dev");
		ck_assert(told());
		ck_assert_uint_eq(folders_watched(), 2);
	}
}
END_TEST

/* Several ports in one folder, which is found once: through a link, then another one, then nowhere. */
START_TEST(ports_of_one_folder_are_told_of_each)
{
	run_shell("mkdir -p one two oth && ln -s one now");
	watch_port("now/tty0");
	watch_port("now/tty1");
	watch_port("oth/tty0");
	watch_port("now/tty2");
	static const char *const commands[] = {"touch one/tty0",
					       "touch one/tty1",
					       "touch oth/tty0",
					       "touch one/tty2",
					       "ln -s two t && mv -T t now",
					       "touch two/tty1",
					       "touch two/tty2",
					       "ln -s ../one/tty2 two/tty0",
					       "rm two/tty1",
					       "rm one/tty2",
					       "rm two/tty0",
					       "rm -r two",
					       "mkdir two",
					       "touch two/tty2"};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		run_shell("%s", commands[i]);
		ck_assert_msg(told(), "nothing is told of: %s", commands[i]);
		while (port_watch_read(watch))
			continue;
	}
	ck_assert_uint_eq(folders_watched(), 3);
	run_shell("touch one/tty0 one/tty5 && rm one/tty0 && touch two/tty5");
	ck_assert(told_of_others_only());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_watch");
	TCase *tests = tcase_create("folder");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, make_folder, remove_folder);
	tcase_add_loop_test(tests, what_happens_on_the_way_to_a_port_is_told, 0, (int)(sizeof(stories) / sizeof(stories[0])));
	tcase_add_test(tests, other_files_of_the_folder_are_passed_over);
	tcase_add_test(tests, a_pty_behind_a_link_is_told_of);
	tcase_add_test(tests, a_queue_that_flows_over_is_told);
	tcase_add_test(tests, ports_of_one_folder_are_told_of_each);
	tcase_add_test(tests, flapping_leaves_nothing_behind);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
