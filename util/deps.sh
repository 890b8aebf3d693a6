#!/bin/sh
# Install (or only check) what a part of derpkit needs.
#
#   deps.sh install|check base|fuzz|interop|report
#
# Debian and its derivatives: through apt-get.  Elsewhere: says what to
# install.  Exit status 0: everything is there; 1: something is missing.
set -u
mode=$1 part=$2
go_version=1.27.3

# What a part needs: a file that proves it is there, and its Debian package.
needs() {
	case $part in
	base) cat <<-END
		/usr/include/stdio.h libc6-dev
		/usr/include/sodium.h libsodium-dev
		/usr/include/pcap/pcap.h libpcap-dev
		/usr/include/cmocka.h libcmocka-dev
		/usr/include/ev.h libev-dev
		/usr/include/uthash.h uthash-dev
		/usr/include/yajl/yajl_parse.h libyajl-dev
		END
		command -v cc >/dev/null || echo "/usr/bin/gcc gcc"
		;;
	fuzz) cat <<-END
		/usr/bin/clang clang
		/usr/bin/afl-fuzz afl++
		/usr/bin/llvm-symbolizer llvm
		END
		;;
	interop) cat <<-END
		/usr/bin/tcpdump tcpdump
		END
		go_is_new || cat <<-END
		/usr/bin/python3 python3
		/usr/share/doc/python3-venv python3-venv
		END
		;;
	report) cat <<-END
		/usr/bin/xmllint libxml2-utils
		/usr/bin/mandoc mandoc
		/usr/bin/clang-format clang-format
		END
		;;
	*) echo "deps.sh: no part '$part'" >&2; exit 2 ;;
	esac
}

# Go of at least go_version, in the path or in our virtual environment.
go_is_new() {
	v=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
	printf 'go%s\n%s\n' $go_version "$v" | sort -V -C
}

missing=$(needs | while read -r file package; do
	[ -e "$file" ] || printf '%s ' "$package"
done)

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if [ -n "$missing" ]; then
	if [ "$mode" = check ]; then
		echo "missing: $missing- 'make deps' installs them" >&2
		exit 1
	fi
	if ! command -v apt-get >/dev/null; then
		echo "This system has no apt-get. Install what Debian calls: $missing" >&2
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		echo "Run as root (or install sudo): apt-get install $missing" >&2
		exit 1
	fi
	echo "installing $missing" >&2
	# shellcheck disable=SC2086
	as_root apt-get update -q >&2 &&
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends $missing >&2 || {
		echo "apt-get could not install: $missing" >&2
		exit 1
	}
fi
