/*
 * test_http.c - the heads that open a connection: DERP-HTTP-1 to -15, -24.
 */
#include "derp_http.h"
#include "exact.h"
#include "vectors/vectors.h"

#define WANT_REQUESTS
#define WANT_RESPONSES
#include "vectors/reference.1.102.5.h"
#include "vectors/reference.1.104.5.h"

typedef int (*read_fn)(struct derp_http_reader *, struct derp_http_head *,
		       const uint8_t *, size_t);

static void assert_text(const struct derp_text *t, const char *want)
{
	assert_int_equal(t->len, strlen(want));
	assert_bytes(t->at, want, t->len);
}

/* Whole, then byte by byte, each time in a block of just that size; with
 * DERP bytes behind.  The verdict is the same, comes as early as it can, and
 * stays. */
static int read_both_ways(read_fn read, struct derp_http_head *h, uint8_t *buf,
			  size_t len)
{
	struct derp_http_reader whole = { 0 }, bit = { 0 };
	struct derp_http_head one;
	int want, got = 0;
	size_t n;

	memset(h, 0xaa, sizeof *h);
	want = read(&whole, h, buf, len);
	if (want <= 0)
		assert_blank(h, sizeof *h);
	for (n = 0; n <= len && got == 0; n++) {
		uint8_t *piece = exact(buf, n);

		memset(&one, 0xaa, sizeof one);
		got = read(&bit, &one, piece, n);
		if (got <= 0)
			assert_blank(&one, sizeof one);
		else
			assert_int_equal(one.len, n);
		free(piece);
	}
	assert_int_equal(got, want);
	if (want > 0)
		assert_int_equal(h->len, n - 1);
	assert_int_equal(read(&bit, &one, buf, len), want);
	if (want > 0)
		assert_memory_equal(&one, h, sizeof one);
	return want;
}

static uint8_t *with_frame_behind(const struct bytes *head, size_t *len)
{
	uint8_t *buf = block(head->len + 5);

	memcpy(buf, head->at, head->len);
	memcpy(buf + head->len, "\x06\0\0\0\0", 5);
	*len = head->len + 5;
	return buf;
}

static void check_upgrade(const struct derp_http_head *h, const char *hex)
{
	struct derp_text value;
	struct bytes want;

	if (hex == NULL) {
		assert_false(derp_http_field(h, "upgrade", &value, NULL));
		return;
	}
	want = unhex(hex);
	assert_true(derp_http_field(h, "upgrade", &value, NULL));
	/* A fold behind the value is a blank to Go and trimmed by us. */
	while (want.len > 0 && want.at[want.len - 1] == ' ')
		want.len--;
	assert_int_equal(value.len, want.len);
	assert_bytes(value.at, want.at, want.len);
	free(want.at);
}

static void request_reads_as_with_go(void **state)
{
	const struct request_vector *v = *state;
	struct bytes text = unhex(v->text);
	struct bytes method = unhex(v->method), target = unhex(v->target);
	struct derp_http_head h;
	size_t len;
	uint8_t *buf = with_frame_behind(&text, &len);

	assert_int_equal(read_both_ways(derp_http_read_request, &h, buf, len),
			 v->ok ? 1 : DERP_E_HTTP);
	if (v->ok) {
		assert_int_equal(h.len, text.len);
		assert_int_equal(h.method.len, method.len);
		assert_bytes(h.method.at, method.at, method.len);
		assert_int_equal(h.target.len, target.len);
		assert_bytes(h.target.at, target.at, target.len);
		assert_int_equal(h.minor, v->minor);
		check_upgrade(&h, v->upgrade);
	}
	free(buf);
	free(text.at);
	free(method.at);
	free(target.at);
}

static void response_reads_as_with_go(void **state)
{
	const struct response_vector *v = *state;
	/* Go takes it for a field of another name; no answer has it. */
	bool ok = v->ok && strstr(v->name, "blank-before-colon") == NULL;
	struct bytes text = unhex(v->text);
	struct derp_http_head h;
	size_t len;
	uint8_t *buf = with_frame_behind(&text, &len);

	assert_int_equal(read_both_ways(derp_http_read_response, &h, buf, len),
			 ok ? 1 : DERP_E_HTTP);
	if (ok) {
		assert_int_equal(h.len, text.len);
		assert_int_equal(h.status, v->status);
		check_upgrade(&h, v->upgrade);
	}
	free(buf);
	free(text.at);
}

/* ---- limits ---------------------------------------------------------- */

/* A head of exactly len bytes. */
static uint8_t *long_head(size_t len, const char *end)
{
	static const char first[] = "GET / HTTP/1.1\r\nX: ";
	uint8_t *buf = block(len);

	memset(buf, 'x', len);
	memcpy(buf, first, sizeof first - 1);
	memcpy(buf + len - strlen(end), end, strlen(end));
	return buf;
}

static void the_limit_of_a_head_is_exact(void **state)
{
	static const char *const ends[] = { "\r\n\r\n", "\n\n", "\r\n\n" };
	struct derp_http_head h;

	(void)state;
	for (size_t i = 0; i < NUM(ends); i++) {
		uint8_t *fits = long_head(DERP_HTTP_MAX, ends[i]);
		uint8_t *more = long_head(DERP_HTTP_MAX + 1, ends[i]);

		assert_int_equal(read_both_ways(derp_http_read_request, &h,
						fits, DERP_HTTP_MAX),
				 1);
		assert_int_equal(h.len, DERP_HTTP_MAX);
		assert_int_equal(read_both_ways(derp_http_read_request, &h,
						more, DERP_HTTP_MAX + 1),
				 DERP_E_LIMIT);
		free(fits);
		free(more);
	}
}

/* Long lines and many lines end at the same place; bare CR ends no line. */
static void endless_heads_end_at_the_limit(void **state)
{
	static const char *const units[] = { "a", "\r", "\r\r", "a: b\r\n",
					     " \n" };

	(void)state;
	for (size_t i = 0; i < NUM(units); i++) {
		uint8_t *buf = block(DERP_HTTP_MAX + 100);
		size_t len = strlen("GET / HTTP/1.1\nX:y\n");
		struct derp_http_reader r = { 0 };
		struct derp_http_head h;

		memcpy(buf, "GET / HTTP/1.1\nX:y\n", len);
		while (len < DERP_HTTP_MAX + 90) {
			memcpy(buf + len, units[i], strlen(units[i]));
			len += strlen(units[i]);
		}
		assert_int_equal(
			derp_http_read_request(&r, &h, buf, DERP_HTTP_MAX - 1),
			0);
		assert_int_equal(
			derp_http_read_request(&r, &h, buf, DERP_HTTP_MAX),
			DERP_E_LIMIT);
		r = (struct derp_http_reader){ 0 };
		assert_int_equal(derp_http_read_request(&r, &h, buf, len),
				 DERP_E_LIMIT);
		free(buf);
	}
}

static void an_empty_buffer_is_no_head_yet(void **state)
{
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;

	(void)state;
	assert_int_equal(derp_http_read_request(&r, &h, NULL, 0), 0);
	assert_int_equal(derp_http_read_response(&r, &h, NULL, 0), 0);
}

/* A fault is told at the end of its line, whatever comes behind. */
static void a_fault_is_told_before_the_head_ends(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n";
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;

	(void)state;
	assert_int_equal(derp_http_read_request(&r, &h, (const uint8_t *)text,
						sizeof text - 2),
			 0);
	assert_int_equal(derp_http_read_request(&r, &h, (const uint8_t *)text,
						sizeof text - 1),
			 DERP_E_HTTP);
}

static int read_text(struct derp_http_reader *r, const char *text)
{
	struct derp_http_head h;

	return derp_http_read_request(r, &h, (const uint8_t *)text,
				      strlen(text));
}

/* No byte is looked at again when more arrive, or dribbling would cost the
 * square of the length: what changes behind the reader's back is not seen. */
static void each_byte_is_looked_at_once(void **state)
{
	struct derp_http_reader r = { 0 };

	(void)state;
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\r\nA: b\r\nC: d"), 0);
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\r\n: b\r\r\nC: d\n\n"),
			 1);
	r = (struct derp_http_reader){ 0 };
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\r\nA: bc: d"), 0);
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\r\nA: \nc: d\r\n\r\n"),
			 DERP_E_HTTP);
}

/* Also when the caller has changed what it shows. */
static void a_fault_is_for_ever(void **state)
{
	struct derp_http_reader r = { 0 };

	(void)state;
	assert_int_equal(read_text(&r, "GET /\r\n"), DERP_E_HTTP);
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\r\n\r\n"), DERP_E_HTTP);
}

/* ---- fields ---------------------------------------------------------- */

static void read_ok(struct derp_http_head *h, const char *text)
{
	struct derp_http_reader r = { 0 };

	assert_int_equal(derp_http_read_request(&r, h, (const uint8_t *)text,
						strlen(text)),
			 1);
}

static void fields_come_in_order(void **state)
{
	struct derp_http_head h;
	struct derp_text v;
	size_t from = 0;

	(void)state;
	read_ok(&h, "GET / HTTP/1.1\r\nX-A: 1\r\nX: 2\r\nx-a:\t3 \r\n"
		    "y: X-A: 9\r\n X-A: 8\r\nX-A:\r\nX-AB: 7\r\n\r\n");
	assert_true(derp_http_field(&h, "X-A", &v, &from));
	assert_text(&v, "1");
	assert_true(derp_http_field(&h, "X-A", &v, &from));
	assert_text(&v, "3");
	assert_true(derp_http_field(&h, "x-a", &v, &from));
	assert_text(&v, "");
	memset(&v, 0xaa, sizeof v);
	assert_false(derp_http_field(&h, "X-A", &v, &from));
	assert_blank(&v, sizeof v);
	assert_false(derp_http_field(&h, "X-", &v, NULL));
	assert_false(derp_http_field(&h, "", &v, NULL));
	assert_true(derp_http_field(&h, "X", &v, NULL));
	assert_text(&v, "2");
	assert_true(derp_http_field(&h, "X-A", &v, NULL));
	assert_text(&v, "1");
	assert_true(derp_http_field(&h, "Y", &v, NULL));
	assert_text(&v, "X-A: 9\r\n X-A: 8");
	assert_true(derp_http_field(&h, "x-ab", &v, NULL));
	assert_text(&v, "7");
}

static void a_head_may_have_no_fields(void **state)
{
	struct derp_http_head h;
	struct derp_text v;

	(void)state;
	read_ok(&h, "GET / HTTP/1.0\r\n\r\n");
	assert_int_equal(h.fields.len, 0);
	assert_int_equal(h.len, 18);
	assert_false(derp_http_field(&h, "Host", &v, NULL));
}

static void a_response_has_a_reason(void **state)
{
	static const char text[] = "HTTP/1.1 426 Upgrade Required\r\nA: b\r\n"
				   "\r\n";
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;

	(void)state;
	assert_int_equal(derp_http_read_response(&r, &h, (const uint8_t *)text,
						 sizeof text - 1),
			 1);
	assert_int_equal(h.status, 426);
	assert_int_equal(h.minor, 1);
	assert_text(&h.reason, "Upgrade Required");
	assert_text(&h.fields, "A: b\r\n");
	r = (struct derp_http_reader){ 0 };
	assert_int_equal(
		derp_http_read_response(
			&r, &h, (const uint8_t *)"HTTP/1.0 200\n\n", 14),
		1);
	assert_text(&h.reason, "");
}

static void a_control_in_the_reason_is_refused(void **state)
{
	static const char text[] = "HTTP/1.1 200 O\x01K\r\n\r\n";
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;

	(void)state;
	assert_int_equal(derp_http_read_response(&r, &h, (const uint8_t *)text,
						 sizeof text - 1),
			 DERP_E_HTTP);
}

struct word {
	const char *text, *word;
	bool same;
};

static const struct word words[] = {
	{ "derp", "derp", true },
	{ "DeRp", "dErP", true },
	{ " \t\r\n derp\r\n \t", "DERP", true },
	{ "", "", true },
	{ "  ", "", true },
	{ "derp", "der", false },
	{ "der", "derp", false },
	{ "de\r\n rp", "derp", false },
	{ "derp x", "derp", false },
	{ "@[`{", "`{@[", false },
	{ "1", "1", true },
	{ "1, 1", "1", false },
};

static void text_is_or_is_not_the_word(void **state)
{
	const struct word *v = *state;
	size_t len = strlen(v->text);
	struct derp_text t = { exact(v->text, len), len };

	assert_int_equal(derp_text_is(&t, v->word), v->same);
	free(row(t.at));
}

/* ---- writing --------------------------------------------------------- */

#define FULL                                                                   \
	"GET /derp HTTP/1.1\r\nHost: example.net:443\r\nUser-Agent: derpkit "  \
	"1\r\nConnection: Upgrade\r\nDerp-Fast-Start: 1\r\nIdeal-Node: 1a\r\n" \
	"Upgrade: DERP\r\n\r\n"

struct upgrade {
	const char *name;
	struct derp_http_upgrade u;
	const char *text; /* NULL: refused */
};

static const struct upgrade upgrades[] = {
	{ "upgrade/least",
	  { "h", "/derp", false, NULL, NULL },
	  "GET /derp HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
	  "Upgrade: DERP\r\n\r\n" },
	{ "upgrade/full",
	  { "example.net:443", "/derp", true, "1a", "derpkit 1" },
	  FULL },
	{ "upgrade/query",
	  { "[::1]:3340", "/derp?x=1", false, NULL, "" },
	  "GET /derp?x=1 HTTP/1.1\r\nHost: [::1]:3340\r\nUser-Agent: \r\n"
	  "Connection: Upgrade\r\nUpgrade: DERP\r\n\r\n" },
	{ "upgrade/host-empty", { "", "/derp", false, NULL, NULL }, NULL },
	{ "upgrade/host-crlf", { "h\r\nX: y", "/", false, NULL, NULL }, NULL },
	{ "upgrade/host-lf", { "h\n", "/", false, NULL, NULL }, NULL },
	{ "upgrade/host-blank", { "h x", "/", false, NULL, NULL }, NULL },
	{ "upgrade/host-tab", { "h\tx", "/", false, NULL, NULL }, NULL },
	{ "upgrade/path-empty", { "h", "", false, NULL, NULL }, NULL },
	{ "upgrade/path-relative", { "h", "derp", false, NULL, NULL }, NULL },
	{ "upgrade/path-blank", { "h", "/a b", false, NULL, NULL }, NULL },
	{ "upgrade/path-cr", { "h", "/a\rb", false, NULL, NULL }, NULL },
	{ "upgrade/path-del", { "h", "/a\x7f", false, NULL, NULL }, NULL },
	{ "upgrade/node-lf", { "h", "/", false, "a\nb", NULL }, NULL },
	{ "upgrade/agent-cr", { "h", "/", false, NULL, "a\rb" }, NULL },
	{ "upgrade/agent-1f", { "h", "/", false, NULL, "a\x1f" }, NULL },
};

static void upgrade_is_written_or_refused(void **state)
{
	const struct upgrade *v = *state;
	size_t want = v->text != NULL ? strlen(v->text) : 300, n;

	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);
		int err = v->text == NULL ? DERP_E_VALUE
			  : cap < want    ? DERP_E_NOBUF
					  : 0;

		n = 12345;
		assert_int_equal(derp_http_write_upgrade(&v->u, out, cap, &n),
				 err);
		assert_int_equal(n, err != 0 ? 12345 : want);
		if (err != 0)
			assert_blank(out, cap);
		else
			assert_memory_equal(out, v->text, want);
		free(out);
	}
}

static void what_we_ask_is_what_we_read(void **state)
{
	struct derp_http_head h;
	struct derp_text v;

	(void)state;
	read_ok(&h, FULL);
	assert_text(&h.method, "GET");
	assert_text(&h.target, "/derp");
	assert_true(derp_http_field(&h, "derp-fast-start", &v, NULL));
	assert_text(&v, "1");
	assert_true(derp_http_field(&h, "ideal-node", &v, NULL));
	assert_text(&v, "1a");
	assert_true(derp_http_field(&h, "upgrade", &v, NULL));
	assert_true(derp_text_is(&v, "derp"));
}

/* Measured on the reference: 172 bytes in front of ServerKey. */
static void the_101_is_the_reference_s(void **state)
{
	static const char text[] =
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
		"Connection: Upgrade\r\nDerp-Version: 2\r\nDerp-Public-Key: "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
		"1f\r\n\r\n";
	uint8_t key[DERP_KEY_LEN];
	size_t want = sizeof text - 1, n;

	(void)state;
	assert_int_equal(want, 172);
	for (uint8_t i = 0; i < DERP_KEY_LEN; i++)
		key[i] = i;
	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);

		n = 12345;
		assert_int_equal(derp_http_write_101(out, cap, &n, key),
				 cap < want ? DERP_E_NOBUF : 0);
		assert_int_equal(n, cap < want ? 12345 : want);
		if (cap < want)
			assert_blank(out, cap);
		else
			assert_memory_equal(out, text, want);
		free(out);
	}
}

struct status {
	const char *name;
	uint32_t status;
	const char *extra, *body, *text;
};

static const struct status statuses[] = {
	{ "status/426", 426, "X-Content-Type-Options: nosniff\r\n",
	  "DERP requires connection upgrade\n",
	  "HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain; "
	  "charset=utf-8\r\nContent-Length: 33\r\nX-Content-Type-Options: "
	  "nosniff\r\n\r\nDERP requires connection upgrade\n" },
	{ "status/204", 204, "Cache-Control: no-store\r\nA: b\r\n", NULL,
	  "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nA: b\r\n"
	  "\r\n" },
	{ "status/200-empty", 200, NULL, NULL,
	  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	{ "status/200-body-empty", 200, "", "",
	  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Length: 0\r\n\r\n" },
	{ "status/100", 100, NULL, NULL, "HTTP/1.1 100 Unnamed\r\n\r\n" },
	{ "status/304", 304, NULL, NULL, "HTTP/1.1 304 Unnamed\r\n\r\n" },
	{ "status/999", 999, NULL, NULL,
	  "HTTP/1.1 999 Unnamed\r\nContent-Length: 0\r\n\r\n" },
	{ "status/404", 404, NULL, "ten bytes\n",
	  "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8"
	  "\r\nContent-Length: 10\r\n\r\nten bytes\n" },
	{ "status/99", 99, NULL, NULL, NULL },
	{ "status/1000", 1000, NULL, NULL, NULL },
	{ "status/204-body", 204, NULL, "x", NULL },
	{ "status/101-body", 101, NULL, "", NULL },
	{ "status/304-body", 304, NULL, "x", NULL },
	{ "status/extra-no-end", 200, "A: b", NULL, NULL },
	{ "status/extra-cr", 200, "A: b\r", NULL, NULL },
	{ "status/extra-lf", 200, "A: b\n", NULL, NULL },
	{ "status/extra-blank-line", 200, "A: b\r\n\r\n", NULL, NULL },
	{ "status/extra-blank-first", 200, "\r\nA: b\r\n", NULL, NULL },
	{ "status/extra-control", 200, "A: \x01\r\n", NULL, NULL },
};

static void status_is_written_or_refused(void **state)
{
	const struct status *v = *state;
	size_t want = v->text != NULL ? strlen(v->text) : 300, n;

	for (size_t cap = 0; cap <= want + 1; cap++) {
		uint8_t *out = blank(cap);
		int err = v->text == NULL ? DERP_E_VALUE
			  : cap < want    ? DERP_E_NOBUF
					  : 0;

		n = 12345;
		assert_int_equal(derp_http_write_status(out, cap, &n, v->status,
							v->extra, v->body),
				 err);
		assert_int_equal(n, err != 0 ? 12345 : want);
		if (err != 0)
			assert_blank(out, cap);
		else
			assert_memory_equal(out, v->text, want);
		free(out);
	}
}

int main(void)
{
	static struct suite s;

	for (size_t i = 0; i < NUM(requests_1_102_5); i++)
		add_of(&s, "1.102.5", requests_1_102_5[i].name,
		       request_reads_as_with_go, &requests_1_102_5[i]);
	for (size_t i = 0; i < NUM(requests_1_104_5); i++)
		add_of(&s, "1.104.5", requests_1_104_5[i].name,
		       request_reads_as_with_go, &requests_1_104_5[i]);
	for (size_t i = 0; i < NUM(responses_1_102_5); i++)
		add_of(&s, "1.102.5", responses_1_102_5[i].name,
		       response_reads_as_with_go, &responses_1_102_5[i]);
	for (size_t i = 0; i < NUM(responses_1_104_5); i++)
		add_of(&s, "1.104.5", responses_1_104_5[i].name,
		       response_reads_as_with_go, &responses_1_104_5[i]);
	ADD(&s, the_limit_of_a_head_is_exact);
	ADD(&s, endless_heads_end_at_the_limit);
	ADD(&s, an_empty_buffer_is_no_head_yet);
	ADD(&s, a_fault_is_told_before_the_head_ends);
	ADD(&s, each_byte_is_looked_at_once);
	ADD(&s, a_fault_is_for_ever);
	ADD(&s, fields_come_in_order);
	ADD(&s, a_head_may_have_no_fields);
	ADD(&s, a_response_has_a_reason);
	ADD(&s, a_control_in_the_reason_is_refused);
	for (size_t i = 0; i < NUM(words); i++)
		add(&s, words[i].text, text_is_or_is_not_the_word, &words[i]);
	for (size_t i = 0; i < NUM(upgrades); i++)
		add(&s, upgrades[i].name, upgrade_is_written_or_refused,
		    &upgrades[i]);
	ADD(&s, what_we_ask_is_what_we_read);
	ADD(&s, the_101_is_the_reference_s);
	for (size_t i = 0; i < NUM(statuses); i++)
		add(&s, statuses[i].name, status_is_written_or_refused,
		    &statuses[i]);
	return run("http", &s);
}
