/* SPDX-License-Identifier: Apache-2.0
 *
 * One transfer at a time, against a simulated modem on an honestly paced line: how much of the line is payload, and what it costs; then
 * what the transfer's own rate and compression gain for a modem that talks at 115200.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "transport/modem/image.h"
#include "transport/modem/modem.h"

#define RATE_BPS         921600u
#define TALK_RATE_BPS    115200u
#define SPEEDUP_BAR      12.0
#define BITS_PER_BYTE    10u /* 8N1 */
#define MEGABYTE         1e6
#define ARGUMENTS_MAX    24
#define BLOCK_SIZE_LEAST 256u

extern char **environ;

struct row {
	unsigned version;
	uint32_t block_size;
	unsigned latency_ms;
	uint32_t rate_bps;
	const char *bundle_size; /* of the bundle; smaller where the line is mostly idle, so that all rows take about as long */
	double bar_percent;      /* design's bar, payload over line rate; 0: none */
};

static const struct row rows[] = {
    {1, 2016, 1, RATE_BPS, "1000000", 87.0}, {1, 8176, 1, RATE_BPS, "1000000", 96.0}, {1, 2016, 16, RATE_BPS, "500000", 0.0},
    {1, 8176, 16, RATE_BPS, "500000", 0.0},  {2, 2016, 1, RATE_BPS, "2000000", 0.0},  {2, 8176, 1, RATE_BPS, "2000000", 180.0},
    {2, 2016, 16, RATE_BPS, "1000000", 0.0}, {2, 8176, 16, RATE_BPS, "1000000", 0.0},
};
/* Found at 115200: once as it is and plain, once raised and compressed. */
static const struct row slow_row = {2, 8176, 1, TALK_RATE_BPS, "600000", 0.0};

struct bench {
	const char *simulator;
	char directory[256];
	char bundle[288];
	char port[288];
};

struct measure {
	double percent;    /* plain bytes a second over the bytes a second that the line can carry */
	double cpu_per_mb; /* processor seconds of this process for a megabyte of the bundle */
	double seconds;    /* from the modem that was found to the end of the transfer */
	uint32_t rate_bps; /* the transfer's */
	struct stp_summary stp;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "bench_transfer: %s: %s\n", what, why);
	return -1;
}

/* Starts the simulator; its stdout becomes *ret_output unless that is NULL. The arguments end with NULL. */
static pid_t start_simulator(const struct bench *bench, const char *const arguments[], FILE **ret_output)
{
	const char *argv[ARGUMENTS_MAX] = {bench->simulator};
	int ends[2];
	pid_t pid = -1;
	for (size_t i = 0; arguments[i] != NULL && i + 2 < ARGUMENTS_MAX; i++)
		argv[i + 1] = arguments[i];
	if (pipe(ends) < 0)
		return complain("pipe", strerror(errno));
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	int error = posix_spawn(&pid, bench->simulator, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*ret_output = fdopen(ends[0], "r");
	if (error != 0)
		return complain(bench->simulator, strerror(error));
	return pid;
}

static int make_bundle(const struct bench *bench, const struct row *row)
{
	const char *const arguments[] = {"--make-bundle",  bench->bundle, "--size",
					 row->bundle_size, "--family",    row->version == 1 ? "monarch1" : "monarch2",
					 "--compressible", "0.5",         NULL};
	FILE *output = NULL;
	int status = 0;
	pid_t pid = start_simulator(bench, arguments, &output);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (output != NULL)
		fclose(output);
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : complain("--make-bundle", "failed");
}

static pid_t start_modem(const struct bench *bench, const struct row *row)
{
	char latency[16], version[16], rate[16], line[128] = "";
	snprintf(latency, sizeof(latency), "%u", row->latency_ms);
	snprintf(version, sizeof(version), "%u", row->version);
	snprintf(rate, sizeof(rate), "%u", row->rate_bps);
	const char *const arguments[] = {"--dir",       bench->directory,
					 "--family",    row->version == 1 ? "monarch1" : "monarch2",
					 "--boot-mode", "4",
					 "--rate",      rate,
					 "--pace",      "--latency-ms",
					 latency,       "--stp-version",
					 version,       "--exit-with-parent",
					 NULL};
	FILE *output = NULL;
	pid_t pid = start_simulator(bench, arguments, &output);
	if (pid > 0 && (fgets(line, sizeof(line), output) == NULL || strncmp(line, "ready:", 6) != 0))
		complain("the simulator did not say ready", line);
	if (output != NULL)
		fclose(output);
	return pid;
}

static double processor_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double now_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The modem is found and has said OK to AT+SMSTPU; percent and processor time are of the transfer itself. */
static int measure_transfer(struct modem *modem, const struct row *row, bool compress, const struct stp_source *source, struct measure *ret)
{
	const struct stp_options options = {
	    .block_size = row->block_size,
	    .block_size_min = BLOCK_SIZE_LEAST,
	    .answer_timeout_ms = modem_timings_default.stp_answer_ms,
	    .block_budget_ms = 120000,
	    .allow_compression = compress,
	};
	struct fault fault = {0};
	double before = processor_seconds();
	if (stp_transfer(modem->link, source, &options, &fault, &ret->stp) < 0)
		return complain("stp_transfer", fault.message);
	double megabytes = (double)source->plain_size / MEGABYTE;
	ret->cpu_per_mb = (processor_seconds() - before) / megabytes;
	double bits = (double)source->plain_size * BITS_PER_BYTE;
	ret->percent = 100.0 * bits / ((double)ret->stp.duration_ms / 1000.0) / row->rate_bps;
	return 0;
}

static int send_to_modem(struct modem *modem, const struct row *row, bool compress, const struct stp_source *source, struct measure *ret)
{
	struct fault fault = {0};
	double started = now_seconds();
	int result = modem_raise_rate(modem, &fault);
	if (result < 0)
		return complain("modem_raise_rate", fault.message);
	ret->rate_bps = link_rate(modem->link);
	if (at_command_ok(modem->at, "AT+SMSTPU=\"ON_THE_FLY\"", 5000, NULL) < 0)
		return complain("AT+SMSTPU", "no OK");
	result = link_quiet(modem->link, modem_timings_default.flush_ms);
	if (result == 0)
		result = measure_transfer(modem, row, compress, source, ret);
	ret->seconds = now_seconds() - started;
	return result;
}

/* At the rate of the row, or raised and as a zlib stream where the modem takes one. */
static int run_modem(struct bench *bench, const struct row *row, bool raise, bool compress, const struct stp_source *source,
		     struct measure *ret)
{
	struct modem modem;
	struct fault fault = {0};
	struct profile profile = *profile_builtin(row->version == 1 ? "monarch1" : "monarch2");
	if (!raise)
		profile.transfer_rate_bps = 0;
	int result = modem_open(&modem, bench->port, &profile, row->rate_bps, NULL, -1, &fault);
	if (result < 0)
		return complain("modem_open", fault.message);
	result = modem_detect(&modem, 0, &fault);
	if (result < 0)
		complain("modem_detect", fault.message);
	else
		result = send_to_modem(&modem, row, compress, source, ret);
	modem_close(&modem);
	return result;
}

static int run_row(struct bench *bench, const struct row *row, bool raise, bool compress, struct measure *ret)
{
	struct image *image = NULL;
	if (make_bundle(bench, row) < 0)
		return -1;
	int result = image_open(bench->bundle, false, row->version == 2, NULL, 0, &image);
	if (result < 0)
		return complain("image_open", strerror(-result));
	pid_t pid = start_modem(bench, row);
	result = pid > 0 ? run_modem(bench, row, raise, compress, image_source(image), ret) : -1;
	if (pid > 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	image_free(image);
	unlink(bench->bundle);
	return result;
}

static void print_row(const struct row *row, const struct measure *measure)
{
	char bar[48] = "";
	if (row->bar_percent > 0)
		snprintf(bar, sizeof(bar), "≥ %.0f %%: %s", row->bar_percent,
			 measure->percent >= row->bar_percent ? "reached" : "NOT reached");
	printf("| %u%s | %u | %u ms | %.1f %% | %s | %.4f | %" PRIu64 " |\n", measure->stp.version,
	       measure->stp.compressed ? ", compressed" : "", row->block_size, row->latency_ms, measure->percent, bar, measure->cpu_per_mb,
	       measure->stp.resends + measure->stp.nacks);
	fflush(stdout);
}

static int print_speedup(struct bench *bench)
{
	struct measure slow = {0}, fast = {0};
	if (run_row(bench, &slow_row, false, false, &slow) < 0 || run_row(bench, &slow_row, true, true, &fast) < 0)
		return -1;
	double gain = slow.seconds / fast.seconds;
	printf("\nA Monarch 2 modem that talks at %u, a bundle of %s bytes, from finding it to the end of the transfer:\n"
	       "%.1f s at %u plain, %.1f s at %u %s: %.1f times faster (bar: %.0f, %s)\n",
	       TALK_RATE_BPS, slow_row.bundle_size, slow.seconds, slow.rate_bps, fast.seconds, fast.rate_bps,
	       fast.stp.compressed ? "compressed" : "plain", gain, SPEEDUP_BAR, gain >= SPEEDUP_BAR ? "reached" : "NOT reached");
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {.simulator = argv[1]};
	const char *parent = getenv("TMPDIR");
	int result = 0;
	if (argc != 2) {
		fprintf(stderr, "Usage: bench_transfer PATH-OF-DUPGATE-SIM\n");
		return 2;
	}
	snprintf(bench.directory, sizeof(bench.directory), "%s/bench-XXXXXX", parent != NULL ? parent : "/tmp");
	if (mkdtemp(bench.directory) == NULL)
		return complain("mkdtemp", strerror(errno)) < 0;
	snprintf(bench.bundle, sizeof(bench.bundle), "%s/bundle.dup", bench.directory);
	snprintf(bench.port, sizeof(bench.port), "%s/modem0", bench.directory);
	printf("| STP version | block | turn-around | payload over line rate | bar | processor s per MB | sent again |\n"
	       "|---|---|---|---|---|---|---|\n");
	fflush(stdout);
	for (size_t i = 0; result == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct measure measure = {0};
		result = run_row(&bench, &rows[i], false, rows[i].version == 2, &measure);
		if (result == 0)
			print_row(&rows[i], &measure);
	}
	if (result == 0)
		result = print_speedup(&bench);
	rmdir(bench.directory);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
