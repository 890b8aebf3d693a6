#!/bin/sh
# Put each fault of faults.c between the suite and derpd: the suite must fail
# the case that the fault names, and must not notice a harmless one.
# Arguments are names of faults; none: all.  B is the build folder.
# Ends with "N passed, N failed".
set -u
: "${B:=build/release}"
tmp=$(mktemp -d) || exit 5
server= proxy= pass=0 fail=0
finish() {
	for pid in $proxy $server; do kill "$pid" && wait "$pid"; done 2>/dev/null
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
: >"$tmp/derpd"
"$B/derpd" --listen 127.0.0.1:0 --mesh-key-file "$tmp/mesh.key" \
	>"$tmp/derpd" 2>"$tmp/derpd.log" &
server=$!
port_of "$tmp/derpd" $server
target=$port

# judge NAME RULE CASE WHAT
judge() {
	: >"$tmp/$1"
	"$B/faulty" "$1" 127.0.0.1 "$target" >"$tmp/$1" 2>"$tmp/$1.log" &
	proxy=$!
	port_of "$tmp/$1" $proxy
	"$B/derpspec" run -h 127.0.0.1 -p "$port" -S --seed 1 \
		--mesh-key "$tmp/mesh.key" --json "$tmp/report" \
		>"$tmp/text" 2>&1
	result=$?
	kill $proxy; wait $proxy 2>/dev/null; proxy=
	failed=$(sed 's/{"id"/\n&/g' "$tmp/report" |
		sed -n '/"verdict":"\(FAIL\|CRASH\)"/s/^{"id":"\([^"]*\)".*/\1/p')
	count=$(printf '%s' "$failed" | grep -c .)
	if [ "$3" = - ]; then
		[ $result -eq 0 ] && [ "$count" -eq 0 ]
	else
		# An instance id has its values in brackets behind the case.
		printf '%s\n' "$failed" | sed 's/\[.*//' | grep -qxF -- "$3"
	fi
	verdict $? "$1" "$2" "$3" "$count"
}

verdict() { # 0 or not, name, rule, case, cases that failed
	if [ "$1" -eq 0 ]; then
		pass=$((pass + 1)) word=ok
	else
		fail=$((fail + 1)) word=FAILED
	fi
	printf '  %-7s %-22s %-16s %-34s %3d failed\n' $word "$2" "$3" "$4" "$5"
	if [ $word = FAILED ]; then
		printf '%s\n' "$failed" | sed 's/^/          failed: /' | head -n 8
		tail -n 3 "$tmp/text" | sed 's/^/          /'
	fi
}

"$B/faulty" --list >"$tmp/list" || exit 5
while IFS='	' read -r name rule case what; do
	[ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	judge "$name" "$rule" "$case" "$what"
done <"$tmp/list"
printf '%d passed, %d failed\n' $pass $fail
[ $fail -eq 0 ] && [ $pass -gt 0 ]
