/*
 * cli_keys.c - read the file of --client-keys.
 */
#include "cli_keys.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"
#include "cli_text.h"
#include "derp_box.h"
#include "key_file.h"

#define KEYS_FILE_MAX (64u << 10)

static int wrong(const char *path, size_t line, const char *what)
{
	fputs("derpspec: ", stderr);
	cli_puts(stderr, path);
	if (line > 0)
		fprintf(stderr, ":%zu", line);
	fprintf(stderr, ": %s\n", what);
	return EXIT_INPUT;
}

/* The same key twice would be one peer under two names. */
static bool is_known(const struct engine_key *keys, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		if (memcmp(keys[i].pub, keys[num].pub, 32) == 0)
			return true;
	}
	return false;
}

static const char *take(struct engine_key *keys, size_t *num, const char *text,
			size_t len)
{
	struct engine_key *k = &keys[*num];

	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		len--;
	if (len == 0 || text[0] == '#')
		return NULL;
	if (*num == CLI_KEYS_MAX)
		return "at most 256 keys are read";
	if (key_text_read(k->priv, KEY_PRIVATE, text, len) != 0 ||
	    derp_public_key(k->pub, k->priv) != 0)
		return "a line is a private key: 64 hex digits, or privkey: "
		       "and these";
	if (is_known(keys, *num))
		return "this key came before";
	(*num)++;
	return NULL;
}

static int read_lines(struct engine_key *keys, size_t *num, const char *path,
		      const char *text, size_t len)
{
	const char *end = text + len, *what = NULL;
	size_t line = 0;

	while (text < end && what == NULL) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl : end;

		line++;
		what = take(keys, num, text, (size_t)(stop - text));
		text = stop + (nl != NULL);
	}
	if (what != NULL)
		return wrong(path, line, what);
	return *num > 0 ? 0 : wrong(path, 0, "holds no key");
}

int cli_keys_read(struct engine_key **keys, size_t *num, const char *path)
{
	size_t len;
	char *text = cli_read_file(path, KEYS_FILE_MAX, &len, stderr);
	int code;

	*num = 0;
	if (text == NULL)
		return EXIT_INPUT;
	/* one more: the key that is too many is looked at, too */
	*keys = calloc(CLI_KEYS_MAX + 1, sizeof(**keys));
	if (*keys == NULL) {
		fputs("derpspec: out of memory\n", stderr);
		code = EXIT_OURS;
	} else {
		code = read_lines(*keys, num, path, text, len);
	}
	sodium_memzero(text, len);
	free(text);
	return code;
}

void cli_keys_free(struct engine_key *keys)
{
	if (keys != NULL)
		sodium_memzero(keys, (CLI_KEYS_MAX + 1) * sizeof(*keys));
	free(keys);
}
