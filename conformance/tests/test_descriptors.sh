#!/bin/sh
# A shortage of descriptors on this side is no fault of the server: with few,
# less is watched; with too few, cases are in error and the exit status is 5,
# and nobody is said to have crashed.  B is the build folder.
set -u
B=${B:=build/release}
tmp=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill $server; rm -rf "$tmp"' EXIT
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

"$B/derpd" --listen 127.0.0.1:0 >"$tmp/derpd" 2>/dev/null &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	grep -q listen "$tmp/derpd" && break
	sleep 0.2
done
port=$(sed -n 's/^listen .*:\([0-9]*\)$/\1/p' "$tmp/derpd")
[ -n "$port" ] || fail "derpd does not listen"

# few DESCRIPTORS CODE
few() {
	(
		ulimit -n "$1"
		exec "$B/derpspec" -p "$port" --total 60 >"$tmp/out" \
			2>"$tmp/err" </dev/null
	)
	got=$?
	[ $got -eq "$2" ] ||
		fail "$1 descriptors: exit $got, not $2: $(cat "$tmp/err")"
	! grep -qi "crashed\|stopped answering" "$tmp/out" "$tmp/err" ||
		fail "$1 descriptors: the server is blamed"
}

few 64 0
few 20 5
grep -q "ulimit -n" "$tmp/out" || fail "no word of what to do"
[ $failures -eq 0 ] || exit 1
echo "descriptors: good"
