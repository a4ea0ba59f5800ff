package kafka

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
	"github.com/quittance/quittance/compaction/kafka/kafkatest"
)

// A secured cluster speaks TLS, wants everybody to sign in and allows only what ACLs say.
type secured struct{ *kafkatest.Cluster }

// Passwords of its users beside the one that may do everything.
const password = "correct horse"

// as is how a user reaches the cluster.
func (c secured) as(user string, mechanism Mechanism) Connection {
	s := SASL{Mechanism: mechanism, User: user, Secret: SecretText(password)}
	switch {
	case user == kafkatest.AdminUser:
		s = SASL{Mechanism: Plain, User: user, Secret: SecretText(c.AdminPassword())}
	case mechanism == OAuthBearer:
		s = SASL{Mechanism: mechanism, Secret: SecretText(c.Token(user))}
	}
	return Connection{Brokers: c.Addrs(), TLS: c.ClientTLS(), SASL: s}
}

// prepare has the operator make a log's topics and give the roles, with no more rights than the
// role of operators has.
func (c secured) prepare(t *testing.T, prefix string, grants ...Grant) {
	t.Helper()
	var first Plan
	for _, a := range (Grant{Operate, "User:operator"}).ACLs(prefix) {
		first.Changes = append(first.Changes, Change{Kind: AllowACL, ACL: a})
	}
	if _, err := admin(t, c.as(kafkatest.AdminUser, Plain)).Apply(aMinute(t), first); err != nil {
		t.Fatal(err)
	}
	spec := c.options("operator", Plain, prefix).spec()
	operator := admin(t, c.as("operator", Plain))
	operator.apply(t, spec, grants...)
	if p := operator.plan(t, spec, grants...); !p.Empty() {
		t.Errorf("after it was applied:\n%s", p)
	}
}

// options open a log that is there.
func (c secured) options(user string, mechanism Mechanism, prefix string) Options {
	o := suiteOptions(nil, prefix)
	o.Connection, o.Create = c.as(user, mechanism), false
	return o
}

// TestSecured: each kind of process can do its work with the ACLs of its role, and nothing else,
// by every mechanism; and who is turned away is told why, without the secret.
func TestSecured(t *testing.T) {
	c := secured{kafkatest.Start(t, kafkatest.Options{SASL: true, TLS: true, Authorizer: true,
		Steady: true, Users: map[string]string{"operator": password, "quittance": password,
			"reports": password, "copier": password, "nobody": password}})}
	c.AddUser("quittance", password)
	t.Run("Serve", c.testServe)
	const prefix = "acme."
	c.prepare(t, prefix, Grant{Serve, "User:quittance"}, Grant{Reader, "User:reports"},
		Grant{Copy, "User:copier"})
	for name, test := range map[string]func(*testing.T, string){
		"Mechanisms": c.testMechanisms, "Limits": c.testLimits, "Reader": c.testReader,
		"Copy": c.testCopy, "Nobody": c.testNobody, "Member": c.testMember, "Token": c.testToken,
	} {
		t.Run(name, func(t *testing.T) { test(t, prefix) })
	}
}

// testServe runs the whole contract of a log as a process with the role Serve.
func (c secured) testServe(t *testing.T) {
	compactiontest.TestLog(t, func(t *testing.T) compactiontest.Opener {
		prefix := kafkatest.Prefix(t)
		c.prepare(t, prefix, Grant{Serve, "User:quittance"})
		return func(t *testing.T) compaction.Log {
			l, err := Open(context.Background(), c.options("quittance", SCRAM512, prefix))
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	})
}

// appendOne claims a shard and appends a group.
func appendOne(ctx context.Context, l *Log, shard int) error {
	w, err := l.Claim(ctx, shard)
	if err != nil {
		return err
	}
	number, err := lastGroup(ctx, l, shard, w.Start())
	if err != nil {
		return err
	}
	_, err = w.Append(ctx, compaction.Group{Number: number + 1, Time: time.Now(),
		Records: []compaction.Record{
			{Topic: compactiontest.OpenTopic, Key: []byte("t/1"), Value: []byte("v")}}})
	return errors.Join(err, w.Close())
}

// lastGroup reads a shard and returns the number of its last group.
func lastGroup(
	ctx context.Context, l *Log, shard int, to compaction.Positions,
) (last uint64, err error) {
	r, err := l.Read(ctx, shard, compaction.Range{To: to})
	if err != nil {
		return 0, err
	}
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return last, r.Close()
		}
		if err != nil {
			return last, errors.Join(err, r.Close())
		}
		last = max(last, b.Group)
	}
}

// testMechanisms appends after signing in by each mechanism, and is refused with a wrong secret.
func (c secured) testMechanisms(t *testing.T, prefix string) {
	for _, m := range []Mechanism{Plain, SCRAM256, SCRAM512, OAuthBearer} {
		l := opened(t, c.options("quittance", m, prefix))
		if err := appendOne(aMinute(t), l, 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		wrong := c.options("quittance", m, prefix)
		wrong.SASL.Secret = SecretText("battery staple")
		began := time.Now()
		_, err := Open(aMinute(t), wrong)
		if err == nil || strings.Contains(err.Error(), "battery") ||
			!strings.Contains(err.Error(), "the name or its secret is wrong") {
			t.Errorf("%s with a wrong secret: got %v", m, err)
		}
		if took := time.Since(began); took > reachTimeout {
			t.Errorf("%s with a wrong secret: refused after %v", m, took)
		}
	}
	clear := c.options("quittance", SCRAM256, prefix)
	clear.TLS = nil
	if _, err := Open(aMinute(t), clear); err == nil || !strings.Contains(err.Error(), "--kafka-tls") {
		t.Errorf("in clear: got %v", err)
	}
}

// testLimits wants the one that serves to be kept from what operators do, and from what is another
// log's.
func (c secured) testLimits(t *testing.T, prefix string) {
	a := admin(t, c.as("quittance", SCRAM256))
	topic := prefix + compactiontest.OpenTopic
	err := set(aMinute(t), a.cl, topic, Setting{Name: "retention.ms", Value: "1"})
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("a setting: got %v", err)
	}
	deleted, err := kadm.NewClient(a.cl).DeleteTopic(aMinute(t), topic)
	if err = errors.Join(err, deleted.Err); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("deleting a topic: got %v", err)
	}
	o := c.options("quittance", SCRAM256, "other.")
	if _, err := Open(aMinute(t), o); !errors.Is(err, kerr.TopicAuthorizationFailed) ||
		!strings.Contains(err.Error(), "quittance is not allowed to") {
		t.Errorf("another log: got %v", err)
	}
	o.Create = true
	if _, err := Open(aMinute(t), o); !denied(err) {
		t.Errorf("making another log: got %v", err)
	}
	if _, err := a.Plan(aMinute(t), o.spec(), Grant{Serve, "User:quittance"}); !denied(err) {
		t.Errorf("ACLs: got %v", err)
	}
}

// testReader reads, and cannot write.
func (c secured) testReader(t *testing.T, prefix string) {
	l := opened(t, c.options("reports", Plain, prefix))
	end, err := l.End(aMinute(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lastGroup(aMinute(t), l, 0, end); err != nil {
		t.Error(err)
	}
	err = appendOne(aMinute(t), l, 0)
	if err == nil || !strings.Contains(err.Error(), "reports is not allowed to") {
		t.Errorf("writing: got %v", err)
	}
}

// testCopy writes, and takes no part in the group of those that serve.
func (c secured) testCopy(t *testing.T, prefix string) {
	l := opened(t, c.options("copier", Plain, prefix))
	if err := appendOne(aMinute(t), l, 1); err != nil {
		t.Error(err)
	}
	m := Membership{Connection: c.as("copier", Plain), Prefix: prefix, Logger: quiet,
		Own: func(context.Context, []int) error { return nil }}
	if err := m.Run(aMinute(t)); !errors.Is(err, kerr.GroupAuthorizationFailed) {
		t.Errorf("the group: got %v", err)
	}
}

// testNobody is turned away with a hint at what to do about it.
func (c secured) testNobody(t *testing.T, prefix string) {
	_, err := Open(aMinute(t), c.options("nobody", Plain, prefix))
	if !errors.Is(err, kerr.TopicAuthorizationFailed) ||
		!strings.Contains(err.Error(), "nobody is not allowed to") ||
		!strings.Contains(err.Error(), "quittance topics plan --role") {
		t.Errorf("got %v", err)
	}
}

// testMember joins the group of those that serve and is given every shard.
func (c secured) testMember(t *testing.T, prefix string) {
	ctx, cancel := context.WithCancel(aMinute(t))
	defer cancel()
	given := 0
	m := Membership{Connection: c.as("quittance", SCRAM256), Prefix: prefix, Logger: quiet,
		Own: func(_ context.Context, shards []int) error {
			if given = max(given, len(shards)); given == compactiontest.Shards {
				cancel()
			}
			return nil
		}}
	if err := m.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if given != compactiontest.Shards {
		t.Errorf("given %d shards", given)
	}
}

// testToken signs in by a token in a file, and again by the one that the file has later.
func (c secured) testToken(t *testing.T, prefix string) {
	file := filepath.Join(t.TempDir(), "token")
	o := c.options("", OAuthBearer, prefix)
	o.SASL.Secret = SecretFile(file)
	if _, err := Open(aMinute(t), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	write(t, file, c.Token("nobody")+"\n")
	if _, err := Open(aMinute(t), o); !denied(err) ||
		!strings.Contains(err.Error(), "the owner of the token is not allowed to") {
		t.Errorf("another one's token: got %v", err)
	}
	write(t, file, c.Token("quittance")+"\n")
	if err := appendOne(aMinute(t), opened(t, o), 2); err != nil {
		t.Error(err)
	}
}
