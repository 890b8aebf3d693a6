/*
 * ws_http.c - the upgrade to WebSocket: request, 101, and what they must say.
 *
 *   Sec-WebSocket-Key      base64 of 16 random bytes
 *   Sec-WebSocket-Accept   base64 of SHA-1 of the key's text and a fixed one
 *
 * The server judges as the reference's library does: for a WebSocket, unlike
 * for raw DERP, the method, Connection, version and key count.
 */
#include "derp_ws.h"
#include "bytes.h"
#include "http_field.h"
#include "ws_sha1.h"

static const uint8_t digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- keys ------------------------------------------------------------ */

static void base64(uint8_t *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i += 3, out += 4) {
		uint32_t v = 0x10000u * in[i];

		if (i + 1 < len)
			v += 0x100u * in[i + 1];
		if (i + 2 < len)
			v += in[i + 2];
		out[0] = digits[v / 0x40000u];
		out[1] = digits[v / 0x1000u % 0x40u];
		out[2] = i + 1 < len ? digits[v / 0x40u % 0x40u] : '=';
		out[3] = i + 2 < len ? digits[v % 0x40u] : '=';
	}
}

void derp_ws_key(uint8_t key[DERP_WS_KEY_LEN],
		 const uint8_t random[DERP_WS_RANDOM_LEN])
{
	base64(key, random, DERP_WS_RANDOM_LEN);
}

void derp_ws_accept(uint8_t accept[DERP_WS_ACCEPT_LEN],
		    const uint8_t key[DERP_WS_KEY_LEN])
{
	static const uint8_t fixed[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t text[DERP_WS_KEY_LEN + sizeof fixed - 1], sum[SHA1_LEN];

	copy(text, key, DERP_WS_KEY_LEN);
	copy(text + DERP_WS_KEY_LEN, fixed, sizeof fixed - 1);
	derp_sha1(sum, text, sizeof text);
	base64(accept, sum, sizeof sum);
}

/* Base64 of 16 bytes.  Bits that the last digit has too many are not looked
 * at, as in the reference. */
static bool is_key(const struct derp_text *t)
{
	if (t->len != DERP_WS_KEY_LEN)
		return false;
	for (size_t i = 0; i < DERP_WS_KEY_LEN - 2; i++) {
		size_t d = 0;

		while (d < 64 && digits[d] != t->at[i])
			d++;
		if (d == 64)
			return false;
	}
	return t->at[DERP_WS_KEY_LEN - 2] == '=' &&
	       t->at[DERP_WS_KEY_LEN - 1] == '=';
}

/* ---- heads: reading -------------------------------------------------- */

/* Is word one of the words between commas, in any field of that name? */
static bool lists(const struct derp_http_head *h, const char *name,
		  const char *word)
{
	struct derp_text v, t;
	size_t from = 0;

	while (derp_http_field(h, name, &v, &from)) {
		t.at = v.at;
		for (size_t i = 0; i <= v.len; i++) {
			if (i < v.len && v.at[i] != ',')
				continue;
			t.len = (size_t)(v.at + i - t.at);
			if (derp_text_is(&t, word))
				return true;
			t.at += i < v.len ? t.len + 1 : t.len;
		}
	}
	return false;
}

/* Letter case counts. */
static bool holds(const struct derp_text *t, const char *part)
{
	for (size_t i = 0; i < t->len; i++) {
		size_t n = 0;

		while (part[n] != '\0' && i + n < t->len &&
		       t->at[i + n] == (uint8_t)part[n])
			n++;
		if (part[n] == '\0')
			return true;
	}
	return false;
}

static bool field_is(const struct derp_http_head *h, const char *name,
		     const char *word)
{
	struct derp_text v;

	return derp_http_field(h, name, &v, NULL) && derp_text_is(&v, word);
}

static bool is_socket(const struct derp_http_head *h)
{
	struct derp_text v;

	return field_is(h, "Upgrade", "websocket") &&
	       derp_http_field(h, "Sec-WebSocket-Protocol", &v, NULL) &&
	       holds(&v, "derp");
}

static bool is_get(const struct derp_text *method)
{
	return method->len == 3 && method->at[0] == 'G' &&
	       method->at[1] == 'E' && method->at[2] == 'T';
}

int derp_ws_judge_request(const struct derp_http_head *h,
			  struct derp_ws_offer *o)
{
	struct derp_text key, second;
	size_t from = 0;

	if (!is_socket(h))
		return 0;
	if (h->minor < 1 || !lists(h, "Connection", "Upgrade"))
		return 426;
	if (!is_get(&h->method))
		return 405;
	if (!field_is(h, "Sec-WebSocket-Version", "13"))
		return 400;
	if (!derp_http_field(h, "Sec-WebSocket-Key", &key, &from) ||
	    !is_key(&key) ||
	    derp_http_field(h, "Sec-WebSocket-Key", &second, &from))
		return 400;
	o->derp = lists(h, "Sec-WebSocket-Protocol", "derp");
	derp_ws_accept(o->accept, key.at);
	return 101;
}

static bool is_accept_of(const struct derp_text *t,
			 const uint8_t key[DERP_WS_KEY_LEN])
{
	uint8_t want[DERP_WS_ACCEPT_LEN];

	if (t->len != sizeof want)
		return false;
	derp_ws_accept(want, key);
	for (size_t i = 0; i < sizeof want; i++) {
		if (t->at[i] != want[i])
			return false;
	}
	return true;
}

int derp_ws_judge_response(const struct derp_http_head *h,
			   const uint8_t key[DERP_WS_KEY_LEN])
{
	struct derp_text v;

	if (h->status != 101)
		return DERP_E_HTTP;
	if (!field_is(h, "Upgrade", "websocket") ||
	    !lists(h, "Connection", "Upgrade") ||
	    !derp_http_field(h, "Sec-WebSocket-Accept", &v, NULL) ||
	    !is_accept_of(&v, key) ||
	    !field_is(h, "Sec-WebSocket-Protocol", "derp") ||
	    derp_http_field(h, "Sec-WebSocket-Extensions", &v, NULL))
		return DERP_E_VALUE;
	return 0;
}

/* ---- heads: writing -------------------------------------------------- */

/* Counts what it is given, and writes while at is not NULL. */
struct sink {
	uint8_t *at;
	size_t n;
};

static void put_bytes(struct sink *s, const uint8_t *bytes, size_t len)
{
	if (s->at != NULL)
		copy(s->at + s->n, bytes, len);
	s->n += len;
}

static void put(struct sink *s, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		put_bytes(s, &c, 1);
	}
}

static void put_line(struct sink *s, const char *name, const char *value)
{
	if (value == NULL)
		return;
	put(s, name);
	put(s, value);
	put(s, "\r\n");
}

static bool is_line(const char *value)
{
	for (; value != NULL && *value != '\0'; value++) {
		if (!http_is_text((uint8_t)*value))
			return false;
	}
	return true;
}

static bool is_word(const char *value)
{
	if (*value == '\0' || !is_line(value))
		return false;
	for (; *value != '\0'; value++) {
		if (http_is_blank((uint8_t)*value))
			return false;
	}
	return true;
}

static void put_request(struct sink *s, const struct derp_ws_request *r)
{
	put(s, "GET ");
	put(s, r->path);
	put(s, " HTTP/1.1\r\n");
	put_line(s, "Host: ", r->host);
	put_line(s, "User-Agent: ", r->user_agent);
	put_line(s, "Origin: ", r->origin);
	put(s, "Connection: Upgrade\r\n"
	       "Upgrade: websocket\r\n"
	       "Sec-WebSocket-Version: 13\r\n"
	       "Sec-WebSocket-Protocol: derp\r\n"
	       "Sec-WebSocket-Key: ");
	put_bytes(s, r->key, DERP_WS_KEY_LEN);
	put(s, "\r\n\r\n");
}

int derp_ws_write_request(const struct derp_ws_request *r, uint8_t *out,
			  size_t cap, size_t *n)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	if (!is_word(r->host) || !is_word(r->path) || r->path[0] != '/' ||
	    !is_line(r->origin) || !is_line(r->user_agent))
		return DERP_E_VALUE;
	put_request(&measure, r);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	put_request(&write, r);
	*n = write.n;
	return 0;
}

static void put_101(struct sink *s, const struct derp_ws_offer *o)
{
	put(s, "HTTP/1.1 101 Switching Protocols\r\n"
	       "Connection: Upgrade\r\n"
	       "Upgrade: websocket\r\n"
	       "Sec-WebSocket-Accept: ");
	put_bytes(s, o->accept, DERP_WS_ACCEPT_LEN);
	put(s, "\r\n");
	put_line(s, "Sec-WebSocket-Protocol: ", o->derp ? "derp" : NULL);
	put(s, "\r\n");
}

int derp_ws_write_101(const struct derp_ws_offer *o, uint8_t *out, size_t cap,
		      size_t *n)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	put_101(&measure, o);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	put_101(&write, o);
	*n = write.n;
	return 0;
}
