/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/stp_peer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 16u

uint16_t stp_peer_crc16(const uint8_t *bytes, size_t length)
{
	unsigned crc = 0;

	for (size_t i = 0; i < length; i++) {
		crc ^= (unsigned)bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000u ? (crc << 1 ^ 0x1021u) & 0xFFFFu : crc << 1 & 0xFFFFu;
	}
	return (uint16_t)crc;
}

unsigned stp_peer_count(const struct stp_peer *peer, uint8_t op)
{
	unsigned count = 0;

	for (size_t i = 0; i < peer->seen_count; i++)
		count += peer->seen[i].op == op;
	return count;
}

static bool read_all(int fd, uint8_t *ret, size_t size)
{
	while (size > 0) {
		ssize_t count = read(fd, ret, size);
		if (count <= 0)
			return false;
		ret += count;
		size -= (size_t)count;
	}
	return true;
}

static void write_fragments(const struct stp_peer *peer, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0, piece = 1; at < size; at += piece) {
		piece = peer->fragment == 0 ? size : (at % peer->fragment) + 1;
		if (piece > size - at)
			piece = size - at;
		if (send(peer->fd, bytes + at, piece, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void answer(const struct stp_peer *peer, const struct stp_peer_seen *request, uint8_t op, const uint8_t *payload, uint16_t size,
		   bool damage)
{
	uint8_t frame[HEADER + 8] = {0x74, 0x73, 0x61, 0x66, op, request->session, (uint8_t)(size >> 8), (uint8_t)size};

	for (unsigned i = 0; i < 4; i++)
		frame[8 + i] = (uint8_t)(request->transaction >> (24 - 8 * i));
	if (size > 0)
		memcpy(frame + HEADER, payload, size);
	if (peer->checksums || damage) {
		uint16_t crc = size > 0 ? stp_peer_crc16(payload, size) : 0;
		frame[14] = (uint8_t)(crc >> 8);
		frame[15] = (uint8_t)crc;
		crc = stp_peer_crc16(frame, HEADER) ^ (damage ? 0x0101u : 0u);
		frame[12] = (uint8_t)(crc >> 8);
		frame[13] = (uint8_t)crc;
	}
	write_fragments(peer, frame, HEADER + size);
}

static void take_block(struct stp_peer *peer, const struct stp_peer_seen *request, const uint8_t *payload, uint16_t residue)
{
	if (request->transaction == peer->last_block)
		return;
	size_t taken = (size_t)request->length - residue;
	if (peer->image_size + taken > peer->image_room) {
		peer->image_room = 2 * (peer->image_size + taken) + 65536;
		peer->image = realloc(peer->image, peer->image_room);
	}
	memcpy(peer->image + peer->image_size, payload, taken);
	peer->image_size += taken;
	peer->last_block = request->transaction;
	peer->last_residue = residue;
}

/* Does what the request asks for; returns the size of the answer's payload. */
static uint16_t obey(struct stp_peer *peer, const struct stp_peer_seen *request, const uint8_t *payload, uint16_t residue, uint8_t ret[8])
{
	if (request->op == 0)
		peer->last_block = 0;
	if (request->op == 1) {
		peer->waits_for_open = false;
		peer->image_size = 0;
		ret[0] = peer->refuse_opens == 0;
		peer->refuse_opens -= peer->refuse_opens > 0;
		ret[1] = peer->version;
		ret[2] = (uint8_t)(peer->max_transfer >> 8);
		ret[3] = (uint8_t)peer->max_transfer;
		return 4;
	}
	if (request->op == 4)
		peer->data_type = (uint32_t)payload[0] << 24 | (uint32_t)payload[1] << 16 | (uint32_t)payload[2] << 8 | payload[3];
	if (request->op != 3)
		return 0;
	take_block(peer, request, payload, residue);
	ret[0] = (uint8_t)(peer->last_residue >> 8);
	ret[1] = (uint8_t)peer->last_residue;
	return 2;
}

static const struct stp_peer_rule *find_rule(const struct stp_peer *peer, uint8_t op, unsigned count)
{
	if (peer->forgiving && peer->counts[0] > 1)
		return NULL;
	for (size_t i = 0; i < peer->rule_count; i++) {
		const struct stp_peer_rule *rule = &peer->rules[i];
		if (rule->op == op && count >= rule->first && count <= rule->last)
			return rule;
	}
	return NULL;
}

static void answer_stale(const struct stp_peer *peer, const struct stp_peer_seen *request, uint16_t residue)
{
	const uint8_t payload[2] = {(uint8_t)(residue >> 8), (uint8_t)residue};
	struct stp_peer_seen before = *request;

	before.transaction -= 2;
	answer(peer, &before, request->op | 0x80u, payload, sizeof payload, false);
	poll(NULL, 0, 20);
}

/* False ends the thread. */
static bool serve(struct stp_peer *peer, const struct stp_peer_seen *request, const uint8_t *payload)
{
	static const uint8_t text[] = "\r\n+CEREG: 1\r\nts";
	uint8_t reply[8];
	unsigned count = ++peer->counts[request->op % STP_PEER_OPS];
	const struct stp_peer_rule *rule = find_rule(peer, request->op, count);
	enum stp_peer_action action = rule ? rule->action : PEER_BUSY;

	if (action == PEER_HANG_UP)
		return false;
	if (action == PEER_DEAF)
		return true;
	if (action == PEER_NACK || action == PEER_NOT_UNDERSTOOD) {
		answer(peer, request, action == PEER_NACK ? (uint8_t)(request->op | 0x40u) : 0x7Fu, NULL, 0, false);
		return true;
	}
	uint16_t residue = action == PEER_RESIDUE ? (uint16_t)(rule->value < request->length ? rule->value : request->length) : 0;
	uint16_t size = obey(peer, request, payload, residue, reply);
	if (action == PEER_MUTE)
		return true;
	if (rule && action == PEER_BUSY)
		poll(NULL, 0, (int)rule->value);
	if (action == PEER_IMPOSSIBLE) {
		size = (uint16_t)rule->value;
		memset(reply, 0xFF, sizeof reply);
	}
	if (action == PEER_STALE)
		answer_stale(peer, request, (uint16_t)rule->value);
	if (action == PEER_TEXT)
		write_fragments(peer, text, sizeof text - 1);
	answer(peer, request, request->op | 0x80u, reply, size, action == PEER_DAMAGE);
	return true;
}

/* Reads up to the next request header; false at the end. */
static bool read_header(const struct stp_peer *peer, uint8_t ret[HEADER])
{
	static const uint8_t signature[4] = {0x66, 0x61, 0x73, 0x74};

	if (!read_all(peer->fd, ret, 4))
		return false;
	while (memcmp(ret, signature, 4) != 0) {
		memmove(ret, ret + 1, 3);
		if (!read_all(peer->fd, ret + 3, 1))
			return false;
	}
	return read_all(peer->fd, ret + 4, HEADER - 4);
}

static bool read_request(struct stp_peer *peer, struct stp_peer_seen *ret, uint8_t *payload)
{
	uint8_t header[HEADER];

	if (!read_header(peer, header))
		return false;
	*ret = (struct stp_peer_seen){.op = header[4], .session = header[5], .length = (uint16_t)(header[6] << 8 | header[7])};
	for (unsigned i = 0; i < 4; i++)
		ret->transaction = ret->transaction << 8 | header[8 + i];
	if (!read_all(peer->fd, payload, ret->length))
		return false;
	uint16_t header_crc = (uint16_t)(header[12] << 8 | header[13]);
	uint16_t payload_crc = (uint16_t)(header[14] << 8 | header[15]);
	header[12] = 0;
	header[13] = 0;
	ret->crc_good = stp_peer_crc16(header, HEADER) == header_crc && stp_peer_crc16(payload, ret->length) == payload_crc;
	if (ret->op == 2)
		ret->announced = (uint16_t)(payload[0] << 8 | payload[1]);
	return true;
}

static void *run(void *context)
{
	struct stp_peer *peer = context;
	uint8_t *payload = malloc(65536);
	struct stp_peer_seen request;
	bool more = read_all(peer->fd, payload, peer->half_block);

	while (more && read_request(peer, &request, payload)) {
		if (peer->seen_count < STP_PEER_SEEN_MAX)
			peer->seen[peer->seen_count++] = request;
		more = serve(peer, &request, payload);
	}
	free(payload);
	close(peer->fd);
	return NULL;
}

int stp_peer_start(struct stp_peer *peer)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	peer->fd = ends[1];
	if (pthread_create(&peer->thread, NULL, run, peer) != 0)
		abort();
	return ends[0];
}

void stp_peer_stop(struct stp_peer *peer)
{
	pthread_join(peer->thread, NULL);
}
