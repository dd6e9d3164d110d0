/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/name_index.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define MANY 5000u

static char things[MANY];

static void name_of(unsigned number, char ret[16])
{
	snprintf(ret, 16, "modem%u", number);
}

START_TEST(each_name_finds_its_thing_among_many)
{
	struct name_index index = {0};
	char name[16];
	ck_assert_ptr_null(name_index_find(&index, "modem0"));
	for (unsigned i = 0; i < MANY; i++) {
		name_of(i, name);
		ck_assert_int_eq(name_index_put(&index, name, &things[i]), 0);
	}
	ck_assert_uint_eq(index.count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		name_of(i, name);
		ck_assert_ptr_eq(name_index_find(&index, name), &things[i]);
	}
	ck_assert_ptr_null(name_index_find(&index, "modem"));
	ck_assert_ptr_null(name_index_find(&index, "modem5000"));
	ck_assert_ptr_null(name_index_find(&index, ""));
	name_index_clear(&index);
	ck_assert_ptr_null(name_index_find(&index, "modem0"));
}
END_TEST

START_TEST(a_name_is_put_once_and_its_thing_replaced)
{
	struct name_index index = {0};
	char name[16] = "modem1";
	ck_assert_int_eq(name_index_put(&index, name, &things[1]), 0);
	ck_assert_int_eq(name_index_put(&index, name, &things[2]), 0);
	ck_assert_uint_eq(index.count, 1);
	strcpy(name, "gone"); /* the name was copied */
	ck_assert_ptr_eq(name_index_find(&index, "modem1"), &things[2]);
	name_index_clear(&index);
}
END_TEST

START_TEST(a_removed_name_is_gone_and_the_others_stay)
{
	struct name_index index = {0};
	char name[16];
	name_index_remove(&index, "modem0");
	for (unsigned i = 0; i < MANY; i++) {
		name_of(i, name);
		ck_assert_int_eq(name_index_put(&index, name, &things[i]), 0);
	}
	for (unsigned i = 0; i < MANY; i += 2) {
		name_of(i, name);
		name_index_remove(&index, name);
		name_index_remove(&index, name);
	}
	ck_assert_uint_eq(index.count, MANY / 2);
	for (unsigned i = 0; i < MANY; i++) {
		name_of(i, name);
		ck_assert_ptr_eq(name_index_find(&index, name), i % 2 == 0 ? NULL : &things[i]);
	}
	name_index_clear(&index);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("name_index");
	TCase *tcase = tcase_create("name_index");
	tcase_add_test(tcase, each_name_finds_its_thing_among_many);
	tcase_add_test(tcase, a_name_is_put_once_and_its_thing_replaced);
	tcase_add_test(tcase, a_removed_name_is_gone_and_the_others_stay);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
