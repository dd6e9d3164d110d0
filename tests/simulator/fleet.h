/* SPDX-License-Identifier: Apache-2.0 */
/* The modems together, and the one loop that runs them. */
#ifndef SIMULATOR_FLEET_H
#define SIMULATOR_FLEET_H

#include "tests/simulator/options.h"
#include "tests/simulator/scenario.h"

/* Plugs the fleet in, says so, runs it until SIGTERM or SIGINT and takes it away. Returns the exit status. */
int fleet_run(const struct options *options, const struct scenario *scenario);

#endif
