package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"tailscale.com/derp/derpserver"
	"tailscale.com/types/key"
)

// derper's key file, so that the same file serves both.
type keyConfig struct {
	PrivateKey key.NodePrivate
}

// loadKey reads derper's JSON, `privkey:<hex>` or bare hex.  A missing file is
// made, in derper's form; without a file the key lives as long as we do.
func loadKey(path string) (key.NodePrivate, error) {
	if path == "" {
		return key.NewNode(), nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		private := key.NewNode()
		out, _ := json.MarshalIndent(keyConfig{private}, "", "\t")
		log.Printf("%s: no such file, made a new key", path)
		return private, os.WriteFile(path, append(out, '\n'), 0600)
	}
	if err != nil {
		return key.NodePrivate{}, err
	}

	var config keyConfig
	if s := strings.TrimSpace(string(text)); strings.HasPrefix(s, "{") {
		err = json.Unmarshal(text, &config)
	} else {
		s = "privkey:" + strings.TrimPrefix(s, "privkey:")
		err = config.PrivateKey.UnmarshalText([]byte(s))
	}
	if err == nil && config.PrivateKey.IsZero() {
		err = errors.New("holds no PrivateKey")
	}
	if err != nil {
		return key.NodePrivate{}, fmt.Errorf("%s: %w", path, err)
	}
	return config.PrivateKey, nil
}

// loadTLS returns nil when no TLS was asked for.
func loadTLS(server *derpserver.Server) (*tls.Config, error) {
	var pair tls.Certificate
	var err error
	switch {
	case *selfSigned != "":
		pair, err = selfSign(*selfSigned)
	case *tlsCert != "" && *tlsKey != "":
		pair, err = tls.LoadX509KeyPair(*tlsCert, *tlsKey)
	case *tlsCert != "" || *tlsKey != "":
		err = errors.New("-tls-cert and -tls-key go together")
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &pair, nil
		},
	}
	server.ModifyTLSConfigToAddMetaCert(config)
	return config, nil
}

func selfSign(host string) (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: host},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(30 * 24 * time.Hour),
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template,
		&private.PublicKey, private)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, err
}
