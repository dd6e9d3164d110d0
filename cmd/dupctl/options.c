/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/suggest.h"
#include "cmd/dupctl/verbs.h"

#define ON(verb)   OPTION_OF_VERB(verb)
#define ON_HOLDING (ON(VERB_LEASE) | ON(VERB_RELEASE))
/* What makes jobs, of devices that may be leased. */
#define ON_JOBS (ON(VERB_PROBE) | ON(VERB_POWER_CYCLE) | ON(VERB_UPGRADE) | ON(VERB_RECOVER) | ON(VERB_RETRY))
/* What acts on a device, and needs the token when it is leased. */
#define ON_LEASED                                                                                                                          \
	(ON_JOBS | ON_HOLDING | ON(VERB_CANCEL) | ON(VERB_LABEL) | ON(VERB_ALIAS) | ON(VERB_MAINTENANCE) | ON(VERB_ADOPT) |                \
	 ON(VERB_UNQUARANTINE))
#define ON_SELECTION                                                                                                                       \
	(ON(VERB_PROBE) | ON(VERB_REPORT) | ON(VERB_UPGRADE) | ON(VERB_RECOVER) | ON(VERB_UNQUARANTINE) | ON(VERB_POWER_CYCLE) |           \
	 ON_HOLDING | ON(VERB_LABEL) | ON(VERB_MAINTENANCE))
#define ON_WAITING    (ON_JOBS | ON(VERB_FIRMWARE_ADD) | ON(VERB_FIRMWARE_CATALOGUE))
#define ON_STATING    (ON(VERB_FIRMWARE_ADD) | ON(VERB_FIRMWARE_EDIT))
#define MEMBER(field) offsetof(struct options, field)
#define BUILD_MOST    UINT32_MAX
#define OPTIONS_MAX   64u

static const char *const ways[] = {"auto", "on-the-fly", "fff", "legacy", NULL};
static const char *const rungs[] = {"power", "lines", "reset", "auto", NULL};
static const char *const families[] = {"monarch1", "monarch2", NULL};
static const char *const if_leased[] = {"refuse", "wait", NULL};
static const char *const job_states[] = {"queued", "waiting", "running", "succeeded", "failed", "cancelled", NULL};

static const struct option_spec specs[] = {
    {"all", 0, NULL, "every device", ON_SELECTION, OPTION_FLAG, MEMBER(all), 0, 0, NULL},
    {"selector", 0, "S", "the devices that fit, for example 'rack in (1,2),state=ready'", ON_SELECTION | ON(VERB_DEVICES), OPTION_TEXT,
     MEMBER(selector), 0, 0, NULL},
    {"firmware", 0, "REF|URL", "what to install: digest, 6 or more of its first digits, name, or http(s) URL",
     ON(VERB_UPGRADE) | ON(VERB_RECOVER), OPTION_TEXT, MEMBER(firmware), 0, 0, NULL},
    {"sha256", 0, "DIGEST", "what has to come from the URL", ON(VERB_UPGRADE) | ON(VERB_FIRMWARE_ADD), OPTION_TEXT, MEMBER(sha256), 0, 0,
     NULL},
    {"wait", 0, NULL, "stay until all has ended, showing how far it is", ON_WAITING, OPTION_FLAG, MEMBER(wait), 0, 0, NULL},
    {"timeout", 0, "TIME", "stay at most this long (90, 90s, 15m, 2h); the work goes on", ON_WAITING | ON(VERB_WATCH), OPTION_DURATION,
     MEMBER(timeout_s), 0, 0, NULL},
    {"dry-run", 0, NULL, "show the plan for each device and change nothing", ON(VERB_UPGRADE) | ON(VERB_RECOVER), OPTION_FLAG,
     MEMBER(dry_run), 0, 0, NULL},
    {"force", 0, NULL, "install even what is there already or looks wrong", ON(VERB_UPGRADE), OPTION_FLAG, MEMBER(force), 0, 0, NULL},
    {"allow-downgrade", 0, NULL, "accept an older build than the modem has", ON(VERB_UPGRADE), OPTION_FLAG, MEMBER(allow_downgrade), 0, 0,
     NULL},
    {"allow-branch-switch", 0, NULL, "accept a bundle for the other radio: CAT-M1 to NB-IoT or back", ON(VERB_UPGRADE), OPTION_FLAG,
     MEMBER(allow_branch_switch), 0, 0, NULL},
    {"way", 0, "WAY", "how the bundle gets in: auto, on-the-fly, fff or legacy", ON(VERB_UPGRADE), OPTION_CHOICE, MEMBER(way), 0, 0, ways},
    {"rung", 0, "RUNG", "power, lines, reset or auto (power)", ON(VERB_POWER_CYCLE), OPTION_CHOICE, MEMBER(rung), 0, 0, rungs},
    {"helper", 0, "REF", "the helper ELF that belongs to the bundle", ON(VERB_UPGRADE) | ON(VERB_RECOVER) | ON_STATING, OPTION_TEXT,
     MEMBER(helper), 0, 0, NULL},
    {"second", 0, "REF", "the second file of a pair, sent in the same job", ON(VERB_UPGRADE) | ON_STATING, OPTION_TEXT, MEMBER(second), 0,
     0, NULL},
    {"rate", 0, "BPS", "line rate of the transfer, in bit/s", ON(VERB_UPGRADE), OPTION_INTEGER, MEMBER(rate), 1200, 4000000, NULL},
    {"priority", 0, "N", "-100 to 100, higher goes first (0)", ON(VERB_UPGRADE), OPTION_INTEGER, MEMBER(priority), -100, 100, NULL},
    {"not-before", 0, "TIME", "start then, as 2026-01-31T22:00:00Z", ON(VERB_UPGRADE), OPTION_TEXT, MEMBER(not_before), 0, 0, NULL},
    {"state", 0, "STATE", "queued, waiting, running, succeeded, failed or cancelled", ON(VERB_JOBS), OPTION_CHOICE, MEMBER(state), 0, 0,
     job_states},
    {"device", 0, "DEVICE", "only what is of this device", ON(VERB_JOBS) | ON(VERB_AUDIT), OPTION_TEXT, MEMBER(device), 0, 0, NULL},
    {"limit", 0, "N", "at most so many, the newest (100; history 50)", ON(VERB_JOBS) | ON(VERB_HISTORY) | ON(VERB_AUDIT), OPTION_INTEGER,
     MEMBER(limit), 1, 500, NULL},
    {"before", 0, "ID", "only what is older than this one", ON(VERB_JOBS) | ON(VERB_AUDIT), OPTION_TEXT, MEMBER(before), 0, 0, NULL},
    {"transcript", 0, NULL, "what was said to the modem in this job", ON(VERB_JOBS), OPTION_FLAG, MEMBER(transcript), 0, 0, NULL},
    {"job", 0, "ID", "only this job, until it has ended", ON(VERB_WATCH), OPTION_TEXT, MEMBER(job), 0, 0, NULL},
    {"name", 0, "NAME", "name in the cache", ON_STATING, OPTION_TEXT, MEMBER(name), 0, 0, NULL},
    {"family", 0, "FAMILY", "monarch1 or monarch2", ON_STATING, OPTION_CHOICE, MEMBER(family), 0, 0, families},
    {"release", 0, "RELEASE", "the release it installs, for example LR5.1.1.0-39529", ON_STATING, OPTION_TEXT, MEMBER(release), 0, 0, NULL},
    {"build", 0, "N", "the build it installs", ON_STATING, OPTION_INTEGER, MEMBER(build), 1, BUILD_MOST, NULL},
    {"base-build", 0, "N", "the only build it can start from (a differential)", ON_STATING, OPTION_INTEGER, MEMBER(base_build), 1,
     BUILD_MOST, NULL},
    {"signature", 0, "FILE", "its minisign signature (PATH.minisig)", ON(VERB_FIRMWARE_ADD) | ON(VERB_FIRMWARE_CATALOGUE), OPTION_TEXT,
     MEMBER(signature), 0, 0, NULL},
    {"available", 0, NULL, "also what the catalogue offers", ON(VERB_FIRMWARE_LIST), OPTION_FLAG, MEMBER(available), 0, 0, NULL},
    {"clear", 0, "LIST", "stated values to take back, for example release,helper", ON(VERB_FIRMWARE_EDIT), OPTION_TEXT, MEMBER(clear), 0, 0,
     NULL},
    {"profile", 0, "NAME", "what the port carries: monarch1, monarch2, pycom, walter, avr-iot, auto, or one of the configuration",
     ON(VERB_ADOPT), OPTION_TEXT, MEMBER(profile), 0, 0, NULL},
    {"take-back", 0, NULL, "back to what the configuration or the board says", ON(VERB_ADOPT), OPTION_FLAG, MEMBER(take_back), 0, 0, NULL},
    {"config", 0, "FILE", "the daemon's configuration (/etc/dupgate/dupgate.conf)", ON(VERB_DOCTOR), OPTION_TEXT, MEMBER(config), 0, 0,
     NULL},
    {"holder", 0, "NAME", "who holds it, for people (you@this-host)", ON(VERB_LEASE), OPTION_TEXT, MEMBER(holder), 0, 0, NULL},
    {"ttl", 0, "TIME", "for how long from now: 90, 90s, 15m, 2h, at most 720h (1h)", ON(VERB_LEASE), OPTION_DURATION, MEMBER(ttl_s), 0, 0,
     NULL},
    {"takeover", 0, NULL, "also when somebody else holds it; needs --reason", ON(VERB_LEASE), OPTION_FLAG, MEMBER(takeover), 0, 0, NULL},
    {"quiet", 0, NULL, "print the tokens alone, one a line", ON(VERB_LEASE), OPTION_FLAG, MEMBER(quiet), 0, 0, NULL},
    {"force", 0, NULL, "also when somebody else holds it; needs --reason", ON(VERB_RELEASE), OPTION_FLAG, MEMBER(force), 0, 0, NULL},
    {"reason", 0, "TEXT", "why, for others to see", ON_HOLDING | ON(VERB_MAINTENANCE), OPTION_TEXT, MEMBER(reason), 0, 0, NULL},
    {"if-leased", 0, "WHAT", "when somebody else holds it: refuse (what happens without), or wait until he does not", ON_JOBS,
     OPTION_CHOICE, MEMBER(if_leased), 0, 0, if_leased},
    {"lease", 0, "TOKEN", "of the lease of the device (also: DUPGATE_LEASE)", ON_LEASED, OPTION_TEXT, MEMBER(lease), 0, 0, NULL},
    {"no-lease-file", 0, NULL, "neither use nor keep tokens in files", ON_LEASED, OPTION_FLAG, MEMBER(no_lease_file), 0, 0, NULL},
    {"url", 0, "URL", "the daemon: http://host:port or unix:/path", OPTION_ALL_VERBS, OPTION_TEXT, MEMBER(url), 0, 0, NULL},
    {"json", 0, NULL, "print what the daemon answers as JSON", OPTION_ALL_VERBS, OPTION_FLAG, MEMBER(json), 0, 0, NULL},
    {"no-color", 0, NULL, "no colours (also: NO_COLOR in the environment)", OPTION_ALL_VERBS, OPTION_FLAG, MEMBER(no_color), 0, 0, NULL},
    {"help", 'h', NULL, "show this text", OPTION_ALL_VERBS, OPTION_FLAG, MEMBER(help), 0, 0, NULL},
    {"version", 'V', NULL, "show the version", OPTION_ALL_VERBS, OPTION_FLAG, MEMBER(version), 0, 0, NULL},
};
#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))
_Static_assert(SPEC_COUNT < OPTIONS_MAX, "options_parse has room for every option");

const struct option_spec *option_spec_at(size_t index)
{
	return index < SPEC_COUNT ? &specs[index] : NULL;
}

static void *member_of(struct options *options, const struct option_spec *spec)
{
	return (char *)options + spec->offset;
}

static int value_refuse(const struct option_spec *spec, const char *value, struct text *error)
{
	text_addf(error, "--%s does not take '", spec->name);
	text_add_clean(error, value);
	text_add(error, "'");
	if (spec->kind == OPTION_INTEGER)
		text_addf(error, ": it wants a number from %" PRId64 " to %" PRId64, spec->least, spec->most);
	else if (spec->kind == OPTION_DURATION)
		text_add(error, ": it wants a time like 90, 90s, 15m or 2h");
	else
		text_addf(error, ": %s", spec->help);
	return -EINVAL;
}

static int number_store(const struct option_spec *spec, const char *value, struct optional_number *number, struct text *error)
{
	bool good = spec->kind == OPTION_DURATION ? parse_duration(value, &number->value)
						  : parse_integer(value, spec->least, spec->most, &number->value);

	number->set = good;
	return good ? 0 : value_refuse(spec, value, error);
}

static int value_store(const struct option_spec *spec, const char *value, struct options *options, struct text *error)
{
	const char *const *choice = spec->choices;

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)member_of(options, spec) = true;
		return 0;
	case OPTION_DURATION:
	case OPTION_INTEGER:
		return number_store(spec, value, member_of(options, spec), error);
	case OPTION_CHOICE:
		while (*choice && strcmp(*choice, value) != 0)
			choice++;
		if (!*choice)
			return value_refuse(spec, value, error);
		break;
	case OPTION_TEXT:
		if (*value == '\0')
			return value_refuse(spec, value, error);
		break;
	}
	*(const char **)member_of(options, spec) = value;
	return 0;
}

/* `typed` is the word of the command line, with its dashes. */
static int option_unknown(const char *typed, uint64_t verbs, struct text *error)
{
	struct suggestion suggestion = {0};
	char word[33] = "";
	bool elsewhere = false;

	text_add(error, "unknown option '");
	text_add_clean(error, typed);
	text_add(error, "'");
	if (strncmp(typed, "--", 2) != 0 || strcspn(typed + 2, "=") >= sizeof(word))
		return -EINVAL;
	memcpy(word, typed + 2, strcspn(typed + 2, "="));
	suggestion.word = word;
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		if ((specs[i].verbs & verbs) == verbs)
			suggestion_offer(&suggestion, specs[i].name);
		elsewhere |= strcmp(specs[i].name, word) == 0;
	}
	if (elsewhere)
		text_add(error, verbs == OPTION_ALL_VERBS ? "; options of a verb come after it" : " for this verb");
	else if (suggestion.best)
		text_addf(error, "; did you mean --%s?", suggestion.best);
	return -EINVAL;
}

/* Reads the options that `verbs` take; the operands are what is left from optind on. */
static int options_read(int argc, char **argv, const char *letters, uint64_t verbs, struct options *options, struct text *error)
{
	struct option longs[OPTIONS_MAX] = {{0}};
	size_t count = 0;
	int found, r = 0;

	for (size_t i = 0; i < SPEC_COUNT; i++)
		if ((specs[i].verbs & verbs) == verbs)
			longs[count++] =
			    (struct option){specs[i].name, specs[i].argument ? required_argument : no_argument, NULL, (int)i + 256};
	opterr = 0;
	optind = 0;
	while (r == 0 && (found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *typed = argv[optind - 1];

		if (found == 'h')
			options->help = true;
		else if (found == 'V')
			options->version = true;
		else if (found >= 256)
			r = value_store(&specs[found - 256], optarg ? optarg : "", options, error);
		else if (found == ':' && optopt >= 256)
			text_addf(error, "--%s needs a value: %s", specs[optopt - 256].name, specs[optopt - 256].help), r = -EINVAL;
		else if (optopt >= 256)
			text_addf(error, "--%s takes no value", specs[optopt - 256].name), r = -EINVAL;
		else if (optopt != 0)
			text_addf(error, "unknown option '-%c'", optopt), r = -EINVAL;
		else
			r = option_unknown(typed, verbs, error);
	}
	return r;
}

static int verb_unknown(size_t count, char *const *words, struct text *error)
{
	struct suggestion suggestion = {.word = words[0]};
	bool second = false;

	for (size_t i = 0; i < VERB_COUNT; i++) {
		const struct verb *verb = verb_find((enum verb_id)i);

		if (verb->second_name && count > 1 && strcmp(verb->name, words[0]) == 0) {
			second = true;
			suggestion.word = words[1];
			suggestion_offer(&suggestion, verb->second_name);
		}
	}
	for (size_t i = 0; i < VERB_COUNT && !second; i++)
		suggestion_offer(&suggestion, verb_find((enum verb_id)i)->name);
	text_add(error, "unknown verb '");
	text_add_clean(error, words[0]);
	text_add(error, second ? " " : "");
	text_add_clean(error, second ? words[1] : "");
	text_add(error, "'");
	if (suggestion.best)
		text_addf(error, "; did you mean %s%s%s?", second ? words[0] : "", second ? " " : "", suggestion.best);
	return -EINVAL;
}

static int selection_check(const struct options *options, struct text *error)
{
	int kinds = (options->operand_count > 0) + options->all + (options->selector != NULL);

	if (kinds == 1)
		return 0;
	text_add(error, kinds == 0 ? "no device is named: give DEVICE…, --selector S or --all"
				   : "devices are named in two ways: give DEVICE…, --selector S or --all, one of them");
	return -EINVAL;
}

bool option_is_url(const char *value)
{
	return strncasecmp(value, "http://", 7) == 0 || strncasecmp(value, "https://", 8) == 0;
}

static int fetch_check(const struct options *options, const char *source, struct text *error)
{
	bool digest = !options->sha256 ||
		      (strlen(options->sha256) == 64 && options->sha256[strspn(options->sha256, "0123456789abcdefABCDEF")] == '\0');

	if (strstr(source, "://") && !option_is_url(source))
		text_add(error, "only URLs with http:// and https:// are fetched");
	else if (options->sha256 && !option_is_url(source))
		text_add(error, "--sha256 is for a URL");
	else if (!digest)
		text_add(error, "--sha256 wants 64 hexadecimal digits");
	else
		return 0;
	return -EINVAL;
}

static int add_check(const struct options *options, struct text *error)
{
	if (fetch_check(options, options->operands[0], error) < 0)
		return -EINVAL;
	if (!options->wait || option_is_url(options->operands[0]))
		return 0;
	text_add(error, "--wait is for a URL: a file is in the cache when dupctl ends");
	return -EINVAL;
}

static int catalogue_check(const struct options *options, struct text *error)
{
	const char *source = options->operand_count > 0 ? options->operands[0] : "";

	if (!*source && options->signature)
		text_add(error, "--signature is for a catalogue that is given");
	else if (strstr(source, "://") && !option_is_url(source))
		text_add(error, "only URLs with http:// and https:// are fetched");
	else if (options->wait && !option_is_url(source))
		text_add(error, "--wait is for a URL");
	else
		return 0;
	return -EINVAL;
}

static int upgrade_check(const struct options *options, struct text *error)
{
	int64_t when;

	if (!options->firmware)
		text_add(error, "--firmware is missing: dupctl firmware list shows what there is");
	else if (options->dry_run && options->wait)
		text_add(error, "--dry-run starts nothing that --wait could wait for");
	else if (options->not_before && !parse_time(options->not_before, &when))
		text_add(error, "--not-before wants a time like 2026-01-31T22:00:00Z or 2026-01-31T23:00:00+01:00");
	else
		return fetch_check(options, options->firmware, error);
	return -EINVAL;
}

static int jobs_check(const struct options *options, struct text *error)
{
	bool filtered = options->state || options->device || options->before || options->limit.set;

	if (options->transcript && options->operand_count == 0)
		text_add(error, "--transcript needs the ID of a job");
	else if (options->operand_count > 0 && filtered)
		text_add(error, "an ID names one job: --state, --device, --before and --limit are for the list");
	else
		return 0;
	return -EINVAL;
}

static int edit_check(const struct options *options, struct text *error)
{
	if (options->name || options->family || options->release || options->helper || options->second || options->clear ||
	    options->build.set || options->base_build.set)
		return 0;
	text_add(error, "nothing is to be changed: give --name, --family, --release, --build, --base-build, --helper, --second or --clear");
	return -EINVAL;
}

static int recover_check(const struct options *options, struct text *error)
{
	if (options->firmware && option_is_url(options->firmware))
		text_add(error, "recover takes firmware of the cache: dupctl firmware add URL brings it there");
	else if (options->dry_run && options->wait)
		text_add(error, "--dry-run starts nothing that --wait could wait for");
	else
		return 0;
	return -EINVAL;
}

static int history_check(const struct options *options, struct text *error)
{
	if (!options->limit.set || options->limit.value <= HISTORY_MOST)
		return 0;
	text_addf(error, "a history has at most %d entries: give a smaller --limit", HISTORY_MOST);
	return -EINVAL;
}

static int adopt_check(const struct options *options, struct text *error)
{
	if ((options->profile != NULL) != options->take_back)
		return 0;
	text_add(error, "give --profile NAME or --take-back, one of them");
	return -EINVAL;
}

static int operands_check(const struct options *options, struct text *error)
{
	const struct verb *verb = verb_find(options->verb);

	if (options->operand_count < verb->least) {
		text_addf(error, "%s%s%s needs %s", verb->name, verb->second_name ? " " : "", verb->second_name ? verb->second_name : "",
			  verb->operands);
		return -EINVAL;
	}
	if (options->operand_count > verb->most) {
		text_add(error, "'");
		text_add_clean(error, options->operands[verb->most]);
		text_add(error, "' is too much");
		return -EINVAL;
	}
	for (size_t i = 0; i < options->operand_count; i++) {
		if (options->operands[i][0] == '\0') {
			text_add(error, "an empty name");
			return -EINVAL;
		}
	}
	return 0;
}

static int options_check(const struct options *options, struct text *error)
{
	int r = 0;

	if ((ON(options->verb) & ON_SELECTION))
		r = selection_check(options, error);
	if (r == 0 && options->verb == VERB_UPGRADE)
		r = upgrade_check(options, error);
	if (r == 0 && options->verb == VERB_FIRMWARE_ADD)
		r = add_check(options, error);
	if (r == 0 && options->verb == VERB_FIRMWARE_CATALOGUE)
		r = catalogue_check(options, error);
	if (r == 0 && options->verb == VERB_JOBS)
		r = jobs_check(options, error);
	if (r == 0 && options->verb == VERB_RECOVER)
		r = recover_check(options, error);
	if (r == 0 && options->verb == VERB_HISTORY)
		r = history_check(options, error);
	if (r == 0 && options->verb == VERB_ADOPT)
		r = adopt_check(options, error);
	if (r == 0 && options->verb == VERB_FIRMWARE_EDIT)
		r = edit_check(options, error);
	if (r < 0)
		return r;
	if (options->verb == VERB_DEVICES && options->operand_count > 0 && options->selector)
		text_add(error, "devices are named in two ways: give DEVICE… or --selector S");
	else if (options->verb == VERB_WATCH && options->job && options->operand_count > 0)
		text_add(error, "give DEVICE… or --job ID, one of them");
	else if (options->timeout_s.set && (ON(options->verb) & ON_WAITING) && !options->wait)
		text_add(error, "--timeout is for --wait");
	else
		return 0;
	return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *ret, struct text *ret_error)
{
	size_t words;
	int r, first;

	*ret = (struct options){0};
	r = options_read(argc, argv, "+:hV", OPTION_ALL_VERBS, ret, ret_error);
	if (r < 0 || ret->help || ret->version)
		return r;
	first = optind;
	if (first >= argc) {
		text_add(ret_error, "what is to be done? A verb is missing");
		return -EINVAL;
	}
	words = verb_parse((size_t)(argc - first), argv + first, &ret->verb);
	if (words == 0)
		return verb_unknown((size_t)(argc - first), argv + first, ret_error);
	ret->has_verb = true;
	first += (int)words - 1; /* getopt takes the last word of the verb for the program's name */
	r = options_read(argc - first, argv + first, ":hV", ON(ret->verb), ret, ret_error);
	if (r < 0 || ret->help || ret->version)
		return r;
	ret->operands = argv + first + optind;
	ret->operand_count = (size_t)(argc - first - optind);
	r = operands_check(ret, ret_error);
	if (r == 0)
		r = options_take_words(ret, ret_error);
	return r < 0 ? r : options_check(ret, ret_error);
}
