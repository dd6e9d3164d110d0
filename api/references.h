/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware is named by a digest, the beginning of one, or a name; an ambiguous one is answered with what it could mean.
 */
#ifndef API_REFERENCES_H
#define API_REFERENCES_H

#include "api/exchange.h"

/* Finds; -EPROTO with the exchange's fault and candidates. The caller clears *ret. */
int reference_find(struct exchange *exchange, const char *reference, struct firmware *ret);

/* The digest of what a member refers to; the fault names the member. */
int reference_resolve(struct exchange *exchange, const char *member, const char *reference, char ret[static FIRMWARE_SHA256_SIZE]);

/* Adds the candidates when the failure `r` is about an ambiguous reference. Returns r. */
int reference_explain(struct exchange *exchange, const char *reference, int r);

/* The device that a path or a query names by its id or its alias. What nobody has stays as it is: whoever asks for it is told, and jobs remain of
 * devices that are gone. */
int reference_device(struct exchange *exchange, const char *reference, char *ret, size_t size);

/* The device of ?device=, which must be an id then. Without that parameter *ret stays. */
int reference_device_query(struct exchange *exchange, char ret[static DEVICE_ID_SIZE]);

#endif
