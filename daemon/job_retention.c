/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_retention.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaigns.h"
#include "daemon/job_id.h"
#include "daemon/log.h"
#include "daemon/transcript_file.h"

#define DAY_MS INT64_C(86400000)
#define SUFFIX ".log"

struct job_retention {
	const struct config *config;
	struct store *store;
	struct queue *queue;
	struct campaigns *campaigns;
	int64_t (*now_ms)(void);
	int64_t due_ms, turned_ms;
	DIR *transcripts; /* that are looked at; NULL: they were */
	unsigned strays;  /* that went */
	bool sweeping;
	struct job_prune prune;
	unsigned gone; /* in this sweep */
};

int job_retention_new(const struct gateway *gateway, struct job_retention **ret)
{
	struct job_retention *retention = calloc(1, sizeof(*retention));
	if (retention == NULL)
		return -ENOMEM;
	int64_t now = gateway->now_ms();
	*retention = (struct job_retention){
	    .config = gateway->config,
	    .store = gateway->store,
	    .queue = gateway->queue,
	    .campaigns = gateway->campaigns,
	    .now_ms = gateway->now_ms,
	    .turned_ms = now,
	    .due_ms = now + RETENTION_SETTLE_MS,
	};
	/* The transcripts of a database that lies aside belong to it. */
	if (store_lost(gateway->store)[0] == '\0')
		retention->transcripts = opendir(store_transcript_dir(gateway->store));
	*ret = retention;
	return 0;
}

void job_retention_free(struct job_retention *retention)
{
	if (retention == NULL)
		return;
	if (retention->transcripts != NULL)
		closedir(retention->transcripts);
	free(retention);
}

/* True: the file is of a job that is neither on disk nor in memory. */
static bool is_stray(struct job_retention *retention, const char *name, char ret_job[JOB_ID_SIZE])
{
	struct job_row row;
	struct job_fault fault = {0};
	const char *suffix = strrchr(name, '.');
	if (suffix == NULL || strcmp(suffix, SUFFIX) != 0)
		return false;
	snprintf(ret_job, JOB_ID_SIZE, "%.*s", (int)(suffix - name), name);
	return job_id_valid(ret_job) && queue_get(retention->queue, ret_job, &row, &fault) == -EPROTO &&
	       strcmp(fault.kind->code, "not-found") == 0;
}

static void look_at_files(struct job_retention *retention)
{
	char job[JOB_ID_SIZE];
	const struct dirent *entry = NULL;
	for (unsigned i = 0; i < RETENTION_FILES && (entry = readdir(retention->transcripts)) != NULL; i++) {
		if (!is_stray(retention, entry->d_name, job))
			continue;
		transcript_file_remove(store_transcript_dir(retention->store), job);
		retention->strays++;
	}
	if (entry != NULL)
		return;
	closedir(retention->transcripts);
	retention->transcripts = NULL;
	if (retention->strays > 0)
		log_info(NULL, "the history: %u transcripts without a job, left by a crash, are removed", retention->strays);
}

static int begin_sweep(struct job_retention *retention, int64_t now_ms, struct job_fault *ret_fault)
{
	const struct config *config = retention->config;
	int64_t ended = 0, most = config->history_keep_jobs;
	int result = most > 0 ? store_jobs_count_ended(retention->store, &ended, ret_fault) : 0;
	if (result < 0)
		return result;
	retention->sweeping = true;
	retention->gone = 0;
	retention->prune = (struct job_prune){
	    .ended_before_ms = config->history_keep_days > 0 ? now_ms - config->history_keep_days * DAY_MS : 0,
	    .recent_from_ms = now_ms - RETENTION_RECENT_MS,
	    .now_ms = now_ms,
	    .surplus = ended > most ? (unsigned)(ended - most) : 0,
	};
	return 0;
}

/* Of what was made later nothing can have ended too long ago. */
static bool is_over(const struct job_prune *prune)
{
	char since[JOB_ID_SIZE] = "";
	if (prune->ended_before_ms > 0)
		job_id_since(prune->ended_before_ms, since);
	return prune->at_end || (prune->surplus == 0 && strcmp(prune->after, since) >= 0);
}

static void end_sweep(struct job_retention *retention)
{
	retention->sweeping = false;
	if (retention->gone > 0)
		log_info(NULL, "the history: %u finished jobs are removed, by keep_days = %u and keep_jobs = %u", retention->gone,
			 retention->config->history_keep_days, retention->config->history_keep_jobs);
}

static int sweep_jobs(struct job_retention *retention, struct job_fault *ret_fault)
{
	struct job_prune *prune = &retention->prune;
	int result = store_jobs_prune(retention->store, prune, ret_fault);
	if (result < 0)
		return result;
	for (unsigned i = 0; i < prune->count; i++)
		transcript_file_remove(store_transcript_dir(retention->store), prune->gone[i]);
	retention->gone += prune->count;
	return 0;
}

/* The jobs, then the campaigns. */
static int sweep(struct job_retention *retention, int64_t now_ms, struct job_fault *ret_fault)
{
	const struct job_prune *prune = &retention->prune;
	int result = retention->sweeping ? 0 : begin_sweep(retention, now_ms, ret_fault);
	if (result == 0 && !is_over(prune))
		return sweep_jobs(retention, ret_fault);
	if (result == 0)
		result = campaigns_prune(retention->campaigns, prune->ended_before_ms, ret_fault);
	if (result == 0)
		end_sweep(retention);
	return result;
}

static int64_t step(struct job_retention *retention, int64_t now_ms)
{
	struct job_fault fault;
	if (queue_stopping(retention->queue))
		return now_ms + RETENTION_EVERY_MS;
	if (retention->transcripts != NULL) {
		look_at_files(retention);
		return now_ms + RETENTION_PAUSE_MS;
	}
	if (sweep(retention, now_ms, &fault) < 0) {
		log_warning(NULL, "the history cannot be cut: %s", fault.message);
		retention->sweeping = false;
	}
	return now_ms + (retention->sweeping ? RETENTION_PAUSE_MS : RETENTION_EVERY_MS);
}

int64_t job_retention_turn(struct job_retention *retention)
{
	int64_t now_ms = retention->now_ms();
	bool was_put = now_ms < retention->turned_ms || now_ms > retention->due_ms + RETENTION_SETTLE_MS;
	retention->turned_ms = now_ms;
	if (was_put) {
		retention->sweeping = false;
		retention->due_ms = now_ms + RETENTION_SETTLE_MS;
	} else if (now_ms >= retention->due_ms) {
		retention->due_ms = step(retention, now_ms);
	}
	return retention->due_ms;
}
