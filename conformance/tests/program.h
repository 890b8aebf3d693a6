/*
 * program.h - run derpspec and derpd as programs and look at all they leave.
 *
 * For tests; everything is static.  B in the environment is the build folder.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX 32
#define TEXT_MAX 65536
#define PATIENCE_MS 30000 /* for a program to end */

static char tmp[] = "/tmp/derpspec-test-XXXXXX";
static char program[1024], server[1024];

static inline const char *in_tmp(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", tmp, name);
	return path[turn];
}

static inline void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static inline void slurp(char out[TEXT_MAX], const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n = f != NULL ? fread(out, 1, TEXT_MAX - 1, f) : 0;

	out[n] = '\0';
	if (f != NULL)
		fclose(f);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* ---- running derpspec ------------------------------------------------ */

struct outcome {
	int code; /* -1: a signal ended it, or it did not end */
	char out[TEXT_MAX], err[TEXT_MAX];
};

static struct outcome got;

/* words: parted by blanks; PORT stands for port. */
static inline pid_t start(const char *words, unsigned port)
{
	static char text[2048], number[8];
	char *args[ARGS_MAX + 1];
	size_t n = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", words);
	snprintf(number, sizeof(number), "%u", port);
	args[n++] = program;
	for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " ")) {
		assert_true(n < ARGS_MAX);
		args[n++] = strcmp(w, "PORT") == 0 ? number : w;
	}
	args[n] = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int out =
			open(in_tmp("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		int err =
			open(in_tmp("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(out, 1);
		dup2(err, 2);
		execv(program, args);
		_exit(126);
	}
	return pid;
}

static inline int wait_for(pid_t pid)
{
	int status;

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		sleep_ms(10);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

static inline void finish(pid_t pid)
{
	got.code = wait_for(pid);
	slurp(got.out, in_tmp("out"));
	slurp(got.err, in_tmp("err"));
}

static inline void run(const char *words, unsigned port)
{
	finish(start(words, port));
}

static inline void expect(int code)
{
	if (got.code != code)
		fail_msg("exit %d, not %d\nout: %s\nerr: %s", got.code, code,
			 got.out, got.err);
}

static inline void says(const char *where, const char *text)
{
	if (strstr(where, text) == NULL)
		fail_msg("no '%s' in\n%s", text, where);
}

static inline void says_not(const char *where, const char *text)
{
	if (strstr(where, text) != NULL)
		fail_msg("'%s' in\n%s", text, where);
}

static inline void one_line(const char *text)
{
	const char *nl = strchr(text, '\n');

	if (nl == NULL || nl[1] != '\0')
		fail_msg("not one line: '%s'", text);
}

static inline const char *report(const char *name)
{
	static char text[TEXT_MAX];
	char left[64];

	snprintf(left, sizeof(left), "%s.tmp", name);
	assert_int_not_equal(access(in_tmp(left), F_OK), 0);
	slurp(text, in_tmp(name));
	unlink(in_tmp(name));
	return text;
}

/* ---- derpd ----------------------------------------------------------- */

static pid_t derpd;
static unsigned derpd_port;

static inline void start_derpd(void)
{
	char line[256] = "";
	size_t n = 0;
	int p[2];

	assert_int_equal(pipe(p), 0);
	derpd = fork();
	assert_true(derpd >= 0);
	if (derpd == 0) {
		int err = open("/dev/null", O_WRONLY);

		dup2(p[1], 1);
		dup2(err, 2);
		execl(server, server, "--listen", "127.0.0.1:0", (char *)NULL);
		_exit(126);
	}
	close(p[1]);
	while (n < sizeof(line) - 1 && read(p[0], line + n, 1) == 1 &&
	       line[n] != '\n')
		n++;
	close(p[0]);
	if (sscanf(line, "listen 127.0.0.1:%u", &derpd_port) != 1)
		fail_msg("derpd did not start: '%s'", line);
}

static inline int with_derpd(void **state)
{
	(void)state;
	start_derpd();
	return 0;
}

static inline int without_derpd(void **state)
{
	(void)state;
	kill(derpd, SIGKILL);
	waitpid(derpd, NULL, 0);
	return 0;
}

/* ---- the program ----------------------------------------------------- */

static inline int set_up(void **state)
{
	const char *b = getenv("B");

	(void)state;
	b = b != NULL ? b : "build/release";
	snprintf(program, sizeof(program), "%s/derpspec", b);
	snprintf(server, sizeof(server), "%s/derpd", b);
	if (mkdtemp(tmp) == NULL)
		return -1;
	return 0;
}

static inline int tear_down(void **state)
{
	static const char *const files[] = { "s.derp", "out", "err", "base" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(in_tmp(files[i]));
	return rmdir(tmp);
}

#endif
