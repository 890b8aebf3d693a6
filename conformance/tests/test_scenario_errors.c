/*
 * test_scenario_errors.c - what the scenario parser says, and where, about
 * what it does not accept.
 */
#include "parse_text.h"

/* ---- errors ---------------------------------------------------------- */

struct row {
	const char *name, *text, *want; /* "line:col: message" */
};

static struct row errors[] = {
	/* files and headers */
	{ "file/empty", "", "1:1: the file has no case" },
	{ "file/only-comments", "# nothing\n\n", "1:1: the file has no case" },
	{ "file/before-case", "  title x\n",
	  "1:3: a file begins with 'case ID'" },
	{ "file/control", HEAD "A: login\001\n",
	  "4:9: byte 0x01 does not belong in a text; write \\x01 in quotes" },
	{ "file/del", "case a.b # \x7f\n",
	  "1:12: byte 0x7f does not belong in a text; write \\x7f in quotes" },
	{ "case/no-id", "case\n",
	  "1:5: a case id is section.name in a-z 0-9 "
	  ". -" },
	{ "case/no-section", "case ab\n",
	  "1:6: a case id is section.name in a-z 0-9 . -" },
	{ "case/upper", "case a.B\n",
	  "1:6: a case id is section.name in a-z 0-9 . -" },
	{ "case/more", "case a.b c\n", "1:10: 'c' is too much here" },
	{ "case/twice", HEAD CAN_FAIL HEAD CAN_FAIL,
	  "6:6: case a.b is in x.derp:1 already" },
	{ "case/no-req", "case a.b\ntitle t\n" CAN_FAIL,
	  "1:1: case a.b has no 'req'" },
	{ "case/no-title", "case a.b\nreq X\n" CAN_FAIL,
	  "1:1: case a.b has no 'title'" },
	{ "case/no-steps", HEAD,
	  "1:1: case a.b cannot fail: it expects nothing" },
	{ "case/cannot-fail", OPEN "A> ping zero*8\nsettle\n",
	  "1:1: case a.b cannot fail: it expects nothing" },
	{ "req/empty", "case a.b\nreq # none\n",
	  "2:5: a rule id as DERP-PING-4 is missing" },
	{ "req/lower", "case a.b\nreq derp-1\n",
	  "2:5: 'derp-1' is not a rule id as DERP-PING-4" },
	{ "title/empty", "case a.b\ntitle  \n", "2:8: the title is missing" },
	{ "title/twice", "case a.b\ntitle a\ntitle b\n",
	  "3:7: the case has a title already" },
	{ "tags/no-at", HEAD "tags slow\n",
	  "4:6: 'slow' is not a tag as "
	  "@slow" },
	{ "needs/unknown", HEAD "needs luck\n",
	  "4:7: 'luck' is not one of: mesh" },
	{ "time/unit", HEAD "time 10\n", "4:6: a duration ends in ms or s" },
	{ "time/none", HEAD "time\n",
	  "4:5: a duration as 200ms or 2s is missing" },
	{ "time/long", HEAD "time 3601s\n", "4:6: more than an hour" },
	{ "header/late", OPEN "tags @x\n",
	  "5:1: header lines stand before the first step" },
	{ "header/exclusive-more", HEAD "exclusive yes\n",
	  "4:11: 'yes' is too much here" },

	/* for */
	{ "for/no-name", HEAD "for in\n", "4:7: 'in' is missing" },
	{ "for/no-in", HEAD "for T 1 2\n", "4:7: 'in' is missing" },
	{ "for/no-value", HEAD "for T in\n", "4:9: a value is missing" },
	{ "for/mixed", HEAD "for T in 1 a\n",
	  "4:12: values of one 'for' are all numbers or all bytes and words" },
	{ "for/twice", HEAD "for T in 1\nfor T in 2\n",
	  "5:5: 'T' is used already" },
	{ "for/variable", HEAD "for T in $T\n",
	  "4:10: a 'for' value is a constant" },
	{ "for/too-many",
	  HEAD "for A in 1\nfor B in 1\nfor C in 1\n"
	       "for D in 1\nfor E in 1\n",
	  "8:4: a case has at most 4 'for'" },

	/* statements */
	{ "step/unknown", HEAD "login A\n",
	  "4:1: 'login' begins no statement; a step on a connection begins as "
	  "A: A> A< or A!" },
	{ "step/blank-before-sign", HEAD "A : login\n",
	  "4:1: one of : > < ! stands right behind a connection's name" },
	{ "step/more", HEAD "A: login; A< open x\n",
	  "4:19: unknown argument 'x' of 'open'; it has: none" },
	{ "step/no-semicolon", OPEN "settle settle\n",
	  "5:8: a duration as 200ms or 2s is missing" },
	{ "action/none", HEAD "A:\n", "4:3: an action is missing" },
	{ "action/unknown", HEAD "A: logout\n",
	  "4:4: unknown action "
	  "'logout'" },
	{ "frame/none", OPEN "A>\n", "5:3: a frame word is missing" },
	{ "frame/unknown", OPEN "A> pang\n", "5:4: unknown frame 'pang'" },
	{ "frame/not-sent", OPEN "A> closed\n",
	  "5:4: 'closed' cannot be sent; 'raw' sends any" },
	{ "frame/does-not-come", OPEN "A< send\n",
	  "5:4: a server does not send 'send'; 'raw' expects any" },
	{ "frame/second-of-or", OPEN "A< pong or pang\n",
	  "5:12: unknown frame 'pang'" },
	{ "open/before", HEAD "A> ping\n",
	  "4:1: A is not open here; begin with 'A: login', 'upgrade' or "
	  "'connect'" },
	{ "open/expect-before", HEAD "B< pong\n",
	  "4:1: B is not open here; begin with 'B: login', 'upgrade' or "
	  "'connect'" },
	{ "open/close-before", HEAD "A: close\n",
	  "4:1: A is not open here; begin with 'A: login', 'upgrade' or "
	  "'connect'" },
	{ "open/fence-before", HEAD "fence A\n",
	  "4:1: A is not open here; begin with 'A: login', 'upgrade' or "
	  "'connect'" },
	{ "open/fence-to", OPEN "fence A B\n", "5:1: B is not open here" },
	{ "open/never", OPEN "A> send dst=$B.key \"x\"; fence A\n",
	  "5:14: connection B is never opened" },
	{ "fence/none", OPEN "fence\n",
	  "5:6: a connection name begins with A-Z" },
	{ "fence/lower", OPEN "fence a\n",
	  "5:7: a connection name begins with A-Z" },
	{ "fence/class", OPEN "B: login\nfence A B other\n",
	  "6:11: 'disco' or nothing stands here" },
	{ "wait/none", OPEN "wait\n",
	  "5:5: a duration as 200ms or 2s is missing" },
	{ "wait/limit", OPEN "wait 10s\n",
	  "5:6: the case ends after 10000 ms; give it more with 'time'" },
	{ "within/limit", HEAD "time 3s\nA: login\nA< pong within 3s\n",
	  "6:16: the case ends after 3000 ms; give it more with 'time'" },
	{ "after/limit", HEAD "time 3s\nA: login\nA< pong after 4s\n",
	  "6:15: the case ends after 3000 ms; give it more with 'time'" },
	{ "call/none", OPEN "call\n", "5:5: a function name is missing" },
	{ "let/form", OPEN "let P\n", "5:6: write: let NAME = VALUE" },
	{ "let/no-value", OPEN "let P = \n", "5:9: a byte value is missing" },
	{ "let/connection", OPEN "let A = \"x\"\n",
	  "5:12: 'A' is a connection" },
	{ "let/for", HEAD "for T in 1\nlet T = \"x\"\n",
	  "5:12: 'T' is used already" },

	/* loops */
	{ "loop/no-end", OPEN "repeat 2\nA> ping\nA< pong\n",
	  "5:1: 'end' of this loop is missing" },
	{ "loop/end-alone", OPEN "end\n", "5:1: 'end' without 'repeat'" },
	{ "loop/no-number", OPEN "repeat\nend\nA< open\n",
	  "5:7: a number is missing" },
	{ "loop/rounds", OPEN "repeat 100001\nend\n",
	  "5:8: a loop has at most 100000 rounds" },
	{ "loop/same-counter", OPEN "repeat 2\nrepeat 2\nend\nend\nfence A\n",
	  "6:9: 'i' counts the loop around this one; write: repeat N as "
	  "NAME" },
	{ "loop/deep",
	  OPEN "repeat 2 as a\nrepeat 2 as b\nrepeat 2 as c\n"
	       "repeat 2 as d\nrepeat 2 as e\nend\nend\nend\nend\n",
	  "9:8: loops nest at most 4 deep" },
	{ "loop/counter-is-let", OPEN "let i = \"x\"\nrepeat 2\nend\n",
	  "6:9: 'i' is used already" },

	/* arguments */
	{ "arg/unknown", OPEN "A> send dest=zero*32 \"x\"\n",
	  "5:9: unknown argument 'dest' of 'send'; it has: dst DATA len cut "
	  "tail" },
	{ "arg/bare-unknown", HEAD "A: login mesh\n",
	  "4:10: unknown argument 'mesh' of 'login'; it has: rcvbuf path host "
	  "fast-start ideal-node header as mesh json prober app" },
	{ "arg/twice", OPEN "A> send dst=zero*32 dst=zero*32\n",
	  "5:21: 'dst' is given twice" },
	{ "arg/required", OPEN "A> raw \"x\"\n", "5:11: 'raw' needs type" },
	{ "arg/required-bare", OPEN "A: cut\n", "5:7: 'cut' needs NUMBER" },
	{ "arg/required-two", OPEN "A: dribble 1\n",
	  "5:13: 'dribble' needs DURATION" },
	{ "arg/word", HEAD "A: login mesh=maybe\n",
	  "4:15: 'maybe' is not one of: yes wrong no" },
	{ "arg/mesh-needs", HEAD "A: login mesh=yes\n",
	  "4:10: add 'needs mesh' to the case" },
	{ "arg/mesh-key-needs", OPEN "A> ping $mesh.key\n",
	  "5:9: add 'needs mesh' to the case" },
	{ "arg/ignore", OPEN "A: ignore closed\n",
	  "5:11: 'closed' is not a frame that servers send" },
	{ "arg/too-large", OPEN "A> raw type=256\n",
	  "5:13: at most 255 "
	  "here" },
	{ "arg/status", OPEN "A< http status=1000\n",
	  "5:16: at most 999 "
	  "here" },
	{ "arg/no-value", OPEN "A> raw type=\n", "5:13: a number is missing" },
	{ "arg/no-text", HEAD "A: login path=\n", "4:15: a text is missing" },
	{ "arg/as", HEAD "A: login as=b\n",
	  "4:13: a connection name begins with A-Z" },
	{ "take/send", OPEN "A> ping ?P\n",
	  "5:9: only an expectation takes values" },
	{ "take/absent", OPEN "A! pong ?P\n",
	  "5:9: an absence takes no value" },
	{ "take/many", OPEN "A< http header=?H\n",
	  "5:16: this argument cannot be taken" },
	{ "take/no-name", OPEN "A< pong ?\n", "5:10: a name is missing" },
	{ "take/kind", OPEN "A< pong ?P\nA< pong len=?P\n",
	  "6:14: 'P' was bytes before" },
	{ "absent/or", OPEN "A! pong or ping\n",
	  "5:9: 'or' does not go with '!'" },
	{ "absent/within", OPEN "A! pong within 1s\n",
	  "5:9: 'within' does not go with '!'" },
	{ "absent/open", OPEN "A! open\n", "5:4: write 'A< closed'" },

	/* values */
	{ "value/undefined", OPEN "A> ping $P\n", "5:9: $P is not defined" },
	{ "value/later", OPEN "A> ping $P\nlet P = \"x\"\nfence A\n",
	  "5:9: $P is not defined" },
	{ "value/connection", OPEN "A> ping $A\n",
	  "5:9: A is a connection; its key is $A.key" },
	{ "value/no-name", OPEN "A> ping $\n",
	  "5:9: a name is missing behind '$'" },
	{ "value/not-number", OPEN "let P = \"x\"\nA> ping zero*$P\n",
	  "6:14: $P is not a number" },
	{ "value/number-as-bytes", OPEN "A> ping 8\n",
	  "5:9: a number is not a byte value; write 0xAB*N, u8:N, u16:N or "
	  "u32:N" },
	{ "value/word", OPEN "A> ping hello\n",
	  "5:9: 'hello' is not a byte value; text stands in quotes" },
	{ "value/byte", OPEN "A> ping 0x100*8\n",
	  "5:9: a byte is at most 0xff" },
	{ "value/huge", OPEN "A> ping zero*16777217\n",
	  "5:14: a value has at most 16777216 bytes" },
	{ "value/overflow", OPEN "A> ping zero*18446744073709551616\n",
	  "5:14: the number is too large" },
	{ "value/disco", OPEN "A> ping disco*5\n",
	  "5:15: disco has at least 6 bytes" },
	{ "value/u8", OPEN "A> ping u8:256\n",
	  "5:12: the number does not fit 8 bits" },
	{ "value/u16", OPEN "A> ping u16:65536\n",
	  "5:13: the number does not fit 16 bits" },
	{ "value/quote", OPEN "A> ping \"abc\n",
	  "5:9: the quote is not closed" },
	{ "value/single-quote", OPEN "A> ping 'abc\n",
	  "5:9: the quote is not closed" },
	{ "value/escape", OPEN "A> ping \"a\\q\"\n",
	  "5:11: known escapes: \\n \\r \\t \\0 \\\\ \\\" \\xHH" },
	{ "value/escape-hex", OPEN "A> ping \"\\x4\"\n",
	  "5:10: known escapes: \\n \\r \\t \\0 \\\\ \\\" \\xHH" },
	{ "value/hex-digit", OPEN "A> ping x\"0g\"\n",
	  "5:12: not a hex digit" },
	{ "value/hex-odd", OPEN "A> ping x\"012\"\n",
	  "5:14: a hex digit is missing" },
	{ "value/bracket", OPEN "A> ping zero*(1+2\n",
	  "5:14: ')' is "
	  "missing" },
	{ "value/slice-colon", OPEN "A> ping \"abc\"[1]\n",
	  "5:16: ':' is missing in [from:to]" },
	{ "value/slice-end", OPEN "A> ping \"abc\"[1:2\n",
	  "5:14: ']' is missing" },
	{ "value/brackets-deep",
	  OPEN "A> ping zero*(((((((((((((((((1)))))))))))))))))\n",
	  "5:30: too many brackets" },
	{ "value/layers",
	  OPEN "A> ping zero*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1"
	       "*1\n",
	  "5:47: too many * and [ ]" },
	{ "value/hex-deep",
	  OPEN "A> ping hex:hex:hex:hex:hex:hex:hex:hex:hex:hex:hex:hex:hex:"
	       "hex:hex:hex:hex:\"x\"\n",
	  "5:73: too many prefixes" },
	{ "value/caret-behind-tab", OPEN "\tA> ping 8\n",
	  "5:10: a number is not a byte value; write 0xAB*N, u8:N, u16:N or "
	  "u32:N" },
};

static void reports_where_and_what(void **state)
{
	const struct row *row = *state;
	struct scenario *s = parse(row->text, strlen(row->text));
	char got[300];

	snprintf(got, sizeof(got), "%u:%u: %s", s->errors[0].pos.line,
		 s->errors[0].pos.col, s->errors[0].text);
	assert_string_equal(got, row->want);
	assert_int_equal(s->num_errors, 1);
	assert_string_equal(s->errors[0].file->name, "x.derp");
	scenario_free(s);
}

static void tells_all_errors_at_once(void **state)
{
	static const char text[] = HEAD "A: logout\nA> pang\nfence\nA< open\n";
	struct scenario *s = parse(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(s->num_errors, 4);
	assert_int_equal(s->errors[0].pos.line, 4);
	assert_int_equal(s->errors[1].pos.line, 5);
	assert_int_equal(s->errors[2].pos.line, 6);
	assert_int_equal(s->num_cases, 0);
	scenario_free(s);
}

static void counts_errors_that_it_has_no_room_for(void **state)
{
	char text[4096] = HEAD;
	struct scenario *s;

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(text, "A: logout\n");
	s = parse(text, strlen(text));
	assert_int_equal(s->num_errors, 50);
	scenario_free(s);
}

static void a_bad_case_leaves_the_good_ones(void **state)
{
	static const char text[] =
		"case a.bad\nreq X\ntitle t\nA: x\n" HEAD CAN_FAIL;
	struct scenario *s = parse(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(s->num_errors, 1);
	assert_int_equal(s->num_cases, 1);
	assert_string_equal(s->cases->id, "a.b");
	scenario_free(s);
}

static void print_is(const char *text, size_t len, const char *want)
{
	struct scenario *s = parse(text, len);
	char got[400];
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	scenario_error_print(f, &s->errors[0]);
	rewind(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	assert_string_equal(got, want);
	scenario_free(s);
}

static void prints_the_line_and_a_caret(void **state)
{
	static const char text[] = HEAD "\tA: logout\n";

	(void)state;
	print_is(text, sizeof(text) - 1,
		 "x.derp:4:5: unknown action 'logout'\n"
		 "  \tA: logout\n"
		 "  \t   ^\n");
}

/* Whatever the file holds: the message and the line are ASCII, one character
 * for each byte. */
static void prints_no_byte_as_it_is(void **state)
{
	static const char word[] = HEAD "A: l\xc2\x9b\xff\n";
	static const char del[] = HEAD "A: \x1b\x7f\n";

	(void)state;
	print_is(word, sizeof(word) - 1,
		 "x.derp:4:4: unknown action 'l\?\?\?'\n"
		 "  A: l\?\?\?\n"
		 "     ^\n");
	print_is(del, sizeof(del) - 1,
		 "x.derp:4:4: byte 0x1b does not belong in a text; write "
		 "\\x1b in quotes\n"
		 "  A: \?\?\n"
		 "     ^\n");
}

int main(void)
{
	static struct CMUnitTest all[160];
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(tells_all_errors_at_once),
		cmocka_unit_test(counts_errors_that_it_has_no_room_for),
		cmocka_unit_test(a_bad_case_leaves_the_good_ones),
		cmocka_unit_test(prints_the_line_and_a_caret),
		cmocka_unit_test(prints_no_byte_as_it_is),
	};
	size_t n = 0;

	for (; n < sizeof(errors) / sizeof(errors[0]); n++) {
		all[n].name = errors[n].name;
		all[n].test_func = reports_where_and_what;
		all[n].initial_state = &errors[n];
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		all[n++] = others[i];
	return _cmocka_run_group_tests("scenario errors", all, n, NULL, NULL);
}
