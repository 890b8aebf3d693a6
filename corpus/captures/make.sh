#!/bin/sh
# Take the sample captures anew: tcpdump on the loopback interface, between
# the Go reference's server and its client, both versions, and derpd.
#
#   B=build/release O=build sh corpus/captures/make.sh [NAME ...]
#
#   sessions/X.txt --> derpgo-client --> server
#                            |   |
#              NAME.jsonl <--+   +--tcpdump--> NAME.pcap --damage.py--> variants
#              NAME.keys: the secrets, where it speaks TLS
#
# Keys are made from names (-seed), so that they are the same every time; times,
# ports, nonces and the order of what may come in any order are not.  Needs the
# right to capture (root).  The .jsonl beside a capture is what the Go client
# sent and received: what a decoder must find.
set -eu
O=${O:-build} B=${B:-build/release}
here=corpus/captures
seed=derpkit
tmp=$(mktemp -d)
pids=

end() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	pids=
}
# forget PID: it was waited for, and its number may be somebody else's soon.
forget() {
	pids=$(printf '%s ' $pids | sed "s/\\b$1 //")
}
trap 'end; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

fail() {
	echo "make.sh: $*" >&2
	exit 1
}

# await FILE PATTERN: until the file has such a line, ten seconds at most.
await() {
	tries=0
	until grep -q "$2" "$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "no '$2' in $(cat "$1")"
		sleep 0.05
	done
}

# The servers' key and the mesh key: well known, worth nothing.
printf '%s' "$seed/server" | sha256sum | cut -c1-64 > "$tmp/server.key"
printf '%s' "$seed/mesh" | sha256sum | cut -c1-64 > "$tmp/mesh.key"
chmod 600 "$tmp"/*.key

# server VERSION ADDRESS: sets $address to where it listens.
server() {
	: > "$tmp/server.out"
	case $1 in
	derpd) set -- "$1" "$2" "$B/derpd" --listen "$2" \
		--key-file "$tmp/server.key" --mesh-key-file "$tmp/mesh.key" ;;
	*) set -- "$1" "$2" "$O/peers/derpgo-server-$1" -listen "$2" \
		-key-file "$tmp/server.key" -mesh-key-file "$tmp/mesh.key" \
		${tls:+-tls-self-signed localhost} ;;
	esac
	shift 2
	"$@" > "$tmp/server.out" 2> "$tmp/server.err" &
	pids="$pids $!"
	await "$tmp/server.out" '^listen '
	address=$(sed -n 's/^listen //p' "$tmp/server.out" | head -n 1)
}

# record FILE INTERFACE [OPTION ...]: tcpdump, ready when this returns.  It must
# not hold the script's pipe (9) open, or the client would wait for more.
record() {
	file=$1 interface=$2
	shift 2
	: > "$tmp/tcpdump.err"
	tcpdump -Z "$(id -un)" -i "$interface" -B 16384 --immediate-mode -U -w "$file" "$@" \
		tcp port "${address##*:}" 2> "$tmp/tcpdump.err" 9>&- &
	recorder=$!
	pids="$pids $!"
	await "$tmp/tcpdump.err" 'listening on'
}

# The last packets may still be on their way to tcpdump.
end_record() {
	sleep 0.3
	kill -INT $recorder
	wait $recorder || :
	forget $recorder
	chmod 644 "$file"
	grep -q '^0 packets dropped by kernel' "$tmp/tcpdump.err" ||
		fail "$file: $(cat "$tmp/tcpdump.err")"
}

# Sets $url for the client, and where TLS leaves its secrets.
reach() {
	export SSLKEYLOGFILE=
	case $tls in
	13)
		url=https://$address/derp SSLKEYLOGFILE=$here/$name.keys
		rm -f "$SSLKEYLOGFILE"
		;;
	12)
		rm -f "$here/$name.keys"
		: > "$tmp/proxy.out"
		python3 $here/tls12.py "$address" "$here/$name.keys" \
			> "$tmp/proxy.out" 2> "$tmp/proxy.err" &
		pids="$pids $!"
		await "$tmp/proxy.out" '^listen '
		url=http://$(sed -n 's/^listen //p' "$tmp/proxy.out")/derp
		;;
	*) url=http://$address/derp ;;
	esac
}

# take NAME SERVER CLIENT SESSION [LISTEN [INTERFACE [OPTION ...]]]
take() {
	name=$1 version=$2 client=$O/peers/derpgo-client-$3 script=$4
	listen=${5-127.0.0.1:0} interface=${6-lo}
	shift $(($# < 6 ? $# : 6))
	echo "$name" >&2
	case $name in
	*-tls1[23]) tls=${name##*-tls} ;;
	*) tls= ;;
	esac
	server "$version" "$listen"
	reach
	mkfifo "$tmp/script"
	: > "$tmp/jsonl"
	timeout 60 "$client" -seed $seed -mesh-key-file "$tmp/mesh.key" \
		-insecure "$url" < "$tmp/script" > "$tmp/jsonl" \
		2> "$tmp/client.err" &
	driver=$!
	pids="$pids $!"
	exec 9> "$tmp/script"
	if grep -q '^mark ' $here/sessions/$script.txt; then
		sed '/^mark /q' $here/sessions/$script.txt >&9
		await "$tmp/jsonl" '"event":"mark"'
		record "$here/$name.pcap" "$interface" "$@"
		sed '1,/^mark /d' $here/sessions/$script.txt >&9
	else
		record "$here/$name.pcap" "$interface" "$@"
		cat $here/sessions/$script.txt >&9
	fi
	exec 9>&-
	wait $driver || fail "$name: $(cat "$tmp/client.err")"
	forget $driver
	end_record
	end
	rm "$tmp/script"
	# Ports are the proxy's there, so connections cannot be compared.
	[ "$tls" = 12 ] || mv "$tmp/jsonl" "$here/$name.jsonl"
	[ -z "$tls" ] || chmod 644 "$here/$name.keys"
	[ "$(wc -c < "$here/$name.pcap")" -lt 60000 ] ||
		fail "$name.pcap is larger than 60 kB"
}

sh conformance/peers/build.sh
wanted=" $* "
# want NAME ...: take it, unless other names were asked for.
want() {
	case $wanted in
	"  " | *" $1 "*) take "$@" ;;
	esac
}

for v in 1.102.5 1.104.5; do
	want go-$v-plain $v $v plain
	want go-$v-faststart $v $v faststart
	want go-$v-mesh $v $v mesh
	want go-$v-late $v $v late
	want go-$v-tls13 $v $v plain
	want go-$v-tls12 $v $v plain
done
want go-1.104.5-ipv6 1.104.5 1.104.5 faststart '[::1]:0'
want go-1.104.5-cooked 1.104.5 1.104.5 faststart 127.0.0.1:0 any -y LINUX_SLL
want go-1.104.5-cooked2 1.104.5 1.104.5 faststart 127.0.0.1:0 any -y LINUX_SLL2
if [ -x "$B/derpd" ]; then
	want derpd-plain derpd 1.104.5 plain
	want derpd-mesh derpd 1.104.5 mesh
fi

# variant HOW NAME FILE
variant() {
	python3 $here/damage.py "$1" $here/$2.pcap $here/$3
}
if [ "$wanted" = "  " ]; then
	for how in reorder duplicate overlap pieces lose truncate snap96; do
		variant $how go-1.104.5-plain damaged-$how.pcap
	done
	for how in bigendian nano null raw; do
		variant $how go-1.104.5-faststart format-$how.pcap
	done
	variant pcapng go-1.104.5-plain format-pcapng.pcapng
fi
# The golden decodes follow; look at their differences before you commit.
if [ -x "$B/derpdump" ]; then
	UPDATE=1 sh capture/tests/test_derpdump.sh
fi
