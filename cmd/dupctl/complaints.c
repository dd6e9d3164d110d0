/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/complaints.h"

#include <stdio.h>
#include <string.h>

#define NAMED_MOST 3u

void complaints_tell(struct complaints *complaints)
{
	if (complaints->count > NAMED_MOST)
		text_addf(&complaints->names, " and %zu more", complaints->count - NAMED_MOST);
	if (complaints->count > 0)
		fprintf(stderr, "dupctl: %s: %s\n", text_bytes(&complaints->names), text_bytes(&complaints->why));
	text_clear(&complaints->why);
	text_clear(&complaints->names);
	complaints->count = 0;
}

void complaints_clear(struct complaints *complaints)
{
	complaints_tell(complaints);
}

void complaints_add(struct complaints *complaints, const struct failure *failure, const char *name)
{
	if (strcmp(text_bytes(&complaints->why), text_bytes(&failure->text)) != 0)
		complaints_tell(complaints);
	if (complaints->count == 0)
		text_add(&complaints->why, text_bytes(&failure->text));
	complaints->names.utf8 = failure->text.utf8;
	if (complaints->count > 0 && complaints->count < NAMED_MOST)
		text_add(&complaints->names, ", ");
	if (complaints->count++ < NAMED_MOST)
		text_add_clean(&complaints->names, name);
}
