/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/image.h"

#define SIZE 300000u

static char folder[] = "/tmp/image_test.XXXXXX";
static char path[64];
static uint8_t plain[SIZE];

/* Half noise, half repetition: shrinks to about half, as real bundles do. */
static void make_file(size_t size)
{
	uint32_t state = 1;
	FILE *file;

	for (size_t i = 0; i < SIZE; i++) {
		state = state * 1103515245u + 12345u;
		plain[i] = (i / 64) % 2 ? (uint8_t)(state >> 16) : (uint8_t)(i / 4096);
	}
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/image", folder);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(plain, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

static void remove_file(void)
{
	unlink(path);
	rmdir(folder);
}

/* Inflates the stream up to wire_end with the modem's window and says how many plain bytes came out. */
static uint64_t inflate_prefix(const struct stp_source *source, uint64_t wire_end, uint8_t *ret)
{
	z_stream stream = {0};

	ck_assert_int_eq(inflateInit2(&stream, 12), Z_OK);
	stream.next_in = (z_const Bytef *)(uintptr_t)source->compressed;
	stream.avail_in = (uInt)wire_end;
	stream.next_out = ret;
	stream.avail_out = SIZE;
	int r = inflate(&stream, Z_SYNC_FLUSH);
	ck_assert_msg(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR, "%d", r);
	uint64_t total = stream.total_out;
	inflateEnd(&stream);
	return total;
}

static const struct image_part parts[] = {
    {0, "Packed dup files"}, {35, "bootrom upgrade package"}, {100000, "fff upgrade package"}, {299999, NULL}};

START_TEST(the_stream_gives_the_file_back)
{
	static uint8_t back[SIZE];
	struct image *image = NULL;

	make_file(SIZE);
	ck_assert_int_eq(image_open(path, false, true, parts, 4, &image), 0);
	remove_file();
	const struct stp_source *source = image_source(image);
	ck_assert_uint_eq(source->plain_size, SIZE);
	ck_assert_mem_eq(source->plain, plain, SIZE);
	ck_assert(!source->is_elf);
	ck_assert_ptr_nonnull(source->compressed);
	ck_assert_uint_lt(source->compressed_size, SIZE * 6 / 10);
	/* protocol.md 4: window bits 12. */
	ck_assert_uint_eq(source->compressed[0], 0x48);
	ck_assert_uint_eq((source->compressed[0] * 256u + source->compressed[1]) % 31u, 0);
	ck_assert_uint_eq(inflate_prefix(source, source->compressed_size, back), SIZE);
	ck_assert_mem_eq(back, plain, SIZE);
	image_free(image);
}
END_TEST

START_TEST(parts_have_their_place_in_the_stream)
{
	static uint8_t back[SIZE];
	struct image *image = NULL;

	make_file(SIZE);
	ck_assert_int_eq(image_open(path, false, true, parts, 4, &image), 0);
	remove_file();
	const struct stp_source *source = image_source(image);
	ck_assert_uint_eq(source->part_count, 4);
	ck_assert_str_eq(source->parts[1].description, "bootrom upgrade package");
	ck_assert_str_eq(source->parts[3].description, "");
	ck_assert_uint_eq(source->parts[0].wire_offset, 0);
	for (size_t i = 1; i < 4; i++) {
		const struct stp_part *part = &source->parts[i];
		ck_assert_uint_eq(part->offset, parts[i].offset);
		ck_assert_uint_gt(part->wire_offset, source->parts[i - 1].wire_offset);
		/* All before the part is in the stream's beginning, but for a symbol that ends in the next byte. */
		uint64_t got = inflate_prefix(source, part->wire_offset, back);
		ck_assert_msg(got <= part->offset && got + 260 > part->offset, "part %zu: %llu", i, (unsigned long long)got);
		ck_assert_uint_ge(inflate_prefix(source, part->wire_offset + 2, back), part->offset);
	}
	image_free(image);
}
END_TEST

START_TEST(uncompressed_images_have_no_stream)
{
	struct image *image = NULL;

	make_file(SIZE);
	ck_assert_int_eq(image_open(path, true, false, parts, 4, &image), 0);
	remove_file();
	const struct stp_source *source = image_source(image);
	ck_assert(source->is_elf);
	ck_assert_ptr_null(source->compressed);
	ck_assert_uint_eq(source->parts[2].wire_offset, 100000);
	image_free(image);
}
END_TEST

START_TEST(what_does_not_shrink_is_sent_plain)
{
	struct image *image = NULL;

	make_file(3);
	ck_assert_int_eq(image_open(path, false, true, NULL, 0, &image), 0);
	remove_file();
	ck_assert_ptr_null(image_source(image)->compressed);
	ck_assert_uint_eq(image_source(image)->plain_size, 3);
	ck_assert_uint_eq(image_source(image)->part_count, 0);
	image_free(image);
}
END_TEST

START_TEST(a_slice_is_an_image_of_its_own)
{
	static const struct image_part inside[] = {{0, "bootrom upgrade package"}, {199, "its end"}};
	static uint8_t back[SIZE];
	struct image *image = NULL;

	make_file(SIZE);
	for (int compress = 0; compress < 2; compress++) {
		ck_assert_int_eq(image_open_slice(path, 35, 200, compress, inside, 2, &image), 0);
		const struct stp_source *source = image_source(image);
		ck_assert_uint_eq(source->plain_size, 200);
		ck_assert_mem_eq(source->plain, plain + 35, 200);
		ck_assert(!source->is_elf);
		ck_assert_uint_eq(source->part_count, 2);
		ck_assert_str_eq(source->parts[0].description, "bootrom upgrade package");
		ck_assert_uint_eq(source->parts[1].offset, 199);
		if (source->compressed != NULL) {
			ck_assert_uint_eq(inflate_prefix(source, source->compressed_size, back), 200);
			ck_assert_mem_eq(back, plain + 35, 200);
		}
		image_free(image);
	}
	ck_assert_int_eq(image_open_slice(path, SIZE - 1, 1, false, NULL, 0, &image), 0);
	ck_assert_uint_eq(image_source(image)->plain[0], plain[SIZE - 1]);
	image_free(image);
	image = NULL;
	ck_assert_int_eq(image_open_slice(path, SIZE - 1, 2, false, NULL, 0, &image), -EINVAL);
	ck_assert_int_eq(image_open_slice(path, SIZE, 1, false, NULL, 0, &image), -EINVAL);
	ck_assert_int_eq(image_open_slice(path, 1, UINT64_MAX, false, NULL, 0, &image), -EINVAL);
	ck_assert_int_eq(image_open_slice(path, 0, 0, false, NULL, 0, &image), -EINVAL);
	ck_assert_int_eq(image_open_slice(path, 35, 199, false, inside, 2, &image), -EINVAL); /* a part past its end */
	ck_assert_ptr_null(image);
	remove_file();
}
END_TEST

START_TEST(what_is_no_image_is_refused)
{
	static const struct image_part backwards[] = {{35, "a"}, {0, "b"}};
	static const struct image_part outside[] = {{SIZE, "a"}};
	struct image *image = NULL;

	make_file(SIZE);
	ck_assert_int_eq(image_open(path, false, true, backwards, 2, &image), -EINVAL);
	ck_assert_int_eq(image_open(path, false, true, outside, 1, &image), -EINVAL);
	ck_assert_int_eq(image_open(folder, false, true, NULL, 0, &image), -EINVAL);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(image_open(path, false, true, NULL, 0, &image), -EINVAL);
	remove_file();
	ck_assert_int_eq(image_open(path, false, true, NULL, 0, &image), -ENOENT);
	ck_assert_ptr_null(image);
	image_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tcase = tcase_create("image");

	tcase_add_test(tcase, the_stream_gives_the_file_back);
	tcase_add_test(tcase, parts_have_their_place_in_the_stream);
	tcase_add_test(tcase, uncompressed_images_have_no_stream);
	tcase_add_test(tcase, what_does_not_shrink_is_sent_plain);
	tcase_add_test(tcase, a_slice_is_an_image_of_its_own);
	tcase_add_test(tcase, what_is_no_image_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
