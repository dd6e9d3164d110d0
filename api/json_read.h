/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies in: strict. One object; unknown and doubled members, wrong types, values out of range, NUL, more than 16 levels are refused, naming the
 * member. Pure.
 */
#ifndef API_JSON_READ_H
#define API_JSON_READ_H

#include "daemon/gateway.h"

#define JSON_DEPTH_MAX 16u

struct read_error {
	char member[64]; /* "" when it is not about one */
	char message[384];
};

/* All: 0, or -EINVAL with *ret_error, or -ENOMEM. An empty body is an empty object where nothing is required. */

/* What a retry may be asked for with: {"if_leased": "refuse" | "wait"}. */
int json_read_job_terms(const char *body, size_t length, bool *ret_wait_for_lease, struct read_error *ret_error);

struct probe_request {
	uint32_t attempts;   /* 0: not said */
	int64_t deadline_ms; /* the same */
	bool wait_for_lease;
};
int json_read_probe(const char *body, size_t length, struct probe_request *ret, struct read_error *ret_error);

struct power_cycle_request {
	char rung[8];
	bool wait_for_lease;
};
int json_read_power_cycle(const char *body, size_t length, struct power_cycle_request *ret, struct read_error *ret_error);

struct upgrade_request {
	char firmware[128];                /* a reference; "": */
	char url[DOWNLOAD_URL_SIZE];       /* where it comes from */
	char sha256[FIRMWARE_SHA256_SIZE]; /* what has to come from there; "": not said */
	char helper[128];                  /* a reference; "": the firmware's own, if it has one */
	char second[128];                  /* the same, of the second file of a pair */
	char way[16];
	bool force;
	bool allow_downgrade;
	bool allow_branch_switch;
	int32_t priority;
	int64_t not_before_ms;
	int64_t deadline_ms; /* 0: not said */
	uint32_t attempts;   /* the same */
	uint32_t rate_bps;
	bool wait_for_lease;
};
int json_read_upgrade(const char *body, size_t length, struct upgrade_request *ret, struct read_error *ret_error);

struct recovery_request {
	char firmware[128]; /* a reference; "": the one that fits */
	char helper[128];   /* the same; "": the firmware's own */
	bool wait_for_lease;
};
int json_read_recovery(const char *body, size_t length, struct recovery_request *ret, struct read_error *ret_error);

struct lease_request {
	char holder[64];
	char reason[128]; /* "": none */
	uint32_t ttl_s;
	bool takeover;
};
int json_read_lease(const char *body, size_t length, struct lease_request *ret, struct read_error *ret_error);

/* merge: a JSON Merge Patch (RFC 7396): labels that are not named stay, those that are null go. */
int json_read_device_patch(const char *body, size_t length, bool merge, struct device_patch *ret, struct read_error *ret_error);

struct firmware_patch {
	char name[FIRMWARE_NAME_SIZE]; /* "": keep */
	char helper[128];              /* a reference, when FACT_HELPER is in the mask */
	char second[128];              /* the same with FACT_SECOND */
	struct firmware_facts stated;  /* all but helper and second */
	unsigned mask;                 /* of enum firmware_fact */
};
int json_read_firmware_patch(const char *body, size_t length, struct firmware_patch *ret, struct read_error *ret_error);

struct firmware_url {
	char url[DOWNLOAD_URL_SIZE];
	char sha256[FIRMWARE_SHA256_SIZE]; /* "": not said, as in all below */
	char name[FIRMWARE_NAME_SIZE];
	char helper[128];             /* a reference */
	char second[128];             /* the same */
	struct firmware_facts stated; /* all but helper and second */
	char signature[SIGNATURE_TEXT_MAX + 1];
	char signature_url[DOWNLOAD_URL_SIZE];
};
int json_read_firmware_url(const char *body, size_t length, struct firmware_url *ret, struct read_error *ret_error);

/* {"catalogue": "[…]", "signature": "…"} or {"url": "…"}; both texts are the caller's to free, NULL when missing. */
struct catalogue_upload {
	char url[DOWNLOAD_URL_SIZE];
	char *text;
	char *signature;
};
int json_read_catalogue(const char *body, size_t length, struct catalogue_upload *ret, struct read_error *ret_error);

#endif
