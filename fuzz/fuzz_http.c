/*
 * fuzz_http.c - heads of requests and responses, read and written.
 *
 *   input:  text ... | mode 1 | cuts 2
 *
 * Modes: 0 read a request, 1 read a response, 2 write an upgrade request of
 * the lines of the text, 3 write a status.
 *
 * Oracles: a model that looks at the whole text, byte classes by table; the
 * reader says the same of every beginning that it is shown.  Fields come out
 * in order, each once.  A head that was written reads as what was asked for:
 * no value can end the head or make a field.
 */
#include "derp_http.h"
#include "fuzz.h"

#define STEER_LEN 3
#define FIELDS_MAX 512

struct field {
	struct derp_text name, value;
};

struct model {
	int verdict; /* 1, 0, or an error */
	size_t len;
	struct derp_text words[3]; /* of the first line */
	struct field fields[FIELDS_MAX];
	size_t num; /* may be above FIELDS_MAX */
};

/* ---- the model --------------------------------------------------------- */

static bool all(const uint8_t *p, size_t len, bool (*is)(uint8_t))
{
	for (size_t i = 0; i < len; i++) {
		if (!is(p[i]))
			return false;
	}
	return true;
}

static bool in(const char *set, uint8_t c)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool is_token(uint8_t c)
{
	return in("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		  "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		  c);
}

static bool is_text(uint8_t c)
{
	return c == 9 || (c >= 32 && c != 127);
}

static bool is_target(uint8_t c)
{
	return c > 32 && c != 127;
}

static bool is_version(const struct derp_text *t)
{
	return t->len == 8 && memcmp(t->at, "HTTP/1.", 7) == 0 &&
	       in("0123456789", t->at[7]);
}

/* Up to two blanks part a line in words; the last one keeps the rest. */
static size_t words(struct derp_text w[3], const uint8_t *p, size_t len)
{
	size_t num = 0;

	w[0] = (struct derp_text){ p, 0 };
	for (size_t i = 0; i < len; i++) {
		if (p[i] == ' ' && num < 2)
			w[++num] = (struct derp_text){ p + i + 1, 0 };
		else
			w[num].len++;
	}
	return num + 1;
}

static bool request_line(struct model *m, const uint8_t *p, size_t len)
{
	struct derp_text *w = m->words;

	return words(w, p, len) == 3 && w[0].len > 0 &&
	       all(w[0].at, w[0].len, is_token) && w[1].len > 0 &&
	       all(w[1].at, w[1].len, is_target) && is_version(&w[2]);
}

static bool status_line(struct model *m, const uint8_t *p, size_t len)
{
	struct derp_text *w = m->words;
	size_t blanks = 0;

	if (len < 9 || p[8] != ' ')
		return false;
	while (9 + blanks < len && p[9 + blanks] == ' ')
		blanks++;
	w[0] = (struct derp_text){ p, 8 };
	w[1] = (struct derp_text){ p + 9 + blanks, 0 };
	while (9 + blanks + w[1].len < len && w[1].at[w[1].len] != ' ')
		w[1].len++;
	w[2].at = w[1].at + w[1].len;
	w[2].len = (size_t)(p + len - w[2].at);
	if (w[2].len > 0) {
		w[2].at++;
		w[2].len--;
	}
	if (!is_version(&w[0]) || w[1].len != 3 ||
	    !all(w[2].at, w[2].len, is_text))
		return false;
	return in("0123456789", w[1].at[0]) && in("0123456789", w[1].at[1]) &&
	       in("0123456789", w[1].at[2]);
}

static bool field_line(struct model *m, const uint8_t *p, size_t len)
{
	const uint8_t *colon;
	struct field f;

	if (!all(p, len, is_text))
		return false;
	if (in(" \t", p[0]))
		return m->num > 0;
	colon = memchr(p, ':', len);
	if (colon == NULL || colon == p ||
	    !all(p, (size_t)(colon - p), is_token))
		return false;
	f.name = (struct derp_text){ p, (size_t)(colon - p) };
	f.value = (struct derp_text){ colon + 1, 0 };
	if (m->num < FIELDS_MAX)
		m->fields[m->num] = f;
	m->num++;
	return true;
}

static void end_value(struct model *m, const uint8_t *end)
{
	if (m->num > 0 && m->num <= FIELDS_MAX)
		m->fields[m->num - 1].value.len =
			(size_t)(end - m->fields[m->num - 1].value.at);
}

static void trim(struct derp_text *t)
{
	while (t->len > 0 && in(" \t\r\n", t->at[0])) {
		t->at++;
		t->len--;
	}
	while (t->len > 0 && in(" \t\r\n", t->at[t->len - 1]))
		t->len--;
}

static void model(struct model *m, bool request, const uint8_t *in, size_t len)
{
	size_t max = len < DERP_HTTP_MAX ? len : DERP_HTTP_MAX, at = 0;
	bool first = true;

	m->num = 0;
	for (;;) {
		const uint8_t *p = in + at, *lf = memchr(p, '\n', max - at);
		size_t n;
		bool good;

		if (lf == NULL) {
			m->verdict = max == DERP_HTTP_MAX ? DERP_E_LIMIT : 0;
			return;
		}
		n = (size_t)(lf - p);
		if (n > 0 && p[n - 1] == '\r')
			n--;
		if (first)
			good = request ? request_line(m, p, n)
				       : status_line(m, p, n);
		else
			good = n == 0 || field_line(m, p, n);
		m->verdict = good ? 1 : DERP_E_HTTP;
		m->len = (size_t)(lf + 1 - in);
		if (!good || n == 0)
			break;
		end_value(m, lf + 1);
		at = m->len;
		first = false;
	}
	for (size_t i = 0; i < m->num && i < FIELDS_MAX; i++)
		trim(&m->fields[i].value);
}

/* ---- reading ----------------------------------------------------------- */

static bool same(const struct derp_text *a, const struct derp_text *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

static bool same_name(const struct derp_text *a, const struct derp_text *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		uint8_t x = a->at[i], y = b->at[i];

		x = (uint8_t)(x >= 'A' && x <= 'Z' ? x + 32 : x);
		y = (uint8_t)(y >= 'A' && y <= 'Z' ? y + 32 : y);
		if (x != y)
			return false;
	}
	return true;
}

/* All fields of the name of field i, in order. */
static void check_named(const struct model *m, const struct derp_http_head *h,
			size_t i)
{
	const struct derp_text *name = &m->fields[i].name;
	struct derp_text value;
	char text[64];
	size_t from = 0;

	if (name->len >= sizeof(text))
		return;
	memcpy(text, name->at, name->len);
	text[name->len] = '\0';
	for (size_t k = 0; k < m->num; k++) {
		if (!same_name(name, &m->fields[k].name))
			continue;
		fuzz_check(derp_http_field(h, text, &value, &from));
		fuzz_check(same(&value, &m->fields[k].value));
	}
	fuzz_check(!derp_http_field(h, text, &value, &from));
}

static void check_head(const struct model *m, const struct derp_http_head *h,
		       bool request)
{
	const struct derp_text *w = m->words;

	fuzz_check(h->len == m->len);
	if (request) {
		fuzz_check(same(&h->method, &w[0]) && same(&h->target, &w[1]));
		fuzz_check(h->minor == w[2].at[7] - (uint32_t)'0');
	} else {
		fuzz_check(h->minor == w[0].at[7] - (uint32_t)'0');
		fuzz_check(h->status == (uint32_t)((w[1].at[0] - '0') * 100 +
						   (w[1].at[1] - '0') * 10 +
						   (w[1].at[2] - '0')));
		fuzz_check(same(&h->reason, &w[2]));
	}
	if (m->num > FIELDS_MAX)
		return;
	for (size_t i = 0; i < m->num && i < 32; i++)
		check_named(m, h, i);
}

static int read_head(struct derp_http_reader *r, struct derp_http_head *h,
		     bool request, const uint8_t *buf, size_t len)
{
	return request ? derp_http_read_request(r, h, buf, len)
		       : derp_http_read_response(r, h, buf, len);
}

/* One reader, shown more and more; each time in a block of its own. */
static void check_read(bool request, const uint8_t *data, size_t size,
		       uint32_t cuts)
{
	static struct model m;
	struct derp_http_reader r = { 0 };
	size_t len = 0;
	int err = 0;

	for (;;) {
		/* At most 64 times, since each time costs all of it. */
		size_t n = fuzz_cut(&cuts, size - len) + size / 64;
		struct derp_http_head h;
		uint8_t *exact;
		int got;

		len = n < size - len ? len + n : size;
		exact = fuzz_copy(data, len);
		got = read_head(&r, &h, request, exact, len);
		model(&m, request, exact, len);
		/* What is wrong stays wrong. */
		fuzz_check(got == m.verdict && (err == 0 || got == err));
		if (got == 1)
			check_head(&m, &h, request);
		err = got < 0 ? got : 0;
		free(exact);
		if (len == size)
			return;
	}
}

/* ---- writing ----------------------------------------------------------- */

/* The next line of a text that is cut at its line ends; NULL: no more. */
static char *line(char **text)
{
	char *at = *text, *end;

	if (at == NULL)
		return NULL;
	end = strchr(at, '\n');
	*text = end != NULL ? end + 1 : NULL;
	if (end != NULL)
		*end = '\0';
	return at;
}

static void is_value(const struct derp_http_head *h, const char *name,
		     const char *want)
{
	struct derp_text value, whole;
	size_t from = 0;
	bool there = derp_http_field(h, name, &value, &from);

	fuzz_check(there == (want != NULL));
	if (!there)
		return;
	whole = (struct derp_text){ (const uint8_t *)want, strlen(want) };
	trim(&whole);
	fuzz_check(same(&value, &whole));
	fuzz_check(!derp_http_field(h, name, &value, &from));
}

static void check_upgrade(char *text, size_t size, uint32_t flags)
{
	struct derp_http_upgrade u = { .fast_start = flags & 1 };
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	size_t cap = size + 256, n, m;
	uint8_t *out = malloc(cap);

	u.host = line(&text);
	u.path = line(&text);
	u.ideal_node = line(&text);
	u.user_agent = line(&text);
	fuzz_check(out != NULL);
	if (u.path != NULL && derp_http_write_upgrade(&u, out, cap, &n) == 0) {
		int got;

		fuzz_check(derp_http_write_upgrade(&u, out, n - 1, &m) ==
			   DERP_E_NOBUF);
		out = realloc(out, n);
		fuzz_check(out != NULL);
		got = derp_http_read_request(&r, &h, out, n);
		fuzz_check(got == (n > DERP_HTTP_MAX ? DERP_E_LIMIT : 1));
		if (got == 1) {
			fuzz_check(h.len == n);
			fuzz_check(derp_text_is(&h.method, "GET"));
			fuzz_check(h.target.len == strlen(u.path) &&
				   memcmp(h.target.at, u.path, h.target.len) ==
					   0);
			is_value(&h, "Host", u.host);
			is_value(&h, "Ideal-Node", u.ideal_node);
			is_value(&h, "User-Agent", u.user_agent);
			is_value(&h, "Upgrade", "DERP");
			is_value(&h, "Derp-Fast-Start",
				 u.fast_start ? "1" : NULL);
		}
	}
	free(out);
}

/* Status, header lines up to an empty one, body. */
static void check_status(char *text, size_t size)
{
	struct derp_http_reader r = { 0 };
	struct derp_http_head h;
	size_t cap = size + 256, n;
	uint8_t *out = malloc(cap);
	char *status = line(&text), *body = text;
	uint32_t number = (uint32_t)strtoul(status, NULL, 10);
	const char *extra = "";
	int got;

	fuzz_check(out != NULL);
	if (text != NULL && (body = strstr(text, "\n\n")) != NULL) {
		body[1] = '\0';
		extra = text;
		body += 2;
	}
	if (derp_http_write_status(out, cap, &n, number, extra, body) == 0) {
		size_t len = body != NULL ? strlen(body) : 0;

		fuzz_check(number >= 100 && number <= 999);
		got = derp_http_read_response(&r, &h, out, n);
		/* The extra lines may be no fields; but they end nothing. */
		fuzz_check(got == 1 || got == DERP_E_HTTP ||
			   got == DERP_E_LIMIT);
		fuzz_check(got != 1 ||
			   (h.len == n - len && h.status == number));
		if (extra[0] == '\0' && n <= DERP_HTTP_MAX)
			fuzz_check(got == 1);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *steer;
	uint32_t cuts;
	char *text;

	if (size < STEER_LEN)
		return 0;
	size -= STEER_LEN;
	steer = data + size;
	cuts = (uint32_t)steer[1] << 8 | steer[2];
	if (steer[0] % 4 < 2) {
		check_read(steer[0] % 4 == 0, data, size, cuts);
		return 0;
	}
	text = malloc(size + 1);
	fuzz_check(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (steer[0] % 4 == 2)
		check_upgrade(text, size, cuts);
	else
		check_status(text, size);
	free(text);
	return 0;
}
