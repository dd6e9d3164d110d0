/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link_lookup.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"

#define PATIENCE_MS 60000

static char folder[64], program[96];
static struct link_hosts hosts;

static void set_up(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/lookup-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/program", folder);
}

static void tear_down(void)
{
	char path[96];
	unlink(program);
	snprintf(path, sizeof(path), "%s/pid", folder);
	unlink(path);
	rmdir(folder);
}

/* It is asked for "ahosts", "--" and the name, or says nothing. */
static void write_program(const char *what)
{
	FILE *file = fopen(program, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\ntest \"$1 $2 $3 $#\" = 'ahosts -- bench.lab 3' || exit 2\n%s\n", what);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(program, 0700), 0);
}

static int look_up(const char *host, int cancel_fd, int64_t patience_ms)
{
	return link_look_up(program, host, 4001, cancel_fd, clock_deadline_ms(patience_ms), &hosts);
}

static void assert_host(size_t index, const char *expected)
{
	char text[INET6_ADDRSTRLEN];
	ck_assert_uint_lt(index, hosts.count);
	const struct sockaddr_storage *host = &hosts.addresses[index];
	const struct sockaddr_in *four = (const void *)host;
	const struct sockaddr_in6 *six = (const void *)host;
	bool is_four = host->ss_family == AF_INET;
	ck_assert_ptr_nonnull(
	    inet_ntop(host->ss_family, is_four ? (const void *)&four->sin_addr : (const void *)&six->sin6_addr, text, sizeof(text)));
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(ntohs(is_four ? four->sin_port : six->sin6_port), 4001);
	ck_assert_uint_eq(hosts.lengths[index], is_four ? sizeof(*four) : sizeof(*six));
}

START_TEST(a_number_is_asked_of_nobody)
{
	static const char *const numbers[] = {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"};
	ck_assert_int_eq(look_up(numbers[_i], -1, 0), 0);
	ck_assert_uint_eq(hosts.count, 1);
	assert_host(0, numbers[_i]);
}
END_TEST

START_TEST(a_name_has_addresses_in_their_order)
{
	write_program("printf '2001:db8::7     STREAM bench.lab\\n2001:db8::7     DGRAM  \\n2001:db8::7     RAW    \\n'"
		      "; printf '192.0.2.7\\tSTREAM \\nnonsense STREAM\\n\\n192.0.2.8'; printf '       STREAM\\n192.0.2.9 RAW'");
	ck_assert_int_eq(look_up("bench.lab", -1, PATIENCE_MS), 0);
	ck_assert_uint_eq(hosts.count, 3);
	assert_host(0, "2001:db8::7");
	assert_host(1, "192.0.2.7");
	assert_host(2, "192.0.2.8");
}
END_TEST

START_TEST(more_addresses_than_fit_are_left_out)
{
	write_program("for i in 1 2 3 4 5 6 7 8 9 10 11; do echo 192.0.2.$i STREAM; done");
	ck_assert_int_eq(look_up("bench.lab", -1, PATIENCE_MS), 0);
	ck_assert_uint_eq(hosts.count, LINK_LOOKUP_ADDRESSES);
	assert_host(LINK_LOOKUP_ADDRESSES - 1, "192.0.2.8");
	/* One that tells without end is left. */
	write_program("while :; do echo 192.0.2.1 STREAM; done");
	ck_assert_int_eq(look_up("bench.lab", -1, PATIENCE_MS), 0);
	assert_host(0, "192.0.2.1");
}
END_TEST

START_TEST(what_nobody_knows_is_told)
{
	write_program("exit 2");
	ck_assert_int_eq(look_up("bench.lab", -1, PATIENCE_MS), -ENOENT);
	ck_assert_uint_eq(hosts.count, 0);
	ck_assert_int_eq(unlink(program), 0);
	ck_assert_int_eq(look_up("bench.lab", -1, PATIENCE_MS), -ENOPKG);
	/* The one of the system knows itself. */
	ck_assert_int_eq(link_look_up(LINK_LOOKUP_PROGRAM, "localhost", 4001, -1, clock_deadline_ms(PATIENCE_MS), &hosts), 0);
	ck_assert_uint_ge(hosts.count, 1);
	ck_assert_int_eq(link_look_up(LINK_LOOKUP_PROGRAM, "..", 4001, -1, clock_deadline_ms(PATIENCE_MS), &hosts), -ENOENT);
	ck_assert_int_eq(link_look_up(LINK_LOOKUP_PROGRAM, "--help", 4001, -1, clock_deadline_ms(PATIENCE_MS), &hosts), -ENOENT);
}
END_TEST

/* Nothing is left of it; it is no child any more. */
static void assert_ended(void)
{
	char path[96];
	long pid = 0;
	snprintf(path, sizeof(path), "%s/pid", folder);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return; /* it had not come to tell it */
	char text[32] = "";
	if (fgets(text, sizeof(text), file) != NULL)
		pid = strtol(text, NULL, 10);
	fclose(file);
	if (pid > 0)
		ck_assert(kill((pid_t)pid, 0) < 0 && errno == ESRCH);
}

START_TEST(who_never_answers_is_left)
{
	char what[256];
	int64_t start_ms = clock_now_ms();
	snprintf(what, sizeof(what), "echo 192.0.2.1 STREAM\necho $$ >%s/pid\nexec tail -f /dev/null", folder);
	write_program(what);
	ck_assert_int_eq(look_up("bench.lab", -1, 500), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms() - start_ms, 500);
	assert_ended();
	int cancel_fd = eventfd(1, EFD_CLOEXEC);
	ck_assert_int_eq(look_up("bench.lab", cancel_fd, PATIENCE_MS), -ECANCELED);
	close(cancel_fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link_lookup");
	TCase *tests = tcase_create("link_lookup");
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_number_is_asked_of_nobody, 0, 4);
	tcase_add_test(tests, a_name_has_addresses_in_their_order);
	tcase_add_test(tests, more_addresses_than_fit_are_left_out);
	tcase_add_test(tests, what_nobody_knows_is_told);
	tcase_add_test(tests, who_never_answers_is_left);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
