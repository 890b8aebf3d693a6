#!/bin/sh
# Print C source that holds the given files, for conformance/embedded.h.
set -eu
echo '#include "embedded.h"'
n=0
for f in "$@"; do
	printf 'static const unsigned char f%d[] = {\n' $n
	od -An -v -tu1 "$f" | sed 's/  */,/g;s/^,//;s/$/,/'
	echo '0};'
	n=$((n + 1))
done
echo 'const struct embedded embedded[] = {'
n=0
for f in "$@"; do
	printf '\t{ "%s", (const char *)f%d, sizeof(f%d) - 1 },\n' "$f" $n $n
	n=$((n + 1))
done
echo '	{ 0, 0, 0 },'
echo '};'
