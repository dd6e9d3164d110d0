/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of a scenario do to a modem. */
#include "tests/simulator/modem.h"

#include <string.h>

#define DEFAULT_CUT_NS (1000 * NS_PER_MS)

enum { NOISE_DEFAULT = 16, NOISE_MAX = 1024 };

static uint64_t rule_ns(const struct rule *rule)
{
	return rule->ms > NEVER / NS_PER_MS ? NEVER : rule->ms * NS_PER_MS;
}

static void send_noise(struct modem *modem, uint64_t count)
{
	uint8_t noise[NOISE_MAX];
	size_t length = count == UINT64_MAX ? NOISE_DEFAULT : (size_t)(count < NOISE_MAX ? count : NOISE_MAX);

	for (size_t i = 0; i < length; i++)
		noise[i] = (uint8_t)(0x80 | (i * 37 + 11));
	modem_send(modem, noise, length);
}

static uint64_t or_default(uint64_t count, uint64_t fallback)
{
	return count == UINT64_MAX ? fallback : count;
}

/* Damage to a frame that is coming in: its header is at hand, its payload is what follows. */
static void damage_frame(struct modem *modem, const struct rule *rule, struct effects *effects)
{
	bool header = rule->header || modem->stp.payload_length == 0;

	if (rule->verb == VERB_DROP && header)
		effects->lost = true;
	else if (rule->verb == VERB_DROP)
		modem->rx_drop += or_default(rule->count, modem->stp.payload_length);
	else if (header)
		effects->damaged = true;
	else
		modem->rx_corrupt += or_default(rule->count, 1);
}

static bool is_frame(const struct rule *rule)
{
	return rule->trigger == TRIGGER_FRAME || rule->trigger == TRIGGER_BLOCK || rule->trigger == TRIGGER_BYTES;
}

static bool has_answer(const struct rule *rule)
{
	return rule->trigger != TRIGGER_STATE && rule->trigger != TRIGGER_AT_MS;
}

static void arm_damage(struct modem *modem, const struct rule *rule, struct effects *effects)
{
	if (rule->of == DIRECTION_INCOMING && is_frame(rule))
		damage_frame(modem, rule, effects);
	else if (rule->of == DIRECTION_INCOMING && rule->verb == VERB_DROP)
		modem->rx_drop += or_default(rule->count, 1);
	else if (rule->of == DIRECTION_INCOMING)
		modem->rx_corrupt += or_default(rule->count, 1);
	else if (rule->verb == VERB_DROP && rule->count == UINT64_MAX && has_answer(rule))
		effects->unanswered = true;
	else if (rule->verb == VERB_DROP)
		modem->tx_drop += or_default(rule->count, 1);
	else
		modem->tx_corrupt += or_default(rule->count, 1);
}

static void add_effect(struct modem *modem, const struct rule *rule, struct effects *effects)
{
	switch (rule->verb) {
	case VERB_DROP:
	case VERB_CORRUPT:
		arm_damage(modem, rule, effects);
		break;
	case VERB_DELAY:
	case VERB_STALL:
		effects->delay_ns += rule_ns(rule);
		break;
	case VERB_NACK:
		effects->nack = true;
		break;
	case VERB_NOT_UNDERSTOOD:
		effects->not_understood = true;
		break;
	case VERB_SILENCE:
		effects->silence = true;
		effects->silence_ns = rule_ns(rule);
		break;
	case VERB_ERROR:
		effects->error = true;
		break;
	case VERB_NOISE:
		send_noise(modem, rule->count);
		break;
	case VERB_TEXT:
		modem_say(modem, "%s", rule->text);
		break;
	case VERB_HANG_UP:
	case VERB_POWER_LOSS:
		effects->cut = true;
		effects->power_loss = rule->verb == VERB_POWER_LOSS;
		effects->cut_ns = rule->ms_given ? rule_ns(rule) : DEFAULT_CUT_NS;
		effects->cut_as = rule->as[0] != '\0' ? rule->as : NULL;
		break;
	case VERB_ANSWER:
		effects->answer = rule;
		break;
	case VERB_RATE:
		modem->rate = (uint32_t)rule->rate;
		state_save(modem);
		break;
	case VERB_BREAK:
		modem->break_ns = modem_after(modem->now, rule->ms_given ? rule_ns(rule) : 0);
		break;
	case VERB_RESIDUE:
		effects->residue = (uint16_t)(rule->count < UINT16_MAX ? rule->count : UINT16_MAX);
		break;
	case VERB_REFUSE_SESSION:
		effects->refuse = true;
		break;
	case VERB_STALE_OK:
		effects->stale_ok = true;
		break;
	case VERB_BOARD_RESET:
		if (modem->board)
			board_reset(modem);
		break;
	}
}

void faults_of(struct modem *modem, const struct happening *happening, struct effects *effects)
{
	struct happening here = *happening;
	const struct rule *rule;
	size_t cursor = 0;

	here.mode = (int)modem->mode;
	while ((rule = scenario_next(modem->scenario, modem->seen, modem->index, &here, &cursor))) {
		/* A test that waits for its fault sees the first at once. */
		if (modem->counters.rules_fired++ == 0)
			state_save(modem);
		add_effect(modem, rule, effects);
	}
}

bool faults_stop(struct modem *modem, const struct effects *effects)
{
	if (effects->silence)
		modem->mute_until_ns = effects->silence_ns > NEVER - modem->now ? NEVER : modem->now + effects->silence_ns;
	if (effects->power_loss)
		modem_power_loss(modem, effects->cut_ns, effects->cut_as);
	else if (effects->cut)
		modem_unplug(modem, effects->cut_ns, effects->cut_as);
	return effects->silence || effects->cut;
}

void faults_of_state(struct modem *modem, enum scenario_state state)
{
	struct happening happening = {.trigger = TRIGGER_STATE, .from = state, .to = (uint64_t)state + 1};
	struct effects effects = {0};

	faults_of(modem, &happening, &effects);
	if (faults_stop(modem, &effects) || effects.delay_ns == 0)
		return;
	/* A phase that ends by itself lasts longer; one that does not only takes its time to listen. */
	if (modem->phase_end_ns != NEVER)
		modem->phase_end_ns += effects.delay_ns;
	else
		modem->busy_until_ns = modem->now + effects.delay_ns;
}

void faults_of_time(struct modem *modem)
{
	uint64_t ms = (modem->now - modem->started_ns) / NS_PER_MS;
	struct happening happening = {.trigger = TRIGGER_AT_MS, .from = modem->at_ms_done, .to = ms + 1};
	struct effects effects = {0};

	if (ms + 1 == modem->at_ms_done)
		return;
	modem->at_ms_done = ms + 1;
	faults_of(modem, &happening, &effects);
	if (!faults_stop(modem, &effects) && effects.delay_ns > 0)
		modem->busy_until_ns = modem->now + effects.delay_ns;
}

void modem_obey(struct modem *modem, const struct rule *order, uint64_t now)
{
	struct effects effects = {0};

	if (order->modem != SCENARIO_ALL && order->modem != (int)modem->index)
		return;
	modem->now = now;
	add_effect(modem, order, &effects);
	if (!faults_stop(modem, &effects) && effects.delay_ns > 0)
		modem->busy_until_ns = modem->now + effects.delay_ns;
}

uint64_t faults_due(const struct modem *modem)
{
	uint64_t next = scenario_next_ms(modem->scenario, modem->index, modem->at_ms_done);

	return next == NEVER ? NEVER : modem->started_ns + next * NS_PER_MS;
}
