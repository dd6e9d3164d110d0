/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/power_switch.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"

static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/power-switch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* A file of the made tree, with the folders above it. */
static const char *put(const char *name, const char *text, mode_t mode)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static char first_of(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	int c = fgetc(file);
	fclose(file);
	return (char)c;
}

static struct power_method method_of(const char *text)
{
	struct power_method method;
	ck_assert_ptr_null(power_method_parse(text, &method));
	return method;
}

#define DISABLE    "bus/usb/devices/1-1:1.0/1-1-port4/disable"
#define PEER       "bus/usb/devices/1-1:1.0/1-1-port4/peer/disable"
#define AUTHORIZED "bus/usb/devices/1-1.4/authorized"

START_TEST(a_port_goes_off_and_on_with_its_other_half)
{
	struct power_method method = method_of("usb-port:1-1.4");
	struct job_fault fault = {0};
	ck_assert(!power_file_usable(folder, &method));
	put(DISABLE, "0\n", 0644);
	ck_assert(power_file_usable(folder, &method));
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), 0);
	ck_assert_int_eq(first_of(DISABLE), '1');
	put(PEER, "0\n", 0644);
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), 0);
	ck_assert_int_eq(first_of(PEER), '1');
	ck_assert_int_eq(power_file_set(folder, &method, true, &fault), 0);
	ck_assert_int_eq(first_of(DISABLE), '0');
	ck_assert_int_eq(first_of(PEER), '0');
}
END_TEST

/* The names of the other half, as links have them. */
static const struct {
	const char *method, *folder, *target, *peer; /* peer NULL: none */
} halves[] = {
    {"usb-port:1-1.4", "1-1:1.0/1-1-port4", "../../../2-1/2-1:1.0/2-1-port4", "usb-port:2-1.4"},
    {"usb-port:1-4", "1-0:1.0/usb1-port4", "../../../usb2/2-0:1.0/usb2-port10", "usb-port:2-10"},
    {"usb-port:1-1.2.4", "1-1.2:1.0/1-1.2-port4", "2-3.1-port1", "usb-port:2-3.1.1"},
    {"usb-port:1-1.4", "1-1:1.0/1-1-port4", "../../elsewhere", NULL},
    {"usb-authorized:1-1.4", "1-1:1.0/1-1-port4", "2-1-port4", NULL},
};

START_TEST(the_other_half_of_a_port_has_a_name_of_its_own)
{
	char command[512], text[176];
	struct power_method method = method_of(halves[_i].method), peer;
	ck_assert(!power_file_peer(folder, &method, &peer));
	/* A link to nowhere has no switch. */
	snprintf(command, sizeof(command), "mkdir -p %s/bus/usb/devices/%s && cd %s/bus/usb/devices/%s && echo 0 >disable && ln -s %s peer",
		 folder, halves[_i].folder, folder, halves[_i].folder, halves[_i].target);
	ck_assert_int_eq(system(command), 0);
	ck_assert(!power_file_peer(folder, &method, &peer));
	snprintf(command, sizeof(command), "cd %s/bus/usb/devices/%s && mkdir -p $(readlink -m peer) && echo 0 >peer/disable", folder,
		 halves[_i].folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(power_file_peer(folder, &method, &peer), halves[_i].peer != NULL);
	if (halves[_i].peer == NULL)
		return;
	power_method_text(&peer, text, sizeof(text));
	ck_assert_str_eq(text, halves[_i].peer);
}
END_TEST

START_TEST(authorized_is_the_other_way_round)
{
	struct power_method method = method_of("usb-authorized:1-1.4");
	struct job_fault fault = {0};
	put(AUTHORIZED, "1\n", 0644);
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), 0);
	ck_assert_int_eq(first_of(AUTHORIZED), '0');
	ck_assert_int_eq(power_file_set(folder, &method, true, &fault), 0);
	ck_assert_int_eq(first_of(AUTHORIZED), '1');
}
END_TEST

START_TEST(a_switch_that_cannot_be_used_says_path_and_why)
{
	struct power_method method = method_of("usb-port:1-1.4");
	struct job_fault fault = {0};
	char path[256];
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "power-cycle-failed");
	snprintf(path, sizeof(path), "%s/" DISABLE ": No such file or directory", folder);
	ck_assert_str_eq(fault.evidence, path);
	ck_assert_ptr_nonnull(strstr(fault.message, "older than 6.0"));
	/* What takes every byte and gives none back switches nothing. */
	put(DISABLE, "0\n", 0644);
	snprintf(path, sizeof(path), "%s/" DISABLE, folder);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "the hub does not switch the port off");
	ck_assert_ptr_nonnull(strstr(fault.evidence, "1 was written, - is read"));
	if (geteuid() == 0)
		return; /* who may write everything meets no refusal */
	ck_assert_int_eq(unlink(path), 0);
	put(DISABLE, "0\n", 0444);
	ck_assert(!power_file_usable(folder, &method));
	ck_assert_int_eq(power_file_set(folder, &method, false, &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "may not write"));
	ck_assert_ptr_nonnull(strstr(fault.evidence, "Permission denied"));
}
END_TEST

static const char *const environment[] = {"DUPGATE_DEVICE=bench-1", NULL};

/* wait_ms: how long each look waits for its end. */
static int run_looking(const char *script, unsigned limit_s, int64_t wait_ms, struct job_fault *ret_fault)
{
	char text[320];
	struct power_command command;
	snprintf(text, sizeof(text), "command:%s one two", put("cycle", script, 0755));
	struct power_method method = method_of(text);
	int result = power_command_start(&method, environment, limit_s, &command, ret_fault);
	if (result == 0)
		while ((result = power_command_wait(&command, wait_ms, ret_fault)) == -EAGAIN)
			;
	return result;
}

static int run(const char *script, unsigned limit_s, struct job_fault *ret_fault)
{
	return run_looking(script, limit_s, 20, ret_fault);
}

START_TEST(a_command_gets_its_words_a_clean_environment_and_no_descriptor)
{
	struct job_fault fault = {0};
	int leaked = open("/dev/null", O_RDONLY);
	ck_assert_int_ge(leaked, 3);
	ck_assert_int_eq(setenv("DUPGATE_TOKEN", "secret", 1), 0);
	ck_assert_int_eq(run("#!/bin/sh\n"
			     "[ \"$#,$1,$2,$DUPGATE_DEVICE\" = 2,one,two,bench-1 ] || exit 7\n"
			     "[ -z \"$DUPGATE_TOKEN$HOME\" ] || exit 8\n"
			     "read nothing && exit 9\n"
			     "for fd in /proc/self/fd/*; do case ${fd##*/} in 0|1|2|1?) ;; *) [ -e $fd ] && exit 10;; esac; done\n"
			     "exit 0\n",
			     30, &fault),
			 0);
	close(leaked);
}
END_TEST

START_TEST(a_command_that_fails_says_so_with_what_it_told)
{
	struct job_fault fault = {0};
	ck_assert_int_eq(run("#!/bin/sh\necho no relay\nprintf 'at\\001 all' >&2\nexit 3\n", 30, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "power-cycle-failed");
	ck_assert_str_eq(fault.message, "the command that switches its power ended with status 3");
	ck_assert_str_eq(fault.evidence, "no relay at? all");
	ck_assert_int_eq(run("#!/bin/sh\nkill -9 $$\n", 30, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "the command that switches its power was ended by signal 9");
	ck_assert_int_eq(run("#!/nowhere/sh\n", 30, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "the command that switches its power does not start");
	ck_assert_ptr_nonnull(strstr(fault.evidence, "No such file or directory"));
}
END_TEST

START_TEST(a_command_that_tells_much_is_listened_to_by_who_does_not_wait)
{
	struct job_fault fault = {0};
	const char *script = "#!/bin/sh\nprintf 'no relay '\nhead -c 200000 /dev/zero\nexit 3\n";
	ck_assert_int_eq(run_looking(script, 40, 0, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "the command that switches its power ended with status 3");
	ck_assert_int_eq(strncmp(fault.evidence, "no relay ", 9), 0);
}
END_TEST

START_TEST(a_command_without_an_end_is_killed_with_its_children)
{
	struct job_fault fault = {0};
	char script[256];
	int64_t begin_ms = clock_now_ms();
	snprintf(script, sizeof(script), "#!/bin/sh\nsleep 600 &\necho $! >%s/child\nyes\n", folder);
	ck_assert_int_eq(run(script, 1, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "the command that switches its power did not end in 1 s and was killed");
	ck_assert_int_lt(clock_now_ms() - begin_ms, 20000);
	char path[128];
	int child = 0;
	snprintf(path, sizeof(path), "%s/child", folder);
	FILE *file = fopen(path, "r");
	ck_assert_int_eq(fscanf(file, "%d", &child), 1);
	fclose(file);
	/* It may not be buried yet, by whoever inherits it; but it runs no more. */
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	for (char state = 'R'; state != 'Z' && access(path, F_OK) == 0;) {
		file = fopen(path, "r");
		if (file == NULL)
			break;
		ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		ck_assert_int_ne(state, 'T');
		fclose(file);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power switch");
	TCase *tcase = tcase_create("switch");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, make_folder, remove_folder);
	tcase_add_test(tcase, a_port_goes_off_and_on_with_its_other_half);
	tcase_add_loop_test(tcase, the_other_half_of_a_port_has_a_name_of_its_own, 0, sizeof(halves) / sizeof(halves[0]));
	tcase_add_test(tcase, authorized_is_the_other_way_round);
	tcase_add_test(tcase, a_switch_that_cannot_be_used_says_path_and_why);
	tcase_add_test(tcase, a_command_gets_its_words_a_clean_environment_and_no_descriptor);
	tcase_add_test(tcase, a_command_that_fails_says_so_with_what_it_told);
	tcase_add_test(tcase, a_command_that_tells_much_is_listened_to_by_who_does_not_wait);
	tcase_add_test(tcase, a_command_without_an_end_is_killed_with_its_children);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
