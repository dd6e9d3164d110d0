/* SPDX-License-Identifier: Apache-2.0
 *
 * Port strings.
 */
#include <check.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/link/link.h"
#include "transport/link/link_address.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	enum link_kind kind;
	const char *host;
	uint16_t port;
} good[] = {
    {"/dev/serial/by-id/usb-FTDI:1-if00", LINK_KIND_TTY, "", 0},
    {"rfc2217://lab-1.example.org:4001", LINK_KIND_RFC2217, "lab-1.example.org", 4001},
    {"rfc2217://10.0.0.7:1", LINK_KIND_RFC2217, "10.0.0.7", 1},
    {"rfc2217://[2001:db8::7]:65535", LINK_KIND_RFC2217, "2001:db8::7", 65535},
    {"rfc2217://[fe80::1%eth0]:4001", LINK_KIND_RFC2217, "fe80::1%eth0", 4001},
    {"tcp://console_server:4001", LINK_KIND_TCP, "console_server", 4001},
    {"tcp://[::1]:9", LINK_KIND_TCP, "::1", 9},
};

START_TEST(takes_a_port_apart)
{
	struct link_address address;

	memset(&address, 0xA5, sizeof(address));
	ck_assert_ptr_null(link_address_parse(good[_i].text, &address));
	ck_assert_int_eq(address.kind, good[_i].kind);
	ck_assert_str_eq(address.host, good[_i].host);
	ck_assert_uint_eq(address.port, good[_i].port);
	ck_assert_ptr_null(link_port_problem(good[_i].text));
	ck_assert_int_eq(link_port_is_remote(good[_i].text), good[_i].kind != LINK_KIND_TTY);
}
END_TEST

static const struct {
	const char *text;
	const char *problem; /* begins so */
} bad[] = {
    {"", "is none of"},
    {"ttyUSB0", "is none of"},
    {"RFC2217://host:1", "is none of"},
    {"udp://host:1", "is none of"},
    {"rfc2217:/host:1", "is none of"},
    {"rfc2217://", "is not HOST:PORT"},
    {"rfc2217://:4001", "is not HOST:PORT"},
    {"rfc2217://host", "is not HOST:PORT"},
    {"rfc2217://user@host:4001", "is not HOST:PORT"},
    {"rfc2217://ho st:4001", "is not HOST:PORT"},
    {"rfc2217://host/path:4001", "is not HOST:PORT"},
    {"tcp://host:", "has no port number"},
    {"tcp://host:0", "has no port number"},
    {"tcp://host:65536", "has no port number"},
    {"tcp://host:000080", "has no port number"},
    {"tcp://host:80/", "has no port number"},
    {"tcp://host:+80", "has no port number"},
    {"tcp://::1:4001", "has more than one colon"},
    {"tcp://[::1]4001", "is not [IPv6"},
    {"tcp://[::1]", "is not [IPv6"},
    {"tcp://[::1", "is not [IPv6"},
    {"tcp://[]:4001", "is not [IPv6"},
    {"tcp://[host]:4001", "is not [IPv6"},
    {"tcp://[::1]:", "has no port number"},
};

START_TEST(says_what_is_wrong)
{
	const char *problem = link_port_problem(bad[_i].text);

	ck_assert_ptr_nonnull(problem);
	ck_assert_msg(strncmp(problem, bad[_i].problem, strlen(bad[_i].problem)) == 0, "%s", problem);
	ck_assert(!link_port_is_remote(bad[_i].text));
}
END_TEST

START_TEST(bounds_the_host)
{
	struct link_address address;
	char text[300] = "tcp://";

	memset(text + 6, 'a', 253);
	strcpy(text + 6 + 253, ":80");
	ck_assert_ptr_null(link_address_parse(text, &address));
	ck_assert_uint_eq(strlen(address.host), 253);
	memset(text + 6, 'a', 254);
	strcpy(text + 6 + 254, ":80");
	ck_assert_str_eq(link_address_parse(text, &address), "has a host name of more than 253 bytes");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link_address");
	TCase *cases = tcase_create("all");

	tcase_add_loop_test(cases, takes_a_port_apart, 0, COUNT_OF(good));
	tcase_add_loop_test(cases, says_what_is_wrong, 0, COUNT_OF(bad));
	tcase_add_test(cases, bounds_the_host);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
