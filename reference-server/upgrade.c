/*
 * upgrade.c - what to answer to an HTTP request.
 *
 *	/derp with Upgrade: DERP    101 and DERP, or DERP at once (Fast-Start)
 *	/derp otherwise             426, the connection stays usable
 *	/derp/probe, /derp/latency-check    200 for GET and HEAD, else 405
 *	/generate_204               204
 *	anything else               404
 *
 * A request with a body is answered and then closed: reading bodies to find
 * the next request behind them is nobody's need here.
 */
#include <stdio.h>
#include <string.h>

#include "upgrade.h"

#define PATH_MAX_LEN 64 /* longer than every path that is served */
#define CHALLENGE_MAX 64

static bool text_equal(const struct derp_text *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->at, word, t->len) == 0;
}

static bool text_has(const struct derp_text *t, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; n <= t->len && i <= t->len - n; i++)
		if (memcmp(t->at + i, word, n) == 0)
			return true;
	return false;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of a target: without "http://host", without "?query", percent
 * signs decoded.  Empty if it is too long or malformed, like no path that is
 * served. */
static void path_of(char out[PATH_MAX_LEN], const struct derp_text *target)
{
	const uint8_t *p = target->at, *end = p + target->len;
	size_t n = 0;

	out[0] = '\0';
	if (target->len > 7 && memcmp(p, "http://", 7) == 0) {
		p = memchr(p + 7, '/', target->len - 7);
		if (p == NULL)
			return;
	}
	for (; p < end && *p != '?'; p++) {
		uint8_t c = *p;
		if (c == '%') {
			int hi = end - p > 2 ? hex_digit(p[1]) : -1;
			int lo = end - p > 2 ? hex_digit(p[2]) : -1;
			if (hi < 0 || lo < 0)
				break;
			c = (uint8_t)(hi * 16 + lo);
			p += 2;
		}
		if (c == '\0' || n == PATH_MAX_LEN - 1)
			break;
		out[n++] = (char)c;
	}
	out[p < end && *p != '?' ? 0 : n] = '\0';
}

/* Who closes after an answer says so in it. */
static void answer(struct upgrade *u, uint32_t status, const char *extra,
		   const char *body)
{
	char lines[sizeof u->answer];

	snprintf(lines, sizeof lines, "%s%s", extra != NULL ? extra : "",
		 u->verdict == UPGRADE_CLOSE ? "Connection: close\r\n" : "");
	if (derp_http_write_status(u->answer, sizeof u->answer, &u->len, status,
				   lines, body) != 0)
		u->len = 0;
}

/* HTTP/1.1 wants one Host, and no blank in it (DERP-HTTP-26). */
static bool host_ok(const struct derp_http_head *h)
{
	struct derp_text host, second;
	size_t from = 0;

	if (!derp_http_field(h, "Host", &host, &from))
		return h->minor == 0;
	return !derp_http_field(h, "Host", &second, &from) &&
	       memchr(host.at, ' ', host.len) == NULL &&
	       memchr(host.at, '\t', host.len) == NULL;
}

static bool wants_close(const struct derp_http_head *h)
{
	struct derp_text v;

	if (h->minor == 0)
		return true;
	if (derp_http_field(h, "Connection", &v, NULL) &&
	    derp_text_is(&v, "close"))
		return true;
	if (derp_http_field(h, "Transfer-Encoding", &v, NULL))
		return true;
	return derp_http_field(h, "Content-Length", &v, NULL) &&
	       !text_equal(&v, "0");
}

/* Raw DERP is also what a WebSocket request without the subprotocol gets.
 * With it, it would be WebSocket, which this server does not speak. */
static bool wants_derp(const struct derp_http_head *h)
{
	struct derp_text up, sub;

	if (!derp_http_field(h, "Upgrade", &up, NULL))
		return false;
	if (derp_text_is(&up, "derp"))
		return true;
	return derp_text_is(&up, "websocket") &&
	       !(derp_http_field(h, "Sec-WebSocket-Protocol", &sub, NULL) &&
		 text_has(&sub, "derp"));
}

static void judge_derp(struct upgrade *u, const struct derp_http_head *h,
		       const uint8_t *server_key)
{
	struct derp_text v;

	if (!wants_derp(h)) {
		answer(u, 426, "X-Content-Type-Options: nosniff\r\n",
		       "DERP requires connection upgrade\n");
		return;
	}
	u->verdict = UPGRADE_DERP;
	u->not_ideal = derp_http_field(h, "Ideal-Node", &v, NULL) && v.len > 0;
	if (derp_http_field(h, "Derp-Fast-Start", &v, NULL) &&
	    text_equal(&v, "1"))
		return; /* DERP-HTTP-13: nothing before ServerKey */
	if (derp_http_write_101(u->answer, sizeof u->answer, &u->len,
				server_key) != 0)
		u->verdict = UPGRADE_CLOSE;
}

static void judge_204(struct upgrade *u, const struct derp_http_head *h)
{
	static const char no_store[] = "Cache-Control: no-cache, no-store, "
				       "must-revalidate, no-transform, "
				       "max-age=0\r\n";
	char extra[sizeof no_store + CHALLENGE_MAX + 64];
	struct derp_text v;
	bool ok = derp_http_field(h, "X-Tailscale-Challenge", &v, NULL) &&
		  v.len > 0 && v.len <= CHALLENGE_MAX;

	for (size_t i = 0; ok && i < v.len; i++) {
		uint8_t c = v.at[i], low = c | 0x20;
		ok = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
		     c == '.' || c == '-' || c == '_' || c == ':';
	}
	if (ok)
		snprintf(extra, sizeof extra,
			 "%sX-Tailscale-Response: response %.*s\r\n", no_store,
			 (int)v.len, (const char *)v.at);
	answer(u, 204, ok ? extra : no_store, NULL);
}

/* A HEAD is answered like a GET, without the body. */
static void judge_other(struct upgrade *u, bool head)
{
	answer(u, 404, NULL, head ? NULL : "not found: DERP is at /derp\n");
}

void upgrade_judge(struct upgrade *u, const struct derp_http_head *h,
		   const uint8_t server_key[DERP_KEY_LEN])
{
	bool head = text_equal(&h->method, "HEAD");
	char path[PATH_MAX_LEN];

	memset(u, 0, sizeof *u);
	if (!host_ok(h)) {
		upgrade_refuse(u, DERP_E_HTTP);
		return;
	}
	u->verdict = wants_close(h) ? UPGRADE_CLOSE : UPGRADE_NEXT;
	path_of(path, &h->target);
	if (strcmp(path, "/derp") == 0)
		judge_derp(u, h, server_key);
	else if (strcmp(path, "/generate_204") == 0)
		judge_204(u, h);
	else if (strcmp(path, "/derp/probe") != 0 &&
		 strcmp(path, "/derp/latency-check") != 0)
		judge_other(u, head);
	else if (head || text_equal(&h->method, "GET"))
		answer(u, 200, "Access-Control-Allow-Origin: *\r\n", NULL);
	else
		answer(u, 405, NULL, "bogus probe method\n");
}

void upgrade_refuse(struct upgrade *u, int err)
{
	memset(u, 0, sizeof *u);
	u->verdict = UPGRADE_CLOSE;
	if (err == DERP_E_LIMIT)
		answer(u, 431, NULL, "the head of the request is too large\n");
	else
		answer(u, 400, NULL, "malformed request\n");
}
