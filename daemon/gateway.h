/* SPDX-License-Identifier: Apache-2.0
 *
 * What the daemon can be asked to do: the verbs behind every route. All functions are thread-safe and return copies; none waits for
 * a modem. 0, or -EPROTO with *ret_fault (a code of the one table), or another negative errno when memory is out.
 */
#ifndef DAEMON_GATEWAY_H
#define DAEMON_GATEWAY_H

#include "daemon/config.h"
#include "daemon/device_history.h"
#include "daemon/device_report.h"
#include "daemon/download_status.h"
#include "daemon/errand.h"
#include "daemon/events.h"
#include "daemon/types.h"
#include "firmware-cache/catalogue.h"
#include "firmware-cache/store.h"

struct gateway;
struct plan;

/* Opens store, cache, registry and queue; nothing runs yet. Used by cmd/dupgated and by tests. The config is borrowed. */
int gateway_new(const struct config *config, struct job_fault *ret_fault, struct gateway **ret);
void gateway_free(struct gateway *gateway);

struct event_bus *gateway_events(struct gateway *gateway);        /* borrowed */
struct firmware_store *gateway_firmware(struct gateway *gateway); /* borrowed; thread-safe by itself */
const struct config *gateway_config(const struct gateway *gateway);
bool gateway_ready(struct gateway *gateway, char *ret_why, size_t ret_why_size); /* /readyz */
/* It can take work, but something was lost before: a damaged database. "" when not. Borrowed. */
const char *gateway_degraded(const struct gateway *gateway);

/* Devices. selector NULL or "": all. The grammar is in daemon/selector.h. */
int gateway_devices(struct gateway *gateway, const char *selector, struct device **ret, size_t *ret_count, struct job_fault *ret_fault);
int gateway_device(struct gateway *gateway, const char *id, struct device *ret, struct job_fault *ret_fault);
/* The id of the device that a person means: by its id, or by an alias that no other device has. not-found, or invalid-request for an alias of several. */
int gateway_find_device(struct gateway *gateway, const char *reference, char ret_id[DEVICE_ID_SIZE], struct job_fault *ret_fault);

struct device_patch {
	bool set_labels, set_alias, set_maintenance, set_profile;
	size_t label_count;
	struct label labels[LABELS_MAX]; /* replace all; or, with merge_labels, those of the same key, and the others stay */
	bool merge_labels;
	size_t removed_count; /* with merge_labels */
	char removed[LABELS_MAX][sizeof(((struct label *)0)->key)];
	char reason[128]; /* why it goes into or out of maintenance, for its history; "": not said */
	char alias[64];
	bool maintenance;
	char profile[32]; /* "": the one that it has without a person's word */
	bool end_quarantine;
};
int gateway_patch_device(struct gateway *gateway, const char *id, const struct device_patch *patch, struct device *ret,
			 struct job_fault *ret_fault);

/* What the device's last probe found: "not-found" when there is no such device, and when none of its probes has ended well. */
int gateway_report(struct gateway *gateway, const char *id, struct device_report *ret, struct job_fault *ret_fault);

/* What happened to it besides its jobs, newest first. Caller frees *ret. */
int gateway_history(struct gateway *gateway, const char *id, unsigned limit, struct device_entry **ret, size_t *ret_count,
		    struct job_fault *ret_fault);

/* A stranded device is brought back by an upgrade with the firmware of its last job that did not end well, else of the last one that did, else with
 * a full bundle of the release that its modem last told; of a request: device, helper, lease and wait_for_lease. reference "": it is chosen. A
 * modem whose application comes up is sent nothing. "invalid-request" when the device is not stranded; "helper-needed", "not-found" naming what is
 * missing. */
int gateway_recover(struct gateway *gateway, const struct job_request *request, const char *reference, struct job *ret,
		    struct job_fault *ret_fault);
int gateway_plan_recovery(struct gateway *gateway, const struct job_request *request, const char *reference, struct plan *ret,
			  struct job_fault *ret_fault);

/* Jobs. 409 device-leased when the device is another's, unless request->wait_for_lease. A power cycle is one, too: its rung is checked, and what forbids a cut now (daemon/power.h). submit: the firmware member of the request may be a digest, prefix or name (up to 127 characters, hence apart); the answer has the digest.
 * 409 device-busy (naming the job) when the device has one that is not finished. It is on disk when this returns. */
int gateway_submit(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct job *ret,
		   struct job_fault *ret_fault);
/* The same, of a firmware that a URL brings: the job waits for the download, which begins at once, unless the cache has that digest. */
struct job_source {
	const char *url;
	const char *sha256; /* NULL: whatever comes */
	const char *name;   /* NULL: the last part of the URL's path */
};
int gateway_submit_url(struct gateway *gateway, const struct job_request *request, const struct job_source *source, struct job *ret,
		       struct job_fault *ret_fault);
/* "invalid-request" when it has passed; 0: none. */
int gateway_check_deadline(const struct gateway *gateway, int64_t deadline_ms, struct job_fault *ret_fault);
int gateway_job(struct gateway *gateway, const char *id, struct job *ret, struct job_fault *ret_fault);
int gateway_cancel(struct gateway *gateway, const char *id, struct job *ret, struct job_fault *ret_fault);
/* lease_token: NULL: none. wait_for_lease: as in struct job_request. */
int gateway_retry(struct gateway *gateway, const char *id, const char *lease_token, bool wait_for_lease, struct job *ret,
		  struct job_fault *ret_fault);

#define JOB_IN_STATE(state) (1u << (state))
struct job_filter {
	unsigned states;             /* a set of JOB_IN_STATE(); 0: any */
	char device[DEVICE_ID_SIZE]; /* "": any */
	char campaign[JOB_ID_SIZE];  /* "": of any or none */
	char kind[16];               /* name of a job_kind; "": any */
	char code[48];               /* of the fault; "": with any or none */
	char firmware[65];           /* sha256; "": any */
	int64_t since_ms, until_ms;  /* made then or after, and before until; 0: at any time */
	char before[JOB_ID_SIZE];    /* cursor: jobs older than this one; "": from the newest */
	unsigned limit;              /* 1 … 500, default 100 */
};
/* Newest first. ret_next: the cursor with which to go on, "": there are no older ones. A list that would have to look at a long history for a few jobs
 * stops on the way, with fewer than asked for or none, and goes on from there. Caller frees *ret. */
int gateway_jobs(struct gateway *gateway, const struct job_filter *filter, struct job **ret, size_t *ret_count, char ret_next[JOB_ID_SIZE],
		 struct job_fault *ret_fault);

/* Jobs and campaigns that ended since a client of events was last there, in a run of the daemon before this one too: at most `room`, oldest first, as they
 * are now. seen->number is moved on; *ret_count is 0 when there are no more. What the client knows may come again. */
#define EPOCH_SIZE 32 /* of the first half of an event's id: the run of the daemon */
struct endings_seen {
	char epoch[EPOCH_SIZE];
	uint64_t seq;   /* of the last event that the client has */
	int64_t number; /* of the last end that was told to this client; 0 at first */
};
struct missed_end {
	bool of_campaign; /* else of a job */
	struct job job;
	struct campaign campaign;
};
int gateway_missed_ends(struct gateway *gateway, struct endings_seen *seen, struct missed_end *ret, size_t room, size_t *ret_count,
			struct job_fault *ret_fault);

/* The transcript as text so far. Caller frees. "not-found" when the job never ran. */
int gateway_transcript(struct gateway *gateway, const char *id, char **ret_text, struct job_fault *ret_fault);

/* The plan for this request with what is known of the modem now, for ?dry_run=true. Changes nothing, touches no port. A plan that is forbidden
 * answers 0 with plan.fault set. */
struct plan_step {
	char phase[16];
	char what[80];
	char why[120];
	uint32_t budget_s;
};
struct plan_file {
	char sha256[65]; /* "": none */
	char name[FIRMWARE_NAME_SIZE];
};
#define PLAN_STEPS_MAX 24u
struct plan {
	char device[DEVICE_ID_SIZE];
	struct plan_file firmware, helper, second;
	bool helper_unused; /* there is one, and the modem can do without */
	char way[16];
	char family[16];
	int boot_mode; /* the one planned from */
	char boot_mode_name[16];
	bool assumed;      /* the modem was never asked: mode 2 and the firmware's family are assumed */
	char warning[120]; /* what force overrides at the modem's risk; "": nothing */
	size_t step_count;
	struct plan_step steps[PLAN_STEPS_MAX];
	uint32_t budget_s; /* of all steps together */
	struct job_fault fault;
};
int gateway_plan(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct plan *ret,
		 struct job_fault *ret_fault);

/* Firmware verbs that also publish events; the rest is firmware-cache/store.h. fault from a cache error: */
void job_fault_from_cache(struct job_fault *ret, const struct cache_error *error);
int gateway_firmware_added(struct gateway *gateway, const struct firmware *firmware);
/* firmware_import_commit_all() and the events of what came. The import is gone after it. */
int gateway_commit_import(struct gateway *gateway, struct firmware_import *import, const struct firmware_statement *statement,
			  struct firmware_batch *ret, struct job_fault *ret_fault);
int gateway_patch_firmware(struct gateway *gateway, const char *reference, const char *name, const struct firmware_facts *stated,
			   unsigned mask, struct firmware *ret, struct job_fault *ret_fault);
/* Keeps the text of a .minisig file with the firmware. */
int gateway_sign_firmware(struct gateway *gateway, const char *reference, const char *text, size_t length, struct firmware *ret,
			  struct job_fault *ret_fault);
int gateway_remove_firmware(struct gateway *gateway, const char *reference, struct job_fault *ret_fault);

/* Downloads. begin: *ret_was_there says that `ret_firmware` was in the cache (then the caller clears it and there is no download); else the new download
 * or the one that is under way. Each status and the list are freed with download_statuses_free(). */
int gateway_begin_download(struct gateway *gateway, const struct download_request *request, struct download_status **ret,
			   struct firmware *ret_firmware, bool *ret_was_there, struct job_fault *ret_fault);
int gateway_download(struct gateway *gateway, const char *id, struct download_status **ret, struct job_fault *ret_fault);
/* Oldest first. */
int gateway_downloads(struct gateway *gateway, struct download_status **ret, size_t *ret_count, struct job_fault *ret_fault);
/* Jobs that wait for it fail. "invalid-request" when it has succeeded or failed, or is just being stored. */
int gateway_cancel_download(struct gateway *gateway, const char *id, struct download_status **ret, struct job_fault *ret_fault);
void download_statuses_free(struct download_status *list, size_t count);

/* The catalogue: what can be fetched besides what is in the cache. "signature-missing" and "signature-bad" as require_signature has it; "not-found" when
 * there is none. The caller clears *ret. */
int gateway_put_catalogue(struct gateway *gateway, const struct catalogue_text *text, struct catalogue *ret, struct job_fault *ret_fault);
int gateway_catalogue(struct gateway *gateway, struct catalogue *ret, struct job_fault *ret_fault);

/* Leases (gateway_lease.c). Who holds a device acts on it alone: whatever changes the device or starts, ends or repeats a job of it asks with
 * gateway_check_lease() first: 0 when nobody holds it or `token` is the holder's (NULL: none came; several are separated by commas), else
 * "device-leased" naming holder and end. */
#define LEASE_TOKEN_SIZE 23u /* 128 bits in base64url, and the NUL */
#define LEASE_TTL_MAX_S  2592000u
int gateway_check_lease(struct gateway *gateway, const char *device, const char *token, struct job_fault *ret_fault);

/* The same for an action on a job; one that only waits for the end of a lease, or has ended, is everybody's. */
int gateway_check_job_lease(struct gateway *gateway, const char *job, const char *token, struct job_fault *ret_fault);
/* What goes into job_request.lease, so that the job is the holder's: the id of the lease that this token is of; "" when it is of none. */
void gateway_own_lease(struct gateway *gateway, const char *device, const char *token, char ret_id[JOB_ID_SIZE]);

struct lease_order {
	const char *holder; /* 1 to 63 bytes */
	const char *reason; /* at most 127 bytes; "": none */
	uint32_t ttl_s;
	bool takeover;
	const char *token; /* NULL: none */
};
struct lease_grant {
	struct device_lease lease;
	char token[LEASE_TOKEN_SIZE];
	bool renewed;
};
/* A new lease, the device's own renewed, or another's taken over. Jobs that were not asked for under it and have not begun wait until it ends: also
 * those that were asked for under the lease before. */
int gateway_grant_lease(struct gateway *gateway, const char *device, const struct lease_order *order, struct lease_grant *ret,
			struct job_fault *ret_fault);
/* By its token; or with force, and a reason. "not-found" when there is no lease. */
int gateway_release_lease(struct gateway *gateway, const char *device, const char *token, bool force, const char *reason,
			  struct job_fault *ret_fault);

/* Errands (gateway_errand.c): what a request that changes something brings along. begin: from now on the change that the calling thread makes through this
 * gateway has the errand in its transaction, until end (with the status of the answer, and the code of its fault, "" for none) has written what is
 * left of it, or drop has forgotten it, as nothing was changed. A refusal (4xx) is logged only: a flood of them would drive the changes out. */
void gateway_begin_errand(struct gateway *gateway, struct errand *errand);
void gateway_end_errand(struct gateway *gateway, struct errand *errand, int status, const char *code);
void gateway_drop_errand(struct gateway *gateway, struct errand *errand);
/* 1 with the answer that was given for the key, which the caller clears; 0: there is none that is less than a day old; "invalid-request" when it was
 * given to another request. The errand has begun. */
int gateway_recall_answer(struct gateway *gateway, const struct errand *errand, struct kept_answer *ret, struct job_fault *ret_fault);
/* Newest first. Caller frees *ret. */
int gateway_audit(struct gateway *gateway, const struct audit_filter *filter, struct audit_entry **ret, size_t *ret_count, bool *ret_more,
		  struct job_fault *ret_fault);

struct gateway_counts {
	unsigned devices, running, queued, waiting;
};
void gateway_counts(struct gateway *gateway, struct gateway_counts *ret);

/* For the main thread (daemon/main_loop.h). The descriptor is readable when a turn is due: jobs are started, joined, woken. gateway_turn()
 * returns the Unix time in ms of the next turn that is due by itself, 0 for none. */
int gateway_wake_fd(const struct gateway *gateway);
int64_t gateway_turn(struct gateway *gateway);
/* The wall clock was set by so much (clock_watch.h), forward is positive: said before the next turn. */
void gateway_clock_stepped(struct gateway *gateway, int64_t by_ms);
/* With each turn: takes away a few of the answers and the lines of the audit whose time is over. Returns the Unix time in ms at which it has to look
 * again. */
int64_t gateway_prune_errands(struct gateway *gateway);
/* The same of finished jobs and ended campaigns (daemon/job_retention.h). */
int64_t gateway_prune_jobs(struct gateway *gateway);
/* Looks whether each port is there; jobs that wait for one go on. */
void gateway_check_ports(struct gateway *gateway);
/* Readable when a port may have come or gone: then gateway_ports_changed() is due. -1: the kernel does not tell. Borrowed. */
int gateway_ports_fd(const struct gateway *gateway);
void gateway_ports_changed(struct gateway *gateway);
/* Every now and then: looks at all ports, whatever the kernel told. */
void gateway_survey_ports(struct gateway *gateway);
/* Readable when boards on USB came or left: then gateway_take_hotplug() is due. -1: they are not looked for. Borrowed. */
int gateway_hotplug_fd(const struct gateway *gateway);
void gateway_take_hotplug(struct gateway *gateway);
/* Begins the ordered stop. It is over when gateway_threads(), the count of running jobs that were not joined yet, is 0. */
void gateway_stop(struct gateway *gateway);
unsigned gateway_threads(struct gateway *gateway);
/* Device, phase and percent of each, as a line of text. */
void gateway_describe_threads(struct gateway *gateway, char *ret, size_t size);
/* Threads that the stop does not wait for, as their driver hangs: the process has to end with _exit(), and the gateway is not freed. */
unsigned gateway_threads_left(struct gateway *gateway);

#endif
