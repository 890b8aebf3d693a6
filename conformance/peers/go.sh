#!/bin/sh
# Print the go command that builds the peers: the one in the path if it is new
# enough, else the one that 'make deps-interop' put into DERPKIT_GO_DIR.
#
#   go.sh            prints its path          exit status 0, or 1: none
#   go.sh version    prints the version that is needed at least
set -u
need=1.27.3
dir=${DERPKIT_GO_DIR:-build/go}

if [ "${1-}" = version ]; then
	echo $need
	exit 0
fi
for go in "$(command -v go)" "$dir/bin/go"; do
	[ -x "$go" ] || continue
	have=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
	if printf 'go%s\n%s\n' "$need" "$have" | sort -V -C; then
		case $go in
		/*) echo "$go" ;;
		*) echo "$PWD/$go" ;;
		esac
		exit 0
	fi
done
echo "no Go $need or newer: 'make deps-interop' fetches one into $dir" >&2
exit 1
