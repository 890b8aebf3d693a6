#!/bin/sh
# TAP by a strict reader: the sample of the unit tests, a run against derpd,
# a run against nothing.  The reader itself must refuse what is wrong.
set -u
tmp=$(mktemp -d) || exit 1
server=
finish() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
here=conformance/tests
: "${B:=build/release}"
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}
check() {
	awk -f $here/tap-check.awk "$1"
}

[ "$(check $here/golden/report.tap)" = "9 tests, complete" ] ||
	fail "the sample: $(check $here/golden/report.tap)"

# ---- each of these edits makes it wrong
refused() {
	sed "$1" $here/golden/report.tap >"$tmp/bad.tap"
	! cmp -s "$tmp/bad.tap" $here/golden/report.tap ||
		fail "$1 changes nothing"
	! check "$tmp/bad.tap" >/dev/null || fail "the reader lets pass: $1"
}
refused '1d'
refused '2s/9/8/'
refused '2d'
refused 's/^ok 3/ok 4/'
refused 's/^  \.\.\.$//'
refused '$d'
refused 's/ # SKIP/ # SKPI/'
refused 's/ # SKIP/ # TODO/'
refused 's/closed"$/closed/'
refused 's/^  line: 5/  line: five/'
refused 's/^not ok 2 - /&\\x /'
refused 's/^not ok 2 - /& # /'
refused "s/^  actual: .*/  actual: \"$(printf '\033')\"/"
refused '$s/$/\nok 10 - one more/'

# ---- live
: >"$tmp/listen"
"$B/derpd" --listen 127.0.0.1:0 >"$tmp/listen" 2>"$tmp/log" &
server=$!
port= tries=0
while [ -z "$port" ] && [ $tries -lt 100 ]; do
	port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$tmp/listen")
	[ -n "$port" ] || sleep 0.05
	tries=$((tries + 1))
done
if [ -z "$port" ]; then
	fail "derpd did not start: $(cat "$tmp/log")"
else
	"$B/derpspec" -p "$port" --tap - ping mesh >"$tmp/live.tap" 2>/dev/null
	check "$tmp/live.tap" || fail "a run against derpd"
	grep -q '^ok [0-9]* - mesh\..* # SKIP needs the' "$tmp/live.tap" ||
		fail "mesh cases are skipped"
	"$B/derpspec" -p "$port" -x ping.max-1000 --tap - ping \
		>"$tmp/live.tap" 2>/dev/null
	[ $? -eq 1 ] || fail "XPASS fails a run"
	check "$tmp/live.tap" || fail "a run with XPASS"
	grep '^not ok [0-9]* - ping.max-1000' "$tmp/live.tap" >"$tmp/xpass" ||
		fail "XPASS is not ok"
	! grep -q TODO "$tmp/xpass" || fail "XPASS may fail"
fi
"$B/derpspec" -p 1 --tap "$tmp/none.tap" ping >/dev/null 2>&1
[ $? -eq 3 ] || fail "exit status without a server"
! grep '^ok' "$tmp/none.tap" | grep -qv ' # SKIP ' ||
	fail "what was not judged is not ok"
check "$tmp/none.tap" >"$tmp/out" || fail "a run against nothing"
grep -q 'bailed out$' "$tmp/out" || fail "a run against nothing bails out"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
