#!/bin/sh
# derpspec diff, matrix and coverage with reports; nothing is run.
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
wrong() {
	code=$1 line=$2
	shift 2
	run "$code" "$@"
	[ ! -s "$tmp/out" ] || fail "derpspec $*: output on an error"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "derpspec $*: not one line"
	case $(cat "$tmp/err") in
	"derpspec: $line"*) ;;
	*) fail "derpspec $*: says '$(cat "$tmp/err")', not '$line'" ;;
	esac
}
says() {
	grep -qxF -e "$1" "$tmp/out" || fail "no '$1' in: $(cat "$tmp/out")"
}

# report NAME: a report of the lines "ID CASE VERDICT LEVEL [tolerated]".
report() {
	awk -v name="$1" 'BEGIN {
		printf "{\"suite\":\"derpspec\",\"version\":\"0.1\","
		printf "\"target\":\"derp://%s/\",\"complete\":true,", name
		printf "\"cases\":["
	}
	{
		printf "%s{\"id\":\"%s\",\"case\":\"%s\",", sep, $1, $2
		printf "\"title\":\"about %s\",\"reqs\":[\"DERP-PING-4\"],", $2
		printf "\"verdict\":\"%s\",\"level\":\"%s\"", $3, $4
		if ($5 != "") printf ",\"tolerated\":true"
		printf ",\"reason\":\"\\u001b[2J<b>|\"}"
		sep = ","
	}
	END { print "]}" }' >"$tmp/$1.json"
}

report old <<'END'
same same PASS MUST
worse worse PASS MUST
known known PASS MUST
down down FAIL MUST
better better FAIL MUST
shy shy PASS SHOULD
hidden hidden FAIL MUST
gone gone PASS MUST
n[1] n PASS MUST
n[2] n PASS MUST
END
report new <<'END'
same same PASS MUST
worse worse FAIL MUST
known known XFAIL MUST
down down CRASH MUST
better better PASS MUST
shy shy FAIL SHOULD tolerated
hidden hidden SKIP MUST
fresh fresh FAIL MUST
n[1] n FAIL MUST
n[2] n PASS MUST
END

# ---- diff
R='\x1b[2J<b>|'
run 1 diff "$tmp/old.json" "$tmp/new.json"
says 'old  old: derp://old/, derpspec 0.1, 10 cases'
says "regressed    PASS -> FAIL    worse: $R"
says "regressed    FAIL -> CRASH   down: $R"
says "regressed    PASS -> FAIL    n[1]: $R"
says "fixed        FAIL -> PASS    better: $R"
says "changed      PASS -> XFAIL   known: $R"
says "changed      PASS -> FAIL    shy (SHOULD): $R"
says "changed      FAIL -> SKIP    hidden: $R"
says "new             - -> FAIL    fresh: $R"
says "missing      PASS -> -       gone: $R"
says '3 regressed, 1 fixed, 3 changed, 1 new, 1 missing, 2 the same'
[ "$(wc -l <"$tmp/out")" -eq 12 ] || fail "a line for what did not change"
run 1 diff -S "$tmp/old.json" "$tmp/new.json"
says "regressed    PASS -> FAIL    shy (SHOULD): $R"
run 1 diff "$tmp/new.json" "$tmp/old.json"
says '2 regressed, 2 fixed, 3 changed, 1 new, 1 missing, 2 the same'
run 0 diff "$tmp/old.json" "$tmp/old.json"
says '0 regressed, 0 fixed, 0 changed, 0 new, 0 missing, 10 the same'
sed 's/"complete":true/"complete":false/' "$tmp/old.json" >"$tmp/part.json"
run 0 diff "$tmp/old.json" "$tmp/part.json"
says 'new  part: derp://old/, derpspec 0.1, 10 cases, INCOMPLETE'

# ---- matrix
run 0 matrix "$tmp/old.json" "$tmp/new.json"
says '| Case | Level | <code>old</code> | <code>new</code> |'
says '| not as expected | | 3 | 4 |'
says '| passed | | 7 | 3 |'
says '| skipped, known or tolerated | | 0 | 3 |'
says '| <code>n</code> | MUST | PASS | FAIL 1/2 |'
says '| <code>shy</code> | SHOULD | PASS | FAIL (SHOULD) |'
says '| <code>gone</code> | MUST | PASS | - |'
says '| <code>fresh</code> | MUST | - | FAIL |'
[ "$(sed -n '6s/ |.*//p;$s/ |.*//p' "$tmp/out" | tr '\n' ' ')" = \
	'| <code>same</code> | <code>fresh</code> ' ] || fail "order of rows"
run 0 matrix --instances "$tmp/old.json" "$tmp/new.json"
says '| <code>n&#91;1&#93;</code> | MUST | PASS | FAIL |'
run 0 matrix --html "$tmp/m.html" "$tmp/old.json" "$tmp/new.json"
[ ! -s "$tmp/out" ] || fail "a page, and more on standard output"
grep -q 'title="\\x1b\[2J&lt;b&gt;|">FAIL 1/2</td>' "$tmp/m.html" ||
	fail "a cell of the page"
! grep -q '<b>' "$tmp/m.html" || fail "a reason got out of its cell"
run 0 matrix "$tmp/part.json"
says '| Case | Level | <code>part</code> (not complete) |'

# ---- coverage
run 1 coverage "$tmp/old.json"
grep -q '^docs/protocol.md:[0-9]*: DERP-PING-4 (MUST) was not judged in any' \
	"$tmp/out" || fail "foreign cases judge no rule"
report real <<'END'
ping.max-1000[N=1001] ping.max-1000 PASS MUST
ping.max-1000[N=9] ping.max-1000 FAIL MUST
END
run 1 coverage "$tmp/old.json" "$tmp/real.json"
grep -q '^DERP-PING-4  *MUST  *[0-9]* cases*, 1 PASS, 1 FAIL$' "$tmp/out" ||
	fail "results of a rule"
! grep -q 'DERP-PING-4 .* was not judged' "$tmp/out" || fail "it was judged"
run 1 coverage --ci "$tmp/real.json"
grep -q '^::error file=docs/protocol.md,line=[0-9]*::DERP-' "$tmp/out" ||
	fail "an annotation"
[ "$(grep -vc '^::error ' "$tmp/out")" -eq 1 ] || fail "more than gaps"
run 0 coverage --ci

# ---- wrong
wrong 2 "diff wants two reports" diff
wrong 2 "diff wants two reports" diff "$tmp/old.json"
wrong 2 "diff wants two reports" diff a b c
wrong 3 "cannot read $tmp/none: No such file" diff "$tmp/none" "$tmp/old.json"
wrong 2 "matrix wants 1 to 32 reports" matrix
wrong 2 "matrix wants 1 to 32 reports" matrix 1 2 3 4 5 6 7 8 9 10 11 12 13 \
	14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
echo '{"suite":"junit"}' >"$tmp/bad.json"
for c in "diff $tmp/old.json" matrix coverage; do
	wrong 3 "$tmp/bad.json: this is no report of derpspec (near byte" \
		$c "$tmp/bad.json"
done
wrong 2 "cannot write report $tmp/none/x: No such file" \
	matrix --html "$tmp/none/x" "$tmp/old.json"
wrong 2 "unknown option '--tap'" diff --tap x
awk 'BEGIN { for (i = 0; i < 1e6; i++) printf "[" }' >"$tmp/deep.json"
wrong 3 "$tmp/deep.json: this is no report" diff "$tmp/deep.json" "$tmp/old.json"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
