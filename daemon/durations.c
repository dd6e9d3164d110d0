/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/durations.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX  200u /* of each kind: what was long ago says less of what is */
#define SAMPLES_LONG 5u   /* with fewer the slowest one is an accident */
#define FAMILIES     (FAMILY_MONARCH2 + 1)
#define WAYS         (WAY_LEGACY + 1)
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

struct kind_durations {
	size_t count, next; /* of the ring */
	struct sample samples[SAMPLES_MAX];
	struct usual usual[KINDS];
};

struct durations {
	pthread_mutex_t lock;
	struct kind_durations kinds[FAMILIES][WAYS]; /* WAY_AUTO: all ways together */
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

static void sum_up(struct kind_durations *kind)
{
	uint32_t ms[SAMPLES_MAX];
	for (size_t part = 0; part < KINDS; part++) {
		unsigned count = 0;
		for (size_t i = 0; i < kind->count; i++)
			if ((kind->samples[i].phases & 1u << part) != 0)
				ms[count++] = kind->samples[i].ms[part];
		qsort(ms, count, sizeof(ms[0]), compare_ms);
		kind->usual[part] =
		    (struct usual){.count = count, .median_ms = percentile(ms, count, 50), .p90_ms = percentile(ms, count, 90)};
	}
}

static void put_sample(struct kind_durations *kind, const struct sample *sample)
{
	kind->samples[kind->next] = *sample;
	kind->next = (kind->next + 1) % SAMPLES_MAX;
	kind->count += kind->count < SAMPLES_MAX;
}

/* The whole is the sum of the phases, which were measured by a clock that nobody sets. */
static struct sample make_sample(unsigned phases, const uint32_t phase_ms[PHASE_COUNT])
{
	struct sample sample = {.phases = phases | 1u << WHOLE};
	for (size_t i = 0; i < PHASE_COUNT; i++) {
		sample.ms[i] = phase_ms[i];
		sample.ms[WHOLE] += phase_ms[i];
	}
	return sample;
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

static struct sample sample_of(const struct job_attempt *attempt)
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
	return make_sample(phases, ms);
}

/* By the job's id, which sorts as jobs were made. */
static int compare_age(const void *one, const void *other)
{
	const struct attempt_row *a = one, *b = other;
	int order = strcmp(a->job, b->job);
	return order != 0 ? order : (a->attempt.number > b->attempt.number) - (a->attempt.number < b->attempt.number);
}

/* Puts the attempts of one way behind *rows. */
static int append_way(struct store *store, enum modem_family family, enum upgrade_way way, struct attempt_row **rows, size_t *count,
		      struct job_fault *ret_fault)
{
	struct attempt_row *found = NULL;
	size_t found_count = 0;
	int result = store_attempts_telling(store, modem_family_name(family), way == WAY_AUTO ? "" : upgrade_way_name(way), SAMPLES_MAX,
					    &found, &found_count, ret_fault);
	if (result < 0 || found_count == 0)
		return result;
	struct attempt_row *grown = reallocarray(*rows, *count + found_count, sizeof(*grown));
	if (grown != NULL) {
		memcpy(grown + *count, found, found_count * sizeof(*grown));
		*rows = grown;
		*count += found_count;
	}
	free(found);
	return grown != NULL ? 0 : -ENOMEM;
}

static int load(struct durations *durations, struct store *store, enum modem_family family, struct job_fault *ret_fault)
{
	struct attempt_row *rows = NULL;
	size_t count = 0;
	int result = 0;
	for (size_t way = 0; way < WAYS && result == 0; way++)
		result = append_way(store, family, (enum upgrade_way)way, &rows, &count, ret_fault);
	if (count > 0)
		qsort(rows, count, sizeof(*rows), compare_age);
	for (size_t i = 0; i < count; i++) { /* the oldest is the first to give way */
		struct sample sample = sample_of(&rows[i].attempt);
		enum upgrade_way way = WAY_AUTO;
		put_sample(&durations->kinds[family][WAY_AUTO], &sample);
		if (engine_way_parse(rows[i].attempt.way, &way) && way != WAY_AUTO)
			put_sample(&durations->kinds[family][way], &sample);
	}
	for (size_t way = 0; way < WAYS; way++)
		sum_up(&durations->kinds[family][way]);
	free(rows);
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

void durations_mark(struct job_run *run, enum modem_family family)
{
	bool tells = family != FAMILY_UNKNOWN && (run->phases & 1u << PHASE_TRANSFER) != 0 && run->bytes_done > 0;
	snprintf(run->family, sizeof(run->family), "%s", tells ? modem_family_name(family) : "");
}

static void learn(struct kind_durations *kind, const struct sample *sample)
{
	put_sample(kind, sample);
	sum_up(kind);
}

void durations_learn(struct durations *durations, const struct job_run *run)
{
	enum modem_family family;
	enum upgrade_way way = WAY_AUTO;
	if (!modem_family_parse(run->family, &family) || family == FAMILY_UNKNOWN)
		return;
	struct sample sample = make_sample(run->phases, run->phase_ms);
	pthread_mutex_lock(&durations->lock);
	learn(&durations->kinds[family][WAY_AUTO], &sample);
	if (engine_way_parse(run->way, &way) && way != WAY_AUTO)
		learn(&durations->kinds[family][way], &sample);
	pthread_mutex_unlock(&durations->lock);
}

struct duration_kind durations_kind(enum modem_family family, const char *chosen, const char *asked)
{
	struct duration_kind kind = {.family = family, .way = WAY_AUTO};
	(void)engine_way_parse(chosen[0] != '\0' ? chosen : asked, &kind.way);
	return kind;
}

static void copy_usual(struct durations *durations, const struct duration_kind *kind, struct usual ret[KINDS])
{
	pthread_mutex_lock(&durations->lock);
	memcpy(ret, durations->kinds[kind->family][kind->way].usual, KINDS * sizeof(*ret));
	pthread_mutex_unlock(&durations->lock);
}

bool durations_usual_ms(struct durations *durations, const struct duration_kind *kind, int64_t *ret)
{
	struct usual usual[KINDS];
	copy_usual(durations, kind, usual);
	*ret = usual[WHOLE].median_ms;
	return usual[WHOLE].count > 0;
}

bool durations_long_ms(struct durations *durations, const struct duration_kind *kind, int64_t *ret)
{
	struct usual usual[KINDS];
	copy_usual(durations, kind, usual);
	*ret = usual[WHOLE].p90_ms;
	return usual[WHOLE].count >= SAMPLES_LONG;
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

bool durations_remaining_ms(struct durations *durations, const struct duration_kind *kind, const struct job_row *row, int64_t now_ms,
			    int64_t *ret)
{
	struct usual usual[KINDS];
	size_t phase;
	copy_usual(durations, kind, usual);
	*ret = usual[WHOLE].median_ms;
	if (row->run.phases == 0 || !find_phase(row->job.phase, &phase))
		return usual[WHOLE].count > 0;
	*ret = rest_of_phase(&usual[phase], phase, row, now_ms);
	for (size_t i = phase + 1; i < PHASE_COUNT; i++)
		if (2 * usual[i].count > usual[WHOLE].count) /* it is to be expected */
			*ret += usual[i].median_ms;
	return usual[WHOLE].count > 0;
}

/* The whole first, then the phases. */
static void add_kind(struct durations *durations, const struct duration_kind *kind, struct duration *list, size_t *count)
{
	for (size_t i = 0; i < KINDS; i++) {
		size_t part = i == 0 ? WHOLE : i - 1;
		const struct usual *usual = &durations->kinds[kind->family][kind->way].usual[part];
		if (usual->count == 0)
			continue;
		struct duration *duration = &list[(*count)++];
		duration->count = usual->count;
		duration->median_ms = usual->median_ms;
		duration->p90_ms = usual->p90_ms;
		snprintf(duration->family, sizeof(duration->family), "%s", modem_family_name(kind->family));
		snprintf(duration->way, sizeof(duration->way), "%s", kind->way == WAY_AUTO ? "" : upgrade_way_name(kind->way));
		snprintf(duration->phase, sizeof(duration->phase), "%s", part == WHOLE ? "" : upgrade_phase_name((enum upgrade_phase)part));
	}
}

int durations_list(struct durations *durations, enum modem_family family, struct duration **ret, size_t *ret_count)
{
	struct duration *list = calloc(FAMILIES * WAYS * KINDS, sizeof(*list));
	size_t count = 0;
	if (list == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&durations->lock);
	for (size_t i = 0; i < FAMILIES * WAYS; i++) {
		const struct duration_kind kind = {.family = (enum modem_family)(i / WAYS), .way = (enum upgrade_way)(i % WAYS)};
		if (family == FAMILY_UNKNOWN || family == kind.family)
			add_kind(durations, &kind, list, &count);
	}
	pthread_mutex_unlock(&durations->lock);
	*ret = list;
	*ret_count = count;
	return 0;
}
