/* SPDX-License-Identifier: Apache-2.0
 *
 * For one .c file of a test program: its clock jumps over silences, so that patience costs no time.
 */
#ifndef TESTS_JUMPING_CLOCK_H
#define TESTS_JUMPING_CLOCK_H

#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "transport/clock.h"

#define SILENCE_MS 400 /* a peer that says something does so within this */

static _Atomic int64_t skipped_ms;

static int64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return real_ms() + skipped_ms;
}

int64_t clock_deadline_ms(int64_t duration_ms)
{
	return clock_now_ms() + duration_ms;
}

int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_now_ms();
	int64_t wait_ms = left_ms < 0 ? 0 : left_ms < SILENCE_MS ? left_ms : SILENCE_MS;
	int ready = poll(descriptors, count, (int)wait_ms);

	if (ready == 0 && deadline_ms > clock_now_ms())
		skipped_ms += deadline_ms - clock_now_ms();
	return ready;
}

#endif
