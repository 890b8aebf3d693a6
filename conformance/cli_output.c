/*
 * cli_output.c - report files that are whole or not there.
 *
 *   open FILE.tmp --> write --> close --> rename to FILE
 *
 * It is opened before the run, so that a wrong path does not cost one.
 */
#include "cli_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* rename() over /dev/null would end it. */
static bool in_place(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int fail(const struct output *out, int code)
{
	fprintf(stderr, "derpspec: cannot write report %s: %s\n", out->path,
		strerror(errno));
	return code;
}

int output_open(struct output *out, const char *path)
{
	size_t len;

	memset(out, 0, sizeof(*out));
	out->path = path;
	if (path == NULL)
		return 0;
	if (strcmp(path, "-") == 0) {
		out->f = stdout;
		return 0;
	}
	if (!in_place(path)) {
		len = strlen(path) + sizeof(".tmp");
		out->tmp = malloc(len);
		if (out->tmp == NULL)
			return fail(out, EXIT_OURS);
		snprintf(out->tmp, len, "%s.tmp", path);
	}
	out->f = fopen(out->tmp != NULL ? out->tmp : path, "w");
	if (out->f != NULL)
		return 0;
	fail(out, EXIT_USAGE);
	free(out->tmp);
	out->tmp = NULL;
	return EXIT_USAGE;
}

int output_close(struct output *out, bool keep)
{
	int code = 0, bad;

	if (out->f == NULL)
		return 0;
	errno = 0;
	bad = fflush(out->f) != 0 || ferror(out->f);
	if (out->f != stdout)
		bad |= fclose(out->f) != 0;
	if (keep && bad)
		code = fail(out, EXIT_OURS);
	if (out->tmp != NULL) {
		if (!keep || bad)
			unlink(out->tmp);
		else if (rename(out->tmp, out->path) != 0)
			code = fail(out, EXIT_OURS);
	}
	free(out->tmp);
	memset(out, 0, sizeof(*out));
	return code;
}
