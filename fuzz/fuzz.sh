#!/bin/sh
# Fuzz every harness with libFuzzer and AFL++, FUZZ_SECONDS each, and see
# that both engines find the planted bug.  Ends with "N passed, N failed".
#
# O is the build folder.  What the engines found stays in $O/fuzz-work/NAME:
# crash-* from libFuzzer, afl/default/crashes/* from AFL++.
set -u
seconds=${FUZZ_SECONDS:-30}
make=${MAKE:-make}
work=${O:=build}/fuzz-work
pass=0 fail=0
# The core pattern and the CPU governor are the machine's affair; nobody
# watches the screen.
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
	AFL_NO_UI=1 AFL_NO_AFFINITY=1

"$make" --no-print-directory -s VARIANT=fuzz fuzz-programs &&
"$make" --no-print-directory -s VARIANT=afl fuzz-programs || exit 1

verdict() { # what, 0 or not, detail
	if [ "$2" -eq 0 ]; then pass=$((pass + 1)) word=ok
	else fail=$((fail + 1)) word=FAILED; fi
	printf '  %-7s %-28s %s\n' $word "$1" "$3"
}

# libfuzzer NAME SEEDS [FLAG...]: sets out, the log's path.
libfuzzer() {
	name=$1 seeds=$2 out=$work/$1/libfuzzer.log
	shift 2
	mkdir -p "$work/$name/queue"
	"$O/fuzz/fuzz/$name" -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=1024 -max_len=70000 -print_final_stats=1 \
		-artifact_prefix="$work/$name/" "$@" "$work/$name/queue" \
		"$seeds" >"$out" 2>&1
}

# afl NAME SEEDS [VARIABLE=VALUE...]
afl() {
	name=$1 seeds=$2 out=$work/$1/afl.log
	shift 2
	rm -rf "$work/$name/afl"; mkdir -p "$work/$name"
	env "$@" afl-fuzz -V "$seconds" -t 5000 -m none -i "$seeds" \
		-o "$work/$name/afl" -- "$O/afl/fuzz/$name" >"$out" 2>&1
}

afl_stat() { # name, field
	sed -n "s/^$2 *: *//p" "$work/$1/afl/default/fuzzer_stats" 2>/dev/null
}

fuzz_one() { # harness
	seeds=corpus/${1#fuzz_}
	afl "$1" "$seeds" & # one engine per core
	pid=$!
	libfuzzer "$1" "$seeds"
	crashed=$?
	wait $pid; stopped=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/$1/libfuzzer.log")
	[ $crashed -eq 0 ] && [ "${runs:-0}" -gt 1000 ]
	verdict "$1 libFuzzer" $? "${runs:-0} runs"
	[ $crashed -eq 0 ] || tail -n 20 "$work/$1/libfuzzer.log"
	runs=$(afl_stat "$1" execs_done)
	[ $stopped -eq 0 ] && [ "${runs:-0}" -gt 1000 ] &&
		[ "$(afl_stat "$1" saved_crashes)" = 0 ] &&
		[ "$(afl_stat "$1" saved_hangs)" = 0 ]
	ok=$?
	verdict "$1 AFL++" $ok "${runs:-0} runs"
	[ $ok -eq 0 ] || tail -n 20 "$work/$1/afl.log"
}

planted() {
	rm -rf "$work/planted"
	afl planted corpus/reader AFL_BENCH_UNTIL_CRASH=1 &
	pid=$!
	libfuzzer planted corpus/reader
	found=$?
	wait $pid
	[ $found -ne 0 ] && grep -q 'oracle:' "$work/planted/libfuzzer.log"
	verdict "planted bug, libFuzzer" $? "found: exit $found"
	crashes=$(afl_stat planted saved_crashes)
	[ "${crashes:-0}" -gt 0 ]
	verdict "planted bug, AFL++" $? "found: ${crashes:-0} crashes"
}

mkdir -p "$work"
for source in fuzz/fuzz_*.c; do
	fuzz_one "$(basename "$source" .c)"
done
planted
printf '%d passed, %d failed\n' $pass $fail
[ $fail -eq 0 ]
