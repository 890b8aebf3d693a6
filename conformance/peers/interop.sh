#!/bin/sh
# The Go reference and derpkit against each other, on the loopback interface.
#
#   B=build/release O=build sh conformance/peers/interop.sh
#
#   derpspec        --> derpgo-server of both versions, derper
#   derpgo-client   --> derpd; and, as a control, the reference's own servers
#                   both over TCP and over TLS (derper: TCP)
#   derpspec replay --> captures of each version, against that version
#
# One line per stage; the last line is `N passed, N failed`.  Exit status 0
# when all passed, 1 otherwise.  KEEP=1 leaves the logs where they are.
# DERPSPEC_FLAGS goes to derpspec.
set -u
O=${O:-build} B=${B:-build/release}
peers=$O/peers
baselines=conformance/baselines
sessions="conformance/peers/session.txt corpus/captures/sessions/plain.txt
corpus/captures/sessions/faststart.txt corpus/captures/sessions/mesh.txt"
tmp=$(mktemp -d) || exit 5
passed=0 failed=0 server=
# Over TCP; over_tls sets the other.
tls= insecure= scheme=http
over_tls() {
	tls='-t -k' insecure=-insecure scheme=https
}
over_tcp() {
	tls='' insecure='' scheme=http
}

stop() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	server=
}
finish() {
	stop
	[ -n "${KEEP-}" ] && echo "logs: $tmp" >&2 || rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

# stage NAME COMMAND ...: shows the end of what a failure says, and of a run of
# the suite which cases and how many.
stage() {
	name=$1 log=$tmp/$(echo "$1" | tr ' /' '__').log
	shift
	began=$(date +%s)
	"$@" > "$log" 2>&1
	result=$?
	if [ $result -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok    $name ($(($(date +%s) - began)) s)$(totals "$log")"
		return
	fi
	failed=$((failed + 1))
	echo "FAIL  $name: exit status $result"
	{ grep '^FAIL' "$log" || :; tail -n 40 "$log"; } |
		cut -c 1-200 | sed 's/^/      /'
}

# The last line of a run of the suite.
totals() {
	sed -n '$s/^[0-9]* passed.*/: &/p' "$1"
}

# A server is ready when it said where it listens: sets $port.
listening() {
	port= tries=0
	while [ -z "$port" ] && [ $tries -lt 200 ] && kill -0 $server 2>/dev/null; do
		port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)\( tls\)*$/\1/p' \
			"$tmp/out")
		[ -n "$port" ] || sleep 0.05
		tries=$((tries + 1))
	done
	[ -n "$port" ]
}

start_server() {
	: > "$tmp/out"
	"$peers/derpgo-server-$1" -quiet -mesh-key-file "$tmp/mesh.key" \
		${tls:+-tls-self-signed 127.0.0.1} \
		> "$tmp/out" 2> "$tmp/$1.log" &
	server=$!
	listening
}

start_derpd() {
	: > "$tmp/out"
	# shellcheck disable=SC2086
	"$B/derpd" --log debug --mesh-key-file "$tmp/mesh.key" \
		--${tls:+tls-}listen 127.0.0.1:0 \
		${tls:+--tls-self-signed 127.0.0.1} \
		> "$tmp/out" 2> "$tmp/derpd.log" &
	server=$!
	listening
}

# derper does not tell the port that it took, so it gets one that looks free
# and another if it was not.  It is up when a client can log in.
start_derper() {
	for _ in 1 2 3 4 5; do
		port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
		"$peers/derper-1.102.5" -a "127.0.0.1:$port" -http-port=-1 \
			-c "$tmp/derper.key" -stun=false \
			-mesh-psk-file "$tmp/mesh.key" > "$tmp/derper.log" 2>&1 &
		server=$!
		tries=0
		while [ $tries -lt 100 ] && kill -0 $server 2>/dev/null; do
			"$peers/derpgo-client-1.102.5" -login '' \
				"http://127.0.0.1:$port/derp" </dev/null \
				>/dev/null 2>&1 && kill -0 $server && return
			sleep 0.1
			tries=$((tries + 1))
		done
		stop
	done
	return 1
}

# judge NAME BASELINE: the suite against the server at $port.
judge() {
	# shellcheck disable=SC2086
	stage "derpspec > $1" timeout 120 "$B/derpspec" run -h 127.0.0.1 \
		-p "$port" $tls --mesh-key "$tmp/mesh.key" \
		--baseline "$baselines/$2" ${DERPSPEC_FLAGS-}
}

# drive NAME: both Go clients play every session on the server at $port.
drive() {
	for version in 1.102.5 1.104.5; do
		for session in $sessions; do
			stage "client $version > $1, $(basename "$session" .txt)" \
				play "$peers/derpgo-client-$version" "$session"
		done
	done
	stage "$1 is still there" kill -0 $server
}

# The expectations in the session judge what came; this, that every line of
# output is an object and the client's own key the first.
play() {
	timeout 60 "$1" $insecure -mesh-key-file "$tmp/mesh.key" \
		"$scheme://127.0.0.1:$port/derp" < "$2" > "$tmp/jsonl" || {
		result=$?
		tail -n 20 "$tmp/jsonl"
		return $result
	}
	head -n 1 "$tmp/jsonl" | grep '"event":"self","key":"nodekey:' >/dev/null &&
		! grep -v '^{.*}$' "$tmp/jsonl"
}

# The clients of the reference skip the 101 on their first connection when the
# meta certificate names the key.
fast_starts() {
	for version in 1.102.5 1.104.5; do
		timeout 20 "$peers/derpgo-client-$version" $insecure -login '' \
			"$scheme://127.0.0.1:$port/derp" </dev/null || return
		grep ' upgrade ' "$tmp/derpd.log" | tail -n 1 |
			grep 'fast_start=1' || return
	done
}

# with NAME START ...: start a server; what is not there is a failure.
with() {
	name=$1
	shift
	"$@" && return
	failed=$((failed + 1))
	echo "FAIL  $name does not start"
	tail -n 5 "$tmp"/*.log
	return 1
}

. conformance/peers/replay.sh
sh conformance/peers/build.sh || exit 3
od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' > "$tmp/mesh.key"
chmod 600 "$tmp/mesh.key"

for v in 1.102.5 1.104.5; do
	if with "go $v" start_server $v; then
		judge "go $v" go-$v
		drive "go $v"
		replays "go $v" $v
	fi
	stop
done
if with "derper 1.102.5" start_derper; then
	judge "derper 1.102.5" go-1.102.5
	drive "derper 1.102.5"
	replays "derper 1.102.5" 1.102.5
fi
stop
if with derpd start_derpd; then
	drive derpd
fi
stop

over_tls
for v in 1.102.5 1.104.5; do
	if with "go $v, TLS" start_server $v; then
		judge "go $v, TLS" go-$v
	fi
	stop
done
if with 'derpd, TLS' start_derpd; then
	drive 'derpd, TLS'
	stage 'Fast-Start by the meta certificate > derpd' fast_starts
fi
stop
over_tcp

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
