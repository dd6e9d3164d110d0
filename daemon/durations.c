/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/durations.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/modem/upgrade_plan.h"

#define SAMPLES_MAX  200u /* of each family: what was long ago says less of what is */
#define SAMPLES_LONG 5u   /* with fewer the slowest one is an accident */
#define FAMILIES     (FAMILY_MONARCH2 + 1)
#define WHOLE        PHASE_COUNT
#define KINDS        (PHASE_COUNT + 1)

/* ms[] is what counts: bit i of phases says that it had the phase i. */
struct sample {
	unsigned phases;
	uint32_t ms[KINDS];
};

struct usual {
	unsigned count;
	uint32_t median_ms, p90_ms;
};

struct family_durations {
	size_t count, next; /* of the ring */
	struct sample samples[SAMPLES_MAX];
	struct usual usual[KINDS];
};

struct durations {
	pthread_mutex_t lock;
	struct family_durations families[FAMILIES];
};

static int compare_ms(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

/* Nearest rank: a time that was seen, never one between two. */
static uint32_t percentile(const uint32_t *sorted, unsigned count, unsigned percent)
{
	return count == 0 ? 0 : sorted[(count * percent + 99) / 100 - 1];
}

static void sum_up(struct family_durations *family)
{
	uint32_t ms[SAMPLES_MAX];
	for (size_t kind = 0; kind < KINDS; kind++) {
		unsigned count = 0;
		for (size_t i = 0; i < family->count; i++)
			if ((family->samples[i].phases & 1u << kind) != 0)
				ms[count++] = family->samples[i].ms[kind];
		qsort(ms, count, sizeof(ms[0]), compare_ms);
		family->usual[kind] =
		    (struct usual){.count = count, .median_ms = percentile(ms, count, 50), .p90_ms = percentile(ms, count, 90)};
	}
}

/* The whole is the sum of the phases, which were measured by a clock that nobody sets. */
static bool take_sample(struct family_durations *family, unsigned phases, const uint32_t phase_ms[PHASE_COUNT])
{
	struct sample sample = {.phases = phases | 1u << WHOLE};
	if ((phases & 1u << PHASE_TRANSFER) == 0)
		return false;
	for (size_t i = 0; i < PHASE_COUNT; i++) {
		sample.ms[i] = phase_ms[i];
		sample.ms[WHOLE] += phase_ms[i];
	}
	family->samples[family->next] = sample;
	family->next = (family->next + 1) % SAMPLES_MAX;
	family->count += family->count < SAMPLES_MAX;
	return true;
}

static bool find_phase(const char *name, size_t *ret)
{
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (strcmp(upgrade_phase_name((enum upgrade_phase)i), name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static void take_attempt(struct family_durations *family, const struct job_attempt *attempt)
{
	unsigned phases = 0;
	uint32_t ms[PHASE_COUNT] = {0};
	for (size_t i = 0; i < attempt->phase_count; i++) {
		size_t phase;
		if (!find_phase(attempt->phases[i].name, &phase))
			continue;
		phases |= 1u << phase;
		ms[phase] = attempt->phases[i].ms;
	}
	take_sample(family, phases, ms);
}

static int load(struct durations *durations, struct store *store, enum modem_family id, struct job_fault *ret_fault)
{
	struct family_durations *family = &durations->families[id];
	struct job_attempt *attempts = NULL;
	size_t count = 0;
	int result = store_attempts_good(store, modem_family_name(id), SAMPLES_MAX, &attempts, &count, ret_fault);
	for (size_t i = count; i > 0; i--) /* the oldest is the first to give way */
		take_attempt(family, &attempts[i - 1]);
	sum_up(family);
	free(attempts);
	return result;
}

int durations_new(struct store *store, struct job_fault *ret_fault, struct durations **ret)
{
	struct durations *durations = calloc(1, sizeof(*durations));
	if (durations == NULL)
		return -ENOMEM;
	pthread_mutex_init(&durations->lock, NULL);
	int result = 0;
	for (size_t i = FAMILY_UNKNOWN + 1; i < FAMILIES && result == 0; i++)
		result = load(durations, store, (enum modem_family)i, ret_fault);
	if (result < 0)
		durations_free(durations);
	else
		*ret = durations;
	return result;
}

void durations_free(struct durations *durations)
{
	if (durations == NULL)
		return;
	pthread_mutex_destroy(&durations->lock);
	free(durations);
}

void durations_learn(struct durations *durations, enum modem_family family, const struct job_run *run)
{
	if (family == FAMILY_UNKNOWN)
		return;
	pthread_mutex_lock(&durations->lock);
	if (take_sample(&durations->families[family], run->phases, run->phase_ms))
		sum_up(&durations->families[family]);
	pthread_mutex_unlock(&durations->lock);
}

static struct usual usual_whole(struct durations *durations, enum modem_family family)
{
	pthread_mutex_lock(&durations->lock);
	struct usual usual = durations->families[family].usual[WHOLE];
	pthread_mutex_unlock(&durations->lock);
	return usual;
}

bool durations_usual_ms(struct durations *durations, enum modem_family family, int64_t *ret)
{
	struct usual usual = usual_whole(durations, family);
	*ret = usual.median_ms;
	return usual.count > 0;
}

bool durations_long_ms(struct durations *durations, enum modem_family family, int64_t *ret)
{
	struct usual usual = usual_whole(durations, family);
	*ret = usual.p90_ms;
	return usual.count >= SAMPLES_LONG;
}

/* Of the phase that is under way. */
static int64_t rest_of_phase(const struct usual *usual, size_t phase, const struct job_row *row, int64_t now_ms)
{
	const struct job_progress *progress = &row->job.progress;
	if (phase == PHASE_TRANSFER && progress->known && progress->eta_s >= 0)
		return progress->eta_s * 1000;
	if (phase == PHASE_TRANSFER && progress->known && progress->bytes_total > 0)
		return (int64_t)((double)usual->median_ms * (1.0 - (double)progress->bytes_done / (double)progress->bytes_total));
	int64_t gone_ms = row->run.phase_ms[phase] + (now_ms - row->run.phase_since_ms);
	return gone_ms < usual->median_ms ? usual->median_ms - gone_ms : 0;
}

bool durations_remaining_ms(struct durations *durations, enum modem_family family, const struct job_row *row, int64_t now_ms, int64_t *ret)
{
	struct usual usual[KINDS];
	size_t phase;
	pthread_mutex_lock(&durations->lock);
	memcpy(usual, durations->families[family].usual, sizeof(usual));
	pthread_mutex_unlock(&durations->lock);
	*ret = usual[WHOLE].median_ms;
	if (row->run.phases == 0 || !find_phase(row->job.phase, &phase))
		return usual[WHOLE].count > 0;
	*ret = rest_of_phase(&usual[phase], phase, row, now_ms);
	for (size_t i = phase + 1; i < PHASE_COUNT; i++)
		if (2 * usual[i].count > usual[WHOLE].count) /* it is to be expected */
			*ret += usual[i].median_ms;
	return usual[WHOLE].count > 0;
}

static void add_kind(const struct usual *usual, enum modem_family family, const char *phase, struct duration *list, size_t *count)
{
	if (usual->count == 0)
		return;
	struct duration *duration = &list[(*count)++];
	duration->count = usual->count;
	duration->median_ms = usual->median_ms;
	duration->p90_ms = usual->p90_ms;
	snprintf(duration->family, sizeof(duration->family), "%s", modem_family_name(family));
	snprintf(duration->phase, sizeof(duration->phase), "%s", phase);
}

int durations_list(struct durations *durations, enum modem_family family, struct duration **ret, size_t *ret_count)
{
	struct duration *list = calloc(FAMILIES * KINDS, sizeof(*list));
	size_t count = 0;
	if (list == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&durations->lock);
	for (size_t i = FAMILY_UNKNOWN + 1; i < FAMILIES; i++) {
		if (family != FAMILY_UNKNOWN && family != (enum modem_family)i)
			continue;
		const struct usual *usual = durations->families[i].usual;
		add_kind(&usual[WHOLE], (enum modem_family)i, "", list, &count);
		for (size_t phase = 0; phase < PHASE_COUNT; phase++)
			add_kind(&usual[phase], (enum modem_family)i, upgrade_phase_name((enum upgrade_phase)phase), list, &count);
	}
	pthread_mutex_unlock(&durations->lock);
	*ret = list;
	*ret_count = count;
	return 0;
}
