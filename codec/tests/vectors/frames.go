package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"go4.org/mem"
	"tailscale.com/derp"
	"tailscale.com/derp/derpserver"
	"tailscale.com/types/key"
)

func quiet(string, ...any) {}

// tap keeps what was read from a connection.
type tap struct {
	net.Conn
	mu   sync.Mutex
	seen bytes.Buffer
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	t.seen.Write(p[:n])
	t.mu.Unlock()
	return n, err
}

// take cuts the next whole frame off what was read.
func (t *tap) take() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.seen.Bytes()
	n := 5 + int(binary.BigEndian.Uint32(b[1:5]))
	return bytes.Clone(t.seen.Next(n))
}

func buffered(c net.Conn) *bufio.ReadWriter {
	return bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c))
}

func frame(t derp.FrameType, payload []byte) []byte {
	var b bytes.Buffer
	check(derp.WriteFrame(bufio.NewWriter(&b), t, payload))
	return b.Bytes()
}

func row(name string, frame []byte, says string) string {
	return fmt.Sprintf("%q, %q, %q", name, hex(frame), says)
}

// says tells what the reference's client made of a frame.
func says(m derp.ReceivedMessage) string {
	switch m := m.(type) {
	case derp.ReceivedPacket:
		return fmt.Sprintf("packet src=%s data=%x", hexKey(m.Source), m.Data)
	case derp.KeepAliveMessage:
		return "alive"
	case derp.PeerGoneMessage:
		return fmt.Sprintf("gone key=%s reason=%d", hexKey(m.Peer), m.Reason)
	case derp.PeerPresentMessage:
		ip, port := "", 0
		if m.IPPort.IsValid() {
			raw := m.IPPort.Addr().As16()
			ip, port = hex(raw[:]), int(m.IPPort.Port())
		}
		return fmt.Sprintf("present key=%s ip=%s port=%d flags=%d app=%s",
			hexKey(m.Key), ip, port, m.Flags, appOf(m))
	case derp.PingMessage:
		return fmt.Sprintf("ping data=%x", m[:])
	case derp.PongMessage:
		return fmt.Sprintf("pong data=%x", m[:])
	case derp.HealthMessage:
		return fmt.Sprintf("health text=%x", m.Problem)
	case derp.ServerRestartingMessage:
		return fmt.Sprintf("restarting in=%d try=%d",
			m.ReconnectIn.Milliseconds(), m.TryFor.Milliseconds())
	}
	return "other"
}

// read shows one frame to a fresh client of the reference; "skipped" if the
// pong behind it is the first thing that the client reports.
func read(f []byte) string {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go io.Copy(io.Discard, far)
	c, err := derp.NewClient(private(1), near, buffered(near), quiet,
		derp.ServerPublicKey(private(2).Public()))
	check(err)
	mark := [8]byte{0xff, 'm', 'a', 'r', 'k'}
	go far.Write(append(bytes.Clone(f), frame(derp.FramePong, mark[:])...))
	m, err := c.Recv()
	if err != nil {
		return "fatal"
	}
	if p, ok := m.(derp.PongMessage); ok && p == derp.PongMessage(mark) {
		return "skipped"
	}
	return says(m)
}

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		}
	}
	return b
}

func fromServers() []string {
	k := private(3).Public().AppendTo(nil)
	addr4 := cat(make([]byte, 10), 0xff, 0xff, 127, 0, 0, 1, 0x04, 0xd2)
	addr6 := cat(0x20, 0x01, 0x0d, 0xb8, make([]byte, 11), 1, 0xff, 0xfe)
	name32 := strings.Repeat("n", 32)
	rows := []struct {
		name    string
		t       derp.FrameType
		payload []byte
	}{
		{"recv/short", derp.FrameRecvPacket, k[:31]},
		{"recv/empty", derp.FrameRecvPacket, k},
		{"recv/data", derp.FrameRecvPacket, cat(k, "hello")},
		{"alive/empty", derp.FrameKeepAlive, nil},
		{"alive/longer", derp.FrameKeepAlive, []byte("later")},
		{"gone/short", derp.FramePeerGone, k[:31]},
		{"gone/old", derp.FramePeerGone, k},
		{"gone/left", derp.FramePeerGone, cat(k, 0)},
		{"gone/not-here", derp.FramePeerGone, cat(k, 1)},
		{"gone/mesh-broke", derp.FramePeerGone, cat(k, 0xf0)},
		{"gone/longer", derp.FramePeerGone, cat(k, 1, "later")},
		{"present/short", derp.FramePeerPresent, k[:31]},
		{"present/32", derp.FramePeerPresent, k},
		{"present/33", derp.FramePeerPresent, cat(k, addr4[:1])},
		{"present/49", derp.FramePeerPresent, cat(k, addr4[:17])},
		{"present/50", derp.FramePeerPresent, cat(k, addr4)},
		{"present/50-v6", derp.FramePeerPresent, cat(k, addr6)},
		{"present/51", derp.FramePeerPresent, cat(k, addr4, 0x0f)},
		{"present/52", derp.FramePeerPresent, cat(k, addr4, 1, 0)},
		{"present/name", derp.FramePeerPresent, cat(k, addr6, 2, 3, "app")},
		{"present/name-32", derp.FramePeerPresent, cat(k, addr6, 4, 32, name32)},
		{"present/name-33", derp.FramePeerPresent, cat(k, addr6, 4, 33, name32, "n")},
		{"present/name-255", derp.FramePeerPresent, cat(k, addr6, 4, 255, strings.Repeat("n", 255))},
		{"present/name-control", derp.FramePeerPresent, cat(k, addr6, 4, 1, 0x1f)},
		{"present/name-del", derp.FramePeerPresent, cat(k, addr6, 4, 1, 0x7f)},
		{"present/name-cut", derp.FramePeerPresent, cat(k, addr6, 8, 4, "app")},
		{"present/name-all-cut", derp.FramePeerPresent, cat(k, addr6, 8, 1)},
		{"present/name-longer", derp.FramePeerPresent, cat(k, addr6, 8, 3, "app", "later")},
		{"ping/short", derp.FramePing, []byte("1234567")},
		{"ping/exact", derp.FramePing, []byte("12345678")},
		{"ping/longer", derp.FramePing, []byte("123456789")},
		{"pong/short", derp.FramePong, []byte("1234567")},
		{"pong/exact", derp.FramePong, []byte("12345678")},
		{"pong/longer", derp.FramePong, []byte("12345678 and more")},
		{"health/empty", derp.FrameHealth, nil},
		{"health/text", derp.FrameHealth, []byte("overloaded")},
		{"restarting/short", derp.FrameRestarting, []byte{0, 0, 0, 1, 0, 0, 0}},
		{"restarting/exact", derp.FrameRestarting, []byte{0, 0, 3, 0xe8, 0xff, 0xff, 0xff, 0xff}},
		{"restarting/longer", derp.FrameRestarting, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"unknown/0b", 0x0b, []byte("whatever")},
		{"unknown/ff", 0xff, nil},
	}
	var out []string
	for _, r := range rows {
		f := frame(r.t, r.payload)
		out = append(out, row(r.name, f, read(f)))
	}
	return out
}

func fromClient() []string {
	near, far := net.Pipe()
	t := &tap{Conn: far}
	go io.Copy(io.Discard, t)
	var out []string
	add := func(name, says string, err error) {
		check(err)
		time.Sleep(20 * time.Millisecond) // the copier has it all
		out = append(out, row(name, t.take(), says))
	}
	k1, k2 := private(3).Public(), private(4).Public()
	ping := [8]byte{0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff}
	c, err := derp.NewClient(private(1), near, buffered(near), quiet,
		derp.ServerPublicKey(private(2).Public()))
	check(err)
	time.Sleep(20 * time.Millisecond)
	t.take()
	add("client/send", fmt.Sprintf("send dst=%s data=%x", hexKey(k1), "packet"), c.Send(k1, []byte("packet")))
	add("client/send-empty", fmt.Sprintf("send dst=%s data=", hexKey(k1)), c.Send(k1, nil))
	add("client/forward", fmt.Sprintf("forward src=%s dst=%s data=%x", hexKey(k1), hexKey(k2), "packet"),
		forward(c, k1, k2, []byte("packet")))
	add("client/ping", fmt.Sprintf("ping data=%x", ping), c.SendPing(ping))
	add("client/pong", fmt.Sprintf("pong data=%x", ping), c.SendPong(ping))
	add("client/home", "preferred home=1", c.NotePreferred(true))
	add("client/not-home", "preferred home=0", c.NotePreferred(false))
	add("client/watch", "watch", c.WatchConnectionChanges())
	add("client/close", fmt.Sprintf("close key=%s", hexKey(k2)), c.ClosePeer(k2))
	return out
}

// dial logs a client in at s; the tap sees what the server wrote.
func dial(s *derpserver.Server, priv key.NodePrivate, addr string, opts ...derp.ClientOpt) (*derp.Client, *tap) {
	near, far := net.Pipe()
	go s.Accept(context.Background(), far, buffered(far), addr)
	t := &tap{Conn: near}
	c, err := derp.NewClient(priv, t, buffered(t), quiet, opts...)
	check(err)
	return c, t
}

// fromServer is a server of the reference at work: a mesh client watches
// another one come, send and go.
func fromServer() []string {
	const secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	s := derpserver.New(private(2), quiet)
	check(s.SetMeshKey(secret))
	mesh, err := key.ParseDERPMesh(secret)
	check(err)
	m, seen := dial(s, private(5), "127.0.0.1:5", derp.MeshKey(mesh))
	out := []string{row("server/key", seen.take(),
		"server-key key="+hexKey(private(2).Public()))}
	next := func(name string) {
		msg, err := m.Recv()
		check(err)
		if _, ok := msg.(derp.ServerInfoMessage); ok {
			seen.take()
			return
		}
		out = append(out, row(name, seen.take(), says(msg)))
	}
	next("")
	check(m.WatchConnectionChanges())
	next("server/present-self")
	a, aSeen := dial(s, private(6), "[2001:db8::1]:65535", appName())
	_, err = a.Recv()
	check(err)
	next("server/present")
	check(a.Send(private(5).Public(), []byte("from a")))
	next("server/packet")
	check(m.SendPing([8]byte{1, 2, 3, 4, 5, 6, 7, 8}))
	next("server/pong")
	disco := cat("TS\xf0\x9f\x92\xac", make([]byte, 56))
	check(m.Send(private(7).Public(), disco))
	next("server/gone-not-here")
	aSeen.Close()
	next("server/gone-left")
	return out
}

func appName() derp.ClientOpt { return derp.AppName("an app") }

func frames() []string {
	return append(append(fromServers(), fromClient()...), fromServer()...)
}

func boxes() []string {
	var out []string
	a, b := private(8), private(9)
	for _, n := range []int{0, 1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 71, 72, 73, 74, 127, 128, 200, 500} {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(i * 7)
		}
		out = append(out, fmt.Sprintf("\"box/%d\", %q, %q, %q, %q", n, a.UntypedHexString(),
			hexKey(b.Public()), hex(b.SealTo(a.Public(), text)), hex(text)))
	}
	return out
}

func logins() []string {
	const secret = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
	mesh, err := key.ParseDERPMesh(secret)
	check(err)
	rows := []struct {
		name      string
		mesh      bool
		ack, prob bool
		app       string
	}{
		{"login/plain", false, false, false, ""},
		{"login/ack", false, true, false, ""},
		{"login/prober", false, true, true, ""},
		{"login/mesh", true, true, false, ""},
		{"login/app", false, true, false, "an app"},
		{"login/escaped-app", false, true, false, `<a>&b"c\d/'`},
		{"login/all", true, true, true, strings.Repeat("z", 32)},
	}
	var out []string
	for _, r := range rows {
		near, far := net.Pipe()
		t := &tap{Conn: far}
		go io.Copy(io.Discard, t)
		opts := []derp.ClientOpt{derp.ServerPublicKey(private(2).Public()),
			derp.CanAckPings(r.ack), derp.IsProber(r.prob), derp.AppName(r.app)}
		text := ""
		if r.mesh {
			opts = append(opts, derp.MeshKey(mesh))
			text = strings.ToLower(secret)
		}
		_, err := derp.NewClient(private(1), near, buffered(near), quiet, opts...)
		check(err)
		time.Sleep(20 * time.Millisecond)
		out = append(out, fmt.Sprintf("%q, %q, %q, %q, %q, %t, %t", r.name,
			private(2).UntypedHexString(), hex(t.take()), text, hex([]byte(r.app)), r.ack, r.prob))
	}
	return out
}

func keys() []string {
	var out []string
	raws := [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{0x77}, 32)}
	for i := byte(0); i < 6; i++ {
		raw := make([]byte, 32)
		for n := range raw {
			raw[n] = byte(n)*37 + i*53 + 1
		}
		raws = append(raws, raw)
	}
	for _, raw := range raws {
		k := key.NodePrivateFromRaw32(mem.B(raw))
		text, err := k.MarshalText()
		check(err)
		p := k.Public()
		out = append(out, fmt.Sprintf("%q, %q, %q, %q, %q", k.UntypedHexString(), p.UntypedHexString(),
			p.String(), text, p.ShortString()))
	}
	return out
}
