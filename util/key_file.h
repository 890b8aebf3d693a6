/*
 * key_file.h - keys that are kept in files, never on a command line.
 *
 * A private key:  privkey:64 hex, or 64 hex, or the file of the reference's
 *                 derper, {"PrivateKey":"privkey:64 hex"}
 * A mesh key:     64 hex
 *
 * White space around is allowed.  An all-zero key is refused.  "-" is standard
 * input.  Nothing of the file stays in memory but the key.
 */
#ifndef DERPKIT_KEY_FILE_H
#define DERPKIT_KEY_FILE_H

#include "derp.h"

enum key_kind { KEY_PRIVATE, KEY_MESH };

#define KEY_FILE_ERR_MAX 320

/* 0, or -1 with *key untouched and in err one line that names the file. */
int key_file_read(uint8_t key[DERP_KEY_LEN], enum key_kind kind,
		  const char *path, char err[KEY_FILE_ERR_MAX]);
/* The same for the text of a file. */
int key_text_read(uint8_t key[DERP_KEY_LEN], enum key_kind kind,
		  const char *text, size_t len);
/* Make a new file, mode 0600; one that is there is left alone (an error). */
int key_file_create(const char *path, enum key_kind kind,
		    const uint8_t key[DERP_KEY_LEN],
		    char err[KEY_FILE_ERR_MAX]);
/* A new private key.  sodium_init() before. */
void key_new(uint8_t key[DERP_KEY_LEN]);

#endif
