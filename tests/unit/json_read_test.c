/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_read.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/json_read_campaign.h"
#include "tests/unit/suite_run.h"

#define HEX_63    "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcde"
#define NESTED_15 "[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]"

static const struct {
	const char *body, *member, *says;
} bad_upgrades[] = {
    {"", "firmware", "firmware is missing: an upgrade needs a firmware, or the url of one"},
    {"{}", "firmware", "firmware is missing: an upgrade needs a firmware, or the url of one"},
    {"{\"firmware\":\"a\"", "", "the body is no JSON: line 1, column 15: "},
    {"{\"firmware\":\"a\"} x", "", "the body is no JSON: line 1, column 18: end of file expected"},
    {"nonsense", "", "the body is no JSON: "},
    {"[]", "", "the body must be an object, not an array"},
    {"\"a\"", "", "the body must be an object, not a string"},
    {"null", "", "the body must be an object, not null"},
    {"{\"firmware\":\"a\",\"firmware\":\"b\"}", "", "the body is no JSON: line 1, column 26: duplicate object key"},
    {"{\"firmware\":\"a\",\"firmwares\":1}", "firmwares", "unknown member \"firmwares\""},
    {"{\"firmware\":1}", "firmware", "firmware must be a string, not an integer"},
    {"{\"firmware\":null}", "firmware", "firmware must be a string, not null"},
    {"{\"firmware\":\"\"}", "firmware", "firmware must have 1 to 127 bytes"},
    {"{\"firmware\":\"a\\u0000b\"}", "", "a string of the body has a NUL"},
    {"{\"firmware\":\"a\\nb\"}", "firmware", "firmware must have no control characters"},
    {"{\"firmware\":\"\xff\"}", "", "the body is no JSON: line 1, column 13: unable to decode byte 0xff"},
    {"{\"firmware\":\"a\",\"force\":\"yes\"}", "force", "force must be a boolean, not a string"},
    {"{\"firmware\":\"a\",\"force\":1}", "force", "force must be a boolean, not an integer"},
    {"{\"firmware\":\"a\",\"priority\":101}", "priority", "priority must be from -100 to 100"},
    {"{\"firmware\":\"a\",\"priority\":-101}", "priority", "priority must be from -100 to 100"},
    {"{\"firmware\":\"a\",\"priority\":1.5}", "priority", "priority must be an integer, not a number with a fraction"},
    {"{\"firmware\":\"a\",\"priority\":99999999999999999999}", "", "the body is no JSON: line 1, column 47: too big integer"},
    {"{\"firmware\":\"a\",\"rate\":5}", "rate", "rate must be from 1200 to 4000000"},
    {"{\"firmware\":\"a\",\"rate\":true}", "rate", "rate must be an integer, not a boolean"},
    {"{\"firmware\":\"a\",\"way\":\"fast\"}", "way", "way must be one of auto, on-the-fly, fff, legacy"},
    {"{\"firmware\":\"a\",\"way\":{}}", "way", "way must be a string, not an object"},
    {"{\"firmware\":\"a\",\"not_before\":\"tomorrow\"}", "not_before", "not_before must be a time such as 2026-03-01T22:00:00Z"},
    {"{\"firmware\":\"a\",\"not_before\":5}", "not_before", "not_before must be a string, not an integer"},
    {"{\"url\":\"\"}", "url", "url must have 1 to 2047 bytes"},
    {"{\"url\":\"a\",\"firmware\":\"b\"}", "url", "firmware and url are two ways to say what to install: give one of them"},
    {"{\"url\":\"a\",\"sha256\":\"" HEX_63 "\"}", "sha256", "sha256 must be 64 hexadecimal digits"},
    {"{\"url\":\"a\",\"sha256\":\"" HEX_63 "00\"}", "sha256", "sha256 must be 64 hexadecimal digits"},
    {"{\"url\":\"a\",\"sha256\":\"" HEX_63 "g\"}", "sha256", "sha256 must be 64 hexadecimal digits"},
    {"{\"url\":\"a\",\"sha256\":7}", "sha256", "sha256 must be a string, not an integer"},
    {"{\"sha256\":\"" HEX_63 "f\"}", "url", "url is missing: an upgrade needs a firmware, or the url of one"},
    {"{\"firmware\":\"a\",\"sha256\":\"" HEX_63 "f\"}", "sha256", "sha256 is for a url: a firmware that is named has its digest"},
    {"{\"firmware\":\"a\",\"x\":[" NESTED_15 "]}", "", "the body nests more than 16 deep"},
};

START_TEST(bad_upgrade_is_refused_by_name)
{
	struct upgrade_request request;
	struct read_error error;
	const char *body = bad_upgrades[_i].body;
	ck_assert_int_eq(json_read_upgrade(body, strlen(body), &request, &error), -EINVAL);
	ck_assert_str_eq(error.member, bad_upgrades[_i].member);
	ck_assert_msg(strncmp(error.message, bad_upgrades[_i].says, strlen(bad_upgrades[_i].says)) == 0, "%s", error.message);
}
END_TEST

START_TEST(short_upgrade_has_defaults)
{
	struct upgrade_request request;
	struct read_error error;
	memset(&request, 0x5A, sizeof(request));
	static const char body[] = " {\"firmware\": \"x.dup\"}\n";
	ck_assert_int_eq(json_read_upgrade(body, strlen(body), &request, &error), 0);
	ck_assert_str_eq(request.firmware, "x.dup");
	ck_assert_str_eq(request.helper, "");
	ck_assert_str_eq(request.second, "");
	ck_assert(!request.allow_branch_switch);
	ck_assert_str_eq(request.way, "auto");
	ck_assert(!request.force);
	ck_assert(!request.allow_downgrade);
	ck_assert_int_eq(request.priority, 0);
	ck_assert_int_eq(request.not_before_ms, 0);
	ck_assert_uint_eq(request.rate_bps, 0);
}
END_TEST

START_TEST(upgrade_by_url_is_read)
{
	struct upgrade_request request;
	struct read_error error;
	static const char body[] = "{\"url\":\"https://a/b.dup?c\",\"sha256\":\"" HEX_63 "F\"}";
	ck_assert_int_eq(json_read_upgrade(body, strlen(body), &request, &error), 0);
	ck_assert_str_eq(request.firmware, "");
	ck_assert_str_eq(request.url, "https://a/b.dup?c");
	ck_assert_str_eq(request.sha256, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	ck_assert_int_eq(json_read_upgrade("{\"url\":\"u\"}", 11, &request, &error), 0);
	ck_assert_str_eq(request.sha256, "");
}
END_TEST

static const struct {
	const char *body, *member, *says;
} bad_urls[] = {
    {"{}", "url", "url is missing"},
    {"{\"url\":\"a\",\"firmware\":\"b\"}", "firmware", "unknown member \"firmware\""},
    {"{\"url\":\"a\\nb\"}", "url", "url must have no control characters"},
    {"{\"url\":\"a\",\"build\":0}", "build", "build must be from 1 to 4294967295"},
    {"{\"url\":\"a\",\"helper\":\"\"}", "helper", "helper must have 1 to 127 bytes"},
    {"{\"url\":\"a\",\"family\":null}", "family", "family must be a string, not null"},
    {"{\"url\":\"a\",\"signature\":\"a\\tb\"}", "signature", "signature must have no control characters"},
    {"{\"url\":\"a\",\"signature\":\"s\",\"signature_url\":\"t\"}", "signature_url", "signature and signature_url are two ways"},
};

START_TEST(bad_url_of_a_firmware_is_refused_by_name)
{
	struct firmware_url asked;
	struct read_error error = {0};
	const char *body = bad_urls[_i].body;
	ck_assert_int_eq(json_read_firmware_url(body, strlen(body), &asked, &error), -EINVAL);
	ck_assert_str_eq(error.member, bad_urls[_i].member);
	ck_assert_msg(strncmp(error.message, bad_urls[_i].says, strlen(bad_urls[_i].says)) == 0, "%s", error.message);
}
END_TEST

START_TEST(url_of_a_firmware_is_read)
{
	struct firmware_url asked;
	struct read_error error;
	static const char body[] =
	    "{\"url\":\"u\",\"sha256\":\"" HEX_63 "f\",\"name\":\"n\",\"family\":\"monarch2\",\"release\":\"LR8\","
	    "\"build\":4294967295,\"base_build\":1,\"helper\":\"h\",\"second\":\"s\",\"signature\":\"one\\r\\ntwo\"}";
	ck_assert_int_eq(json_read_firmware_url(body, strlen(body), &asked, &error), 0);
	ck_assert_str_eq(asked.url, "u");
	ck_assert_str_eq(asked.sha256, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	ck_assert_str_eq(asked.name, "n");
	ck_assert_str_eq(asked.stated.family, "monarch2");
	ck_assert_str_eq(asked.stated.release, "LR8");
	ck_assert_uint_eq(asked.stated.build, 4294967295);
	ck_assert_uint_eq(asked.stated.base_build, 1);
	ck_assert_str_eq(asked.helper, "h");
	ck_assert_str_eq(asked.second, "s");
	ck_assert_str_eq(asked.signature, "one\r\ntwo");
	ck_assert_str_eq(asked.signature_url, "");
	ck_assert_int_eq(json_read_firmware_url("{\"url\":\"u\",\"signature_url\":\"v\"}", 31, &asked, &error), 0);
	ck_assert_str_eq(asked.signature_url, "v");
	ck_assert_str_eq(asked.sha256, "");
	ck_assert_str_eq(asked.name, "");
}
END_TEST

START_TEST(full_upgrade_is_read)
{
	struct upgrade_request request;
	struct read_error error;
	static const char body[] = "{\"firmware\":\"x\",\"helper\":\"h\",\"second\":\"s\",\"way\":\"fff\",\"force\":true,\"allow_"
				   "downgrade\":true,\"priority\":-100,"
				   "\"allow_branch_switch\":true,"
				   "\"not_before\":\"1970-01-02T01:00:00.5+01:00\",\"rate\":921600,\"attempts\":20,"
				   "\"deadline\":\"1970-01-01T00:00:07Z\"}";
	ck_assert_int_eq(json_read_upgrade(body, strlen(body), &request, &error), 0);
	ck_assert_str_eq(request.helper, "h");
	ck_assert_str_eq(request.second, "s");
	ck_assert(request.allow_branch_switch);
	ck_assert_str_eq(request.way, "fff");
	ck_assert(request.force);
	ck_assert(request.allow_downgrade);
	ck_assert_int_eq(request.priority, -100);
	ck_assert_int_eq(request.not_before_ms, 86400500);
	ck_assert_uint_eq(request.rate_bps, 921600);
	ck_assert_uint_eq(request.attempts, 20);
	ck_assert_int_eq(request.deadline_ms, 7000);
}
END_TEST

START_TEST(longest_firmware_fits_and_one_more_does_not)
{
	struct upgrade_request request;
	struct read_error error;
	char body[200];
	for (int length = 127; length <= 128; length++) {
		int size = snprintf(body, sizeof(body), "{\"firmware\":\"%0*d\"}", length, 0);
		int r = json_read_upgrade(body, (size_t)size, &request, &error);
		ck_assert_int_eq(r, length == 127 ? 0 : -EINVAL);
	}
	ck_assert_str_eq(error.message, "firmware must have 1 to 127 bytes");
}
END_TEST

/* Braces and quotes inside of strings do not nest. */
START_TEST(depth_counts_structure_only)
{
	struct upgrade_request request;
	struct read_error error;
	static const char body[] = "{\"firmware\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}";
	ck_assert_int_eq(json_read_upgrade(body, strlen(body), &request, &error), 0);
	static const char deep_enough[] = "{\"firmware\":\"a\",\"x\":" NESTED_15 "}";
	ck_assert_int_eq(json_read_upgrade(deep_enough, strlen(deep_enough), &request, &error), -EINVAL);
	ck_assert_str_eq(error.message, "unknown member \"x\"");
}
END_TEST

/* A raw NUL cannot cut the body short of what comes after it. */
START_TEST(raw_nul_is_refused)
{
	struct upgrade_request request;
	struct read_error error;
	static const char body[] = "{\"firmware\":\"a\"}\0{\"force\":1}";
	ck_assert_int_eq(json_read_upgrade(body, sizeof(body) - 1, &request, &error), -EINVAL);
}
END_TEST

START_TEST(probe_is_read)
{
	struct read_error error;
	struct probe_request request;
	static const char body[] = "{\"if_leased\":\"wait\",\"attempts\":1,\"deadline\":\"1970-01-01T00:00:07Z\"}";
	ck_assert_int_eq(json_read_probe("", 0, &request, &error), 0);
	ck_assert(!request.wait_for_lease);
	ck_assert_uint_eq(request.attempts, 0);
	ck_assert_int_eq(request.deadline_ms, 0);
	ck_assert_int_eq(json_read_probe(body, sizeof(body) - 1, &request, &error), 0);
	ck_assert(request.wait_for_lease);
	ck_assert_uint_eq(request.attempts, 1);
	ck_assert_int_eq(request.deadline_ms, 7000);
	ck_assert_int_eq(json_read_probe("{\"attempts\":0}", 14, &request, &error), -EINVAL);
	ck_assert_str_eq(error.member, "attempts");
	ck_assert_int_eq(json_read_probe("{\"attempts\":21}", 15, &request, &error), -EINVAL);
	ck_assert_str_eq(error.member, "attempts");
	ck_assert_int_eq(json_read_probe("{\"deadline\":\"soon\"}", 19, &request, &error), -EINVAL);
	ck_assert_str_eq(error.member, "deadline");
}
END_TEST

START_TEST(what_every_job_may_be_asked_for_with)
{
	struct read_error error;
	bool wait = true;
	ck_assert_int_eq(json_read_job_terms("", 0, &wait, &error), 0);
	ck_assert(!wait);
	ck_assert_int_eq(json_read_job_terms("{\"if_leased\":\"wait\"}", 20, &wait, &error), 0);
	ck_assert(wait);
	ck_assert_int_eq(json_read_job_terms("{\"if_leased\":\"refuse\"}", 22, &wait, &error), 0);
	ck_assert(!wait);
	ck_assert_int_eq(json_read_job_terms("{\"if_leased\":\"never\"}", 21, &wait, &error), -EINVAL);
	ck_assert_str_eq(error.member, "if_leased");
	ck_assert_str_eq(error.message, "if_leased must be one of refuse, wait");
	ck_assert_int_eq(json_read_job_terms("{\"if_leased\":true}", 18, &wait, &error), -EINVAL);
	ck_assert_str_eq(error.message, "if_leased must be a string, not a boolean");
	ck_assert_int_eq(json_read_job_terms("{\"a\":1}", 7, &wait, &error), -EINVAL);
	ck_assert_str_eq(error.member, "a");
	ck_assert_int_eq(json_read_job_terms("[]", 2, &wait, &error), -EINVAL);
}
END_TEST

START_TEST(device_patch_sets_only_what_is_there)
{
	struct device_patch patch;
	struct read_error error;
	ck_assert_int_eq(json_read_device_patch("{}", 2, false, &patch, &error), 0);
	ck_assert(!patch.set_labels && !patch.set_alias && !patch.set_maintenance);
	static const char labels[] = "{\"labels\":{\"rack\":\"1\",\"owner\":\"a b\"}}";
	ck_assert_int_eq(json_read_device_patch(labels, strlen(labels), false, &patch, &error), 0);
	ck_assert(patch.set_labels && !patch.set_alias && !patch.set_maintenance);
	ck_assert_uint_eq(patch.label_count, 2);
	ck_assert_str_eq(patch.labels[0].key, "rack");
	ck_assert_str_eq(patch.labels[0].value, "1");
	ck_assert_str_eq(patch.labels[1].key, "owner");
	ck_assert_str_eq(patch.labels[1].value, "a b");
	static const char rest[] = "{\"alias\":null,\"maintenance\":true}";
	ck_assert_int_eq(json_read_device_patch(rest, strlen(rest), false, &patch, &error), 0);
	ck_assert(!patch.set_labels && patch.set_alias && patch.set_maintenance && patch.maintenance && !patch.set_profile);
	static const char adopt[] = "{\"profile\":\"walter\"}", as_found[] = "{\"profile\":null}";
	ck_assert_int_eq(json_read_device_patch(adopt, strlen(adopt), false, &patch, &error), 0);
	ck_assert(patch.set_profile && !patch.set_alias);
	ck_assert_str_eq(patch.profile, "walter");
	ck_assert_int_eq(json_read_device_patch(as_found, strlen(as_found), false, &patch, &error), 0);
	ck_assert(patch.set_profile);
	ck_assert_str_eq(patch.profile, "");
	ck_assert_str_eq(patch.alias, "");
	ck_assert(!patch.end_quarantine);
	static const char out[] = "{\"quarantine\":false}";
	ck_assert_int_eq(json_read_device_patch(out, strlen(out), false, &patch, &error), 0);
	ck_assert(patch.end_quarantine && !patch.set_maintenance);
	static const char reason[] = "{\"maintenance\":false,\"reason\":\"mended\"}";
	ck_assert_int_eq(json_read_device_patch(reason, strlen(reason), false, &patch, &error), 0);
	ck_assert(patch.set_maintenance && !patch.maintenance && !patch.merge_labels);
	ck_assert_str_eq(patch.reason, "mended");
}
END_TEST

START_TEST(a_merge_patch_says_which_labels_go)
{
	struct device_patch patch;
	struct read_error error;
	static const char some[] = "{\"labels\":{\"rack\":\"1\",\"owner\":null}}", all[] = "{\"labels\":null}",
			  bad[] = "{\"labels\":{\"a b\":null}}";
	ck_assert_int_eq(json_read_device_patch(some, strlen(some), true, &patch, &error), 0);
	ck_assert(patch.set_labels && patch.merge_labels);
	ck_assert_uint_eq(patch.label_count, 1);
	ck_assert_str_eq(patch.labels[0].key, "rack");
	ck_assert_uint_eq(patch.removed_count, 1);
	ck_assert_str_eq(patch.removed[0], "owner");
	ck_assert_int_eq(json_read_device_patch(all, strlen(all), true, &patch, &error), 0);
	ck_assert(patch.set_labels && !patch.merge_labels);
	ck_assert_uint_eq(patch.label_count, 0);
	ck_assert_int_eq(json_read_device_patch(bad, strlen(bad), true, &patch, &error), -EINVAL);
	ck_assert_str_eq(error.member, "labels");
	ck_assert_int_eq(json_read_device_patch(some, strlen(some), false, &patch, &error), -EINVAL);
	ck_assert_str_eq(error.message, "the label \"owner\" must be a string");
}
END_TEST

static const struct {
	const char *body, *member;
} bad_patches[] = {
    {"{\"labels\":[]}", "labels"},
    {"{\"labels\":null}", "labels"},
    {"{\"labels\":{\"rack\":1}}", "labels"},
    {"{\"labels\":{\"state\":\"x\"}}", "labels"},
    {"{\"labels\":{\"a b\":\"x\"}}", "labels"},
    {"{\"labels\":{\"a\":\"x,y\"}}", "labels"},
    {"{\"alias\":1}", "alias"},
    {"{\"alias\":\"1234567890123456789012345678901234567890123456789012345678901234\"}", "alias"},
    {"{\"maintenance\":null}", "maintenance"},
    {"{\"profile\":1}", "profile"},
    {"{\"profile\":\"a-name-that-is-longer-than-names-are\"}", "profile"},
    {"{\"quarantine\":true}", "quarantine"},
    {"{\"quarantine\":null}", "quarantine"},
    {"{\"id\":\"x\"}", "id"},
    {"{\"reason\":\"x\"}", "reason"},
    {"{\"maintenance\":true,\"reason\":\"a\\nb\"}", "reason"},
};

START_TEST(bad_device_patch_is_refused)
{
	struct device_patch patch;
	struct read_error error;
	ck_assert_int_eq(json_read_device_patch(bad_patches[_i].body, strlen(bad_patches[_i].body), false, &patch, &error), -EINVAL);
	ck_assert_str_eq(error.member, bad_patches[_i].member);
}
END_TEST

START_TEST(seventeenth_label_is_refused)
{
	struct device_patch patch;
	struct read_error error;
	char body[512] = "{\"labels\":{";
	for (int i = 0; i < 17; i++)
		snprintf(body + strlen(body), sizeof(body) - strlen(body), "%s\"k%d\":\"v\"", i > 0 ? "," : "", i);
	strcat(body, "}}");
	ck_assert_int_eq(json_read_device_patch(body, strlen(body), false, &patch, &error), -EINVAL);
	ck_assert_str_eq(error.message, "a device has at most 16 labels");
}
END_TEST

START_TEST(firmware_patch_has_a_mask)
{
	struct firmware_patch patch;
	struct read_error error;
	static const char set[] =
	    "{\"name\":\"n\",\"family\":\"monarch1\",\"release\":\"LR1\",\"build\":4294967295,\"base_build\":1,\"helper\":\"h\","
	    "\"second\":\"s\"}";
	ck_assert_int_eq(json_read_firmware_patch(set, strlen(set), &patch, &error), 0);
	ck_assert_str_eq(patch.name, "n");
	ck_assert_str_eq(patch.stated.family, "monarch1");
	ck_assert_str_eq(patch.stated.release, "LR1");
	ck_assert_uint_eq(patch.stated.build, 4294967295u);
	ck_assert_uint_eq(patch.stated.base_build, 1);
	ck_assert_str_eq(patch.helper, "h");
	ck_assert_str_eq(patch.second, "s");
	ck_assert_uint_eq(patch.mask, FACT_FAMILY | FACT_RELEASE | FACT_BUILD | FACT_BASE_BUILD | FACT_HELPER | FACT_SECOND);
	static const char taken_back[] = "{\"build\":null,\"helper\":null}";
	ck_assert_int_eq(json_read_firmware_patch(taken_back, strlen(taken_back), &patch, &error), 0);
	ck_assert_uint_eq(patch.mask, FACT_BUILD | FACT_HELPER);
	ck_assert_uint_eq(patch.stated.build, 0);
	ck_assert_str_eq(patch.helper, "");
	ck_assert_str_eq(patch.name, "");
	static const char no_name[] = "{\"name\":null}";
	ck_assert_int_eq(json_read_firmware_patch(no_name, strlen(no_name), &patch, &error), -EINVAL);
	static const char too_much[] = "{\"build\":4294967296}";
	ck_assert_int_eq(json_read_firmware_patch(too_much, strlen(too_much), &patch, &error), -EINVAL);
	ck_assert_str_eq(error.message, "build must be from 1 to 4294967295");
}
END_TEST

/* What would be seen is not what is there. */
static const struct {
	const char *name, *says;
} names[] = {
    {"a \xc2\xb7 \xc3\xb6", NULL},
    {"", NULL},
    {"a\xe2\x80\xae"
     "b",
     "printable"},                  /* U+202E turns what follows around */
    {"a\xe2\x80\x8b", "printable"}, /* no width */
    {"a\xc2\x85", "printable"},     /* a control of C1 */
    {"a\\u001bb", "control characters"},
};

START_TEST(a_name_is_what_is_seen)
{
	char body[160];
	struct campaign_request campaign;
	struct device_patch patch;
	struct read_error error = {0};
	int result = names[_i].says == NULL ? 0 : -EINVAL;
	snprintf(body, sizeof(body), "{\"firmware\":\"f\",\"selector\":\"\",\"name\":\"%s\"}", names[_i].name);
	ck_assert_int_eq(json_read_campaign(body, strlen(body), false, &campaign, &error), result);
	if (result == 0)
		ck_assert_str_eq(campaign.order.name, names[_i].name);
	if (result < 0)
		ck_assert_str_eq(error.member, "name");
	if (result < 0)
		ck_assert_ptr_nonnull(strstr(error.message, names[_i].says));
	snprintf(body, sizeof(body), "{\"alias\":\"%s\"}", names[_i].name);
	ck_assert_int_eq(json_read_device_patch(body, strlen(body), false, &patch, &error), result);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_read");
	TCase *tcase = tcase_create("bodies");
	tcase_add_loop_test(tcase, bad_upgrade_is_refused_by_name, 0, (int)(sizeof(bad_upgrades) / sizeof(bad_upgrades[0])));
	tcase_add_test(tcase, short_upgrade_has_defaults);
	tcase_add_test(tcase, full_upgrade_is_read);
	tcase_add_test(tcase, upgrade_by_url_is_read);
	tcase_add_loop_test(tcase, bad_url_of_a_firmware_is_refused_by_name, 0, (int)(sizeof(bad_urls) / sizeof(bad_urls[0])));
	tcase_add_test(tcase, url_of_a_firmware_is_read);
	tcase_add_test(tcase, longest_firmware_fits_and_one_more_does_not);
	tcase_add_test(tcase, depth_counts_structure_only);
	tcase_add_test(tcase, raw_nul_is_refused);
	tcase_add_test(tcase, probe_is_read);
	tcase_add_test(tcase, what_every_job_may_be_asked_for_with);
	tcase_add_test(tcase, device_patch_sets_only_what_is_there);
	tcase_add_test(tcase, a_merge_patch_says_which_labels_go);
	tcase_add_loop_test(tcase, bad_device_patch_is_refused, 0, (int)(sizeof(bad_patches) / sizeof(bad_patches[0])));
	tcase_add_test(tcase, seventeenth_label_is_refused);
	tcase_add_test(tcase, firmware_patch_has_a_mask);
	tcase_add_loop_test(tcase, a_name_is_what_is_seen, 0, (int)(sizeof(names) / sizeof(names[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
