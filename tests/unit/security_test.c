/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listener.h"
#include "api/security.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define TOKEN "0123456789abcdef"

static const struct {
	enum listener_kind kind;
	const char *method, *host, *origin, *site, *mode, *authorization;
	int status; /* 0: admitted */
} senders[] = {
    /* hosts of a loopback listener */
    {LISTENER_LOOPBACK, "GET", "localhost", NULL, NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "GET", "LOCALHOST:8480", NULL, NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "GET", "127.0.0.1:8480", NULL, NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "GET", "[::1]:8480", NULL, NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "GET", "[::1]", NULL, NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "GET", "localhost:", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "localhost:8480x", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "localhost.evil.example", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "evil.example", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "127.0.0.1.evil.example:8480", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "", NULL, NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", NULL, NULL, NULL, NULL, NULL, 400},
    {LISTENER_UNIX, "GET", "anything", NULL, NULL, NULL, NULL, 0},
    {LISTENER_UNIX, "POST", "anything", NULL, NULL, NULL, NULL, 0},
    /* origins */
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "http://localhost:8480", "same-origin", "cors", NULL, 0},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", "http://localhost:8480", NULL, NULL, NULL, 0},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "http://localhost:3000", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "http://127.0.0.1:8480", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "https://localhost:8480", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "null", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", "", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", "http://evil.example", NULL, NULL, NULL, 403},
    {LISTENER_LOOPBACK, "DELETE", "localhost:8480", "http://evil.example", NULL, NULL, NULL, 403},
    {LISTENER_UNIX, "POST", "localhost", "http://evil.example", NULL, NULL, NULL, 403},
    /* what a browser says when it sends no Origin */
    {LISTENER_LOOPBACK, "POST", "localhost:8480", NULL, "cross-site", "no-cors", NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", NULL, "same-site", "no-cors", NULL, 403},
    {LISTENER_LOOPBACK, "POST", "localhost:8480", NULL, "cross-site", "navigate", NULL, 403},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", NULL, "cross-site", "no-cors", NULL, 403},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", NULL, "cross-site", "navigate", NULL, 0},
    {LISTENER_LOOPBACK, "HEAD", "localhost:8480", NULL, "cross-site", "navigate", NULL, 0},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", NULL, "none", "navigate", NULL, 0},
    {LISTENER_LOOPBACK, "GET", "localhost:8480", NULL, "same-origin", "no-cors", NULL, 0},
    /* the token */
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, NULL, 401},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "Bearer " TOKEN, 0},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "bearer " TOKEN, 0},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "Bearer " TOKEN "x", 401},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "Bearer 0123456789abcde", 401},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "Bearer 0123456789abcdeF", 401},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, "Bearer ", 401},
    {LISTENER_OPEN, "GET", "gateway:8480", NULL, NULL, NULL, TOKEN, 401},
    {LISTENER_OPEN, "POST", "gateway:8480", "http://evil.example", NULL, NULL, "Bearer " TOKEN, 403},
};

static struct head head_of(int row)
{
	struct head head = {.method = senders[row].method};
	const char *const names[] = {"host", "ORIGIN", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Authorization"};
	const char *const values[] = {senders[row].host, senders[row].origin, senders[row].site, senders[row].mode,
				      senders[row].authorization};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (values[i] != NULL)
			head_add(&head, names[i], values[i]);
	return head;
}

START_TEST(doubled_heads_are_refused)
{
	struct refusal refusal = {0};
	struct head head = {.method = "GET"};
	head_add(&head, "Host", "localhost");
	head_add(&head, "Host", "localhost");
	ck_assert(!security_admits(LISTENER_LOOPBACK, NULL, &head, &refusal));
	ck_assert_int_eq(refusal.status, 400);
	struct head origins = {.method = "GET"};
	head_add(&origins, "Host", "localhost");
	head_add(&origins, "Origin", "http://localhost");
	head_add(&origins, "Origin", "http://localhost");
	ck_assert(!security_admits(LISTENER_LOOPBACK, NULL, &origins, &refusal));
	ck_assert_int_eq(refusal.status, 403);
}
END_TEST

START_TEST(old_http_needs_no_host)
{
	struct refusal refusal = {0};
	struct head head = {.method = "GET", .before_1_1 = true};
	ck_assert(security_admits(LISTENER_LOOPBACK, NULL, &head, &refusal));
	ck_assert(!security_admits(LISTENER_OPEN, NULL, &head, &refusal));
	ck_assert_int_eq(refusal.status, 401);
}
END_TEST

START_TEST(media_types_are_compared_without_parameters)
{
	struct head head = {.method = "POST"};
	ck_assert(!head_media_type_is(&head, "application/json"));
	head_add(&head, "content-type", "Application/JSON; charset=utf-8");
	ck_assert(head_media_type_is(&head, "application/json"));
	ck_assert(!head_media_type_is(&head, "application/jso"));
	struct head longer = {.method = "POST"};
	head_add(&longer, "Content-Type", "application/jsonx");
	ck_assert(!head_media_type_is(&longer, "application/json"));
}
END_TEST

static char folder[] = "/tmp/security-XXXXXX";
static char token_path[64];
static struct token_ring *ring;

static void make_ring(void)
{
	struct job_fault fault;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(token_path, sizeof(token_path), "%s/token", folder);
	FILE *file = fopen(token_path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("lab-ci:" TOKEN "\n", file);
	fclose(file);
	ck_assert_int_eq(chmod(token_path, 0600), 0);
	ck_assert_int_eq(token_ring_read(token_path, &ring, &fault), 0);
}

static void free_ring(void)
{
	token_ring_free(ring);
	unlink(token_path);
	rmdir(folder);
}

START_TEST(sender_is_judged)
{
	struct refusal refusal = {0};
	struct head head = head_of(_i);
	ck_assert_int_eq(security_admits(senders[_i].kind, ring, &head, &refusal), senders[_i].status == 0);
	ck_assert_int_eq(refusal.status, senders[_i].status);
	ck_assert_int_eq(refusal.ask_for_token, senders[_i].status == 401);
}
END_TEST

START_TEST(token_has_a_name)
{
	struct head head = {.method = "POST"}, wrong = {.method = "POST"};
	ck_assert_ptr_null(security_token_name(ring, &head));
	head_add(&head, "Authorization", "Bearer " TOKEN);
	ck_assert_str_eq(security_token_name(ring, &head), "lab-ci");
	ck_assert_ptr_null(security_token_name(NULL, &head));
	head_add(&wrong, "Authorization", "Bearer " TOKEN "x");
	ck_assert_ptr_null(security_token_name(ring, &wrong));
}
END_TEST

static const struct {
	const char *text;
	int family; /* 0: refused */
	in_port_t port;
} addresses[] = {
    {"127.0.0.1:8480", AF_INET, 8480},
    {"localhost:0", AF_INET, 0},
    {"0.0.0.0:65535", AF_INET, 65535},
    {"[::1]:8480", AF_INET6, 8480},
    {"[::]:1", AF_INET6, 1},
    {"unix:/run/a.sock", AF_UNIX, 0},
    {"unix:relative", 0, 0},
    {"unix:", 0, 0},
    {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901", 0, 0},
    {"127.0.0.1", 0, 0},
    {"127.0.0.1:", 0, 0},
    {"127.0.0.1:65536", 0, 0},
    {"127.0.0.1:-1", 0, 0},
    {"127.0.0.1:80x", 0, 0},
    {"::1:8480", 0, 0},
    {"[::1:8480", 0, 0},
    {"[]:8480", 0, 0},
    {"gateway:8480", 0, 0},
    {":8480", 0, 0},
    {"", 0, 0},
};

START_TEST(address_is_parsed)
{
	struct sockaddr_storage address;
	socklen_t length = 0;
	ck_assert_int_eq(listener_parse(addresses[_i].text, &address, &length), addresses[_i].family != 0);
	if (addresses[_i].family == 0)
		return;
	ck_assert_int_eq(address.ss_family, addresses[_i].family);
	in_port_t port = 0;
	if (addresses[_i].family == AF_INET)
		memcpy(&port, (char *)&address + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	if (addresses[_i].family == AF_INET6)
		memcpy(&port, (char *)&address + offsetof(struct sockaddr_in6, sin6_port), sizeof(port));
	ck_assert_uint_eq(ntohs(port), addresses[_i].port);
	if (addresses[_i].family == AF_UNIX)
		ck_assert_str_eq((char *)&address + offsetof(struct sockaddr_un, sun_path), "/run/a.sock");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("security");
	TCase *tcase = tcase_create("pure");
	tcase_add_checked_fixture(tcase, make_ring, free_ring);
	tcase_add_loop_test(tcase, sender_is_judged, 0, ROWS(senders));
	tcase_add_test(tcase, token_has_a_name);
	tcase_add_test(tcase, doubled_heads_are_refused);
	tcase_add_test(tcase, old_http_needs_no_host);
	tcase_add_test(tcase, media_types_are_compared_without_parameters);
	tcase_add_loop_test(tcase, address_is_parsed, 0, ROWS(addresses));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
