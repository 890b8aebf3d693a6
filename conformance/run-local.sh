#!/bin/sh
# Run the suite against a derpd that this script starts on free loopback
# ports: once over plain TCP, then over TLS with the server's certificate
# pinned.  Exits with the first code that is not 0.  Arguments go to `derpspec
# run`, and may name reports, so with them there is the first run only; OVER=tls
# makes it the second.  B is the build folder.
set -u
tmp=$(mktemp -d) || exit 5
server=
finish() {
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

for tool in derpd derpspec; do
	if [ ! -x "${B:=build/release}/$tool" ]; then
		echo "$B/$tool is not there: run 'make' first" >&2
		exit 3
	fi
done

# A mesh key, so that the mesh cases run too.
od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$tmp/mesh.key"
chmod 600 "$tmp/mesh.key"
: >"$tmp/listen"
"$B/derpd" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
	--tls-self-signed 127.0.0.1 --mesh-key-file "$tmp/mesh.key" \
	>"$tmp/listen" 2>"$tmp/derpd.log" &
server=$!

port= tries=0
while [ -z "$port" ] && [ $tries -lt 100 ] && kill -0 $server 2>/dev/null; do
	port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$tmp/listen")
	tls_port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\) tls$/\1/p' \
		"$tmp/listen")
	[ -n "$port" ] || sleep 0.05
	tries=$((tries + 1))
done
if [ -z "$port" ]; then
	echo "derpd did not start:" >&2
	cat "$tmp/derpd.log" >&2
	exit 3
fi

pin=$(sed -n 's/.*pin="*\(sha256-raw:[0-9a-f]*\).*/\1/p' "$tmp/derpd.log")

[ $# -eq 0 ] && over=${OVER:-both} || over=${OVER:-plain}
result=0
if [ "$over" != tls ]; then
	"$B/derpspec" run -h 127.0.0.1 -p "$port" \
		--mesh-key "$tmp/mesh.key" "$@"
	result=$?
fi
if [ $result -eq 0 ] && [ "$over" != plain ]; then
	"$B/derpspec" run -h 127.0.0.1 -p "$tls_port" -t --pin "$pin" \
		--mesh-key "$tmp/mesh.key" "$@"
	result=$?
fi
if ! kill -0 $server 2>/dev/null; then
	echo "derpd is gone; its last words:" >&2
	tail -n 20 "$tmp/derpd.log" >&2
fi
exit $result
