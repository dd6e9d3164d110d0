/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_pins.h"

#define NEEDS_MAX 3u

struct need {
	const char *what;
	const char *sha256; /* "": none */
};

static void list_needs(const struct job_request *request, struct need ret[NEEDS_MAX])
{
	ret[0] = (struct need){"firmware", request->firmware};
	ret[1] = (struct need){"helper", request->helper};
	ret[2] = (struct need){"second file", request->second};
}

static void drop(struct firmware_store *store, const struct need *needs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (needs[i].sha256[0] != '\0')
			firmware_unpin(store, needs[i].sha256);
}

int job_pins_take(struct firmware_store *store, const struct job_request *request, struct job_fault *ret_fault)
{
	struct need needs[NEEDS_MAX];
	list_needs(request, needs);
	for (size_t i = 0; i < NEEDS_MAX; i++) {
		if (needs[i].sha256[0] == '\0' || firmware_pin(store, needs[i].sha256) == 0)
			continue;
		drop(store, needs, i);
		return job_fault_set(ret_fault, "not-found", "the %s %s is not in the cache any more", needs[i].what, needs[i].sha256);
	}
	return 0;
}

void job_pins_drop(struct firmware_store *store, const struct job_request *request)
{
	struct need needs[NEEDS_MAX];
	list_needs(request, needs);
	drop(store, needs, NEEDS_MAX);
}
