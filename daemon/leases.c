/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/leases.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock_watch.h"
#include "daemon/job_id.h"
#include "daemon/log.h"
#include "daemon/moment.h"

#define TOKEN_BYTES 16u

struct leases {
	struct leases_surroundings with;
	pthread_mutex_t change, lock;
	size_t count, room;
	struct lease_row *rows;
};

/* `lock` or `change` is held. */
static struct lease_row *find(struct leases *leases, const char *device)
{
	for (size_t i = 0; i < leases->count; i++)
		if (strcmp(leases->rows[i].device, device) == 0)
			return &leases->rows[i];
	return NULL;
}

/* A copy of the lease that holds the device now. */
static bool find_current(struct leases *leases, const char *device, struct lease_row *ret)
{
	int64_t now_ms = leases->with.now_ms();
	pthread_mutex_lock(&leases->lock);
	const struct lease_row *row = find(leases, device);
	bool held = row != NULL && row->lease.expires_at_ms > now_ms;
	if (held)
		*ret = *row;
	pthread_mutex_unlock(&leases->lock);
	return held;
}

static void hash_token(const char *token, char ret[65])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const uint8_t *)token, strlen(token));
	sodium_bin2hex(ret, 65, hash, sizeof(hash));
}

static void make_token(char ret[LEASE_TOKEN_SIZE])
{
	uint8_t noise[TOKEN_BYTES];
	_Static_assert(LEASE_TOKEN_SIZE == sodium_base64_ENCODED_LEN(TOKEN_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		       "the size is that of a token");
	randombytes_buf(noise, sizeof(noise));
	sodium_bin2base64(ret, LEASE_TOKEN_SIZE, noise, sizeof(noise), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(noise, sizeof(noise));
}

/* Whether one of the tokens in the text is the lease's, which is then copied to ret_token. */
static bool token_fits(const struct lease_row *row, const char *text, char ret_token[LEASE_TOKEN_SIZE])
{
	bool fits = false;
	while (text != NULL && !fits) {
		text += strspn(text, " \t,");
		size_t length = strcspn(text, " \t,");
		char hash[65];
		if (length == 0)
			break;
		if (length == LEASE_TOKEN_SIZE - 1) {
			memcpy(ret_token, text, length);
			ret_token[length] = '\0';
			hash_token(ret_token, hash);
			fits = sodium_memcmp(hash, row->token_hash, sizeof(hash) - 1) == 0;
		}
		text += length;
	}
	return fits;
}

static int refuse_other(const struct lease_row *row, bool with_token, struct job_fault *ret_fault)
{
	char end[MOMENT_SIZE];
	const struct device_lease *lease = &row->lease;
	moment_text(lease->expires_at_ms, end);
	job_fault_set(ret_fault, "device-leased", "the device %s is leased by %s until %s%s%s", row->device, lease->holder, end,
		      lease->reason[0] != '\0' ? ": " : "", lease->reason);
	if (with_token)
		snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "the token that came is not that of this lease");
	return job_fault_advise(ret_fault,
				"Ask %s to give it back, wait until %s (a job can: --if-leased wait), or take it over: "
				"dupctl lease %s --takeover --reason WHY.",
				lease->holder, end, row->device);
}

int leases_check(struct leases *leases, const char *device, const char *token, char ret_id[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	struct lease_row row;
	char own[LEASE_TOKEN_SIZE];
	if (ret_id != NULL)
		ret_id[0] = '\0';
	if (!find_current(leases, device, &row))
		return 0;
	if (!token_fits(&row, token, own))
		return refuse_other(&row, token != NULL, ret_fault);
	if (ret_id != NULL)
		memcpy(ret_id, row.id, sizeof(row.id));
	return 0;
}

int leases_check_id(struct leases *leases, const char *device, const char *id, struct job_fault *ret_fault)
{
	struct lease_row row;
	if (!find_current(leases, device, &row) || strcmp(row.id, id) == 0)
		return 0;
	return refuse_other(&row, false, ret_fault);
}

/* A sentence of a person: no control characters (those of C1 are two bytes of UTF-8), no blank at either end. */
static bool is_plain(const char *text, size_t max)
{
	size_t length = strlen(text);
	if (length > max || text[0] == ' ' || (length > 0 && text[length - 1] == ' '))
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)text[i];
		if (byte < 0x20 || byte == 0x7F || (byte == 0xC2 && (uint8_t)text[i + 1] < 0xA0))
			return false;
	}
	return true;
}

static int check_reason(const char *reason, struct job_fault *ret_fault)
{
	if (is_plain(reason, sizeof(((struct device_lease *)0)->reason) - 1))
		return 0;
	return job_fault_set(ret_fault, "invalid-request",
			     "a reason has at most 127 bytes, no control characters, and no blank at either end");
}

static int check_order(const struct lease_order *order, struct job_fault *ret_fault)
{
	if (order->holder[0] == '\0' || !is_plain(order->holder, sizeof(((struct device_lease *)0)->holder) - 1))
		return job_fault_set(ret_fault, "invalid-request",
				     "a holder has 1 to 63 bytes, no control characters, and no blank at either end");
	if (order->ttl_s == 0 || order->ttl_s > LEASE_TTL_MAX_S)
		return job_fault_set(ret_fault, "invalid-request", "a lease is for 1 to %u seconds (30 days)", LEASE_TTL_MAX_S);
	return check_reason(order->reason, ret_fault);
}

/* In memory and in the registry, for all to see. `change` is held, and there is room. */
static void show(struct leases *leases, const struct lease_row *row)
{
	pthread_mutex_lock(&leases->lock);
	struct lease_row *place = find(leases, row->device);
	if (place == NULL)
		place = &leases->rows[leases->count++];
	*place = *row;
	pthread_mutex_unlock(&leases->lock);
	registry_set_lease(leases->with.registry, row->device, &row->lease);
}

static void forget(struct leases *leases, const char *device)
{
	static const struct device_lease nobody = {.holder = ""};
	pthread_mutex_lock(&leases->lock);
	struct lease_row *row = find(leases, device);
	if (row != NULL)
		*row = leases->rows[--leases->count];
	pthread_mutex_unlock(&leases->lock);
	registry_set_lease(leases->with.registry, device, &nobody);
}

static int make_room(struct leases *leases)
{
	if (leases->count < leases->room)
		return 0;
	size_t room = leases->room * 2 + 8;
	pthread_mutex_lock(&leases->lock);
	struct lease_row *grown = reallocarray(leases->rows, room, sizeof(*grown));
	if (grown != NULL) {
		leases->rows = grown;
		leases->room = room;
	}
	pthread_mutex_unlock(&leases->lock);
	return grown != NULL ? 0 : -ENOMEM;
}

/* It is over by the clock, whether the disk takes that or not: at the next start it is found to be over again. */
static void expire(struct leases *leases, const struct lease_row *row)
{
	struct job_fault fault;
	if (store_lease_expire(leases->with.store, row->device, &fault) < 0)
		log_warning(row->device, "the end of a lease is not stored: %s", fault.message);
	forget(leases, row->device);
	log_info(row->device, "the lease of %s has expired", row->lease.holder);
	device_history_note(leases->with.history, row->device, DEVICE_FACT_LEASE_ENDED, "", "the lease of %s expired", row->lease.holder);
}

/* The clock was set back: without this the lease would last for as much longer. */
static void shorten(struct leases *leases, const struct lease_row *row, int64_t now_ms)
{
	struct job_fault fault;
	struct lease_row next = *row;
	next.lease.expires_at_ms = now_ms + row->ttl_ms;
	if (next.lease.since_ms > now_ms)
		next.lease.since_ms = now_ms;
	if (store_lease_shorten(leases->with.store, &next, &fault) < 0)
		log_warning(row->device, "the new end of a lease is not stored: %s", fault.message);
	show(leases, &next);
	log_info(row->device, "the clock was set back: the lease of %s ends earlier by it", row->lease.holder);
}

/* `change` is held. */
static int64_t look_at_all(struct leases *leases)
{
	int64_t now_ms = leases->with.now_ms(), next_ms = 0;
	for (size_t i = leases->count; i-- > 0;) {
		const struct lease_row row = leases->rows[i];
		if (row.lease.expires_at_ms <= now_ms)
			expire(leases, &row);
		else if (row.lease.expires_at_ms - now_ms >= row.ttl_ms + CLOCK_STEP_MIN_MS)
			shorten(leases, &row, now_ms);
	}
	for (size_t i = 0; i < leases->count; i++)
		if (next_ms == 0 || leases->rows[i].lease.expires_at_ms < next_ms)
			next_ms = leases->rows[i].lease.expires_at_ms;
	return next_ms;
}

int64_t leases_turn(struct leases *leases)
{
	pthread_mutex_lock(&leases->change);
	int64_t next_ms = look_at_all(leases);
	pthread_mutex_unlock(&leases->change);
	return next_ms;
}

void leases_clock_stepped(struct leases *leases, int64_t by_ms)
{
	struct job_fault fault;
	pthread_mutex_lock(&leases->change);
	/* Whoever asks meanwhile finds the lease as it is. */
	for (size_t i = 0; i < leases->count; i++) {
		struct lease_row next = leases->rows[i];
		next.lease.since_ms += by_ms;
		next.lease.expires_at_ms += by_ms;
		show(leases, &next);
	}
	if (store_shift_times(leases->with.store, TIMES_OF_LEASES, by_ms, &fault) < 0)
		log_warning(NULL, "the ends of leases are not stored as the clock has them now: %s", fault.message);
	pthread_mutex_unlock(&leases->change);
}

/* A lease that is there may be renewed by who brings its token, and taken over by others who say why. */
static int check_against(const struct lease_row *current, bool own, const struct lease_order *order, struct job_fault *ret_fault)
{
	if (own && strcmp(order->holder, current->lease.holder) != 0)
		return job_fault_set(ret_fault, "invalid-request", "the lease is that of %s: who renews it does not become another holder",
				     current->lease.holder);
	if (!own && !order->takeover)
		return refuse_other(current, order->token != NULL, ret_fault);
	if (!own && order->reason[0] == '\0')
		return job_fault_set(ret_fault, "invalid-request", "to take the lease of %s over there must be a reason",
				     current->lease.holder);
	return 0;
}

static void note_grant(struct leases *leases, const struct lease_row *row, const struct lease_row *former)
{
	char end[MOMENT_SIZE];
	const struct device_lease *lease = &row->lease;
	const char *colon = lease->reason[0] != '\0' ? ": " : "";
	moment_text(lease->expires_at_ms, end);
	log_info(row->device, "leased by %s until %s%s%s%s%s", lease->holder, end, former != NULL ? ", taken over from " : "",
		 former != NULL ? former->lease.holder : "", colon, lease->reason);
	if (former == NULL)
		device_history_note(leases->with.history, row->device, DEVICE_FACT_LEASED, "", "%s holds it until %s%s%s", lease->holder,
				    end, colon, lease->reason);
	else
		device_history_note(leases->with.history, row->device, DEVICE_FACT_LEASE_TAKEN_OVER, "", "%s took it over from %s: %s",
				    lease->holder, former->lease.holder, lease->reason);
}

static struct lease_row new_row(const char *device, const struct lease_order *order, int64_t now_ms, char ret_token[LEASE_TOKEN_SIZE])
{
	struct lease_row row = {.lease.since_ms = now_ms};
	memcpy(row.device, device, strlen(device) + 1);
	job_id_make(now_ms, "", row.id);
	memcpy(row.lease.holder, order->holder, strlen(order->holder) + 1);
	make_token(ret_token);
	hash_token(ret_token, row.token_hash);
	return row;
}

/* `change` is held; what has expired is gone. */
static int grant(struct leases *leases, const char *device, const struct lease_order *order, struct lease_grant *ret,
		 struct job_fault *ret_fault)
{
	struct lease_row current;
	int64_t now_ms = leases->with.now_ms();
	bool held = find_current(leases, device, &current);
	bool own = held && token_fits(&current, order->token, ret->token);
	int result = held ? check_against(&current, own, order, ret_fault) : 0;
	if (result == 0)
		result = make_room(leases);
	if (result < 0)
		return result;
	struct lease_row next = own ? current : new_row(device, order, now_ms, ret->token);
	next.ttl_ms = (int64_t)order->ttl_s * 1000;
	next.lease.expires_at_ms = now_ms + next.ttl_ms;
	if (!own || order->reason[0] != '\0')
		memcpy(next.lease.reason, order->reason, strlen(order->reason) + 1);
	result = store_lease_save(leases->with.store, &next, ret_fault);
	if (result < 0)
		return result;
	show(leases, &next);
	if (!own)
		note_grant(leases, &next, held ? &current : NULL);
	ret->renewed = own;
	ret->lease = next.lease;
	return 0;
}

int leases_grant(struct leases *leases, const char *device, const struct lease_order *order, struct lease_grant *ret,
		 struct job_fault *ret_fault)
{
	*ret = (struct lease_grant){0};
	int result = check_order(order, ret_fault);
	if (result < 0)
		return result;
	pthread_mutex_lock(&leases->change);
	look_at_all(leases);
	result = grant(leases, device, order, ret, ret_fault);
	pthread_mutex_unlock(&leases->change);
	return result;
}

/* `change` is held. */
static int release(struct leases *leases, const char *device, const char *token, bool force, const char *reason,
		   struct job_fault *ret_fault)
{
	struct lease_row current;
	char unused[LEASE_TOKEN_SIZE];
	if (!find_current(leases, device, &current))
		return job_fault_set(ret_fault, "not-found", "nobody holds the device %s", device);
	bool own = token_fits(&current, token, unused);
	if (!own && !force)
		return refuse_other(&current, token != NULL, ret_fault);
	if (!own && reason[0] == '\0')
		return job_fault_set(ret_fault, "invalid-request", "to end the lease of %s by force there must be a reason",
				     current.lease.holder);
	int result = store_lease_remove(leases->with.store, device, ret_fault);
	if (result < 0)
		return result;
	forget(leases, device);
	log_info(device, "the lease of %s is %s%s", current.lease.holder, own ? "given back" : "ended by force: ", own ? "" : reason);
	device_history_note(leases->with.history, device, DEVICE_FACT_LEASE_ENDED, "", "the lease of %s was %s%s", current.lease.holder,
			    own ? "given back" : "ended by force: ", own ? "" : reason);
	return 0;
}

int leases_release(struct leases *leases, const char *device, const char *token, bool force, const char *reason,
		   struct job_fault *ret_fault)
{
	int result = check_reason(reason, ret_fault);
	if (result < 0)
		return result;
	pthread_mutex_lock(&leases->change);
	look_at_all(leases);
	result = release(leases, device, token, force, reason, ret_fault);
	pthread_mutex_unlock(&leases->change);
	return result;
}

int leases_new(const struct leases_surroundings *surroundings, struct job_fault *ret_fault, struct leases **ret)
{
	struct leases *leases = calloc(1, sizeof(*leases));
	if (leases == NULL)
		return -ENOMEM;
	leases->with = *surroundings;
	pthread_mutex_init(&leases->change, NULL);
	pthread_mutex_init(&leases->lock, NULL);
	int result = store_lease_list(surroundings->store, &leases->rows, &leases->count, ret_fault);
	if (result < 0) {
		leases_free(leases);
		return result;
	}
	leases->room = leases->count;
	for (size_t i = 0; i < leases->count; i++)
		registry_set_lease(surroundings->registry, leases->rows[i].device, &leases->rows[i].lease);
	leases_turn(leases);
	*ret = leases;
	return 0;
}

void leases_free(struct leases *leases)
{
	if (leases == NULL)
		return;
	pthread_mutex_destroy(&leases->lock);
	pthread_mutex_destroy(&leases->change);
	free(leases->rows);
	free(leases);
}
