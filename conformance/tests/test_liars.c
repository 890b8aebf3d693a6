/*
 * test_liars.c - the engine against servers that lie: each lie gives exactly
 * its verdict, and what only looks like a lie gives PASS.
 */
#include "one_run.h"

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
	  "got nothing in 600 ms", 6, false },
	{ "pong-never/within", PONG_NEVER, LIE "A< pong within 300ms\n",
	  VERDICT_FAIL, "got nothing in 300 ms", 6, false },
	{ "pong-late/in-time", PONG_LATE, LIE "A< pong within 3s\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-late/not-within", PONG_LATE, LIE "A< pong within 300ms\n",
	  VERDICT_FAIL, "got nothing in 300 ms", 6, false },
	{ "pong-late/after", PONG_LATE, LIE "A< pong after 200ms\n",
	  VERDICT_PASS, "", 0, false },
	{ "pong-early/after", HONEST, LIE "A< pong after 200ms\n", VERDICT_FAIL,
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
	{ "noise/of-strangers", NOISE, LIE "fence A\nA! peer-present\n",
	  VERDICT_FAIL, "no peer-present", 7, false },
	{ "noise/of-strangers-to-a-watcher", NOISE,
	  HEAD("lie") "A: login\nA> watch\nA! peer-present\nA! peer-gone\n"
		      "A> ping \"LIELIELI\"\nfence A\n",
	  VERDICT_PASS, "", 0, false },
	{ "fence-counts-where-packets-do-not", HONEST,
	  HEAD("lie") "A: login; A: ignore recv\n"
		      "A> send dst=$A.key \"x\"\nfence A A\n",
	  VERDICT_PASS, "", 0, false },
	{ "fence-is-no-packet", HONEST,
	  HEAD("lie") "A: login\nA! recv\nfence A A\nA! pong\nfence A\n"
		      "fence A A disco\n",
	  VERDICT_PASS, "", 0, false },
	{ "garbage", GARBAGE, LIE "A< pong\n", VERDICT_FAIL,
	  "neither HTTP nor DERP", 6, false },
	{ "garbage/is-no-close", GARBAGE, LIE "A< closed\n", VERDICT_FAIL,
	  "neither HTTP nor DERP", 6, false },
	{ "part-then-fin", PART_THEN_FIN, LIE "A< recv\n", VERDICT_FAIL,
	  "closed (FIN), inside of a frame", 6, false },
	{ "part-then-fin/is-a-close", PART_THEN_FIN, LIE "A< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "hold-and-flush", HONEST,
	  HEAD("lie") "A: login; A: hold\nA> ping \"23456789\"\nA! pong\n"
		      "settle 100ms\nA: flush\nA< pong \"23456789\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "shutdown", HONEST, HEAD("lie") "A: login; A: shutdown\nA< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "close-and-come-back", HONEST,
	  HEAD("lie") "repeat 3\nA: login\nA: close\nA: login\nA: reset\n"
		      "end\nA: login\nA< open\n",
	  VERDICT_PASS, "", 0, false },
	{ "fin", HONEST, HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n",
	  VERDICT_PASS, "", 0, false },
	{ "rst-for-fin", RST_FOR_FIN,
	  HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n", VERDICT_PASS,
	  "", 0, false },
	{ "stays-open", STAYS_OPEN,
	  HEAD("lie") "A: login\nA> ping len=1001\nA< closed\n", VERDICT_FAIL,
	  "expected closed; got nothing in 600 ms", 6, false },
	{ "closes-instead-of-skipping", CLOSES_UNKNOWN,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nfence A\n",
	  VERDICT_FAIL, "got closed (", 6, false },
	{ "closes-instead-of-skipping/open", CLOSES_UNKNOWN,
	  HEAD("lie") "A: login\nA> raw type=0x77 \"x\"\nA< open\n",
	  VERDICT_FAIL, "got closed (", 6, false },
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
		      "A! peer-gone\nsettle 700ms\n",
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
	{ "refuses/header-missing", REFUSES,
	  HEAD("lie") "A: connect\nA> http\nA< http header=\"X: 1\"\n",
	  VERDICT_FAIL, "it has no line 'X: 1'", 6, false },
	{ "refuses/header-differs", REFUSES,
	  HEAD("lie") "A: connect\nA> http\n"
		      "A< http header=\"Content-Length: 3\"\n",
	  VERDICT_FAIL, "it has no line", 6, false },
	{ "refuses/header-is-there", REFUSES,
	  HEAD("lie") "A: connect\nA> http\n"
		      "A< http no-header=\"content-length\"\n",
	  VERDICT_FAIL, "it has the line 'content-length'", 6, false },
	{ "refuses/header-any-value", REFUSES,
	  HEAD("lie") "A: connect\nA> http\n"
		      "A< http header=content-length "
		      "header=\"content-length:  2\"\n",
	  VERDICT_PASS, "", 0, false },
	{ "refuses/body-differs", REFUSES,
	  HEAD("lie") "A: connect\nA> http\nA< http body=\"no!\"\n",
	  VERDICT_FAIL, "body is \"no\", not \"no!\"", 6, false },
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

/* INCONC says that this machine is too busy: ask again. */
static void run_row(struct one_run *r, const struct row *row)
{
	struct liar liar;

	for (int tries = 0;; tries++) {
		liar = liar_start(row->lie, 0);
		assert_true(liar.pid > 0);
		prepare(r, row->text, liar.port);
		run(r);
		liar_stop(&liar);
		if (r->results[0].verdict != VERDICT_INCONC || tries == 3)
			return;
		clear(r);
	}
}

static void gives_exactly_its_verdict(void **state)
{
	const struct row *row = *state;
	const struct result *got;
	struct one_run r;

	run_row(&r, row);
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
}

int main(void)
{
	static struct CMUnitTest all[sizeof(rows) / sizeof(rows[0])];
	size_t n = 0;

	if (sodium_init() < 0)
		return 5;
	for (; n < sizeof(rows) / sizeof(rows[0]); n++) {
		all[n].name = rows[n].name;
		all[n].test_func = gives_exactly_its_verdict;
		all[n].initial_state = &rows[n];
	}
	return _cmocka_run_group_tests("liars", all, n, NULL, NULL);
}
