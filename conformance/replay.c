/*
 * replay.c - derpspec replay: play a capture against a server.
 *
 *   capture --> plan --> played --> report, exit code
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cli_output.h"
#include "cli_text.h"
#include "replay_report.h"

struct replay {
	struct cli_options o;
	const char *path; /* of the capture */
	struct replay_plan *plan;
	struct replay_outcome out;
	struct output json;
	FILE *to; /* the report */
	char target[HOST_PORT_TEXT_MAX];
};

static int say(const struct replay *r, int code, const char *what)
{
	fputs("derpspec: ", stderr);
	cli_puts(stderr, r->path);
	fputs(": ", stderr);
	cli_puts(stderr, what);
	fputc('\n', stderr);
	return code;
}

/* ---- the capture ------------------------------------------------------ */

static int read_capture(struct replay *r)
{
	struct capture *c = capture_new(replay_plan_event, r->plan, NULL);
	int err = 0, code = EXIT_GOOD;

	if (c == NULL)
		return say(r, EXIT_OURS, "out of memory");
	for (size_t i = 0; i < r->o.secrets.num && err == 0; i++)
		err = capture_keylog_file(c, r->o.secrets.at[i]);
	if (err == 0)
		err = capture_read_file(c, r->path);
	/* Its error names the file. */
	if (err == CAPTURE_E_STOPPED) {
		code = say(r, EXIT_INPUT, r->plan->broken);
	} else if (err < 0) {
		fprintf(stderr, "derpspec: %s\n", capture_error(c));
		code = err == CAPTURE_E_MEMORY ? EXIT_OURS : EXIT_INPUT;
	}
	capture_free(c);
	return code;
}

static bool has_logins(const struct replay_plan *p)
{
	return p->num_conns > p->skipped;
}

/* Can it be played at all, and with these options? */
static int check_plan(const struct replay *r)
{
	const struct replay_plan *p = r->plan;

	if (p->num_conns == 0 && p->tls > 0)
		return say(r, EXIT_USAGE,
			   "no DERP in it that can be read: its connections "
			   "are TLS: give their secrets with --keylog");
	if (p->num_conns == 0)
		return say(r, EXIT_USAGE, "no DERP in it");
	if (!has_logins(p))
		return say(r, EXIT_USAGE,
			   "no DERP connection in it that logged in");
	if (p->num_mesh > 0 && !r->o.has_mesh_key)
		return say(r, EXIT_USAGE,
			   "a client in it is a mesh peer (WatchConns, "
			   "ClosePeer or ForwardPacket): give the target's "
			   "mesh key with --mesh-key FILE");
	if (p->lost_sends > 0 && !r->o.lossy)
		return say(r, EXIT_INPUT,
			   "the capture lost bytes that a client sent: "
			   "--lossy plays what is there");
	return EXIT_GOOD;
}

static int make_plan(struct replay *r)
{
	char why[REPLAY_WHY_MAX];
	int code;

	r->plan = replay_plan_new();
	if (r->plan == NULL)
		return say(r, EXIT_OURS, "out of memory");
	code = read_capture(r);
	if (code != EXIT_GOOD)
		return code;
	if (replay_plan_finish(r->plan, why) < 0)
		return say(r, EXIT_INPUT, why);
	code = check_plan(r);
	if (code == EXIT_GOOD)
		replay_report_notes(stderr, r->plan);
	return code;
}

/* ---- playing ---------------------------------------------------------- */

static void show_step(void *ctx, uint32_t step)
{
	struct replay *r = ctx;

	replay_report_step(r->to, r->plan, step);
}

static int exit_code(const struct replay *r)
{
	switch (r->out.end) {
	case REPLAY_PLAYED:
		return r->out.match->different > 0 ? EXIT_UNEXPECTED
						   : EXIT_GOOD;
	case REPLAY_UNREACHABLE:
		return EXIT_INPUT;
	case REPLAY_DIED:
		return EXIT_PEER;
	case REPLAY_STOPPED:
		return EXIT_STOPPED;
	case REPLAY_BROKEN:
		break;
	}
	return EXIT_OURS;
}

static void say_end(const struct replay *r)
{
	if (r->out.no_fences)
		fputs("derpspec: note: the server does not answer pings: "
		      "pauses stand in for them\n",
		      stderr);
	if (r->out.end == REPLAY_STOPPED)
		fputs("derpspec: interrupted\n", stderr);
	else if (r->out.end != REPLAY_PLAYED) {
		fputs("derpspec: ", stderr);
		cli_puts(stderr, r->out.why);
		fputc('\n', stderr);
	}
}

static int play(struct replay *r)
{
	struct replay_options ro = {
		.target = r->o.target,
		.path = r->o.path,
		.mesh_key = r->o.has_mesh_key ? r->o.mesh_key : NULL,
		.timeout_ms = r->o.timeout_ms,
		.settle_ms = r->o.settle_ms,
		.seed = r->o.seed,
		.taken = r->o.verbose > 0 ? show_step : NULL,
		.ctx = r,
	};
	struct replay_source from = { r->path, r->target, r->o.seed,
				      r->o.verbose > 0 };
	int code;

	replay_play(&r->out, r->plan, &ro);
	code = exit_code(r);
	/* Of a server that was never reached there is nothing to report. */
	if (r->out.match != NULL && r->out.end != REPLAY_UNREACHABLE &&
	    r->out.end != REPLAY_BROKEN) {
		replay_report_text(r->to, &from, r->plan, &r->out);
		if (r->json.f != NULL)
			replay_report_json(r->json.f, &from, r->plan, &r->out);
	}
	fflush(r->to);
	say_end(r);
	return code;
}

static int run(struct replay *r)
{
	int code = make_plan(r), closed;
	bool keep;

	if (code != EXIT_GOOD)
		return code;
	code = output_open(&r->json, r->o.json);
	if (code != 0)
		return code;
	r->to = r->json.f == stdout ? stderr : stdout;
	host_port_text(r->target, &r->o.target);
	code = cli_tls_open(&r->o);
	if (code == 0)
		code = play(r);
	cli_tls_close();
	keep = code != EXIT_INPUT && code != EXIT_OURS;
	closed = output_close(&r->json, keep);
	return closed != 0 ? closed : code;
}

int cli_replay(const struct cli_command *me, int argc, char **argv)
{
	struct replay r;
	int code;

	memset(&r, 0, sizeof(r));
	code = cli_options_read(&r.o, me, CLI_FOR_REPLAY, argc, argv);
	if (code >= 0)
		return code;
	if (!r.o.has_seed)
		randombytes_buf(&r.o.seed, sizeof(r.o.seed));
	if (r.o.selectors.num != 1) {
		fputs("derpspec: replay wants one capture file; see derpspec "
		      "replay --help\n",
		      stderr);
		code = EXIT_USAGE;
	} else {
		r.path = r.o.selectors.at[0];
		code = run(&r);
	}
	replay_match_free(r.out.match);
	replay_plan_free(r.plan);
	sodium_memzero(r.o.mesh_key, sizeof(r.o.mesh_key));
	cli_options_free(&r.o);
	return code;
}
