package kafkatest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// AdminUser is the name of the user that every broker with SASL knows, by PLAIN, and that an
// authorizer refuses nothing.
const AdminUser = "admin"

// A guard is what stands between a cluster and its clients.
type guard struct {
	password  string // of AdminUser
	authority *authority
}

func newGuard(o Options) (g guard, err error) {
	g.password = rand.Text()
	if o.TLS {
		g.authority, err = newAuthority()
	}
	return g, err
}

// protocol is what clients speak, by Kafka's names.
func (c *Cluster) protocol() string {
	switch {
	case c.options.SASL && c.options.TLS:
		return "SASL_SSL"
	case c.options.SASL:
		return "SASL_PLAINTEXT"
	case c.options.TLS:
		return "SSL"
	}
	return "PLAINTEXT"
}

// secure adds to b's settings what guards its client port.
func (c *Cluster) secure(b *broker, lines map[string]string) error {
	if c.options.Authorizer {
		lines["authorizer.class.name"] =
			"org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		// Brokers are nobody on the ports between them, which no client is told of.
		lines["super.users"] = "User:" + AdminUser + ";User:ANONYMOUS"
	}
	if c.options.TLS {
		keys := filepath.Join(b.dir, "keys.pem")
		lines["listener.name.client.ssl.keystore.type"] = "PEM"
		lines["listener.name.client.ssl.keystore.location"] = keys
		if err := c.guard.authority.write(keys); err != nil {
			return err
		}
	}
	if !c.options.SASL {
		return nil
	}
	users := maps.Clone(c.options.Users)
	if users == nil {
		users = map[string]string{}
	}
	users[AdminUser] = c.guard.password
	var known strings.Builder
	for _, name := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&known, " user_%s=%q", name, users[name])
	}
	const modules = "org.apache.kafka.common.security."
	for mechanism, module := range map[string]string{
		"plain":         "plain.PlainLoginModule required" + known.String(),
		"scram-sha-256": "scram.ScramLoginModule required",
		"scram-sha-512": "scram.ScramLoginModule required",
		"oauthbearer": `oauthbearer.OAuthBearerLoginModule required` +
			` unsecuredLoginStringClaim_sub="broker"`,
	} {
		lines["listener.name.client."+mechanism+".sasl.jaas.config"] = modules + module + ";"
	}
	lines["listener.name.client.sasl.enabled.mechanisms"] =
		"PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
	const unsecured = modules + "oauthbearer.internals.unsecured.OAuthBearerUnsecured"
	lines["listener.name.client.oauthbearer.sasl.server.callback.handler.class"] =
		unsecured + "ValidatorCallbackHandler"
	lines["listener.name.client.oauthbearer.sasl.login.callback.handler.class"] =
		unsecured + "LoginCallbackHandler"
	return nil
}

// AdminPassword returns the password of AdminUser, another one for each cluster.
func (c *Cluster) AdminPassword() string { return c.guard.password }

// ClientTLS returns what a client needs to trust the brokers of a cluster with Options.TLS, and
// nil without.
func (c *Cluster) ClientTLS() *tls.Config {
	if c.guard.authority == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(c.guard.authority.certificate)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// AuthorityPEM returns the certificate that ClientTLS trusts, as files hold it.
func (c *Cluster) AuthorityPEM() []byte {
	if c.guard.authority == nil {
		return nil
	}
	der := c.guard.authority.certificate.Raw
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// AddUser makes a user whom SCRAM-SHA-256 and SCRAM-SHA-512 know by this password, or gives one
// another password. It returns when every broker knows.
func (c *Cluster) AddUser(name, password string) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	admin := kadm.NewClient(c.Client())
	user := scram.Auth{User: name, Pass: password}
	for by, mechanism := range map[kadm.ScramMechanism]sasl.Mechanism{
		kadm.ScramSha256: user.AsSha256Mechanism(), kadm.ScramSha512: user.AsSha512Mechanism(),
	} { // one by one: Kafka refuses a request that names a user twice
		altered, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{
			User: name, Password: password, Mechanism: by, Iterations: 4096,
		}})
		if err == nil {
			err = altered.Error()
		}
		if err == nil {
			err = c.await(ctx, kgo.SASL(mechanism))
		}
		if err != nil {
			c.tb.Fatalf("adding user %s: %v", name, err)
		}
	}
}

// Token returns a token of OAUTHBEARER that says its bearer is this user, for an hour. Nobody
// signed it; the test's brokers believe it.
func (c *Cluster) Token(user string) string {
	c.tb.Helper()
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"sub": user, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	text := base64.RawURLEncoding
	return text.EncodeToString([]byte(`{"alg":"none"}`)) + "." + text.EncodeToString(claims) + "."
}

// dial returns how a client reaches brokers, as the user that may do everything.
func (c *Cluster) dial(addresses ...string) []kgo.Opt {
	o := []kgo.Opt{kgo.SeedBrokers(addresses...), kgo.DialTimeout(5 * time.Second)}
	if t := c.ClientTLS(); t != nil {
		o = append(o, kgo.DialTLSConfig(t))
	}
	if c.options.SASL {
		admin := plain.Auth{User: AdminUser, Pass: c.guard.password}
		o = append(o, kgo.SASL(admin.AsMechanism()))
	}
	return o
}

// Client returns a client of the cluster, as the user that may do everything. It is closed with
// the test.
func (c *Cluster) Client(more ...kgo.Opt) *kgo.Client {
	c.tb.Helper()
	client, err := kgo.NewClient(append(c.dial(c.Addrs()...), more...)...)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(client.Close)
	return client
}
