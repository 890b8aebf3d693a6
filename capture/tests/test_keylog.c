/*
 * test_keylog.c - key logs: what is taken, what is passed over, every cut.
 */
#include "builder.h"
#include "keylog.h"

#define R0 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define R1 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECRET32                                                               \
	"1111111111111111111111111111111111111111111111111111111111111111"
#define SECRET48 SECRET32 "22222222222222222222222222222222"

struct row {
	const char *name, *text;
	const char *lens; /* of R0's secrets, by label; "": no such entry */
	uint32_t lines, over, num;
};

static struct row rows[] = {
	{ "keylog/master", "CLIENT_RANDOM " R0 " " SECRET48 "\n", "48 0 0 0 0",
	  1, 0, 1 },
	{ "keylog/no-newline", "CLIENT_RANDOM " R0 " " SECRET48, "48 0 0 0 0",
	  1, 0, 1 },
	{ "keylog/crlf", "CLIENT_RANDOM " R0 " " SECRET48 "\r\n", "48 0 0 0 0",
	  1, 0, 1 },
	{ "keylog/upper-case-hex",
	  "CLIENT_RANDOM "
	  "00112233445566778899AABBCCDDEEFF"
	  "00112233445566778899AABBCCDDEEFF " SECRET48 "\n",
	  "48 0 0 0 0", 1, 0, 1 },
	{ "keylog/all-of-tls13",
	  "CLIENT_HANDSHAKE_TRAFFIC_SECRET " R0 " " SECRET32 "\n"
	  "SERVER_HANDSHAKE_TRAFFIC_SECRET " R0 " " SECRET32 "\n"
	  "CLIENT_TRAFFIC_SECRET_0 " R0 " " SECRET48 "\n"
	  "SERVER_TRAFFIC_SECRET_0 " R0 " " SECRET32 "\n",
	  "0 32 32 48 32", 4, 0, 1 },
	{ "keylog/comment-and-blank",
	  "# CLIENT_RANDOM " R0 " " SECRET48 "\n\n\r\n", "", 0, 0, 0 },
	{ "keylog/two-connections",
	  "CLIENT_RANDOM " R1 " " SECRET48 "\n"
	  "CLIENT_TRAFFIC_SECRET_0 " R0 " " SECRET32 "\n",
	  "0 0 0 32 0", 2, 0, 2 },
	{ "keylog/again",
	  "CLIENT_RANDOM " R0 " " SECRET48 "\nCLIENT_RANDOM " R0
	  " " SECRET32 SECRET32 "\n",
	  "48 0 0 0 0", 1, 1, 1 },
	{ "keylog/exporter", "EXPORTER_SECRET " R0 " " SECRET48 "\n", "", 0, 1,
	  0 },
	{ "keylog/label-begins-so", "CLIENT_RANDO " R0 " " SECRET48 "\n", "", 0,
	  1, 0 },
	{ "keylog/label-goes-on", "CLIENT_RANDOM1 " R0 " " SECRET48 "\n", "", 0,
	  1, 0 },
	{ "keylog/label-alone", "CLIENT_RANDOM\n", "", 0, 1, 0 },
	{ "keylog/no-secret", "CLIENT_RANDOM " R0 "\n", "", 0, 1, 0 },
	{ "keylog/empty-secret", "CLIENT_RANDOM " R0 " \n", "", 0, 1, 0 },
	{ "keylog/long-random", "CLIENT_RANDOM 00" R0 " " SECRET48 "\n", "", 0,
	  1, 0 },
	{ "keylog/short-random", "CLIENT_RANDOM aa " SECRET48 "\n", "", 0, 1,
	  0 },
	{ "keylog/master-of-32", "CLIENT_RANDOM " R0 " " SECRET32 "\n", "", 0,
	  1, 0 },
	{ "keylog/secret-of-49", "CLIENT_RANDOM " R0 " " SECRET48 "33\n", "", 0,
	  1, 0 },
	{ "keylog/secret-of-31",
	  "CLIENT_TRAFFIC_SECRET_0 " R0
	  " 11111111111111111111111111111111111111111111111111111111111111\n",
	  "", 0, 1, 0 },
	{ "keylog/odd-digits", "CLIENT_TRAFFIC_SECRET_0 " R0 " " SECRET32 "1\n",
	  "", 0, 1, 0 },
	{ "keylog/no-hex",
	  "CLIENT_RANDOM " R0 " " SECRET32 "2222222222222222222222222222222g\n",
	  "", 0, 1, 0 },
	{ "keylog/fourth-word", "CLIENT_RANDOM " R0 " " SECRET48 " x\n", "", 0,
	  1, 0 },
	{ "keylog/tab", "CLIENT_RANDOM\t" R0 " " SECRET48 "\n", "", 0, 1, 0 },
};

#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))

/* In exact-size blocks: the first cut bytes, then the rest. */
static void feed(struct keylog *k, const char *text, size_t cut)
{
	size_t len = strlen(text), from, n;
	char *exact;

	for (from = 0; from < len; from += n) {
		n = from < cut ? cut - from : len - from;
		exact = malloc(n);
		assert_non_null(exact);
		memcpy(exact, text + from, n);
		assert_int_equal(keylog_add(k, exact, n), 0);
		free(exact);
	}
	assert_int_equal(keylog_end(k), 0);
}

static void lens(const struct keylog *k, char *out, size_t cap)
{
	uint8_t random[KEYLOG_RANDOM_LEN];
	const struct keylog_secrets *s;
	int i;

	for (i = 0; i < 32; i++)
		random[i] = (uint8_t)(0x11 * (i % 16));
	s = keylog_find(k, random);
	out[0] = '\0';
	if (s != NULL)
		snprintf(out, cap, "%u %u %u %u %u", s->len[0], s->len[1],
			 s->len[2], s->len[3], s->len[4]);
	for (i = 0; s != NULL && i < KEYLOG_LABELS; i++)
		if (s->len[i] > 0) {
			assert_int_equal(s->secret[i][0], 0x11);
			assert_int_equal(s->secret[i][s->len[i] - 1],
					 s->len[i] == 48 ? 0x22 : 0x11);
		}
}

/* Every cut gives the same. */
static void check(void **state)
{
	const struct row *row = *state;
	struct keylog k;
	char got[64];
	size_t cut;

	for (cut = 0; cut <= strlen(row->text); cut++) {
		memset(&k, 0, sizeof(k));
		feed(&k, row->text, cut);
		lens(&k, got, sizeof(got));
		assert_string_equal(got, row->lens);
		assert_int_equal(k.lines, row->lines);
		assert_int_equal(k.passed_over, row->over);
		assert_int_equal(k.num, row->num);
		keylog_free(&k);
	}
}

static void the_first_value_stays(void **state)
{
	struct keylog k = { 0 };
	char got[64];

	(void)state;
	feed(&k,
	     "CLIENT_TRAFFIC_SECRET_0 " R0 " " SECRET32 "\n"
	     "CLIENT_TRAFFIC_SECRET_0 " R0 " " R1 "\n",
	     0);
	lens(&k, got, sizeof(got));
	assert_string_equal(got, "0 0 0 32 0");
	assert_int_equal(k.num, 1);
	keylog_free(&k);
}

/* A line as long as the limit is read, a longer one is not, and the line
 * behind it is. */
static void long_lines_are_passed_over(void **state)
{
	char text[2 * KEYLOG_LINE_MAX];
	size_t extra, n;
	struct keylog k;

	(void)state;
	for (extra = 0; extra < 2; extra++) {
		memset(&k, 0, sizeof(k));
		n = (size_t)snprintf(text, sizeof(text), "%s",
				     "CLIENT_RANDOM " R0 " " SECRET48);
		while (n < KEYLOG_LINE_MAX + extra)
			text[n++] = ' '; /* blanks at the end are nothing */
		snprintf(text + n, sizeof(text) - n, "\n%s\n",
			 "CLIENT_RANDOM " R1 " " SECRET48);
		feed(&k, text, 0);
		assert_int_equal(k.lines, 2 - extra);
		assert_int_equal(k.passed_over, extra);
		keylog_free(&k);
	}
}

static void an_empty_log_has_nothing(void **state)
{
	struct keylog k = { 0 };
	uint8_t random[KEYLOG_RANDOM_LEN] = { 0 };

	(void)state;
	assert_null(keylog_find(&k, random));
	assert_int_equal(keylog_end(&k), 0);
	keylog_free(&k);
}

/* More connections than there is room for: counted, no more memory. */
static void the_table_is_bounded(void **state)
{
	struct keylog k = { 0 };
	char line[256];
	uint32_t i;
	int n;

	(void)state;
	for (i = 0; i < KEYLOG_ENTRIES_MAX + 3; i++) {
		n = snprintf(line, sizeof(line), "CLIENT_RANDOM %08x%.56s %s\n",
			     i, R0, SECRET48);
		assert_int_equal(keylog_add(&k, line, (size_t)n), 0);
	}
	assert_int_equal(k.num, KEYLOG_ENTRIES_MAX);
	assert_int_equal(k.passed_over, 3);
	keylog_free(&k);
}

int main(void)
{
	static const struct CMUnitTest rest[] = {
		cmocka_unit_test(the_first_value_stays),
		cmocka_unit_test(long_lines_are_passed_over),
		cmocka_unit_test(an_empty_log_has_nothing),
		cmocka_unit_test(the_table_is_bounded),
	};
	struct CMUnitTest tests[NUM_ROWS];
	size_t i;
	int failed;

	for (i = 0; i < NUM_ROWS; i++)
		tests[i] = (struct CMUnitTest){ rows[i].name, check, NULL, NULL,
						&rows[i] };
	failed = cmocka_run_group_tests_name("lines", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("log", rest, NULL, NULL);
}
