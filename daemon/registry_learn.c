/* SPDX-License-Identifier: Apache-2.0
 *
 * What modems told, and what that says of them: another modem than was known, another release, too many failures.
 */
#include "daemon/registry_private.h"

#include <stdio.h>
#include <string.h>

#include "daemon/log.h"

static void merge_text(char *known, size_t size, const char *told)
{
	if (told[0] != '\0')
		snprintf(known, size, "%s", told);
}

/* How it was found, whoever it is. */
static void merge_reach(struct device_modem *known, const struct modem_info *told)
{
	if (told->boot_mode != BOOT_MODE_UNKNOWN) {
		known->boot_mode = (int)told->boot_mode;
		snprintf(known->boot_mode_name, sizeof(known->boot_mode_name), "%s", boot_mode_name(told->boot_mode));
	}
	if (told->rate_bps != 0)
		known->rate_bps = told->rate_bps;
}

static void merge_facts(struct device_modem *known, const struct modem_info *told)
{
	if (told->family != FAMILY_UNKNOWN)
		snprintf(known->family, sizeof(known->family), "%s", modem_family_name(told->family));
	/* A build alone is no part of the release that was told with another one. */
	if (told->build != 0 && told->build != known->build)
		known->release[0] = '\0';
	merge_text(known->ue, sizeof(known->ue), told->ue);
	merge_text(known->release, sizeof(known->release), told->release);
	if (told->build != 0)
		known->build = told->build;
	merge_text(known->imei, sizeof(known->imei), told->imei);
}

static bool is_another(const struct device_modem *known, const struct modem_info *told)
{
	return told->imei[0] != '\0' && known->imei[0] != '\0' && strcmp(told->imei, known->imei) != 0;
}

/* What was known of the modem before says nothing of this one. */
static void forget_modem(struct device_modem *known)
{
	*known = (struct device_modem){.boot_mode = BOOT_MODE_UNKNOWN, .rate_bps = known->rate_bps};
}

/* The other device that knows this modem as its own; NULL: none. `change` is held: entries neither come nor go. */
static const struct registry_entry *holder_of(struct registry *registry, const struct registry_entry *entry, const char *imei)
{
	for (size_t i = 0; imei[0] != '\0' && i < registry->count; i++) {
		const struct registry_entry *other = registry->entries[i];
		if (other != entry && strcmp(other->device.modem.imei, imei) == 0)
			return other;
	}
	return NULL;
}

static void note_moved(struct registry *registry, const struct registry_entry *here, const struct registry_entry *there, const char *imei,
		       const char *job)
{
	log_warning(here->id, "the modem with the IMEI %s, which is known behind %s, answers here", imei, there->id);
	device_history_note(registry->history, here->id, DEVICE_FACT_IMEI_MOVED, job, "the modem %s, known behind %s, answers here", imei,
			    there->id);
	device_history_note(registry->history, there->id, DEVICE_FACT_IMEI_MOVED, job, "its modem %s answers behind %s", imei, here->id);
}

/* Each IMEI once: a modem is asked several times in one job. */
static void note_identity(struct registry *registry, const struct registry_entry *before, const struct registry_entry *entry,
			  const struct modem_info *told, const struct registry_lesson *lesson)
{
	const struct device_modem *known = &before->device.modem;
	if (told->imei[0] == '\0' || strcmp(told->imei, known->imei) == 0 || strcmp(told->imei, before->told_imei) == 0)
		return;
	const struct registry_entry *holder = holder_of(registry, entry, told->imei);
	if (holder != NULL)
		note_moved(registry, entry, holder, told->imei, lesson->job);
	else if (known->imei[0] != '\0')
		device_history_note(registry->history, entry->id, DEVICE_FACT_IMEI_CHANGED, lesson->job,
				    "the modem %s answers where %s was known", told->imei, known->imei);
}

static bool is_other_release(const struct device_modem *known, const struct modem_info *told)
{
	if (told->release[0] != '\0' && known->release[0] != '\0')
		return strcmp(told->release, known->release) != 0;
	return told->build != 0 && known->build != 0 && told->build != known->build;
}

static void note_release(struct registry *registry, const struct registry_entry *before, const struct registry_entry *entry,
			 const struct modem_info *told, const struct registry_lesson *lesson)
{
	const struct device_modem *known = &before->device.modem, *now = &entry->device.modem;
	if (lesson->ours || is_another(known, told) || !is_other_release(known, told))
		return;
	device_history_note(registry->history, entry->id, DEVICE_FACT_RELEASE_CHANGED, lesson->job,
			    "%s (build %u) runs where %s (build %u) was known, and no job put it there",
			    now->release[0] != '\0' ? now->release : "an unnamed release", now->build,
			    known->release[0] != '\0' ? known->release : "an unnamed release", known->build);
}

static bool same_modem(const struct device_modem *one, const struct device_modem *other)
{
	return one->boot_mode == other->boot_mode && one->build == other->build && strcmp(one->family, other->family) == 0 &&
	       strcmp(one->ue, other->ue) == 0 && strcmp(one->release, other->release) == 0 && strcmp(one->imei, other->imei) == 0;
}

static void take_lesson(struct registry_entry *next, const struct modem_info *told, const struct registry_lesson *lesson)
{
	struct device_modem *modem = &next->device.modem;
	bool another = is_another(modem, told);
	if (another && lesson->identity)
		forget_modem(modem);
	merge_reach(modem, told);
	if (!another || lesson->identity)
		merge_facts(modem, told);
	if (told->imei[0] != '\0')
		memcpy(next->told_imei, told->imei, sizeof(next->told_imei));
	if (told->boot_mode != BOOT_MODE_UNKNOWN)
		next->device.taken_for_ffh = false;
	next->device.seen_at_ms = lesson->now_ms;
}

int registry_learn(struct registry *registry, const char *id, const struct modem_info *info, const struct registry_lesson *lesson,
		   bool *ret_news, struct job_fault *ret_fault)
{
	struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return registry_refuse_unknown(id, ret_fault);
	pthread_mutex_lock(&registry->change);
	struct registry_entry before = *entry, next = *entry;
	take_lesson(&next, info, lesson);
	int result = registry_keep(registry, entry, &next, ret_fault);
	if (result == 0) {
		note_identity(registry, &before, entry, info, lesson);
		note_release(registry, &before, entry, info, lesson);
		if (!same_modem(&before.device.modem, &next.device.modem))
			*ret_news = true;
	}
	pthread_mutex_unlock(&registry->change);
	return result;
}

int registry_guess_ffh(struct registry *registry, const char *id, bool in_vain, struct job_fault *ret_fault)
{
	struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return registry_refuse_unknown(id, ret_fault);
	pthread_mutex_lock(&registry->change);
	struct registry_entry next = *entry;
	next.device.taken_for_ffh = !in_vain;
	/* It was what the modem had told that led the board that way. */
	if (in_vain && !entry->device.taken_for_ffh) {
		next.device.modem.boot_mode = BOOT_MODE_UNKNOWN;
		next.device.modem.boot_mode_name[0] = '\0';
	}
	int result = registry_keep(registry, entry, &next, ret_fault);
	pthread_mutex_unlock(&registry->change);
	return result;
}

static void count_failure(struct device_quarantine *quarantine, const char *code, const struct registry_verdict *verdict)
{
	quarantine->failures++;
	snprintf(quarantine->code, sizeof(quarantine->code), "%s", code);
	if (quarantine->since_ms == 0 && verdict->quarantine_after != 0 && quarantine->failures >= verdict->quarantine_after)
		quarantine->since_ms = verdict->now_ms;
}

static void note_quarantine(struct registry *registry, const struct device_quarantine *before, const struct registry_entry *entry,
			    const char *job)
{
	const struct device_quarantine *now = &entry->device.quarantine;
	if (before->since_ms == 0 && now->since_ms != 0) {
		log_warning(entry->id, "%u upgrades in a row failed by the device, the last with %s: quarantined", now->failures,
			    now->code);
		device_history_note(registry->history, entry->id, DEVICE_FACT_QUARANTINED, job,
				    "%u upgrades in a row failed by the device, the last with %s", now->failures, now->code);
	}
	if (before->since_ms != 0 && now->since_ms == 0)
		device_history_note(registry->history, entry->id, DEVICE_FACT_RELEASED_FROM_QUARANTINE, job, "%s",
				    job[0] != '\0' ? "an upgrade succeeded" : "let out by a person");
}

void registry_note_let_out(struct registry *registry, const struct device_quarantine *before, const struct registry_entry *entry)
{
	note_quarantine(registry, before, entry, "");
}

void registry_judge(struct registry *registry, const char *id, const struct registry_verdict *verdict)
{
	struct job_fault fault;
	struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return;
	pthread_mutex_lock(&registry->change);
	struct registry_entry next = *entry;
	const struct device_quarantine before = entry->device.quarantine;
	if (verdict->code == NULL)
		next.device.quarantine = (struct device_quarantine){0};
	else
		count_failure(&next.device.quarantine, verdict->code, verdict);
	if (verdict->code != NULL || before.failures != 0 || before.since_ms != 0) {
		if (registry_keep(registry, entry, &next, &fault) < 0) {
			log_warning(id, "how the last job ended is not stored yet: %s", fault.message);
			registry_show(registry, entry, &next);
		}
		note_quarantine(registry, &before, entry, verdict->job);
	}
	pthread_mutex_unlock(&registry->change);
}
