/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line, as a value. Pure but for getopt's own state: one call at a time.
 */
#ifndef DUPCTL_OPTIONS_H
#define DUPCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/dupctl/text.h"

enum verb_id {
	VERB_DEVICES,
	VERB_PROBE,
	VERB_REPORT,
	VERB_UPGRADE,
	VERB_RECOVER,
	VERB_UNQUARANTINE,
	VERB_HISTORY,
	VERB_POWER_CYCLE,
	VERB_JOBS,
	VERB_LOG,
	VERB_DURATIONS,
	VERB_WATCH,
	VERB_CANCEL,
	VERB_RETRY,
	VERB_FIRMWARE_LIST,
	VERB_FIRMWARE_ADD,
	VERB_FIRMWARE_SHOW,
	VERB_FIRMWARE_EDIT,
	VERB_FIRMWARE_REMOVE,
	VERB_FIRMWARE_EXPORT,
	VERB_FIRMWARE_VERIFY,
	VERB_FIRMWARE_CATALOGUE,
	VERB_DOWNLOADS_LIST,
	VERB_DOWNLOADS_SHOW,
	VERB_DOWNLOADS_CANCEL,
	VERB_ADOPT,
	VERB_DOCTOR,
	VERB_LEASE,
	VERB_RELEASE,
	VERB_LABEL,
	VERB_ALIAS,
	VERB_MAINTENANCE,
	VERB_AUDIT,
	VERB_CAMPAIGN_LIST,
	VERB_CAMPAIGN_CREATE,
	VERB_CAMPAIGN_SHOW,
	VERB_CAMPAIGN_START,
	VERB_CAMPAIGN_PAUSE,
	VERB_CAMPAIGN_RESUME,
	VERB_CAMPAIGN_STOP,
	VERB_CAMPAIGN_APPROVE,
	VERB_CAMPAIGN_RETRY,
	VERB_CAMPAIGN_REPORT,
	VERB_CAMPAIGN_WATCH,
	VERB_CAMPAIGN_DELETE,
	VERB_COUNT
};

/* Entries of a device's history: shown, and kept by the daemon. Lines of the audit: shown. */
#define HISTORY_SHOWN 50
#define HISTORY_MOST  200
#define AUDIT_SHOWN   100
/* Campaigns: shown, and the most of one page. */
#define CAMPAIGNS_SHOWN 50
#define CAMPAIGNS_MOST  100

struct optional_number {
	bool set;
	int64_t value;
};

/* An option that can be there several times; as many waves as a campaign can have. */
#define OPTION_LIST_MAX 16u

struct option_list {
	const char *values[OPTION_LIST_MAX];
	size_t count;
};

/* All text is borrowed from argv. */
struct options {
	bool has_verb;
	enum verb_id verb;
	bool help, version, json, no_color;
	const char *url;
	char **operands;
	size_t operand_count;

	bool all;
	const char *selector;

	const char *firmware, *sha256, *helper, *second, *way, *not_before, *rung;
	const char *deadline; /* a time, or a duration from now on */
	struct optional_number priority, rate, attempts;
	bool force, allow_downgrade, allow_branch_switch, dry_run;

	bool wait;
	struct optional_number timeout_s;

	const char *state, *kind, *code, *since, *until, *device, *campaign, *before; /* since, until: a time, or a duration ago */
	struct optional_number limit;
	bool transcript;
	struct optional_number attempt;
	const char *job;

	const char *name, *family, *release, *signature, *clear;
	struct optional_number build, base_build;
	bool available;

	const char *profile;
	bool take_back;
	const char *config;

	struct option_list waves;
	const char *stop_after, *window, *offline;
	struct optional_number max_parallel, soak_s;
	bool pause_after_wave, start, junit;

	const char *holder, *reason, *lease, *if_leased;
	struct optional_number ttl_s;
	bool takeover, quiet, no_lease_file;
	char **words; /* what follows the devices: labels, a name, on or off */
	size_t word_count;
};

struct option_spec {
	const char *name;     /* "firmware": --firmware */
	char letter;          /* 0: none */
	const char *argument; /* "REF"; NULL: takes none */
	const char *help;
	uint64_t verbs; /* OPTION_OF_VERB() of each verb that takes it */
	enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_DURATION, OPTION_INTEGER, OPTION_CHOICE, OPTION_LIST } kind;
	size_t offset;              /* of the member of struct options */
	int64_t least, most;        /* OPTION_INTEGER */
	const char *const *choices; /* OPTION_CHOICE, up to a NULL */
};

#define OPTION_OF_VERB(verb) (UINT64_C(1) << (verb))
/* Marks an option of dupctl itself. */
#define OPTION_ALL_VERBS (OPTION_OF_VERB(VERB_COUNT) - 1)
_Static_assert(VERB_COUNT < 64, "a verb has no bit");

/* http:// or https://: what no reference and hardly a file begins with. */
bool option_is_url(const char *value);

/* Splits the operands of a verb that takes words after its devices; checks those. -EINVAL with a sentence. */
int options_take_words(struct options *options, struct text *error);

/* True when something is asked for that only a campaign can keep to: how many at a time, when to stop, a window, what about absent devices. */
bool options_paced(const struct options *options);

/* True for an upgrade that is no campaign: a job is asked for of each device. */
bool options_job_each(const struct options *options);

/* Whether there are as many operands as the verb wants. -EINVAL with a sentence. */
int options_check_operands(const struct options *options, struct text *error);

/* Whether what was given goes together. -EINVAL with a sentence. */
int options_check(const struct options *options, struct text *error);

/* The table has less than so many. */
#define OPTIONS_MAX 96u

/* The table, walked: NULL after the last. */
const struct option_spec *option_spec_at(size_t index);

/* Whether the verb takes --name. */
bool option_of_verb(const char *name, enum verb_id verb);

/* 0, or -EINVAL with a sentence and, where there is one, a hint. argv is reordered as getopt does. --help and --version end the parsing
 * without a complaint about what else is missing. */
int options_parse(int argc, char **argv, struct options *ret, struct text *ret_error);

#endif
