#!/bin/sh
# docs/json.md names every key that derpspec writes, and list --json is what it
# says.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
spec=${B:=build/release}/derpspec
golden=conformance/tests/golden/report.json
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

"$spec" list --json >"$tmp/cases" || fail "list --json"
"$spec" list --json --instances >"$tmp/instances" || fail "--instances"
cat $golden "$tmp/cases" "$tmp/instances" |
	sed 's/\\"//g' | grep -o '"[a-z_]*":' | sort -u | tr -d '":' >"$tmp/keys"
[ "$(wc -l <"$tmp/keys")" -gt 30 ] || fail "keys: $(cat "$tmp/keys")"
while read -r key; do
	grep -q "\`$key\`" docs/json.md || fail "docs/json.md lacks $key"
done <"$tmp/keys"

# One object a line, between the first line and the last.
[ "$(grep -c '"id":' "$tmp/cases")" -eq "$("$spec" list | wc -l)" ] ||
	fail "an object for each case"
[ "$(grep -c '"id":' "$tmp/instances")" -eq \
	"$("$spec" list --instances | wc -l)" ] ||
	fail "an object for each instance"
grep -q '"instances":[1-9]' "$tmp/cases" || fail "number of instances"
! grep -q '"instances":' "$tmp/instances" || fail "instances of an instance"
grep -q '{"id":"ping.max-1000","case":"ping.max-1000","title":"A ping body' \
	"$tmp/cases" || fail "a case"
grep -q '"id":"ping.max-1000.N=1001.","case":"ping.max-1000"' \
	"$tmp/instances" || fail "an instance"
grep -q '"reqs":\["DERP-PING-4"\],"tags":\[[^]]*\],"needs":\[\],"level":"MUST"' \
	"$tmp/cases" || fail "rules, tags, needs, level"
grep -q '"needs":\["mesh"\]' "$tmp/cases" || fail "what a case needs"
"$spec" list --json ping >"$tmp/some"
[ "$(grep -c '"id":"ping' "$tmp/some")" -eq "$(grep -c '"id":' "$tmp/some")" ] ||
	fail "a selector selects"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
