/* SPDX-License-Identifier: Apache-2.0 */
#include "api/errands.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_view.h"

#define STATUS_DONE          200
#define STATUS_CREATED       201
#define STATUS_ACCEPTED      202
#define STATUS_FIRST_REFUSAL 400
#define STATUS_CONFLICT      409
#define STATUS_OTHER_REQUEST 422
#define UNDER_WAY_RETRY_S    1u
#define OF_CAMPAIGNS         "/campaigns/"

struct errand_desk {
	pthread_mutex_t lock;
	struct errand_visit *first;
};

/* In which transaction a request is kept, and the answer that it gets when all goes well: the last one that fits. Those that are not here are kept
 * after their change. */
static const struct {
	const char *method, *pattern; /* what the route's begins with */
	enum errand_change change;
	int status;
} customs[] = {
    {"POST", "/devices/{id}/", ERRAND_NEW_JOB, STATUS_ACCEPTED},
    {"POST", "/jobs/{id}/retry", ERRAND_NEW_JOB, STATUS_ACCEPTED},
    {"PATCH", "/devices/{id}", ERRAND_DEVICE, 200},
    {"DELETE", "/jobs/{id}", ERRAND_JOB, 200},
    {"PUT", "/devices/{id}/lease", ERRAND_LEASE, 201},
    {"DELETE", "/devices/{id}/lease", ERRAND_LEASE, 204},
    {"POST", "/upgrades", ERRAND_CAMPAIGN, STATUS_ACCEPTED},
    {"POST", "/campaigns", ERRAND_CAMPAIGN, STATUS_CREATED},
    {"POST", "/campaigns/{id}/", ERRAND_CAMPAIGN, STATUS_DONE},
    {"DELETE", "/campaigns/{id}", ERRAND_CAMPAIGN, 204},
};

int errand_desk_new(struct errand_desk **ret)
{
	struct errand_desk *desk = calloc(1, sizeof(*desk));
	if (desk == NULL)
		return -ENOMEM;
	pthread_mutex_init(&desk->lock, NULL);
	*ret = desk;
	return 0;
}

void errand_desk_free(struct errand_desk *desk)
{
	if (desk == NULL)
		return;
	pthread_mutex_destroy(&desk->lock);
	free(desk);
}

const char *errand_key_problem(const char *key)
{
	size_t length = strlen(key);
	if (length == 0 || length >= IDEMPOTENCY_KEY_SIZE)
		return "an Idempotency-Key has 1 to 255 characters";
	for (const char *c = key; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return "an Idempotency-Key is of printable ASCII characters";
	return NULL;
}

static bool same_key(const struct errand *one, const struct errand *other)
{
	char who[REQUESTED_BY_SIZE], other_who[REQUESTED_BY_SIZE];
	actor_name(&one->entry.who, who);
	actor_name(&other->entry.who, other_who);
	return strcmp(one->key, other->key) == 0 && strcmp(one->entry.path, other->entry.path) == 0 &&
	       strcmp(one->entry.method, other->entry.method) == 0 && strcmp(who, other_who) == 0;
}

/* False when its key is under way already. */
static bool check_in(struct errand_visit *visit)
{
	struct errand_desk *desk = visit->desk;
	pthread_mutex_lock(&desk->lock);
	const struct errand_visit *other = desk->first;
	while (other != NULL && !same_key(&other->errand, &visit->errand))
		other = other->next;
	if (other == NULL) {
		visit->next = desk->first;
		desk->first = visit;
	}
	pthread_mutex_unlock(&desk->lock);
	return other == NULL;
}

static void check_out(struct errand_visit *visit)
{
	struct errand_desk *desk = visit->desk;
	pthread_mutex_lock(&desk->lock);
	struct errand_visit **link = &desk->first;
	while (*link != NULL && *link != visit)
		link = &(*link)->next;
	if (*link == visit)
		*link = visit->next;
	pthread_mutex_unlock(&desk->lock);
}

static int keep_answer(struct kept_answer *ret, int status, const char *location, const char *body)
{
	ret->body = strdup(body != NULL ? body : "");
	if (ret->body == NULL)
		return -ENOMEM;
	ret->status = status;
	snprintf(ret->location, sizeof(ret->location), "%s", location);
	return 0;
}

/* The same as exchange_new_job(). */
static int show_new_job(const struct job *job, struct kept_answer *ret)
{
	ret->body = json_view_job(job);
	if (ret->body == NULL)
		return -ENOMEM;
	ret->status = STATUS_ACCEPTED;
	snprintf(ret->location, sizeof(ret->location), "/jobs/%s", job->id);
	return 0;
}

/* The same as answer_campaign() of api/campaign_routes.c. */
static int show_campaign(const struct campaign *campaign, int status, struct kept_answer *ret)
{
	ret->body = json_view_campaign(campaign);
	if (ret->body == NULL)
		return -ENOMEM;
	ret->status = status;
	if (status != STATUS_DONE)
		snprintf(ret->location, sizeof(ret->location), OF_CAMPAIGNS "%s", campaign->id);
	return 0;
}

/* What makes two requests the same, besides the path. A NUL ends each part, so that no two have the same bytes. */
static void digest_request(const struct exchange *exchange, char ret[65])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < exchange->query_count; i++) {
		const struct query_item *item = &exchange->query[i];
		crypto_hash_sha256_update(&state, (const unsigned char *)item->name, strlen(item->name) + 1);
		crypto_hash_sha256_update(&state, (const unsigned char *)item->value, strlen(item->value) + 1);
	}
	crypto_hash_sha256_update(&state, (const unsigned char *)"", 1);
	crypto_hash_sha256_update(&state, (const unsigned char *)exchange->body, exchange->body_length);
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(ret, 65, digest, sizeof(digest));
}

static void choose_custom(struct errand *errand, const struct errand_terms *terms)
{
	errand->change = ERRAND_ELSEWHERE;
	for (size_t i = 0; i < sizeof(customs) / sizeof(customs[0]); i++) {
		if (strcmp(customs[i].method, terms->method) != 0 ||
		    strncmp(customs[i].pattern, terms->pattern, strlen(customs[i].pattern)) != 0)
			continue;
		errand->change = customs[i].change;
		errand->entry.status = customs[i].status;
	}
}

static int recall(struct errand_visit *visit)
{
	struct exchange *exchange = visit->exchange;
	struct kept_answer kept = {0};
	int r = gateway_recall_answer(exchange->gateway, &visit->errand, &kept, &exchange->fault);
	if (r == -EPROTO && exchange->fault.kind == fault_kind_find("invalid-request"))
		exchange->problem_status = STATUS_OTHER_REQUEST;
	if (r <= 0)
		return r;
	exchange->answer.replayed = true;
	memcpy(exchange->answer.location, kept.location, sizeof(exchange->answer.location));
	r = exchange_json(exchange, kept.status, kept.body);
	return r < 0 ? r : 1;
}

static int enter_with_key(struct errand_visit *visit)
{
	digest_request(visit->exchange, visit->errand.request_sha256);
	visit->errand.show_job = show_new_job;
	visit->errand.show_campaign = show_campaign;
	if (check_in(visit))
		return recall(visit);
	visit->exchange->answer.retry_after_s = UNDER_WAY_RETRY_S;
	return exchange_refuse(visit->exchange, STATUS_CONFLICT, NULL, "a request with this Idempotency-Key is still under way");
}

int errand_enter(struct errand_visit *visit, struct errand_desk *desk, struct exchange *exchange, const struct errand_terms *terms)
{
	struct audit_entry *entry = &visit->errand.entry;
	*visit = (struct errand_visit){.desk = desk, .exchange = exchange};
	entry->who = *terms->who;
	snprintf(entry->method, sizeof(entry->method), "%s", terms->method);
	snprintf(entry->path, sizeof(entry->path), "%s", terms->path);
	snprintf(visit->errand.key, sizeof(visit->errand.key), "%s", terms->key != NULL ? terms->key : "");
	choose_custom(&visit->errand, terms);
	exchange->errand = &visit->errand;
	gateway_begin_errand(exchange->gateway, &visit->errand);
	return visit->errand.key[0] != '\0' ? enter_with_key(visit) : 0;
}

void errand_name_device(struct exchange *exchange, const char *device)
{
	struct device found;
	struct job_fault unused;
	char lease[JOB_ID_SIZE] = "";
	if (exchange->errand == NULL || !device_id_valid(device))
		return;
	snprintf(exchange->errand->entry.device, sizeof(exchange->errand->entry.device), "%s", device);
	if (exchange->lease_token != NULL)
		gateway_own_lease(exchange->gateway, device, exchange->lease_token, lease);
	if (lease[0] != '\0' && gateway_device(exchange->gateway, device, &found, &unused) == 0)
		exchange_about_lease(exchange, found.lease.holder);
}

/* That of the path, or the one that was made. */
static void name_campaign(struct errand *errand, const char *path)
{
	struct audit_entry *entry = &errand->entry;
	size_t length = strlen(OF_CAMPAIGNS);
	if (entry->campaign[0] == '\0' && strncmp(path, OF_CAMPAIGNS, length) == 0)
		snprintf(entry->campaign, sizeof(entry->campaign), "%.*s", (int)strcspn(path + length, "/"), path + length);
}

/* Of a change that made no job: after it. */
static void keep_other_answer(struct errand *errand, const struct answer *answer)
{
	if (errand->key[0] == '\0' || errand->written || answer->status >= STATUS_FIRST_REFUSAL)
		return;
	(void)keep_answer(&errand->answer, answer->status, answer->location, answer->body); /* without it the key is unknown, no more */
}

void errand_leave(struct errand_visit *visit, bool entered)
{
	struct exchange *exchange = visit->exchange;
	const struct answer *answer = &exchange->answer;
	bool failed = answer->status >= STATUS_FIRST_REFUSAL && exchange->fault.kind != NULL;
	exchange->errand = NULL;
	if (entered && !exchange->changes_nothing) {
		name_campaign(&visit->errand, answer->location);
		name_campaign(&visit->errand, visit->errand.entry.path);
		keep_other_answer(&visit->errand, answer);
		gateway_end_errand(exchange->gateway, &visit->errand, answer->status, failed ? exchange->fault.kind->code : "");
	} else {
		gateway_drop_errand(exchange->gateway, &visit->errand);
	}
	if (visit->errand.key[0] != '\0')
		check_out(visit);
}
