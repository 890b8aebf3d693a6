//go:build derp_1_104

package main

import "tailscale.com/derp"

func lend(pkt []byte) derp.LoanedBytes { return derp.LoanBytes(pkt) }

func appName(m derp.PeerPresentMessage) string { return m.AppName }
