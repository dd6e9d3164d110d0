/* SPDX-License-Identifier: Apache-2.0 */
#include "api/events.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/snapshot.h"

#define BATCH       16u
#define BLOCK_SIZE  1024u
#define STREAM_OVER (-1)

struct event_hub {
	struct gateway *gateway;
	struct event_bus *bus;
	unsigned max_clients;
	pthread_mutex_t lock; /* of the list; taken before a client's */
	unsigned count;
	bool ended;
	struct event_client *first;
};

struct event_client {
	struct event_hub *hub;
	struct event_client *previous, *next;
	struct MHD_Connection *connection;
	struct sse_filter filter;
	/* Everything below is under this lock; so are parking and resuming, or a wake-up between "nothing there" and the parking is lost. */
	pthread_mutex_t lock;
	bool parked;
	bool heartbeat;
	bool ended;
	bool needs_state; /* the next block is the snapshot, or the state of the one job */
	bool last_block;  /* nothing comes after the present one */
	bool missed_ends; /* before that state: what ended since it was last here */
	struct endings_seen seen;
	uint64_t cursor;
	struct event *batch[BATCH];
	size_t batch_count, batch_next;
	const char *text; /* of the present block: of `event`, or `own_text`, or constant */
	size_t length, offset;
	struct event *event;
	char *own_text;
};

int event_hub_new(struct gateway *gateway, unsigned max_clients, struct event_hub **ret)
{
	struct event_hub *hub = calloc(1, sizeof(*hub));
	if (hub == NULL)
		return -ENOMEM;
	hub->gateway = gateway;
	hub->bus = gateway_events(gateway);
	hub->max_clients = max_clients;
	pthread_mutex_init(&hub->lock, NULL);
	*ret = hub;
	return 0;
}

void event_hub_free(struct event_hub *hub)
{
	if (hub == NULL)
		return;
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

static void show(struct event_client *client, const char *text)
{
	client->text = text;
	client->length = strlen(text);
	client->offset = 0;
}

static void drop_block(struct event_client *client)
{
	event_unref(client->event);
	client->event = NULL;
	free(client->own_text);
	client->own_text = NULL;
	client->length = client->offset = 0;
}

static void drop_batch(struct event_client *client)
{
	while (client->batch_next < client->batch_count)
		event_unref(client->batch[client->batch_next++]);
	client->batch_next = client->batch_count = 0;
}

/* 1: there is a block of ends that it missed; 0: there are no more; STREAM_OVER. They come without an id: a client that goes away before the
 * snapshot gets them again. */
static int show_ends(struct event_client *client)
{
	struct missed_end ends[4];
	struct job_fault fault;
	size_t count = 0;
	if (!client->missed_ends)
		return 0;
	for (;;) {
		if (gateway_missed_ends(client->hub->gateway, &client->seen, ends, sizeof(ends) / sizeof(ends[0]), &count, &fault) < 0)
			return STREAM_OVER;
		if (count == 0)
			return 0;
		client->own_text = snapshot_ends_block(&client->filter, ends, count);
		if (client->own_text == NULL)
			return STREAM_OVER;
		if (client->own_text[0] != '\0')
			break;
		drop_block(client);
	}
	show(client, client->own_text);
	return 1;
}

/* 1: there is a block; 0: nothing to say; STREAM_OVER. */
static int show_state(struct event_client *client)
{
	drop_batch(client);
	client->needs_state = false;
	int r = snapshot_block(client->hub->gateway, &client->filter, &client->own_text, &client->cursor, &client->last_block);
	/* Without memory, or when the job is gone, the client may come again and will be told then. */
	if (r < 0)
		return STREAM_OVER;
	show(client, client->own_text);
	return 1;
}

/* What ended between the last look for ends and the snapshot would be in neither: then both are to be done again. */
static int show_ends_or_state(struct event_client *client)
{
	int r = show_ends(client);
	if (r != 0)
		return r;
	r = show_state(client);
	if (!client->missed_ends)
		return r;
	char *state = client->own_text;
	uint64_t cursor = client->cursor;
	client->own_text = NULL;
	int ends = r == 1 ? show_ends(client) : 0;
	if (ends != 0) {
		free(state);
		client->needs_state = client->missed_ends = true;
		return ends;
	}
	client->own_text = state;
	client->cursor = cursor;
	if (r == 1)
		show(client, state);
	client->missed_ends = false;
	return r;
}

/* Takes the event over. */
static int show_event(struct event_client *client, struct event *event)
{
	const char *text = event_text(event, sse_render, event_bus_epoch(client->hub->bus));
	client->event = event;
	if (text == NULL)
		return STREAM_OVER;
	client->last_block = client->filter.job_only && event->type == EVENT_JOB_FINISHED;
	show(client, text);
	return 1;
}

static void miss_ends(struct event_client *client, const char *epoch, uint64_t seq)
{
	client->needs_state = true;
	client->missed_ends = true;
	client->seen = (struct endings_seen){.seq = seq};
	snprintf(client->seen.epoch, sizeof(client->seen.epoch), "%s", epoch);
}

/* The ring has lost it; or its number is of the future, which is nobody's. */
static void note_what_was_missed(struct event_client *client)
{
	const struct event_bus *bus = client->hub->bus;
	if (!client->filter.job_only && client->cursor <= event_bus_head(client->hub->bus))
		miss_ends(client, event_bus_epoch(bus), client->cursor);
}

static int show_next_event(struct event_client *client)
{
	for (;;) {
		if (client->batch_next == client->batch_count) {
			int got = event_bus_read(client->hub->bus, client->cursor, client->batch, BATCH);
			if (got == -ESTALE) {
				note_what_was_missed(client);
				return show_ends_or_state(client);
			}
			client->batch_next = 0;
			client->batch_count = got > 0 ? (size_t)got : 0;
			if (got <= 0)
				return 0;
		}
		struct event *event = client->batch[client->batch_next++];
		client->cursor = event->seq;
		if (sse_filter_passes(&client->filter, event))
			return show_event(client, event);
		event_unref(event);
	}
}

static int show_next(struct event_client *client)
{
	drop_block(client);
	if (client->last_block)
		return STREAM_OVER;
	int r = client->needs_state ? show_ends_or_state(client) : show_next_event(client);
	if (r == 0 && client->ended)
		r = STREAM_OVER;
	if (r == 0 && client->heartbeat) {
		show(client, SSE_HEARTBEAT);
		r = 1;
	}
	client->heartbeat = false;
	/* The end is asked for once more when bytes were filled in before it. */
	client->last_block |= r == STREAM_OVER;
	return r;
}

/* Fills the buffer with blocks and parts of them. How many bytes; 0: nothing to say; STREAM_OVER. */
static ssize_t fill(struct event_client *client, char *buffer, size_t size)
{
	size_t used = 0;
	while (used < size) {
		if (client->offset == client->length) {
			int r = show_next(client);
			if (r <= 0)
				return used > 0 ? (ssize_t)used : r;
		}
		size_t part = client->length - client->offset;
		if (part > size - used)
			part = size - used;
		memcpy(buffer + used, client->text + client->offset, part);
		client->offset += part;
		used += part;
	}
	return (ssize_t)used;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t size)
{
	(void)position;
	struct event_client *client = context;
	pthread_mutex_lock(&client->lock);
	ssize_t got = fill(client, buffer, size);
	if (got == 0) {
		client->parked = true;
		MHD_suspend_connection(client->connection);
	}
	pthread_mutex_unlock(&client->lock);
	return got == STREAM_OVER ? MHD_CONTENT_READER_END_OF_STREAM : got;
}

/* Under the client's lock. */
static void unpark(struct event_client *client)
{
	if (!client->parked)
		return;
	client->parked = false;
	MHD_resume_connection(client->connection);
}

static void set_beginning(struct event_client *client)
{
	const struct sse_filter *filter = &client->filter;
	client->cursor = event_bus_head(client->hub->bus);
	client->needs_state = filter->job_only || filter->snapshot_first || filter->resume;
	if (filter->resume && filter->resume_known) {
		client->needs_state = false;
		client->cursor = filter->resume_after;
	} else if (filter->resume && !filter->job_only && filter->resume_epoch[0] != '\0') {
		miss_ends(client, filter->resume_epoch, filter->resume_after);
	}
	show(client, SSE_PREAMBLE);
}

static bool hung_up(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd polled = {.fd = info->connect_fd, .events = POLLRDHUP};
	return poll(&polled, 1, 0) == 1;
}

/* The library does not look at parked connections, so that clients that went away keep their places until a heartbeat fails. When places are
 * short that is too late. */
static void end_hung_up(struct event_hub *hub)
{
	for (struct event_client *client = hub->first; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		if (client->parked && hung_up(client->connection)) {
			client->ended = true;
			unpark(client);
		}
		pthread_mutex_unlock(&client->lock);
	}
}

static int enter(struct event_hub *hub, struct event_client *client)
{
	pthread_mutex_lock(&hub->lock);
	if (hub->count >= hub->max_clients)
		end_hung_up(hub);
	bool admitted = !hub->ended && hub->count < hub->max_clients;
	if (admitted) {
		hub->count++;
		client->next = hub->first;
		if (client->next != NULL)
			client->next->previous = client;
		hub->first = client;
	}
	pthread_mutex_unlock(&hub->lock);
	return admitted ? 0 : -EBUSY;
}

int event_client_new(struct event_hub *hub, struct MHD_Connection *connection, const struct sse_filter *filter, struct event_client **ret,
		     struct MHD_Response **ret_response)
{
	struct event_client *client = calloc(1, sizeof(*client));
	if (client == NULL)
		return -ENOMEM;
	client->hub = hub;
	client->connection = connection;
	client->filter = *filter;
	pthread_mutex_init(&client->lock, NULL);
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, client, NULL);
	set_beginning(client);
	int r = response != NULL ? enter(hub, client) : -ENOMEM;
	if (r < 0) {
		if (response != NULL)
			MHD_destroy_response(response);
		pthread_mutex_destroy(&client->lock);
		free(client);
		return r;
	}
	*ret = client;
	*ret_response = response;
	return 0;
}

void event_client_free(struct event_client *client)
{
	if (client == NULL)
		return;
	struct event_hub *hub = client->hub;
	pthread_mutex_lock(&hub->lock);
	hub->count--;
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		hub->first = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	pthread_mutex_unlock(&hub->lock);
	drop_block(client);
	drop_batch(client);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

void event_hub_wake(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	for (struct event_client *client = hub->first; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		unpark(client);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&hub->lock);
}

void event_hub_heartbeat(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	for (struct event_client *client = hub->first; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		/* One that is not parked is about to get something anyway, or does not read. */
		client->heartbeat = client->parked;
		unpark(client);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&hub->lock);
}

void event_hub_end(struct event_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->ended = true;
	for (struct event_client *client = hub->first; client != NULL; client = client->next) {
		pthread_mutex_lock(&client->lock);
		client->ended = true;
		unpark(client);
		pthread_mutex_unlock(&client->lock);
	}
	pthread_mutex_unlock(&hub->lock);
}
