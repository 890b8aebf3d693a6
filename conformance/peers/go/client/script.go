package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tailscale.com/types/key"
)

type usageError struct{ error }
type loginError struct{ error }

type session struct {
	url      string
	clients  map[string]*client
	stranger key.NodePublic
	server   key.NodePublic // of the latest login
	pings    uint64
}

func newSession(url string) *session {
	s := &session{url: url, clients: map[string]*client{}}
	private, _ := s.newKey("stranger")
	s.stranger = private.Public()
	return s
}

var prefixed = regexp.MustCompile(`^([a-z0-9]+):\s+(.*)$`)

func (s *session) run(line string) error {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	name := "me"
	if m := prefixed.FindStringSubmatch(line); m != nil {
		name, line = m[1], m[2]
	}
	words := strings.Fields(line)
	verb, args := words[0], words[1:]
	switch verb {
	case "sleep":
		ms, err := number(args, 0)
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return err
	case "mark":
		printJSON(fields{"event": "mark", "text": strings.Join(args, " ")})
		return nil
	case "login":
		return s.login(name, args)
	}
	c := s.clients[name]
	if c == nil {
		return usageError{fmt.Errorf("%s has not logged in", name)}
	}
	switch verb {
	case "expect":
		return s.expect(c, args)
	case "none":
		return s.none(c, args)
	}
	return s.send(c, verb, args)
}

func (s *session) login(name string, args []string) error {
	var o loginOptions
	for _, word := range args {
		switch word {
		case "direct":
			o.direct = true
		case "fast-start":
			o.direct, o.fastStart = true, true
		case "mesh":
			o.mesh = true
		case "watch":
			o.watch = true
		case "prober":
			o.prober = true
		case "no-ack-pings":
			o.noAck = true
		case "preferred":
			o.preferred = true
		case "nowait":
			o.nowait = true
		case "server-key=known":
			o.serverKey = s.server
		default:
			var err error
			if v, ok := strings.CutPrefix(word, "app="); ok {
				o.app = v
			} else if v, ok := strings.CutPrefix(word, "as="); ok && s.clients[v] != nil {
				o.as = v
			} else if v, ok := strings.CutPrefix(word, "server-key="); ok {
				o.serverKey, err = s.key(v)
			} else {
				err = fmt.Errorf("login does not know %q", word)
			}
			if err != nil {
				return usageError{err}
			}
		}
	}
	return s.connect(name, o)
}

func (s *session) connect(name string, o loginOptions) error {
	owner := name
	if o.as != "" {
		owner = o.as
	}
	private, err := s.newKey(owner)
	if err != nil {
		return usageError{err}
	}
	var mesh key.DERPMesh
	if o.mesh {
		if mesh, err = loadMesh(); err != nil {
			return usageError{err}
		}
	}
	c := &client{name: name, private: private, more: make(chan struct{}, 1)}
	printJSON(fields{"client": name, "event": "self", "key": private.Public().String()})
	dial := dialHTTP
	if o.direct {
		dial = dialDirect
	}
	if c.link, err = dial(s.url, private, mesh, o); err != nil {
		return loginError{err}
	}
	s.clients[name] = c
	s.server = c.link.ServerPublicKey()
	local, _ := c.link.LocalAddr()
	printJSON(fields{"client": name, "event": "login", "server": s.server.String(),
		"local": local.String()})
	if o.preferred {
		printJSON(fields{"client": name, "sent": "note-preferred", "preferred": 1})
	}
	if o.watch {
		printJSON(fields{"client": name, "sent": "watch"})
	}
	go c.receive()
	if o.nowait {
		return nil
	}
	err = c.await(func(f fields) bool { return f["type"] == "ServerInfo" }, 10*time.Second)
	if err != nil {
		return loginError{errors.New("no ServerInfo came")}
	}
	return nil
}

// send does the verbs that put one frame on the wire.  The frame is printed
// first, so that it stands before what it provokes.
func (s *session) send(c *client, verb string, args []string) error {
	f := fields{"client": c.name, "sent": verb}
	do, err := s.prepare(c, f, verb, args)
	if err != nil {
		return err
	}
	printJSON(f)
	return do()
}

func (s *session) prepare(c *client, f fields, verb string, args []string) (do func() error, err error) {
	switch verb {
	case "send", "forward":
		return s.preparePacket(c, f, verb == "forward", args)
	case "ping", "pong":
		return s.preparePing(c, f, verb == "pong", args)
	case "note-preferred":
		v, err := number(args, 0)
		f["preferred"] = v
		return func() error { return c.link.Prefer(v != 0) }, err
	case "watch":
		return c.link.Watch, nil
	case "close-peer":
		k, err := s.keyArg(args, 0)
		f["peer"] = k.String()
		return func() error { return c.link.ClosePeer(k) }, err
	case "raw":
		b, err := dataArg(args, 0)
		packetFields(f, b)
		return func() error { return c.link.Raw(b) }, err
	case "close":
		return c.link.Close, nil
	}
	return nil, usageError{fmt.Errorf("no such command")}
}

func (s *session) preparePacket(c *client, f fields, forward bool, args []string) (do func() error, err error) {
	var src key.NodePublic
	if forward {
		if src, err = s.keyArg(args, 0); err != nil {
			return nil, err
		}
		f["src"] = src.String()
		args = args[1:]
	}
	dst, err := s.keyArg(args, 0)
	if err != nil {
		return nil, err
	}
	pkt, err := dataArg(args, 1)
	if err != nil {
		return nil, err
	}
	f["dst"] = dst.String()
	packetFields(f, pkt)
	if forward {
		return func() error { return c.link.Forward(src, dst, pkt) }, nil
	}
	return func() error { return c.link.Send(dst, pkt) }, nil
}

func (s *session) preparePing(c *client, f fields, pong bool, args []string) (do func() error, err error) {
	var body [8]byte
	if len(args) > 0 {
		b, err := hex.DecodeString(args[0])
		if err != nil || len(b) != 8 {
			return nil, usageError{errors.New("a ping is 16 hex digits")}
		}
		copy(body[:], b)
	} else {
		s.pings++
		binary.BigEndian.PutUint64(body[:], s.pings)
	}
	f["data"] = hex.EncodeToString(body[:])
	if pong {
		return func() error { return c.link.SendPong(body) }, nil
	}
	return func() error { return c.link.SendPing(body) }, nil
}

// expect waits for a message of a type whose fields have the given values.
// It may pass over messages of the same type that differ: print shows them.
func (s *session) expect(c *client, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("expect what?")}
	}
	want := fields{"type": args[0]}
	for _, word := range args[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return usageError{fmt.Errorf("%q is not FIELD=VALUE", word)}
		}
		switch name {
		case "src", "peer":
			k, err := s.key(value)
			if err != nil {
				return err
			}
			want[name] = k.String()
		case "packet":
			pkt, err := data(value)
			if err != nil {
				return err
			}
			packetFields(want, pkt)
		default:
			want[name] = value
		}
	}
	return c.await(func(f fields) bool { return f.has(want) },
		time.Duration(*patience*float64(time.Second)))
}

func (f fields) has(want fields) bool {
	for name, value := range want {
		if fmt.Sprint(f[name]) != fmt.Sprint(value) {
			return false
		}
	}
	return true
}

// none fails when a message of the type is there or comes within a time.
func (s *session) none(c *client, args []string) error {
	ms, err := number(args, 1)
	if err != nil {
		return err
	}
	err = c.await(func(f fields) bool { return f["type"] == args[0] },
		time.Duration(ms)*time.Millisecond)
	if err == nil {
		return fmt.Errorf("a %s came", args[0])
	}
	return nil
}

func (s *session) closeAll() {
	for _, name := range slices.Sorted(maps.Keys(s.clients)) {
		s.clients[name].link.Close()
	}
}
