package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"tailscale.com/derp"
	"tailscale.com/types/key"
)

// A client is a name, a key, and what it has received so far.
type client struct {
	name    string
	private key.NodePrivate
	link    link

	mu   sync.Mutex
	got  []fields // received, in order, not yet expected by the script
	more chan struct{}
}

// One message as it is printed: field name to text or number.
type fields map[string]any

var printing sync.Mutex

func printJSON(f fields) {
	printing.Lock()
	defer printing.Unlock()
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.Encode(f)
}

func (c *client) receive() {
	for {
		m, err := c.link.Recv()
		f := describe(m)
		if err != nil {
			f = fields{"type": "closed", "error": err.Error()}
		}
		f["client"] = c.name
		printJSON(f)
		c.mu.Lock()
		c.got = append(c.got, f)
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func packetFields(f fields, pkt []byte) fields {
	sum := sha256.Sum256(pkt)
	f["len"] = len(pkt)
	f["sha256"] = hex.EncodeToString(sum[:])
	if len(pkt) <= 64 {
		f["hex"] = hex.EncodeToString(pkt)
	}
	return f
}

func describe(m derp.ReceivedMessage) fields {
	switch m := m.(type) {
	case derp.ServerInfoMessage:
		return fields{"type": "ServerInfo", "rate": m.TokenBucketBytesPerSecond,
			"burst": m.TokenBucketBytesBurst}
	case derp.ReceivedPacket:
		return packetFields(fields{"type": "RecvPacket", "src": m.Source.String()}, m.Data)
	case derp.PeerGoneMessage:
		return fields{"type": "PeerGone", "peer": m.Peer.String(), "reason": reason(m.Reason)}
	case derp.PeerPresentMessage:
		return fields{"type": "PeerPresent", "peer": m.Key.String(), "addr": m.IPPort.String(),
			"flags": int(m.Flags), "app": appName(m)}
	case derp.PingMessage:
		return fields{"type": "Ping", "data": hex.EncodeToString(m[:])}
	case derp.PongMessage:
		return fields{"type": "Pong", "data": hex.EncodeToString(m[:])}
	case derp.KeepAliveMessage:
		return fields{"type": "KeepAlive"}
	case derp.HealthMessage:
		return fields{"type": "Health", "problem": m.Problem}
	case derp.ServerRestartingMessage:
		return fields{"type": "Restarting", "reconnect_ms": m.ReconnectIn.Milliseconds(),
			"try_ms": m.TryFor.Milliseconds()}
	}
	return fields{"type": fmt.Sprintf("%T", m)}
}

func reason(r derp.PeerGoneReasonType) string {
	switch r {
	case derp.PeerGoneReasonDisconnected:
		return "disconnected"
	case derp.PeerGoneReasonNotHere:
		return "not-here"
	}
	return strconv.Itoa(int(r))
}

// take removes and returns the first message that fits, and nil if none does.
func (c *client) take(fits func(fields) bool) fields {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.got {
		if fits(f) {
			c.got = append(c.got[:i], c.got[i+1:]...)
			return f
		}
	}
	return nil
}

func (c *client) await(fits func(fields) bool, patience time.Duration) error {
	timeout := time.After(patience)
	for {
		if c.take(fits) != nil {
			return nil
		}
		select {
		case <-c.more:
		case <-timeout:
			return errors.New("did not come")
		}
	}
}
