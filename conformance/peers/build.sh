#!/bin/sh
# Build the reference's servers and clients into $O/peers.
#
#   O=build sh conformance/peers/build.sh
#
#   derpgo-server-VERSION  derpgo-client-VERSION    for both pinned versions
#   derper-1.102.5                                  the reference's own server
#
# The module downloads come from wherever the go command is told to (GOPROXY).
# v1.104.5's derper cannot be built everywhere: one of its modules is not
# served by every proxy.
set -eu
O=${O:-build}
here=conformance/peers
mkdir -p "$O/peers"
out=$(cd "$O/peers" && pwd)
go=$(sh $here/go.sh)
export GOTOOLCHAIN=local

# Nothing to do when the program is newer than every file that makes it.
stale() {
	[ ! -e "$out/$1" ] ||
		[ -n "$(find $here/go $here/build.sh -type f -newer "$out/$1")" ]
}

# build NAME VERSION TAGS PACKAGE
build() {
	stale "$1" || return 0
	echo "building $1" >&2
	(cd $here/go && "$go" build -buildvcs=false -trimpath \
		-modfile="go.$2.mod" -tags "$3" -o "$out/$1" "$4")
}

for version in 1.102.5 1.104.5; do
	tags=ts_debug_websockets
	[ $version = 1.102.5 ] || tags=$tags,derp_1_104
	build derpgo-server-$version $version "$tags" ./server
	build derpgo-client-$version $version "$tags" ./client
done
build derper-1.102.5 1.102.5 '' tailscale.com/cmd/derper
