/*
 * test_run.c - derpspec run against derpd: verdicts, reports, exit codes, and
 * what is left when either is ended in the middle.
 */
#include "program.h"

#define PING "A> ping \"12345678\"\nA< pong \"12345678\"\n"

static const struct {
	const char *id, *rule, *steps;
} scenarios[] = {
	{ "t.good", "DERP-PING-1", "A: login\n" PING },
	{ "t.bad", "DERP-PING-1", "A: login\nA< pong\n" },
	{ "t.shy", "DERP-HTTP-7", "A: login\nA< pong\n" },
	{ "t.mesh", "DERP-PING-1", "needs mesh\nA: login mesh=yes\n" PING },
	{ "t.long", "DERP-PING-1", "A: login\nwait 8s\n" PING },
	{ "t.limit", "DERP-PING-1",
	  "time 300ms\nA: login\nrepeat 20\nwait 100ms\nend\n" PING },
	{ "t.ping-500", "DERP-PING-1",
	  "A: login\nA> ping zero*500\nA< pong zero*8\n" },
	{ "t.hostile", "DERP-PING-1", "tags @hostile\nA: login\n" PING },
};

static void run_suite(const char *words)
{
	char all[1024];

	snprintf(all, sizeof(all), "-p PORT --suite %s/s.derp -o 0.3 %s", tmp,
		 words);
	run(all, derpd_port);
}

static void a_good_case_passes(void **state)
{
	(void)state;
	run_suite("--seed 1f t.good");
	expect(0);
	assert_string_equal(got.err, "");
	says(got.out, "seed 1f, ");
	says(got.out, "\n1 passed, 0 failed\n");
}

static void a_failure_is_shown_with_all_that_is_needed(void **state)
{
	char again[256];

	(void)state;
	run_suite("--seed 1f t.good t.bad");
	expect(1);
	snprintf(again, sizeof(again),
		 "  again     derpspec run -h 127.0.0.1 -p %u --suite "
		 "'%s/s.derp' -o 300ms --seed 1f t.bad\n",
		 derpd_port, tmp);
	says(got.out, "FAIL   t.bad  T\n");
	says(got.out, "  rule      DERP-PING-1 (MUST): ");
	says(got.out, "  expected  ");
	says(got.out, "  actual    ");
	says(got.out, "  > A< pong\n");
	says(got.out, "  trace     ");
	says(got.out, again);
	says(got.out, "\n1 passed, 1 failed\n");
	says_not(got.out, "t.good");
	says_not(got.out, "  reason    expected "); /* said once is enough */
}

static void the_line_to_repeat_it_has_all_options(void **state)
{
	char words[512], again[512];

	(void)state;
	write_file(in_tmp("key"), "00000000000000000000000000000000"
				  "00000000000000000000000000000001\n");
	snprintf(words, sizeof(words),
		 "--mesh-key %s/key --seed 5 --settle 60 --path /derp "
		 "--intrusive --cut 9 t.bad",
		 tmp);
	run_suite(words);
	unlink(in_tmp("key"));
	expect(1);
	snprintf(again, sizeof(again),
		 " --path '/derp' --mesh-key '%s/key' --suite '%s/s.derp' "
		 "--intrusive -o 300ms --settle 60 --cut 9 --seed 5 t.bad\n",
		 tmp, tmp);
	says(got.out, again);
}

static void a_should_counts_when_strict(void **state)
{
	(void)state;
	run_suite("t.good t.shy");
	expect(0);
	says(got.out, "FAIL   t.shy  T (SHOULD; counts with -S)\n");
	says(got.out, "\n1 passed, 0 failed, 1 SHOULD not kept\n");
	run_suite("-S t.good t.shy");
	expect(1);
	says(got.out, "\n1 passed, 1 failed\n");
}

static void what_is_expected_to_fail_is_no_failure(void **state)
{
	char words[512];

	(void)state;
	run_suite("-x t.bad t.bad");
	expect(0);
	says(got.out, "XFAIL  t.bad");
	write_file(in_tmp("base"), "xfail t.bad 'a reason' source='here'\n");
	snprintf(words, sizeof(words), "--baseline %s/base t.bad t.good", tmp);
	run_suite(words);
	expect(0);
	says(got.out, "  known     a reason\n  source    here\n");
	run_suite("-x t.good t.good");
	expect(1);
	says(got.out, "XPASS  t.good");
}

static void a_run_of_skipped_cases_is_no_success(void **state)
{
	(void)state;
	run_suite("t.mesh");
	expect(2);
	says(got.out, "skipped: 1, needs the target's mesh key: --mesh-key");
	says(got.err, "derpspec: nothing was judged: every selected case was "
		      "skipped\n");
	one_line(got.err);
}

static void a_case_out_of_time_is_not_passed(void **state)
{
	(void)state;
	run_suite("t.limit");
	expect(1);
	says(got.out, " t.limit  T\n");
	says(got.out, "300");
	says(got.out, "\n0 passed, ");
}

static void a_run_out_of_time_is_incomplete(void **state)
{
	(void)state;
	run_suite("--total 0.5 t.good t.long");
	expect(1);
	says(got.out, "INCONC t.long");
	says(got.out, "\nINCOMPLETE: ");
	one_line(got.err);
}

static void reports_are_whole_files(void **state)
{
	char words[512];
	const char *text;

	(void)state;
	write_file(in_tmp("r.json"), "an older report");
	snprintf(words, sizeof(words),
		 "--json %s/r.json -j %s/r.xml --seed 2 t.good t.bad", tmp,
		 tmp);
	run_suite(words);
	expect(1);
	text = report("r.json");
	says(text, "{\"suite\":\"derpspec\",");
	says(text, "\"seed\":\"2\",\"complete\":true,");
	says(text, "\"id\":\"t.bad\"");
	says(text, "}]}\n");
	text = report("r.xml");
	says(text, "tests=\"2\" failures=\"1\" errors=\"0\"");
	says(text, "</testsuites>\n");
}

static void json_on_standard_output_stands_alone(void **state)
{
	(void)state;
	run_suite("--json - t.good");
	expect(0);
	assert_memory_equal(got.out, "{\"suite\"", 8);
	one_line(strstr(got.out, "}]}"));
	says(got.err, "1 passed, 0 failed\n");
}

static void devices_are_not_renamed_away(void **state)
{
	struct stat st;

	(void)state;
	run_suite("--json /dev/null t.good");
	expect(0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void rounds_are_counted(void **state)
{
	(void)state;
	run_suite("--repeat 3 --seed a t.good t.bad");
	expect(1);
	says(got.out, "  rounds    3 of 3\n");
	says(got.out, "--seed a t.bad\n");
	says(got.out, "seed a, 3 rounds, ");
}

static void frames_are_shown_when_asked_for(void **state)
{
	(void)state;
	run_suite("-vv t.good");
	expect(0);
	says(got.out, "PASS   t.good");
	says(got.out, "ping");
	says(got.out, "  31 32 33 34 35 36 37 38\n");
}

static void hostile_cases_are_left_out_when_safe(void **state)
{
	(void)state;
	run_suite("t.good t.hostile");
	expect(0);
	says(got.out, "\n2 passed, 0 failed\n");
	run_suite("--safe t.good t.hostile");
	expect(0);
	says(got.out, "left out: 1 that may do harm (--intrusive)\n");
	says(got.out, "\n1 passed, 0 failed\n");
}

static void cutting_changes_no_verdict(void **state)
{
	(void)state;
	run_suite("--cut 1 t.good");
	expect(0);
	/* some 700 bytes of request, login and ping, a millisecond each */
	run_suite("--cut dribble t.ping-500 -o 5 --json -");
	expect(0);
	says(got.out, "\"ms\":");
	if (strtol(strstr(got.out, "\"ms\":") + 5, NULL, 10) < 500)
		fail_msg("too fast for a dribble: %s", got.out);
}

/* ---- ends ------------------------------------------------------------ */

static pid_t start_long(void)
{
	char words[512];

	snprintf(words, sizeof(words),
		 "-p PORT --suite %s/s.derp --json %s/r.json -j %s/r.xml "
		 "t.good t.long",
		 tmp, tmp, tmp);
	return start(words, derpd_port);
}

static void interrupted(int number)
{
	pid_t pid = start_long();
	const char *text;

	sleep_ms(1000);
	kill(pid, number);
	finish(pid);
	expect(130);
	one_line(got.err);
	says(got.err, "interrupted");
	says(got.out, "INCOMPLETE: interrupted\n");
	says(got.out, "\n1 passed, 0 failed, 1 ");
	text = report("r.json");
	says(text, "\"complete\":false,\"end\":\"interrupted\"");
	says(text, "\"id\":\"t.good\"");
	says(text, "}]}\n");
	text = report("r.xml");
	says(text, "name=\"the run is complete\"");
	says(text, "</testsuites>\n");
}

static void an_interrupted_run_writes_its_reports(void **state)
{
	(void)state;
	interrupted(SIGINT);
	interrupted(SIGTERM);
}

static void a_server_that_dies_is_told(void **state)
{
	pid_t pid = start_long();

	(void)state;
	sleep_ms(1000);
	kill(derpd, SIGKILL);
	finish(pid);
	expect(4);
	one_line(got.err);
	says(got.out, "CRASH  t.long");
	says(report("r.json"), "\"complete\":false");
	report("r.xml");
}

/* ---- the program ----------------------------------------------------- */

static int write_scenarios(void **state)
{
	FILE *f;

	if (set_up(state) != 0)
		return -1;
	f = fopen(in_tmp("s.derp"), "w");
	if (f == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		fprintf(f, "case %s\nreq %s\ntitle T\n%s", scenarios[i].id,
			scenarios[i].rule, scenarios[i].steps);
	return fclose(f);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, with_derpd, without_derpd)

int main(void)
{
	const struct CMUnitTest live[] = {
		LIVE(a_good_case_passes),
		LIVE(a_failure_is_shown_with_all_that_is_needed),
		LIVE(the_line_to_repeat_it_has_all_options),
		LIVE(a_should_counts_when_strict),
		LIVE(what_is_expected_to_fail_is_no_failure),
		LIVE(a_run_of_skipped_cases_is_no_success),
		LIVE(a_case_out_of_time_is_not_passed),
		LIVE(a_run_out_of_time_is_incomplete),
		LIVE(reports_are_whole_files),
		LIVE(json_on_standard_output_stands_alone),
		LIVE(devices_are_not_renamed_away),
		LIVE(rounds_are_counted),
		LIVE(frames_are_shown_when_asked_for),
		LIVE(hostile_cases_are_left_out_when_safe),
		LIVE(cutting_changes_no_verdict),
		LIVE(an_interrupted_run_writes_its_reports),
		LIVE(a_server_that_dies_is_told),
	};
	return cmocka_run_group_tests(live, write_scenarios, tear_down);
}
