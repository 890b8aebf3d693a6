/*
 * report_sample.h - a run that has every verdict and a server that tries to
 * break out of the reports of it; for the tests of the writers.
 */
#ifndef REPORT_SAMPLE_H
#define REPORT_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report.h"

static const char script[] = "case   ping.max\n"
			     "req    DERP-PING-4\n"
			     "A: login\n"
			     "A> ping \"\x1b[2J\"\n"
			     "A< closed\n";
static struct scenario_file file = { .name = "cases/ping.derp",
				     .text = script,
				     .len = sizeof(script) - 1,
				     .num_lines = 5 };
static struct scenario_item should = { NULL, "DERP-PING-5", { 0, 0 } };
static struct scenario_item must = { NULL, "DERP-PING-4", { 0, 0 } };
__attribute__((unused)) static struct scenario_item both = { &must,
							     "DERP-PING-5",
							     { 0, 0 } };
__attribute__((unused)) static struct scenario_item lost = { NULL,
							     "DERP-LOST-1",
							     { 0, 0 } };
static struct scenario_item tag = { NULL, "@hostile", { 0, 0 } };
static const struct scenario_case must_case = { .file = &file,
						.pos = { 1, 1 },
						.last_line = 5,
						.id = "ping.max",
						.title = "A long ping & <end>",
						.reqs = &must,
						.tags = &tag };
static const struct scenario_case should_case = { .file = &file,
						  .pos = { 1, 1 },
						  .last_line = 5,
						  .id = "ping.shy",
						  .title = "A shy ping",
						  .reqs = &should };
static const struct scenario_instance plain = { &must_case, "ping.max", { 0 } };
static const struct scenario_instance one = { &must_case,
					      "ping.max[N='1\"']",
					      { 0 } };
static const struct scenario_instance shy = { &should_case, "ping.shy", { 0 } };

static char must_id[] = "DERP-PING-4", must_level[] = "MUST",
	    must_text[] = "A longer body closes.";
static char should_id[] = "DERP-PING-5", should_level[] = "SHOULD",
	    should_text[] = "A pong comes soon.";
static struct spec_rule rules[] = {
	{ .id = must_id,
	  .level = SPEC_MUST,
	  .level_text = must_level,
	  .text = must_text },
	{ .id = should_id,
	  .level = SPEC_SHOULD,
	  .level_text = should_level,
	  .text = should_text },
};
static const struct spec spec = { rules, 2 };

static struct trace_entry trace[] = {
	{ .us = 1234,
	  .conn = "A",
	  .dir = '>',
	  .type = 0x12,
	  .len = 20,
	  .text = "ping 20 bytes",
	  .head = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		  "\x10\x11\x12\x13\x14",
	  .num_head = 20 },
	{ .us = 2000000,
	  .conn = "A",
	  .dir = '<',
	  .type = 0x14,
	  .len = 100,
	  .text = "health \"\x1b]0;evil\a\xff\"",
	  .head = "\x1b]",
	  .num_head = 2 },
	{ .us = 2000001,
	  .conn = "A",
	  .dir = '*',
	  .type = UINT32_MAX,
	  .text = "closed" },
};

static struct result results[VERDICT_COUNT + 1] = {
	{ .what = &plain, .verdict = VERDICT_PASS, .ms = 3 },
	{ .what = &one,
	  .verdict = VERDICT_FAIL,
	  .ms = 2001,
	  .reason = "the server said \x1b[31m\r\nPASS",
	  .at = { 5, 4 },
	  .expected = "closed",
	  .actual = "health ]]> & \"\x01\"",
	  .trace = trace,
	  .num_trace = 3,
	  .lost_trace = 7 },
	{ .what = &plain, .verdict = VERDICT_SKIP, .reason = "no mesh key" },
	{ .what = &plain,
	  .verdict = VERDICT_XFAIL,
	  .reason = "it did",
	  .at = { 5, 4 } },
	{ .what = &plain, .verdict = VERDICT_XPASS },
	{ .what = &plain, .verdict = VERDICT_INCONC, .reason = "too busy" },
	{ .what = &plain, .verdict = VERDICT_CRASH, .reason = "it is gone" },
	{ .what = &plain, .verdict = VERDICT_ERROR, .reason = "no memory" },
	{ .what = &shy,
	  .verdict = VERDICT_FAIL,
	  .late = true,
	  .reason = "late",
	  .at = { 4, 1 } },
};

#define NUM_CASES (sizeof(results) / sizeof(*results))

static struct report_case cases[NUM_CASES];
static struct report whole = { .version = "0.1.0",
			       .target = "derp://[::1]:3340/derp",
			       .seed = 0xfedcba9876543210,
			       .again = "derpspec run -h ::1 -p 3340",
			       .spec = &spec,
			       .cases = cases,
			       .num_cases = NUM_CASES,
			       .num_safe = 2,
			       .num_slow = 1,
			       .complete = true,
			       .ms = 2345,
			       .rounds = 1 };

static void fill_cases(void)
{
	for (size_t i = 0; i < NUM_CASES; i++) {
		cases[i].result = &results[i];
		cases[i].level = report_level(&spec, results[i].what->of->reqs);
		cases[i].seed = 0x1f;
	}
	cases[VERDICT_XFAIL].xfail = "a <known> one";
	cases[VERDICT_XFAIL].xfail_from = "server.go f";
	cases[VERDICT_XPASS].xfail = "a known one";
	cases[VERDICT_COUNT].tolerated = true;
}

static char *machine_report(void (*write)(FILE *, const struct report *),
			    const struct report *r)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	write(f, r);
	fclose(f);
	assert_int_equal(len, strlen(out)); /* no NUL got in */
	return out;
}

/* Reports that were read by a person and found good.  GOLDEN=write writes
 * them anew; look at the difference before it is committed. */
__attribute__((unused)) static void assert_is_golden(const char *got,
						     const char *name)
{
	const char *how = getenv("GOLDEN");
	bool write = how != NULL && strcmp(how, "write") == 0;
	char path[128], *want = calloc(1, 1 << 18);
	FILE *f;

	snprintf(path, sizeof(path), "conformance/tests/golden/%s", name);
	f = fopen(path, write ? "wb" : "rb");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	if (write)
		fputs(got, f);
	else
		assert_true(fread(want, 1, (1 << 18) - 1, f) > 0);
	fclose(f);
	if (!write)
		assert_string_equal(got, want);
	free(want);
}

#endif
