/* SPDX-License-Identifier: Apache-2.0
 *
 * Selectors: what is refused says where and why; what is taken means the same with blanks around it and said twice, and a further term never
 * makes a device fit that did not.
 */
#include "daemon/selector.h"

#include <errno.h>
#include <string.h>

#include "tests/fuzz/harness.h"

static const struct device devices[] = {
    {.id = "bench-1",
     .alias = "the blue board",
     .profile = "walter",
     .board = "pysense",
     .label_count = 4,
     .labels = {{"rack", "1"}, {"bench", ""}, {"note", "a b=c (d)"}, {"in", "notin"}},
     .modem = {.release = "LR5.1.1.0-39529"}},
    {.id = "x", .state = DEVICE_UNKNOWN},
};
#define DEVICES (sizeof(devices) / sizeof(devices[0]))

static struct selector *compiled(const char *first, const char *second, const char *third)
{
	struct selector *selector = NULL;
	struct job_fault fault = {0};
	size_t size = strlen(first) + strlen(second) + strlen(third) + 1;
	char *text = malloc(size);

	if (!text)
		return NULL;
	snprintf(text, size, "%s%s%s", first, second, third);
	int r = selector_compile(text, &selector, &fault);
	free(text);
	LAW(r == 0 || r == -EPROTO);
	LAW((r == 0) == (selector != NULL) && (r == 0) == (fault.kind == NULL));
	LAW(r == 0 || (strcmp(fault.kind->code, "invalid-request") == 0 && strncmp(fault.message, "selector, character ", 20) == 0));
	LAW(r == 0 || strtoul(fault.message + 20, NULL, 10) <= size);
	return selector;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	bool empty = text[strspn(text, " \t")] == '\0';
	struct selector *plain = compiled(text, "", ""), *spaced = compiled(" \t", text, " ");
	struct selector *twice = empty ? NULL : compiled(text, ",", text), *narrower = empty ? NULL : compiled(text, ",", "id=x");
	LAW((plain != NULL) == (spaced != NULL));
	LAW(empty || !plain || (twice && narrower));
	for (size_t i = 0; i < DEVICES && plain; i++) {
		bool matches = selector_matches(plain, &devices[i]);

		LAW(matches == selector_matches(spaced, &devices[i]));
		LAW(!empty || matches);
		LAW(empty || matches == selector_matches(twice, &devices[i]));
		LAW(empty || selector_matches(narrower, &devices[i]) == (matches && i == 1));
	}
	selector_free(plain);
	selector_free(spaced);
	selector_free(twice);
	selector_free(narrower);
	free(text);
	return 0;
}
