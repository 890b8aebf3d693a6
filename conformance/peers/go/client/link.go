package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"time"

	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/envknob"
	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// A link is one login: the reference's derphttp.Client, or its derp.Client
// on a connection that we upgraded ourselves.
type link interface {
	Send(dst key.NodePublic, pkt []byte) error
	Forward(src, dst key.NodePublic, pkt []byte) error
	SendPing([8]byte) error
	SendPong([8]byte) error
	Prefer(bool) error
	Watch() error
	ClosePeer(key.NodePublic) error
	Raw([]byte) error
	Recv() (derp.ReceivedMessage, error)
	ServerPublicKey() key.NodePublic
	LocalAddr() (netip.AddrPort, error)
	Close() error
}

// What a login may ask for.
type loginOptions struct {
	direct, fastStart, mesh, watch, prober, noAck, preferred, nowait bool
	app                                                              string
	as                                                               string // client whose key to use
	serverKey                                                        key.NodePublic
}

func logf(format string, args ...any) {
	if *verbose {
		log.Printf(format, args...)
	}
}

var errDirectOnly = usageError{errors.New("only for a client that logged in with `direct`")}

type httpLink struct{ *derphttp.Client }

func (l httpLink) Forward(src, dst key.NodePublic, pkt []byte) error {
	return l.ForwardPacket(src, dst, lend(pkt))
}
func (l httpLink) Prefer(v bool) error { l.NotePreferred(v); return nil }
func (l httpLink) Watch() error        { return errDirectOnly }
func (l httpLink) Raw([]byte) error    { return errDirectOnly }

func dialHTTP(target string, private key.NodePrivate, mesh key.DERPMesh, o loginOptions) (link, error) {
	c, err := newHTTPClient(target, private)
	if err != nil {
		return nil, err
	}
	c.MeshKey = mesh
	c.IsProber = o.prober
	c.AppName = o.app
	c.WatchConnectionChanges = o.watch
	c.SetCanAckPings(!o.noAck)
	if *websocket {
		envknob.Setenv("TS_DEBUG_DERP_WS_CLIENT", "1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if o.preferred {
		c.NotePreferred(true)
	}
	return httpLink{c}, nil
}

// The reference accepts any certificate only for a node of a region, so
// -insecure makes a region of one node out of the URL.
func newHTTPClient(target string, private key.NodePrivate) (*derphttp.Client, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, usageError{err}
	}
	if u.Scheme != "https" || !*insecure {
		c, err := derphttp.NewClient(private, target, logf, netmon.NewStatic())
		if err == nil && u.Scheme == "https" {
			c.TLSConfig, err = tlsConfig("")
		}
		return c, err
	}
	port, err := strconv.Atoi(portOf(u))
	if err != nil {
		return nil, usageError{err}
	}
	node := &tailcfg.DERPNode{
		Name: "1a", RegionID: 1, HostName: u.Hostname(), DERPPort: port,
		InsecureForTests: true,
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.Is4() {
		node.IPv4, node.IPv6 = ip.String(), "none"
	} else if err == nil {
		node.IPv4, node.IPv6 = "none", ip.String()
	}
	region := &tailcfg.DERPRegion{RegionID: 1, RegionCode: "one", Nodes: []*tailcfg.DERPNode{node}}
	return derphttp.NewRegionClient(private, logf, netmon.NewStatic(),
		func() *tailcfg.DERPRegion { return region }), nil
}

type directLink struct {
	*derp.Client
	conn net.Conn
}

func (l directLink) Forward(src, dst key.NodePublic, pkt []byte) error {
	return l.ForwardPacket(src, dst, lend(pkt))
}
func (l directLink) Prefer(v bool) error { return l.NotePreferred(v) }
func (l directLink) Watch() error        { return l.WatchConnectionChanges() }
func (l directLink) Close() error        { return l.conn.Close() }
func (l directLink) Raw(b []byte) error  { _, err := l.conn.Write(b); return err }

func dialDirect(target string, private key.NodePrivate, mesh key.DERPMesh, o loginOptions) (link, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, usageError{err}
	}
	conn, err := dialURL(u)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	brw := bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
	c, err := upgrade(u, conn, brw, private, mesh, o)
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return directLink{c, conn}, nil
}

func upgrade(u *url.URL, conn net.Conn, brw *bufio.ReadWriter, private key.NodePrivate, mesh key.DERPMesh, o loginOptions) (*derp.Client, error) {
	req, err := http.NewRequest("GET", u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Upgrade", "DERP")
	req.Header.Set("Connection", "Upgrade")
	if o.fastStart {
		req.Header.Set(derp.FastStartHeader, "1")
	}
	if err := req.Write(brw); err != nil {
		return nil, err
	}
	// With the server's key known, the request waits in the buffer and
	// leaves together with ClientInfo.
	if !o.fastStart || o.serverKey.IsZero() {
		if err := brw.Flush(); err != nil {
			return nil, err
		}
	}
	if !o.fastStart {
		resp, err := http.ReadResponse(brw.Reader, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
			return nil, fmt.Errorf("upgrade answered %s: %q", resp.Status, body)
		}
	}
	c, err := derp.NewClient(private, conn, brw, logf, derp.MeshKey(mesh),
		derp.ServerPublicKey(o.serverKey), derp.CanAckPings(!o.noAck),
		derp.IsProber(o.prober), derp.AppName(o.app))
	if err == nil && o.preferred {
		err = c.NotePreferred(true)
	}
	if err == nil && o.watch {
		err = c.WatchConnectionChanges()
	}
	return c, err
}

func dialURL(u *url.URL) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.Dial("tcp", net.JoinHostPort(u.Hostname(), portOf(u)))
	if err != nil || u.Scheme != "https" {
		return conn, err
	}
	config, err := tlsConfig(u.Hostname())
	if err != nil {
		conn.Close()
		return nil, err
	}
	config.InsecureSkipVerify = *insecure
	return tls.Client(conn, config), nil
}

// tlsConfig leaves a key log where SSLKEYLOGFILE says, as derphttp does.
func tlsConfig(host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if *caFile != "" {
		pem, err := os.ReadFile(*caFile)
		if err != nil {
			return nil, usageError{err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usageError{fmt.Errorf("%s: no certificate in it", *caFile)}
		}
	}
	if path := os.Getenv("SSLKEYLOGFILE"); path != "" && host != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0600)
		if err != nil {
			return nil, usageError{err}
		}
		config.KeyLogWriter = f
	}
	return config, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
