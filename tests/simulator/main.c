/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/simulator/board.h"
#include "tests/simulator/fleet.h"
#include "tests/simulator/make_bundle.h"

enum { EXIT_USAGE = 2 };

/* False: the parent is gone already. */
static bool follow_parent(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

int main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct scenario scenario = {0};
	struct board *board = NULL;
	struct options options;
	int status;

	switch (options_parse(&options, argc, argv)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_BAD:
		return EXIT_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (options.bundle)
		return make_bundle(&options);
	if (options.helper)
		return make_helper(&options);
	/* A bad name or file is said before anything is started. */
	if (!board_make(&board, options.board))
		return EXIT_USAGE;
	board_free(board);
	if (options.scenario && !scenario_load(&scenario, options.scenario))
		return EXIT_USAGE;
	if (options.exit_with_parent && !follow_parent(parent))
		return 0;
	status = fleet_run(&options, &scenario);
	scenario_free(&scenario);
	return status;
}
