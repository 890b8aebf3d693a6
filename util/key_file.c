/*
 * key_file.c - keys that are kept in files, never on a command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "derp_json.h"
#include "derp_key.h"
#include "key_file.h"
#include "text.h"

#define FILE_MAX 4096 /* bytes; a key takes 100 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of the member PrivateKey, decoded; 0 or -1. */
static int json_member(char out[FILE_MAX], size_t *n, const char *text,
		       size_t len)
{
	struct derp_json_reader r;
	struct derp_json_token t;
	bool found = false;

	derp_json_read(&r, (const uint8_t *)text, len);
	if (derp_json_next(&r, &t) != 0 || t.kind != DERP_JSON_OBJECT)
		return -1;
	for (;;) {
		bool ours;
		if (derp_json_next(&r, &t) != 0)
			return -1;
		if (t.kind == DERP_JSON_OBJECT_END)
			break;
		ours = derp_json_key_is(&t, "PrivateKey");
		if (derp_json_next(&r, &t) != 0)
			return -1;
		if (!ours) {
			if (derp_json_skip(&r, &t) != 0)
				return -1;
			continue;
		}
		if (t.kind != DERP_JSON_STRING)
			return -1;
		derp_json_decode(&t, (uint8_t *)out, FILE_MAX, n);
		if (*n > FILE_MAX)
			return -1;
		found = true;
	}
	if (!found || derp_json_next(&r, &t) != 0 || t.kind != DERP_JSON_END)
		return -1;
	return 0;
}

int key_text_read(uint8_t key[DERP_KEY_LEN], enum key_kind kind,
		  const char *text, size_t len)
{
	uint8_t got[DERP_KEY_LEN];
	char value[FILE_MAX];
	int e;

	while (len > 0 && is_blank(text[0]))
		text++, len--;
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	if (kind == KEY_PRIVATE && len > 0 && text[0] == '{') {
		size_t n = 0;
		e = json_member(value, &n, text, len);
		if (e == 0)
			e = derp_key_parse(got, DERP_KEY_PRIVATE, value, n);
	} else if (kind == KEY_PRIVATE && len > DERP_HEX_LEN) {
		e = derp_key_parse(got, DERP_KEY_PRIVATE, text, len);
	} else {
		e = derp_key_parse(got, DERP_KEY_HEX, text, len);
	}
	if (e == 0 && sodium_is_zero(got, sizeof got))
		e = -1;
	if (e == 0)
		memcpy(key, got, sizeof got);
	sodium_memzero(got, sizeof got);
	sodium_memzero(value, sizeof value);
	return e == 0 ? 0 : -1;
}

static int fail(char err[KEY_FILE_ERR_MAX], const char *path, const char *why)
{
	char name[200];

	snprintf(err, KEY_FILE_ERR_MAX, "%s: %s",
		 text_escape(name, sizeof name, path, strlen(path)), why);
	return -1;
}

/* The whole file into buf: its length, or -1 and errno. */
static ssize_t read_all(int fd, char *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t k = read(fd, buf + n, cap - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return (ssize_t)n;
}

int key_file_read(uint8_t key[DERP_KEY_LEN], enum key_kind kind,
		  const char *path, char err[KEY_FILE_ERR_MAX])
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char text[FILE_MAX + 1];
	ssize_t n;
	int e = 0;

	if (fd < 0)
		return fail(err, path, strerror(errno));
	n = read_all(fd, text, sizeof text);
	if (n < 0)
		e = fail(err, path, strerror(errno));
	else if (n > FILE_MAX)
		e = fail(err, path, "too large for a key file");
	else if (key_text_read(key, kind, text, (size_t)n) != 0)
		e = fail(err, path,
			 kind == KEY_MESH
				 ? "no mesh key: wants 64 hex digits"
				 : "no private key: wants privkey: and 64 "
				   "hex digits, or 64 hex digits");
	sodium_memzero(text, sizeof text);
	if (!is_stdin)
		close(fd);
	return e;
}

int key_file_create(const char *path, enum key_kind kind,
		    const uint8_t key[DERP_KEY_LEN], char err[KEY_FILE_ERR_MAX])
{
	char text[DERP_KEY_TEXT_MAX + 1];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len, n = 0;
	int e = 0;

	if (fd < 0)
		return fail(err, path, strerror(errno));
	derp_key_text(text, kind == KEY_MESH ? DERP_KEY_HEX : DERP_KEY_PRIVATE,
		      key);
	len = strlen(text);
	text[len++] = '\n';
	while (n < len && e == 0) {
		ssize_t k = write(fd, text + n, len - n);
		if (k >= 0)
			n += (size_t)k;
		else if (errno != EINTR)
			e = fail(err, path, strerror(errno));
	}
	sodium_memzero(text, sizeof text);
	if (close(fd) != 0 && e == 0)
		e = fail(err, path, strerror(errno));
	if (e != 0)
		unlink(path); /* half a key is no key */
	return e;
}

void key_new(uint8_t key[DERP_KEY_LEN])
{
	randombytes_buf(key, DERP_KEY_LEN);
	/* Clamped as X25519 will anyway, so that the file shows what is used.
	 */
	key[0] &= 248;
	key[31] = (uint8_t)((key[31] & 127) | 64);
}
