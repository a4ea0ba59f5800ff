package kafka

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// TestSecretHidden: whatever prints a connection, or something that holds one, prints no secret.
func TestSecretHidden(t *testing.T) {
	c := Connection{Brokers: []string{"b:1"},
		SASL: SASL{Mechanism: Plain, User: "quittance", Secret: SecretText("correct horse")}}
	inside := struct{ hidden Connection }{c} // fmt cannot ask an unexported field how to print it
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("dial", "c", c, "s", c.SASL.Secret, "in", inside)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("dial", "c", c.SASL, "s", c.SASL.Secret)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+verb+verb+"\n", c, c.SASL.Secret, inside)
	}
	if strings.Contains(b.String(), "horse") || strings.Contains(b.String(), "636f7272656374") {
		t.Errorf("the secret is in:\n%s", b.String())
	}
	if !strings.Contains(b.String(), "****") {
		t.Errorf("nothing shows that there is one:\n%s", b.String())
	}
}

// TestConnectionRefused: what is missing is told before anything is dialled.
func TestConnectionRefused(t *testing.T) {
	for _, c := range []struct {
		c    Connection
		want string
	}{
		{Connection{}, "no broker"},
		{Connection{Brokers: []string{""}}, "empty"},
		{Connection{Brokers: []string{"b:1"}, SASL: SASL{Mechanism: Plain}}, "needs a user"},
		{Connection{Brokers: []string{"b:1"}, SASL: SASL{Mechanism: SCRAM512, User: "u"}}, "no secret"},
		{Connection{Brokers: []string{"b:1"},
			SASL: SASL{Mechanism: OAuthBearer, Secret: SecretFile("there/is/none")}}, "there/is/none"},
		{Connection{Brokers: []string{"b:1"}, SASL: SASL{Mechanism: "GSSAPI"}}, "not one of"},
	} {
		_, err := OpenAdmin(aMinute(t), c.c)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want one that says %q", err, c.want)
		}
	}
}

// TestSASL signs in by a password that is right and one that is wrong, on a model of a cluster that
// ends the connection where brokers say why. The error must come soon, and without the password.
func TestSASL(t *testing.T) {
	for _, mechanism := range []Mechanism{Plain, SCRAM512} {
		_, cluster := fakeSecured(t, kfake.EnableSASL(),
			kfake.Superuser(string(mechanism), "quittance", "correct horse"))
		c := Connection{Brokers: cluster.ListenAddrs(),
			SASL: SASL{Mechanism: mechanism, User: "quittance", Secret: SecretText("correct horse")}}
		admin(t, c)
		c.SASL.Secret = SecretText("battery staple")
		_, err := OpenAdmin(aMinute(t), c)
		if err == nil || !strings.Contains(err.Error(), "--kafka-sasl") ||
			strings.Contains(err.Error(), "battery") {
			t.Errorf("%s: got %v", mechanism, err)
		}
		c.SASL = SASL{}
		if _, err := OpenAdmin(aMinute(t), c); err == nil ||
			!strings.Contains(err.Error(), "--kafka-sasl") {
			t.Errorf("%s: nobody: got %v", mechanism, err)
		}
	}
}

// TestSecretRenewed: a password that was changed in its file is used from the next connection on.
func TestSecretRenewed(t *testing.T) {
	_, cluster := fakeSecured(t, kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "quittance", "new"))
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "old\n")
	c := Connection{Brokers: cluster.ListenAddrs(),
		SASL: SASL{Mechanism: Plain, User: "quittance", Secret: SecretFile(file)}}
	if _, err := OpenAdmin(aMinute(t), c); err == nil {
		t.Fatal("the old password is taken")
	}
	write(t, file, "new\n")
	admin(t, c)
}

// TestTLS reaches brokers whose certificate is trusted, and says of others what to do.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	_, cluster := fakeSecured(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAnyClientCert}))
	reach := func(f TLSFiles, dial bool) error {
		config, err := f.Config()
		if err != nil {
			t.Fatal(err)
		}
		c := Connection{Brokers: cluster.ListenAddrs(), TLS: config}
		if dial {
			c.Dial = (&net.Dialer{}).DialContext
		}
		a, err := OpenAdmin(aMinute(t), c)
		if err == nil {
			a.Close()
		}
		return err
	}
	own := TLSFiles{CA: filepath.Join(dir, "cert.pem"), Certificate: filepath.Join(dir, "cert.pem"),
		Key: filepath.Join(dir, "key.pem")}
	for _, dial := range []bool{false, true} {
		if err := reach(own, dial); err != nil {
			t.Errorf("with a dialler %v: %v", dial, err)
		}
		if err := reach(TLSFiles{}, dial); err == nil || !strings.Contains(err.Error(), "--kafka-ca") {
			t.Errorf("an unknown authority: got %v", err)
		}
		other := own
		other.ServerName = "kafka.example"
		if err := reach(other, dial); err == nil || !strings.Contains(err.Error(), "kafka.example") {
			t.Errorf("another name: got %v", err)
		}
	}
	err = reach(TLSFiles{CA: own.CA}, false)
	if err == nil || !strings.Contains(err.Error(), "--kafka-cert") {
		t.Errorf("no certificate of its own: got %v", err)
	}
	_, err = OpenAdmin(aMinute(t), Connection{Brokers: cluster.ListenAddrs()})
	if err == nil || !strings.Contains(err.Error(), "--kafka-tls") {
		t.Errorf("in clear: got %v", err)
	}
}

// TestTLSInClear: brokers that do not speak TLS end the connection, as they do when what they read
// makes no sense; the error must say what that can mean.
func TestTLSInClear(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // and ends the loop below
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4)) // the size of a request, so a broker thinks
			_ = conn.Close()
		}
	}()
	config, err := TLSFiles{}.Config()
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenAdmin(aMinute(t), Connection{Brokers: []string{l.Addr().String()}, TLS: config})
	if err == nil || !strings.Contains(err.Error(), "no TLS there") {
		t.Errorf("got %v", err)
	}
}

// TestTLSFiles: a file that is missing or holds something else is told by its name.
func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for _, c := range []struct {
		files TLSFiles
		want  string
	}{
		{TLSFiles{CA: filepath.Join(dir, "none.pem")}, "none.pem"},
		{TLSFiles{CA: key}, "no certificate"},
		{TLSFiles{Certificate: cert}, "come together"},
		{TLSFiles{Certificate: cert, Key: cert}, "cert.pem"},
	} {
		if _, err := c.files.Config(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c.files, err)
		}
	}
}

// TestReachNobody: where nothing listens the error comes soon, and says where that was.
func TestReachNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = OpenAdmin(aMinute(t), Connection{Brokers: []string{address}})
	if err == nil || !strings.Contains(err.Error(), address) || time.Since(began) > 20*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

// fakeSecured starts a model of a cluster that wants to know who asks.
func fakeSecured(t *testing.T, o ...kfake.Opt) (context.Context, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(append(o, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return aMinute(t), c
}

// certificate writes cert.pem and key.pem: a certificate of its own authority, for loopback.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		write(t, filepath.Join(dir, name), string(pem.EncodeToMemory(block)))
	}
}

// write writes a file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
