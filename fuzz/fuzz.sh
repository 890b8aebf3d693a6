#!/bin/sh
# Fuzz every harness with libFuzzer and AFL++ at the same time, and see that
# both engines find the planted bug.  Ends with "N passed, N failed".
#
#   FUZZ_SECONDS    seconds for each harness, 30
#   FUZZ_HARNESSES  names, as "reader views"; all without it
#   FUZZ_MAIN       names that get all of FUZZ_SECONDS ...
#   FUZZ_REST       ... and the seconds of the others; without it, the same
#
# O is the build folder.  What the engines found stays in $O/fuzz-work/NAME:
# crash-* from libFuzzer, afl/default/crashes/* from AFL++; docs/fuzzing.md
# says what to do with it.
set -u
make=${MAKE:-make}
work=${O:=build}/fuzz-work
seconds=${FUZZ_SECONDS:-30}
rest=${FUZZ_REST:-$seconds}
main=${FUZZ_MAIN:-reader views}
planted_seconds=30 # ends as soon as the bug is found
runs_min=300       # fewer means that the engine did not work
pass=0 fail=0 pids=
# The core pattern and the CPU governor are the machine's affair; nobody
# watches the screen.
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
	AFL_NO_UI=1 AFL_NO_AFFINITY=1

# shellcheck disable=SC2086 # pids is a list
finish() {
	[ -z "$pids" ] || { kill $pids; wait $pids; } 2>/dev/null
}
trap finish EXIT
trap 'exit 130' INT TERM

case $seconds$rest in
*[!0-9]*) echo "FUZZ_SECONDS and FUZZ_REST must be numbers" >&2; exit 2 ;;
esac
names=${FUZZ_HARNESSES:-$(cd fuzz && ls fuzz_*.c | sed 's/^fuzz_//;s/\.c$//')}
for name in $names; do
	[ -f "fuzz/fuzz_$name.c" ] ||
		{ echo "FUZZ_HARNESSES: there is no fuzz/fuzz_$name.c" >&2; exit 2; }
done

mkdir -p "$work"
for variant in fuzz afl; do
	"$make" --no-print-directory O="$O" VARIANT=$variant fuzz-programs \
		>"$work/build.log" || { cat "$work/build.log"; exit 1; }
done
mutator=$O/release/fuzz/mutate.so
"$make" --no-print-directory O="$O" VARIANT=release "$mutator" \
	>"$work/build.log" || { cat "$work/build.log"; exit 1; }
case $mutator in /*) ;; *) mutator=$PWD/$mutator ;; esac
# Programs whose input is a stream of frames; so in the Makefile.
framed=" fuzz_reader fuzz_views fuzz_tcp fuzz_print planted "

verdict() { # 0 or not, what, detail, log
	if [ "$1" -eq 0 ]; then
		pass=$((pass + 1)); printf '  %-7s %-24s %s\n' ok "$2" "$3"
	else
		fail=$((fail + 1)); printf '  %-7s %-24s %s\n' FAILED "$2" "$3"
		tail -n 20 "$4"
	fi
}

dictionary() { # program
	case $1 in
	fuzz_json) echo corpus/info.dict ;;
	fuzz_decode) echo corpus/pcap.dict ;;
	fuzz_http | fuzz_info | fuzz_scenario | fuzz_baseline | fuzz_pcap)
		echo "corpus/${1#fuzz_}.dict" ;;
	*) echo corpus/derp.dict ;;
	esac
}

# Each engine has a time after which it is stuck, and ended.
libfuzzer() { # program, seeds, seconds
	exec timeout -k 5 $(($3 + 60)) "$O/fuzz/fuzz/$1" \
		-max_total_time="$3" -timeout=10 -rss_limit_mb=1024 \
		-max_len=70000 -print_final_stats=1 -dict="$(dictionary "$1")" \
		-artifact_prefix="$work/$1/" "$work/$1/queue" "$2" \
		>"$work/$1/libfuzzer.log" 2>&1
}
afl() { # program, seeds, seconds
	case $framed in
	*" $1 "*) export AFL_CUSTOM_MUTATOR_LIBRARY="$mutator" ;;
	esac
	exec timeout -k 5 $(($3 + 60)) afl-fuzz -V "$3" -t 5000 -m none \
		-x "$(dictionary "$1")" -i "$2" -o "$work/$1/afl" -- "$O/afl/fuzz/$1" \
		>"$work/$1/afl.log" 2>&1
}

# Both at once, one per core: sets crashed and stopped, their exit codes.
engines() { # program, seeds, seconds
	rm -rf "$work/$1/afl" "$work/$1"/*.log "$work/$1"/crash-*
	mkdir -p "$work/$1/queue"
	afl "$@" & pids=$!
	libfuzzer "$@" & pids="$! $pids"
	wait "${pids% *}"; crashed=$?
	wait "${pids#* }"; stopped=$?
	pids=
}

libfuzzer_runs() { # program
	sed -n 's/^stat::number_of_executed_units: //p' "$work/$1/libfuzzer.log"
}
afl_stat() { # program, field
	sed -n "s/^$2 *: *//p" "$work/$1/afl/default/fuzzer_stats" 2>/dev/null
}

fuzz_one() { # name
	time=$rest
	case " $main " in *" $1 "*) time=$seconds ;; esac
	set -- "$1" "fuzz_$1"
	engines "$2" "corpus/$1" "$time"
	runs=$(libfuzzer_runs "$2")
	[ $crashed -eq 0 ] && [ "${runs:-0}" -ge $runs_min ]
	verdict $? "$1, libFuzzer" "${runs:-0} runs in $time s" \
		"$work/$2/libfuzzer.log"
	runs=$(afl_stat "$2" execs_done)
	[ $stopped -eq 0 ] && [ "${runs:-0}" -ge $runs_min ] &&
		[ "$(afl_stat "$2" saved_crashes)" = 0 ] &&
		[ "$(afl_stat "$2" saved_hangs)" = 0 ]
	verdict $? "$1, AFL++" "${runs:-0} runs in $time s" \
		"$work/$2/afl.log"
}

# From the seeds alone: what an earlier run kept would make it easy.
planted() {
	rm -rf "$work/planted"
	export AFL_BENCH_UNTIL_CRASH=1
	engines planted corpus/reader $planted_seconds
	unset AFL_BENCH_UNTIL_CRASH
	[ $crashed -ne 0 ] && grep -q 'oracle:' "$work/planted/libfuzzer.log"
	verdict $? "planted bug, libFuzzer" "exit code $crashed" \
		"$work/planted/libfuzzer.log"
	crashes=$(afl_stat planted saved_crashes)
	[ "${crashes:-0}" -gt 0 ]
	verdict $? "planted bug, AFL++" "${crashes:-0} crashes" \
		"$work/planted/afl.log"
}

for name in $names; do
	fuzz_one "$name"
done
planted
printf '%d passed, %d failed\n' $pass $fail
[ $fail -eq 0 ]
