package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"time"
)

// one serves a single connection.
type one struct {
	c    chan net.Conn
	addr net.Addr
}

func (o *one) Accept() (net.Conn, error) {
	c, ok := <-o.c
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return o.addr }

func field(h http.Header) string {
	v, ok := h["Upgrade"]
	if !ok {
		return "NULL"
	}
	return fmt.Sprintf("%q", hex([]byte(v[0])))
}

// serve shows a request to the reference's HTTP server.
func serve(text string) (ok bool, method, target, upgrade string, minor int) {
	near, far := net.Pipe()
	defer near.Close()
	seen := make(chan *http.Request, 1)
	l := &one{c: make(chan net.Conn, 1), addr: far.LocalAddr()}
	l.c <- far
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case seen <- r:
		default:
		}
	})}
	s.SetKeepAlivesEnabled(false)
	go s.Serve(l)
	defer close(l.c)
	go near.Write([]byte(text))
	near.SetReadDeadline(time.Now().Add(2 * time.Second))
	bufio.NewReader(near).ReadString('\n')
	select {
	case r := <-seen:
		return true, r.Method, r.RequestURI, field(r.Header), r.ProtoMinor
	default:
		return false, "", "", "NULL", 0
	}
}

func requests() []string {
	const first = "GET /derp HTTP/1.1\r\n"
	const host = "Host: h\r\n"
	in := []struct{ name, text string }{
		{"plain", first + host + "Upgrade: DERP\r\nConnection: Upgrade\r\n\r\n"},
		{"no-fields-but-host", first + host + "\r\n"},
		{"lf-only", "GET /derp HTTP/1.1\nHost: h\nUpgrade: derp\n\n"},
		{"mixed-ends", "GET /derp HTTP/1.1\nHost: h\r\nUpgrade: derp\n\r\n"},
		{"lower-name", first + host + "upgrade: derp\r\n\r\n"},
		{"no-blank", first + host + "Upgrade:derp\r\n\r\n"},
		{"tabs", first + host + "Upgrade:\tderp \t\r\n\r\n"},
		{"empty-value", first + host + "Upgrade:\r\n\r\n"},
		{"first-counts", first + host + "Upgrade: a\r\nUpgrade: b\r\n\r\n"},
		{"fold-before", first + host + "Upgrade:\r\n derp\r\n\r\n"},
		{"fold-before-tab", first + host + "Upgrade: \r\n\t derp\r\n\r\n"},
		{"fold-behind", first + host + "Upgrade: derp\r\n \r\nX: y\r\n\r\n"},
		{"fold-lf", first + host + "Upgrade:\n derp\n\n"},
		{"fold-last", first + host + "Upgrade: derp\r\n \r\n\r\n"},
		{"fold-of-other", first + host + "X: y\r\n Upgrade: no\r\n\r\n"},
		{"fold-first", first + " X: y\r\n" + host + "\r\n"},
		{"8-bit", first + host + "Upgrade: d\xe9rp\r\n\r\n"},
		{"nul", first + host + "Upgrade: d\x00rp\r\n\r\n"},
		{"control", first + host + "Upgrade: d\x01rp\r\n\r\n"},
		{"del", first + host + "Upgrade: d\x7frp\r\n\r\n"},
		{"cr-inside", first + host + "Upgrade: d\rrp\r\n\r\n"},
		{"cr-cr", first + host + "Upgrade: derp\r\r\n\r\n"},
		{"nul-in-fold", first + host + "X: y\r\n a\x00b\r\n\r\n"},
		{"blank-before-colon", first + host + "Upgrade : derp\r\n\r\n"},
		{"blank-in-name", first + host + "Up grade: derp\r\n\r\n"},
		{"empty-name", first + host + ": derp\r\n\r\n"},
		{"no-colon", first + host + "Upgrade\r\n\r\n"},
		{"sub-for-colon", first + host + "Upgrade\x1a derp\r\n\r\n"},
		{"name-8-bit", first + host + "Upgr\xe4de: derp\r\n\r\n"},
		{"name-slash", first + host + "a/b: derp\r\n\r\n"},
		{"name-odd-tokens", first + host + "!#$%&'*+-.^_`|~09az: x\r\nUpgrade: derp\r\n\r\n"},
		{"leading-crlf", "\r\n" + first + host + "\r\n"},
		{"two-blanks-1", "GET  /derp HTTP/1.1\r\n" + host + "\r\n"},
		{"two-blanks-2", "GET /derp  HTTP/1.1\r\n" + host + "\r\n"},
		{"tab-in-line", "GET\t/derp HTTP/1.1\r\n" + host + "\r\n"},
		{"tab-in-line-2", "GET /derp\tHTTP/1.1\r\n" + host + "\r\n"},
		{"tab-in-target", "GET /de\trp HTTP/1.1\r\n" + host + "\r\n"},
		{"blank-at-end", "GET /derp HTTP/1.1 \r\n" + host + "\r\n"},
		{"no-version", "GET /derp\r\n" + host + "\r\n"},
		{"no-target", "GET HTTP/1.1\r\n" + host + "\r\n"},
		{"http-1.0", "GET /derp HTTP/1.0\r\n" + host + "\r\n"},
		{"http-1.2", "GET /derp HTTP/1.2\r\n" + host + "\r\n"},
		{"http-2.0", "GET /derp HTTP/2.0\r\n" + host + "\r\n"},
		{"http-1.10", "GET /derp HTTP/1.10\r\n" + host + "\r\n"},
		{"http-1", "GET /derp HTTP/1\r\n" + host + "\r\n"},
		{"http-1.x", "GET /derp HTTP/1.x\r\n" + host + "\r\n"},
		{"http-lower", "GET /derp http/1.1\r\n" + host + "\r\n"},
		{"method-odd", "FOO-!bar /derp HTTP/1.1\r\n" + host + "\r\n"},
		{"method-colon", "G:T /derp HTTP/1.1\r\n" + host + "\r\n"},
		{"method-empty", " /derp HTTP/1.1\r\n" + host + "\r\n"},
		{"target-query", "POST /derp?x=1 HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n"},
		{"target-absolute", "GET http://x/derp HTTP/1.1\r\n" + host + "\r\n"},
		{"target-control", "GET /de\x01rp HTTP/1.1\r\n" + host + "\r\n"},
		{"target-del", "GET /de\x7frp HTTP/1.1\r\n" + host + "\r\n"},
		{"target-nul", "GET /de\x00rp HTTP/1.1\r\n" + host + "\r\n"},
		{"target-8-bit", "GET /d\xe9rp HTTP/1.1\r\n" + host + "\r\n"},
	}
	var out []string
	for _, r := range in {
		ok, method, target, upgrade, minor := serve(r.text)
		out = append(out, fmt.Sprintf("\"request/%s\", %q, %t, %q, %q, %s, %d", r.name,
			hex([]byte(r.text)), ok, hex([]byte(method)), hex([]byte(target)), upgrade, minor))
	}
	return out
}

func responses() []string {
	in := []struct{ name, text string }{
		{"plain", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"},
		{"no-reason", "HTTP/1.1 101 \r\nUpgrade: DERP\r\n\r\n"},
		{"no-blank", "HTTP/1.1 101\r\nUpgrade: DERP\r\n\r\n"},
		{"two-blanks", "HTTP/1.1   200 OK\r\n\r\n"},
		{"lf", "HTTP/1.1 200 OK\nUpgrade: x\n\n"},
		{"http-1.0", "HTTP/1.0 200 OK\r\n\r\n"},
		{"8-bit-reason", "HTTP/1.1 404 Nicht d\xe4\r\n\r\n"},
		{"two-digits", "HTTP/1.1 10 x\r\n\r\n"},
		{"four-digits", "HTTP/1.1 1010 x\r\n\r\n"},
		{"no-digits", "HTTP/1.1 abc x\r\n\r\n"},
		{"minus", "HTTP/1.1 -10 x\r\n\r\n"},
		{"no-status", "HTTP/1.1\r\n\r\n"},
		{"blank-status", "HTTP/1.1 \r\n\r\n"},
		{"lower", "http/1.1 101 x\r\n\r\n"},
		{"leading-crlf", "\r\nHTTP/1.1 101 x\r\n\r\n"},
		{"fold", "HTTP/1.1 101 x\r\nUpgrade:\r\n DERP\r\n\r\n"},
		{"blank-before-colon", "HTTP/1.1 101 x\r\nUpgrade : DERP\r\n\r\n"},
		{"000", "HTTP/1.1 000 x\r\n\r\n"},
		{"999", "HTTP/1.1 999 x\r\n\r\n"},
	}
	var out []string
	for _, r := range in {
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader([]byte(r.text))), nil)
		status, upgrade := 0, "NULL"
		if err == nil {
			status, upgrade = res.StatusCode, field(res.Header)
		}
		out = append(out, fmt.Sprintf("\"response/%s\", %q, %t, %d, %s", r.name,
			hex([]byte(r.text)), err == nil, status, upgrade))
	}
	return out
}
