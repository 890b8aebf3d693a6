#!/bin/sh
# Put each fault of faults.c between the suite and derpd: the suite must fail
# the case that the fault names, and must not notice a harmless one.
# Arguments are names of faults; none: all.  B is the build folder.
# Ends with "N passed, N failed".
set -u
: "${B:=build/release}"
tmp=$(mktemp -d) || exit 5
running= pass=0 fail=0
finish() {
	for pid in $running; do kill "$pid" && wait "$pid"; done 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

# port_of FILE PID: the port that a server says it listens on.
port_of() {
	tries=0
	while [ $tries -lt 100 ] && kill -0 "$2" 2>/dev/null; do
		port=$(sed -n 's/^listen 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$1")
		[ -z "$port" ] || return 0
		sleep 0.05
		tries=$((tries + 1))
	done
	echo "no server: $(cat "$1.log")" >&2
	exit 3
}

od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$tmp/mesh.key"
chmod 600 "$tmp/mesh.key"

# judge NAME CASE: run the suite past one fault; leaves $tmp/NAME.failed, the
# cases that failed, and $tmp/NAME.ok when that is as it should be.
judge() {
	started=
	# Without the second, a TERM would end this shell past the first.
	trap '{ kill $started; wait $started; } 2>/dev/null' EXIT
	trap 'exit 143' TERM
	# Each has a server of its own: equal seeds make equal keys.
	: >"$tmp/$1.derpd"
	"$B/derpd" --listen 127.0.0.1:0 --mesh-key-file "$tmp/mesh.key" \
		>"$tmp/$1.derpd" 2>"$tmp/$1.derpd.log" &
	started=$!
	port_of "$tmp/$1.derpd" $!
	: >"$tmp/$1"
	"$B/faulty" "$1" 127.0.0.1 "$port" >"$tmp/$1" 2>"$tmp/$1.log" &
	started="$started $!"
	port_of "$tmp/$1" $!
	"$B/derpspec" run -h 127.0.0.1 -p "$port" -S --seed 1 \
		--mesh-key "$tmp/mesh.key" --json "$tmp/$1.json" \
		>"$tmp/$1.text" 2>&1 &
	started="$started $!"
	wait $! # a trap does not wait for what runs in front
	result=$?
	sed 's/{"id"/\n&/g' "$tmp/$1.json" |
		sed -n '/"verdict":"\(FAIL\|CRASH\)"/s/^{"id":"\([^"]*\)".*/\1/p' \
		>"$tmp/$1.failed"
	if [ "$2" = - ]; then
		[ $result -eq 0 ] && [ ! -s "$tmp/$1.failed" ]
	else
		# An instance id has its values in brackets behind the case.
		sed 's/\[.*//' "$tmp/$1.failed" | grep -qxF -- "$2"
	fi && : >"$tmp/$1.ok"
}

report() { # name, rule, case
	if [ -e "$tmp/$1.ok" ]; then
		pass=$((pass + 1)) word=ok
	else
		fail=$((fail + 1)) word=FAILED
	fi
	printf '  %-7s %-22s %-16s %-34s %3d failed\n' $word "$1" "$2" "$3" \
		"$(grep -c . "$tmp/$1.failed")"
	if [ $word = FAILED ]; then
		sed 's/^/          failed: /' "$tmp/$1.failed" | head -n 8
		tail -n 3 "$tmp/$1.text" | sed 's/^/          /'
	fi
}

# The suite mostly waits: a few faults are judged at a time.
at_a_time=4
flush() {
	for pid in $running; do wait "$pid"; done
	running=
	while IFS='	' read -r name rule case what; do
		report "$name" "$rule" "$case"
	done <"$tmp/batch"
	: >"$tmp/batch"
}

"$B/faulty" --list >"$tmp/list" || exit 5
running= count=0
: >"$tmp/batch"
while IFS='	' read -r name rule case what; do
	[ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	(judge "$name" "$case") &
	running="$running $!" count=$((count + 1))
	printf '%s\t%s\t%s\t%s\n' "$name" "$rule" "$case" "$what" >>"$tmp/batch"
	[ $((count % at_a_time)) -ne 0 ] || flush
done <"$tmp/list"
flush
printf '%d passed, %d failed\n' $pass $fail
[ $fail -eq 0 ] && [ $pass -gt 0 ]
