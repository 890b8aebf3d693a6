#!/bin/sh
# What a run leaves for the next one: --write-baseline, and keys that a server
# admits.  Against derpd.
set -u
tmp=$(mktemp -d) || exit 1
server=
finish() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
spec=${B:=build/release}/derpspec
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}
wrong() {
	"$spec" --client-keys "$tmp/keys" >"$tmp/out" 2>"$tmp/err" </dev/null
	[ $? -eq 3 ] || fail "exit status for: $1"
	[ ! -s "$tmp/out" ] || fail "output for: $1"
	[ "$(cat "$tmp/err")" = "derpspec: $tmp/keys$1" ] ||
		fail "says '$(cat "$tmp/err")', not '$1'"
}
# X25519 does not look at all bits of the first byte and the last one.
key() {
	printf "00%04x%058x\n" "$1" 0
}

# ---- keys that cannot be read
: >"$tmp/keys"
wrong ": holds no key"
printf '# none\n\n' >"$tmp/keys"
wrong ": holds no key"
what="a line is a private key: 64 hex digits, or privkey: and these"
{ key 1 && echo abc; } >"$tmp/keys"
wrong ":2: $what"
key 0 >"$tmp/keys"
wrong ":1: $what"
{ key 2 && echo "# the same" && echo "privkey:$(key 2)"; } >"$tmp/keys"
wrong ":3: this key came before"
n=0
while [ $n -le 256 ]; do key $((n + 1)); n=$((n + 1)); done >"$tmp/keys"
wrong ":257: at most 256 keys are read"

: >"$tmp/listen"
"$B/derpd" --listen 127.0.0.1:0 >"$tmp/listen" 2>"$tmp/log" &
server=$!
port= tries=0
while [ -z "$port" ] && [ $tries -lt 100 ]; do
	port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$tmp/listen")
	[ -n "$port" ] || sleep 0.05
	tries=$((tries + 1))
done
[ -n "$port" ] || { echo "derpd did not start: $(cat "$tmp/log")"; exit 1; }

# One key is enough for some cases only; the line that repeats one has it.
key 8 >"$tmp/keys"
"$spec" -p "$port" --client-keys "$tmp/keys" --json "$tmp/json" --tap - \
	-x ping.again ping >"$tmp/tap" 2>/dev/null
[ $? -eq 1 ] || fail "exit status with one key"
grep -q '^ok .* # SKIP .*key' "$tmp/tap" || fail "cases that need two keys"
grep -q '^ok .* - ping.min-8.N=0.: [^#]*$' "$tmp/tap" || fail "one key is used"
grep -q "^  again: .* --client-keys '$tmp/keys' " "$tmp/tap" ||
	fail "the command that repeats a case"

# ---- a baseline of a server that fails: the next run is as expected.
cat >"$tmp/own.derp" <<'END'
case   own.fails
req    DERP-PING-1
title  A ping is not answered
for N in 8 9
A: login
A> ping zero*$N
A! pong
settle

case   own.holds
req    DERP-PING-1
title  A ping is answered
A: login
A> ping zero*8
A< pong zero*8
END
own() {
	"$spec" -p "$port" --suite "$tmp/own.derp" "$@" >"$tmp/out" 2>"$tmp/err"
}
own --write-baseline "$tmp/base"
[ $? -eq 1 ] || fail "it fails: $(cat "$tmp/out" "$tmp/err")"
[ "$(grep -c '^xfail "own.fails\[N=[89]\]" "TODO: why" source="TODO: where"$' \
	"$tmp/base")" -eq 2 ] || fail "two statements: $(cat "$tmp/base")"
! grep -q own.holds "$tmp/base" || fail "what holds is in the baseline"
sed 's/"TODO: why"/"it \\"does\\""/;s/TODO: where/s.go/' "$tmp/base" >"$tmp/two"
own --baseline "$tmp/two" --write-baseline "$tmp/again" ||
	fail "with the baseline: $(cat "$tmp/out" "$tmp/err")"
[ "$(grep -c '"it \\"does\\"" source="s.go"$' "$tmp/again")" -eq 2 ] ||
	fail "reason and source are kept: $(cat "$tmp/again")"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
