/* SPDX-License-Identifier: Apache-2.0
 *
 * What the options of a verb have to do with each other.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cmd/dupctl/campaign_order.h"
#include "cmd/dupctl/format.h"
#include "cmd/dupctl/job_query.h"
#include "cmd/dupctl/options.h"
#include "cmd/dupctl/verbs.h"

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

static int jobs_check(const struct options *options, struct text *error)
{
	if (options->transcript && options->operand_count == 0)
		text_add(error, "--transcript needs the ID of a job");
	else if (options->operand_count > 0 && job_query_filtered(options))
		text_add(error, "an ID names one job: the filters, --before and --limit are for the list");
	else
		return job_query_check(options, error);
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

int options_check_operands(const struct options *options, struct text *error)
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

bool options_paced(const struct options *options)
{
	return options->max_parallel.set || options->stop_after || options->window || options->offline;
}

bool options_job_each(const struct options *options)
{
	return options->operand_count > 0 || options->not_before || options->if_leased || option_is_url(options->firmware);
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
	else if (options_paced(options) && options->dry_run)
		text_add(error, "--dry-run shows the plan of each device; campaign create --dry-run shows what a campaign does");
	else if (options_paced(options) && options_job_each(options))
		text_add(error, "--max-parallel, --stop-after, --window and --offline are for --selector and --all, with firmware of the "
				"cache and without --not-before and --if-leased");
	else if (fetch_check(options, options->firmware, error) == 0)
		return campaign_order_check(options, error);
	return -EINVAL;
}

static int create_check(const struct options *options, struct text *error)
{
	if (!options->firmware)
		text_add(error, "--firmware is missing: dupctl firmware list shows what there is");
	else if (option_is_url(options->firmware))
		text_add(error, "a campaign takes firmware of the cache: dupctl firmware add URL brings it there");
	else if (options->dry_run && options->start)
		text_add(error, "--dry-run starts nothing");
	else if (options->wait && !options->start)
		text_add(error, "--wait is for a campaign that is started: give --start, too");
	else
		return campaign_order_check(options, error);
	return -EINVAL;
}

static int campaign_list_check(const struct options *options, struct text *error)
{
	if (!options->limit.set || options->limit.value <= CAMPAIGNS_MOST)
		return 0;
	text_addf(error, "a page has at most %d campaigns: give a smaller --limit", CAMPAIGNS_MOST);
	return -EINVAL;
}

static int campaign_report_check(const struct options *options, struct text *error)
{
	if (options->junit && options->json)
		text_add(error, "give --junit or --json, one of them");
	else if (options->operand_count > 1 && !options->junit)
		text_add(error, "a FILE is for --junit");
	else
		return 0;
	return -EINVAL;
}

static int devices_check(const struct options *options, struct text *error)
{
	if (options->operand_count == 0 || !options->selector)
		return 0;
	text_add(error, "devices are named in two ways: give DEVICE… or --selector S");
	return -EINVAL;
}

static int watch_check(const struct options *options, struct text *error)
{
	if (!options->job || options->operand_count == 0)
		return 0;
	text_add(error, "give DEVICE… or --job ID, one of them");
	return -EINVAL;
}

static const struct {
	enum verb_id verb;
	int (*check)(const struct options *options, struct text *error);
} checks[] = {
    {VERB_UPGRADE, upgrade_check},
    {VERB_CAMPAIGN_CREATE, create_check},
    {VERB_CAMPAIGN_LIST, campaign_list_check},
    {VERB_CAMPAIGN_REPORT, campaign_report_check},
    {VERB_FIRMWARE_ADD, add_check},
    {VERB_FIRMWARE_CATALOGUE, catalogue_check},
    {VERB_JOBS, jobs_check},
    {VERB_RECOVER, recover_check},
    {VERB_HISTORY, history_check},
    {VERB_ADOPT, adopt_check},
    {VERB_FIRMWARE_EDIT, edit_check},
    {VERB_DEVICES, devices_check},
    {VERB_WATCH, watch_check},
};

static int deadline_check(const struct options *options, struct text *error)
{
	int64_t value;

	if (!options->deadline || parse_duration(options->deadline, &value) || parse_time(options->deadline, &value))
		return 0;
	text_add(error, "--deadline wants a time like 2026-01-31T22:00:00Z, or 90s, 15m, 2h from now");
	return -EINVAL;
}

int options_check(const struct options *options, struct text *error)
{
	int r = deadline_check(options, error);

	if (r == 0 && option_of_verb("all", options->verb))
		r = selection_check(options, error);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && r == 0; i++)
		if (checks[i].verb == options->verb)
			r = checks[i].check(options, error);
	if (r < 0 || !options->timeout_s.set || options->wait || !option_of_verb("wait", options->verb))
		return r;
	text_add(error, "--timeout is for --wait");
	return -EINVAL;
}
