//go:build !v1102

package main

import (
	"fmt"

	"tailscale.com/derp"
)

func appOf(m derp.PeerPresentMessage) string { return fmt.Sprintf("%x", m.AppName) }
