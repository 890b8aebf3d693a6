#!/bin/sh
# The HTML report in a browser: its script runs, nothing is complained about,
# and what a server said stays text.  Needs Chromium; without it, SKIP.
set -u
browser=$(command -v chromium || command -v chromium-browser) || {
	echo "SKIP: no chromium"
	exit 0
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
golden=$PWD/conformance/tests/golden
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# open FILE OPTION...: what becomes of it to $tmp/dom, complaints to $tmp/log.
open() {
	file=$1
	shift
	rm -rf "$tmp/user"
	timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
		--disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync \
		--user-data-dir="$tmp/user" --enable-logging=stderr \
		"$@" "file://$file" >"$tmp/dom" 2>"$tmp/log" </dev/null
	grep CONSOLE "$tmp/log" >"$tmp/console"
}

# A browser that cannot start here is no finding about the page.
echo '<p id="here">here</p>' >"$tmp/plain.html"
open "$tmp/plain.html" --dump-dom
grep -q 'id="here"' "$tmp/dom" || {
	echo "SKIP: chromium does not start here: $(tail -n 1 "$tmp/log")"
	exit 0
}

open "$golden/report.html" --dump-dom
[ ! -s "$tmp/console" ] || fail "complaints: $(cat "$tmp/console")"
grep -q '<output>2 of 2 cases</output>' "$tmp/dom" || fail "the script ran"
grep -q '<div id="filter">' "$tmp/dom" || fail "the filter is shown"

# A link to a case opens it; one that is no text does no harm.
open "$golden/report.html#case-ping.shy" --dump-dom
grep -q '<details id="case-ping.shy"[^>]* open' "$tmp/dom" ||
	fail "a link opens its case"
open "$golden/report.html#%ff" --dump-dom
[ ! -s "$tmp/console" ] || fail "an odd link: $(cat "$tmp/console")"

open "$golden/attack.html" --dump-dom
[ ! -s "$tmp/console" ] || fail "an attack: $(cat "$tmp/console")"
[ "$(grep -o '<script' "$tmp/dom" | wc -l)" -eq 1 ] || fail "one script"
grep -q '<output>1 of 1 cases</output>' "$tmp/dom" || fail "an attack: script"
! grep -q '<a href="http' "$tmp/dom" || fail "an attack: a link"

"${B:=build/release}/derpspec" -p 1 --json "$tmp/one.json" ping >/dev/null 2>&1
"$B/derpspec" matrix --html "$tmp/matrix.html" "$tmp/one.json" \
	"$tmp/one.json" || fail "a matrix"
open "$tmp/matrix.html" --dump-dom
[ ! -s "$tmp/console" ] || fail "a matrix: $(cat "$tmp/console")"
grep -q '<th title="derp://' "$tmp/dom" || fail "columns of a matrix"

open "$golden/report.html" --screenshot="$tmp/page.png" --window-size=900,900
[ "$(wc -c <"$tmp/page.png" 2>/dev/null || echo 0)" -gt 20000 ] ||
	fail "a picture of the page"

# This test sees what is wrong: a script that the policy does not know, an
# error in one, and something that is loaded.
sed "s/'use strict'/'use stricT'/" "$golden/report.html" >"$tmp/bad.html"
open "$tmp/bad.html" --dump-dom
grep -q 'Content Security Policy' "$tmp/console" || fail "policy is enforced"
sed 's/<meta http-equiv[^>]*>//;s/f.hidden=false/f.x.y=0/' \
	"$golden/report.html" >"$tmp/bad.html"
open "$tmp/bad.html" --dump-dom
grep -q 'TypeError' "$tmp/console" || fail "errors are seen"
sed 's/<h1>/<img src="x.png"><h1>/' "$golden/report.html" >"$tmp/bad.html"
open "$tmp/bad.html" --dump-dom
[ -s "$tmp/console" ] || fail "loading is seen"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
