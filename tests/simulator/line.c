/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/line.h"

#include <time.h>

#define BITS_PER_BYTE 10ULL

uint64_t line_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t line_duration_ns(uint64_t bytes, uint32_t rate)
{
	return bytes * BITS_PER_BYTE * NS_PER_S / rate;
}

void line_clear(struct line *line)
{
	line->rx_used = line->tx_used = 0;
	line->rx_count = line->tx_count = 0;
	line->rx_busy_ns = line->tx_busy_ns = 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* --- host to modem --------------------------------------------------------------------------------------------- */

size_t line_rx_room(const struct line *line)
{
	size_t room = LINE_RX_SIZE - line->rx_used;

	if (line->rx_count == LINE_SEGMENTS)
		return 0;
	return room < LINE_READ ? room : LINE_READ;
}

void line_rx_put(struct line *line, const uint8_t *bytes, size_t length, uint64_t now, uint32_t rate)
{
	struct rx_segment *segment = &line->rx_segments[(line->rx_first + line->rx_count) % LINE_SEGMENTS];

	for (size_t i = 0; i < length; i++)
		line->rx[(line->rx_head + line->rx_used + i) % LINE_RX_SIZE] = bytes[i];
	line->rx_used += (uint32_t)length;
	line->rx_count++;
	segment->length = (uint32_t)length;
	segment->arrived_ns = now;
	if (line->paced) {
		line->rx_busy_ns = later(now, line->rx_busy_ns) + line_duration_ns(length, rate);
		segment->arrived_ns = line->rx_busy_ns;
	}
}

uint64_t line_rx_due(const struct line *line)
{
	return line->rx_count > 0 ? line->rx_segments[line->rx_first].arrived_ns : NEVER;
}

size_t line_rx_take(struct line *line, uint64_t now, uint8_t *out, size_t size, uint64_t *ret_arrived_ns)
{
	struct rx_segment *segment = &line->rx_segments[line->rx_first];
	size_t taken = 0;

	if (line_rx_due(line) > now)
		return 0;
	while (taken < size && segment->length > 0) {
		out[taken++] = line->rx[line->rx_head];
		line->rx_head = (line->rx_head + 1) % LINE_RX_SIZE;
		line->rx_used--;
		segment->length--;
	}
	*ret_arrived_ns = segment->arrived_ns;
	if (segment->length == 0) {
		line->rx_first = (line->rx_first + 1) % LINE_SEGMENTS;
		line->rx_count--;
	}
	return taken;
}

/* --- modem to host --------------------------------------------------------------------------------------------- */

static struct tx_segment *segment_for(struct line *line, uint64_t not_before_ns, uint32_t rate)
{
	struct tx_segment *last = &line->tx_segments[(line->tx_first + line->tx_count + LINE_SEGMENTS - 1) % LINE_SEGMENTS];

	/* Text that follows text at the same moment is one piece of line time. */
	if (line->tx_count > 0 && !last->started && last->start_ns == not_before_ns && last->rate == rate)
		return last;
	if (line->tx_count == LINE_SEGMENTS)
		return NULL;
	last = &line->tx_segments[(line->tx_first + line->tx_count) % LINE_SEGMENTS];
	*last = (struct tx_segment){.rate = rate, .start_ns = not_before_ns};
	line->tx_count++;
	return last;
}

bool line_tx_put(struct line *line, const uint8_t *bytes, size_t length, uint64_t not_before_ns, uint32_t rate)
{
	struct tx_segment *segment;

	if (length > LINE_TX_SIZE - line->tx_used)
		return false;
	segment = segment_for(line, not_before_ns, rate);
	if (!segment)
		return false;
	for (size_t i = 0; i < length; i++)
		line->tx[(line->tx_head + line->tx_used + i) % LINE_TX_SIZE] = bytes[i];
	line->tx_used += (uint32_t)length;
	segment->length += (uint32_t)length;
	return true;
}

static uint64_t segment_start(const struct line *line, const struct tx_segment *segment)
{
	return segment->started ? segment->start_ns : later(segment->start_ns, line->tx_busy_ns);
}

uint64_t line_tx_due(const struct line *line)
{
	const struct tx_segment *segment = &line->tx_segments[line->tx_first];
	uint32_t slice = segment->length < LINE_TX_SLICE ? segment->length : LINE_TX_SLICE;

	if (line->tx_count == 0)
		return NEVER;
	if (!line->paced)
		return segment->start_ns;
	return segment_start(line, segment) + line_duration_ns(segment->sent + slice, segment->rate);
}

uint64_t line_tx_end(const struct line *line, uint64_t now)
{
	uint64_t end = later(now, line->tx_busy_ns);

	for (uint32_t i = 0; i < line->tx_count; i++) {
		const struct tx_segment *segment = &line->tx_segments[(line->tx_first + i) % LINE_SEGMENTS];

		end = later(end, segment->start_ns);
		if (line->paced)
			end += line_duration_ns(segment->length, segment->rate);
	}
	return end;
}

/* How much of the oldest segment has left by now. */
static size_t ready(const struct line *line, const struct tx_segment *segment, uint64_t now)
{
	uint64_t out;

	if (!line->paced)
		return segment->length;
	out = (now - segment->start_ns + 1) * segment->rate / (BITS_PER_BYTE * NS_PER_S) - segment->sent;
	if (out >= segment->length)
		return segment->length;
	return out < LINE_TX_SLICE ? LINE_TX_SLICE : (size_t)(out - out % LINE_TX_SLICE);
}

size_t line_tx_take(struct line *line, uint64_t now, uint8_t *out, size_t size, uint32_t *ret_rate)
{
	struct tx_segment *segment = &line->tx_segments[line->tx_first];
	size_t count, taken = 0;

	if (line_tx_due(line) > now)
		return 0;
	segment->start_ns = segment_start(line, segment);
	segment->started = true;
	count = ready(line, segment, now);
	if (count > size)
		count = size;
	/* The due time has passed, so a slice is out even where the division rounds down. */
	if (count > segment->length)
		count = segment->length;
	for (; taken < count; taken++) {
		out[taken] = line->tx[line->tx_head];
		line->tx_head = (line->tx_head + 1) % LINE_TX_SIZE;
	}
	line->tx_used -= (uint32_t)count;
	segment->length -= (uint32_t)count;
	segment->sent += (uint32_t)count;
	*ret_rate = segment->rate;
	if (segment->length == 0) {
		line->tx_busy_ns = line->paced ? segment->start_ns + line_duration_ns(segment->sent, segment->rate) : 0;
		line->tx_first = (line->tx_first + 1) % LINE_SEGMENTS;
		line->tx_count--;
	}
	return taken;
}
