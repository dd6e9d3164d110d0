/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue, where it may be used.
 */
#ifndef DAEMON_CATALOGUE_TRUST_H
#define DAEMON_CATALOGUE_TRUST_H

#include "daemon/job_fault.h"
#include "firmware-cache/catalogue.h"

/* "not-found" when there is none; "signature-missing", "signature-bad" when one is required and that of the catalogue is not good now. The caller
 * clears *ret. */
int catalogue_trusted(struct firmware_store *store, bool require_signature, struct catalogue *ret, struct job_fault *ret_fault);

#endif
