#!/bin/sh
# Run test programs, test scripts and fuzz runners, JOBS at a time (one more
# than there are cores: most of them wait for sockets and time-outs); print one
# line for each and the whole output of those that fail.  Ends with "N passed, N failed".  B is the build
# folder of the variant.
set -u
export B

one() { # test, folder for the logs
	log=$2/$(echo "$1" | tr / _)
	case $1 in
	*.sh) set -- "$1" sh "$1" ;;
	*.run) seeds=$(basename "$1" .run); set -- "$1" "$1" "corpus/${seeds#fuzz_}" ;;
	*) set -- "$1" "$1" ;;
	esac
	name=$1
	shift
	if "$@" >"$log" 2>&1 </dev/null; then
		printf '  %-7s %s\n' ok "$name"
	else
		{ printf '  %-7s %s\n' FAILED "$name"; cat "$log"; } >"$log.failed"
		cat "$log.failed"
	fi
}

if [ "${1-}" = --one ]; then
	one "$3" "$2"
	exit 0
fi

logs=$(mktemp -d) || exit 5
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM
printf '%s\n' "$@" | xargs -n 1 -P "${JOBS:-$(($(nproc 2>/dev/null || echo 1) + 1))}" \
	sh "$0" --one "$logs"
result=$?
fail=$(find "$logs" -name '*.failed' | wc -l)
printf '%d passed, %d failed\n' $(($# - fail)) "$fail"
[ $result -eq 0 ] && [ "$fail" -eq 0 ] && [ $# -gt 0 ]
