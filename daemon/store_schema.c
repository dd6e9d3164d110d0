/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Entry n brings user_version n to n + 1. Append only: an entry that was released is never changed. */
static const char *const migrations[] = {
    "CREATE TABLE devices ("
    " id TEXT PRIMARY KEY, alias TEXT NOT NULL DEFAULT '', maintenance INTEGER NOT NULL DEFAULT 0, labels_patched INTEGER NOT NULL DEFAULT "
    "0,"
    " boot_mode INTEGER NOT NULL DEFAULT -1, boot_mode_name TEXT NOT NULL DEFAULT '', family TEXT NOT NULL DEFAULT '',"
    " ue TEXT NOT NULL DEFAULT '', release TEXT NOT NULL DEFAULT '', build INTEGER NOT NULL DEFAULT 0, imei TEXT NOT NULL DEFAULT '',"
    " rate_bps INTEGER NOT NULL DEFAULT 0, seen_at_ms INTEGER NOT NULL DEFAULT 0"
    ") WITHOUT ROWID;"
    "CREATE TABLE device_labels ("
    " device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE, position INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (device, position), UNIQUE (device, key)"
    ") WITHOUT ROWID;"
    "CREATE TABLE jobs ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL REFERENCES devices(id), firmware TEXT NOT NULL, firmware_name TEXT NOT "
    "NULL,"
    " helper TEXT NOT NULL, way TEXT NOT NULL, force INTEGER NOT NULL, allow_downgrade INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " rate_bps INTEGER NOT NULL, wanted_at_ms INTEGER NOT NULL, retry_of TEXT REFERENCES jobs(id),"
    " state TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'running', 'succeeded', 'failed', 'cancelled')),"
    " phase TEXT NOT NULL, furthest_phase TEXT NOT NULL, detail TEXT NOT NULL, waiting_for TEXT NOT NULL, from_release TEXT NOT NULL,"
    " to_release TEXT NOT NULL, bytes_done INTEGER NOT NULL, bytes_total INTEGER NOT NULL, percent REAL NOT NULL, part TEXT NOT NULL,"
    " step INTEGER NOT NULL, steps INTEGER NOT NULL, can_cancel INTEGER NOT NULL, cancel_requested INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, interruptions INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,"
    " finished_at_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, verified INTEGER NOT NULL, fault_code TEXT NOT NULL,"
    " fault_message TEXT NOT NULL, fault_evidence TEXT NOT NULL"
    ") WITHOUT ROWID;"
    /* One unfinished job per device, whatever the code above believes. */
    "CREATE UNIQUE INDEX jobs_unfinished ON jobs(device) WHERE state IN ('queued', 'waiting', 'running');"
    "CREATE INDEX jobs_of_device ON jobs(device, id);"
    "CREATE INDEX jobs_by_state ON jobs(state, id);",
    "ALTER TABLE jobs ADD COLUMN second TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN allow_branch_switch INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE jobs ADD COLUMN past_return INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN no_way_back INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN port_losses INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN absent_since_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN notes TEXT NOT NULL DEFAULT '';"
    /* What was sent before this was counted is not known: the phases in which it may have been are taken as if it was. */
    "UPDATE jobs SET past_return = 1, no_way_back = 1, can_cancel = 0"
    " WHERE furthest_phase IN ('transfer', 'apply', 'restart', 'verify');",
    "CREATE TABLE reports ("
    " device TEXT PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE, job TEXT NOT NULL, read_at_ms INTEGER NOT NULL,"
    " complete INTEGER NOT NULL, boot_mode INTEGER NOT NULL, boot_mode_name TEXT NOT NULL, family TEXT NOT NULL, ue TEXT NOT NULL,"
    " release TEXT NOT NULL, build INTEGER NOT NULL, imei TEXT NOT NULL, rate_bps INTEGER NOT NULL, software_version TEXT NOT NULL,"
    " software_build INTEGER NOT NULL, software_built TEXT NOT NULL, nv_info TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE report_rows ("
    " device TEXT NOT NULL REFERENCES reports(device) ON DELETE CASCADE, position INTEGER NOT NULL, part TEXT NOT NULL,"
    " name TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL, running INTEGER NOT NULL, PRIMARY KEY (device, position)"
    ") WITHOUT ROWID;",
    "ALTER TABLE jobs ADD COLUMN url TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN url_sha256 TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN download TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE kept_downloads (id TEXT PRIMARY KEY) WITHOUT ROWID;",
    /* Devices that were found on USB have no section: what makes them is here. profile: given by a person, "" as found, which is
     * found_profile. offered: nobody says that it is a board. */
    "ALTER TABLE devices ADD COLUMN hotplugged INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN port TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN profile TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN found_profile TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN board TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN usb_vid INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN usb_pid INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN usb_serial TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN usb_controller TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN usb_path TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN usb_interface INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN quarantined_at_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN quarantine_code TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE devices ADD COLUMN taken_for_ffh INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE devices ADD COLUMN powered_at_ms INTEGER NOT NULL DEFAULT 0;"
    /* The method by which its power was taken away and not given back yet. */
    "ALTER TABLE devices ADD COLUMN power_off TEXT NOT NULL DEFAULT '';"
    /* Serial numbers that two boards were seen with at the same time: they identify nothing any more. */
    "CREATE TABLE shared_serials (vid INTEGER NOT NULL, pid INTEGER NOT NULL, serial TEXT NOT NULL, PRIMARY KEY (vid, pid, serial))"
    " WITHOUT ROWID;"
    /* token_hash: what comes with a request is compared with it, the token itself is nowhere. */
    "CREATE TABLE leases ("
    " device TEXT PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE, id TEXT NOT NULL, holder TEXT NOT NULL, reason TEXT NOT NULL,"
    " token_hash TEXT NOT NULL, since_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, ttl_ms INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE device_history ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE, at_ms INTEGER NOT NULL,"
    " type TEXT NOT NULL, detail TEXT NOT NULL, job TEXT NOT NULL"
    ");"
    "CREATE INDEX device_history_of ON device_history(device, id);"
    /* lease: the one under which a job was asked for. rung: of a power cycle. */
    "ALTER TABLE jobs ADD COLUMN lease TEXT NOT NULL DEFAULT '';"
    /* A job that waits for the end of another's lease leaves the place of the device's one job to the holder. */
    "ALTER TABLE jobs ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX jobs_unfinished;"
    "CREATE UNIQUE INDEX jobs_unfinished ON jobs(device) WHERE state IN ('queued', 'waiting', 'running') AND aside = 0;"
    "ALTER TABLE jobs ADD COLUMN recover INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN rung TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE jobs ADD COLUMN requested_by TEXT NOT NULL DEFAULT '';"
    /* What was answered to a request with a key of its own: it is answered again. request: the digest of what was asked for. */
    "CREATE TABLE answers ("
    " key TEXT NOT NULL, who TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL,"
    " location TEXT NOT NULL, body TEXT NOT NULL, created_at_ms INTEGER NOT NULL, PRIMARY KEY (key, who, method, path)"
    ") WITHOUT ROWID;"
    "CREATE INDEX answers_by_age ON answers(created_at_ms);"
    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, token TEXT NOT NULL, user TEXT NOT NULL, uid INTEGER NOT NULL,"
    " pid INTEGER NOT NULL, address TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, device TEXT NOT NULL, job TEXT NOT NULL,"
    " firmware TEXT NOT NULL, campaign TEXT NOT NULL, lease TEXT NOT NULL, status INTEGER NOT NULL, code TEXT NOT NULL"
    ");"
    "CREATE INDEX audit_of_device ON audit(device, id);",
    /* In which run of the daemon a job ended, and after which event: for clients that come back. after: the newest end before that run. */
    "CREATE TABLE epochs (epoch TEXT NOT NULL UNIQUE, after INTEGER NOT NULL);"
    "CREATE TABLE endings ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE REFERENCES jobs(id) ON DELETE CASCADE, epoch TEXT NOT NULL,"
    " head INTEGER NOT NULL"
    ");",
    /* start_window: in which alone a job may begin. */
    "ALTER TABLE jobs ADD COLUMN campaign TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE jobs ADD COLUMN start_window TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX jobs_of_campaign ON jobs(campaign, id) WHERE campaign <> '';"
    "CREATE TABLE campaigns ("
    " id TEXT PRIMARY KEY, name TEXT NOT NULL, selector TEXT NOT NULL, firmware TEXT NOT NULL, firmware_name TEXT NOT NULL,"
    " helper TEXT NOT NULL, second TEXT NOT NULL, way TEXT NOT NULL, force INTEGER NOT NULL, allow_downgrade INTEGER NOT NULL,"
    " allow_branch_switch INTEGER NOT NULL, priority INTEGER NOT NULL, rate_bps INTEGER NOT NULL, max_parallel INTEGER NOT NULL,"
    " stop_failed INTEGER NOT NULL, stop_consecutive INTEGER NOT NULL, stop_percent INTEGER NOT NULL, pause_after_wave INTEGER NOT NULL,"
    " soak_s INTEGER NOT NULL, start_window TEXT NOT NULL, offline TEXT NOT NULL, release TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'waiting', 'stopped', 'finished')), reason TEXT NOT NULL,"
    " wave INTEGER NOT NULL, wave_done_at_ms INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,"
    " finished_at_ms INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE campaign_waves ("
    " campaign TEXT NOT NULL REFERENCES campaigns(id) ON DELETE CASCADE, position INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " number INTEGER NOT NULL, selector TEXT NOT NULL, PRIMARY KEY (campaign, position)"
    ") WITHOUT ROWID;"
    "CREATE TABLE campaign_members ("
    " campaign TEXT NOT NULL REFERENCES campaigns(id) ON DELETE CASCADE, position INTEGER NOT NULL, device TEXT NOT NULL,"
    " wave INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, job TEXT NOT NULL, previous TEXT NOT NULL,"
    " withdrawn INTEGER NOT NULL, from_release TEXT NOT NULL, to_release TEXT NOT NULL, attempts INTEGER NOT NULL,"
    " started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER NOT NULL, fault_code TEXT NOT NULL, fault_message TEXT NOT NULL,"
    " fault_evidence TEXT NOT NULL, PRIMARY KEY (campaign, device)"
    ") WITHOUT ROWID;"
    /* No moment at which a job is there and its campaign does not know: it would make another one after a restart. */
    "CREATE TRIGGER campaign_has_job AFTER INSERT ON jobs WHEN new.campaign <> '' BEGIN"
    " UPDATE campaign_members SET job = new.id WHERE campaign = new.campaign AND device = new.device;"
    " END;",
    /* own_attempts: asked for, 0: none were. What is older than this had the three of the default. */
    "ALTER TABLE jobs ADD COLUMN waiting_since_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN deadline_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN own_attempts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN attempts_max INTEGER NOT NULL DEFAULT 3;"
    "ALTER TABLE campaigns ADD COLUMN deadline_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE campaigns ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE campaigns ADD COLUMN requested_by TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE campaign_members ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;"
    /* Counts, and what goes on, without reading what was said of each device. */
    "CREATE INDEX campaign_member_states ON campaign_members(campaign, wave, state);"
    "CREATE INDEX campaign_members_open ON campaign_members(campaign) WHERE state IN ('queued', 'waiting', 'running');",
    /* Each run of a job. log_from: where its part of the transcript begins; it ends where the next one's does. */
    "ALTER TABLE jobs ADD COLUMN runs INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE attempts ("
    " job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, number INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,"
    " finished_at_ms INTEGER NOT NULL,"
    " outcome TEXT NOT NULL CHECK (outcome IN ('running', 'succeeded', 'failed', 'cancelled', 'interrupted')),"
    " phase TEXT NOT NULL, bytes_done INTEGER NOT NULL, phases TEXT NOT NULL, log_from INTEGER NOT NULL, fault_code TEXT NOT NULL,"
    " fault_message TEXT NOT NULL, fault_evidence TEXT NOT NULL, PRIMARY KEY (job, number)"
    ") WITHOUT ROWID;"
    "CREATE INDEX attempts_running ON attempts(job) WHERE outcome = 'running';",
    /* The lists: each filter that leaves few jobs has its index. */
    "CREATE INDEX jobs_open ON jobs(id) WHERE state IN ('queued', 'waiting', 'running');"
    "CREATE INDEX jobs_by_code ON jobs(fault_code, id) WHERE fault_code <> '';"
    "CREATE INDEX jobs_of_firmware ON jobs(firmware, id) WHERE firmware <> '';",
    /* family: of an attempt that tells how long one of that family takes, '' of the others. way: the one that it took. What is older than this has
     * the family that its device has now. */
    "ALTER TABLE attempts ADD COLUMN family TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempts ADD COLUMN way TEXT NOT NULL DEFAULT '';"
    "UPDATE attempts SET family = coalesce((SELECT devices.family FROM jobs JOIN devices ON devices.id = jobs.device"
    " WHERE jobs.id = attempts.job AND jobs.kind = 'upgrade'), '') WHERE outcome = 'succeeded' AND bytes_done > 0 AND phases LIKE "
    "'%transfer%';"
    "CREATE INDEX attempts_telling ON attempts(family, way, job, number) WHERE family <> '';",
    /* Campaigns end, too. The numbers go on where they were: epochs tell them apart by these. */
    "CREATE TABLE all_endings ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT UNIQUE REFERENCES jobs(id) ON DELETE CASCADE,"
    " campaign TEXT UNIQUE REFERENCES campaigns(id) ON DELETE CASCADE, epoch TEXT NOT NULL, head INTEGER NOT NULL"
    ");"
    "INSERT INTO all_endings (number, job, epoch, head) SELECT number, job, epoch, head FROM endings;"
    "DELETE FROM sqlite_sequence WHERE name = 'all_endings';"
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'all_endings', seq FROM sqlite_sequence WHERE name = 'endings';"
    "DROP TABLE endings;"
    "ALTER TABLE all_endings RENAME TO endings;",
    /* A page of the report. */
    "CREATE INDEX campaign_member_positions ON campaign_members(campaign, position);",
    /* In which order members ended, by store_ending_order(): clocks are set. */
    "ALTER TABLE campaign_members ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "UPDATE campaign_members SET ended = coalesce((SELECT 2 * number FROM endings WHERE endings.job = campaign_members.job), 0)"
    " WHERE job <> '';",
    /* Retention: what has to do with a job is found without a look at all of them. */
    "CREATE INDEX jobs_retried ON jobs(retry_of) WHERE retry_of IS NOT NULL;"
    "CREATE INDEX jobs_open_of_device ON jobs(device, id) WHERE state IN ('queued', 'waiting', 'running');"
    "CREATE INDEX jobs_ran ON jobs(device, id) WHERE kind = 'upgrade' AND furthest_phase <> '';"
    "CREATE INDEX jobs_sent ON jobs(device, id) WHERE kind = 'upgrade' AND (past_return OR state = 'succeeded');"
    "CREATE TRIGGER job_gone AFTER DELETE ON jobs BEGIN UPDATE jobs SET retry_of = NULL WHERE retry_of = old.id; END;",
    /* The same of campaigns. removed: nobody sees it any more, and its members go a few at a time. */
    "ALTER TABLE campaigns ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX campaigns_removed ON campaigns(id) WHERE removed;"
    "CREATE INDEX campaigns_ended ON campaigns(finished_at_ms) WHERE NOT removed AND state IN ('stopped', 'finished');"
    "CREATE INDEX jobs_open_of_campaign ON jobs(campaign) WHERE campaign <> '' AND state IN ('queued', 'waiting', 'running');",
};

static int user_version(sqlite3 *db, int *ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? 0 : -1;
}

static int step_up(sqlite3 *db, int from)
{
	char set_version[48];
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", from + 1);
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_exec(db, migrations[from], NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, set_version, NULL, NULL, NULL) == SQLITE_OK && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return -1;
}

int store_migrate(sqlite3 *db, const char *path, struct job_fault *ret_fault)
{
	int version = 0;
	int known = (int)COUNT_OF(migrations);
	int result = user_version(db, &version);
	if (result == 0 && version > known)
		return job_fault_set(ret_fault, "infrastructure-error",
				     "%s was written by a newer dupgate (schema %d, this one knows %d); install that version again or "
				     "move the file away",
				     path, version, known);
	while (result == 0 && version < known) {
		result = step_up(db, version);
		version++;
	}
	if (result == 0)
		return 0;
	return job_fault_set(ret_fault, "infrastructure-error", "%s cannot be used: %s", path, sqlite3_errmsg(db));
}
