/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/verbs.h"

#include <string.h>

#include "cmd/dupctl/verb_functions.h"

static const struct verb verbs[VERB_COUNT] = {
    [VERB_DEVICES] = {"devices", NULL, "[DEVICE…]", 0, SIZE_MAX, "list the devices, or show some in full",
		      "Without DEVICE a table of all devices, or of those that --selector names. A selector is\n"
		      "a comma-separated list of terms, all of which must hold:\n"
		      "  key=value  key!=value  key in (a, b)  key notin (a, b)  key (there is one)  !key\n"
		      "over the labels and over state, release, profile, id, board and alias.\n",
		      verb_devices},
    [VERB_PROBE] = {"probe", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "ask modems who and how they are",
		    "Makes a job for each device that finds the modem's rate, boot mode, release, IMEI, versions and\n"
		    "bands. With --wait the report of a single device is printed when its probe has ended well.\n",
		    verb_probe},
    [VERB_REPORT] = {"report", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "show what the last probe found",
		     "Boot mode, rate, releases, IMEI, boot loaders (the running one has a star), components, bands,\n"
		     "registration and crashes, as they were at the time that is named. Asks no modem.\n",
		     verb_report},
    [VERB_UPGRADE] = {"upgrade", NULL, "DEVICE…|--selector S|--all --firmware REF|URL", 0, SIZE_MAX, "install a firmware",
		      "With DEVICE one job for each: devices that cannot take one now are reported and do not hold\n"
		      "up the others. With --selector or --all a campaign of one wave, which waits for those that\n"
		      "are busy, leased or absent, and takes those that have the release already for done. With\n"
		      "--wait it stays until all have ended; a restart of the daemon does not end the waiting, and\n"
		      "Ctrl-C ends only the waiting, never a job. A URL is fetched by the daemon, once for all.\n",
		      verb_upgrade},
    [VERB_RECOVER] = {"recover", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "bring stranded modems back",
		      "For modems that stand outside their application with no job. The daemon picks the firmware:\n"
		      "that of the last job that did not end well, else of the last that did, else the release that\n"
		      "the modem told; --firmware and --helper say another. A modem whose application comes up after\n"
		      "all is sent nothing. What is missing is named, with the command that adds it.\n",
		      verb_recover},
    [VERB_UNQUARANTINE] = {"unquarantine", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "let devices out of their quarantine",
			   "After several upgrades in a row that failed by the device it takes none but with --force.\n"
			   "This takes that back, and the count begins anew.\n",
			   verb_unquarantine},
    [VERB_HISTORY] = {"history", NULL, "DEVICE", 1, 1, "show what happened to a device besides its jobs",
		      "Releases that no job brought, modems that moved, quarantines, leases and power cycles, the\n"
		      "newest first.\n",
		      verb_history},
    [VERB_POWER_CYCLE] = {"power-cycle", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "restart modems by taking their power away",
			  "Makes one job for each device. A rung is how it is done: reset (AT^RESET), lines (the modem\n"
			  "lines), power, or auto, which begins with the gentlest and goes on until one has an effect.\n"
			  "Refused while the modem takes or applies a bundle, and while others that lose their power\n"
			  "with it have a job. The modem is asked who and how it is afterwards.\n",
			  verb_power_cycle},
    [VERB_JOBS] = {"jobs", NULL, "[ID]", 0, 1, "list jobs, show one, or its transcript",
		   "Without ID a table, newest first. With ID all that is known of that job, and each of its\n"
		   "attempts; with --transcript the AT lines and transfer sessions of its modem, with times.\n",
		   verb_jobs},
    [VERB_LOG] = {"log", NULL, "JOB", 1, 1, "print what was said to the modem in a job",
		  "The AT lines and transfer sessions, with times; with --attempt N of that attempt alone.\n"
		  "'dupctl jobs JOB' lists the attempts.\n",
		  verb_log},
    [VERB_DURATIONS] = {"durations", NULL, "", 0, 0, "tell how long upgrades take",
			"Of each family and way, in all and for each phase: within which time half of the newest\n"
			"upgrades were done, and nine of ten. A job begins in a window only when it lasts as long as nine of ten take.\n",
			verb_durations},
    [VERB_WATCH] = {"watch", NULL, "[DEVICE…|--job ID]", 0, SIZE_MAX, "print what happens while it happens",
		    "One line for each event, with --json one JSON document a line. With --job it ends with\n"
		    "the job, and the exit status says how that ended. Else it ends with Ctrl-C or --timeout.\n",
		    verb_watch},
    [VERB_CANCEL] = {"cancel", NULL, "ID…", 1, SIZE_MAX, "cancel jobs that may still be cancelled",
		     "A job can be cancelled until its bundle is on the way into the modem. After that it is\n"
		     "refused, because stopping there can destroy the modem.\n",
		     verb_cancel},
    [VERB_RETRY] = {"retry", NULL, "ID…", 1, SIZE_MAX, "do ended jobs again, as new jobs", "Each new job names the one it repeats.\n",
		    verb_retry},
    [VERB_FIRMWARE_LIST] = {"firmware", "list", "", 0, 0, "list the firmware in the cache", "The oldest first.\n", verb_firmware_list},
    [VERB_FIRMWARE_ADD] = {"firmware", "add", "PATH|URL", 1, 1, "put a bundle, a helper or an archive of them into the cache",
			   "Sends the file to the daemon, which verifies it. The options state what neither the\n"
			   "content nor the name of the file tells. A URL (http, https) is fetched by the daemon itself;\n"
			   "with --wait it stays until that has ended. Ctrl-C ends only the waiting.\n",
			   verb_firmware_add},
    [VERB_FIRMWARE_SHOW] = {"firmware", "show", "REF", 1, 1, "show one firmware with its records",
			    "REF is a digest, 6 or more of its first digits, or the exact name.\n", verb_firmware_show},
    [VERB_FIRMWARE_EDIT] = {"firmware", "edit", "REF", 1, 1, "change the name of a firmware, or what is stated of it",
			    "What is not named stays. --clear takes stated values back: what content and name tell holds\n"
			    "again then.\n",
			    verb_firmware_edit},
    [VERB_FIRMWARE_REMOVE] = {"firmware", "remove", "REF…", 1, SIZE_MAX, "remove firmware from the cache",
			      "Refused while a job that has not ended needs it.\n", verb_firmware_remove},
    [VERB_FIRMWARE_EXPORT] = {"firmware", "export", "REF [FILE|FOLDER|-]", 1, 2, "write a firmware of the cache to a file",
			      "Without FILE it is called as in the cache; - is standard output. What arrived is compared\n"
			      "with the digest before the file is there; a file that is there already is not replaced.\n",
			      verb_firmware_export},
    [VERB_FIRMWARE_VERIFY] = {"firmware", "verify", "FILE…", 1, SIZE_MAX, "tell whether a file is a whole bundle, and if not why",
			      "Needs no daemon. Looks at a bundle, a helper, or each of them in an archive: every record\n"
			      "with its checksum, what is damaged and where, and what is good. Exit status 1 when something\n"
			      "is not good.\n",
			      verb_firmware_verify},
    [VERB_FIRMWARE_CATALOGUE] = {"firmware", "catalogue", "[FILE|URL]", 0, 1, "show the catalogue of what can be fetched, or give another",
				 "Without FILE or URL what it offers, and whether its signature is good. With one it takes the\n"
				 "place of the one before; FILE.minisig beside it is its signature. A URL is fetched by the\n"
				 "daemon, with the signature beside it; with --wait dupctl stays until that has ended.\n",
				 verb_firmware_catalogue},
    [VERB_DOWNLOADS_LIST] = {"downloads", "list", "", 0, 0, "list what is fetched from URLs",
			     "Those under way and the last ones that have ended, the oldest first.\n", verb_downloads_list},
    [VERB_DOWNLOADS_SHOW] = {"downloads", "show", "ID", 1, 1, "show one download",
			     "With what broke its last attempt, and the jobs that wait for it.\n", verb_downloads_show},
    [VERB_DOWNLOADS_CANCEL] = {"downloads", "cancel", "ID…", 1, SIZE_MAX, "cancel downloads", "At once. Jobs that wait for one fail.\n",
			       verb_downloads_cancel},
    [VERB_ADOPT] = {"adopt", NULL, "DEVICE… --profile NAME|--take-back", 1, SIZE_MAX,
		    "say what an offered adapter carries, or take it back",
		    "A USB adapter that may carry anything is offered: nothing is sent to it. With a profile it is a\n"
		    "device like any other, also after a restart and in another place.\n",
		    verb_adopt},
    [VERB_DOCTOR] = {"doctor", NULL, "", 0, 0, "look for what keeps this gateway from upgrading, and tell the cure",
		     "Ports and who holds them, permissions, udev and ModemManager, USB, disks, clock, the daemon:\n"
		     "each good, bad, a note, or unknown. Changes nothing, opens no port, needs no daemon. As root\n"
		     "it sees more. Exit status 1 when something is bad, else 0.\n",
		     verb_doctor},
    [VERB_LEASE] = {"lease", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "hold devices for yourself, or for longer",
		    "While you hold a device the jobs of others are refused, or wait. The token that is printed\n"
		    "says that it is you; dupctl keeps it in $XDG_STATE_HOME/dupgate/leases (~/.local/state) and\n"
		    "sends it by itself, from this account. Again on a device that you hold: --ttl from now on.\n"
		    "With --takeover and --reason also a device that somebody else holds.\n",
		    verb_lease},
    [VERB_RELEASE] = {"release", NULL, "DEVICE…|--selector S|--all", 0, SIZE_MAX, "give devices back that you hold",
		      "With --force and --reason also those that somebody else holds.\n", verb_release},
    [VERB_LABEL] = {"label", NULL, "DEVICE…|--selector S|--all KEY=VALUE… KEY-…", 1, SIZE_MAX, "set and remove labels",
		    "KEY=VALUE sets a label, KEY- removes one; the others stay.\n", verb_label},
    [VERB_ALIAS] = {"alias", NULL, "DEVICE NAME|-", 2, 2, "give a device a name of your own, or take it back",
		    "Every verb takes the alias for the device, as long as no other has the same.\n", verb_alias},
    [VERB_MAINTENANCE] = {"maintenance", NULL, "DEVICE…|--selector S|--all on|off", 1, SIZE_MAX, "take devices out of use, or back into it",
			  "A device in maintenance takes no new jobs. --reason is kept in its history.\n", verb_maintenance},
    [VERB_AUDIT] = {"audit", NULL, "", 0, 0, "tell who changed what, and when",
		    "The newest first: the name of the token, the user of the unix socket, or the address; what was\n"
		    "asked for, and how it was answered. What was refused is not in it.\n",
		    verb_audit},
    [VERB_CAMPAIGN_LIST] = {"campaign", "list", "", 0, 0, "list the campaigns", "The newest first.\n", verb_campaign_list},
    [VERB_CAMPAIGN_CREATE] = {"campaign", "create", "--selector S|--all --firmware REF", 0, 0,
			      "prepare one firmware for many devices, in waves",
			      "Makes a draft: 'campaign start', or --start, freezes its devices and begins. Waves take their\n"
			      "devices one after the other from those that no wave before them has; what is left over is\n"
			      "skipped. A device that has the release already counts as done; one that is busy, leased or\n"
			      "absent is waited for while others go on.\n",
			      verb_campaign_create},
    [VERB_CAMPAIGN_SHOW] = {"campaign", "show", "ID", 1, 1, "show a campaign with its waves and counts", "Its devices: campaign report.\n",
			    verb_campaign_show},
    [VERB_CAMPAIGN_START] = {"campaign", "start", "ID", 1, 1, "start a draft",
			     "Its devices are frozen: those that the selector fits now.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_PAUSE] = {"campaign", "pause", "ID", 1, 1, "start no more jobs of a campaign",
			     "Jobs that have not begun are taken back, others go on to their end.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_RESUME] = {"campaign", "resume", "ID", 1, 1, "go on after a pause", "From where it was.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_STOP] = {"campaign", "stop", "ID", 1, 1, "end a campaign early",
			    "Jobs that have not begun are cancelled, others go on to their end.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_APPROVE] = {"campaign", "approve", "ID", 1, 1, "begin the next wave",
			       "Of a campaign that waits between two waves, also in the middle of a soak.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_RETRY] = {"campaign", "retry", "ID", 1, 1, "try the failed devices once more",
			     "Also when the campaign has ended: it runs again until these have.\n", verb_campaign_direct},
    [VERB_CAMPAIGN_REPORT] = {"campaign", "report", "ID [FILE]", 1, 2, "tell what became of each device",
			      "At any time; it is final when the campaign has ended. With --junit as XML that CI servers\n"
			      "read: a device that failed is a failure with code, evidence and cure, one that was skipped or\n"
			      "cancelled is skipped, one that has not ended is an error. The exit status is that of asking;\n"
			      "'campaign watch' tells in its own how the campaign ended.\n",
			      verb_campaign_report},
    [VERB_CAMPAIGN_WATCH] = {"campaign", "watch", "ID", 1, 1, "stay until a campaign has ended, showing all its devices",
			     "Can be left with Ctrl-C and come back to at any time. The exit status says how it ended: 0 all\n"
			     "were upgraded, 5 none, 6 some, 4 all were skipped.\n",
			     verb_campaign_watch},
    [VERB_CAMPAIGN_DELETE] = {"campaign", "delete", "ID", 1, 1, "delete a campaign that never started", "What has started is history.\n",
			      verb_campaign_delete},
};

const struct verb *verb_find(enum verb_id id)
{
	return &verbs[id];
}

bool verb_local(enum verb_id id)
{
	return id == VERB_FIRMWARE_VERIFY;
}

size_t verb_parse(size_t count, char *const *words, enum verb_id *ret)
{
	bool second = count > 1 && words[1][0] != '-';

	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, words[0]) != 0)
			continue;
		if (verbs[i].second_name && second && strcmp(verbs[i].second_name, words[1]) != 0)
			continue;
		*ret = (enum verb_id)i;
		return verbs[i].second_name && second ? 2 : 1;
	}
	return 0;
}
