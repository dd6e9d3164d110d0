/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/simulator/board.h"
#include "tests/simulator/fleet.h"
#include "tests/simulator/make_bundle.h"
#include "tests/simulator/replay.h"

enum { EXIT_USAGE = 2 };

/* False: the parent is gone already. */
static bool follow_parent(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

/* What a bad name or file is said of before anything is started. */
static bool load_files(struct options *options, struct scenario *scenario, struct replay *replay)
{
	struct board *board = NULL;

	if (!board_make(&board, options->board))
		return false;
	board_free(board);
	if (options->scenario && !scenario_load(scenario, options->scenario))
		return false;
	if (!options->replay)
		return true;
	/* The transcript says how much a frame may hold. */
	options->max_transfer = REPLAY_TRANSFER_MAX;
	options->transcript = replay;
	return replay_load(replay, options->replay);
}

int main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct scenario scenario = {0};
	struct replay replay = {0};
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
	if (!load_files(&options, &scenario, &replay))
		return EXIT_USAGE;
	if (options.exit_with_parent && !follow_parent(parent))
		return 0;
	status = fleet_run(&options, &scenario);
	scenario_free(&scenario);
	replay_free(&replay);
	return status;
}
