#!/bin/sh
# Make the fuzz seeds from every scenario and every sample capture.
#
#   corpus/NAME/<first 16 hex of sha256>   one seed of harness fuzz_NAME
#   corpus/NAME/regress-*                  an old crash; never touched here
#   corpus/by-hand/NAME.txt                what nothing else has, one a line
#
# A scenario's seeds are the DERP streams, both directions, that a run of the
# suite against derpd put on the wire, and its text; a capture's are the
# streams in it, and its first bytes.  A seed ends with the steering bytes of
# its harness (see fuzz/fuzz_*.c).  What is in the corpus already counts, too.
#
# Where clang is, libFuzzer keeps the smallest set that covers what all of
# them cover; elsewhere all are kept.  derpd draws new keys for every run, so
# the names change each time; what they cover does not.
#
# O is the folder of all builds, B that of this variant.
set -eu
limit=2048 # bytes of a stream that become a seed
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# Collected before anything is replaced: a suite that does not run stops here.
streams() {
	mkdir -p "$tmp/streams/run"
	sh conformance/run-local.sh --seed 1 --record "$tmp/streams/run" \
		>"$tmp/run.log" 2>&1 || { cat "$tmp/run.log" >&2; exit 1; }
	for capture in corpus/captures/*.pcap*; do
		mkdir "$tmp/streams/$(basename "$capture")"
		# A damaged sample gives the streams before its damage.
		"$B/fuzz/seeds" "$capture" \
			"$tmp/streams/$(basename "$capture")" 2>/dev/null || :
	done
}

# seed NAME: standard input, named by its content.
seed() {
	mkdir -p "$tmp/seeds/$1"
	cat >"$tmp/seed"
	mv "$tmp/seed" "$tmp/seeds/$1/$(sha256sum <"$tmp/seed" | cut -c1-16)"
}

# from_streams NAME STEERING: the streams, each with the steering bytes (an
# octal escape for printf) behind it.
from_streams() {
	find "$tmp/streams" -type f -size +0 | sort | while read -r stream; do
		{ head -c $limit "$stream"; printf "$2"; } | seed "$1"
	done
}

# from_captures NAME LENGTH STEERING...: what captures begin with, once for
# each steering.
from_captures() {
	name=$1 length=$2
	shift 2
	for capture in corpus/captures/*.pcap*; do
		for steering in "$@"; do
			{ head -c "$length" "$capture"; printf "$steering"; } |
				seed "$name"
		done
	done
}

by_hand() {
	while IFS= read -r line; do
		printf %b "$line" | seed "$1"
	done <"corpus/by-hand/$1.txt"
}

# One seed for each case, and one for each baseline.
from_suite() {
	mkdir -p "$tmp/cases"
	awk -v dir="$tmp/cases" '/^case/ { n++; close(out); out = dir "/" n }
		n { print > out }' conformance/cases/*.derp
	for text in "$tmp"/cases/*; do seed scenario <"$text"; done
	for text in conformance/baselines/*; do seed baseline <"$text"; done
}

# settle NAME: minimise the seeds and put them into the corpus.
settle() {
	from=$tmp/seeds/$1
	mkdir -p "corpus/$1"
	find "corpus/$1" -type f ! -name 'regress-*' -exec cp {} "$from" \;
	made=$(ls "$from" | wc -l)
	if [ -x "$O/fuzz/fuzz/fuzz_$1" ]; then
		mkdir -p "$tmp/least/$1"
		"$O/fuzz/fuzz/fuzz_$1" -merge=1 "$tmp/least/$1" "$from" \
			>"$tmp/merge.log" 2>&1 ||
			{ tail "$tmp/merge.log" >&2; exit 1; }
		from=$tmp/least/$1
	fi
	find "corpus/$1" -type f ! -name 'regress-*' -exec rm {} +
	for seed in "$from"/*; do
		cp "$seed" "corpus/$1/$(sha256sum <"$seed" | cut -c1-16)"
	done
	printf '%s: %d seeds made, %d kept\n' "corpus/$1" "$made" \
		"$(find "corpus/$1" -type f | wc -l)"
}

if command -v clang >/dev/null; then
	"${MAKE:-make}" --no-print-directory -s O="$O" VARIANT=fuzz fuzz-programs
fi
streams
from_streams reader '\005\377\022\064' # frames up to 1 MiB, large buffer, cut
from_streams views '\000'              # version 2
from_streams tcp '\000\010\022\064'    # from the client, some disorder
from_streams print '\001'              # JSON
from_streams print '\006'              # -vx
from_captures pcap 4096 ''
from_captures decode 3072 '\000' '\001' '\006' '\010' # text, JSON, -vx, sums
from_suite
for name in box http info json key; do
	by_hand $name
done
for list in fuzz/fuzz_*.c; do
	name=$(basename "$list" .c)
	settle "${name#fuzz_}"
done
