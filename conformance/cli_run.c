/*
 * cli_run.c - derpspec run: judge a server and report.
 *
 *   choice + baseline --> engine items --> engine_run(), --repeat times
 *        --> the worst result of each item --> reports, exit code
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "baseline.h"
#include "cli_keys.h"
#include "cli_record.h"
#include "cli_reports.h"
#include "cli_text.h"
#include "engine.h"
#include "report.h"

#define BASELINE_MAX (1u << 20)
#define AGAIN_MAX 2048

struct run {
	struct cli_options o;
	struct suite suite;
	struct choice choice;
	struct baseline baseline;
	struct engine_item *items;
	struct result *worst, *now; /* of each item: so far, this round */
	struct report_case *cases;
	struct reports reports;
	struct engine_key *keys;
	size_t num_keys;
	bool progress;
	size_t num_done;
	enum engine_end end;
	char why[256];
	char target[HOST_PORT_TEXT_MAX + CLI_PATH_MAX + 16];
	char again[AGAIN_MAX];
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
	engine_stop();
}

/* A second signal ends the program as usual. */
static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &sa, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what to run ----------------------------------------------------- */

static int read_baselines(struct run *r)
{
	const struct suite *s = &r->suite;
	size_t errors = 0;

	for (size_t i = 0; i < r->o.baselines.num; i++) {
		const char *path = r->o.baselines.at[i];
		size_t len;
		char *text = cli_read_file(path, BASELINE_MAX, &len, stderr);

		if (text == NULL)
			return EXIT_INPUT;
		errors += baseline_parse(&r->baseline, path, text, len,
					 s->items, s->num_items, stderr);
		free(text);
	}
	return errors > 0 ? EXIT_USAGE : 0;
}

static int expect_failures(struct run *r)
{
	int code = suite_check_words(&r->suite, &r->o.xfail, "-x: ");

	for (size_t i = 0; i < r->o.xfail.num && code == 0; i++) {
		if (baseline_add(&r->baseline, r->o.xfail.at[i],
				 "-x on the command line") != 0)
			code = EXIT_OURS;
	}
	return code == 0 ? read_baselines(r) : code;
}

static int make_items(struct run *r)
{
	size_t n = r->choice.num;

	r->items = calloc(n, sizeof(*r->items));
	r->worst = calloc(n, sizeof(*r->worst));
	r->now = calloc(n, sizeof(*r->now));
	r->cases = calloc(n, sizeof(*r->cases));
	if (!r->items || !r->worst || !r->now || !r->cases) {
		fputs("derpspec: out of memory\n", stderr);
		return EXIT_OURS;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = r->choice.index[i];
		const struct scenario_instance *in =
			&r->suite.scenario->instances[at];
		const struct baseline_entry *e =
			baseline_find(&r->baseline, &r->suite.items[at]);

		r->items[i].what = in;
		if (scenario_has(in->of->needs, "mesh") && !r->o.has_mesh_key)
			r->items[i].skip = "needs the target's mesh key: "
					   "--mesh-key FILE";
		if (e != NULL)
			r->items[i].xfail = e->reason;
		r->cases[i].result = &r->worst[i];
		r->cases[i].level = report_level(&r->suite.spec, in->of->reqs);
		r->cases[i].xfail = e != NULL ? e->reason : NULL;
		r->cases[i].xfail_from = e != NULL ? e->source : NULL;
		r->worst[i].what = in;
		r->worst[i].verdict = VERDICT_NONE;
	}
	return 0;
}

/* The command line of this run, but for selectors and seed. */
static void write_again(struct run *r)
{
	const struct cli_options *o = &r->o;
	char *at = r->again;
	size_t cap = sizeof(r->again);
	int n;

#define ADD(...)                                                               \
	do {                                                                   \
		n = snprintf(at, cap, __VA_ARGS__);                            \
		if (n < 0 || (size_t)n >= cap)                                 \
			return;                                                \
		at += n;                                                       \
		cap -= (size_t)n;                                              \
	} while (0)
	ADD("derpspec run -h %s -p %u", o->target.host, o->target.port);
	if (o->tls)
		ADD(" -t");
	if (o->insecure)
		ADD(" -k");
	if (o->sni != NULL)
		ADD(" --sni '%s'", o->sni);
	if (o->ca_file != NULL)
		ADD(" --ca '%s'", o->ca_file);
	if (o->pin != NULL)
		ADD(" --pin %s", o->pin);
	if (o->path != NULL)
		ADD(" --path '%s'", o->path);
	if (o->fast_start)
		ADD(" --fast-start");
	if (o->has_mesh_key)
		ADD(" --mesh-key '%s'", o->mesh_key_file);
	if (o->client_keys != NULL)
		ADD(" --client-keys '%s'", o->client_keys);
	if (o->suite != NULL)
		ADD(" --suite '%s'", o->suite);
	if (o->intrusive)
		ADD(" --intrusive");
	if (o->timeout_ms != 0)
		ADD(" -o %" PRIu32 "ms", o->timeout_ms);
	if (o->settle_ms != 0)
		ADD(" --settle %" PRIu32, o->settle_ms);
	if (o->dribble_ms != 0)
		ADD(" --cut dribble");
	else if (o->cut != 0)
		ADD(" --cut %" PRIu32, o->cut);
#undef ADD
}

static int prepare(struct run *r)
{
	char host[HOST_PORT_TEXT_MAX];
	int code = suite_choose(&r->choice, &r->suite, &r->o, false);

	if (code == 0)
		code = expect_failures(r);
	if (code == 0)
		code = make_items(r);
	if (code != 0)
		return code;
	if (!r->o.has_seed)
		randombytes_buf(&r->o.seed, sizeof(r->o.seed));
	host_port_text(host, &r->o.target);
	snprintf(r->target, sizeof(r->target), "%s://%s%s",
		 r->o.tls ? "derps" : "derp", host,
		 r->o.path != NULL ? r->o.path : "/derp");
	write_again(r);
	if (r->o.client_keys != NULL)
		code = cli_keys_read(&r->keys, &r->num_keys, r->o.client_keys);
	if (code == 0)
		code = reports_open(&r->reports, &r->o);
	if (code == 0 && r->o.record != NULL)
		code = record_begin(r->o.record);
	return code;
}

/* ---- running --------------------------------------------------------- */

static void on_done(void *ctx, const struct result *res)
{
	struct run *r = ctx;
	char name[60];

	r->num_done++;
	if (!r->progress)
		return;
	cli_clean(name, sizeof(name), res->what->name);
	fprintf(stderr, "\r\33[K[%zu/%zu] %s", r->num_done,
		r->choice.num * r->o.rounds, name);
	fflush(stderr);
}

/* Of several rounds the worst is reported. */
static void keep_worst(struct run *r, uint64_t seed)
{
	for (size_t i = 0; i < r->choice.num; i++) {
		struct result *now = &r->now[i], *worst = &r->worst[i];
		uint32_t ms = worst->ms;

		r->cases[i].bad_rounds += verdict_is_bad(now->verdict);
		if (verdict_badness(now->verdict) >
		    verdict_badness(worst->verdict)) {
			result_clear(worst);
			*worst = *now;
			memset(now, 0, sizeof(*now));
			r->cases[i].seed = seed;
		} else {
			ms = ms > now->ms ? ms : now->ms;
			worst->ms = ms;
			result_clear(now);
		}
	}
}

static void judge(struct run *r)
{
	for (size_t i = 0; i < r->choice.num; i++) {
		struct report_case *c = &r->cases[i];

		if (r->worst[i].verdict == VERDICT_NONE) {
			r->worst[i].verdict = VERDICT_INCONC;
			snprintf(r->worst[i].reason, sizeof(r->worst[i].reason),
				 "was not run");
		}
		c->tolerated = c->result->verdict == VERDICT_FAIL &&
			       c->level != SPEC_MUST &&
			       !(c->level == SPEC_SHOULD && r->o.strict);
	}
}

static void on_weak(void *ctx, const char *text)
{
	const struct run *r = ctx;

	if (r->progress)
		fputs("\r\33[K", stderr);
	fputs("derpspec: the first login failed (", stderr);
	cli_puts(stderr, text);
	fputs("); the cases run all the same\n", stderr);
}

static void run_rounds(struct run *r)
{
	char port[8];
	const struct cli_options *o = &r->o;
	struct engine_options eo = {
		.host = o->target.host,
		.port = port,
		.path = o->path,
		.host_line = o->sni,
		.fast_start = o->fast_start,
		.timeout_ms = o->timeout_ms,
		.settle_ms = o->settle_ms,
		.total_ms = o->total_ms,
		.jobs = o->jobs,
		.mesh_key = o->has_mesh_key ? o->mesh_key : NULL,
		.keys = r->keys,
		.num_keys = r->num_keys,
		.cut = o->cut,
		.dribble_ms = o->dribble_ms,
		.keep_trace = o->verbose > 0,
	};
	const struct engine_hooks hooks = {
		.ctx = r,
		.done = on_done,
		.weak = on_weak,
	};

	snprintf(port, sizeof(port), "%u", o->target.port);
	r->end = ENGINE_DONE;
	/* Each round has its own seed: no two use the same keys. */
	for (uint32_t i = 0; i < o->rounds && r->end == ENGINE_DONE; i++) {
		if (stopped) {
			r->end = ENGINE_STOPPED;
			break;
		}
		eo.seed = o->seed + i;
		r->end = engine_run(r->now, r->why, sizeof(r->why), &eo,
				    r->items, r->choice.num, &hooks);
		keep_worst(r, eo.seed);
	}
	if (r->progress)
		fputs("\r\33[K", stderr);
}

/* ---- reporting ------------------------------------------------------- */

static bool use_color(const struct cli_options *o, FILE *to)
{
	const char *no = getenv("NO_COLOR");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	return (no == NULL || no[0] == '\0') && isatty(fileno(to));
}

static void report_text(const struct run *r, const struct report *rep)
{
	FILE *to = reports_text_to(&r->reports);
	struct report_style style = { .color = use_color(&r->o, to),
				      .frames = r->o.verbose > 0,
				      .hex = r->o.verbose > 1 };

	reports_print(to, rep, style, r->o.github);
}

/* One line: what is wrong with which target, and what to do. */
static void tell_end(const struct run *r)
{
	if (r->end == ENGINE_DONE)
		return;
	fputs("derpspec: ", stderr);
	cli_puts(stderr, r->why);
	if (r->end == ENGINE_UNREACHABLE)
		fputs("; nothing was judged: is it a DERP server, and are -h, "
		      "-p and --path right?",
		      stderr);
	fputc('\n', stderr);
}

static int write_reports(struct run *r, const struct report *rep)
{
	int code = reports_write(&r->reports, rep);

	if (r->o.record != NULL && code == 0)
		code = record_end(r->o.record);
	return code;
}

static int exit_code(const struct run *r, const struct report *rep)
{
	struct report_sum sum;

	switch (r->end) {
	case ENGINE_UNREACHABLE:
		return EXIT_INPUT;
	case ENGINE_GONE:
		return EXIT_PEER;
	case ENGINE_STOPPED:
		return EXIT_STOPPED;
	case ENGINE_BROKEN:
		return EXIT_OURS;
	case ENGINE_TIME:
		return EXIT_UNEXPECTED;
	case ENGINE_DONE:
		break;
	}
	report_count(&sum, rep);
	if (sum.by[VERDICT_ERROR] > 0)
		return EXIT_OURS;
	if (sum.by[VERDICT_CRASH] > 0)
		return EXIT_PEER;
	if (sum.unexpected > 0)
		return EXIT_UNEXPECTED;
	if (sum.by[VERDICT_SKIP] == rep->num_cases) {
		fputs("derpspec: nothing was judged: every selected case was "
		      "skipped\n",
		      stderr);
		return EXIT_USAGE;
	}
	return EXIT_GOOD;
}

static int run_and_report(struct run *r)
{
	struct report rep = { .version = cli_version(),
			      .target = r->target,
			      .seed = r->o.seed,
			      .again = r->again,
			      .spec = &r->suite.spec,
			      .cases = r->cases,
			      .num_cases = r->choice.num,
			      .num_safe = r->choice.num_safe,
			      .num_slow = r->choice.num_slow,
			      .rounds = r->o.rounds };
	uint64_t begin = now_ms();
	int code, written;

	catch_signals();
	r->progress = isatty(STDERR_FILENO) && r->o.verbose == 0;
	run_rounds(r);
	rep.ms = (uint32_t)(now_ms() - begin);
	rep.complete = r->end == ENGINE_DONE;
	if (r->end == ENGINE_STOPPED)
		snprintf(r->why, sizeof(r->why), "interrupted");
	rep.end = rep.complete ? NULL : r->why;
	judge(r);
	if (r->end != ENGINE_UNREACHABLE)
		report_text(r, &rep);
	tell_end(r);
	code = exit_code(r, &rep);
	written = write_reports(r, &rep);
	return written != 0 && code <= EXIT_UNEXPECTED ? written : code;
}

static void release(struct run *r)
{
	reports_drop(&r->reports);
	cli_keys_free(r->keys);
	for (size_t i = 0; r->cases != NULL && i < r->choice.num; i++) {
		result_clear(&r->worst[i]);
		result_clear(&r->now[i]);
	}
	free(r->items);
	free(r->worst);
	free(r->now);
	free(r->cases);
	free(r->choice.index);
	baseline_free(&r->baseline);
	suite_close(&r->suite);
	sodium_memzero(r->o.mesh_key, sizeof(r->o.mesh_key));
	cli_options_free(&r->o);
	free(r);
}

int cli_run(const struct cli_command *me, int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));
	int code;

	if (r == NULL) {
		fputs("derpspec: out of memory\n", stderr);
		return EXIT_OURS;
	}
	code = cli_options_read(&r->o, me, CLI_FOR_RUN, argc, argv);
	if (code >= 0) {
		free(r);
		return code;
	}
	code = suite_open(&r->suite, r->o.suite);
	if (code == 0)
		code = prepare(r);
	if (code == 0)
		code = cli_tls_open(&r->o);
	if (code == 0)
		code = run_and_report(r);
	cli_tls_close();
	release(r);
	return code;
}
