package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A Connection says how to reach a cluster. It holds no secret in clear: printing it shows none.
type Connection struct {
	// Brokers are some of the cluster's brokers, as host:port; the others are found from them.
	Brokers []string
	// TLS is how connections are secured; nil leaves them in clear.
	TLS *tls.Config
	// SASL is who this process says it is; the zero value signs in as nobody.
	SASL SASL
	// ClientID names the program in the brokers' logs and quotas; "" is "quittance".
	ClientID string
	// Dial opens connections; nil is the net package's way. TLS is put over what it returns.
	Dial func(ctx context.Context, network, host string) (net.Conn, error)
}

// options returns the options that every client of the cluster begins with.
func (c Connection) options() []kgo.Opt {
	id := c.ClientID
	if id == "" {
		id = "quittance"
	}
	o := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(id),
		kgo.DisableClientMetrics(), // what brokers may ask clients to measure for them
	}
	switch {
	case c.Dial != nil && c.TLS != nil:
		o = append(o, kgo.Dialer(c.dialTLS))
	case c.Dial != nil:
		o = append(o, kgo.Dialer(c.Dial))
	case c.TLS != nil:
		o = append(o, kgo.DialTLSConfig(c.TLS))
	}
	if c.SASL.Mechanism != "" {
		o = append(o, kgo.SASL(c.SASL.mechanism()))
	}
	return o
}

// check reports what is missing or does not go together.
func (c Connection) check() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka: no broker is named")
	}
	for _, b := range c.Brokers {
		if b == "" {
			return errors.New("kafka: the name of a broker is empty")
		}
	}
	return c.SASL.check()
}

// dialTLS puts TLS over a connection that Dial opened.
func (c Connection) dialTLS(ctx context.Context, network, host string) (net.Conn, error) {
	conn, err := c.Dial(ctx, network, host)
	if err != nil {
		return nil, err
	}
	config := c.TLS.Clone()
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(host); err != nil {
			return nil, errors.Join(fmt.Errorf("kafka: broker %s: %w", host, err), conn.Close())
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}

// TLSFiles name the files that TLS to a cluster needs, all of them in PEM.
type TLSFiles struct {
	// CA holds the certificates that a broker's may come from; "" is the system's.
	CA string
	// Certificate and Key are this process's own, where brokers want to see one; both or none.
	// They are read anew for each connection, so that they may be renewed in place.
	Certificate, Key string
	// ServerName is what a broker's certificate must name; "" is the host that is dialled.
	ServerName string
}

// Config reads the files and returns what Connection.TLS wants. TLS 1.2 is the oldest it speaks.
func (f TLSFiles) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("kafka: the certificates of brokers: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka: %s holds no certificate in PEM", f.CA)
		}
	}
	if f.Certificate == "" && f.Key == "" {
		return config, nil
	}
	if f.Certificate == "" || f.Key == "" {
		return nil, errors.New("kafka: a client's certificate and its key come together")
	}
	own := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("kafka: the client's certificate %s: %w", f.Certificate, err)
		}
		return &pair, nil
	}
	if _, err := own(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return own()
	}
	return config, nil
}
