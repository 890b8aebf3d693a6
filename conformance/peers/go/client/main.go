// derpgo-client - the Go reference's DERP client, driven by a script.
//
//	stdin: one command a line  -->  clients a, b, c ...  -->  one server
//	stdout: one JSON object for every message sent, received, or refused
//
// It logs in to a URL with the reference's derphttp (or with its derp client
// on an upgrade of our own: `direct`, `fast-start`), does what the script
// says, and prints what comes back.  A script may log in several clients and
// wait for what each must receive, so that one process is a whole session.
// The commands are listed by -help and in ../../README.md.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"
)

var (
	keyFile   = flag.String("key-file", "", "private key of client `me`: privkey:<hex>, hex or derper's JSON")
	meshFile  = flag.String("mesh-key-file", "", "mesh key, used by clients that log in with `mesh`")
	caFile    = flag.String("ca", "", "PEM `file` of roots to trust instead of the system's")
	insecure  = flag.Bool("insecure", false, "accept any certificate")
	websocket = flag.Bool("websocket", false, "derphttp over WebSocket")
	login     = flag.String("login", "", "log in as `me` first, with these `options` (may be empty: -login '')")
	stay      = flag.Float64("stay", 0, "`seconds` to go on receiving when the script has ended")
	seed      = flag.String("seed", "", "make the clients' keys from this `text` and their names")
	patience  = flag.Float64("timeout", 5, "`seconds` to wait for each expected message")
	verbose   = flag.Bool("v", false, "log what the reference says")
)

const usage = `usage: derpgo-client [options] URL < script
  [NAME:] login [OPTION ...]   direct fast-start mesh watch prober no-ack-pings
                               preferred nowait app=NAME as=NAME (same key)
                               server-key=KEY|known (fast-start in one flight)
  [NAME:] send KEY DATA        [NAME:] forward SOURCE KEY DATA
  [NAME:] ping [HEX16]         [NAME:] pong [HEX16]
  [NAME:] note-preferred 0|1   [NAME:] watch (direct only)
  [NAME:] close-peer KEY       [NAME:] raw DATA (direct only)   [NAME:] close
  [NAME:] expect TYPE [FIELD=VALUE ...]    [NAME:] none TYPE MS
  sleep MS                     mark TEXT (is printed)       # comment
NAME is me when left out.  KEY is a client's NAME, stranger, or nodekey:<hex>.
DATA is text:WORD, hex:DIGITS, size:N (a pattern) or disco:N (looks like disco).
Without -login the script must log in.  Exit status: 0 done; 1 something
expected did not come; 2 usage; 3 cannot log in.
`

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	log.SetPrefix("derpgo-client: ")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}

	s := newSession(flag.Arg(0))
	loginGiven := false
	flag.Visit(func(f *flag.Flag) { loginGiven = loginGiven || f.Name == "login" })
	if loginGiven {
		s.mustRun(0, "login "+*login)
	}
	lines := bufio.NewScanner(os.Stdin)
	n := 0
	for lines.Scan() {
		n++
		s.mustRun(n, lines.Text())
	}
	if err := lines.Err(); err != nil && err != io.EOF {
		log.Print(err)
		os.Exit(2)
	}
	time.Sleep(time.Duration(*stay * float64(time.Second)))
	s.closeAll()
}

// mustRun ends the program at the first line that fails, with its number.
func (s *session) mustRun(n int, line string) {
	err := s.run(line)
	if err == nil {
		return
	}
	log.Printf("line %d: %s: %v", n, line, err)
	status := 1
	switch err.(type) {
	case usageError:
		status = 2
	case loginError:
		status = 3
	}
	os.Exit(status)
}
