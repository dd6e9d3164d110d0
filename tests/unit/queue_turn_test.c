/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_turn.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define MANY 10000u

static uint64_t served;

/* The ids of those that begin, until none can or so many have. */
static void play(struct turn *turn, size_t most, char *ret, size_t size)
{
	const struct turn_candidate *candidate;
	size_t length = 0;
	ret[0] = '\0';
	turn->served = &served;
	ck_assert_int_eq(turn_begin(turn), 0);
	for (size_t i = 0; i < most && (candidate = turn_next(turn)) != NULL; i++) {
		length += (size_t)snprintf(ret + length, size - length, "%s%s", i > 0 ? " " : "", candidate->id);
		turn_take(turn, candidate);
	}
	turn_end(turn);
}

START_TEST(the_higher_priority_goes_first_then_the_older_job)
{
	struct turn_candidate candidates[] = {
	    {.id = "c"}, {.id = "a"}, {.id = "e", .priority = 5}, {.id = "d", .priority = -1}, {.id = "b"}, {.id = "f", .priority = 5}};
	struct turn_party party = {.running = 0};
	struct turn turn = {.candidates = candidates, .count = 6, .parties = &party};
	char order[64];
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "e f a b c d");
	ck_assert_uint_eq(party.running, 6);
	ck_assert_uint_eq(party.served, 6);
}
END_TEST

START_TEST(parties_take_turns)
{
	struct turn_candidate candidates[] = {{.id = "a1", .party = 0}, {.id = "a2", .party = 0}, {.id = "a3", .party = 0},
					      {.id = "b1", .party = 1}, {.id = "b2", .party = 1}, {.id = "c1", .party = 2}};
	struct turn_party parties[3] = {{.running = 0}};
	struct turn turn = {.candidates = candidates, .count = 6, .parties = parties};
	char order[64];
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "a1 b1 c1 a2 b2 a3");
}
END_TEST

START_TEST(who_has_the_fewest_running_jobs_goes_first)
{
	struct turn_candidate candidates[] = {{.id = "a1", .party = 0}, {.id = "a2", .party = 0}, {.id = "b1", .party = 1},
					      {.id = "b2", .party = 1}, {.id = "b3", .party = 1}, {.id = "b4", .party = 1}};
	struct turn_party parties[] = {{.running = 2, .served = 1}, {.running = 0, .served = 9}};
	struct turn turn = {.candidates = candidates, .count = 6, .parties = parties};
	char order[64];
	served = 9;
	play(&turn, 10, order, sizeof(order));
	/* When both have two it is the turn of who was served longer ago. */
	ck_assert_str_eq(order, "b1 b2 a1 b3 a2 b4");
	ck_assert_uint_eq(served, 15);
}
END_TEST

START_TEST(of_parties_that_run_as_many_the_one_served_longest_ago_goes_first)
{
	struct turn_candidate candidates[] = {{.id = "a1", .party = 0}, {.id = "b1", .party = 1}, {.id = "c1", .party = 2}};
	struct turn_party parties[] = {{.running = 1, .served = 7}, {.running = 1, .served = 3}, {.running = 1, .served = 0}};
	struct turn turn = {.candidates = candidates, .count = 3, .parties = parties};
	char order[64];
	served = 7;
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "c1 b1 a1");
}
END_TEST

START_TEST(priority_comes_before_fairness)
{
	struct turn_candidate candidates[] = {
	    {.id = "a1", .party = 0, .priority = 1}, {.id = "a2", .party = 0, .priority = 1}, {.id = "b1", .party = 1}};
	struct turn_party parties[] = {{.running = 5, .served = 5}, {.running = 0}};
	struct turn turn = {.candidates = candidates, .count = 3, .parties = parties};
	char order[64];
	served = 5;
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "a1 a2 b1");
}
END_TEST

START_TEST(a_full_place_holds_nobody_else_up)
{
	static const uint32_t left[] = {0}, both[] = {0, 1}, right[] = {1};
	struct turn_candidate candidates[] = {
	    {.id = "a", .priority = 9, .places = left, .place_count = 1},
	    {.id = "b", .priority = 9, .places = left, .place_count = 1},
	    {.id = "c", .priority = 9, .places = both, .place_count = 2},
	    {.id = "d", .places = right, .place_count = 1},
	    {.id = "e", .places = right, .place_count = 1},
	    {.id = "f", .places = right, .place_count = 1},
	    {.id = "g"},
	};
	struct turn_place places[] = {{.most = 2, .running = 1}, {.most = 2}};
	struct turn_party party = {.running = 1};
	struct turn turn = {.candidates = candidates, .count = 7, .parties = &party, .places = places};
	char order[64];
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "a d e g");
	ck_assert_uint_eq(places[0].running, 2);
	ck_assert_uint_eq(places[1].running, 2);
	ck_assert_uint_eq(turn_full_place(places, both, 2), 0);
	places[0].running = 1;
	ck_assert_uint_eq(turn_full_place(places, both, 2), 1);
	places[1].running = 0;
	ck_assert_uint_eq(turn_full_place(places, both, 2), 2);
}
END_TEST

START_TEST(a_party_whose_jobs_find_no_place_leaves_its_turn_to_others)
{
	static const uint32_t full[] = {0};
	struct turn_candidate candidates[] = {{.id = "a1", .party = 0, .places = full, .place_count = 1},
					      {.id = "a2", .party = 0},
					      {.id = "b1", .party = 1, .places = full, .place_count = 1},
					      {.id = "c1", .party = 2}};
	struct turn_party parties[3] = {{.running = 0}};
	struct turn_place place = {.most = 1, .running = 1};
	struct turn turn = {.candidates = candidates, .count = 4, .parties = parties, .places = &place};
	char order[64];
	play(&turn, 10, order, sizeof(order));
	ck_assert_str_eq(order, "a2 c1");
	ck_assert_uint_eq(parties[1].served, 0);
}
END_TEST

START_TEST(a_candidate_that_is_not_taken_is_not_told_again)
{
	struct turn_candidate candidates[] = {{.id = "a"}, {.id = "b"}};
	struct turn_party party = {.running = 0};
	struct turn turn = {.candidates = candidates, .count = 2, .parties = &party, .served = &served};
	ck_assert_int_eq(turn_begin(&turn), 0);
	ck_assert_str_eq(turn_next(&turn)->id, "a");
	ck_assert_str_eq(turn_next(&turn)->id, "b");
	ck_assert_ptr_null(turn_next(&turn));
	ck_assert_ptr_null(turn_next(&turn));
	ck_assert_uint_eq(party.running, 0);
	turn_end(&turn);
}
END_TEST

START_TEST(of_ten_thousand_all_have_their_turn)
{
	struct turn_candidate *candidates = calloc(MANY, sizeof(*candidates));
	char(*ids)[8] = calloc(MANY, sizeof(*ids));
	struct turn_party parties[10] = {{.running = 0}};
	struct turn turn = {.candidates = candidates, .count = MANY, .parties = parties, .served = &served};
	const struct turn_candidate *candidate;
	size_t told = 0;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%05u", MANY - i);
		candidates[i] = (struct turn_candidate){.id = ids[i], .party = i % 10};
	}
	ck_assert_int_eq(turn_begin(&turn), 0);
	for (; (candidate = turn_next(&turn)) != NULL; told++) {
		turn_take(&turn, candidate);
		/* No party is ever two ahead of another. */
		ck_assert_uint_eq(parties[candidate->party].running, told / 10 + 1);
	}
	ck_assert_uint_eq(told, MANY);
	turn_end(&turn);
	free(candidates);
	free(ids);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue_turn");
	TCase *tests = tcase_create("turn");
	tcase_add_test(tests, the_higher_priority_goes_first_then_the_older_job);
	tcase_add_test(tests, parties_take_turns);
	tcase_add_test(tests, who_has_the_fewest_running_jobs_goes_first);
	tcase_add_test(tests, of_parties_that_run_as_many_the_one_served_longest_ago_goes_first);
	tcase_add_test(tests, priority_comes_before_fairness);
	tcase_add_test(tests, a_full_place_holds_nobody_else_up);
	tcase_add_test(tests, a_party_whose_jobs_find_no_place_leaves_its_turn_to_others);
	tcase_add_test(tests, a_candidate_that_is_not_taken_is_not_told_again);
	tcase_add_test(tests, of_ten_thousand_all_have_their_turn);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
