/* SPDX-License-Identifier: Apache-2.0
 *
 * A send/expect script in the manner of chat(8), compiled when the configuration is read and plain data from then on. Pure.
 * A line is a row of words, in turn one to wait for and one to send:  expect send expect send …
 * A word is bare, or in '…' or "…" where blanks stand for themselves; '' waits for nothing or sends nothing. \r \n \t \\ and \xNN are
 * escapes everywhere; nothing is added to what is sent. In the place of a word to wait for, three bare words take the next as their value:
 * TIMEOUT seconds (of the waits that follow; 10 before), RATE bit/s (of the host's side), ABORT text (ends the script in failure
 * whenever it comes, from here on). Quoted they are words like others.
 */
#ifndef TRANSPORT_CHAT_SCRIPT_H
#define TRANSPORT_CHAT_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define CHAT_LINES_MAX         32u
#define CHAT_STEPS_MAX         64u
#define CHAT_TEXT_SIZE         1024u /* of all words together */
#define CHAT_EXPECT_MAX        64u   /* bytes of one word to wait for */
#define CHAT_ABORTS_MAX        8u
#define CHAT_TIMEOUT_DEFAULT_S 10u

enum chat_verb { CHAT_EXPECT, CHAT_SEND, CHAT_TIMEOUT, CHAT_RATE, CHAT_ABORT };

struct chat_step {
	enum chat_verb verb;
	uint16_t offset, length; /* of its bytes in the script's text */
	uint32_t number;         /* s or bit/s */
	uint8_t line;            /* of the script, from 1 */
};

/* A plain value; all 0 is the empty script. */
struct chat_script {
	uint8_t line_count;
	uint8_t step_count;
	uint8_t abort_count;
	uint16_t text_length;
	struct chat_step steps[CHAT_STEPS_MAX];
	uint8_t text[CHAT_TEXT_SIZE];
};

/* Compiles one more line. 0; -EINVAL with the reason in ret_why (at least 128 bytes), and the script is as before. */
int chat_script_add(struct chat_script *script, const char *line, char *ret_why, size_t ret_why_size);

enum chat_event { CHAT_NOTHING, CHAT_EXPECTED, CHAT_ABORTED };

/* Looks for one word and for the aborts in a stream of bytes. Clear it (all 0) where a stream begins. */
struct chat_matcher {
	const struct chat_script *script; /* borrowed */
	size_t aborts;                    /* the first steps of the script, among which those that say ABORT count */
	const uint8_t *expected;          /* borrowed; empty: is there at once */
	size_t expected_length;
	const struct chat_step *aborted_by; /* after CHAT_ABORTED */
	size_t have;
	uint8_t window[CHAT_EXPECT_MAX]; /* the last bytes that came */
};

/* Takes bytes up to the first that completes the word or an abort; call again with the rest. However the bytes are cut, the events are the
 * same. What was matched is not looked at again. */
enum chat_event chat_matcher_feed(struct chat_matcher *matcher, const uint8_t *bytes, size_t length, size_t *ret_taken);

#endif
