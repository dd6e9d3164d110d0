/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "cmd/dupctl/junit.h"
#include "tests/unit/suite_run.h"

static const struct {
	const char *bytes;
	bool attribute;
	const char *escaped;
} texts[] = {
    {"a<b>&\"c\"'", false, "a&lt;b&gt;&amp;\"c\"'"},
    {"a<b>&\"c\"'", true, "a&lt;b&gt;&amp;&quot;c&quot;'"},
    {"one\ntwo\tthree\r", false, "one\ntwo\tthree"},
    {"one\ntwo\tthree\r", true, "one&#10;two&#9;three"},
    {"\001\033[31m\177\302\205end", false, "[31mend"},                /* controls, DEL, a C1 control */
    {"\303\251 \360\237\230\200", true, "\303\251 \360\237\230\200"}, /* two and four bytes stay */
    {"\377x\303", false, "\357\277\275x\357\277\275"},                /* broken UTF-8 */
    {"\355\240\200", false, "\357\277\275\357\277\275\357\277\275"},  /* a surrogate */
    {"\357\277\276\357\277\277.", false, "."},                        /* U+FFFE, U+FFFF */
    {"]]>", false, "]]&gt;"},
};

START_TEST(text_is_escaped)
{
	text_owned got = {.utf8 = true};

	junit_add_text(&got, texts[_i].bytes, texts[_i].attribute);
	ck_assert_str_eq(text_bytes(&got), texts[_i].escaped);
}
END_TEST

static const char report[] =
    "{\"campaign\": {\"id\": \"01c\", \"name\": \"a<b\", \"state\": \"stopped\", \"reason\": \"1 failed: it stops\", \"firmware\": \"9f\","
    "\"firmware_name\": \"f.dup\", \"release\": \"LR5\", \"selector\": \"\", \"created_at\": \"2026-03-01T10:15:30.250Z\","
    "\"started_at\": \"2026-03-01T10:16:00.000Z\", \"finished_at\": \"2026-03-01T10:18:10.000Z\","
    "\"counts\": {\"total\": 5, \"queued\": 0, \"waiting\": 0, \"running\": 1, \"succeeded\": 1, \"failed\": 1, \"cancelled\": 1, "
    "\"skipped\": 1}},"
    "\"devices\": ["
    "{\"device\": \"b-0\", \"state\": \"succeeded\", \"duration_s\": 130.25, \"alias\": null, \"labels\": {\"rack\": \"2\"}},"
    "{\"device\": \"b-1\", \"state\": \"failed\", \"reason\": \"r\", \"job\": \"01j\", \"attempts\": 3, \"duration_s\": 2,"
    " \"alias\": \"the <blue> board\", \"labels\": {\"rack\": \"1\", \"bench\": \"yes\"},"
    " \"fault\": {\"code\": \"modem-silent\", \"class\": \"transient\", \"message\": \"m & n\", \"evidence\": \"<no \\u0007answer>\","
    " \"remedy\": \"unplug\"}},"
    "{\"device\": \"b-2\", \"state\": \"cancelled\", \"reason\": \"stopped before its turn\"},"
    "{\"device\": \"b-3\", \"state\": \"skipped\", \"reason\": null},"
    "{\"device\": \"b-4\", \"state\": \"running\", \"reason\": null}]}";

static const char document[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<testsuites>\n"
    "  <testsuite id=\"0\" package=\"dupgate\" name=\"a&lt;b\" timestamp=\"2026-03-01T10:16:00\" hostname=\"gate\" tests=\"5\" "
    "failures=\"1\""
    " errors=\"1\" skipped=\"2\" time=\"130.000\">\n"
    "    <properties>\n"
    "      <property name=\"campaign\" value=\"01c\"/>\n"
    "      <property name=\"state\" value=\"stopped\"/>\n"
    "      <property name=\"firmware\" value=\"f.dup\"/>\n"
    "      <property name=\"sha256\" value=\"9f\"/>\n"
    "      <property name=\"release\" value=\"LR5\"/>\n"
    "      <property name=\"device b-0\" value=\"rack=2\"/>\n"
    "      <property name=\"device b-1\" value=\"the &lt;blue&gt; board, rack=1, bench=yes\"/>\n"
    "    </properties>\n"
    "    <testcase classname=\"dupgate.upgrade\" name=\"b-0\" time=\"130.250\"/>\n"
    "    <testcase classname=\"dupgate.upgrade\" name=\"b-1\" time=\"2.000\"><failure type=\"modem-silent\" message=\"m &amp; n\">m &amp; "
    "n\n"
    "seen: &lt;no answer&gt;\n"
    "what to do: unplug\n"
    "device: the &lt;blue&gt; board, rack=1, bench=yes\n"
    "job: 01j\n"
    "attempts: 3\n"
    "</failure></testcase>\n"
    "    <testcase classname=\"dupgate.upgrade\" name=\"b-2\" time=\"0.000\"><skipped message=\"cancelled: stopped before its "
    "turn\"/></testcase>\n"
    "    <testcase classname=\"dupgate.upgrade\" name=\"b-3\" time=\"0.000\"><skipped message=\"skipped\"/></testcase>\n"
    "    <testcase classname=\"dupgate.upgrade\" name=\"b-4\" time=\"0.000\"><error type=\"not-finished\" "
    "message=\"running\"/></testcase>\n"
    "    <system-out>1 failed: it stops</system-out>\n"
    "    <system-err/>\n"
    "  </testsuite>\n"
    "</testsuites>\n";

START_TEST(a_report_is_a_suite)
{
	text_owned got = {.utf8 = true};
	json_t *parsed = json_loads(report, 0, NULL);

	ck_assert_ptr_nonnull(parsed);
	junit_add_report(&got, parsed, "gate");
	ck_assert_str_eq(text_bytes(&got), document);
	json_decref(parsed);
}
END_TEST

START_TEST(a_campaign_without_name_is_called_by_its_id)
{
	text_owned got = {.utf8 = true};
	json_t *parsed = json_pack("{s:{s:s, s:s}, s:[]}", "campaign", "id", "01c", "created_at", "2026-03-01T10:15:30.250Z", "devices");

	junit_add_report(&got, parsed, "gate");
	ck_assert_ptr_nonnull(strstr(text_bytes(&got), " name=\"campaign 01c\" timestamp=\"2026-03-01T10:15:30\""));
	json_decref(parsed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("junit");
	TCase *junit = tcase_create("junit");

	tcase_add_loop_test(junit, text_is_escaped, 0, (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_test(junit, a_report_is_a_suite);
	tcase_add_test(junit, a_campaign_without_name_is_called_by_its_id);
	suite_add_tcase(suite, junit);
	return suite_run(suite);
}
