/*
 * cli_text.c - show text that others wrote, and read files whole.
 */
#include "cli_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 5 /* bytes of "\xHH" and a NUL */

static size_t show(char out[SHOWN_MAX], unsigned char c)
{
	if (c >= 0x20 && c < 0x7f)
		return (size_t)snprintf(out, SHOWN_MAX, "%c", c);
	if (c == '\n')
		return (size_t)snprintf(out, SHOWN_MAX, "\\n");
	if (c == '\t')
		return (size_t)snprintf(out, SHOWN_MAX, " ");
	return (size_t)snprintf(out, SHOWN_MAX, "\\x%02x", c);
}

void cli_put(FILE *to, const void *text, size_t len)
{
	const unsigned char *p = text;
	char shown[SHOWN_MAX];

	for (size_t i = 0; i < len; i++) {
		show(shown, p[i]);
		fputs(shown, to);
	}
}

void cli_puts(FILE *to, const char *text)
{
	cli_put(to, text, strlen(text));
}

void cli_clean(char *out, size_t cap, const char *text)
{
	char shown[SHOWN_MAX];
	size_t at = 0, n;

	if (cap == 0)
		return;
	for (; *text != '\0'; text++) {
		n = show(shown, (unsigned char)*text);
		if (n >= cap - at)
			break;
		memcpy(out + at, shown, n);
		at += n;
	}
	out[at] = '\0';
}

void cli_place(FILE *to, const char *file, unsigned line, unsigned col)
{
	cli_puts(to, file);
	fprintf(to, ":%u:%u: ", line, col);
}

void cli_caret(FILE *to, const char *text, size_t len, unsigned line,
	       unsigned col)
{
	const char *nl;
	char shown[SHOWN_MAX];
	size_t shift = 0;

	while (line > 1 && (nl = memchr(text, '\n', len)) != NULL) {
		len -= (size_t)(nl + 1 - text);
		text = nl + 1;
		line--;
	}
	if (line > 1)
		return;
	if ((nl = memchr(text, '\n', len)) != NULL)
		len = (size_t)(nl - text);
	for (size_t i = 0; i < len && i + 1 < col; i++)
		shift += show(shown, (unsigned char)text[i]);
	fputs("  ", to);
	cli_put(to, text, len);
	fprintf(to, "\n  %*s^\n", (int)shift, "");
}

/* Grows as it reads: the size of a pipe is not known, that of a file may
 * change. */
static char *read_stream(FILE *f, size_t max, size_t *len, const char **wrong)
{
	size_t n = 0, cap = 0, got;
	char *buf = NULL, *more;

	do {
		cap = cap == 0 ? 8192 : cap * 2;
		more = realloc(buf, cap + 1);
		if (more == NULL) {
			*wrong = "out of memory";
			break;
		}
		buf = more;
		got = fread(buf + n, 1, cap - n, f);
		n += got;
	} while (got > 0 && n <= max);
	if (*wrong == NULL && ferror(f))
		*wrong = strerror(errno);
	if (*wrong == NULL && n > max)
		*wrong = "file is too large";
	if (*wrong != NULL) {
		free(buf);
		return NULL;
	}
	buf[n] = '\0';
	*len = n;
	return buf;
}

char *cli_read_file(const char *path, size_t max, size_t *len, FILE *err)
{
	const char *wrong = NULL;
	char *buf = NULL;
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "rb");

	if (f == NULL) {
		wrong = strerror(errno);
	} else {
		buf = read_stream(f, max, len, &wrong);
		if (!in)
			fclose(f);
	}
	if (wrong != NULL)
		fprintf(err, "derpspec: cannot read %s: %s\n", path, wrong);
	return buf;
}
