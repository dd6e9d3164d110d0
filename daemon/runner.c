/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/job_notes.h"
#include "daemon/job_resume.h"
#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/power.h"
#include "daemon/progress_meter.h"
#include "daemon/transcript_file.h"
#include "transport/clock.h"
#include "transport/link/link.h"

#define TRANSCRIPT_LIMIT 1048576u

/* What the thread of one run has in its hands. */
struct run {
	struct queued_job *entry;
	struct queue *queue;
	struct job_row row; /* as it was when the run began */
	struct device device;
	uint64_t size; /* of the bundle, of both files of a pair */
	enum upgrade_phase phase;
	int64_t phase_since_ms; /* CLOCK_MONOTONIC */
	struct progress_meter meter;
	bool at_border, connected, news;
	enum upgrade_way way;       /* that the engine has chosen; WAY_AUTO: not yet */
	bool begun_before;          /* an earlier job began to send its bundle and did not end well */
	bool release_is_ours;       /* this job or one before it may have put it there */
	uint32_t block_budget_s;    /* of the device's profile */
	int boot_mode;              /* as last told in this run; -1: not yet */
	struct job_fault own_fault; /* with which we ended the run: the store refuses, or another board has the port */
	struct transcript_file *file;
	struct transcript *transcript;
};

/* A change that is worth telling even when the disk refuses it: the next one that it takes has it too. `change` is held. */
static void keep_or_show(struct run *run, const struct job_row *next)
{
	struct job_fault fault;
	if (queued_job_keep(run->entry, next, EVENT_JOB_CHANGED, &fault) == 0)
		return;
	log_warning(run->device.id, "job %s: a change is not stored yet: %s", next->job.id, fault.message);
	queued_job_show(run->entry, next, EVENT_JOB_CHANGED);
}

/* Before the point of no return what cannot be stored does not begin. After it, stopping would be worse than not knowing. */
static int keep_phase(struct run *run, struct job_row *next)
{
	struct job_fault fault;
	if (queued_job_keep_progress(run->entry, next, &fault) == 0)
		return 0;
	if (!next->past_return) {
		run->own_fault = fault;
		return -EIO;
	}
	log_warning(run->device.id, "job %s: the phase %s is not stored yet: %s", next->job.id, next->job.phase, fault.message);
	job_note_add(&next->job, "the phase %s could not be stored when it began: %s", next->job.phase, fault.message);
	next->job.progress.percent = queued_job_row(run->entry).job.progress.percent;
	queued_job_set_progress(run->entry, &next->job.progress);
	queued_job_show(run->entry, next, EVENT_JOB_CHANGED);
	return 0;
}

/* A node is given to the next board as soon as it is free, which may be the moment in which it is opened: what is open then is another modem. */
static int refuse_other_board(struct run *run)
{
	const struct device *device = &run->device;
	if (registry_is_behind(run->queue->with.registry, device->id, device->port))
		return 0;
	(void)job_fault_set(&run->own_fault, "port-gone", "%s is not behind the port %s any more", device->id, device->port);
	return -EIO;
}

/* A modem that answered is there to be asked more, or restarted. */
static bool is_about_to_act(const struct run *run, enum upgrade_phase phase)
{
	bool restarts = run->row.job.request.kind == JOB_POWER_CYCLE && phase == PHASE_RESTART;
	return phase == PHASE_IDENTIFY || (restarts && run->connected);
}

/* Clocks that are set do not touch it. */
static void clock_phase(struct run *run, enum upgrade_phase phase, struct job_run *record)
{
	int64_t now_ms = clock_now_ms();
	if (record->phases != 0)
		record->phase_ms[run->phase] += (uint32_t)(now_ms - run->phase_since_ms);
	record->phases |= 1u << phase;
	run->phase_since_ms = record->phase_since_ms = now_ms;
	run->phase = phase;
}

/* Before anything of the phase is sent it is on disk, so that a restart knows how far things may have come. */
static int on_phase(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	struct run *run = context;
	const char *name = upgrade_phase_name(phase);
	if (run->row.cancel_requested && phase > PHASE_IDENTIFY)
		return -ECANCELED; /* this run is there to bring the modem back, which the engine does on its way out */
	if (is_about_to_act(run, phase) && refuse_other_board(run) < 0)
		return -EIO;
	pthread_mutex_lock(&run->queue->change);
	struct job_row next = queued_job_row(run->entry);
	clock_phase(run, phase, &next.run);
	if (run->way != WAY_AUTO)
		snprintf(next.run.way, sizeof(next.run.way), "%s", upgrade_way_name(run->way));
	queued_job_know_family(run->entry);
	snprintf(next.job.phase, sizeof(next.job.phase), "%s", name);
	snprintf(next.job.detail, sizeof(next.job.detail), "%s", run->row.cancel_requested ? BRINGING_BACK : detail != NULL ? detail : "");
	next.job.step = (uint32_t)step;
	next.job.steps = (uint32_t)steps;
	/* What follows a transfer has neither rate nor end that anybody knows. */
	if (phase > PHASE_TRANSFER) {
		next.job.progress.rate_bps = 0;
		next.job.progress.eta_s = -1;
		if (next.job.progress.known)
			next.job.progress.percent = run->meter.percent_floor;
	}
	/* A transfer that begins anew is not behind the job any more. */
	if (next.furthest_phase[0] == '\0' || phase == PHASE_TRANSFER || (int)phase > (int)engine_phase(next.furthest_phase))
		snprintf(next.furthest_phase, sizeof(next.furthest_phase), "%s", name);
	int result = keep_phase(run, &next);
	pthread_mutex_unlock(&run->queue->change);
	log_debug(run->device.id, "job %s: %s (%zu of %zu)", run->row.job.id, name, step, steps);
	return result;
}

static void on_progress(void *context, const struct stp_progress *progress)
{
	struct run *run = context;
	struct job_progress next;
	bool show = progress_meter_feed(&run->meter, clock_now_ms(), progress->bytes_done, progress->bytes_total, progress->part, &next);
	bool border_changed = run->at_border != progress->at_border;
	run->at_border = progress->at_border;
	if (!show && !border_changed)
		return;
	/* The main thread and the api hold this lock for copies only: nobody's disk delays a block. */
	pthread_mutex_lock(&run->queue->lock);
	struct job *job = &run->entry->row.job;
	bool held = next.percent > run->entry->row.percent_allowed;
	if (held)
		next.percent = run->entry->row.percent_allowed;
	job->progress = next;
	run->entry->row.run.bytes_done = next.bytes_done;
	if (border_changed)
		job->detail[0] = '\0';
	if (border_changed && progress->at_border)
		snprintf(job->detail, sizeof(job->detail), "the modem may be silent while it erases flash, this is normal for up to %u s",
			 run->block_budget_s);
	struct job now = *job;
	queued_job_expect(run->entry, &now);
	pthread_mutex_unlock(&run->queue->lock);
	event_publish_job(run->queue->with.events, border_changed ? EVENT_JOB_CHANGED : EVENT_JOB_PROGRESS, &now);
	if (held)
		queue_wake(run->queue);
}

/* The release it comes from is what it told before anything was sent in any run of this job. */
static bool tells_first_release(const struct run *run, const struct modem_info *info)
{
	return info->release[0] != '\0' && run->phase <= PHASE_PREPARE && run->row.job.from_release[0] == '\0' &&
	       engine_phase(run->row.furthest_phase) < PHASE_TRANSFER;
}

/* Found so before any run of this job could have done it: it is not ours to bring back. */
static bool was_found_outside(const struct run *run, const struct modem_info *info)
{
	return info->boot_mode != BOOT_MODE_FFF && info->boot_mode != BOOT_MODE_UNKNOWN && run->phase <= PHASE_IDENTIFY &&
	       !run->row.no_way_back && engine_phase(run->row.furthest_phase) < PHASE_PREPARE;
}

/* What only the first look at the modem can tell. */
static void keep_first_sight(struct run *run, const struct modem_info *info)
{
	bool outside = was_found_outside(run, info), release = tells_first_release(run, info);
	if (!outside && !release)
		return;
	pthread_mutex_lock(&run->queue->change);
	struct job_row next = queued_job_row(run->entry);
	if (outside)
		next.no_way_back = run->row.no_way_back = true;
	if (release) {
		memcpy(run->row.job.from_release, info->release, sizeof(run->row.job.from_release));
		memcpy(next.job.from_release, info->release, sizeof(next.job.from_release));
	}
	keep_or_show(run, &next);
	pthread_mutex_unlock(&run->queue->change);
}

static void on_modem(void *context, const struct modem_info *info)
{
	struct run *run = context;
	struct job_fault fault;
	const struct queue_surroundings *with = &run->queue->with;
	run->connected = true;
	if (!registry_is_behind(with->registry, run->device.id, run->device.port))
		return; /* it tells of another modem, or of one that is gone */
	if (info->boot_mode != BOOT_MODE_UNKNOWN)
		run->boot_mode = (int)info->boot_mode;
	bool probe = run->row.job.request.kind == JOB_PROBE;
	const struct registry_lesson lesson = {
	    .identity = probe && !run->entry->periodic, .ours = run->release_is_ours, .job = run->row.job.id, .now_ms = with->now_ms()};
	if (registry_learn(with->registry, run->device.id, info, &lesson, &run->news, &fault) < 0)
		log_warning(run->device.id, "what the modem told is not stored: %s", fault.message);
	if (run->row.job.request.kind == JOB_UPGRADE)
		keep_first_sight(run, info);
}

/* Kept with the next phase, which comes at once. */
static void on_way(void *context, enum upgrade_way way)
{
	struct run *run = context;
	run->way = way;
}

static void on_note(void *context, const char *text)
{
	struct run *run = context;
	log_info(run->device.id, "job %s: %s", run->row.job.id, text);
	pthread_mutex_lock(&run->queue->change);
	struct job_row next = queued_job_row(run->entry);
	job_note_add(&next.job, "%s", text);
	keep_or_show(run, &next);
	pthread_mutex_unlock(&run->queue->change);
}

/* On the disk before the first block leaves. A later run of the job finds it there already: a disk that refuses holds that one up no more. */
static bool keep_return(struct run *run, struct job_row *next)
{
	struct job_fault fault;
	bool known = next->past_return;
	next->past_return = next->no_way_back = true;
	next->job.can_cancel = false;
	progress_meter_feed(&run->meter, clock_now_ms(), 0, run->size, "", &next->job.progress);
	next->percent_allowed = next->job.progress.percent + PERCENT_STEP;
	if (queued_job_keep_progress(run->entry, next, &fault) == 0 || known)
		return true;
	run->own_fault = fault;
	return false;
}

static void on_driver(void *context, const char *call)
{
	struct run *run = context;
	queued_job_call_driver(run->entry, call, link_port_is_remote(run->device.port));
}

/* Decided under `change`, as a cancel is: one of the two comes first, and the other is told. */
static bool on_point_of_no_return(void *context)
{
	struct run *run = context;
	struct queued_job *entry = run->entry;
	pthread_mutex_lock(&run->queue->change);
	struct job_row next = queued_job_row(entry);
	bool go_on = !next.cancel_requested && !entry->put_back && refuse_other_board(run) == 0 && keep_return(run, &next);
	run->release_is_ours = run->release_is_ours || go_on;
	pthread_mutex_lock(&run->queue->lock);
	entry->sending = go_on;
	pthread_mutex_unlock(&run->queue->lock);
	pthread_mutex_unlock(&run->queue->change);
	return go_on;
}

/* All runs of a job are in one file: each begins with such a line, and ends with one unless the daemon died under it. */
static void note_begin(struct run *run)
{
	const struct job *job = &run->row.job;
	const char *furthest = run->row.furthest_phase;
	char moment[MOMENT_SIZE];
	moment_text(run->queue->with.now_ms(), moment);
	transcript_note(
	    run->transcript,
	    "run begins at %s: %s of %s, attempt %u, interrupted %u time%s before, port lost %u time%s before, furthest phase %s%s", moment,
	    job_kind_name(job->request.kind), job->request.device, job->attempt, job->interruptions, job->interruptions == 1 ? "" : "s",
	    run->row.port_losses, run->row.port_losses == 1 ? "" : "s", furthest[0] != '\0' ? furthest : "none",
	    run->row.cancel_requested ? ", cancelled" : "");
}

static void note_end(struct run *run, const struct run_outcome *outcome)
{
	const struct job_fault *fault = &outcome->fault;
	if (outcome->result == 0)
		transcript_note(run->transcript, "run ends: done");
	else if (fault->kind == NULL)
		transcript_note(run->transcript, "run ends: stopped");
	else
		transcript_note(run->transcript, "run ends: %s: %s", fault->kind->code, fault->message);
}

static void open_transcript(struct run *run)
{
	const struct job *job = &run->row.job;
	int result = transcript_file_open(store_transcript_dir(run->queue->with.store), job->id, TRANSCRIPT_LIMIT, &run->file);
	if (result == 0)
		result = transcript_new(transcript_file_append, run->file, &run->transcript);
	if (result < 0)
		log_warning(job->request.device, "job %s runs without a transcript: %s", job->id, strerror(-result));
	else
		note_begin(run);
}

static void close_transcript(struct run *run)
{
	transcript_free(run->transcript);
	transcript_file_close(run->file);
}

static void look_back(struct run *run)
{
	struct job_fault fault;
	/* What the disk does not tell is taken as the case in which the modem is left where bundles go. */
	run->begun_before = true;
	(void)store_job_begun_before(run->queue->with.store, run->device.id, run->row.job.id, &run->begun_before, &fault);
	run->release_is_ours = run->row.past_return || run->begun_before;
}

/* The port may have another name when it comes back, and the engine opens what run->device says. */
static int on_power_cycle(void *context, const struct power_watch *watch, struct fault *ret_fault)
{
	struct run *run = context;
	const struct queue_surroundings *with = &run->queue->with;
	const struct power_order order = {
	    .device = run->device.id, .job = run->row.job.id, .watch = watch, .cancel_fd = run->entry->cancel_fd};
	char said[120] = "";
	struct device now;
	struct job_fault fault = {0};
	int result = power_cycle(with->power, run->queue, &order, said, sizeof(said), &fault);
	if (said[0] != '\0')
		on_note(run, said);
	if (result == -EPROTO || result == -EAGAIN) {
		fault_set(ret_fault, FAULT_POWER_CYCLE_FAILED, "%s", fault.message);
		fault_set_evidence(ret_fault, fault.evidence, strlen(fault.evidence));
	}
	if (registry_get(with->registry, run->device.id, &now, &fault) == 0)
		memcpy(run->device.port, now.port, sizeof(run->device.port));
	return result;
}

static bool has_power(const struct run *run)
{
	struct power *power = run->queue->with.power;
	return power != NULL && power_has_method(power, run->device.id);
}

/* A daemon that died in the middle gave the power back when it started again, and one that stopped in good order did so before: only what became of
 * it is to be seen. */
static bool was_cycled_before(const struct run *run)
{
	const struct job *job = &run->row.job;
	const struct queue_surroundings *with = &run->queue->with;
	return run->row.runs > 1 && with->power != NULL && power_switched_at_ms(with->power, run->device.id) >= job->started_at_ms;
}

static int run_restart(struct run *run, const struct upgrade_request *request, const struct upgrade_events *events,
		       struct upgrade_result *ret)
{
	const struct engine_ops *engine = run->queue->with.engine;
	enum restart_rung rung = RESTART_BY_POWER;
	(void)restart_rung_parse(run->row.job.request.rung, &rung);
	if (!was_cycled_before(run))
		return engine->restart(request, rung, events, ret);
	on_note(run, "its power was cycled before the daemon ended, and is not again: only the modem is looked at");
	return engine->probe(request, events, ret);
}

static int run_engine(struct run *run, const struct job_files *files, const struct job_images *images, struct upgrade_result *ret)
{
	const struct job *job = &run->row.job;
	const struct engine_ops *engine = run->queue->with.engine;
	const struct upgrade_events events = {
	    .phase = on_phase,
	    .progress = on_progress,
	    .modem = on_modem,
	    .way = on_way,
	    .note = on_note,
	    .driver = on_driver,
	    .point_of_no_return = on_point_of_no_return,
	    .power_cycle = has_power(run) && !run->entry->periodic ? on_power_cycle : NULL,
	    .context = run,
	};
	struct profile profile;
	struct upgrade_firmware wanted;
	struct upgrade_request request = {
	    .port = run->device.port,
	    .profile = &profile,
	    .last_rate_bps = job->request.rate_bps != 0 ? job->request.rate_bps : run->device.modem.rate_bps,
	    .cancel_fd = run->entry->cancel_fd,
	    .transcript = run->transcript,
	};
	request.last_boot_mode = run->device.taken_for_ffh ? BOOT_MODE_FFH : (enum boot_mode)run->device.modem.boot_mode;
	engine_profile(registry_profile(run->queue->with.registry, run->device.id), job->request.rate_bps, &profile);
	run->block_budget_s = profile.block_budget_s;
	(void)modem_family_parse(run->device.modem.family, &request.last_family);
	request.may_be_at_work = queue_may_be_at_work(run->queue, run->device.id, run->row.job.id);
	if (job->request.kind == JOB_PROBE)
		return engine->probe(&request, &events, ret);
	if (job->request.kind == JOB_POWER_CYCLE)
		return run_restart(run, &request, &events, ret);
	engine_firmware(files, &wanted);
	engine_options(&job->request, run->row.furthest_phase, &request.options);
	/* A job that came to the switch saw its modem in the application, or had what to go by without. */
	bool same_modem =
	    engine_phase(run->row.furthest_phase) >= PHASE_SWITCH || registry_knows_by_serial(run->queue->with.registry, run->device.id);
	engine_past(job->from_release, &run->device.modem, same_modem, &request.options);
	request.options.begun_before = run->begun_before;
	request.options.sent = run->row.no_way_back;
	request.expected_imei = run->device.modem.imei[0] != '\0' ? run->device.modem.imei : NULL;
	request.firmware = &wanted;
	request.image = images->bundle;
	request.boot_rom = images->boot_rom;
	request.helper = images->helper;
	request.second = images->second;
	return engine->upgrade(&request, &events, ret);
}

/* -EPROTO with the fault, or what the engine returned. */
static int run_upgrade(struct run *run, struct upgrade_result *ret, struct job_fault *ret_fault)
{
	const struct queue_surroundings *with = &run->queue->with;
	struct job_files files;
	struct job_images images = {0};
	int result = job_files_find(with->firmware, &run->row.job.request, &files, ret_fault);
	if (result < 0)
		return result;
	run->size = files.bundle.size + files.second.size;
	/* A run that only brings the modem back sends none of them. */
	if (with->require_signature && !run->row.cancel_requested)
		result = job_files_check_signatures(with->firmware, &files, ret_fault);
	if (result == 0)
		result = image_share_acquire(with->images, &files, &images, ret_fault);
	if (result == 0)
		result = run_engine(run, &files, &images, ret);
	image_share_release(with->images, &images);
	job_files_clear(&files);
	return result;
}

/* Before the job ends, so that whoever waits for its end finds the report. */
static void keep_report(const struct run *run, const struct upgrade_result *result)
{
	const struct queue_surroundings *with = &run->queue->with;
	struct device_report report;
	struct job_fault fault;
	device_report_fill(&report, &result->after, &result->report);
	memcpy(report.device, run->device.id, sizeof(report.device));
	memcpy(report.job, run->row.job.id, sizeof(report.job));
	report.read_at_ms = with->now_ms();
	if (store_report_save(with->store, &report, &fault) < 0)
		log_warning(run->device.id, "job %s: the report is not stored: %s", report.job, fault.message);
}

/* Why the run ended as it did: the engine's word first; ours only where that ended the run. */
static void explain_end(const struct run *run, const struct upgrade_result *result, struct run_outcome *ret)
{
	struct job_fault *fault = &ret->fault;
	if (ret->result == 0 || fault->kind != NULL)
		return;
	if (ret->result == -EPROTO)
		job_fault_from_engine(fault, &result->fault);
	else if (run->own_fault.kind != NULL)
		*fault = run->own_fault;
	else if (ret->result != -ECANCELED)
		job_fault_set(fault, "infrastructure-error", "the run ended: %s", strerror(-ret->result));
}

/* What the board's part of the engine takes the modem to be, when it is silent, is for the next run's way through the board, and for nothing else. */
static void keep_guess(struct run *run, const struct upgrade_result *result)
{
	struct job_fault fault;
	bool guess = result->after.boot_mode == BOOT_MODE_FFH && run->boot_mode < 0;
	if ((guess || result->boot_mode_refuted) &&
	    registry_guess_ffh(run->queue->with.registry, run->device.id, result->boot_mode_refuted, &fault) < 0)
		log_warning(run->device.id, "what the modem may be is not stored: %s", fault.message);
}

/* One that found nothing leaves nothing. */
static void judge_periodic(struct run *run, struct run_outcome *ret)
{
	struct queue *queue = run->queue;
	ret->news = run->news || queue_probe_is_news(queue, run->device.id, ret->result, &ret->fault);
	if (!ret->news)
		transcript_file_remove(store_transcript_dir(queue->with.store), run->row.job.id);
}

static void run_job(struct run *run, struct run_outcome *ret)
{
	struct upgrade_result result = {.before.boot_mode = BOOT_MODE_UNKNOWN, .after.boot_mode = BOOT_MODE_UNKNOWN};
	const struct job_request *request = &run->row.job.request;
	ret->result = registry_get(run->queue->with.registry, request->device, &run->device, &ret->fault);
	if (ret->result == 0 && run->device.offered)
		ret->result = registry_refuse_offered(run->device.id, &ret->fault);
	if (ret->result < 0)
		return;
	look_back(run);
	ret->remote = link_port_is_remote(run->device.port);
	open_transcript(run);
	if (request->kind != JOB_UPGRADE)
		ret->result = run_engine(run, NULL, NULL, &result);
	else
		ret->result = run_upgrade(run, &result, &ret->fault);
	explain_end(run, &result, ret);
	if (run->transcript != NULL)
		note_end(run, ret);
	close_transcript(run);
	if (run->entry->periodic)
		judge_periodic(run, ret);
	if (request->kind == JOB_PROBE && ret->result == 0 && (!run->entry->periodic || ret->news))
		keep_report(run, &result);
	if (ret->result == -EPROTO && result.fault.code == FAULT_BOARD_NO_BRIDGE)
		keep_guess(run, &result);
	ret->verified = result.verified;
	memcpy(ret->to_release, result.after.release, sizeof(ret->to_release));
	if (tells_first_release(run, &result.before))
		memcpy(ret->from_release, result.before.release, sizeof(ret->from_release));
	ret->connected = run->connected;
	memcpy(ret->port, run->device.port, sizeof(ret->port));
	ret->boot_mode = run->boot_mode;
	ret->phase = run->phase;
	ret->phase_ms = (uint32_t)(clock_now_ms() - run->phase_since_ms);
}

/* Under `change`: a stop that was asked for makes an end without a reason, or with one that would be retried, no failure. */
static void judge_stop(const struct queued_job *entry, struct run_outcome *outcome)
{
	const struct fault_kind *kind = outcome->fault.kind;
	if (outcome->result == 0)
		return;
	if (entry->put_back && kind != NULL && (kind->class == CLASS_TRANSIENT || kind->class == CLASS_INFRASTRUCTURE))
		outcome->fault = (struct job_fault){0};
	if (kind == NULL && !entry->put_back && !entry->row.cancel_requested && !entry->gives_way)
		job_fault_set(&outcome->fault, "infrastructure-error", "the run stopped and nobody asked for it");
}

void *runner_main(void *context)
{
	struct queued_job *entry = context;
	struct queue *queue = entry->queue;
	struct run run = {.entry = entry, .queue = queue, .row = queued_job_row(entry), .boot_mode = -1};
	struct run_outcome outcome = {.boot_mode = -1};
	run.meter.percent_floor = run.row.job.progress.percent;
	run_job(&run, &outcome);
	pthread_mutex_lock(&queue->change);
	/* One that the stop has left is settled already. */
	if (!entry->left) {
		judge_stop(entry, &outcome);
		entry->outcome = outcome;
		queued_job_settle(entry);
	}
	pthread_mutex_lock(&queue->lock);
	entry->thread_ended = true;
	pthread_mutex_unlock(&queue->lock);
	pthread_mutex_unlock(&queue->change);
	queue_wake(queue);
	return NULL;
}
