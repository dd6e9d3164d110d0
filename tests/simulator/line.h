/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire in time. Bytes are queued both ways and come out when a serial line of that rate would have brought them: 10 bits
 * a byte, counted from absolute times (line free at max(now, busy)), so that late wake-ups do not add up. Pure: time comes in.
 * All times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef SIMULATOR_LINE_H
#define SIMULATOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define NEVER     UINT64_MAX

enum {
	LINE_RX_SIZE = 16384,
	LINE_TX_SIZE = 8192,
	LINE_SEGMENTS = 64,
	LINE_READ = 4096,   /* what one segment holds at most */
	LINE_TX_SLICE = 32, /* a host sees a long text grow in steps of this */
};

struct rx_segment {
	uint32_t length;
	uint64_t arrived_ns; /* its last byte */
};

struct tx_segment {
	uint32_t length; /* still to be sent */
	uint32_t rate;
	uint32_t sent;
	uint64_t start_ns; /* not before; once started, when its first bit left */
	bool started;
};

struct line {
	bool paced;
	uint64_t rx_busy_ns;
	uint64_t tx_busy_ns;
	uint8_t rx[LINE_RX_SIZE];
	uint8_t tx[LINE_TX_SIZE];
	uint32_t rx_head, rx_used;
	uint32_t tx_head, tx_used;
	struct rx_segment rx_segments[LINE_SEGMENTS];
	struct tx_segment tx_segments[LINE_SEGMENTS];
	uint32_t rx_first, rx_count;
	uint32_t tx_first, tx_count;
};

uint64_t line_clock_ns(void);
/* How long `bytes` take at `rate`. */
uint64_t line_duration_ns(uint64_t bytes, uint32_t rate);
void line_clear(struct line *line);

/* Bytes that line_rx_put will take now. */
size_t line_rx_room(const struct line *line);
void line_rx_put(struct line *line, const uint8_t *bytes, size_t length, uint64_t now, uint32_t rate);
/* When the oldest segment is in; NEVER with none. */
uint64_t line_rx_due(const struct line *line);
/* Moves bytes of the oldest segment, if it is in, to `out`; sets when its last byte arrived. 0: nothing is in. */
size_t line_rx_take(struct line *line, uint64_t now, uint8_t *out, size_t size, uint64_t *ret_arrived_ns);

/* Queues an answer whole or, when it does not fit, not at all. */
bool line_tx_put(struct line *line, const uint8_t *bytes, size_t length, uint64_t not_before_ns, uint32_t rate);
uint64_t line_tx_due(const struct line *line);
/* When everything queued will have left, `now` when nothing is. */
uint64_t line_tx_end(const struct line *line, uint64_t now);
size_t line_tx_take(struct line *line, uint64_t now, uint8_t *out, size_t size, uint32_t *ret_rate);

#endif
