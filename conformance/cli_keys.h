/*
 * cli_keys.h - key pairs for servers that admit only clients they know.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "engine.h"

#define CLI_KEYS_MAX 256

/* A private key a line, 64 hex digits or privkey: and these; '#' begins a
 * comment line.  Exit code, after a line on stderr.  The caller wipes and
 * frees *keys with cli_keys_free(). */
int cli_keys_read(struct engine_key **keys, size_t *num, const char *path);
void cli_keys_free(struct engine_key *keys);

#endif
