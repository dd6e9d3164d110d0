/* SPDX-License-Identifier: Apache-2.0
 *
 * What must survive: jobs with their history, what is known of devices. SQLite in state_dir/dupgate.db (WAL, every commit is on the disk when the
 * verb returns). Each verb is one transaction. Thread-safe: one mutex for the writing connection, one for the reading one, so that a
 * reader does not wait for a writer's disk. Unless said otherwise: 0, or -EPROTO with an infrastructure-error.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include "daemon/attempts.h"
#include "daemon/campaign.h"
#include "daemon/device_history.h"
#include "daemon/gateway.h"

struct store;

/* Creates state_dir (0750) when it is missing, takes its lock (a second daemon is refused, the pid of the first is named), brings the schema
 * up to date. A database of a newer dupgate is refused. A damaged one is kept as dupgate.db.corrupt-<time> beside a new one: store_lost(). */
int store_open(const char *state_dir, struct job_fault *ret_fault, struct store **ret);
void store_close(struct store *store);

/* What was lost with a damaged database that lies aside in state_dir; "" when there is none. */
const char *store_lost(const struct store *store);

/* The last write reached the disk. ret_why says what happened when not. */
bool store_healthy(struct store *store, char *ret_why, size_t ret_why_size);

/* The attempt under way, which is kept with every change of its job. */
struct job_run {
	uint32_t number; /* from 1; 0: none */
	int64_t started_at_ms, finished_at_ms;
	uint64_t log_from;   /* where its part of the transcript begins */
	uint64_t bytes_done; /* of the bundle, in this attempt */
	char family[16];     /* of its modem; "": the attempt does not tell how long one of that family takes */
	char way[16];        /* as in struct job_attempt */
	unsigned phases;     /* those that began: 1u << enum upgrade_phase */
	uint32_t phase_ms[ATTEMPT_PHASES_MAX];
	int64_t phase_since_ms; /* CLOCK_MONOTONIC, of the phase that is under way; not kept */
};

/* A job as it is kept: what is seen of it, and what only the queue needs. */
struct job_row {
	struct job job;
	char furthest_phase[16]; /* over all runs of the job; "" when it never ran */
	bool cancel_requested;   /* accepted, and not carried out yet: the modem may have to be brought back first */
	bool past_return;        /* in one of its runs the point of no return was passed: it cannot be cancelled any more */
	/* The modem cannot be put back into its application by switching alone: something was sent to it, in this job or the one that it
	 * retries, or it was found outside its application. */
	bool no_way_back;
	char url[DOWNLOAD_URL_SIZE];           /* where its firmware comes from, whole: it may hold credentials; "": it was named */
	char url_sha256[FIRMWARE_SHA256_SIZE]; /* what has to come from there; "": anything */
	uint32_t port_losses;                  /* how often the port went away under a run */
	int64_t absent_since_ms;               /* since when it waits for its port; 0: it does not */
	bool aside;                            /* it waits for the end of another's lease, beside the one job that the device may have */
	/* Of a job that runs: so much may be told of its percent. It is what is kept of it, so that after a crash nothing less is told. */
	double percent_allowed;
	uint32_t runs;        /* attempts that began, of all kinds */
	struct job_run run;   /* in memory; on disk it is an attempt of the job */
	uint64_t told_before; /* of one that ends: the newest event before that of its end */
};

/* The ends of jobs and campaigns in the order in which they came, for clients that were away: the event of each, of this run of the daemon or an earlier one, can
 * be told again. The 20,000 newest are kept. */
struct ending {
	int64_t number;
	char job[JOB_ID_SIZE], campaign[JOB_ID_SIZE]; /* one of them is "" */
};
/* A client that has the event `seq` of the run `epoch` is told once more of ends of that run so many events before: the number of an end's own
 * event is not known when it is stored. */
#define ENDINGS_SLACK 4096u
/* Moments that stand for what lasts for so long (clock_watch.h): the waits of jobs, leases, the answers to keys. */
enum store_times { TIMES_OF_JOBS, TIMES_OF_LEASES, TIMES_OF_ANSWERS };
/* The wall clock was set by so much: all of them move along. */
int store_shift_times(struct store *store, enum store_times times, int64_t by_ms, struct job_fault *ret_fault);

/* Before the first job ends. */
int store_epoch_begin(struct store *store, const char *epoch, struct job_fault *ret_fault);
/* The place of this job's end among all; what ends now when there is no such end (job "": or no job). The later of two has the greater number; what ended
 * without a job shares its number with what ended so too and with no job. */
int store_ending_order(struct store *store, const char *job, int64_t *ret, struct job_fault *ret_fault);
/* At most `room` ends that such a client may have missed, oldest first; none when the run is not known. */
int store_endings_after(struct store *store, const struct endings_seen *seen, struct ending *ret, size_t room, size_t *ret_count,
			struct job_fault *ret_fault);

struct attempt_row {
	char job[JOB_ID_SIZE];
	struct job_attempt attempt;
	uint64_t log_from;
};
/* Those that ran when the daemon ended. */
int store_attempts_interrupt(struct store *store, struct job_fault *ret_fault);
/* Oldest first. Caller frees *ret. */
int store_attempts_list(struct store *store, const char *job, struct attempt_row **ret, size_t *ret_count, struct job_fault *ret_fault);
/* Those that tell how long an upgrade of a modem of this family takes in this way ("": it is not known): the newest, newest first. No more rows are
 * read than that. Caller frees *ret. */
int store_attempts_telling(struct store *store, const char *family, const char *way, unsigned limit, struct attempt_row **ret,
			   size_t *ret_count, struct job_fault *ret_fault);

int store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
int store_job_update(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
/* not-found when there is none. */
int store_job_get(struct store *store, const char *id, struct job_row *ret, struct job_fault *ret_fault);
/* As gateway_jobs(). */
int store_job_list(struct store *store, const struct job_filter *filter, struct job **ret, size_t *ret_count, char ret_next[JOB_ID_SIZE],
		   struct job_fault *ret_fault);
/* Oldest first. Caller frees *ret. */
int store_jobs_unfinished(struct store *store, struct job_row **ret, size_t *ret_count, struct job_fault *ret_fault);
/* What one step of daemon/job_retention.h takes away, oldest first: those that ended before a time, and of the others that did not end of late so many as
 * are over a number; never one that is not finished, whose campaign goes on, or that tells what is in a modem. What was a retry of such a job is
 * one of none. */
#define JOB_PRUNE_STEP 20u
struct job_prune {
	char after[JOB_ID_SIZE]; /* moved on; "": from the oldest */
	int64_t ended_before_ms; /* 0: none goes for its age */
	int64_t recent_from_ms, now_ms;
	unsigned surplus; /* counted down */
	bool at_end;      /* all were looked at */
	unsigned count;
	char gone[JOB_PRUNE_STEP][JOB_ID_SIZE]; /* count of them; their transcripts are the caller's to remove */
};
int store_jobs_prune(struct store *store, struct job_prune *prune, struct job_fault *ret_fault);
int store_jobs_count_ended(struct store *store, int64_t *ret, struct job_fault *ret_fault);

/* "" when there was never one. */
int store_job_newest_id(struct store *store, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);
/* Of the upgrades of this device that ever ran. "" when there is none. */
int store_job_newest_upgrade(struct store *store, const char *device, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);

/* Of those that succeeded. */
int store_job_newest_good(struct store *store, const char *device, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);

/* Of those that sent something or ended well, older than a job: what came to neither says nothing of what the modem is doing. */
int store_job_upgrade_before(struct store *store, const char *device, const char *job, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);

/* The last upgrade of the device before this job ("": of all) that sent something or ended well sent something and did not end well: the modem has
 * part of a bundle. True when the disk does not tell. */
int store_job_begun_before(struct store *store, const char *device, const char *job, bool *ret, struct job_fault *ret_fault);

/* What is kept of a device between runs; the configuration says the rest. */
struct device_row {
	char id[DEVICE_ID_SIZE];
	char alias[64];
	bool maintenance;
	bool labels_patched; /* the labels below replace those of the configuration */
	size_t label_count;
	struct label labels[LABELS_MAX];
	struct device_modem modem; /* rate_bps: the last one at which it answered */
	int64_t seen_at_ms;
	struct device_quarantine quarantine;
	bool taken_for_ffh;
	bool hotplugged;        /* found on USB: the row is what makes the device */
	bool offered;           /* as in struct device */
	char port[256];         /* the last one; kept of devices on USB only, as all below */
	char profile[32];       /* given by a person; "": none, of any device */
	char found_profile[32]; /* the profile that goes with the board; "": none does */
	char board[32];         /* as in struct device */
	struct device_usb usb;
	char controller[64]; /* of USB: its name in sysfs */
};

/* Fills the rows of which the id is set; makes those that there are none of yet. */
int store_devices_load(struct store *store, struct device_row *rows, size_t count, struct job_fault *ret_fault);
/* The same without making one. */
int store_device_peek(struct store *store, const char *id, struct device_row *ret, struct job_fault *ret_fault);
int store_device_save(struct store *store, const struct device_row *row, struct job_fault *ret_fault);
/* 1: it is gone; 0: it stays, as a job, a lease or a campaign knows it. */
int store_device_forget(struct store *store, const char *id, struct job_fault *ret_fault);
/* All of them or none; makes the rows that there are not yet. */
int store_devices_save(struct store *store, const struct device_row *rows, size_t count, struct job_fault *ret_fault);
/* Those that were found on USB, by id. Caller frees *ret. */
int store_devices_hotplugged(struct store *store, struct device_row **ret, size_t *ret_count, struct job_fault *ret_fault);

/* A serial number, as in struct device_usb, that two boards carry. */
struct shared_serial {
	uint16_t vid, pid;
	char serial[64];
};
int store_serial_share(struct store *store, const struct shared_serial *serial, struct job_fault *ret_fault);
int store_serial_unshare(struct store *store, const struct shared_serial *serial, struct job_fault *ret_fault);
/* Caller frees *ret. */
int store_serials_shared(struct store *store, struct shared_serial **ret, size_t *ret_count, struct job_fault *ret_fault);

/* When the power of a device was last switched, and by which method it is off since then. The device has a row. */
struct power_row {
	char device[DEVICE_ID_SIZE];
	int64_t switched_at_ms; /* Unix time; 0: never */
	char off[176];          /* as power_method_text() has it; "": it is on */
};
int store_power_load(struct store *store, const char *device, struct power_row *ret, struct job_fault *ret_fault);
int store_power_save(struct store *store, const struct power_row *row, struct job_fault *ret_fault);
/* Those whose power is off. Caller frees. */
int store_power_list_off(struct store *store, struct power_row **ret, size_t *ret_count, struct job_fault *ret_fault);

/* The report of the device's last probe takes the place of the one before. The device has a row. */
int store_report_save(struct store *store, const struct device_report *report, struct job_fault *ret_fault);
/* not-found when there is none. */
int store_report_load(struct store *store, const char *device, struct device_report *ret, struct job_fault *ret_fault);

/* Behind daemon/device_history.h. The oldest entries over DEVICE_HISTORY_MAX go with it; entry->id is set. The device has a row. */
int store_history_add(struct store *store, const char *device, struct device_entry *entry, struct job_fault *ret_fault);
/* Newest first. Caller frees *ret. */
int store_history_list(struct store *store, const char *device, unsigned limit, struct device_entry **ret, size_t *ret_count,
		       struct job_fault *ret_fault);

/* A lease as it is kept. */
struct lease_row {
	char device[DEVICE_ID_SIZE];
	char id[JOB_ID_SIZE]; /* what a job names that was asked for under it */
	char token_hash[65];  /* SHA-256, hexadecimal */
	struct device_lease lease;
	int64_t ttl_ms; /* as it was granted or renewed last */
};

/* The device has a row. Takes the place of the lease that the device had. */
int store_lease_save(struct store *store, const struct lease_row *row, struct job_fault *ret_fault);
int store_lease_remove(struct store *store, const char *device, struct job_fault *ret_fault);
/* The same two of the clock's own accord: never the change of an errand, though its thread may be the one that finds out. */
int store_lease_shorten(struct store *store, const struct lease_row *row, struct job_fault *ret_fault);
int store_lease_expire(struct store *store, const char *device, struct job_fault *ret_fault);
/* Also those that have expired. Caller frees. */
int store_lease_list(struct store *store, struct lease_row **ret, size_t *ret_count, struct job_fault *ret_fault);

/* The errand of the calling thread, which goes with the change that it names (daemon/errand.h). Borrowed until the end. */
void store_begin_errand(struct store *store, struct errand *errand);
void store_end_errand(struct store *store);
/* The name of who is behind the errand of the calling thread. False when it has none. */
bool store_errand_who(struct store *store, char ret[REQUESTED_BY_SIZE]);
/* What was not written with a change. */
int store_errand_save(struct store *store, struct errand *errand, struct job_fault *ret_fault);
/* 1 with the answer that the key of the errand stands for, and the digest of its request; 0: none. */
int store_answer_find(struct store *store, const struct errand *errand, char ret_request[65], struct kept_answer *ret,
		      struct job_fault *ret_fault);
/* prune: at most `limit` of those from before_ms or older; then when the oldest that is left is from, 0: there is none. */
int store_answers_prune(struct store *store, int64_t before_ms, unsigned limit, int64_t *ret_oldest_ms, struct job_fault *ret_fault);
int store_audit_prune(struct store *store, int64_t before_ms, unsigned limit, int64_t *ret_oldest_ms, struct job_fault *ret_fault);
/* So many entries at most, 0: any number. Before other threads use the store. */
void store_audit_keep(struct store *store, unsigned entries_max);
/* Its status and code are others than were foreseen. */
int store_audit_amend(struct store *store, const struct audit_entry *entry, struct job_fault *ret_fault);
/* Newest first. Caller frees *ret. */
int store_audit_list(struct store *store, const struct audit_filter *filter, struct audit_entry **ret, size_t *ret_count, bool *ret_more,
		     struct job_fault *ret_fault);
/* A campaign, new or changed, and those of its members that are new or changed; what was asked for never changes. */
struct campaign_change {
	const struct campaign *campaign;
	const struct campaign_member *members;
	size_t count;
	bool ends;            /* it comes to its end with this */
	uint64_t told_before; /* of one that ends: the newest event before that of its end */
};
int store_campaign_save(struct store *store, const struct campaign_change *change, struct job_fault *ret_fault);
/* With this page of its members; the database counts all of them. "not-found" when there is no such campaign, and the fault of
 * campaign_refuse_cursor(). */
int store_campaign_load(struct store *store, const char *id, const struct campaign_page *page, struct campaign_report *ret,
			struct job_fault *ret_fault);
/* Without its members. not-found as above. */
int store_campaign_glance(struct store *store, const char *id, struct campaign *ret, struct job_fault *ret_fault);
/* Newest first, at most limit. before "": from the newest. Caller frees *ret. */
int store_campaign_ids(struct store *store, const char *before, unsigned limit, char (**ret)[JOB_ID_SIZE], size_t *ret_count,
		       struct job_fault *ret_fault);
/* Those that go on, and those with a device that has not ended. Oldest first. Caller frees *ret. */
int store_campaigns_unfinished(struct store *store, char (**ret)[JOB_ID_SIZE], size_t *ret_count, struct job_fault *ret_fault);
int store_campaign_remove(struct store *store, const struct campaign *campaign, struct job_fault *ret_fault);
/* Retention. Of those that ended before that time, that with the oldest end that has neither a device nor a job that goes on; "": there is none. */
int store_campaign_outdated(struct store *store, int64_t ended_before_ms, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);
/* From now on there is no such campaign, here and in each later run; its rows are there until store_campaign_sweep() has taken them. 1; 0: it is not
 * outdated (any more), and stays. */
int store_campaign_hide(struct store *store, const char *id, int64_t ended_before_ms, struct job_fault *ret_fault);
/* Takes so many members of a hidden campaign; with the last ones itself. 1; 0: there is none. */
#define CAMPAIGN_PRUNE_STEP 200u
int store_campaign_sweep(struct store *store, struct job_fault *ret_fault);

/* A download that a person asked for goes on even when no job waits for it any more. */
int store_download_keep(struct store *store, const char *id, struct job_fault *ret_fault);
int store_download_kept(struct store *store, const char *id, bool *ret, struct job_fault *ret_fault);
/* It has ended. */
int store_download_forget(struct store *store, const char *id, struct job_fault *ret_fault);

/* state_dir/transcripts, made at open. Borrowed. */
const char *store_transcript_dir(const struct store *store);

#endif
