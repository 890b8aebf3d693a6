#!/bin/sh
# Print the line coverage of each folder after `make VARIANT=cov test`, and
# fail when the codec is below its floor.  B is the build folder.
set -eu
floor=95
for folder in codec util transport capture reference-server conformance; do
	[ -d "$B/$folder" ] || continue
	find "$B/$folder" -maxdepth 1 -name '*.gcda' | sort |
	xargs -r gcov -n 2>/dev/null |
	awk -v folder="$folder" -v floor=$floor '
	/^File / { mine = index($0, "\047" folder "/") == 6 &&
		$0 !~ /\.h\047$/ && !seen[$0]++; name = $2; next }
	/^Lines executed:/ && mine {
		split($0, part, /[:% ]+/)
		n = part[5]; hit += n * part[3] / 100; all += n
		printf "  %-40s %6.2f %% of %d\n", name, part[3], n
		mine = 0
	}
	END {
		if (!all) { print folder ": no coverage data"; exit folder == "codec" }
		rate = 100 * hit / all
		printf "%s: %.2f %% of %d lines\n", folder, rate, all
		if (folder == "codec" && rate < floor) {
			printf "codec is below its floor of %d %%\n", floor
			exit 1
		}
	}'
done
