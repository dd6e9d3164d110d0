/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "cmd/dupctl/exit_status.h"
#include "cmd/dupctl/format.h"
#include "cmd/dupctl/help.h"
#include "cmd/dupctl/job_query.h"
#include "cmd/dupctl/options.h"
#include "cmd/dupctl/suggest.h"
#include "cmd/dupctl/verbs.h"
#include "tests/unit/suite_run.h"

#define DIGEST "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"

#define WORDS_MAX 40u

/* Splits at spaces; getopt may reorder what it gets, so each parse has an array of its own. */
struct command_line {
	char words[512];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static int command_parse(struct command_line *line, const char *words, struct options *ret, struct text *error)
{
	char *rest = line->words;

	ck_assert_uint_lt(strlen(words), sizeof(line->words));
	memcpy(line->words, words, strlen(words) + 1);
	line->argc = 0;
	for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
		line->argv[line->argc++] = word;
	line->argv[line->argc] = NULL;
	return options_parse(line->argc, line->argv, ret, error);
}

START_TEST(an_upgrade_with_everything)
{
	text_owned error = {0};
	struct command_line line;
	struct options o;

	ck_assert_int_eq(
	    command_parse(&line,
			  "dupctl --url unix:/x upgrade bench-1 --firmware CATM1-39529.dup bench-2 --wait --timeout 15m --force "
			  "--allow-downgrade --way fff --priority -5 --not-before 2026-01-31T23:00:00+01:00 --helper u.elf --rate 115200 "
			  "--json --no-color",
			  &o, &error),
	    0);
	ck_assert_str_eq(text_bytes(&error), "");
	ck_assert_int_eq(o.verb, VERB_UPGRADE);
	ck_assert_uint_eq(o.operand_count, 2);
	ck_assert_str_eq(o.operands[0], "bench-1");
	ck_assert_str_eq(o.operands[1], "bench-2");
	ck_assert_str_eq(o.url, "unix:/x");
	ck_assert_str_eq(o.firmware, "CATM1-39529.dup");
	ck_assert_str_eq(o.way, "fff");
	ck_assert_str_eq(o.helper, "u.elf");
	ck_assert_str_eq(o.not_before, "2026-01-31T23:00:00+01:00");
	ck_assert(o.wait && o.force && o.allow_downgrade && o.json && o.no_color && !o.dry_run && !o.all);
	ck_assert(o.timeout_s.set && o.priority.set && o.rate.set);
	ck_assert_int_eq(o.timeout_s.value, 900);
	ck_assert_int_eq(o.priority.value, -5);
	ck_assert_int_eq(o.rate.value, 115200);
}
END_TEST

static const struct {
	const char *words;
	enum verb_id verb;
	size_t operands;
} good[] = {
    {"dupctl devices", VERB_DEVICES, 0},
    {"dupctl firmware list --available", VERB_FIRMWARE_LIST, 0},
    {"dupctl firmware catalogue", VERB_FIRMWARE_CATALOGUE, 0},
    {"dupctl firmware catalogue c.json --signature s", VERB_FIRMWARE_CATALOGUE, 1},
    {"dupctl firmware catalogue https://h/c.json --wait --timeout 5", VERB_FIRMWARE_CATALOGUE, 1},
    {"dupctl doctor --config f --json", VERB_DOCTOR, 0},
    {"dupctl lease a b --holder h --ttl 2h --reason r --takeover --quiet", VERB_LEASE, 2},
    {"dupctl lease --all --lease t --no-lease-file", VERB_LEASE, 0},
    {"dupctl release --selector rack=1 --force --reason r", VERB_RELEASE, 0},
    {"dupctl probe a --if-leased wait --lease t", VERB_PROBE, 1},
    {"dupctl cancel a --lease t", VERB_CANCEL, 1},
    {"dupctl adopt a b --profile walter", VERB_ADOPT, 2},
    {"dupctl adopt a --take-back", VERB_ADOPT, 1},
    {"dupctl devices a b", VERB_DEVICES, 2},
    {"dupctl devices --selector rack=1", VERB_DEVICES, 0},
    {"dupctl probe --all --wait", VERB_PROBE, 0},
    {"dupctl upgrade --all --firmware f --dry-run", VERB_UPGRADE, 0},
    {"dupctl recover a --firmware f --helper h --wait --timeout 20m", VERB_RECOVER, 1},
    {"dupctl recover --selector state=stranded --dry-run", VERB_RECOVER, 0},
    {"dupctl unquarantine --all", VERB_UNQUARANTINE, 0},
    {"dupctl history a --limit 200", VERB_HISTORY, 1},
    {"dupctl audit --device d --limit 500 --before 7", VERB_AUDIT, 0},
    {"dupctl campaign", VERB_CAMPAIGN_LIST, 0},
    {"dupctl campaign --limit 100 --before x", VERB_CAMPAIGN_LIST, 0},
    {"dupctl campaign create --all --firmware f --wave 1 --wave 10% --wave rack=1 --max-parallel 2 --stop-after failed=3,percent=5 --soak "
     "1h",
     VERB_CAMPAIGN_CREATE, 0},
    {"dupctl campaign create --selector x=1 --firmware f --name n --start --wait --timeout 5 --attempts 20 --deadline 2h --offline skip",
     VERB_CAMPAIGN_CREATE, 0},
    {"dupctl campaign retry a --wait", VERB_CAMPAIGN_RETRY, 1},
    {"dupctl campaign report a f --junit", VERB_CAMPAIGN_REPORT, 2},
    {"dupctl campaign watch a --timeout 5", VERB_CAMPAIGN_WATCH, 1},
    {"dupctl upgrade --all --firmware f --max-parallel 3 --stop-after consecutive=1 --window night --offline fail", VERB_UPGRADE, 0},
    {"dupctl probe a --attempts 1 --deadline 2026-01-31T22:00:00Z", VERB_PROBE, 1},
    {"dupctl jobs", VERB_JOBS, 0},
    {"dupctl jobs --state failed --device d --limit 5 --before x", VERB_JOBS, 0},
    {"dupctl jobs --state failed,cancelled --kind probe --code c --firmware f --since 2h --until 2026-01-31T22:00:00Z --campaign c --limit "
     "100000",
     VERB_JOBS, 0},
    {"dupctl jobs 01j --transcript", VERB_JOBS, 1},
    {"dupctl durations --family monarch2", VERB_DURATIONS, 0},
    {"dupctl log 01j", VERB_LOG, 1},
    {"dupctl log 01j --attempt 2", VERB_LOG, 1},
    {"dupctl watch --job 01j --timeout 3", VERB_WATCH, 0},
    {"dupctl cancel a b c", VERB_CANCEL, 3},
    {"dupctl retry a --wait --timeout 2h", VERB_RETRY, 1},
    {"dupctl firmware", VERB_FIRMWARE_LIST, 0},
    {"dupctl firmware --json", VERB_FIRMWARE_LIST, 0},
    {"dupctl --json firmware list", VERB_FIRMWARE_LIST, 0},
    {"dupctl firmware add x.dup --name n --family monarch1 --release r --build 1 --base-build 2 --helper h", VERB_FIRMWARE_ADD, 1},
    {"dupctl firmware add http://a/b.dup --sha256 " DIGEST " --wait --timeout 5 --signature s", VERB_FIRMWARE_ADD, 1},
    {"dupctl firmware add HTTPS://a/b.dup --sha256 " DIGEST, VERB_FIRMWARE_ADD, 1},
    {"dupctl upgrade a --firmware https://a/b.dup --sha256 " DIGEST " --wait", VERB_UPGRADE, 1},
    {"dupctl downloads", VERB_DOWNLOADS_LIST, 0},
    {"dupctl downloads show a", VERB_DOWNLOADS_SHOW, 1},
    {"dupctl downloads cancel a b", VERB_DOWNLOADS_CANCEL, 2},
    {"dupctl firmware show abcdef", VERB_FIRMWARE_SHOW, 1},
    {"dupctl firmware remove a b", VERB_FIRMWARE_REMOVE, 2},
    {"dupctl firmware edit a --second b", VERB_FIRMWARE_EDIT, 1},
    {"dupctl firmware edit a --clear build,helper", VERB_FIRMWARE_EDIT, 1},
    {"dupctl firmware export a -", VERB_FIRMWARE_EXPORT, 2},
    {"dupctl firmware verify a b c", VERB_FIRMWARE_VERIFY, 3},
    {"dupctl devices -- --odd", VERB_DEVICES, 1},
};

static const struct {
	const char *words;
	size_t devices;
	const char *first; /* word after them */
	size_t count;
} with_words[] = {
    {"dupctl label a b x=1 y- z=", 2, "x=1", 3},
    {"dupctl label a- b=1", 1, "b=1", 1}, /* a device may be called so */
    {"dupctl label --all x-", 0, "x-", 1},
    {"dupctl label --selector x=1 y=2=3 z-", 0, "y=2=3", 2},
    {"dupctl alias a -", 1, "-", 1},
    {"dupctl maintenance a b off --reason r", 2, "off", 1},
    {"dupctl maintenance --all on", 0, "on", 1},
};

START_TEST(words_follow_the_devices)
{
	text_owned error = {0};
	struct command_line line;
	struct options o;

	ck_assert_msg(command_parse(&line, with_words[_i].words, &o, &error) == 0, "%s", text_bytes(&error));
	ck_assert_uint_eq(o.operand_count, with_words[_i].devices);
	ck_assert_uint_eq(o.word_count, with_words[_i].count);
	ck_assert_str_eq(o.words[0], with_words[_i].first);
}
END_TEST

START_TEST(good_lines)
{
	text_owned error = {0};
	struct command_line line;
	struct options o;

	ck_assert_int_eq(command_parse(&line, good[_i].words, &o, &error), 0);
	ck_assert_str_eq(text_bytes(&error), "");
	ck_assert(o.has_verb);
	ck_assert_int_eq(o.verb, good[_i].verb);
	ck_assert_uint_eq(o.operand_count, good[_i].operands);
}
END_TEST

static const struct {
	const char *words, *says;
} bad[] = {
    {"dupctl", "a verb is missing"},
    {"dupctl upgrde", "unknown verb 'upgrde'; did you mean upgrade?"},
    {"dupctl dveices", "did you mean devices?"},
    {"dupctl upg", "did you mean upgrade?"},
    {"dupctl zzz", "unknown verb 'zzz'"},
    {"dupctl firmware ad x", "unknown verb 'firmware ad'; did you mean firmware add?"},
    {"dupctl --jsn devices", "unknown option '--jsn'; did you mean --json?"},
    {"dupctl --wait upgrade", "options of a verb come after it"},
    {"dupctl upgrade --transcript", "unknown option '--transcript' for this verb"},
    {"dupctl upgrade --firmwre=x", "did you mean --firmware?"},
    {"dupctl devices -q", "unknown option '-q'"},
    {"dupctl devices --json=yes", "--json takes no value"},
    {"dupctl upgrade a --firmware", "--firmware needs a value"},
    {"dupctl upgrade a", "--firmware is missing"},
    {"dupctl upgrade --firmware f", "no device is named"},
    {"dupctl upgrade a --all --firmware f", "named in two ways"},
    {"dupctl upgrade --selector x=1 --all --firmware f", "named in two ways"},
    {"dupctl probe", "no device is named"},
    {"dupctl firmware edit a", "nothing is to be changed"},
    {"dupctl firmware add a --clear build", "unknown option '--clear' for this verb"},
    {"dupctl firmware export a b c", "'c' is too much"},
    {"dupctl firmware verify", "firmware verify needs FILE"},
    {"dupctl upgrade a --firmware f --dry-run --wait", "--dry-run starts nothing"},
    {"dupctl upgrade a --firmware f --timeout 5", "--timeout is for --wait"},
    {"dupctl upgrade a --firmware f --way air", "--way does not take 'air'"},
    {"dupctl upgrade a --firmware f --priority 101", "a number from -100 to 100"},
    {"dupctl upgrade a --firmware f --priority 1x", "a number from -100 to 100"},
    {"dupctl upgrade a --firmware f --not-before tomorrow", "--not-before wants a time"},
    {"dupctl upgrade a --firmware f --wait --timeout 0", "--timeout does not take '0'"},
    {"dupctl upgrade a --firmware f --wait --timeout -5", "--timeout does not take '-5'"},
    {"dupctl log", "log needs JOB"},
    {"dupctl log a b", "'b' is too much"},
    {"dupctl log a --attempt 0", "a number from 1 to"},
    {"dupctl durations --family lte", "--family does not take 'lte'"},
    {"dupctl jobs a b", "'b' is too much"},
    {"dupctl jobs --transcript", "--transcript needs the ID"},
    {"dupctl jobs a --state failed", "an ID names one job"},
    {"dupctl jobs --state broken", "--state does not take 'broken'"},
    {"dupctl jobs --state failed,,queued", "--state does not take ''"},
    {"dupctl jobs --state failed,", "--state does not take ''"},
    {"dupctl jobs --state faile", "--state does not take 'faile'"},
    {"dupctl jobs --kind recover", "--kind does not take 'recover'"},
    {"dupctl jobs --since yesterday", "--since wants a time"},
    {"dupctl jobs --until 2026-01-31", "--until wants a time"},
    {"dupctl jobs a --code c", "an ID names one job"},
    {"dupctl jobs a --until 2h", "an ID names one job"},
    {"dupctl jobs --limit 0", "a number from 1 to 1000000"},
    {"dupctl audit --limit 501", "a number from 1 to 500"},
    {"dupctl watch a --job b", "one of them"},
    {"dupctl campaign shw a", "did you mean campaign show?"},
    {"dupctl downloads 01m7", "unknown verb 'downloads 01m7'; after downloads comes one of list, show, cancel"},
    {"dupctl campaign create --firmware f", "no device is named"},
    {"dupctl campaign create a --all --firmware f", "'a' is too much"},
    {"dupctl campaign create --all", "--firmware is missing"},
    {"dupctl campaign create --all --firmware http://a/b.dup", "takes firmware of the cache"},
    {"dupctl campaign create --all --firmware f --wait", "give --start, too"},
    {"dupctl campaign create --all --firmware f --start --dry-run", "--dry-run starts nothing"},
    {"dupctl campaign create --all --firmware f --wave 0", "--wave does not take '0'"},
    {"dupctl campaign create --all --firmware f --wave 101%", "--wave does not take '101%'"},
    {"dupctl campaign create --all --firmware f --stop-after failed", "--stop-after does not take 'failed'"},
    {"dupctl campaign create --all --firmware f --stop-after failed=1,failed=1", "--stop-after does not take"},
    {"dupctl campaign create --all --firmware f --stop-after percent=101", "--stop-after does not take"},
    {"dupctl campaign create --all --firmware f --soak 5 --deadline soon", "--deadline wants a time"},
    {"dupctl campaign create --all --firmware f --attempts 0", "a number from 1 to 20"},
    {"dupctl campaign start", "campaign start needs ID"},
    {"dupctl campaign pause a --wait", "unknown option '--wait' for this verb"},
    {"dupctl campaign list --limit 101", "a page has at most 100"},
    {"dupctl campaign report a f", "a FILE is for --junit"},
    {"dupctl campaign report a --junit --json", "one of them"},
    {"dupctl upgrade a --firmware f --offline skip", "are for --selector and --all"},
    {"dupctl upgrade --all --firmware f --offline skip --if-leased wait", "are for --selector and --all"},
    {"dupctl upgrade --all --firmware f --window n --dry-run", "campaign create --dry-run"},
    {"dupctl cancel", "cancel needs ID"},
    {"dupctl retry", "retry needs ID"},
    {"dupctl firmware add", "firmware add needs PATH|URL"},
    {"dupctl firmware add a.dup --wait", "--wait is for a URL"},
    {"dupctl firmware catalogue c.json --wait", "--wait is for a URL"},
    {"dupctl adopt a", "give --profile NAME or --take-back, one of them"},
    {"dupctl adopt a --profile x --take-back", "give --profile NAME or --take-back, one of them"},
    {"dupctl adopt --profile x", "adopt needs DEVICE"},
    {"dupctl lease", "no device is named"},
    {"dupctl lease a --ttl 721h", "--ttl does not take '721h'"},
    {"dupctl lease a --force", "unknown option '--force' for this verb"},
    {"dupctl release a --takeover", "unknown option '--takeover' for this verb"},
    {"dupctl probe a --if-leased never", "--if-leased does not take 'never'"},
    {"dupctl devices --lease t", "unknown option '--lease' for this verb"},
    {"dupctl label", "label needs DEVICE"},
    {"dupctl label a", "no label is named"},
    {"dupctl label a b", "no label is named"},
    {"dupctl label a b=1 c", "'c' is neither KEY=VALUE nor KEY-; devices come before the labels"},
    {"dupctl label a =1", "'=1' is neither KEY=VALUE nor KEY-"},
    {"dupctl label --all b=1 c", "'c' is neither KEY=VALUE nor KEY-"},
    {"dupctl label a b=1 --selector c", "devices are named in two ways"},
    {"dupctl alias a", "alias needs DEVICE NAME|-"},
    {"dupctl alias a b c", "'c' is too much"},
    {"dupctl maintenance a", "maintenance on or off?"},
    {"dupctl maintenance on", "no device is named"},
    {"dupctl maintenance a on --all", "named in two ways"},
    {"dupctl firmware catalogue --wait", "--wait is for a URL"},
    {"dupctl firmware catalogue --signature s", "--signature is for a catalogue that is given"},
    {"dupctl firmware catalogue ftp://h/c.json", "only URLs with http:// and https:// are fetched"},
    {"dupctl firmware catalogue a b", "'b' is too much"},
    {"dupctl firmware catalogue https://h/c --timeout 5", "--timeout is for --wait"},
    {"dupctl firmware add ftp://a/b --wait", "only URLs with http:// and https:// are fetched"},
    {"dupctl upgrade a --firmware ftp://a/b", "only URLs with http:// and https:// are fetched"},
    {"dupctl firmware add http://a/b --timeout 5", "--timeout is for --wait"},
    {"dupctl firmware add a.dup --sha256 " DIGEST, "--sha256 is for a URL"},
    {"dupctl firmware add a/b.dup --sha256 " DIGEST, "--sha256 is for a URL"},
    {"dupctl firmware add http://a/b --sha256 " DIGEST "0", "--sha256 wants 64 hexadecimal digits"},
    {"dupctl firmware add http://a/b --sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
     "--sha256 wants 64 hexadecimal digits"},
    {"dupctl upgrade a --firmware f --sha256 " DIGEST, "--sha256 is for a URL"},
    {"dupctl downloads cancel", "downloads cancel needs ID"},
    {"dupctl downloads cancl a", "did you mean downloads cancel?"},
    {"dupctl firmware list x", "'x' is too much"},
    {"dupctl devices a --selector b=1", "named in two ways"},
};

START_TEST(bad_lines)
{
	text_owned error = {.utf8 = true};
	struct command_line line;
	struct options o;

	ck_assert_int_eq(command_parse(&line, bad[_i].words, &o, &error), -EINVAL);
	if (!strcasestr(text_bytes(&error), bad[_i].says))
		ck_abort_msg("%s: \"%s\" does not say \"%s\"", bad[_i].words, text_bytes(&error), bad[_i].says);
}
END_TEST

START_TEST(an_empty_name_is_no_device)
{
	char program[] = "dupctl", verb[] = "devices", empty[] = "";
	char *argv[] = {program, verb, empty, NULL};
	text_owned error = {0};
	struct options o;

	ck_assert_int_eq(options_parse(3, argv, &o, &error), -EINVAL);
	ck_assert_str_eq(text_bytes(&error), "an empty name");
}
END_TEST

START_TEST(filters_of_jobs_become_a_query)
{
	text_owned error = {0}, path = {0};
	struct command_line line;
	struct options o;

	ck_assert_int_eq(
	    command_parse(&line,
			  "dupctl jobs --state failed,cancelled --kind probe --code modem-silent --firmware a&b.dup --device d "
			  "--campaign c --since 2h --until 2026-01-31T23:00:00+01:00",
			  &o, &error),
	    0);
	job_query_path(&path, &o, 1769904000, "", 500);
	ck_assert_str_eq(path.bytes, "/jobs?limit=500&state=failed%2Ccancelled&kind=probe&code=modem-silent&firmware=a%26b.dup&device=d"
				     "&campaign=c&since=2026-01-31T22%3A00%3A00Z&until=2026-01-31T23%3A00%3A00%2B01%3A00");
	text_clear(&path);
	ck_assert_int_eq(command_parse(&line, "dupctl jobs", &o, &error), 0);
	job_query_path(&path, &o, 0, "x", 7);
	ck_assert_str_eq(path.bytes, "/jobs?limit=7&before=x");
}
END_TEST

START_TEST(help_asks_for_nothing_else)
{
	text_owned error = {0};
	struct command_line line;
	struct options o;

	ck_assert_int_eq(command_parse(&line, "dupctl upgrade --help", &o, &error), 0);
	ck_assert(o.help && o.has_verb && o.verb == VERB_UPGRADE);
	ck_assert_int_eq(command_parse(&line, "dupctl -h", &o, &error), 0);
	ck_assert(o.help && !o.has_verb);
	ck_assert_int_eq(command_parse(&line, "dupctl -V nonsense", &o, &error), 0);
	ck_assert(o.version);
}
END_TEST

/* Whatever a verb takes is in its help, and nothing else. */
START_TEST(help_is_complete)
{
	text_owned shown = {.utf8 = true};
	const struct option_spec *spec;

	help_add_verb(&shown, (enum verb_id)_i);
	for (size_t i = 0; (spec = option_spec_at(i)) != NULL; i++) {
		text_owned needle = {0};

		if (spec->letter)
			text_addf(&needle, "\n  -%c, --%s ", spec->letter, spec->name);
		else
			text_addf(&needle, "\n      --%s ", spec->name);
		/* Two options of one name, for different verbs, are told apart by what they do. */
		bool told = strstr(shown.bytes, needle.bytes) != NULL && strstr(shown.bytes, spec->help) != NULL;
		ck_assert_msg(told == ((spec->verbs & OPTION_OF_VERB(_i)) != 0), "--%s", spec->name);
	}
	ck_assert_ptr_nonnull(strstr(shown.bytes, "Exit status: 0 done"));
}
END_TEST

START_TEST(help_without_utf8_is_ascii)
{
	text_owned shown = {0};

	help_add(&shown);
	for (int i = 0; i < VERB_COUNT; i++)
		help_add_verb(&shown, (enum verb_id)i);
	for (size_t i = 0; i < shown.length; i++)
		ck_assert_int_ge(shown.bytes[i], 0);
	ck_assert_ptr_nonnull(strstr(shown.bytes, "DEVICE...|--selector"));
}
END_TEST

START_TEST(words_and_their_distance)
{
	ck_assert_uint_eq(word_distance("", ""), 0);
	ck_assert_uint_eq(word_distance("", "abc"), 3);
	ck_assert_uint_eq(word_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(word_distance("wiat", "wait"), 1);
	ck_assert_uint_eq(word_distance("jobs", "job"), 1);
	ck_assert_uint_eq(word_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"), 32);
}
END_TEST

START_TEST(statuses_combine)
{
	static const struct {
		int statuses[3];
		size_t count;
		int combined;
	} cases[] = {
	    {{0}, 0, STATUS_DONE},    {{0, 0, 0}, 3, STATUS_DONE},    {{0, 5, 0}, 3, STATUS_SOME_FAILED}, {{5, 5, 5}, 3, STATUS_JOB_FAILED},
	    {{4}, 1, STATUS_REFUSED}, {{3, 4, 1}, 3, STATUS_REFUSED}, {{4, 5}, 2, STATUS_JOB_FAILED},     {{0, 3}, 2, STATUS_SOME_FAILED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(exit_status_combine(cases[i].statuses, cases[i].count), cases[i].combined);
}
END_TEST

START_TEST(durations_and_times)
{
	int64_t value = -1;

	ck_assert(parse_duration("90", &value) && value == 90);
	ck_assert(parse_duration("90s", &value) && value == 90);
	ck_assert(parse_duration("15m", &value) && value == 900);
	ck_assert(parse_duration("2h", &value) && value == 7200);
	ck_assert(!parse_duration("", &value) && !parse_duration("s", &value) && !parse_duration("1 s", &value));
	ck_assert(!parse_duration("99999999h", &value) && !parse_duration("0s", &value) && !parse_duration("1.5h", &value));
	ck_assert(parse_time("2026-01-31T22:00:00Z", &value) && value == 1769896800);
	ck_assert(parse_time("2026-01-31T22:00:00.250Z", &value) && value == 1769896800);
	ck_assert(parse_time("2026-01-31T23:00:00+01:00", &value) && value == 1769896800);
	ck_assert(parse_time("2026-01-31T16:30:00-05:30", &value) && value == 1769896800);
	ck_assert(!parse_time("2026-01-31T22:00:00", &value) && !parse_time("2026-01-31", &value) && !parse_time("", &value));
	ck_assert(!parse_time("2026-01-31T22:00:00+1", &value) && !parse_time("2026-01-31T22:00:00Zx", &value));
	text_owned moment = {0};
	format_time(&moment, 1769896800);
	ck_assert_str_eq(text_bytes(&moment), "2026-01-31T22:00:00Z");
	ck_assert(!parse_integer("", 0, 9, &value) && !parse_integer(" 1", 0, 9, &value) && !parse_integer("10", 0, 9, &value));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dupctl_options");
	TCase *lines = tcase_create("lines"), *help = tcase_create("help"), *values = tcase_create("values");

	tcase_add_test(lines, an_upgrade_with_everything);
	tcase_add_loop_test(lines, good_lines, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(lines, words_follow_the_devices, 0, (int)(sizeof(with_words) / sizeof(with_words[0])));
	tcase_add_loop_test(lines, bad_lines, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(lines, an_empty_name_is_no_device);
	tcase_add_test(help, filters_of_jobs_become_a_query);
	tcase_add_test(help, help_asks_for_nothing_else);
	tcase_add_loop_test(help, help_is_complete, 0, VERB_COUNT);
	tcase_add_test(help, help_without_utf8_is_ascii);
	tcase_add_test(values, words_and_their_distance);
	tcase_add_test(values, statuses_combine);
	tcase_add_test(values, durations_and_times);
	suite_add_tcase(suite, lines);
	suite_add_tcase(suite, help);
	suite_add_tcase(suite, values);
	return suite_run(suite);
}
