/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of a campaign as JUnit XML, as CI servers read it: one test suite, a test case for each device. Pure.
 */
#ifndef DUPCTL_JUNIT_H
#define DUPCTL_JUNIT_H

#include <jansson.h>

#include "cmd/dupctl/text.h"

/* A document in UTF-8. What failed is a failure, with the code of the fault as its type; what was skipped or cancelled is skipped; what has not ended is an
 * error, so that a report that is made too early is not taken for good. What people call a device is a property of the
 * suite, and stands with its failure. hostname: of the gateway. */
void junit_add_report(struct text *ret, const json_t *report, const char *hostname);

/* Text for an element or, with its quotes escaped, an attribute. What XML 1.0 cannot hold, and control characters but line ends and tabs, are
 * left out; broken UTF-8 becomes U+FFFD. */
void junit_add_text(struct text *ret, const char *bytes, bool attribute);

#endif
