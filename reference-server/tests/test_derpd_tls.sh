#!/bin/sh
# The tests against a running derpd once more, over TLS.
set -u
B=${B:-build/release}
result=0
for name in load login relay; do
	OVER=tls "$B/reference-server/tests/test_derpd_$name" || result=1
done
exit $result
