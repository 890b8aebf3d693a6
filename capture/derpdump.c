/*
 * derpdump.c - print the DERP traffic of a capture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"
#include "options.h"

enum {
	EXIT_DONE = 0,
	EXIT_FOUND = 1, /* --strict */
	EXIT_INPUT = 3,
	EXIT_OURS = 5,
};

enum {
	O_READ = 1,
	O_COUNT,
	O_VERBOSE,
	O_HEX,
	O_QUIET,
	O_TIME,
	O_JSON,
	O_STATS,
	O_STRICT,
	O_KEYLOG,
};

static const struct opt table[] = {
	{ O_READ, "read", 'r', "FILE",
	  "pcap or pcapng file; - is standard input (default)", "Input" },
	{ O_KEYLOG, "keylog", 0, "FILE",
	  "secrets of its TLS connections; may be given again", NULL },
	{ O_COUNT, "count", 'c', "N", "stop after N frames", NULL },
	{ O_VERBOSE, "verbose", 'v', NULL,
	  "the fields of each frame, with offsets", "Output" },
	{ O_HEX, "hex", 'x', NULL, "the payload of each frame", NULL },
	{ O_QUIET, "quiet", 'q', NULL,
	  "connections and trouble only, no traffic", NULL },
	{ O_TIME, "time", 0, "FORM",
	  "wall (UTC, default), date, epoch or relative", NULL },
	{ O_JSON, "json", 0, NULL, "one JSON object a line", NULL },
	{ O_STATS, "stats", 0, NULL, "tables at the end instead of frames",
	  NULL },
	{ O_STRICT, "strict", 0, NULL,
	  "exit 1 if anything is invalid, lost or truncated", NULL },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "derpdump",
	.usage = "derpdump [options] [-r] FILE",
	.about = "Print the DERP frames of captured traffic, one line each.",
	.table = table,
	.after = "Exit: 0 done, 1 --strict found something, 2 usage, "
		 "3 input cannot be read,\n5 output cannot be written or out "
		 "of memory.",
};

static const char *const time_forms[] = { [OUT_WALL] = "wall",
					  [OUT_EPOCH] = "epoch",
					  [OUT_RELATIVE] = "relative",
					  [OUT_DATE] = "date",
					  NULL };

static int on_event(void *ctx, const struct capture_event *e)
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
	if (d->out.err != 0)
		return 1;
	if (e->what == CAPTURE_FRAME && d->max_frames > 0)
		return --d->max_frames == 0;
	return 0;
}

/* A live capture through a pipe: show what there is. */
static void on_idle(void *ctx)
{
	struct dump *d = ctx;

	out_flush(&d->out);
}

/* What the lines do not say. */
static void tell_summary(const struct capture_counts *n)
{
	if (n->tls_flows > 0)
		fprintf(stderr,
			"derpdump: %llu TLS connection%s not read: give the "
			"key log of one side with --keylog\n",
			(unsigned long long)n->tls_flows,
			n->tls_flows == 1 ? "" : "s");
	if (n->derp_flows == 0)
		fprintf(stderr,
			"derpdump: no DERP in %llu packets of %llu TCP "
			"connections\n",
			(unsigned long long)n->packets,
			(unsigned long long)n->flows);
}

static int exit_code(const struct dump *d, const struct capture_counts *n,
		     int ret)
{
	switch (ret) {
	case CAPTURE_E_OPEN:
	case CAPTURE_E_FORMAT:
	case CAPTURE_E_LINK:
		return EXIT_INPUT;
	case CAPTURE_E_MEMORY:
		return EXIT_OURS;
	default:
		break;
	}
	if (d->strict && n->invalid + n->gaps + n->truncated > 0)
		return EXIT_FOUND;
	return EXIT_DONE;
}

static int read_keylogs(const struct dump *d, struct capture *c)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < d->num_keylogs && ret == 0; i++)
		ret = capture_keylog_file(c, d->keylogs[i]);
	return ret;
}

static int run(struct dump *d, const char *path)
{
	struct capture *c = capture_new(on_event, d, NULL);
	const struct capture_counts *n;
	const char *error = NULL;
	int ret;

	if (c == NULL) {
		fputs("derpdump: out of memory\n", stderr);
		return EXIT_OURS;
	}
	n = capture_counts(c);
	capture_set_idle(c, on_idle);
	ret = read_keylogs(d, c);
	if (ret == 0)
		ret = capture_read_file(c, path);
	if (ret < 0 && ret != CAPTURE_E_STOPPED)
		error = capture_error(c);
	if (d->json)
		json_summary(d, n, error);
	else if (d->stats && (error == NULL || n->packets > 0))
		stats_print(d, n);
	out_flush(&d->out);
	if (error != NULL)
		fprintf(stderr, "derpdump: %s\n", error);
	else
		tell_summary(n);
	ret = exit_code(d, n, ret);
	if (d->out.err != 0) {
		fprintf(stderr, "derpdump: cannot write: %s\n",
			strerror(d->out.err));
		ret = EXIT_OURS;
	}
	capture_free(c);
	return ret;
}

static int set_option(struct dump *d, const struct opts *o, int id,
		      const char **path)
{
	int form;

	switch (id) {
	case O_READ:
		if (*path != NULL)
			return opts_fail(o, "one FILE is enough");
		*path = o->value;
		return 0;
	case O_COUNT:
		return opt_number(o, &d->max_frames, 1, UINT64_MAX);
	case O_VERBOSE:
		d->verbose = true;
		return 0;
	case O_HEX:
		d->hex = true;
		return 0;
	case O_QUIET:
		d->quiet = true;
		return 0;
	case O_TIME:
		if (opt_choice(o, &form, time_forms) < 0)
			return OPTS_ERROR;
		d->time = (enum out_time)form;
		return 0;
	case O_JSON:
		d->json = true;
		return 0;
	case O_STATS:
		d->stats = true;
		return 0;
	case O_KEYLOG:
		if (d->num_keylogs >= DUMP_KEYLOGS)
			return opts_fail(o, "at most %u key logs",
					 DUMP_KEYLOGS);
		d->keylogs[d->num_keylogs++] = o->value;
		return 0;
	case O_STRICT:
		d->strict = true;
		return 0;
	default:
		return OPTS_ERROR;
	}
}

static int check_options(const struct dump *d, const struct opts *o, int argc,
			 char **argv, const char **path)
{
	if (o->first < argc && *path == NULL)
		*path = argv[o->first];
	else if (o->first < argc)
		return opts_fail(o, "one FILE is enough: %s is another",
				 argv[o->first]);
	if (argc - o->first > 1)
		return opts_fail(o, "one FILE is enough: %s is another",
				 argv[o->first + 1]);
	if (d->json && (d->verbose || d->stats))
		return opts_fail(o, "--json goes with neither -v nor --stats");
	if (*path == NULL && isatty(STDIN_FILENO))
		return opts_fail(o, "no FILE: name a pcap or pcapng file");
	if (*path == NULL)
		*path = "-";
	return 0;
}

int main(int argc, char **argv)
{
	static struct dump d; /* too large for some stacks */
	const char *path = NULL;
	struct opts o;
	int id;

	opts_init(&o, &tool, argc, argv);
	while ((id = opts_next(&o)) > 0)
		if (set_option(&d, &o, id, &path) < 0)
			return opts_exit(OPTS_ERROR);
	if (id < 0)
		return opts_exit(id);
	if (check_options(&d, &o, argc, argv, &path) < 0)
		return opts_exit(OPTS_ERROR);
	out_init(&d.out, STDOUT_FILENO);
	json_init(&d);
	return run(&d, path);
}
