/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a transfer is in its image, pure: the plain position of a byte on the wire, the part it lies in, the borders where a modem
 * erases flash.
 */
#ifndef TRANSPORT_STP_POSITION_H
#define TRANSPORT_STP_POSITION_H

#include "transport/stp/stp_transfer.h"

/* The size of what goes over the wire. */
uint64_t stp_wire_size(const struct stp_source *source, bool compressed);

/* Scales a wire offset to the plain image, part by part: never decreasing, the wire's end is the image's end. */
uint64_t stp_plain_position(const struct stp_source *source, bool compressed, uint64_t wire_offset);

/* Description of the part at a wire offset; "" when no part is known there. Points into source. */
const char *stp_part_at(const struct stp_source *source, bool compressed, uint64_t wire_offset);

/* The modem may be silent over this block: it is the first or the last one, or a part begins in it, right behind it or right
 * before it. */
bool stp_is_border(const struct stp_source *source, bool compressed, uint64_t wire_offset, uint32_t length);

#endif
