/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/errand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void actor_name(const struct actor *actor, char ret[REQUESTED_BY_SIZE])
{
	if (actor->token[0] != '\0')
		snprintf(ret, REQUESTED_BY_SIZE, "token:%s", actor->token);
	else if (actor->user[0] != '\0')
		snprintf(ret, REQUESTED_BY_SIZE, "user:%s", actor->user);
	else if (actor->uid != AUDIT_WHO_UNKNOWN_USER)
		snprintf(ret, REQUESTED_BY_SIZE, "user:%" PRIu32, actor->uid);
	else
		snprintf(ret, REQUESTED_BY_SIZE, "address:%s", actor->address);
}

void kept_answer_clear(struct kept_answer *answer)
{
	free(answer->body);
	*answer = (struct kept_answer){0};
}
