/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/server.h"
#include "daemon/log.h"
#include "daemon/main_loop.h"

static const char usage[] = "usage: dupgated [--config FILE] [--check-config]\n"
			    "\n"
			    "Keeps the modems of a gateway up to date: finds them, keeps firmware bundles, runs one\n"
			    "upgrade job per modem, and answers over HTTP (REST and server-sent events).\n"
			    "\n"
			    "  --config FILE    read FILE; else /etc/dupgate/dupgate.conf, which may be missing\n"
			    "  --check-config   read the configuration, say whether it is good, and end\n"
			    "  --version        print the version\n"
			    "  --help           print this\n"
			    "\n"
			    "SIGTERM or SIGINT: an ordered stop. Jobs whose modem has not begun to take a bundle go\n"
			    "back to the queue, the others are waited for. A second signal ends at once; what ran\n"
			    "is taken up at the next start.\n"
			    "\n"
			    "exit status: 0 stopped in order; 1 cut short by a second signal, or, with\n"
			    "--check-config, a bad configuration; 64 wrong usage; 69 a listen address, the state\n"
			    "folder or the cache cannot be used; 71 the system refused a resource; 78 a bad\n"
			    "configuration\n";

struct arguments {
	const char *config;
	bool check_config;
};

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			ret->config = optarg;
			break;
		case 'k':
			ret->check_config = true;
			break;
		case 'v':
			puts("dupgated " DUPGATE_VERSION);
			return EX_OK;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		default:
			fputs("dupgated: --help lists the options\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "dupgated: unexpected argument \"%s\"; --help lists the options\n", argv[optind]);
	return EX_USAGE;
}

static void say_fault(const struct job_fault *fault, int result)
{
	if (fault->kind == NULL)
		log_error(NULL, "cannot start: %s", strerror(-result));
	else
		log_error(NULL, "cannot start: %s (%s)", fault->message, fault->kind->code);
}

static int serve(struct gateway *gateway)
{
	struct job_fault fault = {0};
	struct api_server *server = NULL;
	int result = api_server_start(gateway, &fault, &server);
	if (result < 0) {
		say_fault(&fault, result);
		return EX_UNAVAILABLE;
	}
	const char *address;
	for (size_t i = 0; (address = api_server_address(server, i)) != NULL; i++)
		log_info(NULL, "listening on %s", address);
	const struct main_loop_hooks hooks = {
	    .events = api_server_on_events, .heartbeat = api_server_on_heartbeat, .quiesce = api_server_quiesce, .context = server};
	int status = main_loop_run(gateway, &hooks);
	/* Threads of jobs are in the middle of something and would use what is freed here. */
	if (status == MAIN_LOOP_CUT_SHORT)
		_exit(status);
	api_server_stop(server);
	if (status == MAIN_LOOP_LEFT_BEHIND) {
		log_warning(NULL, "stopped; ports that are still held by their drivers are let go with the process");
		_exit(EX_OK);
	}
	return status;
}

static int run(const struct config *config)
{
	struct job_fault fault = {0};
	struct gateway *gateway = NULL;
	int result = main_loop_block_signals();
	if (result == 0 && sodium_init() < 0)
		result = -EIO;
	if (result < 0) {
		say_fault(&fault, result);
		return EX_OSERR;
	}
	log_set_level(config->log_level);
	result = gateway_new(config, &fault, &gateway);
	if (result < 0) {
		say_fault(&fault, result);
		return EX_UNAVAILABLE;
	}
	/* libcurl has a pair of sockets of its own, for which it has no option. A kernel before 5.11 cannot do this; what switches power closes all
	 * that it could inherit by itself as well. */
	(void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	int status = serve(gateway);
	gateway_free(gateway);
	if (status == 0)
		log_info(NULL, "stopped");
	return status;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	int status = read_arguments(argc, argv, &arguments);
	if (status >= 0)
		return status;
	char error[512];
	struct config config = {0};
	if (config_load(arguments.config, &config, error, sizeof(error)) < 0) {
		fprintf(stderr, "dupgated: %s\n", error);
		return arguments.check_config ? 1 : EX_CONFIG;
	}
	if (arguments.check_config)
		puts("the configuration is good");
	else
		status = run(&config);
	config_clear(&config);
	return arguments.check_config ? EX_OK : status;
}
