/* SPDX-License-Identifier: Apache-2.0
 *
 * One firmware over a selection of devices, in waves: the values, and the verbs of the gateway. The selection is frozen when the campaign starts.
 */
#ifndef DAEMON_CAMPAIGN_H
#define DAEMON_CAMPAIGN_H

#include "daemon/types.h"
#include "daemon/window.h"

#define CAMPAIGN_WAVES_MAX     16u
#define CAMPAIGN_NAME_SIZE     64u
#define CAMPAIGN_SELECTOR_SIZE 256u
#define CAMPAIGN_PARALLEL_MAX  1024u
#define CAMPAIGN_SOAK_MAX_S    2592000u

struct gateway;

/* Final: stopped and finished, but that the failed devices of both can be tried again. */
enum campaign_state { CAMPAIGN_DRAFT, CAMPAIGN_RUNNING, CAMPAIGN_PAUSED, CAMPAIGN_WAITING, CAMPAIGN_STOPPED, CAMPAIGN_FINISHED };
const char *campaign_state_name(enum campaign_state state);
bool campaign_state_parse(const char *name, enum campaign_state *ret);

/* What becomes of a device that is absent, or in maintenance, when its turn comes. */
enum campaign_offline { OFFLINE_WAIT, OFFLINE_SKIP, OFFLINE_FAIL };
const char *campaign_offline_name(enum campaign_offline offline);
bool campaign_offline_parse(const char *name, enum campaign_offline *ret);

enum wave_kind { WAVE_COUNT, WAVE_PERCENT, WAVE_SELECTOR };
enum wave_state { WAVE_PENDING, WAVE_RUNNING, WAVE_DONE };
const char *wave_state_name(enum wave_state state);

struct campaign_wave {
	enum wave_kind kind;
	uint32_t number;                       /* of devices, or percent of all */
	char selector[CAMPAIGN_SELECTOR_SIZE]; /* of those that are in no wave before it */
	enum wave_state state;
	uint32_t devices, finished;
};

/* Each 0: not asked for. */
struct campaign_stop_rules {
	uint32_t failed, consecutive;
	uint32_t percent; /* of all devices of the campaign that are not skipped */
};

struct campaign_counts {
	uint32_t total, queued, waiting, running, succeeded, failed, cancelled, skipped;
};

/* What was asked for. */
struct campaign_order {
	char name[CAMPAIGN_NAME_SIZE]; /* "": none */
	struct job_request request;    /* what each job is made of; the device is empty, the firmware a digest */
	char selector[CAMPAIGN_SELECTOR_SIZE];
	size_t wave_count;
	struct campaign_wave waves[CAMPAIGN_WAVES_MAX]; /* at least one, once the campaign is made */
	uint32_t max_parallel;                          /* jobs at a time; one that waits for its device or a lease takes no place */
	struct campaign_stop_rules stop_after;
	bool pause_after_wave;
	uint32_t soak_s;
	struct window window;
	enum campaign_offline offline;
};

struct campaign {
	char id[JOB_ID_SIZE]; /* "": it was only tried out */
	struct campaign_order order;
	char release[48]; /* as the firmware declares */
	enum campaign_state state;
	char reason[200];        /* why it is paused, waiting, stopped; why nothing of it runs; how it ended */
	int64_t goes_on_at_ms;   /* when it goes on by itself; 0: nobody knows, or it does not wait */
	uint32_t wave;           /* the current one */
	int64_t wave_done_at_ms; /* when all of the current wave had ended; 0: not yet */
	struct campaign_counts counts;
	int64_t created_at_ms, started_at_ms, finished_at_ms; /* Unix time; 0: not yet */
};

/* queued: its turn has not come, or its job's has not. waiting: for a reason. The others are final. */
enum member_state { MEMBER_QUEUED, MEMBER_WAITING, MEMBER_RUNNING, MEMBER_SUCCEEDED, MEMBER_FAILED, MEMBER_CANCELLED, MEMBER_SKIPPED };
const char *member_state_name(enum member_state state);
bool member_state_parse(const char *name, enum member_state *ret);
bool member_state_final(enum member_state state);

/* A device of a campaign. */
struct campaign_member {
	char device[DEVICE_ID_SIZE];
	int wave; /* -1: of none */
	enum member_state state;
	char reason[200];           /* why it waits, was skipped, failed or counts as done */
	char job[JOB_ID_SIZE];      /* the last one that the campaign made for it; "": none */
	char previous[JOB_ID_SIZE]; /* the one that the next job tries again; "": none */
	bool withdrawn;             /* its job is taken back, as the campaign pauses or stops */
	/* As its job has them, or had when it ended. */
	char from_release[48], to_release[48];
	bool verified; /* the modem said the release that the firmware declares */
	uint32_t attempts;
	int64_t started_at_ms, finished_at_ms;
	int64_t shut_until_ms;          /* when its job may begin, as long as that waits for its window; 0: it does not. Not kept. */
	int64_t ended;                  /* the later of two ends has the greater number, whatever the clock did; 0: not yet */
	const struct fault_kind *fault; /* NULL: none */
	char fault_message[256], fault_evidence[256];
};

/* Of the devices of a campaign, in the order of the list of devices when it started. */
struct campaign_page {
	char after[DEVICE_ID_SIZE]; /* those behind this one; "": from the first */
	unsigned limit;             /* 0: all */
};

/* A campaign with its devices, or some of them; freed with campaign_report_clear(). */
struct campaign_report {
	struct campaign campaign;
	struct campaign_member *members;
	size_t count;
	struct device *devices; /* what each member's device is now, id "": there is none of that id any more; NULL: nobody asked */
	bool more;              /* there are others behind them */
};
void campaign_report_clear(struct campaign_report *report);

/* The verbs, as those of daemon/gateway.h: thread-safe, 0 or -EPROTO with the fault. */

/* A new one, a draft. firmware: a reference. "invalid-request" when the selector matches nothing. */
int gateway_create_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign *ret,
			    struct job_fault *ret_fault);
/* The same, started at once. */
int gateway_run_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign *ret,
			 struct job_fault *ret_fault);
/* What would become of it if it started now: members with their waves, and what is against each. Nothing is kept. */
int gateway_try_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign_report *ret,
			 struct job_fault *ret_fault);

/* "invalid-request" when the campaign is not in a state for it, naming that. approve: the next wave begins, also in the middle of a soak.
 * pause, stop: jobs that have not begun are taken back, others go on. retry: the failed ones once more. */
enum campaign_verb { CAMPAIGN_START, CAMPAIGN_PAUSE, CAMPAIGN_RESUME, CAMPAIGN_STOP, CAMPAIGN_APPROVE, CAMPAIGN_RETRY };
int gateway_direct_campaign(struct gateway *gateway, const char *id, enum campaign_verb verb, struct campaign *ret,
			    struct job_fault *ret_fault);

int gateway_campaign(struct gateway *gateway, const char *id, struct campaign *ret, struct job_fault *ret_fault);
/* With what the devices are now. "invalid-request" when page->after is none of its devices. */
int gateway_campaign_report(struct gateway *gateway, const char *id, const struct campaign_page *page, struct campaign_report *ret,
			    struct job_fault *ret_fault);
/* Newest first; before: older than this one ("": from the newest). Caller frees *ret. */
int gateway_campaigns(struct gateway *gateway, const char *before, unsigned limit, struct campaign **ret, size_t *ret_count, bool *ret_more,
		      struct job_fault *ret_fault);
/* Only a draft. */
int gateway_remove_campaign(struct gateway *gateway, const char *id, struct job_fault *ret_fault);

#endif
