/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* protocol.md 4: the modem inflates with a 4 KiB window. */
#define WINDOW_BITS   12
#define DEFLATE_CHUNK (1u << 20)

struct image {
	struct stp_source source;
	struct stp_part *parts;
	void *mapped; /* the whole file */
	size_t mapped_size;
	void *compressed;
	size_t compressed_reserved;
};

/* Feeds plain[from, to) and ends with `flush`; the output is known to fit. */
static int deflate_stretch(z_stream *stream, const uint8_t *plain, uint64_t from, uint64_t to, int flush)
{
	int r = Z_OK;

	stream->next_in = (z_const Bytef *)(uintptr_t)(plain + from);
	do {
		uint64_t left = to - from;
		uInt chunk = left > DEFLATE_CHUNK ? DEFLATE_CHUNK : (uInt)left;
		stream->avail_in = chunk;
		from += chunk;
		r = deflate(stream, from == to ? flush : Z_NO_FLUSH);
	} while (from < to && r == Z_OK);
	if (r == Z_BUF_ERROR && flush != Z_FINISH)
		r = Z_OK; /* nothing was pending */
	return r == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) && stream->avail_in == 0 ? 0 : -EIO;
}

/* The deflate block is ended at each part's begin, so that its place in the stream is known to the byte. */
static int deflate_parts(struct image *image, z_stream *stream)
{
	uint64_t done = 0;

	for (size_t i = 0; i < image->source.part_count; i++) {
		struct stp_part *part = &image->parts[i];
		if (part->offset > done) {
			int r = deflate_stretch(stream, image->source.plain, done, part->offset, Z_BLOCK);
			if (r < 0)
				return r;
			done = part->offset;
		}
		part->wire_offset = stream->total_out;
	}
	return deflate_stretch(stream, image->source.plain, done, image->source.plain_size, Z_FINISH);
}

static int compress_into(struct image *image)
{
	z_stream stream = {0};
	int r;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	/* Each ended block may cost a few bytes more than the bound knows of. */
	size_t reserved = deflateBound(&stream, (uLong)image->source.plain_size) + 64 * (image->source.part_count + 1);
	image->compressed = mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image->compressed == MAP_FAILED) {
		image->compressed = NULL;
		deflateEnd(&stream);
		return -ENOMEM;
	}
	image->compressed_reserved = reserved;
	stream.next_out = image->compressed;
	stream.avail_out = (uInt)reserved;
	r = deflate_parts(image, &stream);
	deflateEnd(&stream);
	if (r < 0)
		return r;
	if (stream.total_out >= image->source.plain_size)
		return 0; /* sent plain: shorter */
	if (mprotect(image->compressed, reserved, PROT_READ) < 0)
		return -errno;
	image->source.compressed = image->compressed;
	image->source.compressed_size = stream.total_out;
	return 0;
}

static int map_file(struct image *image, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		r = -errno;
	else if (!S_ISREG(status.st_mode) || status.st_size <= 0)
		r = -EINVAL;
	else if (status.st_size > INT32_MAX)
		r = -EFBIG;
	if (r == 0) {
		image->mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (image->mapped == MAP_FAILED) {
			r = -errno;
			image->mapped = NULL;
		}
	}
	close(fd);
	if (r < 0)
		return r;
	image->mapped_size = (size_t)status.st_size;
	return 0;
}

/* length 0: to the end. */
static int select_slice(struct image *image, uint64_t offset, uint64_t length)
{
	if (offset >= image->mapped_size || length > image->mapped_size - offset)
		return -EINVAL;
	image->source.plain = (const uint8_t *)image->mapped + offset;
	image->source.plain_size = length != 0 ? length : image->mapped_size - offset;
	return 0;
}

static int copy_parts(struct image *image, const struct image_part *parts, size_t part_count)
{
	if (!parts || part_count == 0)
		return 0;
	image->parts = calloc(part_count, sizeof(*image->parts));
	if (!image->parts)
		return -ENOMEM;
	for (size_t i = 0; i < part_count; i++) {
		if (parts[i].offset >= image->source.plain_size || (i > 0 && parts[i].offset < parts[i - 1].offset))
			return -EINVAL;
		image->parts[i].offset = parts[i].offset;
		image->parts[i].wire_offset = parts[i].offset;
		snprintf(image->parts[i].description, sizeof(image->parts[i].description), "%s",
			 parts[i].description ? parts[i].description : "");
	}
	image->source.parts = image->parts;
	image->source.part_count = part_count;
	return 0;
}

static int open_range(const char *path, uint64_t offset, uint64_t length, bool is_elf, bool compress, const struct image_part *parts,
		      size_t part_count, struct image **ret)
{
	struct image *image = calloc(1, sizeof(*image));
	int r;

	if (!image)
		return -ENOMEM;
	image->source.is_elf = is_elf;
	r = map_file(image, path);
	if (r == 0)
		r = select_slice(image, offset, length);
	if (r == 0)
		r = copy_parts(image, parts, part_count);
	if (r == 0 && compress)
		r = compress_into(image);
	if (r < 0) {
		image_free(image);
		return r;
	}
	*ret = image;
	return 0;
}

int image_open(const char *path, bool is_elf, bool compress, const struct image_part *parts, size_t part_count, struct image **ret)
{
	return open_range(path, 0, 0, is_elf, compress, parts, part_count, ret);
}

int image_open_slice(const char *path, uint64_t offset, uint64_t length, bool compress, const struct image_part *parts, size_t part_count,
		     struct image **ret)
{
	return length == 0 ? -EINVAL : open_range(path, offset, length, false, compress, parts, part_count, ret);
}

void image_free(struct image *image)
{
	if (!image)
		return;
	if (image->mapped)
		munmap(image->mapped, image->mapped_size);
	if (image->compressed)
		munmap(image->compressed, image->compressed_reserved);
	free(image->parts);
	free(image);
}

const struct stp_source *image_source(const struct image *image)
{
	return &image->source;
}
