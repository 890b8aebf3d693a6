//go:build v1102

package main

import (
	"tailscale.com/derp"
	"tailscale.com/types/key"
)

func forward(c *derp.Client, src, dst key.NodePublic, data []byte) error {
	return c.ForwardPacket(src, dst, data)
}
