package main

// The words of a script: numbers, keys, packets, and the files of keys.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"go4.org/mem"
	"tailscale.com/types/key"
)

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
