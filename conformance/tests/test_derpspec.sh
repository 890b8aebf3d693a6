#!/bin/sh
# The command line of derpspec without a server: what is wrong gives one clear
# line, the documented exit code, and nothing on standard output.  What needs
# a server is in test_target.c.  B is the build folder.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
spec=${B:=build/release}/derpspec
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# run CODE ARGUMENTS...: standard output to $tmp/out, error to $tmp/err.
run() {
	code=$1
	shift
	"$spec" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	[ $got -eq "$code" ] ||
		fail "derpspec $*: exit $got, not $code: $(cat "$tmp/err")"
}

# wrong CODE LINE ARGUMENTS...: exactly one line on standard error, which
# begins with "derpspec: LINE", and an empty standard output.
wrong() {
	code=$1 line=$2
	shift 2
	run "$code" "$@"
	[ ! -s "$tmp/out" ] || fail "derpspec $*: output on an error"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] ||
		fail "derpspec $*: not one line: $(cat "$tmp/err")"
	case $(cat "$tmp/err") in
	"derpspec: $line"*) ;;
	*) fail "derpspec $*: says '$(cat "$tmp/err")', not '$line'" ;;
	esac
}

# good TEXT ARGUMENTS...: exit 0, nothing on standard error, TEXT in a line.
good() {
	text=$1
	shift
	run 0 "$@"
	[ ! -s "$tmp/err" ] || fail "derpspec $*: said $(cat "$tmp/err")"
	grep -qF -e "$text" "$tmp/out" || fail "derpspec $*: no '$text'"
}

# ---- help
for c in '' run list show coverage; do
	good "usage: derpspec" $c --help
done
good "--mesh-key FILE" --help
! grep -q record "$tmp/out" || fail "--record is shown"
good "derpspec 0." --version
for c in run list show coverage replay; do
	"$spec" $c --help | sed -n 's/^  [ -].*--\([a-z-]*\).*/\1/p' |
		while read -r o; do
			grep -q "Fl -$o" docs/derpspec.1 || echo "$o"
		done >"$tmp/missing"
	[ ! -s "$tmp/missing" ] ||
		fail "not in derpspec(1): $(tr '\n' ' ' <"$tmp/missing")"
done

# ---- options
wrong 2 "unknown option '--bogus' (see derpspec --help)" --bogus
wrong 2 "unknown option '-q'" -q
wrong 2 "--host wants an argument: HOST" -h
wrong 2 "--host wants a name or an address, not '[::1]'" -h '[::1]'
wrong 2 "--port wants a port from 1 to 65535, not '0'" -p 0
wrong 2 "--port wants a port from 1 to 65535, not '65536'" -p 65536
wrong 2 "--seed wants 1 to 16 hex digits" --seed 0x1f
wrong 2 "--seed wants 1 to 16 hex digits" --seed 12345678123456781
wrong 2 "--timeout wants seconds" -o 0
wrong 2 "--settle wants a number" --settle -1
wrong 2 "--jobs wants a number from 1 to 256, not '0'" -P 0
wrong 2 "--repeat wants a number" --repeat x
wrong 2 "--cut wants a number" --cut drip
wrong 2 "--color wants auto, always or never" --color red
wrong 2 "a path begins with '/'" --path derp
wrong 2 "a path has no blanks" --path '/de rp'
wrong 2 "--url wants derp://" --url https://127.0.0.1
wrong 2 "--url wants derp://HOST:PORT" --url derp://127.0.0.1:x
wrong 2 "--json wants a name" --json ''
wrong 2 "show what?" show
wrong 2 "unknown option '--json'" show --json x
wrong 2 "two reports cannot go to the same place: standard output" \
	--json - -j -
wrong 2 "two reports cannot go to the same place: same" --tap same --html same

# ---- selectors
wrong 2 "no case matches 'nonesuch'; see 'derpspec list'" nonesuch
wrong 2 "no case matches 'DERP-PINK-4' (did you mean DERP-PING-4" DERP-PINK-4
wrong 2 "no case matches '@hostle' (did you mean @hostile?)" @hostle
wrong 2 "no case matches '\\x1b[2J'" "$(printf '\033[2J')"
wrong 2 "-e: no case matches 'nonesuch'" -e nonesuch
wrong 2 "-x: no case matches 'nonesuch'" -x nonesuch
wrong 2 "no case matches 'nonesuch'" list nonesuch
wrong 2 "no case matches 'nonesuch'" show nonesuch
wrong 2 "nothing matched: -e leaves no case" ping -e ping
wrong 2 "nothing to run: --safe leaves out all" --safe @hostile
wrong 2 "nothing to run: --safe leaves out all" -h 192.0.2.1 @hostile
wrong 2 "nothing to run: --safe leaves out all" -h 127.example.com @hostile

# ---- files
wrong 3 "cannot read suite $tmp/none: No such file" --suite "$tmp/none"
mkdir "$tmp/empty"
wrong 3 "suite $tmp/empty holds no file *.derp" --suite "$tmp/empty"
mkdir -p "$tmp/folder/x.derp"
wrong 3 "$tmp/folder/x.derp is not a file" --suite "$tmp/folder"
rmdir "$tmp/folder/x.derp"; mkfifo "$tmp/folder/x.derp"
wrong 3 "$tmp/folder/x.derp is not a file" --suite "$tmp/folder"
wrong 3 "cannot read $tmp/none: No such file" --baseline "$tmp/none"
wrong 3 "cannot read $tmp/none: No such file" --mesh-key "$tmp/none"
echo nothing >"$tmp/key"
wrong 3 "$tmp/key holds no mesh key: 64 hex digits" --mesh-key "$tmp/key"
wrong 2 "cannot write report $tmp/none/x: No such file" --json "$tmp/none/x"
for o in junit tap html markdown write-baseline; do
	wrong 2 "cannot write report $tmp/none/x: No such file" \
		--$o "$tmp/none/x"
done

# ---- a suite of one's own
mkdir "$tmp/suite"
cat >"$tmp/suite/a.derp" <<'END'
case   own.one
req    DERP-PING-1
title  One of mine
tags   @slow
A: login
A> ping "12345678"
A< pong "12345678"

# about the next one
case   own.two
req    DERP-NONE-1
title  Another
for N in 1 2
A: login
A> raw type=$N
A< closed
END
good "own.one" list --suite "$tmp/suite"
[ "$(wc -l <"$tmp/out")" -eq 2 ] || fail "a suite of two cases is listed"
good "own.two[N=2]" list --suite "$tmp/suite/a.derp" --instances own.two
[ "$(wc -l <"$tmp/out")" -eq 2 ] || fail "two instances are listed"
good "     6  A> ping \"12345678\"" show --suite "$tmp/suite" own.one
! grep -q 'about the next one' "$tmp/out" || fail "a foreign comment is shown"
wrong 2 "nothing to run: all 1 selected cases are @slow; --slow runs them" \
	--suite "$tmp/suite" 'own.o*'
run 1 coverage --suite "$tmp/suite"
grep -qF "$tmp/suite/a.derp:11: own.two names DERP-NONE-1, which" \
	"$tmp/out" || fail "coverage names a rule that does not exist"
grep -q 'docs/protocol.md:[0-9]*: DERP-PING-4 (MUST) has no case' \
	"$tmp/out" || fail "coverage names a rule without a case"

# ---- errors in a suite: all of them, with place, line and caret
cat >"$tmp/suite/b.derp" <<'END'
case   bad.one
req    DERP-PING-1
title  Bad
A: login
A> pong dest=3
A< pong
case   bad.two
title  No rule
A: logon
END
run 2 --suite "$tmp/suite"
[ ! -s "$tmp/out" ] || fail "output in spite of a bad suite"
grep -q "^$tmp/suite/b.derp:5:9: " "$tmp/err" || fail "place of an error"
grep -q "^$tmp/suite/b.derp:9:4: " "$tmp/err" || fail "place of the next"
grep -q '^  A> pong dest=3$' "$tmp/err" || fail "line of an error"
grep -q '^          ^$' "$tmp/err" || fail "caret of an error"
grep -q '^derpspec: [2-9] errors in the suite; nothing was run$' "$tmp/err" ||
	fail "number of errors"

# ---- baselines
echo 'xfail pong "r" source="s"' >"$tmp/base"
run 2 --baseline "$tmp/base" ping
[ ! -s "$tmp/out" ] || fail "output in spite of a bad baseline"
grep -qF "$tmp/base:1:7: no case matches 'pong' (did you mean ping" \
	"$tmp/err" || fail "place of an unknown selector in a baseline"
[ "$(wc -l <"$tmp/err")" -eq 3 ] || fail "one error, its line and its caret"

# ---- the suite itself
good "DERP-PING-4 (MUST, server)" show DERP-PING-4
good "  case: ping.max-1000" show DERP-PING-4
good "A ping body over 1000 bytes" show ping.max-1000
good "source: derpserver.go" show DERP-PING
good "ping.max-1000 " list DERP-PING-4
run 0 coverage
[ "$(wc -l <"$tmp/out")" -eq 1 ] || fail "coverage: $(cat "$tmp/out")"

# Output that cannot be written is no success.
if [ -c /dev/full ]; then
	"$spec" list >/dev/full 2>"$tmp/err"
	[ $? -eq 5 ] || fail "a full disk is no success"
fi

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
