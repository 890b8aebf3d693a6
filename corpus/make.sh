#!/bin/sh
# Make the fuzz seeds from every scenario and every sample capture.
#
#   corpus/NAME/<first 16 hex of sha256>   one seed of harness fuzz_NAME
#
# A scenario's seeds are the DERP streams, both directions, that a run of the
# suite against derpd put on the wire; a capture's are the streams that
# derpdump finds in it.  A seed ends with the steering bytes of its harness
# (see fuzz/fuzz_*.c).  B is the build folder.
set -eu
limit=2048 # bytes of a stream that become a seed
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir -p "$tmp/run" "$tmp/all"
sh conformance/run-local.sh --seed 1 --record "$tmp/run" >/dev/null || :
for capture in corpus/captures/*.pcap*; do
	name=$(basename "$capture")
	mkdir -p "$tmp/captures/$name"
	"$B/derpdump" -q -r "$capture" --streams "$tmp/captures/$name" >/dev/null || :
done

# seeds NAME STEERING: STEERING is an octal escape for printf.
seeds() {
	mkdir -p "corpus/$1"
	find "$tmp/run" "$tmp/captures" -type f -size +0 | sort |
	while read -r stream; do
		{ head -c $limit "$stream"; printf "$2"; } >"$tmp/seed"
		sum=$(sha256sum "$tmp/seed" | cut -c1-16)
		cp "$tmp/seed" "$tmp/all/$sum"
	done
	cp "$tmp/all"/* "corpus/$1/"
	rm -f "$tmp/all"/*
}
seeds reader '\005\377\022\064' # frames up to 1 MiB, a large buffer, cut
seeds views '\000'
for name in reader views; do
	printf '%s: %d seeds\n' "corpus/$name" "$(ls "corpus/$name" | wc -l)"
done
