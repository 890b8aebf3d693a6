/*
 * http_write.c - the upgrade request, the 101, and other answers.
 */
#include "derp_http.h"
#include "derp_key.h"
#include "http_field.h"

/* Counts what it is given, and writes while at is not NULL: a first pass
 * measures, a second one writes, and a refused buffer stays untouched. */
struct sink {
	uint8_t *at;
	size_t n;
};

static void put(struct sink *s, const char *text)
{
	for (; *text != '\0'; text++) {
		if (s->at != NULL)
			s->at[s->n] = (uint8_t)*text;
		s->n++;
	}
}

static void put_number(struct sink *s, size_t v)
{
	char digits[24];
	size_t i = sizeof digits;

	digits[--i] = '\0';
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	put(s, digits + i);
}

static void put_field(struct sink *s, const char *name, const char *value)
{
	put(s, name);
	put(s, ": ");
	put(s, value);
	put(s, "\r\n");
}

static bool is_line(const char *value)
{
	for (; *value != '\0'; value++) {
		if (!http_is_text((uint8_t)*value))
			return false;
	}
	return true;
}

/* One word of visible bytes. */
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

static void put_upgrade(struct sink *s, const struct derp_http_upgrade *u)
{
	put(s, "GET ");
	put(s, u->path);
	put(s, " HTTP/1.1\r\n");
	put_field(s, "Host", u->host);
	if (u->user_agent != NULL)
		put_field(s, "User-Agent", u->user_agent);
	put_field(s, "Connection", "Upgrade");
	if (u->fast_start)
		put_field(s, "Derp-Fast-Start", "1");
	if (u->ideal_node != NULL)
		put_field(s, "Ideal-Node", u->ideal_node);
	put_field(s, "Upgrade", "DERP");
	put(s, "\r\n");
}

int derp_http_write_upgrade(const struct derp_http_upgrade *u, uint8_t *out,
			    size_t cap, size_t *n)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	if (!is_word(u->host) || !is_word(u->path) || u->path[0] != '/' ||
	    (u->user_agent != NULL && !is_line(u->user_agent)) ||
	    (u->ideal_node != NULL && !is_line(u->ideal_node)))
		return DERP_E_VALUE;
	put_upgrade(&measure, u);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	put_upgrade(&write, u);
	*n = write.n;
	return 0;
}

static void put_101(struct sink *s, const uint8_t *key)
{
	char text[DERP_KEY_TEXT_MAX];

	derp_key_text(text, DERP_KEY_HEX, key);
	put(s, "HTTP/1.1 101 Switching Protocols\r\n");
	put_field(s, "Upgrade", "DERP");
	put_field(s, "Connection", "Upgrade");
	put_field(s, "Derp-Version", "2");
	put_field(s, "Derp-Public-Key", text);
	put(s, "\r\n");
}

int derp_http_write_101(uint8_t *out, size_t cap, size_t *n,
			const uint8_t key[DERP_KEY_LEN])
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	put_101(&measure, key);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	put_101(&write, key);
	*n = write.n;
	return 0;
}

static const char *reason_of(uint32_t status)
{
	static const struct {
		uint32_t status;
		const char *reason;
	} reasons[] = {
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 204, "No Content" },
		{ 302, "Found" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unnamed";
}

/* Lines that each end in CR LF, none of them empty: no early end of head. */
static bool is_lines(const char *extra)
{
	size_t line = 0;

	for (; *extra != '\0'; extra++) {
		if (extra[0] == '\r' && extra[1] == '\n') {
			if (line == 0)
				return false;
			line = 0;
			extra++;
		} else if (http_is_text((uint8_t)*extra)) {
			line++;
		} else {
			return false;
		}
	}
	return line == 0;
}

/* These never have a body, and their heads do not speak of its length. */
static bool is_bodiless(uint32_t status)
{
	return status < 200 || status == 204 || status == 304;
}

static void put_status(struct sink *s, uint32_t status, const char *extra,
		       const char *body)
{
	size_t len = 0;

	put(s, "HTTP/1.1 ");
	put_number(s, status);
	put(s, " ");
	put(s, reason_of(status));
	put(s, "\r\n");
	while (body != NULL && body[len] != '\0')
		len++;
	if (body != NULL)
		put_field(s, "Content-Type", "text/plain; charset=utf-8");
	if (!is_bodiless(status)) {
		put(s, "Content-Length: ");
		put_number(s, len);
		put(s, "\r\n");
	}
	if (extra != NULL)
		put(s, extra);
	put(s, "\r\n");
	if (body != NULL)
		put(s, body);
}

int derp_http_write_status(uint8_t *out, size_t cap, size_t *n, uint32_t status,
			   const char *extra, const char *body)
{
	struct sink measure = { NULL, 0 }, write = { out, 0 };

	if (status < 100 || status > 999 ||
	    (extra != NULL && !is_lines(extra)) ||
	    (body != NULL && is_bodiless(status)))
		return DERP_E_VALUE;
	put_status(&measure, status, extra, body);
	if (measure.n > cap)
		return DERP_E_NOBUF;
	put_status(&write, status, extra, body);
	*n = write.n;
	return 0;
}
