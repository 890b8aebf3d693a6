/*
 * cli.h - what the commands of derpspec share.
 *
 *   words --> cli_options --> suite (scenarios, rules) --> choice --> command
 *
 * A command returns the exit code of the program and has said on standard
 * error why it is not 0.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "derp.h"
#include "host_port.h"
#include "scenario.h"
#include "select.h"
#include "spec.h"

enum cli_exit {
	EXIT_GOOD = 0,
	EXIT_UNEXPECTED = 1,
	EXIT_USAGE = 2, /* wrong words, or nothing matched */
	EXIT_INPUT = 3, /* target or file cannot be reached or read */
	EXIT_PEER = 4,  /* the target crashed or stopped answering */
	EXIT_OURS = 5,  /* error of the suite itself */
	EXIT_STOPPED = 130,
};

struct cli_command {
	const char *name, *usage, *about;
	int (*main)(const struct cli_command *me, int argc, char **argv);
};

int cli_run(const struct cli_command *me, int argc, char **argv);
int cli_list(const struct cli_command *me, int argc, char **argv);
int cli_show(const struct cli_command *me, int argc, char **argv);
int cli_coverage(const struct cli_command *me, int argc, char **argv);
int cli_replay(const struct cli_command *me, int argc, char **argv);
int cmd_diff(const struct cli_command *me, int argc, char **argv);
int cmd_matrix(const struct cli_command *me, int argc, char **argv);

/* "0.1.0": the version of the codec is that of the suite. */
const char *cli_version(void);

/* ---- options --------------------------------------------------------- */

struct cli_words {
	const char **at; /* borrowed from argv */
	size_t num;
};

#define CLI_PATH_MAX 1024

struct cli_options {
	/* target */
	struct host_port target;
	const char *path;
	bool fast_start;
	uint8_t mesh_key[DERP_KEY_LEN];
	bool has_mesh_key;
	const char *mesh_key_file;
	/* its TLS; the strings are NULL when not given */
	bool tls, insecure;
	const char *sni, *ca_file, *pin, *keylog;
	struct cli_words secrets; /* key logs of a capture */
	/* selection */
	struct cli_words selectors, except, xfail, baselines;
	const char *suite; /* NULL: the embedded one */
	bool strict, slow, instances;
	bool safe, intrusive; /* neither: as the host says */
	/* manners */
	uint32_t timeout_ms, settle_ms, total_ms, jobs, rounds;
	uint64_t seed;
	bool has_seed;
	uint32_t cut, dribble_ms;
	bool lossy;
	/* output */
	int verbose;
	const char *json, *junit, *tap, *markdown, *html, *write_baseline;
	const char *record;
	const char *client_keys;
	bool github, as_json, ci;
	int color; /* enum cli_color */
	/* private */
	void *words;
	char path_text[CLI_PATH_MAX];
};

enum cli_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

enum cli_kind {
	CLI_FOR_RUN = 1,
	CLI_FOR_LIST = 2,
	CLI_FOR_SHOW = 4,
	CLI_FOR_REPLAY = 8,
	CLI_FOR_COVERAGE = 16,
	CLI_FOR_DIFF = 32,
	CLI_FOR_MATRIX = 64,
};

/* -1: go on.  Else the exit code: --help was printed, or an error told. */
int cli_options_read(struct cli_options *o, const struct cli_command *me,
		     enum cli_kind kind, int argc, char **argv);
void cli_options_free(struct cli_options *o);

/* Is the host this machine?  Only names and addresses that say so. */
bool cli_is_loopback(const char *host);

/* Let test connections speak TLS as the options say, after a first one that
 * finds out whether the target can.  EXIT_GOOD too when they are to be
 * plain. */
int cli_tls_open(const struct cli_options *o);
void cli_tls_close(void);

/* ---- suite ----------------------------------------------------------- */

struct suite {
	struct scenario *scenario;
	struct spec spec;
	struct select_item *items; /* one for each instance, same order */
	size_t num_items;
	const char **words; /* private: what the items point to */
};

/* The embedded suite, or the files *.derp of a folder (or one file). */
int suite_open(struct suite *s, const char *path);
void suite_close(struct suite *s);

/* EXIT_GOOD if each word matches something.  `option` is in the message. */
int suite_check_words(const struct suite *s, const struct cli_words *words,
		      const char *option);

struct choice {
	size_t *index; /* of items and instances, in the order of the suite */
	size_t num;
	size_t num_safe, num_slow; /* selected, but left out */
};

/* What the selectors and -e leave; all is true: --safe and @slow play no
 * role.  Nothing left is EXIT_USAGE. */
int suite_choose(struct choice *c, const struct suite *s,
		 const struct cli_options *o, bool all);

#endif
