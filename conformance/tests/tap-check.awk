# Is this TAP version 14, as strict as its specification?  Exit 0, or 1 after
# a line that says what is wrong.  Sets of lines that it knows:
#
#   TAP version 14 / 1..N / # comment / [not ]ok N - text / Bail out! text
#     ---  (only behind "not ok" here)  key: "text" | number | [list]  ...
function bad(what) {
	print FILENAME ":" FNR ": " what ": " $0
	wrong = 1
	exit 1
}
function is_text(s) { return s ~ /^"([^"\\]|\\["\\])*"$/ }
/[^ -~]/ { bad("a byte that is not printable") }
FNR == 1 { if ($0 != "TAP version 14") bad("no version"); next }
FNR == 2 {
	if ($0 !~ /^1\.\.[0-9]+$/) bad("no plan")
	plan = substr($0, 4) + 0
	next
}
bailed { bad("a line behind Bail out!") }
yaml {
	if ($0 == "  ...") { yaml = 0; next }
	if (list && $0 ~ /^    - /) {
		if (!is_text(substr($0, 7))) bad("no quoted text")
		next
	}
	list = 0
	if ($0 == "  trace:") { list = 1; next }
	if ($0 !~ /^  [a-z_]+: ./) bad("no key")
	value = $0
	sub(/^  [a-z_]+: /, "", value)
	if (is_text(value) || value ~ /^[0-9]+$/) next
	if (value ~ /^\["[^"\\]*"(, "[^"\\]*")*\]$/) next
	bad("no value")
}
$0 == "  ---" {
	if (!may) bad("diagnostics of nothing")
	yaml = 1
	may = 0
	next
}
/^#/ { next }
/^Bail out!/ { bailed = 1; next }
/^(not )?ok [0-9]+ - / {
	good = /^ok/
	n++
	text = $0
	sub(/^(not )?ok /, "", text)
	if (text + 0 != n) bad("number is not " n)
	sub(/^[0-9]+ - /, "", text)
	gsub(/\\[\\#]/, "", text)
	if (text ~ /\\/) bad("a backslash that escapes nothing")
	hashes = gsub(/#/, "#", text)
	if (hashes > 1) bad("two directives")
	if (hashes == 1 && text !~ / # (SKIP|TODO) ./) bad("no directive")
	if (text ~ / # SKIP / && !good) bad("skipped, and not ok")
	if (text ~ / # TODO / && good) bad("to do, and ok")
	may = !good
	next
}
{ bad("what is this") }
END {
	if (wrong) exit 1
	if (yaml) { print FILENAME ": diagnostics without an end"; exit 1 }
	if (n != plan) { print FILENAME ": " n " of " plan; exit 1 }
	print n " tests, " (bailed ? "bailed out" : "complete")
}
