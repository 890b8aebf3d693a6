/*
 * report_read.h - JSON reports read back, for diff and matrix.
 *
 * A report may come from anybody: of a text at most READ_TEXT_MAX bytes are
 * kept, of a file READ_CASES_MAX cases; what is not a report is refused with
 * one line.  Everything belongs to the struct until report_read_free().
 */
#ifndef REPORT_READ_H
#define REPORT_READ_H

#include "result.h"
#include "spec.h"

#define READ_FILE_MAX (64u << 20)
#define READ_CASES_MAX 20000
#define READ_TEXT_MAX 512

struct read_case {
	char *id, *of; /* instance and case */
	char *title, *reason;
	char *reqs; /* parted by blanks */
	enum verdict verdict;
	enum spec_level level;
	bool tolerated;
	size_t place; /* in the file */
};

struct read_report {
	char *name; /* for a column: of the file, without .json */
	char *version, *target;
	bool complete;
	struct read_case *cases; /* sorted by the key */
	size_t num_cases;
	bool by_case; /* the key: case, or id */
};

/* 0, or -1 with *wrong (a constant) and the byte where it was found. */
int report_read(struct read_report *r, const char *text, size_t len,
		bool by_case, const char **wrong, size_t *at);
void report_read_free(struct read_report *r);
/* Read a file; exit code, after a line on stderr. */
int report_read_file(struct read_report *r, const char *path, bool by_case);

const char *report_read_key(const struct read_report *r, size_t i);
/* The first case with this key, or num_cases. */
size_t report_read_find(const struct read_report *r, const char *key);
/* Does it fail a run?  With strict, a SHOULD that is not kept does. */
bool report_read_is_bad(const struct read_case *c, bool strict);

#endif
