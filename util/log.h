/*
 * log.h - one line per event on standard error, for people and for grep:
 *
 *   2026-01-02T03:04:05.678Z info login conn=3 key=[SbsJn] from=127.0.0.1:4711
 *
 * Values that hold a blank, a quote or nothing at all are quoted; whatever
 * a peer wrote is escaped (text.h), so nobody can forge a line.  A line
 * is one write().  Secrets are never handed to it.
 *
 *	LOG(LOG_INFO, "login", L_NUM("conn", id), L_KEY("key", key));
 */
#ifndef DERPKIT_LOG_H
#define DERPKIT_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Their names, ended by NULL, as opt_choice() takes them. */
extern const char *const log_levels[];
/* Lines above this level are not made; LOG_INFO at first. */
extern enum log_level log_max;

struct log_field {
	const char *name; /* NULL ends a list */
	enum { LOG_FIELD_NUM, LOG_FIELD_TEXT, LOG_FIELD_KEY } kind;
	int64_t num;
	const void *at;
	size_t len;
};

#define L_NUM(name, v)                                                         \
	{                                                                      \
		(name), LOG_FIELD_NUM, (int64_t)(v), NULL, 0                   \
	}
#define L_TEXT(name, at, len)                                                  \
	{                                                                      \
		(name), LOG_FIELD_TEXT, 0, (at), (len)                         \
	}
#define L_STR(name, s)                                                         \
	{                                                                      \
		(name), LOG_FIELD_TEXT, 0, (s), strlen(s)                      \
	}
/* A public key, in short form. */
#define L_KEY(name, key)                                                       \
	{                                                                      \
		(name), LOG_FIELD_KEY, 0, (key), 0                             \
	}

#define LOG(level, event, ...)                                                 \
	do {                                                                   \
		if ((level) <= log_max)                                        \
			log_write(level, event,                                \
				  (const struct log_field[]){                  \
					  __VA_ARGS__,                         \
					  { NULL, LOG_FIELD_NUM, 0, NULL,      \
					    0 } });                            \
	} while (0)

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields);

/* A line without the time into out[cap]; what does not fit is cut at the end.
 * Returns its length.  For log_write() and its tests. */
#define LOG_LINE_MAX 1024
size_t log_format(char *out, size_t cap, enum log_level level,
		  const char *event, const struct log_field *fields);

#endif
