/*
 * log.c - one line per event on standard error.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "derp_key.h"
#include "log.h"
#include "text.h"

#define VALUE_MAX 200 /* characters of one value */

const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
enum log_level log_max = LOG_INFO;

static size_t put(char *out, size_t cap, size_t n, const char *text)
{
	size_t len = strlen(text);

	if (len > cap - 1 - n)
		len = cap - 1 - n;
	memcpy(out + n, text, len);
	out[n + len] = '\0';
	return n + len;
}

static const char *value(char out[VALUE_MAX + 2], const struct log_field *f)
{
	char text[VALUE_MAX];

	switch (f->kind) {
	case LOG_FIELD_NUM:
		snprintf(out, VALUE_MAX, "%" PRId64, f->num);
		break;
	case LOG_FIELD_KEY:
		derp_key_short(out, f->at);
		break;
	case LOG_FIELD_TEXT:
		text_escape(text, sizeof text, f->at, f->len);
		/* A quote inside would end the value early. */
		for (char *p = text; *p != '\0'; p++)
			if (*p == '"')
				*p = '\'';
		if (text[0] == '\0' || strpbrk(text, " =") != NULL)
			snprintf(out, VALUE_MAX + 2, "\"%s\"", text);
		else
			snprintf(out, VALUE_MAX + 2, "%s", text);
		break;
	}
	return out;
}

size_t log_format(char *out, size_t cap, enum log_level level,
		  const char *event, const struct log_field *fields)
{
	char text[VALUE_MAX + 2];
	size_t n = 0;

	n = put(out, cap, n, log_levels[level]);
	n = put(out, cap, n, " ");
	n = put(out, cap, n, event);
	for (const struct log_field *f = fields; f->name != NULL; f++) {
		n = put(out, cap, n, " ");
		n = put(out, cap, n, f->name);
		n = put(out, cap, n, "=");
		n = put(out, cap, n, value(text, f));
	}
	return n;
}

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LOG_LINE_MAX];
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ ",
			      now.tv_nsec / 1000000);
	n += log_format(line + n, sizeof line - 1 - n, level, event, fields);
	line[n++] = '\n';
	/* A log that cannot be written is no reason to stop serving: a pipe
	 * that nobody reads loses lines, and never blocks. */
	if (poll(&err, 1, 0) != 1 || (err.revents & POLLOUT) == 0)
		return;
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
