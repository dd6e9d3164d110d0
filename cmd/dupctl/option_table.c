/* SPDX-License-Identifier: Apache-2.0
 *
 * Every option, and which verbs take it.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cmd/dupctl/options.h"

#define ON(verb)   OPTION_OF_VERB(verb)
#define ON_HOLDING (ON(VERB_LEASE) | ON(VERB_RELEASE))
/* What makes jobs, of devices that may be leased. */
#define ON_JOBS (ON(VERB_PROBE) | ON(VERB_POWER_CYCLE) | ON(VERB_UPGRADE) | ON(VERB_RECOVER) | ON(VERB_RETRY))
/* What acts on a device, and needs the token when it is leased. */
#define ON_LEASED                                                                                                                          \
	(ON_JOBS | ON_HOLDING | ON(VERB_CANCEL) | ON(VERB_LABEL) | ON(VERB_ALIAS) | ON(VERB_MAINTENANCE) | ON(VERB_ADOPT) |                \
	 ON(VERB_UNQUARANTINE))
/* What says how the upgrades of a campaign are done. */
#define ON_UPGRADING (ON(VERB_UPGRADE) | ON(VERB_CAMPAIGN_CREATE))
/* What can be waited for to the end of a campaign. */
#define ON_FOLLOWING                                                                                                                       \
	(ON(VERB_CAMPAIGN_CREATE) | ON(VERB_CAMPAIGN_START) | ON(VERB_CAMPAIGN_RESUME) | ON(VERB_CAMPAIGN_APPROVE) |                       \
	 ON(VERB_CAMPAIGN_RETRY))
#define ON_PAGES (ON(VERB_JOBS) | ON(VERB_AUDIT) | ON(VERB_CAMPAIGN_LIST))
#define ON_SELECTION                                                                                                                       \
	(ON(VERB_PROBE) | ON(VERB_REPORT) | ON(VERB_UPGRADE) | ON(VERB_RECOVER) | ON(VERB_UNQUARANTINE) | ON(VERB_POWER_CYCLE) |           \
	 ON_HOLDING | ON(VERB_LABEL) | ON(VERB_MAINTENANCE) | ON(VERB_CAMPAIGN_CREATE))
#define ON_WAITING    (ON_JOBS | ON_FOLLOWING | ON(VERB_FIRMWARE_ADD) | ON(VERB_FIRMWARE_CATALOGUE))
#define ON_STATING    (ON(VERB_FIRMWARE_ADD) | ON(VERB_FIRMWARE_EDIT))
#define MEMBER(field) offsetof(struct options, field)
#define BUILD_MOST    UINT32_MAX

static const char *const ways[] = {"auto", "on-the-fly", "fff", "legacy", NULL};
static const char *const rungs[] = {"power", "lines", "reset", "auto", NULL};
static const char *const families[] = {"monarch1", "monarch2", NULL};
static const char *const if_leased[] = {"refuse", "wait", NULL};
static const char *const offline[] = {"wait", "skip", "fail", NULL};
static const char *const job_kinds[] = {"upgrade", "probe", "power-cycle", NULL};

static const struct option_spec specs[] = {
    {"all", 0, NULL, "every device", ON_SELECTION, OPTION_FLAG, MEMBER(all), 0, 0, NULL},
    {"selector", 0, "S", "the devices that fit, for example 'rack in (1,2),state=ready'", ON_SELECTION | ON(VERB_DEVICES), OPTION_TEXT,
     MEMBER(selector), 0, 0, NULL},
    {"firmware", 0, "REF|URL", "what to install: digest, 6 or more of its first digits, name, or http(s) URL",
     ON_UPGRADING | ON(VERB_RECOVER), OPTION_TEXT, MEMBER(firmware), 0, 0, NULL},
    {"sha256", 0, "DIGEST", "what has to come from the URL", ON(VERB_UPGRADE) | ON(VERB_FIRMWARE_ADD), OPTION_TEXT, MEMBER(sha256), 0, 0,
     NULL},
    {"wait", 0, NULL, "stay until all has ended, showing how far it is", ON_WAITING, OPTION_FLAG, MEMBER(wait), 0, 0, NULL},
    {"timeout", 0, "TIME", "stay at most this long (90, 90s, 15m, 2h); the work goes on",
     ON_WAITING | ON(VERB_WATCH) | ON(VERB_CAMPAIGN_WATCH), OPTION_DURATION, MEMBER(timeout_s), 0, 0, NULL},
    {"dry-run", 0, NULL, "show what would become of each device and change nothing", ON_UPGRADING | ON(VERB_RECOVER), OPTION_FLAG,
     MEMBER(dry_run), 0, 0, NULL},
    {"force", 0, NULL, "install even what is there already or looks wrong", ON_UPGRADING, OPTION_FLAG, MEMBER(force), 0, 0, NULL},
    {"allow-downgrade", 0, NULL, "accept an older build than the modem has", ON_UPGRADING, OPTION_FLAG, MEMBER(allow_downgrade), 0, 0,
     NULL},
    {"allow-branch-switch", 0, NULL, "accept a bundle for the other radio: CAT-M1 to NB-IoT or back", ON_UPGRADING, OPTION_FLAG,
     MEMBER(allow_branch_switch), 0, 0, NULL},
    {"way", 0, "WAY", "how the bundle gets in: auto, on-the-fly, fff or legacy", ON_UPGRADING, OPTION_CHOICE, MEMBER(way), 0, 0, ways},
    {"rung", 0, "RUNG", "power, lines, reset or auto (power)", ON(VERB_POWER_CYCLE), OPTION_CHOICE, MEMBER(rung), 0, 0, rungs},
    {"helper", 0, "REF", "the helper ELF that belongs to the bundle", ON_UPGRADING | ON(VERB_RECOVER) | ON_STATING, OPTION_TEXT,
     MEMBER(helper), 0, 0, NULL},
    {"second", 0, "REF", "the second file of a pair, sent in the same job", ON_UPGRADING | ON_STATING, OPTION_TEXT, MEMBER(second), 0, 0,
     NULL},
    {"rate", 0, "BPS", "line rate of the transfer, in bit/s", ON_UPGRADING, OPTION_INTEGER, MEMBER(rate), 1200, 4000000, NULL},
    {"priority", 0, "N", "-100 to 100, higher goes first (0)", ON_UPGRADING, OPTION_INTEGER, MEMBER(priority), -100, 100, NULL},
    {"not-before", 0, "TIME", "start then, as 2026-01-31T22:00:00Z", ON(VERB_UPGRADE), OPTION_TEXT, MEMBER(not_before), 0, 0, NULL},
    {"attempts", 0, "N", "so many attempts for each job, 1 to 20, when a fault may pass by itself", ON_UPGRADING | ON(VERB_PROBE),
     OPTION_INTEGER, MEMBER(attempts), 1, 20, NULL},
    {"deadline", 0, "TIME", "no attempt begins after it: 2026-01-31T22:00:00Z, or 90s, 15m, 2h from now", ON_UPGRADING | ON(VERB_PROBE),
     OPTION_TEXT, MEMBER(deadline), 0, 0, NULL},
    {"state", 0, "STATES", "queued, waiting, running, succeeded, failed or cancelled; several with commas between", ON(VERB_JOBS),
     OPTION_TEXT, MEMBER(state), 0, 0, NULL},
    {"kind", 0, "KIND", "upgrade, probe or power-cycle", ON(VERB_JOBS), OPTION_CHOICE, MEMBER(kind), 0, 0, job_kinds},
    {"code", 0, "CODE", "that failed by this fault, for example modem-silent", ON(VERB_JOBS), OPTION_TEXT, MEMBER(code), 0, 0, NULL},
    {"firmware", 0, "REF", "of this firmware: digest, 6 or more of its first digits, or name", ON(VERB_JOBS), OPTION_TEXT, MEMBER(firmware),
     0, 0, NULL},
    {"since", 0, "TIME", "made then or later: 2026-01-31T22:00:00Z, or 90s, 15m, 2h ago", ON(VERB_JOBS), OPTION_TEXT, MEMBER(since), 0, 0,
     NULL},
    {"until", 0, "TIME", "made before: 2026-01-31T22:00:00Z, or 90s, 15m, 2h ago", ON(VERB_JOBS), OPTION_TEXT, MEMBER(until), 0, 0, NULL},
    {"campaign", 0, "ID", "made by this campaign", ON(VERB_JOBS), OPTION_TEXT, MEMBER(campaign), 0, 0, NULL},
    {"device", 0, "DEVICE", "only what is of this device", ON(VERB_JOBS) | ON(VERB_AUDIT), OPTION_TEXT, MEMBER(device), 0, 0, NULL},
    {"limit", 0, "N", "at most so many, the newest (100)", ON(VERB_JOBS), OPTION_INTEGER, MEMBER(limit), 1, 1000000, NULL},
    {"limit", 0, "N", "at most so many, the newest (audit 100, campaigns and history 50)",
     ON(VERB_AUDIT) | ON(VERB_CAMPAIGN_LIST) | ON(VERB_HISTORY), OPTION_INTEGER, MEMBER(limit), 1, 500, NULL},
    {"before", 0, "ID", "only what is older than this one", ON_PAGES, OPTION_TEXT, MEMBER(before), 0, 0, NULL},
    {"transcript", 0, NULL, "what was said to the modem in this job", ON(VERB_JOBS), OPTION_FLAG, MEMBER(transcript), 0, 0, NULL},
    {"attempt", 0, "N", "only this attempt, 1 for the first", ON(VERB_LOG), OPTION_INTEGER, MEMBER(attempt), 1, 999999999, NULL},
    {"job", 0, "ID", "only this job, until it has ended", ON(VERB_WATCH), OPTION_TEXT, MEMBER(job), 0, 0, NULL},
    {"name", 0, "NAME", "name in the cache", ON_STATING, OPTION_TEXT, MEMBER(name), 0, 0, NULL},
    {"family", 0, "FAMILY", "monarch1 or monarch2", ON_STATING | ON(VERB_DURATIONS), OPTION_CHOICE, MEMBER(family), 0, 0, families},
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
    {"wave", 0, "WAVE", "the next wave: 5 devices, 25% of all, or a selector; once for each wave (one of all)", ON(VERB_CAMPAIGN_CREATE),
     OPTION_LIST, MEMBER(waves), 0, 0, NULL},
    {"max-parallel", 0, "N", "at most so many jobs at a time", ON_UPGRADING, OPTION_INTEGER, MEMBER(max_parallel), 1, 1024, NULL},
    {"stop-after", 0, "RULES", "when to stop: failed=3,consecutive=2,percent=10", ON_UPGRADING, OPTION_TEXT, MEMBER(stop_after), 0, 0,
     NULL},
    {"pause-after-wave", 0, NULL, "wait for 'campaign approve' between two waves", ON(VERB_CAMPAIGN_CREATE), OPTION_FLAG,
     MEMBER(pause_after_wave), 0, 0, NULL},
    {"soak", 0, "TIME", "wait so long between two waves (90, 90s, 15m, 2h)", ON(VERB_CAMPAIGN_CREATE), OPTION_DURATION, MEMBER(soak_s), 0,
     0, NULL},
    {"window", 0, "WINDOW", "start jobs in it only: the name of one, or DAYS FROM LENGTH ZONE: 'mon-fri 22:00 6h Europe/Paris'",
     ON_UPGRADING, OPTION_TEXT, MEMBER(window), 0, 0, NULL},
    {"offline", 0, "WHAT", "devices that are absent or in maintenance: wait (what happens without), skip or fail", ON_UPGRADING,
     OPTION_CHOICE, MEMBER(offline), 0, 0, offline},
    {"name", 0, "NAME", "what it is called, for people", ON(VERB_CAMPAIGN_CREATE), OPTION_TEXT, MEMBER(name), 0, 0, NULL},
    {"start", 0, NULL, "start it at once", ON(VERB_CAMPAIGN_CREATE), OPTION_FLAG, MEMBER(start), 0, 0, NULL},
    {"quiet", 0, NULL, "print its ID alone", ON(VERB_CAMPAIGN_CREATE), OPTION_FLAG, MEMBER(quiet), 0, 0, NULL},
    {"junit", 0, NULL, "as JUnit XML for CI, into FILE when one is named", ON(VERB_CAMPAIGN_REPORT), OPTION_FLAG, MEMBER(junit), 0, 0,
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
bool option_of_verb(const char *name, enum verb_id verb)
{
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if ((specs[i].verbs & ON(verb)) && strcmp(specs[i].name, name) == 0)
			return true;
	return false;
}
