// Vectors for the codec's tests, written and read by the Go reference.
//
//	go run . VERSION > reference.VERSION.h
//
// See README for both versions.  Keys are fixed; nonces are not, so boxes
// change from run to run.
package main

import (
	"fmt"
	"os"
	"strings"

	"go4.org/mem"
	"tailscale.com/types/key"
)

// private is a fixed key: n in every byte.
func private(n byte) key.NodePrivate {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = n
	}
	return key.NodePrivateFromRaw32(mem.B(raw))
}

func hex(b []byte) string { return fmt.Sprintf("%x", b) }

func hexKey(k key.NodePublic) string { return hex(k.AppendTo(nil)) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "vectors:", err)
		os.Exit(1)
	}
}

// cText is a C string literal without its quotes' length limit in mind:
// three octal digits end an escape for certain.
func cText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~' || c == '?':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// table opens one C table; only the test that wants it sees it.
func table(kind, typ, version string, rows []string) {
	name := strings.NewReplacer(".", "_", "v", "").Replace(version)
	fmt.Printf("\n#ifdef WANT_%s\n", strings.ToUpper(kind))
	fmt.Printf("static const struct %s %s_%s[] = {\n", typ, kind, name)
	for _, row := range rows {
		fmt.Printf("\t{ %s },\n", row)
	}
	fmt.Printf("};\n#endif\n")
}

func main() {
	if len(os.Args) != 2 {
		check(fmt.Errorf("usage: go run . VERSION"))
	}
	v := os.Args[1]
	fmt.Printf("/* Made by main.go with tailscale.com %s. */\n", v)
	table("frames", "frame_vector", v, frames())
	table("boxes", "box_vector", v, boxes())
	table("logins", "login_vector", v, logins())
	table("texts", "json_vector", v, texts())
	table("strings", "string_vector", v, stringRows())
	table("keys", "key_vector", v, keys())
	table("requests", "request_vector", v, requests())
	table("responses", "response_vector", v, responses())
}
