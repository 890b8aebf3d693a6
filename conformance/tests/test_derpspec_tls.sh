#!/bin/sh
# derpspec against a derpd behind TLS: what it says of certificates and ports,
# and that run and replay work there.
set -u
B=${B:-build/release}
tmp=$(mktemp -d) || exit 5
server=
finish() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM
failed=0

# wants CODE TEXT ARGUMENT ...: derpspec exits so, and says so.
wants() {
	code=$1 text=$2
	shift 2
	"$B/derpspec" "$@" >"$tmp/said" 2>&1
	got=$?
	if [ $got -ne "$code" ] || ! grep -F -e "$text" "$tmp/said" >/dev/null; then
		echo "FAILED: derpspec $*: exit status $got, wanted $code and '$text'"
		tail -n 5 "$tmp/said"
		failed=1
	fi
}

: >"$tmp/out"
"$B/derpd" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
	--tls-self-signed relay.example >"$tmp/out" 2>"$tmp/log" &
server=$!
tls= tries=0
while [ -z "$tls" ] && [ $tries -lt 200 ]; do
	tls=$(sed -n 's/^listen 127.0.0.1:\([0-9]*\) tls$/\1/p' "$tmp/out")
	[ -n "$tls" ] || sleep 0.05
	tries=$((tries + 1))
done
plain=$(sed -n 's/^listen 127.0.0.1:\([0-9]*\)$/\1/p' "$tmp/out")
pin=$(sed -n 's/.*pin=\(sha256-raw:[0-9a-f]*\).*/\1/p' "$tmp/log")
none=sha256-raw:0000000000000000000000000000000000000000000000000000000000000000
capture=corpus/captures/go-1.104.5-plain.pcap

wants 0 '0 failed' -p "$tls" -t -k ping
wants 0 '0 failed' -p "$tls" -t --pin "$pin" ping
wants 0 '0 failed' -p "$tls" -t --pin "$pin" --sni relay.example ping
wants 0 'derps://127.0.0.1' --url "derps://127.0.0.1:$tls/derp" -k ping
wants 0 '0 failed' -p "$tls" -t -k --cut 1 home
wants 0 'WARNING' -p "$tls" -t -k --keylog "$tmp/keys" ping.max-1000
grep CLIENT_TRAFFIC_SECRET_0 "$tmp/keys" >/dev/null || {
	echo "FAILED: no secrets in the key log"
	failed=1
}
wants 0 ' 0 different' replay "$capture" -p "$tls" -t -k
wants 3 'vouches for the certificate' -p "$tls" -t ping
wants 3 'not the pinned one' -p "$tls" -t --pin "$none" ping
wants 3 'is for relay.example, not other.example: use --sni NAME, or -k' \
	-p "$tls" -t --pin "$pin" --sni other.example ping
wants 3 'does not speak TLS here' -p "$plain" -t -k ping
wants 3 'cannot connect to 127.0.0.1:1' -p 1 -t -k ping
wants 3 'cannot read CA file /nowhere' -p "$tls" -t --ca /nowhere ping
wants 3 'cannot log in' -p "$tls" -o 1 ping
wants 2 '-k is for TLS: add -t' -p "$tls" -k ping
wants 2 '--sni is for TLS: add -t' -p "$tls" --sni x ping
wants 2 '--keylog is for TLS: add -t' -p "$tls" --keylog x ping
wants 2 'leave --pin out' -p "$tls" -t -k --pin "$pin" ping
wants 2 'leave --ca out' -p "$tls" -t -k --ca x ping
wants 2 '--pin wants sha256-raw:' -p "$tls" -t --pin 12 ping
wants 2 'derps:// for TLS' --url https://x ping
[ $failed -ne 0 ] || echo "all as it should be"
exit $failed
