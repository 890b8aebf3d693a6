#!/bin/sh
# Install into an empty folder, build a program against what was installed
# through pkg-config, uninstall, and see that nothing is left.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make="make -s --no-print-directory O=${O:-build}"

for prefix in /opt/derp /usr; do
	root=$tmp$prefix
	$make install DESTDIR="$tmp" PREFIX=$prefix
	for f in bin/derpd bin/derpspec bin/derpdump lib/libderp.a \
		include/derp.h lib/pkgconfig/derp.pc; do
		test -s "$root/$f" || { echo "not installed: $f"; exit 1; }
	done
	# The prefix that the file names is not where it lies just now.
	grep -qx "prefix=$prefix" "$root/lib/pkgconfig/derp.pc"
	cat >"$tmp/use.c" <<-'END'
	#include <derp_box.h>
	#include <stdio.h>
	int main(void)
	{
		char secret[] = "x";

		derp_wipe(secret, sizeof(secret));
		return puts(derp_type_name(DERP_PING)) < 0;
	}
	END
	# shellcheck disable=SC2046
	"${CC:-cc}" -o "$tmp/use" "$tmp/use.c" $(
		PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags --libs \
			--define-variable=includedir="$root/include" \
			--define-variable=libdir="$root/lib" derp)
	test "$("$tmp/use")" = Ping
	rm "$tmp/use" "$tmp/use.c"
	$make uninstall DESTDIR="$tmp" PREFIX=$prefix
	left=$(find "$tmp" -type f)
	test -z "$left" || { printf 'left behind:\n%s\n' "$left"; exit 1; }
done
echo "install, use, uninstall: ok"
