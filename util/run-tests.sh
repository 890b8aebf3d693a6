#!/bin/sh
# Run test programs, test scripts and fuzz runners; print one line for each
# and the whole output of those that fail.  Ends with "N passed, N failed".
# B is the build folder of the variant.
set -u
export B
log=$(mktemp) || exit 5
trap 'rm -f "$log"' EXIT
pass=0 fail=0
for t in "$@"; do
	case $t in
	*.sh) run="sh $t" ;;
	*.run) seeds=$(basename "$t" .run); run="$t corpus/${seeds#fuzz_}" ;;
	*) run=$t ;;
	esac
	if $run >"$log" 2>&1; then
		pass=$((pass + 1)); printf '  %-7s %s\n' ok "$t"
	else
		fail=$((fail + 1)); printf '  %-7s %s\n' FAILED "$t"; cat "$log"
	fi
done
printf '%d passed, %d failed\n' $pass $fail
[ $fail -eq 0 ] && [ $pass -gt 0 ]
