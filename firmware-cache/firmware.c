/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/utf8.h"

static const char boot_rom_description[] = "bootrom upgrade package"; /* protocol.md 5 */

const char *firmware_kind_name(enum firmware_kind kind)
{
	switch (kind) {
	case FIRMWARE_BUNDLE:
		return "bundle";
	case FIRMWARE_HELPER:
		return "helper";
	}
	return "bundle";
}

const char *signature_verdict_name(enum signature_verdict verdict)
{
	switch (verdict) {
	case SIGNATURE_NONE:
		return "none";
	case SIGNATURE_GOOD:
		return "good";
	case SIGNATURE_BAD:
		return "bad";
	}
	return "none";
}

void firmware_clear(struct firmware *firmware)
{
	if (!firmware)
		return;
	free(firmware->bundle);
	memset(firmware, 0, sizeof(*firmware));
}

int firmware_copy(const struct firmware *from, struct firmware *ret)
{
	struct bundle *bundle = NULL;

	if (from->bundle) {
		bundle = malloc(sizeof(*bundle));
		if (!bundle)
			return -ENOMEM;
		/* Only the records in use: the others are most of its size, and stay untouched memory. */
		bundle->record_count = from->bundle->record_count;
		memcpy(bundle->records, from->bundle->records, from->bundle->record_count * sizeof(bundle->records[0]));
	}
	*ret = *from;
	ret->bundle = bundle;
	return 0;
}

bool firmware_boot_rom(const struct firmware *firmware, uint64_t *ret_offset, uint64_t *ret_length)
{
	for (size_t i = 0; firmware->bundle && i < firmware->bundle->record_count; i++) {
		const struct bundle_record *record = &firmware->bundle->records[i];

		if (strcmp(record->magic, "UPGR") != 0 || strcmp(record->description, boot_rom_description) != 0)
			continue;
		*ret_offset = record->offset;
		*ret_length = record->data_offset - record->offset + record->size + record->signature_size;
		return *ret_length < firmware->size;
	}
	return false;
}

static bool has_differential(const struct bundle *bundle)
{
	for (size_t i = 0; bundle && i < bundle->record_count; i++) {
		if (strcmp(bundle->records[i].magic, "DIFF") == 0)
			return true;
	}
	return false;
}

static bool is_boot_rom_alone(const struct bundle *bundle)
{
	size_t count = 0;

	for (size_t i = 0; bundle && i < bundle->record_count; i++) {
		const struct bundle_record *record = &bundle->records[i];

		if (strcmp(record->magic, "PACK") == 0)
			continue;
		if (strcmp(record->magic, "UPGR") != 0 || strcmp(record->description, boot_rom_description) != 0)
			return false;
		count++;
	}
	return count > 0;
}

enum firmware_form firmware_form(const struct firmware *firmware)
{
	if (firmware->kind == FIRMWARE_HELPER)
		return FORM_NONE;
	if (has_differential(firmware->bundle) || firmware->facts.base_build)
		return FORM_DIFFERENTIAL;
	if (is_boot_rom_alone(firmware->bundle))
		return FORM_BOOT_ROM;
	return firmware->pair_part ? FORM_PAIR_PART : FORM_FULL;
}

const char *firmware_form_name(enum firmware_form form)
{
	switch (form) {
	case FORM_NONE:
		return "";
	case FORM_FULL:
		return "full";
	case FORM_DIFFERENTIAL:
		return "differential";
	case FORM_BOOT_ROM:
		return "boot-rom";
	case FORM_PAIR_PART:
		return "pair-part";
	}
	return "";
}

bool firmware_name_valid(const char *name)
{
	size_t used = 0;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	while (name[used]) {
		size_t length = name[used] == '/' ? 0 : utf8_printable(name + used);

		used += length;
		if (length == 0 || used >= FIRMWARE_NAME_SIZE)
			return false;
	}
	return used > 0;
}
