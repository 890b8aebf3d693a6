/*
 * test_engine.c - whole runs of the engine: servers that are not there or
 * crash, time, interruption, order, seeds.
 */
#include "one_run.h"

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
	assert_non_null(strstr(r.why, "nothing in 600 ms"));
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

static void starve_late(void *ctx, const struct scenario_instance *what,
			const struct trace_entry *e)
{
	(void)ctx;
	(void)what;
	if (e->dir == '<' && strstr(e->text, "keep-alive"))
		liar_wait(600);
}

static void lost_time_is_given_back(void **state)
{
	struct liar liar = liar_start(NOISE, 0);
	struct one_run r;

	(void)state;
	prepare(&r, LIE "A< raw type=0x60\n", liar.port);
	r.hooks.frame = starve_late;
	r.o.timeout_ms = 700;
	run(&r);
	/* The server had its 700 ms in full, and did not use them. */
	assert_string_equal(verdict_name(r.results[0].verdict), "FAIL");
	assert_in_range(r.results[0].ms, 1100, 10000);
	clear(&r);
	liar_stop(&liar);
}

static void starve_often(void *ctx, const struct scenario_instance *what,
			 const struct trace_entry *e)
{
	(void)ctx;
	(void)what;
	if (e->dir == '<' && strstr(e->text, "WAKEWAKE"))
		liar_wait(600);
}

static void a_starved_wait_is_inconclusive(void **state)
{
	struct liar liar = liar_start(HONEST, 0);
	struct one_run r;

	(void)state;
	prepare(&r,
		LIE "A< raw type=0x60\n" HEAD("other") "B: login\n"
						       "repeat 6\n"
						       "wait 10ms\n"
						       "B> ping \"WAKEWAKE\"\n"
						       "B< pong\n"
						       "end\n",
		liar.port);
	r.hooks.frame = starve_often;
	r.o.timeout_ms = 700;
	run(&r);
	assert_string_equal(verdict_name(r.results[0].verdict), "INCONC");
	assert_non_null(strstr(r.results[0].reason, "too busy to judge"));
	clear(&r);
	liar_stop(&liar);
}

static void starve_once(void *ctx, const struct scenario_instance *what,
			const struct trace_entry *e)
{
	(void)ctx;
	(void)what;
	if (e->dir == '<' && strstr(e->text, "WAKEWAKE"))
		liar_wait(700);
}

/* The pong comes at 600 ms and its deadline at 800, both while the engine
 * does not get to run. */
static void what_came_in_time_is_seen_however_late_we_look(void **state)
{
	struct liar liar = liar_start(PONG_LATE, 0);
	struct one_run r;

	(void)state;
	prepare(&r,
		LIE "A< pong within 800ms\n" HEAD(
			"other") "B: login\nwait 300ms\nB> ping \"WAKEWAKE\"\n"
				 "B< pong\n",
		liar.port);
	r.hooks.frame = starve_once;
	run(&r);
	assert_string_equal(verdict_name(r.results[0].verdict), "PASS");
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
	static const struct CMUnitTest all[] = {
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
		cmocka_unit_test(lost_time_is_given_back),
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

	if (sodium_init() < 0)
		return 5;
	return cmocka_run_group_tests_name("engine", all, NULL, NULL);
}
