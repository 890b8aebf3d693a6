//go:build !derp_1_104

package main

import "tailscale.com/derp"

// Until v1.104 a forwarded packet was a plain slice, and PeerPresent had no
// name of the application.
func lend(pkt []byte) []byte { return pkt }

func appName(derp.PeerPresentMessage) string { return "" }
