# Read by interop.sh: captures of the reference, replayed against the version
# that made them.  Uses stage(), $B, $port and $tmp of interop.sh.

# replays NAME VERSION: each capture of that version gives equal answers on the
# server at $port, five times in a row.
replays() {
	for capture in corpus/captures/go-"$2"-*.pcap; do
		stage "replay $(basename "$capture" .pcap) > $1" \
			replay_five_times "$capture"
	done
}

replay_five_times() {
	keys=${1%.pcap}.keys
	for _ in 1 2 3 4 5; do
		set -- "$1"
		[ -f "$keys" ] && set -- "$1" --keylog "$keys"
		timeout 60 "$B/derpspec" replay "$@" -h 127.0.0.1 -p "$port" \
			--mesh-key "$tmp/mesh.key" || return
	done
}
