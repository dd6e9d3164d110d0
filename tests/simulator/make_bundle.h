/* SPDX-License-Identifier: Apache-2.0 */
/* Writes bundles to send to the modems: the shape of a real one (protocol.md 5), contents of no meaning. */
#ifndef SIMULATOR_MAKE_BUNDLE_H
#define SIMULATOR_MAKE_BUNDLE_H

#include "tests/simulator/options.h"

/* Writes options->bundle and says so on stdout; a failure goes to stderr. Returns the exit status. */
int make_bundle(const struct options *options);

#endif
