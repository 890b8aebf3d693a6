/*
 * fuzz_pcap.c - a capture file, from memory and from a pipe that dribbles.
 *
 *   input:  pcap or pcapng file
 *
 * Oracles: the rules of story.h; the same story, counts and result for every
 * way in which read() cuts the file, and for connections and memory limited
 * to next to nothing the rules still hold.  read() is ours: see Makefile.
 */
#include <unistd.h>

#include "story.h"

#define FAKE_FD 0x7ffffff0

ssize_t __real_read(int fd, void *to, size_t len);
ssize_t __wrap_read(int fd, void *to, size_t len);

static const uint8_t *file;
static size_t file_len;
static uint32_t cuts;

ssize_t __wrap_read(int fd, void *to, size_t len)
{
	size_t n;

	if (fd != FAKE_FD)
		return __real_read(fd, to, len);
	n = fuzz_cut(&cuts, len < file_len ? len : file_len);
	if (n != 0)
		memcpy(to, file, n);
	file += n;
	file_len -= n;
	return (ssize_t)n;
}

struct result {
	struct story story;
	struct capture_counts counts;
	int ret;
	char error[256];
};

static void run(struct result *r, const uint8_t *data, size_t size, bool pipe,
		const struct capture_limits *limits)
{
	struct capture *c;

	memset(r, 0, sizeof(*r));
	/* A byte is at most one event, and the end has a few. */
	r->story.max = size + 64;
	c = capture_new(story_event, &r->story, limits);
	fuzz_check(c != NULL);
	if (pipe) {
		file = data;
		file_len = size;
		r->ret = capture_read_fd(c, FAKE_FD, "fuzz");
	} else {
		r->ret = capture_read_memory(c, data, size, "fuzz");
	}
	r->counts = *capture_counts(c);
	snprintf(r->error, sizeof(r->error), "%s", capture_error(c));
	fuzz_check_ascii(r->error, strlen(r->error));
	fuzz_check((r->ret == 0) == (r->error[0] == '\0'));
	fuzz_check(r->counts.bytes <= size && r->counts.packets <= size);
	capture_free(c);
}

static void same(const struct result *a, const struct result *b)
{
	fuzz_check(a->ret == b->ret && strcmp(a->error, b->error) == 0);
	fuzz_check(fuzz_equal(&a->story.all, &b->story.all));
	fuzz_check(memcmp(&a->counts, &b->counts, sizeof(a->counts)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct capture_limits tight = { 1, 64, 128 };
	static struct result memory, whole, dribble, small;
	uint8_t *exact = fuzz_copy(data, size);

	run(&memory, exact, size, false, NULL);
	cuts = 0;
	run(&whole, exact, size, true, NULL);
	same(&memory, &whole);
	cuts = (uint32_t)size + 1;
	run(&dribble, exact, size, true, NULL);
	same(&memory, &dribble);
	run(&small, exact, size, false, &tight);
	fuzz_check(small.counts.packets == memory.counts.packets);
	story_free(&memory.story);
	story_free(&whole.story);
	story_free(&dribble.story);
	story_free(&small.story);
	free(exact);
	return 0;
}
