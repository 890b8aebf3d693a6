/*
 * printed.c - see printed.h.
 */
#include <unistd.h>

#include "fuzz.h"
#include "printed.h"

#define FAKE_FD 0x7ffffff0

ssize_t __real_write(int fd, const void *from, size_t len);
ssize_t __wrap_write(int fd, const void *from, size_t len);

static struct fuzz_bytes printed;

ssize_t __wrap_write(int fd, const void *from, size_t len)
{
	if (fd != FAKE_FD)
		return __real_write(fd, from, len);
	fuzz_put(&printed, from, len);
	return (ssize_t)len;
}

int printed_event(void *ctx, const struct capture_event *e)
{
	struct dump *d = ctx;

	if (!d->seen) {
		d->seen = true;
		d->first_ns = e->ts_ns;
	}
	if (d->stats)
		stats_event(d, e);
	else if (d->json)
		json_event(d, e);
	else
		text_event(d, e);
	return 0;
}

static void check_line(const uint8_t *at, size_t len)
{
	uint8_t *line = fuzz_copy(at, len);
	struct derp_json_reader r;
	struct derp_json_token t;
	int kinds = 0;

	derp_json_read(&r, line, len);
	fuzz_check(derp_json_next(&r, &t) == 0 && t.kind == DERP_JSON_OBJECT);
	while (derp_json_next(&r, &t) == 0 && t.kind == DERP_JSON_KEY) {
		kinds += derp_json_key_is(&t, "type") ||
			 derp_json_key_is(&t, "event");
		fuzz_check(derp_json_skip(&r, &t) == 0);
	}
	fuzz_check(t.kind == DERP_JSON_OBJECT_END && kinds == 1);
	fuzz_check(derp_json_next(&r, &t) == 0 && t.kind == DERP_JSON_END);
	free(line);
}

static void check(bool json)
{
	const uint8_t *at = printed.at, *end;

	if (printed.len == 0)
		return;
	end = at + printed.len;
	fuzz_check_ascii(at, printed.len);
	fuzz_check(end[-1] == '\n');
	while (json && at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));

		check_line(at, (size_t)(lf - at));
		at = lf + 1;
	}
}

void printed_begin(struct dump *d, uint8_t form)
{
	memset(d, 0, offsetof(struct dump, out));
	memset(&d->sums, 0, sizeof(d->sums));
	d->json = form & 1;
	d->hex = form & 2;
	d->verbose = !d->json && form & 4;
	d->stats = !d->json && form & 8;
	d->quiet = (form & 0x30) == 0x30;
	d->time = (enum out_time)(form / 64 % 4);
	out_init(&d->out, FAKE_FD);
	json_init(d);
}

void printed_end(struct dump *d, const struct capture_counts *n,
		 const char *error)
{
	if (d->json)
		json_summary(d, n, error);
	else if (d->stats)
		stats_print(d, n);
	out_flush(&d->out);
	check(d->json);
	free(printed.at);
	printed = (struct fuzz_bytes){ 0 };
}
