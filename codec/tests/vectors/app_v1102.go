//go:build v1102

package main

import "tailscale.com/derp"

func appOf(derp.PeerPresentMessage) string { return "" }
