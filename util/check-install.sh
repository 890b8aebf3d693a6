#!/bin/sh
# Install into an empty folder, build a program against what was installed
# through pkg-config, uninstall, and see that nothing is left.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s install DESTDIR="$tmp" PREFIX=/usr O="${O:-build}"
for f in bin/derpd bin/derpspec bin/derpdump lib/libderp.a include/derp.h \
	lib/pkgconfig/derp.pc; do
	test -s "$tmp/usr/$f" || { echo "not installed: $f"; exit 1; }
done
cat >"$tmp/use.c" <<'END'
#include <derp.h>
#include <stdio.h>
int main(void) { return puts(derp_type_name(DERP_PING)) < 0; }
END
flags=$(sed -n 's/^Cflags: *//p' "$tmp/usr/lib/pkgconfig/derp.pc" |
	sed 's|\${includedir}|/usr/include|')
"${CC:-cc}" -o "$tmp/use" "$tmp/use.c" "${flags%%/*}$tmp/usr/include" \
	-L"$tmp/usr/lib" -lderp
test "$("$tmp/use")" = Ping
rm "$tmp/use" "$tmp/use.c"
make -s uninstall DESTDIR="$tmp" PREFIX=/usr O="${O:-build}"
left=$(find "$tmp" -type f)
test -z "$left" || { printf 'left behind:\n%s\n' "$left"; exit 1; }
echo "install, use, uninstall: ok"
