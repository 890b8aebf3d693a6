/*
 * spec.h - the rules of docs/protocol.md, as data.
 *
 *   **DERP-PING-4** (MUST, server, since 1.104) A longer body ends the
 *   connection.
 *       Source: derpserver.go handleFramePing, both.
 *       Untested: why no case covers it.
 *
 * A line that begins so begins a rule; it ends with an empty line.  All else
 * is prose.
 *
 * Everything that spec_read() gives belongs to the struct spec and lives
 * until spec_free().
 */
#ifndef SPEC_H
#define SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum spec_level { SPEC_MUST, SPEC_SHOULD, SPEC_MAY };

struct spec_rule {
	char *id;
	enum spec_level level;
	char *level_text; /* as written: "MUST NOT" */
	char *side;       /* "server", "client" or "both" */
	char *versions;   /* "since 1.104", "until 1.102"; mostly "" */
	char *text;       /* the sentences, on one line */
	char *source;     /* where it was read */
	char *untested;   /* why there is no case; mostly "" */
	unsigned line;
};

struct spec {
	struct spec_rule *rules;
	size_t num_rules;
};

/* 0, or -1 after a line on err (NULL: none) that says where the text is not
 * as it should be: a rule without level, side or source, an id used twice. */
int spec_read(struct spec *s, const char *file, const char *text, size_t len,
	      FILE *err);
void spec_free(struct spec *s);

/* NULL: no such rule. */
const struct spec_rule *spec_find(const struct spec *s, const char *id);

/* Does the rule bind servers? */
bool spec_binds_server(const struct spec_rule *r);

#endif
