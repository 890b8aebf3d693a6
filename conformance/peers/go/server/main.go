// derpgo-server - the Go reference's DERP server, as a peer to test against.
//
// It puts the reference's derpserver behind the same HTTP endpoints, time-outs
// and TLS settings as the reference's own derper, and leaves out everything
// else: no STUN, no ACME, no mesh client, no debug pages.  The one source
// builds against every pinned version (../../build.sh).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"tailscale.com/derp/derpserver"
	"tailscale.com/net/ktimeout"
)

var (
	listen     = flag.String("listen", "127.0.0.1:0", "listen on `addr:port`; port 0 picks a free one")
	keyFile    = flag.String("key-file", "", "private key: derper's JSON or 64 hex digits; made when missing")
	meshFile   = flag.String("mesh-key-file", "", "mesh key: 64 hex digits")
	tlsCert    = flag.String("tls-cert", "", "certificate chain, PEM; the meta certificate is added")
	tlsKey     = flag.String("tls-key", "", "private key of -tls-cert, PEM")
	selfSigned = flag.String("tls-self-signed", "", "TLS with a certificate made now for `host`")
	rateConfig = flag.String("rate-config", "", "JSON file of rate limits, as derper's")
	quiet      = flag.Bool("quiet", false, "do not log what the server says")
)

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	log.SetPrefix("derpgo-server: ")
	flag.Parse()
	if flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "derpgo-server: only options are taken, see -help")
		os.Exit(2)
	}

	server := newServer()
	tlsConfig, err := loadTLS(server)
	if err != nil {
		log.Fatal(err)
	}

	lc := net.ListenConfig{
		Control:   ktimeout.UserTimeout(15 * time.Second),
		KeepAlive: 10 * time.Minute,
	}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listen %s\n", ln.Addr())
	fmt.Printf("key %s\n", server.PublicKey())

	hs := &http.Server{
		Handler:      endpoints(server),
		TLSConfig:    tlsConfig,
		ReadTimeout:  30 * time.Second,
		WriteTimeout: 30 * time.Second,
	}
	go endOnSignal(server)
	if *quiet {
		log.SetOutput(io.Discard)
	}
	if tlsConfig != nil {
		err = hs.ServeTLS(ln, "", "")
	} else {
		err = hs.Serve(ln)
	}
	fmt.Fprintln(os.Stderr, "derpgo-server:", err)
	os.Exit(1)
}

func newServer() *derpserver.Server {
	private, err := loadKey(*keyFile)
	if err != nil {
		log.Fatal(err)
	}
	server := derpserver.New(private, log.Printf)
	if *meshFile != "" {
		text, err := os.ReadFile(*meshFile)
		if err != nil {
			log.Fatal(err)
		}
		if err := server.SetMeshKey(strings.TrimSpace(string(text))); err != nil {
			log.Fatalf("%s: %v", *meshFile, err)
		}
	}
	if *rateConfig != "" {
		if err := server.LoadAndApplyRateConfig(*rateConfig); err != nil {
			log.Fatalf("%s: %v", *rateConfig, err)
		}
	}
	return server
}

// The paths of derper that a client or a suite may ask for.
func endpoints(server *derpserver.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/derp", derpserver.AddWebSocketSupport(server, derpserver.Handler(server)))
	mux.HandleFunc("/derp/probe", derpserver.ProbeHandler)
	mux.HandleFunc("/derp/latency-check", derpserver.ProbeHandler)
	mux.HandleFunc("/generate_204", derpserver.ServeNoContent)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "DERP server for tests\n")
	})
	return mux
}

// The end is abrupt, as derper's is: nobody is told, connections close.
func endOnSignal(server *derpserver.Server) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	<-ch
	server.Close()
	os.Exit(0)
}
