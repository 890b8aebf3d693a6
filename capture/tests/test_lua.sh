#!/bin/sh
# test_lua.sh - two decoders that share no code must agree: derp.lua in tshark
# finds the frames that derpdump finds, in every sample capture and in some
# made here, reading them in one pass and in two.
#
#   B=build/release sh capture/tests/test_lua.sh
#
# Without tshark it says so and passes; `make deps-wireshark` installs it.
set -u
dump=$B/derpdump
lua=capture/derp.lua
samples=corpus/captures
tmp=$(mktemp -d) || exit 5
trap 'rm -rf "$tmp"' EXIT
failed=0
frames=0

bad() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

if ! command -v tshark > /dev/null || ! command -v text2pcap > /dev/null; then
	echo "SKIPPED: no tshark: 'make deps-wireshark' installs it"
	exit 0
fi
# Settings and plugins of whoever runs this stay out of it.
export HOME="$tmp" XDG_CONFIG_HOME="$tmp" XDG_DATA_HOME="$tmp"
mkdir "$tmp/plugins"
export WIRESHARK_PLUGIN_DIR="$tmp/plugins"

# shark ARGS...: tshark with the dissector; Lua errors are in what it prints.
shark() {
	tshark -n -X "lua_script:$lua" -o tcp.reassemble_out_of_order:TRUE "$@" \
		2> "$tmp/stderr"
}

# ---- one line for each frame ----------------------------------------------

# From > to, type, length, then NAME=VALUE in the order of sort.awk.
cat > "$tmp/line.awk" <<'AWK'
function line(who, type, len,    i, s) {
	s = who " " type " " len
	for (i = 1; i <= names; i++)
		if (name[i] in field) s = s " " name[i] "=" field[name[i]]
	print s
	split("", field)
}
BEGIN {
	names = split("key src dst nonce box guess data home reason ip port " \
		"flags app text in try packet kind disco sender receiver " \
		"counter tail unknown", name, " ")
}
AWK
cat > "$tmp/pdml.awk" <<'AWK'
function attr(name) {
	if (!match($0, " " name "=\"[^\"]*\"")) return ""
	return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
}
function number(s,    i, n) {
	if (s !~ /^0x/) return s
	for (i = 3; i <= length(s); i++)
		n = 16 * n + index("0123456789abcdef", substr(s, i, 1)) - 1
	return sprintf("%.0f", n)
}
function flush() {
	if (type != "") line(src ">" dst, type, len)
	type = ""
}
BEGIN {
	split("server_key:key client_key:key peer:key src dst nonce box " \
		"ping:data payload:packet disco.key:disco tail unknown", b, " ")
	split("note_preferred:home peer_gone.reason:reason " \
		"peer_present.port:port peer_present.flags:flags " \
		"restarting.reconnect_in:in restarting.try_for:try " \
		"wg.sender:sender wg.receiver:receiver wg.counter:counter", d, " ")
	split("box.consistent_with:guess peer_present.ip:ip " \
		"peer_present.ipv6:ip peer_present.app:app health:text " \
		"payload.kind:kind", t, " ")
	for (i in b) { split(b[i] ":" b[i], p, ":"); bytes["derp." p[1]] = p[2] }
	for (i in d) { split(d[i], p, ":"); decimal["derp." p[1]] = p[2] }
	for (i in t) { split(t[i], p, ":"); texts["derp." p[1]] = p[2] }
}
/<proto name="derp"/ { flush(); mine = 1 }
/<proto name="_ws.lua/ { print "LUA ERROR"; next }
/<proto / && !/name="(derp"|_ws\.)/ || /<\/packet>/ { flush(); mine = 0 }
{ name_ = attr("name") }
name_ == "ip.src" { src = attr("show") }
name_ == "ip.dst" { dst = attr("show") }
name_ == "ipv6.src" { src = "[" attr("show") "]" }
name_ == "ipv6.dst" { dst = "[" attr("show") "]" }
name_ == "tcp.srcport" { src = src ":" attr("show") }
name_ == "tcp.dstport" { dst = dst ":" attr("show") }
!mine { next }
name_ == "derp.type" { type = number(attr("show")) }
name_ == "derp.len" { len = attr("show") }
name_ in bytes { field[bytes[name_]] = attr("value") }
name_ in decimal { field[decimal[name_]] = number(attr("show")) }
name_ in texts { field[texts[name_]] = attr("show") }
AWK
cat > "$tmp/json.awk" <<'AWK'
function str(name) {
	if (!match($0, "\"" name "\":\"[^\"]*\"")) return "-"
	return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
}
function num(name) {
	if (!match($0, "\"" name "\":-?[0-9]+")) return "-"
	return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}
function put(name, value) {
	sub(/^(node|disco)key:/, "", value)
	if (value != "-") field[name] = value
}
str("event") == "open" {
	client[num("flow")] = str("client")
	server[num("flow")] = str("server")
}
str("event") != "-" { next }
{
	inner = "-"
	if (match($0, /"payload":{[^}]*}/)) {
		inner = substr($0, RSTART, RLENGTH)
		$0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
	}
	n = split("key src dst nonce box data ip app text packet", s, " ")
	for (i = 1; i <= n; i++) put(s[i], str(s[i]))
	n = split("home reason port flags in try", s, " ")
	for (i = 1; i <= n; i++) put(s[i], num(s[i]))
	put("guess", str("consistent_with"))
	# Empty bytes have no field in Wireshark.
	for (i = split("packet box", s, " "); i > 0; i--)
		if (s[i] in field && field[s[i]] == "") delete field[s[i]]
	if (num("len") > 0) put("unknown", str("payload_hex"))
	tail = num("tail")
	a = client[num("flow")]; z = server[num("flow")]
	who = str("dir") == "c2s" ? a ">" z : z ">" a
	type = num("type"); len = num("len")
	if (inner != "-") {
		$0 = inner
		put("kind", str("kind")); put("disco", str("key"))
		put("sender", num("sender")); put("receiver", num("receiver"))
		put("counter", num("counter"))
	}
	if (tail != "-") field["tail"] = tail
	line(who, type, len)
}
AWK
# derpdump counts the bytes behind the last field, Wireshark shows them.
cat > "$tmp/tail.awk" <<'AWK'
{
	for (i = 1; i <= NF; i++)
		if ($i ~ /^tail=/ && FILENAME ~ /lua/)
			$i = "tail=" (length($i) - 5) / 2
	print
}
AWK

# Frames of both decoders; each side of a connection is a list of its own.
by_lua() {
	file=$1
	shift
	shark -r "$file" -T pdml -Y derp "$@" > "$tmp/pdml"
	awk -f "$tmp/line.awk" -f "$tmp/pdml.awk" "$tmp/pdml" > "$tmp/lua"
	awk -f "$tmp/tail.awk" "$tmp/lua" | sort -s -k1,1
	grep -v -e '^Running as' -e '^$' -e 'cut short' "$tmp/stderr" |
		sed 's/^/tshark says: /'
}
# by_dump FILE KEYLOG
by_dump() {
	"$dump" --json ${2:+--keylog "$2"} "$1" 2> /dev/null |
		awk -f "$tmp/line.awk" -f "$tmp/json.awk" | sort -s -k1,1
}

# agree NAME FILE ARGS...: the lists are equal, in one pass and in two.
agree() {
	name=$1 file=$2 keys=${2%.*}.keys
	shift 2
	# The secrets of a capture of TLS lie beside it.
	[ ! -f "$keys" ] || set -- -o "tls.keylog_file:$keys" "$@"
	[ -f "$keys" ] || keys=
	by_dump "$file" "$keys" > "$tmp/want"
	[ -s "$tmp/want" ] || bad "$name: derpdump finds nothing"
	for pass in -1 -2; do
		two=$pass
		[ $pass = -2 ] || two=-n
		by_lua "$file" $two "$@" > "$tmp/got"
		if ! cmp -s "$tmp/want" "$tmp/got"; then
			bad "$name, passes $pass: derpdump <, derp.lua >"
			diff "$tmp/want" "$tmp/got" | cut -c1-150 | head -6
		fi
	done
	frames=$((frames + $(wc -l < "$tmp/want")))
}

# ---- the samples ----------------------------------------------------------

for f in "$samples"/*.pcap "$samples"/*.pcapng; do
	name=$(basename "$f")
	set --
	case $name in
	# tshark waits for ever for a lost segment, and does not put together
	# what was cut off; derpdump goes on.
	damaged-lose.pcap | damaged-snap96.pcap) continue ;;
	# Nothing in the capture says DERP, so the user has to.
	*-late.pcap)
		port=$("$dump" --json "$f" |
			sed -n 's/.*"server":"[^"]*:\([0-9]*\)".*/\1/p' | head -1)
		set -- -d "tcp.port==$port,derp"
		;;
	esac
	agree "$name" "$f" "$@"
done
[ $frames -gt 700 ] || bad "only $frames frames compared"

# ---- made here: every type, every form ------------------------------------

# Streams are hexadecimal.  zeros N: that many bytes.
zeros() {
	[ "$1" -eq 0 ] || printf "%0$((2 * $1))d" 0
}
# frame TYPE PAYLOAD
frame() {
	printf '%s%08x%s' "$1" $((${#2} / 2)) "$2"
}
text() {
	printf "$1" | od -An -v -tx1 | tr -d ' \n'
}
# packet C|S BYTES: from client or server, for text2pcap.
packet() {
	case $1 in C) echo O ;; S) echo I ;; esac
	echo "$2" | sed 's/../ &/g;s/^/0000/'
}
# cut N C|S BYTES: packets of at most N bytes.
cut_up() {
	echo "$3" | fold -w $((2 * $1)) | while read -r part || [ "$part" ]; do
		packet "$2" "$part"
	done
}
# pcap NAME [PORT] < packets
pcap() {
	text2pcap -q -D -T "${2:-3340},40000" - "$tmp/$1.pcap" 2> "$tmp/stderr" ||
		bad "$1: text2pcap: $(cat "$tmp/stderr")"
}

key=$(text 'the key of a peer, of 32 bytes..')
other=$(text 'another key, of a different peer')
magic=44455250f09f9491
nonce=$(text 'a nonce of 24 bytes, yes')
disco=5453f09f92ac
v4=00000000000000000000ffff0a010203
v6=20010db8000000000000000000000001

client=$(
	frame 02 "$key$nonce$(zeros 48)"
	for box in 0 15 16 49 64 125 126; do
		frame 02 "$key$nonce$(zeros $box)"
	done
	frame 02 "$key$(zeros 23)"
	frame 07 01; frame 07 00; frame 07 ff; frame 07 ''; frame 07 0102
	for data in '' 00 "$(zeros 62)" \
		"$disco$(zeros 55)" "$disco$(zeros 56)" "$disco$other$(zeros 40)" \
		"01000000f1f2f304$(zeros 140)" "01000000f1f2f304$(zeros 139)" \
		"01000001f1f2f304$(zeros 140)" \
		"02000000010203f4e5060708$(zeros 80)" \
		"02000000010203f4e5060708$(zeros 81)" \
		"03000000f1020304$(zeros 56)" "03000000f1020304$(zeros 55)" \
		"0400000001020304ffffffffffffffff$(zeros 16)" \
		"04000000010203040100000000000080$(zeros 15)" \
		"04000000010203040100000000000080$(zeros 900)" \
		"05000000$(zeros 28)"; do
		frame 04 "$other$data"
		frame 0a "$key$other$data"
	done
	frame 04 "$(zeros 31)"; frame 0a "$key$(zeros 31)"
	frame 04 "$other$(zeros 65536)"
	frame 10 ''; frame 10 00
	frame 11 "$other"; frame 11 "${other}ff"; frame 11 "$(zeros 31)"
	frame 12 0102030405060708; frame 12 010203040506070809; frame 12 00
	frame 13 0102030405060708; frame 13 ''
	frame 0b ''; frame 7f 010203; frame ff "$(zeros 100)"; frame 00 ''
)
server=$(
	frame 01 "$magic$key"
	frame 01 "$magic$key$(zeros 17)"; frame 01 "$magic$(zeros 31)"
	for box in 0 15 16 29 30; do
		frame 03 "$nonce$(zeros $box)"
	done
	frame 03 "$(zeros 23)"
	frame 05 "$key"; frame 05 "${key}01"; frame 05 "$key$disco$other$(zeros 30)"
	frame 05 "$(zeros 31)"; frame 05 ''
	frame 06 ''; frame 06 0102
	frame 08 "$key"; frame 08 "${key}00"; frame 08 "${key}01"
	frame 08 "${key}f0"; frame 08 "${key}0100"; frame 08 "$(zeros 31)"
	frame 09 "$key"; frame 09 "${key}00"; frame 09 "$key$(zeros 17)"
	frame 09 "$key${v4}0102"; frame 09 "$key${v4}fffe01"
	frame 09 "$key${v6}010202"; frame 09 "$key${v6}01020c00"
	frame 09 "$key${v4}010209$(text '\004name')"
	frame 09 "$key${v4}010209$(text '\005name')"
	frame 09 "$key${v4}010209$(text '\003name')"
	frame 09 "$(zeros 31)"
	frame 14 ''; frame 14 "$(text 'not well')"
	frame 15 0000000a00000014; frame 15 fffffffe0000001400; frame 15 0000000a
	frame 12 0102030405060708; frame 13 ffffffffffffffff
)
ask='GET /derp HTTP/1.1\r\nHost: x\r\nupgrade: DERP\r\nDerp-Fast-Start: 1\r\n\r\n'

{
	packet C "$(text "$ask")"
	cut_up 1400 S "$server"
	cut_up 1400 C "$client"
} | pcap whole
{
	packet C "$(text "$ask")$(echo "$client" | cut -c1-60)"
	cut_up 7 S "$server"
	cut_up 61 C "$(echo "$client" | cut -c61-6000)"
} | pcap pieces
{
	packet S "$(echo "$server" | cut -c1-100)"
	packet C "$(text "$ask")$(frame 02 "$key$nonce$(zeros 48)")"
	packet S "$(echo "$server" | cut -c101-)"
} | pcap answer_first
agree 'all forms' "$tmp/whole.pcap"
agree 'all forms, in pieces' "$tmp/pieces.pcap"
agree 'an answer before the request' "$tmp/answer_first.pcap"

# ---- made here: what derpdump does not read --------------------------------

# lines FILE ARGS...: the frames of derp.lua, without addresses.
lines() {
	by_lua "$@" | cut -d' ' -f2-
}
# same NAME WANT GOT
same() {
	cmp -s "$2" "$3" && return
	bad "$1"
	diff "$2" "$3" | cut -c1-150 | head -6
}

# message C|S HEX [FIRST]: a WebSocket message; the client's mask is zero.
message() {
	n=$((${#2} / 2))
	mask=0
	[ $1 = S ] || mask=128
	if [ $n -lt 126 ]; then
		printf '%s%02x' "${3:-82}" $((n + mask))
	else
		printf '%s%02x%04x' "${3:-82}" $((126 + mask)) $n
	fi
	[ $1 = S ] || printf 00000000
	printf %s "$2"
}
# messages N C|S HEX: messages of at most N bytes, in one stream.
messages() {
	echo "$3" | fold -w $((2 * $1)) | while read -r part || [ "$part" ]; do
		message "$2" "$part"
	done
}
ws_ask='GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: derp\r\n\r\n'
ws_answer='HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: derp\r\n\r\n'

# Equal messages in one packet, each in the middle of a frame: only their
# place tells them apart.
zero_frames=$(for n in 300 301 302; do frame 04 "$(zeros $n)"; done)
ws_client=$(echo "$client" | cut -c1-12000)$zero_frames
for n in 50 4096; do
	{
		packet C "$(text "$ws_ask")"
		packet S "$(text "$ws_answer")"
		cut_up 1400 S "$(messages $n S "$server")"
		cut_up 1400 C "$(messages $n C "$ws_client")"
	} | pcap ws 80
	{
		packet C "$(text "$ask")"
		cut_up 1400 S "$server"
		cut_up 1400 C "$ws_client"
	} | pcap plain
	for pass in -n -2; do
		lines "$tmp/plain.pcap" $pass > "$tmp/want"
		lines "$tmp/ws.pcap" $pass > "$tmp/got"
		[ "$(wc -l < "$tmp/want")" -gt 80 ] || bad "WebSocket: few frames"
		same "WebSocket, messages of $n bytes, $pass" "$tmp/want" "$tmp/got"
	done
done

# A frame above the limit is named and passed over, not waited for; the next
# one is found again.
big=$(zeros 1048577)
{
	packet C "$(text "$ask")$(frame 12 0102030405060708)"
	cut_up 60000 C "$(frame 42 "$big")$(frame 13 0807060504030201)"
	packet S "$(frame 01 "$magic$key")"
	packet S "42ffffffff$(zeros 100)"
} | pcap big
for pass in -n -2; do
	lines "$tmp/big.pcap" $pass | sort > "$tmp/got"
	printf '%s\n' "1 40 key=$key" '18 8 data=0102030405060708' \
		'19 8 data=0807060504030201' '66 1048577' '66 4294967295' |
		sort > "$tmp/want"
	same "a frame above the limit, $pass" "$tmp/want" "$tmp/got"
done

# ---- fields and expert infos ----------------------------------------------

# count FILE FILTER: packets that match.
count() {
	shark -r "$1" -Y "$2" | grep -c .
}
# has N FILTER
has() {
	n=$(count "$tmp/pieces1.pcap" "$2")
	[ "$n" -eq "$1" ] || bad "'$2' matches $n packets, not $1"
}
{
	packet C "$(text "$ask")"
	packet S "$(frame 01 "$magic$key")"
	packet S "$(frame 01 "4445525000000000$key")"
	packet S "$(frame 08 "${key}01")"
	packet S "$(frame 08 "$(zeros 31)")"
	packet S "$(frame 09 "$key${v4}01020c")"
	packet S "$(frame 09 "$key${v6}010201")"
	packet S "$(frame 7f 00)"
	packet C "$(frame 12 "$(zeros 1000)")"
	packet C "$(frame 12 "$(zeros 1001)")"
	packet C "$(frame 04 "$(zeros 60000)")"
	packet C "$(frame 04 "$other$disco$key$(zeros 30)")"
} | pcap pieces1
has 1 derp.faststart
has 1 derp.bad_magic
has 1 derp.short
has 1 derp.unknown_type
has 1 derp.too_big
has 1 'derp.peer_gone.reason == 1'
has 1 'derp.peer_present.ip == 10.1.2.3'
has 1 'derp.peer_present.ipv6 == 2001:db8::1'
has 1 'derp.peer_present.flags.prober == 1 && derp.peer_present.flags.not_ideal == 1'
has 2 'derp.peer_present.flags.mesh == 0'
has 1 'derp.payload.kind == "disco"'
has 1 'derp.dst[0:4] == 616e6f74'
shark -r "$tmp/pieces1.pcap" -T fields -e _ws.col.Protocol -e _ws.col.Info \
	-Y derp.peer_gone.reason > "$tmp/got"
printf 'DERP\tPeerGone [dGhlI] NotHere \n' > "$tmp/want"
same "the columns" "$tmp/want" "$tmp/got"

# HTTP that is not DERP stays HTTP.
not_derp() {
	{
		packet C "$(text "$1")"
		packet S "$(text 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')"
	} | pcap http
	[ "$(count "$tmp/http.pcap" derp)" -eq 0 ] || bad "taken for DERP: $1"
	[ "$(count "$tmp/http.pcap" http)" -eq 2 ] || bad "not HTTP: $1"
}
not_derp 'GET / HTTP/1.1\r\nHost: x\r\nDerp-Fast-Start: 1\r\n\r\n'
not_derp 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: derp\r\nDerp-Fast-Start: 10\r\n\r\n'
not_derp 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: derpy\r\nDerp-Fast-Start: 1\r\n\r\n'

# ---- TLS ------------------------------------------------------------------

# Made by tls_samples.py: frames in several records, records with several.
printf '%s\n' '2 104' '7 1' '4 32' '4 132' '4 5032' '18 8' '1 40' '3 53' \
	'5 32' '5 132' '5 5032' '6 0' '19 8' | sort > "$tmp/want"
for f in capture/tests/tls*.pcapng; do
	for pass in -n -2; do
		lines "$f" $pass | cut -d' ' -f1-2 | sort > "$tmp/got"
		same "$(basename "$f"), $pass" "$tmp/want" "$tmp/got"
	done
done

# Wireshark's own rules for the names of fields.
tshark -G fields -X "lua_script:$lua" 2> /dev/null |
	awk -F '\t' '$1 == "F" && $3 ~ /^derp/ { print $3 }' > "$tmp/names"
[ "$(wc -l < "$tmp/names")" -gt 30 ] || bad "few fields"
if grep -v '^derp\.[a-z0-9_.]*$' "$tmp/names" || sort "$tmp/names" | uniq -d | grep .; then
	bad "names of fields"
fi

[ $failed -eq 0 ] || exit 1
echo "derp.lua: $frames frames as derpdump finds them, in one pass and in two"
