/*
 * http_read.c - one HTTP/1 head, request or response, as it arrives.
 *
 *   GET /derp HTTP/1.1 <end>      line 0
 *   Name: value <end>             field lines
 *    more value <end>             begins with a blank: goes on (obs-fold)
 *   <end>                         and DERP follows
 *
 * <end> is LF, with or without CR in front of it.  Each byte is looked for an
 * LF once and each line judged once, when its LF is there: how the head is
 * cut does not matter, neither for the verdict nor for the cost.
 */
#include "derp_http.h"
#include "http_field.h"

enum kind { REQUEST, RESPONSE };

/* Split off what is in front of the first blank; false if there is none. */
static bool split(struct derp_text *word, struct derp_text *rest)
{
	for (size_t i = 0; i < rest->len; i++) {
		if (rest->at[i] == ' ') {
			word->at = rest->at;
			word->len = i;
			rest->at += i + 1;
			rest->len -= i + 1;
			return true;
		}
	}
	return false;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_token_byte(uint8_t c)
{
	static const uint8_t others[] = { '!',  '#', '$', '%', '&',
					  '\'', '*', '+', '-', '.',
					  '^',  '_', '`', '|', '~' };
	uint8_t low = http_lower(c);

	if (is_digit(c) || (low >= 'a' && low <= 'z'))
		return true;
	for (size_t i = 0; i < sizeof others; i++) {
		if (c == others[i])
			return true;
	}
	return false;
}

static bool is_token(const struct derp_text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (!is_token_byte(t->at[i]))
			return false;
	}
	return t->len != 0;
}

static bool is_text(const struct derp_text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (!http_is_text(t->at[i]))
			return false;
	}
	return true;
}

static bool is_version(const struct derp_text *t)
{
	static const uint8_t name[] = { 'H', 'T', 'T', 'P', '/', '1', '.' };

	if (t->len != sizeof name + 1)
		return false;
	for (size_t i = 0; i < sizeof name; i++) {
		if (t->at[i] != name[i])
			return false;
	}
	return is_digit(t->at[sizeof name]);
}

static uint32_t minor_of(const struct derp_text *version)
{
	return (uint32_t)version->at[version->len - 1] - '0';
}

static bool request_line(struct derp_http_head *h, struct derp_text line)
{
	struct derp_text method, target;

	if (!split(&method, &line) || !split(&target, &line))
		return false;
	if (!is_token(&method) || target.len == 0 || !is_text(&target) ||
	    !is_version(&line))
		return false;
	for (size_t i = 0; i < target.len; i++) {
		if (target.at[i] == '\t')
			return false;
	}
	h->method = method;
	h->target = target;
	h->minor = minor_of(&line);
	return true;
}

static bool status_line(struct derp_http_head *h, struct derp_text line)
{
	struct derp_text version, status;

	if (!split(&version, &line) || !is_version(&version))
		return false;
	while (line.len > 0 && line.at[0] == ' ') {
		line.at++;
		line.len--;
	}
	if (!split(&status, &line)) {
		status = line;
		line.at += line.len;
		line.len = 0;
	}
	if (status.len != 3 || !is_digit(status.at[0]) ||
	    !is_digit(status.at[1]) || !is_digit(status.at[2]) ||
	    !is_text(&line))
		return false;
	h->minor = minor_of(&version);
	h->status = 100u * (uint32_t)(status.at[0] - '0') +
		    10u * (uint32_t)(status.at[1] - '0') +
		    (uint32_t)(status.at[2] - '0');
	h->reason = line;
	return true;
}

static bool first_line(struct derp_http_head *h, enum kind kind,
		       struct derp_text line)
{
	return kind == REQUEST ? request_line(h, line) : status_line(h, line);
}

/* lines counts those before this one; a value cannot go on before the first
 * field. */
static bool field_line(const struct derp_text *line, uint32_t lines)
{
	struct derp_text name = { line->at, 0 };

	if (!is_text(line))
		return false;
	if (http_is_blank(line->at[0]))
		return lines > 1;
	while (name.len < line->len && line->at[name.len] != ':')
		name.len++;
	return name.len < line->len && is_token(&name);
}

static void without_end(struct derp_text *line)
{
	if (line->len > 0 && line->at[line->len - 1] == '\n')
		line->len--;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
}

/* The head ends in front of end; its blank line begins at blank. */
static void fill(struct derp_http_head *h, enum kind kind, const uint8_t *buf,
		 size_t blank, size_t end)
{
	struct derp_http_head out = { .len = end };
	struct derp_text line = { buf, 0 };
	size_t first = 0;

	while (buf[first] != '\n')
		first++;
	line.len = first + 1;
	without_end(&line);
	(void)first_line(&out, kind, line);
	out.fields.at = buf + first + 1;
	out.fields.len = blank - (first + 1);
	*h = out;
}

/* Find the LF of the current line: its offset, or end if it is not there. */
static size_t find_lf(const struct derp_http_reader *r, const uint8_t *buf,
		      size_t end)
{
	size_t i = r->scanned;

	while (i < end && buf[i] != '\n')
		i++;
	return i;
}

static int read_head(struct derp_http_reader *r, struct derp_http_head *h,
		     enum kind kind, const uint8_t *buf, size_t len)
{
	size_t end = len < DERP_HTTP_MAX ? len : DERP_HTTP_MAX;
	struct derp_http_head unused;
	struct derp_text line;
	size_t lf;

	while ((lf = find_lf(r, buf, end)) < end) {
		line.at = buf + r->line;
		line.len = lf + 1 - r->line;
		without_end(&line);
		if (r->lines == 0
			    ? !first_line(&unused, kind, line)
			    : line.len != 0 && !field_line(&line, r->lines))
			return DERP_E_HTTP;
		if (line.len == 0) {
			fill(h, kind, buf, r->line, lf + 1);
			return 1;
		}
		r->line = lf + 1;
		r->scanned = lf + 1;
		r->lines++;
	}
	r->scanned = end;
	return end == DERP_HTTP_MAX ? DERP_E_LIMIT : 0;
}

static int read_once(struct derp_http_reader *r, struct derp_http_head *h,
		     enum kind kind, const uint8_t *buf, size_t len)
{
	int got;

	if (r->err != 0)
		return r->err;
	got = read_head(r, h, kind, buf, len);
	if (got < 0)
		r->err = got;
	return got;
}

int derp_http_read_request(struct derp_http_reader *r, struct derp_http_head *h,
			   const uint8_t *buf, size_t len)
{
	return read_once(r, h, REQUEST, buf, len);
}

int derp_http_read_response(struct derp_http_reader *r,
			    struct derp_http_head *h, const uint8_t *buf,
			    size_t len)
{
	return read_once(r, h, RESPONSE, buf, len);
}
