package kafkatest

import (
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// write tries to write to a topic as somebody.
func write(t *testing.T, c *Cluster, by sasl.Mechanism, topic string) error {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.DialTLSConfig(c.ClientTLS()),
		kgo.SASL(by), kgo.DisableIdempotentWrite(), kgo.RecordRetries(3),
		kgo.MetadataMinAge(50*time.Millisecond)) // between tries; the default is 5 s
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record := &kgo.Record{Topic: topic, Value: []byte("v")}
	return client.ProduceSync(limit(t), record).FirstErr()
}

// TestSecured wants each way of proving who one is to work, and what nobody may do to be refused:
// a suite that passes because a broker lets everybody in would prove nothing.
func TestSecured(t *testing.T) {
	c := Start(t, Options{SASL: true, TLS: true, Authorizer: true, Steady: true,
		Users: map[string]string{"petra": `p"l\ain`}})
	topic(t, c.Client(), "t")
	c.AddUser("sam", "scram")
	allow(t, c, "petra", "sam", "olga")
	token := func(user string) sasl.Mechanism {
		return oauth.Auth{Token: c.Token(user)}.AsMechanism()
	}
	known := func(password string) plain.Auth { return plain.Auth{User: "petra", Pass: password} }
	added := func(password string) scram.Auth { return scram.Auth{User: "sam", Pass: password} }
	for name, as := range map[string]struct {
		by   sasl.Mechanism
		want error
	}{
		"PLAIN":           {known(`p"l\ain`).AsMechanism(), nil},
		"PLAIN, wrong":    {known("x").AsMechanism(), kerr.SaslAuthenticationFailed},
		"SCRAM-256":       {added("scram").AsSha256Mechanism(), nil},
		"SCRAM-512":       {added("scram").AsSha512Mechanism(), nil},
		"SCRAM, wrong":    {added("x").AsSha512Mechanism(), kerr.SaslAuthenticationFailed},
		"OAUTHBEARER":     {token("olga"), nil},
		"not allowed to":  {token("mallory"), kerr.TopicAuthorizationFailed},
		"the admin by it": {token(AdminUser), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := write(t, c, as.by, "t"); !errors.Is(err, as.want) {
				t.Errorf("got %v, want %v", err, as.want)
			}
		})
	}
	var unknown *tls.CertificateVerificationError
	conn, err := tls.Dial("tcp", c.Addrs()[0], nil)
	if !errors.As(err, &unknown) {
		t.Errorf("a client that trusts nobody got %v, %v", conn, err)
	}
}

// allow lets users write to every topic, and returns when the broker knows, which it does a moment
// after it has said so.
func allow(t *testing.T, c *Cluster, users ...string) {
	t.Helper()
	rule := kadm.NewACLs().Allow(users...).AllowHosts("*").Topics("*").
		Operations(kadm.OpWrite, kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral)
	rule.PrefixUserExcept()
	admin, ctx := kadm.NewClient(c.Client()), limit(t)
	made, err := admin.CreateACLs(ctx, rule)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
	}
	for known := 0; known < len(made); time.Sleep(10 * time.Millisecond) {
		found, err := admin.DescribeACLs(ctx, rule)
		if err != nil {
			t.Fatal(err)
		}
		known = 0
		for _, f := range found {
			known += len(f.Described)
		}
	}
}
