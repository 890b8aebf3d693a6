/*
 * test_replay_match.c - answers that are equal, and all ways to differ.
 *
 * A row is a capture and what comes live, both as replay_script.h has them;
 * "-- 1" in the live one judges the next expected answer, as the player does
 * when it waited for it.  The result is text.
 */
#include "replay_script.h"

#include <sodium.h>

#define LOGINS                                                                 \
	"1 open | 1> info A | 1< sinfo | 2 open | 2> info B | 2< sinfo | "

struct row {
	const char *name, *capture, *live, *result;
};

static const struct row rows[] = {
	{ "an equal packet is equal", "1> send B x | 2< recv A x",
	  "2< recv A x", "1 equal\n" },
	{ "another text is different", "1> send B xay | 2< recv A xay",
	  "2< recv A xby",
	  "0 equal\ndifferent 3: RecvPacket src=client0 3 bytes \"xay\" / "
	  "RecvPacket src=client0 3 bytes \"xby\" at 1\n" },
	{ "a byte less is different", "1> send B xyz | 2< recv A xyz",
	  "2< recv A xy",
	  "0 equal\ndifferent 3: RecvPacket src=client0 3 bytes \"xyz\" / "
	  "RecvPacket src=client0 2 bytes \"xy\" at 2\n" },
	{ "another source is missing and unexpected",
	  "1> send B x | 2< recv A x", "2< recv B x",
	  "0 equal\nmissing 3: RecvPacket src=client0 1 byte \"x\" / -\n"
	  "unexpected 3: - / RecvPacket src=client1 1 byte \"x\"\n" },
	{ "a stranger is nobody of the capture", "1> send B x | 2< recv A x",
	  "2< recv Q x",
	  "0 equal\nmissing 3: RecvPacket src=client0 1 byte \"x\" / -\n"
	  "unexpected 3: - / RecvPacket src=stranger 1 byte \"x\"\n" },
	{ "the wrong connection is wrong", "1> send B x | 2< recv A x",
	  "1< recv A x",
	  "0 equal\nmissing 3: RecvPacket src=client0 1 byte \"x\" / -\n"
	  "unexpected 3: - / RecvPacket src=client0 1 byte \"x\"\n" },
	{ "nothing is missing", "1> send B x | 2< recv A x", "",
	  "0 equal\nmissing 3: RecvPacket src=client0 1 byte \"x\" / -\n" },
	{ "one that is lost costs one difference",
	  "1> send B x | 1> send B y | 1> send B z | 2< recv A x | 2< recv A y"
	  " | 2< recv A z",
	  "2< recv A x | 2< recv A z",
	  "2 equal\nmissing 6: RecvPacket src=client0 1 byte \"y\" / -\n" },
	{ "one too many costs one difference",
	  "1> send B x | 1> send B y | 2< recv A x | 2< recv A y",
	  "2< recv A x | 2< recv A x | 2< recv A y",
	  "2 equal\nunexpected 4: - / RecvPacket src=client0 1 byte \"x\"\n" },
	{ "two in the wrong order are told once",
	  "1> send B x | 1> send B y | 2< recv A x | 2< recv A y",
	  "2< recv A y | 2< recv A x",
	  "1 equal\norder 4: RecvPacket src=client0 1 byte \"x\" / "
	  "RecvPacket src=client0 1 byte \"x\"\n" },
	{ "sources have no order between them",
	  "1> send B x | 2> send B y | 2< recv A x | 2< recv B y",
	  "2< recv B y | 2< recv A x", "2 equal\n" },
	{ "classes have no order between them",
	  "1> send B x | 1> send B disco:y | 2< recv A x | 2< recv A disco:y",
	  "2< recv A disco:y | 2< recv A x", "2 equal\n" },
	{ "kinds have no order between them",
	  "1> send A x | 1> ping 1 | 1< recv A x | 1< pong 1",
	  "1< pong #0 | 1< recv A x", "2 equal\n" },
	{ "a late one is late", "1> send B x | 2< recv A x",
	  "-- 1 | 2< recv A x",
	  "0 equal\nlate 3: RecvPacket src=client0 1 byte \"x\" / "
	  "RecvPacket src=client0 1 byte \"x\"\n" },
	{ "notices are a set",
	  "1> send X disco:a | 1> send Y disco:b | 1< gone X 1 | 1< gone Y 1",
	  "1< gone Y 1 | 1< gone X 1", "2 equal\n" },
	{ "a set counts", "1> watch | 1< present B 1 | 1< present B 1",
	  "1< present B 1",
	  "1 equal\nmissing 4: PeerPresent peer=client1 flags=1 / -\n" },
	{ "another reason is different", "1> send X disco:a | 1< gone X 1",
	  "1< gone X 0",
	  "0 equal\ndifferent 3: PeerGone peer=unknown0 not-here / "
	  "PeerGone peer=unknown0 disconnected\n" },
	{ "no reason is different", "1> send X disco:a | 1< gone X 1",
	  "1< gone X",
	  "0 equal\ndifferent 3: PeerGone peer=unknown0 not-here / "
	  "PeerGone peer=unknown0 without a reason\n" },
	{ "other flags are different", "1> watch | 1< present B 1",
	  "1< present B 2",
	  "0 equal\ndifferent 3: PeerPresent peer=client1 flags=1 / "
	  "PeerPresent peer=client1 flags=2\n" },
	{ "a name counts where both tell one", "1> watch | 1< present B 1 one",
	  "1< present B 1 two",
	  "0 equal\ndifferent 3: PeerPresent peer=client1 flags=1 app \"one\""
	  " / PeerPresent peer=client1 flags=1 app \"two\"\n" },
	{ "versions that tell no name are equal",
	  "1> watch | 1< present B 1 one", "1< present B 1 -", "1 equal\n" },
	{ "a pong of ours is known by its number",
	  "1> ping 5 | 1< pong 5 | 1> ping 5 | 1< pong 5",
	  "1< pong #0 | -- 1 | 1< pong #1", "2 equal\n" },
	{ "a pong of another ping is different", "1> ping 5 | 1< pong 5",
	  "1< pong 5",
	  "0 equal\ndifferent 3: Pong ping0 / Pong 8 bytes \"00000005\"\n" },
	{ "a missing pong is missing", "1> ping 5 | 1< pong 5", "",
	  "0 equal\nmissing 3: Pong ping0 / -\n" },
	{ "a pong that comes twice is known of the reference",
	  "1> ping 5 | 1< pong 5", "1< pong #0 | 1< pong #0", "1 equal\n" },
	{ "an answer to what had none is unexpected", "1> ping 5", "1< pong #0",
	  "0 equal\nunexpected 3: - / Pong ping0\n" },
	{ "what servers send unasked is passed over", "1> ping 5 | 1< pong 5",
	  "1< raw 06 | 1< raw 14 sick | 1< raw 15 12345678 | 1< ping 3 | "
	  "1< pong #0",
	  "1 equal\n" },
	{ "an optional answer may come", "1< recv X x", "1< recv X x",
	  "0 equal\n" },
	{ "an optional answer may stay away", "1< recv X x", "", "0 equal\n" },
	{ "an optional answer may come once", "1< recv X x",
	  "1< recv X x | 1< recv X x",
	  "0 equal\nunexpected 2: - / RecvPacket src=unknown0 1 byte \"x\"\n" },
	{ "an optional answer may come late",
	  "1< recv X x | 1> ping 1 | 1< pong 1",
	  "-- 1 | 1< recv X x | 1< pong #0", "1 equal\n" },
	{ "an extra may come", "1> send X disco:a", "1< gone X 1",
	  "0 equal\n" },
	{ "an extra may come once", "1> send X disco:a",
	  "1< gone X 1 | 1< gone X 1",
	  "0 equal\nunexpected 3: - / PeerGone peer=unknown0 not-here\n" },
	{ "news of strangers go to those who watch", "1> watch",
	  "1< present Q 1 | 1< gone Q 0", "0 equal\n" },
	{ "and to nobody else", "1> ping 1", "1< gone Q 0",
	  "0 equal\nunexpected 3: - / PeerGone peer=stranger disconnected\n" },
	{ "a close that is due is equal", "1> raw 12 short | 1< fin", "1< fin",
	  "1 equal\n" },
	{ "a reset is a close", "1> raw 12 short | 1< rst", "1< fin",
	  "1 equal\n" },
	{ "a close that does not come is missing", "1> raw 12 short | 1< fin",
	  "", "0 equal\nmissing 3: closed / -\n" },
	{ "a close that nobody expects is unexpected", "1> ping 1", "1< fin",
	  "0 equal\nunexpected 3: - / closed\n" },
	{ "who is closed gets no answers",
	  "1> ping 1 | 1< pong 1 | 1> ping 2 | 1< pong 2", "1< fin",
	  "0 equal\nmissing 3: Pong ping0 / -\nunexpected 3: - / closed\n"
	  "missing 5: Pong ping1 / -\n" },
	{ "a hole takes as much as it lost", "1< gap 38 | 1> ping 1",
	  "1< recv A x", "0 equal\n" },
	{ "a hole takes no more than it lost", "1< gap 37 | 1> ping 1",
	  "1< recv A x",
	  "0 equal\nunexpected 4: - / RecvPacket src=client0 1 byte \"x\"\n" },
	{ "a cut frame is compared as far as it goes",
	  "1> send B x | 2< cut 05 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAabc",
	  "2< recv A abcdefghijklm", "1 equal\n" },
	{ "a cut frame has its length",
	  "1> send B x | 2< cut 05 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAabc",
	  "2< recv A abcdefghijkl",
	  "0 equal\ndifferent 3: RecvPacket src=client0 13 bytes \"abc\"... / "
	  "RecvPacket src=client0 12 bytes \"abcdefghijkl\" at 3\n" },
	{ "frames of no known type count", "1< raw 7f abc", "1< raw 7f abd",
	  "0 equal\ndifferent 2: type 0x7f 3 bytes \"abc\" / "
	  "type 0x7f 3 bytes \"abd\" at 2\n" },
	{ "an answer before its cause is another one",
	  "1> send B x | 2< recv A x | 1> fin | 2< gone A 0",
	  "2< recv A x | 2< gone A 0",
	  "1 equal\nunexpected 3: - / PeerGone peer=client0 disconnected\n"
	  "missing 5: PeerGone peer=client0 disconnected / -\n" },
	{ "an answer behind its cause is its answer",
	  "1> send B x | 2< recv A x | 1> fin | 2< gone A 0",
	  "2< recv A x | -- 1 | 2< gone A 0", "2 equal\n" },
	{ "what came before is forgotten on demand", "1> ping 1 | 1< pong 1",
	  "1< pong #0 | ++ 1", "0 equal\nmissing 3: Pong ping0 / -\n" },
};

struct live {
	struct replay_plan *plan;
	struct replay_match *match;
	uint32_t next; /* step */
};

static void to_next_answer(struct live *l)
{
	while (l->next < l->plan->num_steps &&
	       l->plan->steps[l->next].what != REPLAY_ANSWER)
		l->next++;
}

/* As the player does, but for the waiting. */
static void judge(struct live *l)
{
	to_next_answer(l);
	if (l->next == l->plan->num_steps)
		return;
	if (replay_match_try(l->match, l->next) != REPLAY_DECIDED)
		replay_match_give_up(l->match, l->next);
	l->next++;
	to_next_answer(l);
}

/* The frame is an exact heap block, gone after the call. */
static void got(struct live *l, uint32_t conn, const struct script_frame *f)
{
	struct derp_frame d = as_frame(f);
	uint8_t *body = malloc(f->have > 0 ? f->have : 1);

	assert_non_null(body);
	memcpy(body, f->body, f->have);
	d.body = body;
	replay_match_got(l->match, conn, &d, l->next);
	free(body);
}

static void live_line(void *ctx, const char *line)
{
	struct live *l = ctx;
	struct script_frame f;
	char who[8] = "", verb[16] = "", a[4][128] = { "" };

	assert_true(sscanf(line, "%7s %15s %127s %127s %127s", who, verb, a[0],
			   a[1], a[2]) >= 2);
	if (who[0] == '-')
		judge(l);
	else if (who[0] == '+')
		replay_match_forget(l->match);
	else if (make_frame(&f, verb, a))
		got(l, (uint32_t)(who[0] - '1'), &f);
	else
		replay_match_ended(l->match, (uint32_t)(who[0] - '1'), l->next);
}

static void dump(FILE *f, const struct replay_match *m)
{
	static const char *const kinds[] = { "missing",    "late",
					     "order",      "different",
					     "unexpected", "no login" };
	const struct replay_diff *d;

	fprintf(f, "%u equal\n", (unsigned)m->equal);
	assert_int_equal(m->different, m->num_diffs);
	for (uint32_t i = 0; i < m->num_diffs; i++) {
		d = &m->diffs[i];
		fprintf(f, "%s %u: %s / %s", kinds[d->kind], (unsigned)d->step,
			d->expected[0] ? d->expected : "-",
			d->actual[0] ? d->actual : "-");
		if (d->differs != REPLAY_NONE)
			fprintf(f, " at %u", (unsigned)d->differs);
		fputc('\n', f);
	}
}

static void begin(struct live *l, const char *capture)
{
	static const uint8_t tag[REPLAY_TAG_LEN] = { 't', 'a', 'g', '!' };
	char text[2048];

	snprintf(text, sizeof(text), LOGINS "%s", capture);
	memset(l, 0, sizeof(*l));
	l->plan = plan_of(text);
	l->match = replay_match_new(l->plan, &l->plan->keys, tag);
	assert_non_null(l->match);
	to_next_answer(l);
}

static void end(struct live *l)
{
	while (l->next < l->plan->num_steps)
		judge(l);
	replay_match_finish(l->match);
}

static void clear(struct live *l)
{
	replay_match_free(l->match);
	replay_plan_free(l->plan);
}

static void answers_are_compared(void **state)
{
	const struct row *row = *state;
	struct live l;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	begin(&l, row->capture);
	each_line(row->live, live_line, &l);
	end(&l);
	dump(f, l.match);
	fclose(f);
	assert_string_equal(text, row->result);
	free(text);
	clear(&l);
}

/* What waits for another frame is told from what waits for any. */
static void something_else_in_its_place_is_soon(void **state)
{
	struct live l;

	(void)state;
	begin(&l, "1> send B x | 2< recv A x");
	assert_int_equal(replay_match_try(l.match, 3), REPLAY_WAIT);
	assert_false(replay_match_has(l.match, 3));
	live_line(&l, "2< recv A y");
	assert_int_equal(replay_match_try(l.match, 3), REPLAY_SOON);
	assert_false(replay_match_has(l.match, 3));
	live_line(&l, "2< recv A x");
	assert_true(replay_match_has(l.match, 3));
	assert_int_equal(replay_match_try(l.match, 3), REPLAY_DECIDED);
	assert_int_equal(l.match->equal, 1);
	clear(&l);
}

static void a_pong_tells_its_ping(void **state)
{
	struct script_frame f;
	struct derp_frame d;
	struct live l;
	char a[4][128] = { "#1" };

	(void)state;
	begin(&l, "1> ping 1 | 1< pong 1 | 1> ping 2 | 1< pong 2");
	assert_true(make_frame(&f, "pong", a));
	d = as_frame(&f);
	assert_int_equal(replay_match_got(l.match, 0, &d, 0), 1);
	strcpy(a[0], "#2");
	assert_true(make_frame(&f, "pong", a));
	d = as_frame(&f);
	assert_int_equal(replay_match_got(l.match, 0, &d, 0), REPLAY_NONE);
	clear(&l);
}

static void a_flood_is_bounded_and_told(void **state)
{
	struct live l;

	(void)state;
	begin(&l, "1> ping 1 | 1< pong 1");
	for (uint32_t i = 0; i < REPLAY_WAITING_MAX + 10; i++)
		live_line(&l, "1< recv A x");
	end(&l);
	assert_int_equal(l.match->num_diffs, REPLAY_DIFFS_MAX);
	assert_int_equal(l.match->different, REPLAY_WAITING_MAX + 10 + 1);
	clear(&l);
}

static void a_login_that_fails_is_told(void **state)
{
	struct live l;

	(void)state;
	begin(&l, "1> ping 1 | 1< pong 1");
	replay_match_login(l.match, 1, NULL);
	replay_match_login(l.match, 0, "HTTP status 503");
	replay_match_absent(l.match, 0);
	end(&l);
	assert_int_equal(l.match->equal, 1);
	assert_int_equal(l.match->different, 2);
	assert_int_equal(l.match->diffs[0].kind, REPLAY_NO_LOGIN);
	assert_string_equal(l.match->diffs[0].actual, "HTTP status 503");
	assert_int_equal(l.match->diffs[1].kind, REPLAY_MISSING);
	clear(&l);
}

/* Newest last, and nothing of later. */
static void the_trace_ends_at_its_step(void **state)
{
	const struct replay_seen *list[3];
	struct live l;

	(void)state;
	begin(&l, "1> ping 1 | 1< pong 1 | 1> ping 2 | 1< pong 2");
	for (int i = 0; i < 100; i++)
		live_line(&l, "1< raw 7f old");
	live_line(&l, "1< raw 7f last");
	l.next = 5;
	live_line(&l, "1< raw 7f later");
	assert_int_equal(replay_match_trace(l.match, 0, 3, list, 3), 3);
	assert_string_equal(list[2]->text, "type 0x7f 4 bytes \"last\"");
	assert_string_equal(list[0]->text, "type 0x7f 3 bytes \"old\"");
	assert_int_equal(replay_match_trace(l.match, 0, 5, list, 1), 1);
	assert_string_equal(list[0]->text, "type 0x7f 5 bytes \"later\"");
	assert_int_equal(replay_match_trace(l.match, 1, 5, list, 3), 0);
	clear(&l);
}

#define NUM_ROWS (sizeof(rows) / sizeof(*rows))

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(something_else_in_its_place_is_soon),
		cmocka_unit_test(a_pong_tells_its_ping),
		cmocka_unit_test(a_flood_is_bounded_and_told),
		cmocka_unit_test(a_login_that_fails_is_told),
		cmocka_unit_test(the_trace_ends_at_its_step),
	};
	struct CMUnitTest tests[NUM_ROWS];

	if (sodium_init() < 0)
		return 1;
	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < NUM_ROWS; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = answers_are_compared;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	return cmocka_run_group_tests_name("answers", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("match", others, NULL, NULL);
}
