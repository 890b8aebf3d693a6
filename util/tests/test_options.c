/*
 * test_options.c - what a command line gives, and what is said when it is
 * wrong.
 *
 * One row is one command line, the lines that it must print (one for each
 * option, then the operands), and the line on stderr.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "derp.h"
#include "options.h"

enum { LISTEN = 1, HOST, QUEUE, VERBOSE, TIME, SIZE, PORT, COLOR, HIDDEN };

static const struct opt table[] = {
	{ LISTEN, "listen", 'l', "ADDR:PORT", "where\nto listen", "Network" },
	{ HOST, NULL, 'h', "HOST", "the host", NULL },
	{ QUEUE, "queue", 0, "N", "packets", "Other" },
	{ VERBOSE, "verbose", 'v', NULL, "say more", NULL },
	{ TIME, "a-very-long-name-of-an-option", 'o', "SECONDS", "time", NULL },
	{ SIZE, "size", 0, "BYTES", "size", NULL },
	{ PORT, "port", 'p', "PORT", "port", NULL },
	{ COLOR, "color", 0, "WHEN", "colour", NULL },
	{ HIDDEN, "hidden", 0, NULL, NULL, NULL },
	{ 0 },
};

static const struct opt_tool tool = {
	.name = "tool",
	.usage = "tool [options]\ntool help",
	.about = "About it.",
	.table = table,
	.after = "After it.",
};

struct row {
	const char *name, *args, *out, *err;
	int result;
};

#define HINT " (see tool --help)\n"
#define LINES3 "usage: tool [options]\n       tool help\n\nAbout it.\n\n"

static const struct row rows[] = {
	{ "nothing", "", "", "", 0 },
	{ "operands", "a b", "op a\nop b\n", "", 0 },
	{ "mixed", "a -v b", "verbose\nop a\nop b\n", "", 0 },
	{ "end of options", "-- -v", "op -v\n", "", 0 },
	{ "a dash is an operand", "-", "op -\n", "", 0 },
	{ "h is the host", "-h example.net", "host example.net\n", "", 0 },
	{ "cluster", "-vvh x", "verbose\nverbose\nhost x\n", "", 0 },
	{ "value behind =", "--queue=7", "queue 7\n", "", 0 },
	{ "hidden options work", "--hidden", "hidden\n", "", 0 },
	{ "repeated", "-l 1.2.3.4:5 --listen [::]:0",
	  "listen 1.2.3.4:5\nlisten [::]:0\n", "", 0 },
	{ "number: smallest", "--queue 1", "queue 1\n", "", 0 },
	{ "number: largest", "--queue 4096", "queue 4096\n", "", 0 },
	{ "number: below", "--queue 0", "",
	  "tool: --queue wants a number from 1 to 4096, not '0'" HINT, 2 },
	{ "number: above", "--queue 4097", "",
	  "tool: --queue wants a number from 1 to 4096, not '4097'" HINT, 2 },
	{ "number: a word", "--queue x", "",
	  "tool: --queue wants a number from 1 to 4096, not 'x'" HINT, 2 },
	{ "number: signs are no digits", "--queue +1", "",
	  "tool: --queue wants a number from 1 to 4096, not '+1'" HINT, 2 },
	{ "number: no wrapping", "--queue 18446744073709551617", "",
	  "tool: --queue wants a number from 1 to 4096, not "
	  "'18446744073709551617'" HINT,
	  2 },
	{ "seconds: whole", "-o 2", "time 2000\n", "", 0 },
	{ "seconds: part", "-o 0.25", "time 250\n", "", 0 },
	{ "seconds: three digits", "-o 1.005s", "time 1005\n", "", 0 },
	{ "seconds: ms", "-o 500ms", "time 500\n", "", 0 },
	{ "seconds: largest", "-o 60", "time 60000\n", "", 0 },
	{ "seconds: above", "-o 60.001", "",
	  "tool: --a-very-long-name-of-an-option wants seconds from 0.1 to 60, "
	  "not '60.001'" HINT,
	  2 },
	{ "seconds: no digit", "-o .5", "",
	  "tool: --a-very-long-name-of-an-option wants seconds from 0.1 to 60, "
	  "not '.5'" HINT,
	  2 },
	{ "seconds: lost digits", "-o 1.0001", "",
	  "tool: --a-very-long-name-of-an-option wants seconds from 0.1 to 60, "
	  "not '1.0001'" HINT,
	  2 },
	{ "size: bytes", "--size 10", "size 10\n", "", 0 },
	{ "size: k", "--size 64k", "size 65536\n", "", 0 },
	{ "size: M", "--size 1M", "size 1048576\n", "", 0 },
	{ "size: above", "--size 1025k", "",
	  "tool: --size wants a size from 10 to 1048576 bytes (or 64k, 1M), "
	  "not '1025k'" HINT,
	  2 },
	{ "size: unit alone", "--size k", "",
	  "tool: --size wants a size from 10 to 1048576 bytes (or 64k, 1M), "
	  "not 'k'" HINT,
	  2 },
	{ "size: unknown unit", "--size 1T", "",
	  "tool: --size wants a size from 10 to 1048576 bytes (or 64k, 1M), "
	  "not '1T'" HINT,
	  2 },
	{ "size: two units", "--size 1Mk", "",
	  "tool: --size wants a size from 10 to 1048576 bytes (or 64k, 1M), "
	  "not '1Mk'" HINT,
	  2 },
	{ "port", "-p 65535", "port 65535\n", "", 0 },
	{ "port: above", "-p 65536", "",
	  "tool: --port wants a port from 1 to 65535, not '65536'" HINT, 2 },
	{ "port: zero", "-p 0", "",
	  "tool: --port wants a port from 1 to 65535, not '0'" HINT, 2 },
	{ "choice", "--color never", "color 1\n", "", 0 },
	{ "choice: none of them", "--color red", "",
	  "tool: --color wants auto, never or always, not 'red'" HINT, 2 },
	{ "listen: no port", "-l x", "",
	  "tool: --listen wants HOST:PORT or [ADDR]:PORT, not 'x'" HINT, 2 },
	{ "missing argument", "--queue", "",
	  "tool: --queue wants an argument: N" HINT, 2 },
	{ "missing argument of a letter", "-h", "",
	  "tool: -h wants an argument: HOST" HINT, 2 },
	{ "argument too many", "--verbose=1", "",
	  "tool: --verbose takes no argument" HINT, 2 },
	{ "argument of help", "--help=1", "",
	  "tool: --help takes no argument" HINT, 2 },
	{ "unknown name", "a --nope=1", "",
	  "tool: unknown option '--nope=1'" HINT, 2 },
	{ "unknown letter", "-z", "", "tool: unknown option '-z'" HINT, 2 },
	{ "unknown letter in a cluster", "-vz", "verbose\n",
	  "tool: unknown option '-z'" HINT, 2 },
	{ "hostile text is escaped", "--queue a\x1b[2J", "",
	  "tool: --queue wants a number from 1 to 4096, not 'a\\x1b[2J'" HINT,
	  2 },
	{ "version", "--version", "tool 0.1.0\n", "", 0 },
	{ "help", "--help",
	  LINES3 "Network\n"
		 "  -l, --listen ADDR:PORT      where\n"
		 "                              to listen\n"
		 "  -h HOST                     the host\n"
		 "\nOther\n"
		 "      --queue N               packets\n"
		 "  -v, --verbose               say more\n"
		 "  -o, --a-very-long-name-of-an-option SECONDS\n"
		 "                              time\n"
		 "      --size BYTES            size\n"
		 "  -p, --port PORT             port\n"
		 "      --color WHEN            colour\n"
		 "\n"
		 "      --help                  print this and exit\n"
		 "      --version               print the version and exit\n"
		 "\nAfter it.\n",
	  "", 0 },
};

/* ---- running a row --------------------------------------------------- */

static int one(const struct opts *o, int id)
{
	static const char *const colors[] = { "auto", "never", "always", NULL };
	char text[HOST_PORT_TEXT_MAX];
	struct host_port hp;
	uint16_t port;
	uint64_t n;
	int e = 0, index;

	switch (id) {
	case LISTEN:
		if ((e = opt_host_port(o, &hp, -1)) == 0) {
			host_port_text(text, &hp);
			printf("listen %s\n", text);
		}
		break;
	case HOST:
		printf("host %s\n", o->value);
		break;
	case QUEUE:
		if ((e = opt_number(o, &n, 1, 4096)) == 0)
			printf("queue %d\n", (int)n);
		break;
	case VERBOSE:
		printf("verbose\n");
		break;
	case TIME:
		if ((e = opt_seconds(o, &n, 100, 60000)) == 0)
			printf("time %d\n", (int)n);
		break;
	case SIZE:
		if ((e = opt_size(o, &n, 10, 1 << 20)) == 0)
			printf("size %d\n", (int)n);
		break;
	case PORT:
		if ((e = opt_port(o, &port, 1)) == 0)
			printf("port %d\n", port);
		break;
	case COLOR:
		if ((e = opt_choice(o, &index, colors)) == 0)
			printf("color %d\n", index);
		break;
	case HIDDEN:
		printf("hidden\n");
		break;
	}
	return e;
}

static int run(int argc, char **argv)
{
	struct opts o;
	int id;

	opts_init(&o, &tool, argc, argv);
	while ((id = opts_next(&o)) > 0)
		if (one(&o, id) != 0)
			return 2;
	if (id < 0)
		return opts_exit(id);
	while (o.first < argc)
		printf("op %s\n", argv[o.first++]);
	return 0;
}

struct capture {
	FILE *stream, *file;
	int saved;
};

static void capture(struct capture *c, FILE *stream)
{
	c->stream = stream;
	fflush(stream);
	c->saved = dup(fileno(stream));
	c->file = tmpfile();
	assert_non_null(c->file);
	assert_true(dup2(fileno(c->file), fileno(stream)) >= 0);
}

static void captured(struct capture *c, char *out, size_t cap)
{
	fflush(c->stream);
	dup2(c->saved, fileno(c->stream));
	close(c->saved);
	rewind(c->file);
	out[fread(out, 1, cap - 1, c->file)] = '\0';
	fclose(c->file);
}

static void command_line(void **state)
{
	const struct row *row = *state;
	char *args = strdup(row->args), *argv[16], name[] = "tool";
	static char out[4096], err[1024];
	struct capture to_out, to_err;
	int argc = 1, result;

	assert_non_null(args);
	argv[0] = name;
	for (char *p = strtok(args, " "); p != NULL; p = strtok(NULL, " "))
		argv[argc++] = p;
	capture(&to_out, stdout);
	capture(&to_err, stderr);
	result = run(argc, argv);
	captured(&to_err, err, sizeof err);
	captured(&to_out, out, sizeof out);
	free(args);
	assert_string_equal(out, row->out);
	assert_string_equal(err, row->err);
	assert_int_equal(result, row->result);
}

int main(void)
{
	static struct CMUnitTest tests[sizeof rows / sizeof rows[0]];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = command_line;
		memcpy(&tests[i].initial_state, &(const void *){ &rows[i] },
		       sizeof(void *));
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
