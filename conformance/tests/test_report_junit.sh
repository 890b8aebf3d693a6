#!/bin/sh
# JUnit reports against a schema, and their counts against their elements.
# Needs xmllint; without it, SKIP.
set -u
command -v xmllint >/dev/null || {
	echo "SKIP: no xmllint"
	exit 0
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
here=conformance/tests
: "${B:=build/release}"
failures=0
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}
valid() {
	xmllint --nonet --noout --schema $here/junit.xsd "$1" 2>"$tmp/err"
}
count() {
	xmllint --nonet --xpath "string($2)" "$1"
}
# What readers add up must be what is there.
counted() {
	for of in 'tests testcase' 'failures testcase/failure' \
		'errors testcase/error' 'skipped testcase/skipped'; do
		[ "$(count "$1" "//testsuite/@${of% *}")" = \
			"$(count "$1" "count(//${of#* })")" ] ||
			fail "$1: ${of% *} is not the number of ${of#* }"
	done
}

sample=$here/golden/report.xml
valid $sample || fail "the sample: $(cat "$tmp/err")"
counted $sample

# A target that is not there: a report that is whole, and no success.
"$B/derpspec" -p 1 -j "$tmp/none.xml" ping dup >/dev/null 2>&1
[ $? -eq 3 ] || fail "exit status without a server"
valid "$tmp/none.xml" || fail "without a server: $(cat "$tmp/err")"
counted "$tmp/none.xml"
[ "$(count "$tmp/none.xml" "count(//error[@type='INCOMPLETE'])")" = 1 ] ||
	fail "without a server: it says so"

# The schema refuses what it should.
refused() {
	sed "$1" $sample >"$tmp/bad.xml"
	! cmp -s "$tmp/bad.xml" $sample || fail "$1 changes nothing"
	! valid "$tmp/bad.xml" || fail "the schema lets pass: $1"
}
refused 's/ tests="[0-9]*"//'
refused 's/ tests="[0-9]*"/ tests="many"/'
refused 's/ time="2.001"/ time="2001"/'
refused 's/<failure type="[A-Z]*"/<failure/'
refused 's/ classname="[^"]*"//'
refused 's/ name="ping.max"/ name=""/'
refused 's/failure/failed/g'
refused 's/<skipped type/<x\/><skipped type/'
refused '/<properties>/,/<\/properties>/d'
refused 's/&amp;/\&/'
refused 's/testsuites>/testsuite>/'

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures != 0))
