/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"

#define DAY_MS        INT64_C(86400000)
#define PRUNE_SLACK   INT64_C(3600000) /* what is over may stay for an hour, so that one turn serves many */
#define PRUNE_STEP    200u
#define PRUNE_PAUSE   INT64_C(100) /* between two steps, in which others get at the disk */
#define STATUS_REFUSE 400
#define STATUS_FAIL   500

void gateway_begin_errand(struct gateway *gateway, struct errand *errand)
{
	errand->entry.at_ms = gateway->now_ms();
	store_begin_errand(gateway->store, errand);
}

int gateway_recall_answer(struct gateway *gateway, const struct errand *errand, struct kept_answer *ret, struct job_fault *ret_fault)
{
	char request[65];
	int result = store_answer_find(gateway->store, errand, request, ret, ret_fault);
	if (result <= 0 || strcmp(request, errand->request_sha256) == 0)
		return result;
	kept_answer_clear(ret);
	return job_fault_set(ret_fault, "invalid-request",
			     "this Idempotency-Key came before with another request: a new request needs a new key");
}

static void log_errand(const struct errand *errand)
{
	const struct audit_entry *entry = &errand->entry;
	char who[REQUESTED_BY_SIZE];
	bool changed = errand->written || entry->status < STATUS_REFUSE || entry->status >= STATUS_FAIL;
	actor_name(&entry->who, who);
	const char *device = entry->device[0] != '\0' ? entry->device : NULL;
	const char *job = entry->job[0] != '\0' ? ", job " : "", *code = entry->code[0] != '\0' ? ", " : "";
	if (changed)
		log_info(device, "%s: %s %s: %d%s%s%s%s", who, entry->method, entry->path, entry->status, code, entry->code, job,
			 entry->job);
	else
		log_debug(device, "refused to %s: %s %s: %d%s%s", who, entry->method, entry->path, entry->status, code, entry->code);
}

/* What was changed without the database, or in another transaction; and a status that was not foreseen. */
static int write_rest(struct gateway *gateway, struct errand *errand, int foreseen, struct job_fault *ret_fault)
{
	int status = errand->entry.status;
	if (errand->written)
		return status != foreseen ? store_audit_amend(gateway->store, &errand->entry, ret_fault) : 0;
	if (status >= STATUS_REFUSE)
		kept_answer_clear(&errand->answer);
	if (status >= STATUS_REFUSE && status < STATUS_FAIL)
		return 0;
	return store_errand_save(gateway->store, errand, ret_fault);
}

void gateway_end_errand(struct gateway *gateway, struct errand *errand, int status, const char *code)
{
	struct job_fault fault = {0};
	int foreseen = errand->entry.status;
	store_end_errand(gateway->store);
	errand->entry.status = status;
	snprintf(errand->entry.code, sizeof(errand->entry.code), "%s", code);
	log_errand(errand);
	int result = write_rest(gateway, errand, foreseen, &fault);
	if (result < 0)
		log_error(NULL, "the audit lacks %s %s: %s", errand->entry.method, errand->entry.path,
			  result == -EPROTO ? fault.message : strerror(-result));
	kept_answer_clear(&errand->answer);
}

void gateway_drop_errand(struct gateway *gateway, struct errand *errand)
{
	store_end_errand(gateway->store);
	kept_answer_clear(&errand->answer);
}

int gateway_audit(struct gateway *gateway, const struct audit_filter *filter, struct audit_entry **ret, size_t *ret_count, bool *ret_more,
		  struct job_fault *ret_fault)
{
	return store_audit_list(gateway->store, filter, ret, ret_count, ret_more, ret_fault);
}

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* When to look again, after the oldest that is left. What comes later is over later. */
static int64_t next_look(int64_t oldest_ms, int64_t kept_ms, int64_t now_ms)
{
	if (oldest_ms == 0)
		return now_ms + kept_ms + PRUNE_SLACK;
	return oldest_ms <= now_ms - kept_ms ? now_ms + PRUNE_PAUSE : oldest_ms + kept_ms + PRUNE_SLACK;
}

int64_t gateway_prune_errands(struct gateway *gateway)
{
	struct job_fault fault;
	int64_t answer_ms = 0, entry_ms = 0, now_ms = gateway->now_ms(), audit_ms = gateway->config->audit_keep_days * DAY_MS;
	/* A clock that was put back must not hold it up. */
	bool due = gateway->prune_at_ms <= now_ms || gateway->pruned_at_ms > now_ms;
	if (!due)
		return gateway->prune_at_ms;
	gateway->pruned_at_ms = now_ms;
	int result = store_answers_prune(gateway->store, now_ms - IDEMPOTENCY_KEPT_MS, PRUNE_STEP, &answer_ms, &fault);
	if (result == 0)
		result = store_audit_prune(gateway->store, now_ms - audit_ms, PRUNE_STEP, &entry_ms, &fault);
	if (result == 0)
		gateway->prune_at_ms = earlier(next_look(answer_ms, IDEMPOTENCY_KEPT_MS, now_ms), next_look(entry_ms, audit_ms, now_ms));
	else
		gateway->prune_at_ms = now_ms + PRUNE_SLACK;
	return gateway->prune_at_ms;
}
