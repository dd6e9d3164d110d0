/* SPDX-License-Identifier: Apache-2.0
 *
 * Plays a corpus without a fuzzer: every file of the folder that belongs to the program (tests/fuzz/corpus/NAME for NAME_corpus_test), and each
 * of them cut short at every length up to 512 bytes. Prints what libcheck prints, so that the test runner counts it.
 */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/harness.h"

#define INPUT_MAX (1u << 20)

static void play(const uint8_t *bytes, size_t length)
{
	/* Of the exact size, so that a sanitizer sees a read beyond it. */
	uint8_t *copy = malloc(length ? length : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, length);
	(void)LLVMFuzzerTestOneInput(copy, length);
	free(copy);
}

static bool play_file(const char *path)
{
	uint8_t *bytes = malloc(INPUT_MAX);
	FILE *file = fopen(path, "rb");
	bool read = bytes && file;
	size_t length = read ? fread(bytes, 1, INPUT_MAX, file) : 0;

	if (file)
		fclose(file);
	for (size_t cut = 0; cut < length && cut < 512; cut++)
		play(bytes, cut);
	if (read)
		play(bytes, length);
	free(bytes);
	return read && length > 0;
}

static bool corpus_folder(const char *program, char *ret, size_t size)
{
	const char *name = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
	const char *end = strstr(name, "_corpus_test");

	return end && snprintf(ret, size, "tests/fuzz/corpus/%.*s", (int)(end - name), name) < (int)size;
}

int main(int argc, char **argv)
{
	char folder[256], path[600];
	unsigned played = 0, failed = 0;
	(void)argc;
	if (!corpus_folder(argv[0], folder, sizeof(folder)))
		return 2;
	DIR *dir = opendir(folder);
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		played++;
		if (!play_file(path)) {
			fprintf(stderr, "%s cannot be read\n", path);
			failed++;
		}
	}
	if (dir)
		closedir(dir);
	printf("Checks: %u, Failures: %u, Errors: 0\n", played, failed);
	return played > 0 && failed == 0 ? 0 : 1;
}
