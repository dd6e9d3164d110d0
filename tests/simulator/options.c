/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef DUPGATE_VERSION
#error "DUPGATE_VERSION comes from the Makefile"
#endif

enum option_kind {
	KIND_HEADING,
	KIND_TEXT,
	KIND_RELEASE,
	KIND_NUMBER,
	KIND_DECIMAL,
	KIND_FLAG,
	KIND_SWITCH,
	KIND_FAMILY,
	KIND_SUM,
	KIND_HELP,
	KIND_VERSION
};

struct option_row {
	enum option_kind kind;
	const char *name;
	const char *argument;
	const char *help;
	size_t offset;
	uint64_t least;
	uint64_t most;
	uint64_t unit; /* KIND_DECIMAL: what 1 is stored as */
};

#define FIELD(member) offsetof(struct options, member)
#define MS_UNIT       1000000ULL /* ns */
#define DAY_MS        86400000ULL

static const struct family families[] = {
    {
	.name = "monarch1",
	.product = "VZM20Q",
	.imei_prefix = "35409300",
	.release = "LR5.1.1.0-38638",
	.ue = "UE5.0.0.0d",
	.new_release = "LR5.1.1.0-39529",
	.new_ue = "UE5.0.0.0d",
	.rate = 921600,
	.recovery_rate = 115200,
	.stp_version = 1,
    },
    {
	.name = "monarch2",
	.product = "GM02S",
	.imei_prefix = "35503100",
	.release = "LR8.0.5.13-59577",
	.ue = "UE8.0.5.13",
	.new_release = "LR8.2.1.0-61488",
	.new_ue = "UE8.2.1.0",
	.rate = 115200,
	.recovery_rate = 115200,
	.stp_version = 2,
	.monarch2 = true,
    },
};

static const struct option_row rows[] = {
    {KIND_HEADING, "The fleet", NULL, NULL, 0, 0, 0, 0},
    {KIND_TEXT, "dir", "DIR", "where the ports appear, as DIR/modem0, DIR/modem1, ... (made if missing)", FIELD(dir), 0, 0, 0},
    {KIND_NUMBER, "count", "N", "how many modems, 1 to 512 (1)", FIELD(count), 1, 512, 0},
    {KIND_TEXT, "state-dir", "DIR", "keep DIR/modemK.json: what each modem is; read back at the next start", FIELD(state_dir), 0, 0, 0},
    {KIND_TEXT, "scenario", "FILE", "faults to play, in JSON (tests/simulator/README.md; an outline is below)", FIELD(scenario), 0, 0, 0},
    {KIND_TEXT, "control", "FIFO", "make it and take orders there, a line of JSON each: a rule without \"when\"", FIELD(control), 0, 0, 0},
    {KIND_FLAG, "exit-with-parent", NULL, "end when the process that started this one does", FIELD(exit_with_parent), 0, 0, 0},
    {KIND_HEADING, "The modems", NULL, NULL, 0, 0, 0, 0},
    {KIND_FAMILY, "family", "NAME", "monarch1 (921600 bit/s, STP 1) or monarch2 (115200 bit/s, STP 2) (monarch1)", FIELD(family), 0, 0, 0},
    {KIND_NUMBER, "boot-mode", "N", "as AT+SMOD?: 0 ffh, 1 mtools, 2 application, 3 updater, 4 recovery (2)", FIELD(boot_mode), 0, 4, 0},
    {KIND_RELEASE, "release", "LR...", "the release they run", FIELD(release), 0, 0, 0},
    {KIND_TEXT, "ue", "UE...", "its short name", FIELD(ue), 0, 0, 0},
    {KIND_RELEASE, "new-release", "LR...", "the release after an upgrade, where the bundle does not say it", FIELD(new_release), 0, 0, 0},
    {KIND_TEXT, "new-ue", "UE...", "its short name", FIELD(new_ue), 0, 0, 0},
    {KIND_RELEASE, "boot-rom", "LR...", "the release of their boot ROM (as the release they run)", FIELD(boot_rom), 0, 0, 0},
    {KIND_SWITCH, "echo", "on|off", "echo of the application after a start (on); recovery never echoes", FIELD(echo), 0, 0, 0},
    {KIND_NUMBER, "apply-ms", "N", "silence while a bundle is applied (1500)", FIELD(apply_ns), 0, DAY_MS, MS_UNIT},
    {KIND_NUMBER, "restart-ms", "N", "silence while it restarts (800)", FIELD(restart_ns), 0, DAY_MS, MS_UNIT},
    {KIND_NUMBER, "helper-ms", "N", "silence from the last byte of an ELF helper to its first answer (1000)", FIELD(helper_ns), 0, DAY_MS,
     MS_UNIT},
    {KIND_TEXT, "board", "NAME", "in front of them: direct, pycom, pycom-old, avr-iot or script:FILE (direct)", FIELD(board), 0, 0, 0},
    {KIND_FLAG, "fragile", NULL, "a power cut while flash is erased or a bundle applied kills the modem", FIELD(fragile), 0, 0, 0},
    {KIND_TEXT, "replay", "FILE", "answer as the modem of this transcript of a job did", FIELD(replay), 0, 0, 0},
    {KIND_DECIMAL, "replay-speed", "X", "its times that much faster, 0.001 to 10000 (1)", FIELD(replay_speed), 0, 10000, 1000},
    {KIND_HEADING, "The line", NULL, NULL, 0, 0, 0, 0},
    {KIND_NUMBER, "rate", "BPS", "bit rate in every mode, instead of the family's", FIELD(rate), 300, 4000000, 0},
    {KIND_FLAG, "any-rate", NULL, "hear the host at whatever rate it has set", FIELD(any_rate), 0, 0, 0},
    {KIND_FLAG, "pace", NULL, "bytes take the time they take at the rate, both ways", FIELD(pace), 0, 0, 0},
    {KIND_DECIMAL, "latency-ms", "X", "turn-around before each answer, fractions allowed (0)", FIELD(latency_ns), 0, DAY_MS, MS_UNIT},
    {KIND_FLAG, "flow", NULL, "RTS/CTS wires: a busy modem holds a host that uses them, instead of losing its bytes", FIELD(flow), 0, 0, 0},
    {KIND_HEADING, "The transfer", NULL, NULL, 0, 0, 0, 0},
    {KIND_NUMBER, "stp-version", "N", "1 or 2, instead of the family's", FIELD(stp_version), 1, 2, 0},
    {KIND_NUMBER, "max-transfer", "N", "largest frame, its header included (8192)", FIELD(max_transfer), 32, 16384, 0},
    {KIND_SWITCH, "stp-crc", "on|off", "checksums in the answers (on); off sends 0, as real modems do", FIELD(stp_crc), 0, 0, 0},
    {KIND_NUMBER, "erase-ms", "N", "silence where a record after the first begins (0)", FIELD(erase_ns), 0, DAY_MS, MS_UNIT},
    {KIND_HEADING, "Instead of a fleet: a file to send", NULL, NULL, 0, 0, 0, 0},
    {KIND_TEXT, "make-bundle", "FILE", "write a valid bundle and end; --family, --release and --ue say what it brings", FIELD(bundle), 0, 0,
     0},
    {KIND_TEXT, "make-helper", "FILE", "write a valid ELF helper of the family; with --release it belongs to that bundle alone",
     FIELD(helper), 0, 0, 0},
    {KIND_NUMBER, "size", "BYTES", "of the file (bundle 5996938, differential 1048576, helper 306076)", FIELD(bundle_size), 512, 1U << 30,
     0},
    {KIND_NUMBER, "base-build", "N", "the bundle is a differential from exactly that build", FIELD(base_build), 1, 999999999, 0},
    {KIND_TEXT, "pair", "SECOND", "the bundle is the first of two files, which brings build 39529; write the second as well", FIELD(pair),
     0, 0, 0},
    {KIND_NUMBER, "records", "N", "upgrade records inside (4, differential 1)", FIELD(bundle_records), 1, 64, 0},
    {KIND_FLAG, "no-pack", NULL, "the records one after the other, no wrapper", FIELD(bundle_bare), 0, 0, 0},
    {KIND_SUM, "checksum", "NAME", "fletcher or crc (fletcher)", FIELD(bundle_sum), 0, 0, 0},
    {KIND_DECIMAL, "compressible", "RATIO", "compressed size over plain size, 0.02 to 1 (0.5)", FIELD(bundle_ratio_ppm), 0, 1, 1000000},
    {KIND_NUMBER, "seed", "N", "another seed makes other contents (1)", FIELD(bundle_seed), 0, UINT32_MAX, 0},
    {KIND_HEADING, "Other", NULL, NULL, 0, 0, 0, 0},
    {KIND_HELP, "help", NULL, "this text", 0, 0, 0, 0},
    {KIND_VERSION, "version", NULL, "the version", 0, 0, 0, 0},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char usage_text[] =
    "Usage: dupgate-sim --dir DIR [--count N] [OPTION...]\n"
    "       dupgate-sim --make-bundle FILE [OPTION...]\n"
    "       dupgate-sim --make-helper FILE [OPTION...]\n"
    "\n"
    "A fleet of simulated Sequans Monarch modems, each on a pty. Prints \"ready: N modems in DIR\" when all ports\n"
    "exist; ends with status 0 on SIGTERM or SIGINT and takes its ports away.\n";

static const char scenario_text[] =
    "\n"
    "Scenario files:\n"
    "  {\"settings\": [{\"modem\": 0, \"start\": \"data\"|\"unpowered\"|\"silent\", \"wrong_rate\": \"junk\"|\"silence\", \"stp_idle_ms\": "
    "N,\n"
    "                 \"board\": \"idle\"|\"busy\", \"mirror_drop\": N, \"mirror_buffer\": N, \"ipr\": \"refuse\"|\"ignore\",\n"
    "                 \"passes\": N, \"recovery_errors\": true, \"report_until_reset\": TEXT, \"report_busy_ms\": N, \"break_ms\": N,\n"
    "                 \"fragile\": true, \"attached\": true, \"sleep_ms\": N, \"after_upgrade\": \"restart\"}],\n"
    "   \"rules\": [{\"modem\": K|\"all\", \"when\": {TRIGGER, \"nth\": N}, \"do\": VERB, ..., \"times\": N|\"always\"}]}\n"
    "  TRIGGER: \"command\": TEXT or TEXT* | \"frame\": reset|open|data-type|cmd|block | \"block\": N | \"bytes\": N |\n"
    "           \"record\": N | \"state\": STATE | \"at_ms\": N; with \"mode\": N, \"before\": BYTES\n"
    "  STATE:   application recovery data stp apply restart ffh mtools updater helper dead\n"
    "  VERB:    drop corrupt delay nack not-understood silence error noise text hang-up power-loss stall residue\n"
    "           refuse-session stale-ok board-reset answer rate break\n"
    "\n"
    "Exit status: 0 ended as asked, 1 something failed, 2 bad option or file.\n";

static void print_help(void)
{
	fputs(usage_text, stdout);
	for (size_t i = 0; i < ROWS; i++) {
		char left[40];

		if (rows[i].kind == KIND_HEADING) {
			printf("\n%s:\n", rows[i].name);
			continue;
		}
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
			 rows[i].argument ? rows[i].argument : "");
		printf("  %-22s %s\n", left, rows[i].help);
	}
	fputs(scenario_text, stdout);
}

static bool bad(const char *name, const char *value, const char *want)
{
	fprintf(stderr, "dupgate-sim: --%s %s: %s\n", name, value, want);
	return false;
}

static bool parse_whole(const struct option_row *row, const char *text, uint64_t *ret)
{
	char want[80];
	char *end;
	unsigned long long value;

	snprintf(want, sizeof(want), "a whole number from %llu to %llu is needed", (unsigned long long)row->least,
		 (unsigned long long)row->most);
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] < '0' || text[0] > '9' || value < row->least || value > row->most)
		return bad(row->name, text, want);
	*ret = value * (row->unit ? row->unit : 1);
	return true;
}

/* Digits, a dot, digits: read by hand, so that the locale and float rounding stay out. */
static bool parse_decimal(const struct option_row *row, const char *text, uint64_t *ret)
{
	char want[80];
	uint64_t whole = 0, part = 0, scale = row->unit;
	const char *at = text;

	snprintf(want, sizeof(want), "a number from %llu to %llu is needed", (unsigned long long)row->least, (unsigned long long)row->most);
	for (; *at >= '0' && *at <= '9' && whole <= row->most; at++)
		whole = whole * 10 + (uint64_t)(*at - '0');
	if (at == text)
		return bad(row->name, text, want);
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++) {
			scale /= 10;
			part += (uint64_t)(*at - '0') * scale;
		}
	*ret = whole * row->unit + part;
	if (*at != '\0' || *ret > row->most * row->unit)
		return bad(row->name, text, want);
	return true;
}

static bool parse_family(const char *name, const char *text, const struct family **ret)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(families[i].name, text) == 0) {
			*ret = &families[i];
			return true;
		}
	return bad(name, text, "monarch1 or monarch2 is needed");
}

static bool parse_choice(const char *name, const char *text, const char *const words[2], int *ret_index)
{
	char want[64];

	for (int i = 0; i < 2; i++)
		if (strcmp(words[i], text) == 0) {
			*ret_index = i;
			return true;
		}
	snprintf(want, sizeof(want), "%s or %s is needed", words[0], words[1]);
	return bad(name, text, want);
}

static bool parse_name(const struct option_row *row, const char *text, const char **ret)
{
	if (text[0] == '\0')
		return bad(row->name, "\"\"", "it may not be empty");
	if (row->kind == KIND_RELEASE && (strncmp(text, "LR", 2) != 0 || !strchr(text, '-') || strlen(text) > 40))
		return bad(row->name, text, "a release like LR5.1.1.0-39529 is needed");
	*ret = text;
	return true;
}

static bool store(const struct option_row *row, const char *text, struct options *options)
{
	static const char *const switch_words[2] = {"on", "off"};
	static const char *const sum_words[2] = {"fletcher", "crc"};
	void *field = (char *)options + row->offset;
	int index = 0;

	switch (row->kind) {
	case KIND_TEXT:
	case KIND_RELEASE:
		return parse_name(row, text, field);
	case KIND_NUMBER:
		return parse_whole(row, text, field);
	case KIND_DECIMAL:
		return parse_decimal(row, text, field);
	case KIND_FLAG:
		*(bool *)field = true;
		return true;
	case KIND_FAMILY:
		return parse_family(row->name, text, field);
	case KIND_SWITCH:
		if (!parse_choice(row->name, text, switch_words, &index))
			return false;
		*(enum switch_setting *)field = index == 0 ? SWITCH_ON : SWITCH_OFF;
		return true;
	case KIND_SUM:
		if (!parse_choice(row->name, text, sum_words, &index))
			return false;
		*(enum bundle_sum *)field = index == 0 ? SUM_FLETCHER : SUM_CRC;
		return true;
	case KIND_HEADING:
	case KIND_HELP:
	case KIND_VERSION:
		break;
	}
	return true;
}

static enum options_result refuse(const char *what)
{
	fprintf(stderr, "dupgate-sim: %s\n", what);
	return OPTIONS_BAD;
}

static enum options_result check_together(const struct options *options)
{
	if (!options->bundle && !options->helper && !options->dir)
		return refuse("--dir is needed (or --make-bundle, or --make-helper); see --help");
	if ((options->bundle ? 1 : 0) + (options->helper ? 1 : 0) + (options->dir ? 1 : 0) > 1)
		return refuse("--dir, --make-bundle and --make-helper do not go together");
	if ((options->pair || options->base_build > 0) && !options->bundle)
		return refuse("--pair and --base-build go with --make-bundle");
	if (options->pair && options->base_build > 0)
		return refuse("--pair and --base-build do not go together");
	if (options->boot_mode == BOOT_MTOOLS && !options->family->monarch2)
		return refuse("--boot-mode 1: mtools belongs to monarch2");
	if (options->bundle_ratio_ppm < 20000)
		return refuse("--compressible: a ratio from 0.02 to 1 is needed");
	if (options->replay && options->scenario)
		return refuse("--replay and --scenario do not go together");
	if (options->replay_speed == 0)
		return refuse("--replay-speed: more than 0 is needed");
	return OPTIONS_RUN;
}

static size_t build_long_options(struct option *out)
{
	size_t count = 0;

	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].kind != KIND_HEADING)
			out[count++] =
			    (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, (int)i + 256};
	out[count] = (struct option){0};
	return count;
}

enum options_result options_parse(struct options *ret, int argc, char **argv)
{
	struct option long_options[ROWS + 1];
	int found;

	*ret = (struct options){
	    .family = &families[0],
	    .count = 1,
	    .boot_mode = BOOT_APPLICATION,
	    .max_transfer = 8192,
	    .replay_speed = 1000,
	    .apply_ns = 1500 * MS_UNIT,
	    .restart_ns = 800 * MS_UNIT,
	    .helper_ns = 1000 * MS_UNIT,
	    .bundle_seed = 1,
	    .bundle_ratio_ppm = 500000,
	};
	build_long_options(long_options);
	while ((found = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		/* getopt has said what is wrong. */
		if (found < 256)
			return OPTIONS_BAD;
		if (rows[found - 256].kind == KIND_HELP) {
			print_help();
			return OPTIONS_DONE;
		}
		if (rows[found - 256].kind == KIND_VERSION) {
			puts("dupgate-sim " DUPGATE_VERSION);
			return OPTIONS_DONE;
		}
		if (!store(&rows[found - 256], optarg, ret))
			return OPTIONS_BAD;
	}
	if (optind < argc) {
		fprintf(stderr, "dupgate-sim: unexpected argument: %s\n", argv[optind]);
		return OPTIONS_BAD;
	}
	return check_together(ret);
}
