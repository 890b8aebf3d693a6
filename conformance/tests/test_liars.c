/*
 * test_liars.c - the engine against servers that lie: each lie gives exactly
 * its verdict, and what only looks like a lie gives PASS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "engine.h"
#include "liar.h"

#define HEAD(id) "case t." id "\nreq X\ntitle t\n"
#define LIE HEAD("lie") "A: login\nA> ping \"LIELIELI\"\n"
/* Keeps the run going for half a second. */
#define LONG HEAD("long") "B: login\nwait 500ms\nfence B\n"
#define ITEMS_MAX 40

/* ---- one run --------------------------------------------------------- */

struct one_run {
	struct scenario *s;
	struct engine_item items[ITEMS_MAX];
	struct result results[ITEMS_MAX];
	size_t n;
	struct engine_options o;
	struct engine_hooks hooks;
	char port[10], why[300];
	enum engine_end end;
};

static void prepare(struct one_run *r, const char *text, int port)
{
	memset(r, 0, sizeof(*r));
	r->s = scenario_new();
	assert_non_null(r->s);
	if (scenario_parse(r->s, "x.derp", text, strlen(text)) != 0)
		scenario_error_print(stderr, &r->s->errors[0]);
	assert_int_equal(r->s->num_errors, 0);
	r->n = r->s->num_instances;
	assert_true(r->n <= ITEMS_MAX);
	for (size_t i = 0; i < r->n; i++)
		r->items[i].what = &r->s->instances[i];
	snprintf(r->port, sizeof(r->port), "%d", port);
	r->o.host = "127.0.0.1";
	r->o.port = r->port;
	r->o.timeout_ms = 400;
	r->o.seed = 1;
}

static void run(struct one_run *r)
{
	r->end = engine_run(r->results, r->why, sizeof(r->why), &r->o, r->items,
			    r->n, &r->hooks);
}

static void clear(struct one_run *r)
{
	for (size_t i = 0; i < r->n; i++)
		result_clear(&r->results[i]);
	scenario_free(r->s);
}

/* ---- lies ------------------------------------------------------------ */

struct row {
	const char *name;
	enum lie lie;
	const char *text; /* the first case is the one that is judged */
	enum verdict verdict;
	const char *reason; /* a part of it */
	uint32_t line;      /* of the step that failed */
	bool late;
};

static struct row rows[] = {
	{ "honest", HONEST, LIE "A< pong \"LIELIELI\"\nA< open\n", VERDICT_PASS,
	  "", 0, false },
	{ "pong-overtakes-packet", PONG_OVERTAKES,
	  HEAD("lie") "A: login\nA> send dst=$A.key \"x\"\n"
		      "A> ping \"LIELIELI\"\nA< recv \"x\"\nA< pong\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-overtakes-packet/asked-first", PONG_OVERTAKES,
	  HEAD("lie") "A: login\nA> send dst=$A.key \"x\"\n"
		      "A> ping \"LIELIELI\"\nA< pong\nA< recv \"x\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-twice", PONG_TWICE,
	  LIE "A< pong \"LIELIELI\"\nA> ping \"23456789\"\n"
	      "A< pong \"23456789\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-wrong", PONG_WRONG, LIE "A< pong \"LIELIELI\"\n", VERDICT_FAIL,
	  "its data is \"another!\", not \"LIELIELI\"", 6, false },
	{ "pong-never", PONG_NEVER, LIE "A< pong\n", VERDICT_FAIL,
	  "got nothing in 400 ms", 6, false },
	{ "pong-never/within", PONG_NEVER, LIE "A< pong within 70ms\n",
	  VERDICT_FAIL, "got nothing in 70 ms", 6, false },
	{ "pong-late/in-time", PONG_LATE, LIE "A< pong\n", VERDICT_PASS, "", 0,
	  false },
	{ "pong-late/not-within", PONG_LATE, LIE "A< pong within 60ms\n",
	  VERDICT_FAIL, "got nothing in 60 ms", 6, false },
	{ "pong-late/after", PONG_LATE, LIE "A< pong after 100ms\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-early/after", HONEST, LIE "A< pong after 100ms\n", VERDICT_FAIL,
	  "it came after", 6, false },
	{ "noise/pong-unasked", NOISE, LIE "A< pong \"LIELIELI\"\n",
	  VERDICT_FAIL, "its data is \"unasked!\", not \"LIELIELI\"", 6,
	  false },
	{ "noise/named", NOISE,
	  LIE "A< health \"unwell\"\nA< keep-alive\n"
	      "A< raw type=0x77 \"future\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "noise/ignored-by-default", NOISE, LIE "fence A\n", VERDICT_PASS, "",
	  0, false },
	{ "noise/forbidden", NOISE, LIE "A! health\n", VERDICT_FAIL,
	  "what must not come", 6, false },
	{ "garbage", GARBAGE, LIE "A< pong\n", VERDICT_FAIL,
	  "neither HTTP nor DERP", 6, false },
	{ "garbage/is-no-close", GARBAGE, LIE "A< closed\n", VERDICT_FAIL,
	  "neither HTTP nor DERP", 6, false },
	{ "part-then-fin", PART_THEN_FIN, LIE "A< recv\n", VERDICT_FAIL,
	  "closed (FIN), inside of a frame", 6, false },
	{ "part-then-fin/is-a-close", PART_THEN_FIN, LIE "A< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "fin", HONEST, HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "rst-for-fin", RST_FOR_FIN,
	  HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n", VERDICT_PASS,
	  "", 0, false },
	{ "stays-open", STAYS_OPEN,
	  HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n", VERDICT_FAIL,
	  "expected closed; got nothing in 400 ms", 6, false },
	{ "closes-instead-of-skipping", CLOSES_UNKNOWN,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nfence A\n",
	  VERDICT_FAIL, "closed (FIN)", 6, false },
	{ "closes-instead-of-skipping/open", CLOSES_UNKNOWN,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nA< open\n",
	  VERDICT_FAIL, "closed (FIN)", 6, false },
	{ "closes-instead-of-skipping/either", CLOSES_UNKNOWN,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nA< open or closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "skips/either", HONEST,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nA< open or closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "closes-idle", CLOSES_IDLE, LIE "A< pong\nwait 100ms\n", VERDICT_FAIL,
	  "the server ended A: closed (FIN)", 7, false },
	{ "closes-idle/named", CLOSES_IDLE, LIE "A< pong\nA< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "closes-idle/forbidden-late", CLOSES_IDLE,
	  HEAD("lie") "A: login\nA! closed\nA> ping \"LIELIELI\"\n"
		      "A< pong\nsettle 1ms\n" LONG,
	  VERDICT_FAIL, "A got what must not come", 5, true },
	{ "notice-late", NOTICE_LATE,
	  HEAD("lie") "A: login\nA> send dst=zero*32 \"x\"\n"
		      "A! peer-gone\n" LONG,
	  VERDICT_FAIL, "A got what must not come", 6, true },
	{ "notice-late/waited-for", NOTICE_LATE,
	  HEAD("lie") "A: login\nA> send dst=zero*32 \"x\"\n"
		      "A! peer-gone\nsettle 300ms\n",
	  VERDICT_FAIL, "A got what must not come", 6, false },
	{ "notice-late/other-reason", NOTICE_LATE,
	  HEAD("lie") "A: login\nA> send dst=zero*32 \"x\"\n"
		      "A! peer-gone reason=0\n" LONG,
	  VERDICT_PASS, "", 0, false },
	{ "notice-late/not-named", NOTICE_LATE,
	  HEAD("lie") "A: login\nA> send dst=zero*32 \"x\"\n"
		      "A! recv\n" LONG,
	  VERDICT_PASS, "", 0, false },
	{ "notice-late/lifted", NOTICE_LATE,
	  HEAD("lie") "A: login\nA> send dst=zero*32 \"x\"\n"
		      "A! peer-gone\nsettle\nA< peer-gone reason=1\n" LONG,
	  VERDICT_PASS, "", 0, false },
	{ "packet-late", PACKET_LATE, LIE "A< pong\n" LONG, VERDICT_FAIL,
	  "A got a packet after the case had ended", 0, true },
	{ "packet-late/ignored", PACKET_LATE,
	  LIE "A< pong\nA: ignore recv\n" LONG, VERDICT_PASS, "", 0, false },
	{ "packet-unasked", PACKET_UNASKED, LIE "A< pong\n", VERDICT_FAIL,
	  "A got a packet that nothing expects", 0, false },
	{ "packet-unasked/before-another", PACKET_UNASKED,
	  LIE "A< pong\nA> send dst=$A.key \"x\"\nA< recv \"x\"\n",
	  VERDICT_FAIL, "its data is \"unasked\", not \"x\"", 8, false },
	{ "packet-unasked/of-another-source", PACKET_UNASKED,
	  LIE "A< pong\nA> send dst=$A.key \"x\"\n"
	      "A< recv src=$A.key \"x\"\n",
	  VERDICT_FAIL, "nothing expects", 0, false },
	{ "packet-unasked/ignored", PACKET_UNASKED,
	  LIE "A< pong\nA: ignore recv\nA> send dst=$A.key \"x\"\n"
	      "A< recv \"x\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "swaps-packets", SWAPS_PACKETS,
	  HEAD("lie") "A: login\nA> send dst=$A.key \"1\"\n"
		      "A> send dst=$A.key \"2\"\nA< recv src=$A.key \"1\"\n"
		      "A< recv \"2\"\n",
	  VERDICT_FAIL, "its data is \"2\", not \"1\"", 7, false },
	{ "swaps-packets/of-two-classes", SWAPS_PACKETS,
	  HEAD("lie") "A: login\nA> send dst=$A.key \"1\"\n"
		      "A> send dst=$A.key disco*70\n"
		      "A< recv src=$A.key \"1\"\n"
		      "A< recv src=$A.key disco*70\n",
	  VERDICT_PASS, "", 0, false },
	{ "asks-first", ASKS_FIRST, LIE "A< pong \"LIELIELI\"\n", VERDICT_PASS,
	  "", 0, false },
	{ "asks-first/by-hand", ASKS_FIRST,
	  LIE "A< ping ?Q\nA> pong $Q\nA< pong \"LIELIELI\"\n", VERDICT_PASS,
	  "", 0, false },
	{ "asks-first/not-answered", ASKS_FIRST,
	  LIE "A< ping \"question\"\nA< pong\n", VERDICT_FAIL, "nothing", 7,
	  false },
	{ "refuses", REFUSES, HEAD("lie") "A: login\nA< open\n", VERDICT_FAIL,
	  "expected http status=101; got http status=426", 4, false },
	{ "refuses/expected", REFUSES,
	  HEAD("lie") "A: connect\nA> http\n"
		      "A< http status=426 body=\"no\" no-header=Upgrade\n",
	  VERDICT_PASS, "", 0, false },
	{ "other-key", OTHER_KEY, HEAD("lie") "A: login\nA< open\n",
	  VERDICT_FAIL, "its box does not open", 4, false },
	{ "time", PONG_NEVER,
	  HEAD("lie") "time 200ms\nA: login\nrepeat 100000\nfence A\nend\n",
	  VERDICT_FAIL, "the case was not done in 200 ms", 7, false },
	{ "not-named", HONEST, HEAD("lie") "A: login\ncall nobody\n",
	  VERDICT_ERROR, "there is no function 'nobody'", 5, false },
	{ "below-zero", HONEST,
	  HEAD("lie") "A: login\nrepeat 2\nA> ping zero*(8-$i-8)\nend\n"
		      "A< open\n",
	  VERDICT_ERROR, "the number is below 0", 6, false },
	{ "no-round", HONEST,
	  HEAD("lie") "repeat 0\nA: login\nend\nA: close\nA! recv\n",
	  VERDICT_ERROR, "the connection is not open", 7, false },
	{ "slice", HONEST,
	  HEAD("lie") "A: login\nA> ping \"12345678\"[2:9]\nA< open\n",
	  VERDICT_ERROR, "[from:to] is outside of the value", 5, false },
};

static void gives_exactly_its_verdict(void **state)
{
	const struct row *row = *state;
	struct liar liar = liar_start(row->lie, 0);
	const struct result *got;
	struct one_run r;

	assert_true(liar.pid > 0);
	prepare(&r, row->text, liar.port);
	run(&r);
	got = &r.results[0];
	if (got->verdict != row->verdict || !strstr(got->reason, row->reason))
		print_error("%s: %s\n", verdict_name(got->verdict),
			    got->reason);
	assert_string_equal(verdict_name(got->verdict),
			    verdict_name(row->verdict));
	assert_non_null(strstr(got->reason, row->reason));
	assert_int_equal(got->at.line, row->line);
	assert_int_equal(got->late, row->late);
	assert_int_equal(got->trace != NULL, row->verdict != VERDICT_PASS);
	for (size_t i = 1; i < r.n; i++)
		assert_int_equal(r.results[i].verdict, VERDICT_PASS);
	assert_int_equal(r.end, ENGINE_DONE);
	clear(&r);
	liar_stop(&liar);
}

/* ---- the whole run --------------------------------------------------- */

static void run_with(struct one_run *r, const char *text, enum lie lie)
{
	struct liar liar = liar_start(lie, 0);

	assert_true(liar.pid > 0);
	prepare(r, text, liar.port);
	run(r);
	liar_stop(&liar);
}

static void a_refused_connection_skips_all(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct one_run r;

	(void)state;
	liar_stop(&liar);
	prepare(&r, LIE "A< open\n" LONG, liar.port);
	run(&r);
	assert_int_equal(r.end, ENGINE_UNREACHABLE);
	assert_non_null(strstr(r.why, "cannot log in to 127.0.0.1:"));
	assert_non_null(strstr(r.why, "Connection refused"));
	assert_int_equal(r.results[0].verdict, VERDICT_SKIP);
	assert_int_equal(r.results[1].verdict, VERDICT_SKIP);
	clear(&r);
}

static void an_unknown_host_skips_all(void **state)
{
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< open\n", 1);
	r.o.host = "no-such-host.invalid";
	run(&r);
	assert_int_equal(r.end, ENGINE_UNREACHABLE);
	assert_non_null(strstr(r.why, "cannot find no-such-host.invalid:1"));
	assert_int_equal(r.results[0].verdict, VERDICT_SKIP);
	clear(&r);
}

static void a_server_that_is_no_derp_server_is_unreachable(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r, LIE "A< open\n", NOT_HTTP);
	assert_int_equal(r.end, ENGINE_UNREACHABLE);
	assert_non_null(strstr(r.why, "neither HTTP nor DERP"));
	clear(&r);
}

static void a_silent_server_is_unreachable(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r, LIE "A< open\n", SILENT);
	assert_int_equal(r.end, ENGINE_UNREACHABLE);
	assert_non_null(strstr(r.why, "nothing in 400 ms"));
	clear(&r);
}

static void a_crash_is_told_from_a_failure(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r,
		 LIE "A< pong\n" LONG HEAD("alone") "exclusive\nC: login\n"
						    "C< open\n",
		 CRASHES);
	assert_int_equal(r.end, ENGINE_GONE);
	assert_non_null(strstr(r.why, "stopped answering"));
	assert_int_equal(r.results[0].verdict, VERDICT_CRASH);
	assert_true(r.results[1].verdict == VERDICT_CRASH ||
		    r.results[1].verdict == VERDICT_INCONC);
	assert_int_equal(r.results[2].verdict, VERDICT_INCONC);
	assert_non_null(strstr(r.results[2].reason, "not run"));
	clear(&r);
}

static void a_hostile_case_that_passes_is_checked_too(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r,
		 HEAD("lie") "tags @hostile\nA: login\n"
			     "A> ping \"LIELIELI\"\nA< closed\n",
		 CRASHES);
	assert_int_equal(r.results[0].verdict, VERDICT_CRASH);
	assert_int_equal(r.end, ENGINE_GONE);
	clear(&r);
}

static void a_crash_in_the_last_moment_is_seen(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r, HEAD("lie") "A: login\nA> ping \"LIELIELI\"\nA< closed\n",
		 CRASHES);
	assert_int_equal(r.end, ENGINE_GONE);
	clear(&r);
}

static struct liar revived;

static int revive(void *ctx)
{
	int port = *(int *)ctx;

	liar_stop(&revived);
	revived = liar_start(CRASHES, port);
	return revived.pid > 0 ? 0 : -1;
}

static void the_culprit_of_a_crash_is_named(void **state)
{
	static const char text[] = LONG LIE
		"A< pong\n" HEAD("other") "B: login\nwait 20ms\nB< open\n";
	struct one_run r;
	int port;

	(void)state;
	revived = liar_start(CRASHES, 0);
	port = revived.port;
	prepare(&r, text, port);
	r.hooks.ctx = &port;
	r.hooks.revive = revive;
	run(&r);
	assert_int_equal(r.results[0].verdict, VERDICT_PASS);
	assert_int_equal(r.results[1].verdict, VERDICT_CRASH);
	assert_int_equal(r.results[2].verdict, VERDICT_PASS);
	assert_int_equal(r.end, ENGINE_GONE);
	clear(&r);
	liar_stop(&revived);
}

static void a_baseline_turns_verdicts_around(void **state)
{
	struct liar liar = liar_start(PONG_NEVER, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< pong\n" LONG HEAD("skip") "C: login\nC< open\n",
		liar.port);
	r.items[0].xfail = "known";
	r.items[1].xfail = "known too";
	r.items[2].skip = "not today";
	run(&r);
	assert_int_equal(r.results[0].verdict, VERDICT_XFAIL);
	assert_int_equal(r.results[1].verdict, VERDICT_XPASS);
	assert_non_null(strstr(r.results[1].reason, "known too"));
	assert_int_equal(r.results[2].verdict, VERDICT_SKIP);
	assert_string_equal(r.results[2].reason, "not today");
	clear(&r);
	liar_stop(&liar);
}

static void a_case_without_its_needs_is_skipped(void **state)
{
	struct one_run r;

	(void)state;
	run_with(&r, HEAD("mesh") "needs mesh\nA: login mesh=yes\nA< open\n",
		 HONEST);
	assert_int_equal(r.results[0].verdict, VERDICT_SKIP);
	assert_non_null(strstr(r.results[0].reason, "--mesh-key"));
	clear(&r);
}

static void too_few_client_keys_skip_a_case(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct engine_key key = { { 3 }, { 0 } };
	struct one_run r;

	(void)state;
	derp_public_key(key.pub, key.priv);
	prepare(&r,
		HEAD("two") "A: login; B: login\nA< open\n" HEAD(
			"one") "A: login\nA> send dst=$A.key \"x\"\n"
			       "A< recv src=$A.key\nC: login as=A\nC< open\n",
		liar.port);
	r.o.keys = &key;
	r.o.num_keys = 1;
	r.o.keep_trace = true;
	run(&r);
	assert_int_equal(r.results[0].verdict, VERDICT_SKIP);
	assert_string_equal(r.results[0].reason,
			    "needs 2 client keys, there are 1");
	assert_int_equal(r.results[1].verdict, VERDICT_PASS);
	clear(&r);
	liar_stop(&liar);
}

/* ---- time and interruption ------------------------------------------- */

static void starve(void *ctx, const struct scenario_instance *what,
		   const struct trace_entry *e)
{
	(void)ctx;
	(void)what;
	if (strstr(e->text, "LIELIELI"))
		liar_wait(600);
}

static void a_starved_engine_does_not_judge(void **state)
{
	struct liar liar = liar_start(PONG_NEVER, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< pong\n", liar.port);
	r.hooks.frame = starve;
	/* The pause falls into the step that waits. */
	r.o.timeout_ms = 700;
	run(&r);
	assert_true(r.results[0].verdict == VERDICT_INCONC ||
		    r.results[0].verdict == VERDICT_FAIL);
	clear(&r);
	liar_stop(&liar);
}

static void starve_late(void *ctx, const struct scenario_instance *what,
			const struct trace_entry *e)
{
	(void)ctx;
	(void)what;
	if (e->dir == '<' && strstr(e->text, "keep-alive"))
		liar_wait(600);
}

static void a_starved_wait_is_inconclusive(void **state)
{
	struct liar liar = liar_start(NOISE, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< raw type=0x60\n", liar.port);
	r.hooks.frame = starve_late;
	r.o.timeout_ms = 700;
	run(&r);
	assert_string_equal(verdict_name(r.results[0].verdict), "INCONC");
	assert_non_null(strstr(r.results[0].reason, "too busy to judge"));
	clear(&r);
	liar_stop(&liar);
}

static void what_came_in_time_is_seen_however_late_we_look(void **state)
{
	struct liar liar = liar_start(NOISE, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< health within 300ms\nfence A\n", liar.port);
	r.hooks.frame = starve_late;
	run(&r);
	assert_int_equal(r.results[0].verdict, VERDICT_PASS);
	clear(&r);
	liar_stop(&liar);
}

static void stop_at_long(void *ctx, const struct result *result)
{
	(void)ctx;
	if (strcmp(result->what->name, "t.lie") == 0)
		engine_stop();
}

static void an_interrupted_run_keeps_what_it_has(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct one_run r;

	(void)state;
	prepare(&r,
		LIE "A< pong\n" LONG HEAD("alone") "exclusive\nC: login\n"
						   "C< open\n",
		liar.port);
	r.hooks.done = stop_at_long;
	run(&r);
	assert_int_equal(r.end, ENGINE_STOPPED);
	assert_int_equal(r.results[0].verdict, VERDICT_PASS);
	assert_int_equal(r.results[1].verdict, VERDICT_INCONC);
	assert_int_equal(r.results[2].verdict, VERDICT_SKIP);
	clear(&r);
	liar_stop(&liar);
}

static void a_run_ends_with_its_time(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< pong\n" LONG, liar.port);
	r.o.total_ms = 250;
	run(&r);
	assert_int_equal(r.end, ENGINE_TIME);
	assert_int_equal(r.results[0].verdict, VERDICT_PASS);
	assert_int_equal(r.results[1].verdict, VERDICT_INCONC);
	clear(&r);
	liar_stop(&liar);
}

/* ---- side by side, alone, again -------------------------------------- */

struct order {
	int running, most, alone_with;
};

static void count_start(void *ctx, const struct scenario_instance *what)
{
	struct order *o = ctx;

	o->running++;
	if (o->running > o->most)
		o->most = o->running;
	if (what->of->exclusive)
		o->alone_with += o->running - 1;
}

static void count_done(void *ctx, const struct result *r)
{
	struct order *o = ctx;

	(void)r;
	o->running--;
}

static const char many[] = HEAD(
	"alone") "exclusive\nA: login\nwait 20ms\n"
		 "fence A\n" HEAD(
			 "many") "for N in 1 2 3 4 5 6 7 8\nA: login\nwait 40ms\nfence A\n";

static void cases_run_side_by_side_and_exclusive_ones_alone(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct order order = { 0 };
	struct one_run r;

	(void)state;
	prepare(&r, many, liar.port);
	r.o.jobs = 3;
	r.hooks = (struct engine_hooks){ .ctx = &order,
					 .started = count_start,
					 .done = count_done };
	run(&r);
	assert_int_equal(order.most, 3);
	assert_int_equal(order.alone_with, 0);
	assert_int_equal(order.running, 0);
	for (size_t i = 0; i < r.n; i++)
		assert_int_equal(r.results[i].verdict, VERDICT_PASS);
	clear(&r);
	liar_stop(&liar);
}

/* The bytes that a case sends depend on the seed and on nothing else. */
static void sent(struct one_run *r, uint64_t seed, char *out, size_t cap)
{
	struct liar liar = liar_start(HONEST, 0);

	prepare(r,
		HEAD("seed") "A: login\nA> ping random*8\nA< pong ?P\n"
			     "A> ping random*8\nA< pong ?P\n",
		liar.port);
	r->o.seed = seed;
	r->o.keep_trace = true;
	run(r);
	assert_int_equal(r->results[0].verdict, VERDICT_PASS);
	out[0] = '\0';
	for (size_t i = 0; i < r->results[0].num_trace; i++)
		if (strncmp(r->results[0].trace[i].text, "ping", 4) == 0)
			snprintf(out + strlen(out), cap - strlen(out), "%s\n",
				 r->results[0].trace[i].text);
	clear(r);
	liar_stop(&liar);
}

static void a_seed_repeats_a_run(void **state)
{
	char one[400], again[400], other[400];
	struct one_run r;

	(void)state;
	sent(&r, 1, one, sizeof(one));
	sent(&r, 1, again, sizeof(again));
	sent(&r, 2, other, sizeof(other));
	assert_true(strlen(one) > 20);
	assert_string_equal(one, again);
	assert_string_not_equal(one, other);
}

static void cutting_changes_no_verdict(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< pong \"LIELIELI\"\nA< open\n", liar.port);
	r.o.cut = 1;
	r.o.dribble_ms = 1;
	run(&r);
	assert_int_equal(r.results[0].verdict, VERDICT_PASS);
	assert_true(r.results[0].ms >= 100);
	clear(&r);
	liar_stop(&liar);
}

int main(void)
{
	static struct CMUnitTest all[120];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_refused_connection_skips_all),
		cmocka_unit_test(an_unknown_host_skips_all),
		cmocka_unit_test(
			a_server_that_is_no_derp_server_is_unreachable),
		cmocka_unit_test(a_silent_server_is_unreachable),
		cmocka_unit_test(a_crash_is_told_from_a_failure),
		cmocka_unit_test(a_hostile_case_that_passes_is_checked_too),
		cmocka_unit_test(a_crash_in_the_last_moment_is_seen),
		cmocka_unit_test(the_culprit_of_a_crash_is_named),
		cmocka_unit_test(a_baseline_turns_verdicts_around),
		cmocka_unit_test(a_case_without_its_needs_is_skipped),
		cmocka_unit_test(too_few_client_keys_skip_a_case),
		cmocka_unit_test(a_starved_engine_does_not_judge),
		cmocka_unit_test(a_starved_wait_is_inconclusive),
		cmocka_unit_test(
			what_came_in_time_is_seen_however_late_we_look),
		cmocka_unit_test(an_interrupted_run_keeps_what_it_has),
		cmocka_unit_test(a_run_ends_with_its_time),
		cmocka_unit_test(
			cases_run_side_by_side_and_exclusive_ones_alone),
		cmocka_unit_test(a_seed_repeats_a_run),
		cmocka_unit_test(cutting_changes_no_verdict),
	};
	size_t n = 0;

	if (sodium_init() < 0)
		return 5;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		all[n].name = rows[i].name;
		all[n].test_func = gives_exactly_its_verdict;
		all[n++].initial_state = &rows[i];
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		all[n++] = others[i];
	return _cmocka_run_group_tests("liars", all, n, NULL, NULL);
}
