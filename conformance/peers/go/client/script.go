package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go4.org/mem"
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
	case "close":
		return c.link.Close()
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

// send does the verbs that put one frame on the wire, and prints the frame.
func (s *session) send(c *client, verb string, args []string) error {
	f := fields{"client": c.name, "sent": verb}
	var err error
	switch verb {
	case "send", "forward":
		err = s.sendPacket(c, f, verb == "forward", args)
	case "ping", "pong":
		err = s.sendPing(c, f, verb == "pong", args)
	case "note-preferred":
		var v int
		if v, err = number(args, 0); err == nil {
			f["preferred"] = v
			err = c.link.Prefer(v != 0)
		}
	case "watch":
		err = c.link.Watch()
	case "close-peer":
		var k key.NodePublic
		if k, err = s.keyArg(args, 0); err == nil {
			f["peer"] = k.String()
			err = c.link.ClosePeer(k)
		}
	case "raw":
		var b []byte
		if b, err = dataArg(args, 0); err == nil {
			packetFields(f, b)
			err = c.link.Raw(b)
		}
	default:
		return usageError{fmt.Errorf("no such command")}
	}
	if err == nil {
		printJSON(f)
	}
	return err
}

func (s *session) sendPacket(c *client, f fields, forward bool, args []string) error {
	var src key.NodePublic
	var err error
	if forward {
		if src, err = s.keyArg(args, 0); err != nil {
			return err
		}
		f["src"] = src.String()
		args = args[1:]
	}
	dst, err := s.keyArg(args, 0)
	if err != nil {
		return err
	}
	pkt, err := dataArg(args, 1)
	if err != nil {
		return err
	}
	f["dst"] = dst.String()
	packetFields(f, pkt)
	if forward {
		return c.link.Forward(src, dst, pkt)
	}
	return c.link.Send(dst, pkt)
}

func (s *session) sendPing(c *client, f fields, pong bool, args []string) error {
	var body [8]byte
	if len(args) > 0 {
		b, err := hex.DecodeString(args[0])
		if err != nil || len(b) != 8 {
			return usageError{errors.New("a ping is 16 hex digits")}
		}
		copy(body[:], b)
	} else {
		s.pings++
		binary.BigEndian.PutUint64(body[:], s.pings)
	}
	f["data"] = hex.EncodeToString(body[:])
	if pong {
		return c.link.SendPong(body)
	}
	return c.link.SendPing(body)
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
	for _, c := range s.clients {
		c.link.Close()
	}
}

func number(args []string, i int) (int, error) {
	if i >= len(args) {
		return 0, usageError{errors.New("a number is missing")}
	}
	n, err := strconv.Atoi(args[i])
	if err != nil || n < 0 {
		return 0, usageError{fmt.Errorf("%q is not a number", args[i])}
	}
	return n, nil
}

func (s *session) keyArg(args []string, i int) (key.NodePublic, error) {
	if i >= len(args) {
		return key.NodePublic{}, usageError{errors.New("a key is missing")}
	}
	return s.key(args[i])
}

func (s *session) key(word string) (k key.NodePublic, err error) {
	if c := s.clients[word]; c != nil {
		return c.private.Public(), nil
	}
	if word == "stranger" {
		return s.stranger, nil
	}
	if err := k.UnmarshalText([]byte(word)); err != nil {
		return k, usageError{fmt.Errorf("%q is no client and no key", word)}
	}
	return k, nil
}

func dataArg(args []string, i int) ([]byte, error) {
	if i >= len(args) {
		return nil, usageError{errors.New("data is missing")}
	}
	return data(args[i])
}

// The first bytes of every disco message.
const discoMagic = "TS\xf0\x9f\x92\xac"

func data(word string) ([]byte, error) {
	kind, rest, _ := strings.Cut(word, ":")
	switch kind {
	case "text":
		return []byte(rest), nil
	case "hex":
		b, err := hex.DecodeString(rest)
		if err != nil {
			err = usageError{err}
		}
		return b, err
	case "size", "disco":
		n, err := number([]string{rest}, 0)
		if err != nil || n > 1<<20 {
			return nil, usageError{fmt.Errorf("%q is no size", rest)}
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*7 + n)
		}
		if kind == "disco" {
			copy(b, discoMagic)
		}
		return b, nil
	}
	return nil, usageError{fmt.Errorf("%q is no data", word)}
}

// A client's key: from -key-file for `me`, from -seed, or new.  A client that
// logs in again keeps its key.
func (s *session) newKey(name string) (key.NodePrivate, error) {
	if c := s.clients[name]; c != nil {
		return c.private, nil
	}
	if name == "me" && *keyFile != "" {
		return loadKey(*keyFile)
	}
	if *seed == "" {
		return key.NewNode(), nil
	}
	raw := sha256.Sum256([]byte(*seed + "/" + name))
	raw[0] &= 248
	raw[31] = raw[31]&127 | 64
	return key.NodePrivateFromRaw32(mem.B(raw[:])), nil
}

func loadKey(path string) (private key.NodePrivate, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return private, err
	}
	word := strings.TrimSpace(string(text))
	if strings.HasPrefix(word, "{") {
		var config struct{ PrivateKey key.NodePrivate }
		err = json.Unmarshal(text, &config)
		return config.PrivateKey, err
	}
	word = "privkey:" + strings.TrimPrefix(word, "privkey:")
	if err = private.UnmarshalText([]byte(word)); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return private, err
}

func loadMesh() (key.DERPMesh, error) {
	if *meshFile == "" {
		return key.DERPMesh{}, errors.New("`mesh` needs -mesh-key-file")
	}
	text, err := os.ReadFile(*meshFile)
	if err != nil {
		return key.DERPMesh{}, err
	}
	return key.ParseDERPMesh(strings.TrimSpace(string(text)))
}
