#!/bin/sh
# test_derpdump.sh - the tool: golden decodes of every sample capture, what the
# Go client says about the same connections, and bad input.
#
#   B=build/release sh capture/tests/test_derpdump.sh
#   UPDATE=1 B=... sh capture/tests/test_derpdump.sh    write the golden files
set -u
dump=$B/derpdump
samples=corpus/captures
golden=$samples/golden
tmp=$(mktemp -d) || exit 5
trap 'rm -rf "$tmp"' EXIT
failed=0

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# same WHAT WANT GOT
same() {
	cmp -s "$2" "$3" && return
	bad "$1"
	diff "$2" "$3" | head -20
}

# ---- golden decodes -------------------------------------------------------

mkdir -p "$tmp/golden"
for f in "$samples"/*.pcap "$samples"/*.pcapng; do
	name=$(basename "$f")
	set -- "$f"
	[ -f "${f%.pcap}.keys" ] && set -- --keylog "${f%.pcap}.keys" "$f"
	"$dump" "$@" > "$tmp/golden/$name.txt" || bad "$name: exit $?"
	"$dump" --json "$@" > "$tmp/golden/$name.json" || bad "$name: exit $?"
done
if [ "${UPDATE:-}" = 1 ]; then
	rm -rf "$golden"
	cp -r "$tmp/golden" "$golden"
fi
for f in "$golden"/*; do
	same "$f" "$f" "$tmp/golden/$(basename "$f")"
done
for f in "$tmp"/golden/*; do
	[ -f "$golden/$(basename "$f")" ] || bad "no golden $(basename "$f")"
done

# ---- the Go client's word -------------------------------------------------

# Per connection of the client, what it sent and what it received, in order.
cat > "$tmp/go.awk" <<'AWK'
function str(name) {
	if (!match($0, "\"" name "\":\"[^\"]*\"")) return "-"
	return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
}
function num(name) {
	if (!match($0, "\"" name "\":-?[0-9]+")) return "-"
	return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}
str("event") == "login" { at[str("client")] = str("local") }
str("event") != "-" { next }
{ me = at[str("client")]; sent = str("sent"); type = str("type") }
sent == "send" { print me, "c2s SendPacket", str("dst"), num("len") }
sent == "forward" { print me, "c2s ForwardPacket", str("src"), str("dst"), num("len") }
sent == "ping" { print me, "c2s Ping", str("data") }
sent == "pong" { print me, "c2s Pong", str("data") }
sent == "note-preferred" { print me, "c2s NotePreferred", num("preferred") }
sent == "watch" { print me, "c2s WatchConns" }
sent == "close-peer" { print me, "c2s ClosePeer", str("peer") }
type == "RecvPacket" { print me, "s2c RecvPacket", str("src"), num("len") }
type == "Pong" { print me, "s2c Pong", str("data") }
type == "ServerInfo" { print me, "s2c ServerInfo" }
type == "PeerGone" { print me, "s2c PeerGone", str("peer"), str("reason") }
type == "PeerPresent" { print me, "s2c PeerPresent", str("peer"), str("addr"), num("flags"), str("app") }
AWK
cat > "$tmp/dump.awk" <<'AWK'
function str(name) {
	if (!match($0, "\"" name "\":\"[^\"]*\"")) return "-"
	return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
}
function num(name) {
	if (!match($0, "\"" name "\":-?[0-9]+")) return "-"
	return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}
str("event") == "open" { at[num("flow")] = str("client") }
str("event") != "-" { next }
{ me = at[num("flow")] " " str("dir") " " str("name") }
{ type = str("name"); len = num("len") }
type == "SendPacket" { print me, str("dst"), len - 32 }
type == "ForwardPacket" { print me, str("src"), str("dst"), len - 64 }
type == "RecvPacket" { print me, str("src"), len - 32 }
type == "Ping" || type == "Pong" { print me, str("data") }
type == "NotePreferred" { print me, num("home") }
type == "WatchConns" || type == "ServerInfo" { print me }
type == "ClosePeer" { print me, str("key") }
type == "PeerGone" { print me, str("key"), num("reason") == 0 ? "disconnected" : "not-here" }
type == "PeerPresent" {
	ip = str("ip"); ip = ip ~ /:/ ? "[" ip "]" : ip
	print me, str("key"), ip ":" num("port"), num("flags"), str("app")
}
AWK

compared=0
for f in "$samples"/*.jsonl; do
	name=$(basename "$f" .jsonl)
	case $name in
	*-late) continue ;; # the logins were not captured
	esac
	for way in c2s s2c; do
		awk -f "$tmp/go.awk" "$f" | grep " $way " | sort -s -k1,1 \
			> "$tmp/go"
		awk -f "$tmp/dump.awk" "$tmp/golden/$name.pcap.json" |
			grep " $way " | sort -s -k1,1 > "$tmp/ours"
		# Only v1.104 tells names; the client prints none as empty.
		sed 's/ -$/ /' "$tmp/ours" > "$tmp/ours2"
		sed 's/ -$/ /' "$tmp/go" > "$tmp/go2"
		same "$name, $way: the Go client saw otherwise" \
			"$tmp/go2" "$tmp/ours2"
		compared=$((compared + $(wc -l < "$tmp/go")))
	done
done
[ $compared -gt 300 ] || bad "only $compared frames compared with Go"

# ---- forms and damage: the same frames ------------------------------------

# frames FILE: type, keys and length of every frame, by direction; connections
# are told apart by the client's key.
frames() {
	"$dump" "$1" 2> /dev/null | awk '
		$3 == "OPEN" { next }
		$3 == "ClientInfo" { key[$2 + 0] = $4 }
		{ $1 = ""; n = $2 + 0; $2 = substr($2, length($2)) }
		$3 ~ /^[A-Z][a-z]/ { line[++k] = $0; flow[k] = n }
		END { for (i = 1; i <= k; i++) print key[flow[i]], line[i] }' |
		sort -s -k1,2
}

frames "$samples/go-1.104.5-plain.pcap" > "$tmp/plain"
[ "$(wc -l < "$tmp/plain")" -eq 67 ] || bad "plain has not 67 frames"
for f in duplicate overlap pieces reorder; do
	frames "$samples/damaged-$f.pcap" > "$tmp/other"
	same "damaged-$f has other frames" "$tmp/plain" "$tmp/other"
done
frames "$samples/format-pcapng.pcapng" > "$tmp/other"
same "format-pcapng has other frames" "$tmp/plain" "$tmp/other"
frames "$samples/go-1.104.5-faststart.pcap" > "$tmp/plain"
for f in nano null raw bigendian; do
	frames "$samples/format-$f.pcap" > "$tmp/other"
	cmp -s "$tmp/plain" "$tmp/other" && continue
	frames "$samples/go-1.102.5-faststart.pcap" > "$tmp/plain2"
	same "format-$f has other frames" "$tmp/plain2" "$tmp/other"
done

# ---- TLS: the same frames -------------------------------------------------

# said FILE: types, keys and lengths of each direction, with a key log.
said() {
	"$dump" --keylog "${1%.pcap}.keys" "$1" | awk '
		$3 ~ /^[A-Z][a-z]/ { print substr($2, length($2)), $3, $4, $5 }' |
		sort
}

tls=$samples/go-1.104.5-tls13
"$dump" "$samples/go-1.104.5-plain.pcap" |
	awk '$3 ~ /^[A-Z][a-z]/ { print substr($2, length($2)), $3, $4, $5 }' |
	sort > "$tmp/plain"
for v in 1.102.5-tls12 1.102.5-tls13 1.104.5-tls12 1.104.5-tls13; do
	said "$samples/go-$v.pcap" > "$tmp/other"
	same "go-$v has other frames" "$tmp/plain" "$tmp/other"
done
"$dump" --keylog "$tls.keys" "$tls.pcap" | grep -q \
	'OPEN .* TLS 1.3 AES-128-GCM meta=\[g8A6c\]' ||
	bad "the key of the meta certificate is not shown"
# A key log in two files, in any order, with lines of others.
{ echo '# comment'; echo nonsense; grep -v '^SERVER' "$tls.keys"; } > "$tmp/1"
grep '^SERVER' "$tls.keys" | sed 's/$/\r/' > "$tmp/2"
"$dump" --keylog "$tmp/2" --keylog "$tmp/1" "$tls.pcap" > "$tmp/other"
same "two key logs" "$golden/go-1.104.5-tls13.pcap.txt" "$tmp/other"
# Secrets inside the file.
for f in capture/tests/tls*.pcapng; do
	"$dump" --strict "$f" | grep -q ' ClientInfo ' || bad "$f is not read"
done

# A pipe is a file.
"$dump" < "$samples/format-pcapng.pcapng" > "$tmp/other"
same "standard input" "$golden/format-pcapng.pcapng.txt" "$tmp/other"
cat "$samples/format-nano.pcap" | "$dump" -r - > "$tmp/other"
same "a pipe" "$golden/format-nano.pcap.txt" "$tmp/other"

# ---- options --------------------------------------------------------------

one=$samples/go-1.104.5-faststart.pcap
[ "$("$dump" -c 3 "$one" | grep -c ' [A-Z][a-z]*[A-Z][a-z]* ')" -eq 3 ] ||
	bad "-c 3 gives 3 frames"
"$dump" -v "$one" | grep -q '^        0005  key        nodekey:[0-9a-f]\{64\}$' ||
	bad "-v shows whole keys"
"$dump" -x "$one" | grep -q '^        0005  [0-9a-f]\{4\} ' || bad "-x"
"$dump" -q "$one" | awk '{ print $3 }' | grep -Eq 'Packet|P[io]ng' && bad "-q shows traffic"
"$dump" -q "$one" | grep -q PeerGone || bad "-q hides PeerGone"
"$dump" --time relative "$one" | head -1 | grep -q '^0\.000000 ' ||
	bad "--time relative"
"$dump" --time epoch "$one" | head -1 | grep -Eq '^[0-9]{10}\.[0-9]{6} ' ||
	bad "--time epoch"
"$dump" --time date "$one" | head -1 |
	grep -Eq '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{6}Z ' || bad "--time date"
"$dump" --stats "$one" | grep -Eq '^SendPacket +[1-9]' || bad "--stats"
"$dump" --json "$one" | tail -1 | grep -q '"event":"summary".*"gaps":0' ||
	bad "--json ends with a summary"
"$dump" --help | grep -q '^usage: derpdump' || bad "--help"

# ---- exit codes and messages ----------------------------------------------

# run CODE STDERR ARGS...: exactly that; nothing on stdout when CODE is 2 or 3.
run() {
	want=$1 text=$2
	shift 2
	"$dump" "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null
	code=$?
	[ $code -eq "$want" ] || bad "derpdump $*: exit $code, not $want"
	if [ "$(cat "$tmp/err")" != "$text" ]; then
		bad "derpdump $*: says '$(cat "$tmp/err")', not '$text'"
	fi
	case $want in
	2 | 3) [ -s "$tmp/out" ] && bad "derpdump $*: prints on" ;;
	esac
}

cut=$samples/damaged-truncate.pcap
unread='derpdump: 2 TLS connections not read: give the key log of one side with --keylog
derpdump: no DERP in 115 packets of 2 TCP connections'
lost=$samples/damaged-lose.pcap
echo 'hello, this is no capture at all' > "$tmp/text"
: > "$tmp/empty"
head -c 20 "$one" > "$tmp/short"
head -c 24 "$one" > "$tmp/nothing"
printf '\037\213\010\000 and then some more bytes' > "$tmp/packed.gz"
{ head -c 20 "$one"; printf '\223\000\000\000'; tail -c +25 "$one"; } \
	> "$tmp/link147"

run 0 "$unread" "$tls.pcap"
run 0 "$unread" --keylog "$samples/go-1.104.5-tls12.keys" "$tls.pcap"
run 0 "$unread" --keylog "$tmp/empty" "$tls.pcap"
run 0 '' --strict --keylog "$tls.keys" "$tls.pcap"
run 3 "derpdump: $tmp/none: cannot open: No such file or directory" \
	--keylog "$tmp/none" "$tls.pcap"
run 3 "derpdump: $tmp: cannot read: Is a directory" --keylog "$tmp" "$tls.pcap"
run 3 "derpdump: $tmp/text: no TLS secrets in it: a key log has lines like CLIENT_RANDOM" \
	--keylog "$tmp/text" "$tls.pcap"
run 0 '' "$one"
run 0 '' --strict "$one"
run 0 '' "$cut"
run 1 '' --strict "$cut"
run 1 '' --strict --json "$cut"
run 0 '' "$lost"
run 1 '' --strict "$lost"
run 1 '' --strict "$samples/damaged-snap96.pcap"
run 0 'derpdump: no DERP in 0 packets of 0 TCP connections' "$tmp/nothing"
run 3 "derpdump: $tmp/none: cannot open: No such file or directory" "$tmp/none"
run 3 "derpdump: $tmp: cannot read: Is a directory" "$tmp"
run 3 "derpdump: $tmp/empty: empty: not a capture file" "$tmp/empty"
run 3 'derpdump: standard input: empty: not a capture file' -r -
run 3 'derpdump: standard input: empty: not a capture file'
run 3 "derpdump: $tmp/text: not a capture file: pcap or pcapng is needed" \
	"$tmp/text"
run 3 "derpdump: $tmp/short: not a capture file: pcap or pcapng is needed" \
	"$tmp/short"
run 3 "derpdump: $tmp/packed.gz: gzip data: unpack it with gunzip first" \
	"$tmp/packed.gz"
run 3 "derpdump: $tmp/link147: link type 147 is not read: capture on Ethernet, loopback, \"any\" or raw IP" \
	"$tmp/link147"

# A capture that breaks off: what is there, and the word for it.
"$dump" "$cut" | tail -1 | grep -q ' TRUNCATED .* the capture ends' ||
	bad "a cut capture is not called truncated"
"$dump" --json "$cut" | tail -1 | grep -q '"truncated":1' ||
	bad "the summary does not count what is cut"
"$dump" "$cut" | grep -q INVALID && bad "a cut capture is called invalid"

# Damage in the middle: what came before is told, and the exit code is 3.
{ cat "$one"; head -c 200 /dev/zero | tr '\0' '\377'; } > "$tmp/torn"
"$dump" --json "$tmp/torn" > "$tmp/out" 2> "$tmp/err"
[ $? -eq 3 ] || bad "a damaged capture is no error"
grep -q 'the file is damaged from here on' "$tmp/err" || bad "damage unnamed"
tail -1 "$tmp/out" | grep -q '"error":".*damaged' ||
	bad "the summary hides the damage"

# usage ARGS...: exit 2, one line, nothing on stdout.
usage() {
	"$dump" "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null
	code=$?
	[ $code -eq 2 ] || bad "derpdump $*: exit $code, not 2"
	[ "$(wc -l < "$tmp/err")" -eq 1 ] || bad "derpdump $*: not one line"
	[ -s "$tmp/out" ] && bad "derpdump $*: prints on"
	grep -q -e "$want" "$tmp/err" || bad "derpdump $*: '$(cat "$tmp/err")'"
}
want=nonsense usage --nonsense "$one"
want=--time usage --time noon "$one"
want=wall usage --time noon "$one"
want=--count usage -c 0 "$one"
want=--count usage -c many "$one"
want='another' usage "$one" "$one"
want='another' usage -r "$one" "$one"
want='one FILE' usage -r "$one" -r "$one"
want='--json' usage --json --stats "$one"
want='--json' usage --json -v "$one"

# Nobody reads on, or the disk is full.
if [ -c /dev/full ]; then
	"$dump" "$one" > /dev/full 2> "$tmp/err"
	[ $? -eq 5 ] || bad "a full disk is no error"
	grep -q 'derpdump: cannot write: No space left' "$tmp/err" ||
		bad "a full disk is not named"
fi

[ $failed -eq 0 ] || exit 1
echo "derpdump: $compared frames as Go saw them"
