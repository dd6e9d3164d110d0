/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_url.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cache_error error;

static const struct origin_case {
	const char *url;
	bool https;
	const char *host;
	unsigned port;
} origins[] = {
    {"http://Host.Example/a", false, "host.example", 80},           {"HTTPS://host.example", true, "host.example", 443},
    {"https://u:p@host.example:8443/", true, "host.example", 8443}, {"http://[::1]:81/", false, "[::1]", 81},
    {"http://10.0.0.7:65535/x?y#z", false, "10.0.0.7", 65535},
};

START_TEST(test_origin)
{
	struct download_origin origin;

	ck_assert_int_eq(download_url_check(origins[_i].url, true, &origin, &error), 0);
	ck_assert_int_eq(origin.https, origins[_i].https);
	ck_assert_str_eq(origin.host, origins[_i].host);
	ck_assert_uint_eq(origin.port, origins[_i].port);
	ck_assert_int_eq(download_url_check(origins[_i].url, false, &origin, &error), origins[_i].https ? 0 : -EPROTO);
}
END_TEST

static const char *const bad_urls[] = {
    "",
    "a",
    "/a",
    "//host/a",
    "file:///a",
    "ftp://h/a",
    "http://",

    "http://h:99999/",
    "http://h\n/",
    "http://h/\x7f",
    "http://h/\xc3\xa4",
    "http://h/a b",
    "javascript:alert(1)",
    "httpss://h/",
    "smb://h/a",
};

START_TEST(test_bad)
{
	struct download_origin origin;
	char shown[DOWNLOAD_URL_SIZE];

	ck_assert_int_eq(download_url_check(bad_urls[_i], true, &origin, &error), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_INVALID_REQUEST);
	ck_assert_int_eq(download_url_shown(bad_urls[_i], shown, &error), -EPROTO);
}
END_TEST

START_TEST(test_an_error_never_shows_the_url)
{
	struct download_origin origin;

	ck_assert_int_eq(download_url_check("ftp://ann:verysecret@host/a", true, &origin, &error), -EPROTO);
	ck_assert_ptr_null(strstr(error.message, "secret"));
}
END_TEST

static const char *const shown_urls[][2] = {
    {"http://h/a.dup", "http://h/a.dup"},          {"https://u:p@h:8443/a.dup", "https://h:8443/a.dup"},
    {"https://u@h/a.dup#part", "https://h/a.dup"}, {"http://h/a?token=1&b=2", "http://h/a?..."},
    {"http://u:p%3A@h?x", "http://h/?..."},
};

START_TEST(test_shown)
{
	char shown[DOWNLOAD_URL_SIZE];

	ck_assert_int_eq(download_url_shown(shown_urls[_i][0], shown, &error), 0);
	ck_assert_str_eq(shown, shown_urls[_i][1]);
}
END_TEST

START_TEST(test_split)
{
	char bare[DOWNLOAD_URL_SIZE];
	char user[DOWNLOAD_CREDENTIAL_SIZE];
	char password[DOWNLOAD_CREDENTIAL_SIZE];
	char url[700] = "http://";

	ck_assert(download_url_split("https://a%40b:p%3a@h:8443/x?y=%20#z", bare, user, password));
	ck_assert_str_eq(bare, "https://h:8443/x?y=%20");
	ck_assert_str_eq(user, "a@b");
	ck_assert_str_eq(password, "p:");
	ck_assert(download_url_split("http://h/", bare, user, password));
	ck_assert_str_eq(user, "");
	ck_assert_str_eq(password, "");
	memset(url + 7, 'a', 300);
	strcpy(url + 307, "@h/");
	ck_assert(!download_url_split(url, bare, user, password));
}
END_TEST

static const struct resolving {
	const char *location;
	const char *expected; /* NULL: nowhere */
} resolvings[] = {
    {"/x", "http://h:81/x"},
    {"x", "http://h:81/a/x"},
    {"../x?y", "http://h:81/x?y"},
    {"//other/x", "http://other/x"},
    {"https://o/x", "https://o/x"},
    {"a b", "http://h:81/a/a%20b"},
    {"", NULL},
    {"http://", NULL},
};

START_TEST(test_resolve)
{
	char next[DOWNLOAD_URL_SIZE];
	bool found = download_url_resolve("http://h:81/a/b", resolvings[_i].location, next);

	ck_assert_int_eq(found, resolvings[_i].expected != NULL);
	if (found)
		ck_assert_str_eq(next, resolvings[_i].expected);
}
END_TEST

static const char *const names[][2] = {
    {"http://h/a/CATM1-39529.dup?x=y", "CATM1-39529.dup"},
    {"http://h/a%20b.dup", "a b.dup"},
    {"http://h/", ""},
    {"http://h", ""},
    {"http://h/a%2Fb", "b"},
    {"http://h/a%0ab", ""},
    {"http://h/..", ""},
};

START_TEST(test_name)
{
	char name[FIRMWARE_NAME_SIZE];

	download_url_name(names[_i][0], name);
	ck_assert_str_eq(name, names[_i][1]);
}
END_TEST

START_TEST(test_minisig)
{
	char url[DOWNLOAD_URL_SIZE];
	char longest[DOWNLOAD_URL_SIZE] = "http://h/";

	ck_assert(download_url_minisig("https://u:p@h/a%20b.dup?x=1", url));
	ck_assert_str_eq(url, "https://u:p@h/a%20b.dup.minisig?x=1");
	memset(longest + 9, 'a', sizeof(longest) - 10);
	ck_assert(!download_url_minisig(longest, url));
}
END_TEST

static const struct download_host hosts[] = {
    {.name = "Plain.example"},
    {.name = "ports.example:8443"},
    {.name = "both.example"},
    {.name = "both.example:8443"},
};

/* Whose credentials may go to a URL, when another was asked for. */
static const struct belonging {
	const char *first;
	const char *to;
	int section; /* -1: none */
} belongings[] = {
    {"http://plain.example/", "http://plain.example/x", 0},
    {"http://plain.example:81/", "http://PLAIN.example:81/", 0},
    {"http://plain.example:81/", "http://plain.example:82/", -1},
    {"http://plain.example:81/", "https://plain.example/", 0},
    {"http://a.example/", "https://plain.example/", 0},
    {"http://a.example:81/", "http://plain.example:81/", -1},
    {"http://a.example/", "http://plain.example/", -1},
    {"http://a.example/", "http://ports.example:8443/", -1},
    {"http://a.example/", "https://ports.example:8443/", 1},
    {"http://a.example/", "http://plain.example.evil/", -1},
    {"http://a.example/", "http://xplain.example/", -1},
    {"https://ports.example:8443/", "https://ports.example:8443/", 1},
    {"https://ports.example/", "https://ports.example/", -1},
    {"https://both.example:8443/", "https://both.example:8443/", 3},
    {"https://both.example/", "https://both.example/", 2},
    {"https://both.example:8444/", "https://both.example:8444/", 2},
    {"https://a.example/", "https://a.example/", -1},
};

START_TEST(test_belonging)
{
	const struct belonging *belonging = &belongings[_i];
	struct download_origin first;
	struct download_origin to;

	ck_assert_int_eq(download_url_check(belonging->first, true, &first, &error), 0);
	ck_assert_int_eq(download_url_check(belonging->to, true, &to, &error), 0);
	ck_assert_ptr_eq(download_host_for(hosts, COUNT(hosts), &first, &to), belonging->section < 0 ? NULL : &hosts[belonging->section]);
}
END_TEST

START_TEST(test_equal_origins)
{
	struct download_origin a;
	struct download_origin b;

	ck_assert_int_eq(download_url_check("http://h/", true, &a, &error), 0);
	ck_assert_int_eq(download_url_check("http://H:80/x", true, &b, &error), 0);
	ck_assert(download_origin_equal(&a, &b));
	ck_assert_int_eq(download_url_check("https://h:80/", true, &b, &error), 0);
	ck_assert(!download_origin_equal(&a, &b));
	ck_assert_int_eq(download_url_check("http://h:81/", true, &b, &error), 0);
	ck_assert(!download_origin_equal(&a, &b));
}
END_TEST

static TCase *make_case(void)
{
	TCase *tcase = tcase_create("url");

	tcase_add_loop_test(tcase, test_origin, 0, COUNT(origins));
	tcase_add_loop_test(tcase, test_bad, 0, COUNT(bad_urls));
	tcase_add_test(tcase, test_an_error_never_shows_the_url);
	tcase_add_loop_test(tcase, test_shown, 0, COUNT(shown_urls));
	tcase_add_test(tcase, test_split);
	tcase_add_loop_test(tcase, test_resolve, 0, COUNT(resolvings));
	tcase_add_loop_test(tcase, test_name, 0, COUNT(names));
	tcase_add_test(tcase, test_minisig);
	tcase_add_loop_test(tcase, test_belonging, 0, COUNT(belongings));
	tcase_add_test(tcase, test_equal_origins);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("download_url");

	suite_add_tcase(suite, make_case());
	return suite_run(suite);
}
