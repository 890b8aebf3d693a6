#!/bin/sh
# derpspec replay as a program: every sample against derpd, and what is wrong
# with captures, options and servers.  B is the build folder.
set -u
tmp=$(mktemp -d) || exit 1
spec=${B:=build/release}/derpspec
samples=corpus/captures
plain=$samples/go-1.104.5-plain.pcap
failures=0 server=
finish() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# play CODE ARGUMENTS...: output to $tmp/out, errors to $tmp/err.
play() {
	code=$1
	shift
	timeout 60 "$spec" replay "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got -eq "$code" ] || fail "replay $*: exit $got, not $code:" \
		"$(cat "$tmp/out" "$tmp/err")"
}

# wrong CODE TEXT ARGUMENTS...: nothing on standard output, one line on
# standard error with this text.
wrong() {
	code=$1 text=$2
	shift 2
	play "$code" "$@"
	[ ! -s "$tmp/out" ] || fail "replay $*: output on an error"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] ||
		fail "replay $*: not one line: $(cat "$tmp/err")"
	grep -qF -e "$text" "$tmp/err" ||
		fail "replay $*: no '$text' in: $(cat "$tmp/err")"
	grep -q '^derpspec: ' "$tmp/err" || fail "replay $*: who says so?"
}

says() {
	grep -qF -e "$2" "$1" || fail "no '$2' in: $(cat "$1")"
}

start_derpd() {
	printf '%064d\n' 7 >"$tmp/mesh.key"
	chmod 600 "$tmp/mesh.key"
	"$B/derpd" --listen 127.0.0.1:0 --mesh-key-file "$tmp/mesh.key" \
		>"$tmp/derpd" 2>/dev/null &
	server=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)$/\1/p' \
			"$tmp/derpd")
		[ -z "$port" ] || return 0
		sleep 0.05
	done
	echo "derpd does not start"
	exit 1
}

# ---- wrong input
wrong 2 "wants one capture file" -p 1
wrong 2 "wants one capture file" "$plain" "$plain"
wrong 2 "unknown option '--bogus'" "$plain" --bogus
wrong 2 "unknown option '--jobs'" "$plain" --jobs 2
wrong 3 "$tmp/none: " "$tmp/none"
wrong 3 "Makefile: " Makefile
head -c 24 "$plain" >"$tmp/empty"
wrong 2 "$tmp/empty: no DERP in it" "$tmp/empty"
: >"$tmp/nothing"
wrong 3 "$tmp/nothing" "$tmp/nothing"
wrong 2 "--mesh-key" $samples/go-1.104.5-mesh.pcap -p 1
echo 123 >"$tmp/short"
wrong 3 "64 hex digits" $samples/go-1.104.5-mesh.pcap -p 1 \
	--mesh-key "$tmp/short"
wrong 3 "--lossy" $samples/damaged-snap96.pcap -p 1
wrong 3 "127.0.0.1:1: Connection refused" "$plain" -p 1
wrong 2 "cannot write report $tmp/no/report" "$plain" -p 1 \
	--json "$tmp/no/report"
wrong 3 "127.0.0.1:1: Connection refused" "$plain" -p 1 --json "$tmp/report"
[ ! -e "$tmp/report" ] || fail "a report about nothing"

# ---- derpd gives the answers of the reference
start_derpd
for capture in "$samples"/*.pcap "$samples"/*.pcapng; do
	case $capture in
	*-snap96.pcap) continue ;; # bytes of clients are missing: see below
	esac
	keys=${capture%.pcap*}.keys # of TLS
	[ -e "$keys" ] && set -- --keylog "$keys" || set --
	play 0 "$capture" -p "$port" --mesh-key "$tmp/mesh.key" "$@"
	says "$tmp/out" " 0 different"
	! grep -q ' 0 answers equal' "$tmp/out" || fail "$capture: no answers"
done
play 0 "$plain" -p "$port"
says "$tmp/out" "replay: 2 clients, 33 frames sent, 30 answers equal, 0 different"
[ ! -s "$tmp/err" ] || fail "talk about a good run: $(cat "$tmp/err")"

# ---- what a capture lacks is said
wrong 2 "give their secrets with --keylog" $samples/go-1.104.5-tls13.pcap -p 1
play 0 $samples/damaged-lose.pcap -p "$port"
says "$tmp/err" "bytes of the server are lost"
play 0 $samples/damaged-snap96.pcap -p "$port" --lossy
says "$tmp/err" "client's bytes are lost"
head -c 3000 "$plain" >"$tmp/cut"
play 0 "$tmp/cut" -p "$port"
says "$tmp/err" "ends in the middle of a packet"

# ---- the same seed, the same keys; JSON alone on standard output
play 0 - -p "$port" --seed 1f --json - <"$plain"
says "$tmp/out" '"seed":"1f","complete":true,"clients":2,"connections":2,"sent":33,"equal":30,"different":0'
[ "$(wc -l <"$tmp/out")" -eq 1 ] || fail "not one line of JSON"
says "$tmp/err" "30 answers equal"
play 0 "$plain" -p "$port" -v --json "$tmp/report"
says "$tmp/out" "1> SendPacket dst=client1 5 bytes \"hello\""
says "$tmp/report" '"differences":[]'

# ---- a capture that says something else than derpd does
at=$(LC_ALL=C grep -abo hello "$plain" | tail -n 1 | cut -d : -f 1)
{
	head -c $((at + 1)) "$plain"
	printf '\033'
	tail -c +$((at + 3)) "$plain"
} >"$tmp/other"
play 1 "$tmp/other" -p "$port" --json "$tmp/report" -o 0.3
says "$tmp/out" "first difference: different, connection 2 (client1), at packet"
says "$tmp/out" "  expected: RecvPacket src=client0 5 bytes 681b6c6c6f"
says "$tmp/out" "  actual:   RecvPacket src=client0 5 bytes \"hello\" (data differ at byte 1)"
says "$tmp/out" "  in the capture:"
says "$tmp/out" "  now:"
says "$tmp/out" "29 answers equal, 1 different"
says "$tmp/report" '"kind":"different"'
! grep -q "$(printf '\033')" "$tmp/out" || fail "an escape reached the terminal"

# ---- interrupted
"$spec" replay "$plain" -p "$port" -v --json "$tmp/stopped" \
	>"$tmp/out" 2>"$tmp/err" &
pid=$!
kill -STOP "$server"
sleep 0.3
kill -INT $pid
wait $pid
got=$?
kill -CONT "$server"
[ $got -eq 130 ] || fail "interrupted: exit $got: $(cat "$tmp/err")"
says "$tmp/err" "interrupted"
says "$tmp/stopped" '"complete":false'

[ $failures -eq 0 ]
