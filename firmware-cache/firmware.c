/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/utf8.h"

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

		if (strcmp(record->magic, "UPGR") != 0 || strcmp(record->description, "bootrom upgrade package") != 0)
			continue;
		*ret_offset = record->offset;
		*ret_length = record->data_offset - record->offset + record->size + record->signature_size;
		return *ret_length < firmware->size;
	}
	return false;
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
