/* SPDX-License-Identifier: Apache-2.0 */
/* A modem's state file: what it is, for tests to read and for the next start to go on from. */
#include "tests/simulator/modem.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const report_names[] = {[REPORT_NONE] = "none", [REPORT_SUCCESS] = "success", [REPORT_FAIL] = "fail"};
static const char *const stored_names[] = {[STORED_NONE] = "none", [STORED_GOOD] = "good", [STORED_BAD] = "bad"};
static const char *const phase_names[] = {
    [PHASE_COMMAND] = "command", [PHASE_DATA] = "data", [PHASE_STP] = "stp",       [PHASE_APPLY] = "apply",
    [PHASE_RESTART] = "restart", [PHASE_OFF] = "off",   [PHASE_HELPER] = "helper", [PHASE_DEAD] = "dead",
};
static const char *const kind_names[] = {
    [BUNDLE_FULL] = "full",     [BUNDLE_DIFFERENTIAL] = "differential", [BUNDLE_BOOT_ROM] = "boot-rom", [BUNDLE_FIRST] = "first",
    [BUNDLE_SECOND] = "second",
};

#define NAMES(table) (sizeof(table) / sizeof((table)[0]))

static const char *const board_states[] = {
    [BOARD_PROMPT] = "prompt", [BOARD_BUSY] = "busy", [BOARD_HUNG] = "hung", [BOARD_BRIDGE] = "bridge"};

static bool state_path(const struct modem *modem, char path[PORT_PATH_MAX])
{
	int length = snprintf(path, PORT_PATH_MAX, "%s/modem%u.json", modem->options->state_dir, modem->index);

	return length > 0 && length < PORT_PATH_MAX;
}

static json_t *pack_replay(const struct play *play)
{
	if (!play)
		return json_null();
	return json_pack("{s:i, s:I, s:I}", "line", (int)play_at_line(play), "repeated", (json_int_t)play_repeated(play), "unknown",
			 (json_int_t)play_unknown(play));
}

static json_t *pack_board(const struct board *board)
{
	if (!board)
		return json_null();
	return json_pack("{s:s, s:s, s:b}", "name", board->kind->name, "state", board_states[board->state], "bridging",
			 board->state == BOARD_BRIDGE ? 1 : 0);
}

static json_t *pack_state(const struct modem *modem)
{
	const struct counters *counters = &modem->counters;

	return json_pack("{s:i, s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:b}, s:{s:I, s:I, s:I}, s:s?, "
			 "s:{s:I, s:I, s:I, s:I, s:I, s:b}, s:o, s:o, s:I}",
			 "index", (int)modem->index, "family", modem->options->family->name, "phase", phase_names[modem->phase],
			 "boot_mode", (int)modem->mode, "rate_bps", (json_int_t)modem->rate, "release", modem->release, "ue", modem->ue,
			 "imei", modem->imei, "report", report_names[modem->report], "stored", "state", stored_names[modem->stored.state],
			 "release", modem->stored.release, "ue", modem->stored.ue, "kind", kind_names[modem->stored.kind], "boot_rom",
			 modem->stored.boot_rom, "upgrades", "attempted", (json_int_t)counters->attempted, "succeeded",
			 (json_int_t)counters->succeeded, "failed", (json_int_t)counters->failed, "last_failure",
			 modem->last_failure[0] ? modem->last_failure : NULL, "stp", "sessions", (json_int_t)counters->sessions, "blocks",
			 (json_int_t)counters->blocks, "bytes", (json_int_t)counters->bytes, "resends", (json_int_t)counters->resends,
			 "crc_errors", (json_int_t)counters->crc_errors, "compressed", counters->compressed ? 1 : 0, "board",
			 pack_board(modem->board), "replay", pack_replay(modem->play), "rules_fired", (json_int_t)counters->rules_fired);
}

static json_t *pack_taken(const struct modem *modem)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < modem->taken_count; i++) {
		const struct taken *one = &modem->taken[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "release", one->release, "kind", kind_names[one->kind], "count",
						      (json_int_t)one->count));
	}
	return list;
}

/* What came with the other boot modes: files from before are read without it. */
static bool add_flash(json_t *state, const struct modem *modem)
{
	const struct flash *flash = &modem->flash;
	const struct counters *counters = &modem->counters;
	const char *dead = flash->dead[0] ? flash->dead : NULL;
	json_t *more = json_pack(
	    "{s:s?, s:b, s:b, s:b, s:b, s:I, s:{s:s, s:s}, s:{s:b, s:s, s:I, s:I}, s:I, s:o}", "dead", dead, "application",
	    !flash->no_application && !flash->erased, "bare", flash->no_application, "erased", flash->erased, "pair_half", flash->pair_half,
	    "passes", (json_int_t)flash->passes, "boot_rom", "release", flash->boot_rom, "before", flash->boot_rom_before, "helper",
	    "running", modem->helper, "release", modem->helper_release, "loaded", (json_int_t)counters->helpers_loaded, "refused",
	    (json_int_t)counters->helpers_refused, "doubled", (json_int_t)counters->doubled, "taken", pack_taken(modem));
	int failed = json_object_update(state, more);

	json_decref(more);
	return failed == 0;
}

void state_save(const struct modem *modem)
{
	char path[PORT_PATH_MAX], staged[PORT_PATH_MAX + 8];
	json_t *state;

	if (!modem->options->state_dir || !state_path(modem, path))
		return;
	snprintf(staged, sizeof(staged), "%s.new", path);
	state = pack_state(modem);
	if (!state || !add_flash(state, modem) || json_dump_file(state, staged, JSON_INDENT(2)) < 0 || rename(staged, path) < 0)
		fprintf(stderr, "dupgate-sim: cannot write %s\n", path);
	json_decref(state);
}

static bool state_error(const char *path, const char *what)
{
	fprintf(stderr, "dupgate-sim: %s: %s\n", path, what);
	return false;
}

static bool name_in(const char *name, const char *const *names, size_t count, unsigned *ret)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (unsigned)i;
			return true;
		}
	return false;
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static void read_counters(struct counters *counters, const json_t *upgrades, const json_t *stp)
{
	counters->attempted = (uint64_t)json_integer_value(json_object_get(upgrades, "attempted"));
	counters->succeeded = (uint64_t)json_integer_value(json_object_get(upgrades, "succeeded"));
	counters->failed = (uint64_t)json_integer_value(json_object_get(upgrades, "failed"));
	counters->sessions = (uint64_t)json_integer_value(json_object_get(stp, "sessions"));
	counters->blocks = (uint64_t)json_integer_value(json_object_get(stp, "blocks"));
	counters->bytes = (uint64_t)json_integer_value(json_object_get(stp, "bytes"));
	counters->resends = (uint64_t)json_integer_value(json_object_get(stp, "resends"));
	counters->crc_errors = (uint64_t)json_integer_value(json_object_get(stp, "crc_errors"));
	counters->compressed = json_is_true(json_object_get(stp, "compressed"));
}

static void read_taken(struct modem *modem, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < TAKEN_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		const char *kind = json_string_value(json_object_get(one, "kind"));
		unsigned index = 0;

		if (!kind || !name_in(kind, kind_names, NAMES(kind_names), &index))
			continue;
		modem->taken[modem->taken_count].kind = index;
		modem->taken[modem->taken_count].count = (uint64_t)json_integer_value(json_object_get(one, "count"));
		copy_text(modem->taken[modem->taken_count++].release, RELEASE_MAX, json_string_value(json_object_get(one, "release")));
	}
}

static void read_flash(struct modem *modem, const json_t *state)
{
	const json_t *rom = json_object_get(state, "boot_rom"), *helper = json_object_get(state, "helper");
	struct flash *flash = &modem->flash;

	if (!rom)
		return;
	flash->erased = json_is_true(json_object_get(state, "erased"));
	flash->no_application = json_is_true(json_object_get(state, "bare"));
	flash->pair_half = json_is_true(json_object_get(state, "pair_half"));
	flash->passes = (uint64_t)json_integer_value(json_object_get(state, "passes"));
	copy_text(flash->dead, sizeof(flash->dead), json_string_value(json_object_get(state, "dead")));
	copy_text(flash->boot_rom, sizeof(flash->boot_rom), json_string_value(json_object_get(rom, "release")));
	copy_text(flash->boot_rom_before, sizeof(flash->boot_rom_before), json_string_value(json_object_get(rom, "before")));
	modem->helper = json_is_true(json_object_get(helper, "running"));
	copy_text(modem->helper_release, sizeof(modem->helper_release), json_string_value(json_object_get(helper, "release")));
	modem->counters.helpers_loaded = (uint64_t)json_integer_value(json_object_get(helper, "loaded"));
	modem->counters.helpers_refused = (uint64_t)json_integer_value(json_object_get(helper, "refused"));
	modem->counters.doubled = (uint64_t)json_integer_value(json_object_get(state, "doubled"));
	read_taken(modem, json_object_get(state, "taken"));
}

/* What a stored bundle is besides its release. */
static bool read_stored(struct modem *modem, const char *path, const json_t *stored)
{
	const char *kind = json_string_value(json_object_get(stored, "kind"));
	unsigned index = BUNDLE_FULL;

	if (kind && !name_in(kind, kind_names, NAMES(kind_names), &index))
		return state_error(path, "unknown kind of the stored bundle");
	modem->stored.kind = index;
	modem->stored.boot_rom = json_is_true(json_object_get(stored, "boot_rom"));
	return true;
}

static bool take_state(struct modem *modem, const char *path, json_t *state)
{
	const char *family, *release, *ue, *report, *stored_state, *stored_release, *stored_ue;
	json_t *upgrades, *stp, *failure;
	int mode;
	json_int_t rate;
	unsigned index = 0;
	json_error_t error;

	if (json_unpack_ex(state, &error, 0, "{s:s, s:i, s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o, s:o, s:o}", "family", &family,
			   "boot_mode", &mode, "rate_bps", &rate, "release", &release, "ue", &ue, "report", &report, "stored", "state",
			   &stored_state, "release", &stored_release, "ue", &stored_ue, "upgrades", &upgrades, "stp", &stp, "last_failure",
			   &failure) < 0)
		return state_error(path, error.text);
	if (strcmp(family, modem->options->family->name) != 0)
		return state_error(path, "it belongs to a modem of the other family");
	if (mode < BOOT_FFH || mode > BOOT_RECOVERY || rate < 300 || rate > 4000000)
		return state_error(path, "boot mode or rate out of range");
	if (!name_in(report, report_names, NAMES(report_names), &index))
		return state_error(path, "unknown report");
	modem->report = index;
	if (!name_in(stored_state, stored_names, NAMES(stored_names), &index))
		return state_error(path, "unknown state of the stored bundle");
	modem->stored.state = index;
	modem->mode = (enum boot_mode)mode;
	modem->rate = (uint32_t)rate;
	copy_text(modem->release, sizeof(modem->release), release);
	copy_text(modem->ue, sizeof(modem->ue), ue);
	copy_text(modem->stored.release, sizeof(modem->stored.release), stored_release);
	copy_text(modem->stored.ue, sizeof(modem->stored.ue), stored_ue);
	copy_text(modem->last_failure, sizeof(modem->last_failure), json_string_value(failure));
	read_counters(&modem->counters, upgrades, stp);
	read_flash(modem, state);
	return read_stored(modem, path, json_object_get(state, "stored"));
}

bool state_load(struct modem *modem)
{
	char path[PORT_PATH_MAX];
	json_error_t error;
	json_t *state;
	bool good;

	if (!modem->options->state_dir)
		return true;
	if (!state_path(modem, path))
		return state_error(modem->options->state_dir, "the path is too long");
	if (access(path, F_OK) != 0)
		return true;
	state = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	good = state ? take_state(modem, path, state) : state_error(path, error.text);
	json_decref(state);
	return good;
}
