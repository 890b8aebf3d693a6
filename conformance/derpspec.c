/*
 * derpspec.c - judge a DERP server, requirement by requirement.
 *
 *   derpspec [COMMAND] ...  -->  the table below; no command is "run"
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"

static const struct cli_command commands[] = {
	{ "run",
	  "derpspec [run] [-h HOST] [-p PORT] [option ...] [selector ...]\n"
	  "derpspec list [selector ...] | show ID ... | coverage |"
	  " replay CAPTURE |\n"
	  "         diff OLD.json NEW.json | matrix A.json B.json ...",
	  "Run conformance cases against a DERP server.  A selector is a case\n"
	  "(ping.max-1000), a glob ('ping.*'), a section (ping), a rule of\n"
	  "docs/protocol.md (DERP-PING-4), a section of rules (DERP-PING), a\n"
	  "tag (@hostile) or one instance ('frame.x[T=0x0b]').",
	  cli_run },
	{ "list", "derpspec list [option ...] [selector ...]",
	  "List cases, the rules that they test, and their titles.", cli_list },
	{ "show", "derpspec show [option ...] ID ...",
	  "Show a case with its rules, or a rule with its cases.", cli_show },
	{ "coverage", "derpspec coverage [option ...] [REPORT.json ...]",
	  "Tell which rules that bind servers have no case, and which cases\n"
	  "name no rule; with reports, what became of each rule and which were\n"
	  "not judged.  Exit status 1 if there are any.",
	  cli_coverage },
	{ "replay", "derpspec replay CAPTURE [-h HOST] [-p PORT] [option ...]",
	  "Play a capture (pcap, pcapng; - is standard input) against a DERP\n"
	  "server and compare the answers with those of the capture.",
	  cli_replay },
	{ "diff", "derpspec diff [-S] OLD.json NEW.json",
	  "Tell what changed between two runs, by their JSON reports.  Exit\n"
	  "status 1 if something fails now that did not.",
	  cmd_diff },
	{ "matrix", "derpspec matrix [option ...] A.json B.json ...",
	  "Put JSON reports side by side, as Markdown on standard output, or\n"
	  "where --markdown and --html say.",
	  cmd_matrix },
	{ NULL, NULL, NULL, NULL },
};

static const struct cli_command *find(const char *word)
{
	for (const struct cli_command *c = commands; c->name != NULL; c++) {
		if (strcmp(c->name, word) == 0)
			return c;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct cli_command *c = argc > 1 ? find(argv[1]) : NULL;
	int code;

	/* A peer or a pager that goes away is an error of one write. */
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0) {
		fputs("derpspec: libsodium does not start\n", stderr);
		return EXIT_OURS;
	}
	if (c != NULL) {
		argv[1] = argv[0];
		code = c->main(c, argc - 1, argv + 1);
	} else {
		code = commands[0].main(&commands[0], argc, argv);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE) /* `| head` is no fault */
			perror("derpspec: standard output");
		if (code == EXIT_GOOD)
			code = EXIT_OURS;
	}
	return code;
}
