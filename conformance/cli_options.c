/*
 * cli_options.c - the options of derpspec's commands.
 *
 * One table; each command shows and takes the rows that are for it.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "derp_key.h"
#include "options.h"
#include "tls.h"

#include "cli_text.h"

enum {
	O_HOST = 1,
	O_PORT,
	O_URL,
	O_PATH,
	O_FAST_START,
	O_MESH_KEY,
	O_EXCEPT,
	O_XFAIL,
	O_BASELINE,
	O_STRICT,
	O_SUITE,
	O_SLOW,
	O_INSTANCES,
	O_SAFE,
	O_INTRUSIVE,
	O_TIMEOUT,
	O_SETTLE,
	O_TOTAL,
	O_JOBS,
	O_REPEAT,
	O_SEED,
	O_CUT,
	O_VERBOSE,
	O_JUNIT,
	O_JSON,
	O_AS_JSON,
	O_CLIENT_KEYS,
	O_CI,
	O_TAP,
	O_MARKDOWN,
	O_GITHUB,
	O_HTML,
	O_WRITE_BASELINE,
	O_RECORD,
	O_COLOR,
	O_LOSSY,
	O_TLS,
	O_SECRETS,
	O_INSECURE,
	O_SNI,
	O_CA,
	O_PIN,
	O_KEYLOG,
};

#define PORT_PLAIN 3340
#define PORT_TLS 443

#define RUN CLI_FOR_RUN
#define PLAY (CLI_FOR_RUN | CLI_FOR_REPLAY)
#define ALL (CLI_FOR_RUN | CLI_FOR_LIST | CLI_FOR_SHOW | CLI_FOR_COVERAGE)

static const struct row {
	struct opt opt;
	unsigned kinds; /* enum cli_kind bits */
} rows[] = {
	{ { O_HOST, "host", 'h', "HOST", "target (127.0.0.1)", "Target" },
	  PLAY },
	{ { O_PORT, "port", 'p', "PORT", "its port (3340; with TLS 443)",
	    NULL },
	  PLAY },
	{ { O_URL, "url", 0, "URL",
	    "both at once: derp://HOST:PORT[/PATH];\nderps:// is -t, too",
	    NULL },
	  PLAY },
	{ { O_PATH, "path", 0, "PATH", "of the upgrade request (/derp)", NULL },
	  PLAY },
	{ { O_FAST_START, "fast-start", 0, NULL, "log in without the 101",
	    NULL },
	  RUN },
	{ { O_MESH_KEY, "mesh-key", 0, "FILE",
	    "mesh key of the target, 64 hex digits; - is\nstandard input",
	    NULL },
	  PLAY },
	{ { O_TLS, "tls", 't', NULL, "speak TLS", "TLS" }, PLAY },
	{ { O_INSECURE, "insecure", 'k', NULL, "take any certificate", NULL },
	  PLAY },
	{ { O_SNI, "sni", 0, "NAME",
	    "name to ask for, and to find in the certificate\n(the host)",
	    NULL },
	  PLAY },
	{ { O_CA, "ca", 0, "FILE", "CAs to trust, PEM, instead of the system's",
	    NULL },
	  PLAY },
	{ { O_PIN, "pin", 0, "PIN",
	    "trust this certificate only: sha256-raw:HEX, as\nin CertName of "
	    "a DERP map",
	    NULL },
	  PLAY },
	{ { O_KEYLOG, "keylog", 0, "FILE",
	    "append the secrets of all connections, for\nderpdump and others",
	    NULL },
	  RUN },
	{ { O_CLIENT_KEYS, "client-keys", 0, "FILE",
	    "private keys that the target admits, one a line", NULL },
	  RUN },
	{ { O_EXCEPT, "except", 'e', "SELECTOR", "leave these cases out",
	    "Selection" },
	  RUN | CLI_FOR_LIST },
	{ { O_XFAIL, "expect-fail", 'x', "SELECTOR",
	    "these cases are expected to fail", NULL },
	  RUN },
	{ { O_BASELINE, "baseline", 0, "FILE", "known deviations of the target",
	    NULL },
	  RUN },
	{ { O_STRICT, "strict", 'S', NULL,
	    "a SHOULD that is not kept fails the run, too", NULL },
	  RUN | CLI_FOR_DIFF },
	{ { O_SUITE, "suite", 0, "DIR", "cases *.derp instead of our own",
	    NULL },
	  ALL },
	{ { O_SLOW, "slow", 0, NULL, "run cases @slow, too", NULL }, RUN },
	{ { O_SAFE, "safe", 0, NULL,
	    "leave out @hostile, @load and @slow; the\ndefault unless the "
	    "host is this machine",
	    "Manners" },
	  RUN },
	{ { O_INTRUSIVE, "intrusive", 0, NULL, "do not", NULL }, RUN },
	{ { O_INSTANCES, "instances", 0, NULL,
	    "list every instance of a case with loops", NULL },
	  CLI_FOR_LIST | CLI_FOR_MATRIX },
	{ { O_TIMEOUT, "timeout", 'o', "SECONDS",
	    "wait so long for an answer (2)", "Timing" },
	  PLAY },
	{ { O_SETTLE, "settle", 0, "MS",
	    "wait so long for a notice that must not come (50)", NULL },
	  PLAY },
	{ { O_TOTAL, "total", 0, "SECONDS", "limit of the whole run (none)",
	    NULL },
	  RUN },
	{ { O_JOBS, "jobs", 'P', "N", "cases at a time (16)", NULL }, RUN },
	{ { O_REPEAT, "repeat", 0, "N", "run everything N times", NULL }, RUN },
	{ { O_SEED, "seed", 0, "HEX", "of keys and random bytes", NULL },
	  PLAY },
	{ { O_CUT, "cut", 0, "N",
	    "write at most N bytes at once; 'dribble': one\nbyte, with a "
	    "pause",
	    NULL },
	  RUN },
	{ { O_LOSSY, "lossy", 0, NULL,
	    "go on where the capture lost bytes of a client", "Capture" },
	  CLI_FOR_REPLAY },
	{ { O_SECRETS, "keylog", 0, "FILE",
	    "secrets of its TLS connections; may be given again", NULL },
	  CLI_FOR_REPLAY },
	{ { O_VERBOSE, NULL, 'v', NULL,
	    "show the frames of every case; -vv: with bytes", "Output" },
	  RUN },
	{ { O_VERBOSE, NULL, 'v', NULL,
	    "show every step as it is taken, and all\ndifferences", "Output" },
	  CLI_FOR_REPLAY },
	{ { O_JUNIT, "junit", 'j', "FILE", "write a JUnit report", NULL },
	  RUN },
	{ { O_JSON, "json", 0, "FILE",
	    "write a JSON report; - is standard "
	    "output",
	    NULL },
	  PLAY },
	{ { O_AS_JSON, "json", 0, NULL, "one JSON object instead of lines",
	    NULL },
	  CLI_FOR_LIST },
	{ { O_TAP, "tap", 0, "FILE", "write TAP, version 14", NULL }, RUN },
	{ { O_HTML, "html", 0, "FILE", "write a page for a browser", NULL },
	  RUN | CLI_FOR_MATRIX },
	{ { O_MARKDOWN, "markdown", 0, "FILE",
	    "write a summary for the page of a CI job", NULL },
	  RUN | CLI_FOR_MATRIX },
	{ { O_GITHUB, "github", 0, NULL,
	    "print annotations for GitHub Actions, too", NULL },
	  RUN },
	{ { O_WRITE_BASELINE, "write-baseline", 0, "FILE",
	    "write what failed as a baseline, to be completed", NULL },
	  RUN },
	{ { O_CI, "ci", 0, NULL,
	    "be a gate: nothing but what is missing, with\nannotations", NULL },
	  CLI_FOR_COVERAGE },
	{ { O_COLOR, "color", 0, "WHEN", "auto, always or never", NULL }, RUN },
	{ { O_RECORD, "record", 0, "DIR", NULL, NULL }, RUN },
};

#define NUM_ROWS (sizeof(rows) / sizeof(*rows))

static const char run_codes[] =
	"Exit status: 0 as expected, 1 not as expected, 2 usage or nothing\n"
	"matched, 3 target or file cannot be reached or read, 4 the target\n"
	"crashed or stopped answering, 5 error of the suite, 130 interrupted.";

static int add(struct cli_words *w, const char *word)
{
	w->at[w->num++] = word; /* as long as argv: cannot overflow */
	return 0;
}

/* "50", as well as "50ms" and "2s". */
static int milliseconds(const struct opts *op, uint32_t *out, uint64_t max)
{
	size_t n = strlen(op->value);
	uint64_t ms = 0;
	int e = n > 0 && op->value[n - 1] == 's' ? opt_seconds(op, &ms, 1, max)
						 : opt_number(op, &ms, 1, max);

	if (e == 0)
		*out = (uint32_t)ms;
	return e;
}

static int seconds(const struct opts *op, uint32_t *out)
{
	uint64_t ms;
	int e = opt_seconds(op, &ms, 10, 24 * 3600 * 1000);

	if (e == 0)
		*out = (uint32_t)ms;
	return e;
}

static int number(const struct opts *op, uint32_t *out, uint32_t max)
{
	uint64_t n;
	int e = opt_number(op, &n, 1, max);

	if (e == 0)
		*out = (uint32_t)n;
	return e;
}

static int seed(const struct opts *op, struct cli_options *o)
{
	size_t n = strlen(op->value);
	uint64_t v = 0;

	if (n == 0 || n > 16 ||
	    strspn(op->value, "0123456789abcdefABCDEF") != n)
		return opts_fail(op, "--seed wants 1 to 16 hex digits");
	for (const char *p = op->value; *p != '\0'; p++)
		v = v * 16 +
		    (uint64_t)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
	o->seed = v;
	o->has_seed = true;
	return 0;
}

static int cut(const struct opts *op, struct cli_options *o)
{
	if (strcmp(op->value, "dribble") == 0) {
		o->cut = 1;
		o->dribble_ms = 1;
		return 0;
	}
	o->dribble_ms = 0;
	return number(op, &o->cut, 1u << 20);
}

static int path(const struct opts *op, struct cli_options *o, const char *text)
{
	if (text[0] != '/' || strlen(text) >= sizeof(o->path_text))
		return opts_fail(op,
				 "a path begins with '/' and has at most "
				 "%d bytes",
				 CLI_PATH_MAX - 1);
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return opts_fail(op, "a path has no blanks, controls "
					     "or letters beyond ASCII");
	}
	snprintf(o->path_text, sizeof(o->path_text), "%s", text);
	o->path = o->path_text;
	return 0;
}

static int url(const struct opts *op, struct cli_options *o)
{
	static const char plain[] = "derp://", tls[] = "derps://";
	char authority[HOST_PORT_TEXT_MAX];
	const char *rest = op->value, *slash;

	if (strncmp(rest, plain, sizeof(plain) - 1) == 0) {
		rest += sizeof(plain) - 1;
	} else if (strncmp(rest, tls, sizeof(tls) - 1) == 0) {
		rest += sizeof(tls) - 1;
		o->tls = true;
	} else if (strstr(rest, "://") != NULL) {
		return opts_fail(op, "--url wants derp://HOST:PORT, or "
				     "derps:// for TLS");
	}
	slash = strchr(rest, '/');
	if (slash != NULL && slash[1] != '\0' && path(op, o, slash) != 0)
		return OPTS_ERROR;
	snprintf(authority, sizeof(authority), "%.*s",
		 (int)(slash != NULL ? slash - rest : HOST_PORT_TEXT_MAX),
		 rest);
	if (host_port_parse(&o->target, authority, o->target.port) != 0)
		return opts_fail(op, "--url wants derp://HOST:PORT[/PATH]");
	return 0;
}

static int host(const struct opts *op, struct cli_options *o)
{
	char clean[80];
	size_t n = strlen(op->value);

	cli_clean(clean, sizeof(clean), op->value);
	if (n == 0 || n > HOST_MAX || strpbrk(op->value, " /[]\r\n") != NULL)
		return opts_fail(op,
				 "--host wants a name or an address, "
				 "not '%s'",
				 clean);
	memcpy(o->target.host, op->value, n + 1);
	return 0;
}

/* 64 hex digits; blanks around them are let pass. */
static int mesh_key(const struct opts *op, struct cli_options *o)
{
	size_t len, at = 0;
	char *text = cli_read_file(op->value, 4096, &len, stderr);
	int e;

	if (text == NULL)
		return EXIT_INPUT;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	while (at < len && strchr(" \t\r\n", text[at]) != NULL)
		at++;
	e = derp_key_parse(o->mesh_key, DERP_KEY_HEX, text + at, len - at);
	free(text);
	o->has_mesh_key = e == 0;
	o->mesh_key_file = op->value;
	if (e != 0) {
		fprintf(stderr,
			"derpspec: %s holds no mesh key: 64 hex digits "
			"are wanted\n",
			op->value);
		return EXIT_INPUT;
	}
	return 0;
}

static int color(const struct opts *op, struct cli_options *o)
{
	static const char *const words[] = { "auto", "always", "never", NULL };

	return opt_choice(op, &o->color, words);
}

static int flag(bool *f)
{
	*f = true;
	return 0;
}

static int text(const char **to, const struct opts *op)
{
	if (op->value[0] == '\0')
		return opts_fail(op, "--%s wants a name", op->opt->name);
	*to = op->value;
	return 0;
}

/* 0, OPTS_ERROR or an exit code. */
static int take(struct cli_options *o, const struct opts *op, int id)
{
	switch (id) {
	case O_HOST:
		return host(op, o);
	case O_PORT:
		return opt_port(op, &o->target.port, 1);
	case O_URL:
		return url(op, o);
	case O_TLS:
		return flag(&o->tls);
	case O_INSECURE:
		return flag(&o->insecure);
	case O_SNI:
		return text(&o->sni, op);
	case O_CA:
		return text(&o->ca_file, op);
	case O_PIN:
		if (!tls_is_pin(op->value))
			return opts_fail(op, "--pin wants sha256-raw: and 64 "
					     "hex digits, lower case");
		return text(&o->pin, op);
	case O_SECRETS:
		return add(&o->secrets, op->value);
	case O_KEYLOG:
		return text(&o->keylog, op);
	case O_PATH:
		return path(op, o, op->value);
	case O_FAST_START:
		return flag(&o->fast_start);
	case O_MESH_KEY:
		return mesh_key(op, o);
	case O_EXCEPT:
		return add(&o->except, op->value);
	case O_XFAIL:
		return add(&o->xfail, op->value);
	case O_BASELINE:
		return add(&o->baselines, op->value);
	case O_STRICT:
		return flag(&o->strict);
	case O_SUITE:
		return text(&o->suite, op);
	case O_SLOW:
		return flag(&o->slow);
	case O_INSTANCES:
		return flag(&o->instances);
	case O_SAFE:
		o->intrusive = false;
		return flag(&o->safe);
	case O_INTRUSIVE:
		o->safe = false;
		return flag(&o->intrusive);
	case O_TIMEOUT:
		return seconds(op, &o->timeout_ms);
	case O_SETTLE:
		return milliseconds(op, &o->settle_ms, 60000);
	case O_TOTAL:
		return seconds(op, &o->total_ms);
	case O_JOBS:
		return number(op, &o->jobs, 256);
	case O_REPEAT:
		return number(op, &o->rounds, 100000);
	case O_SEED:
		return seed(op, o);
	case O_CUT:
		return cut(op, o);
	case O_VERBOSE:
		o->verbose++;
		return 0;
	case O_JUNIT:
		return text(&o->junit, op);
	case O_JSON:
		return text(&o->json, op);
	case O_CLIENT_KEYS:
		return text(&o->client_keys, op);
	case O_CI:
		return flag(&o->ci);
	case O_AS_JSON:
		return flag(&o->as_json);
	case O_TAP:
		return text(&o->tap, op);
	case O_HTML:
		return text(&o->html, op);
	case O_MARKDOWN:
		return text(&o->markdown, op);
	case O_GITHUB:
		return flag(&o->github);
	case O_WRITE_BASELINE:
		return text(&o->write_baseline, op);
	case O_RECORD:
		return text(&o->record, op);
	case O_COLOR:
		return color(op, o);
	case O_LOSSY:
		return flag(&o->lossy);
	}
	return 0;
}

static int new_words(struct cli_options *o, int argc)
{
	size_t n = (size_t)argc;
	const char **at = calloc(5 * n, sizeof(*at));

	if (at == NULL) {
		fputs("derpspec: out of memory\n", stderr);
		return EXIT_OURS;
	}
	o->words = at;
	o->selectors.at = at;
	o->except.at = at + n;
	o->xfail.at = at + 2 * n;
	o->baselines.at = at + 3 * n;
	o->secrets.at = at + 4 * n;
	return 0;
}

/* What belongs to TLS, without TLS, is a slip of the pen. */
static int check_tls(struct cli_options *o, const struct opts *op)
{
	const char *alone = o->insecure          ? "-k"
			    : o->sni != NULL     ? "--sni"
			    : o->ca_file != NULL ? "--ca"
			    : o->pin != NULL     ? "--pin"
			    : o->keylog != NULL  ? "--keylog"
						 : NULL;

	if (!o->tls && alone != NULL)
		return opts_fail(op, "%s is for TLS: add -t", alone);
	if (o->insecure && (o->ca_file != NULL || o->pin != NULL))
		return opts_fail(op, "-k takes any certificate: leave %s out",
				 o->pin != NULL ? "--pin" : "--ca");
	if (o->target.port == 0)
		o->target.port = o->tls ? PORT_TLS : PORT_PLAIN;
	return 0;
}

static int read_all(struct cli_options *o, struct opts *op)
{
	int id, e;

	while ((id = opts_next(op)) > 0) {
		e = take(o, op, id);
		if (e != 0)
			return e < 0 ? opts_exit(e) : e;
	}
	if (id < 0)
		return opts_exit(id);
	for (int i = op->first; i < op->argc; i++)
		add(&o->selectors, op->argv[i]);
	return check_tls(o, op) == 0 ? -1 : EXIT_USAGE;
}

int cli_options_read(struct cli_options *o, const struct cli_command *me,
		     enum cli_kind kind, int argc, char **argv)
{
	struct opt table[NUM_ROWS + 1];
	struct opt_tool tool = { .name = "derpspec",
				 .usage = me->usage,
				 .about = me->about,
				 .table = table,
				 .after = kind == RUN || kind == CLI_FOR_REPLAY
						  ? run_codes
						  : NULL };
	struct opts op;
	size_t n = 0;
	int code;

	memset(o, 0, sizeof(*o));
	snprintf(o->target.host, sizeof(o->target.host), "127.0.0.1");
	o->rounds = 1;
	memset(table, 0, sizeof(table));
	for (size_t i = 0; i < NUM_ROWS; i++) {
		if (rows[i].kinds & (unsigned)kind)
			table[n++] = rows[i].opt;
	}
	code = new_words(o, argc);
	if (code != 0)
		return code;
	opts_init(&op, &tool, argc, argv);
	code = read_all(o, &op);
	if (code >= 0)
		cli_options_free(o);
	return code;
}

void cli_options_free(struct cli_options *o)
{
	free(o->words);
	o->words = NULL;
}

bool cli_is_loopback(const char *host)
{
	return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0 ||
	       (strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == strlen(host));
}
