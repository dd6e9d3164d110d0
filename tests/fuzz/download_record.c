/* SPDX-License-Identifier: Apache-2.0
 *
 * The text that keeps a download over a restart: what is read is written again as it was, and no other text is read.
 */
#include "firmware-cache/download_record.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct download_record record;
	struct download_record again;
	int result = download_record_read((const char *)bytes, length, &record);
	char *text;

	LAW(result == 0 || result == -74 /* -EBADMSG */);
	if (result < 0)
		return 0;
	text = download_record_write(&record);
	LAW(text != NULL && strlen(text) <= 3 * sizeof(record) + 1024);
	LAW(download_record_read(text, strlen(text), &again) == 0);
	LAW(memcmp(&record, &again, sizeof(record)) == 0);
	free(text);
	return 0;
}
