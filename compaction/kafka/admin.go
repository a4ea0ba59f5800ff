package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// An Admin looks at a cluster and changes what it has for a log. Its methods may be called from any
// goroutine.
type Admin struct {
	c  Connection
	cl *kgo.Client
}

// OpenAdmin reaches a cluster and signs in. The caller closes it.
func OpenAdmin(ctx context.Context, c Connection) (*Admin, error) {
	if err := reach(ctx, c); err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Admin{c, cl}, nil
}

// Plan compares the cluster with what it must have for a log, and with what the grants must allow.
// It changes nothing.
func (a *Admin) Plan(ctx context.Context, s Spec, grants ...Grant) (Plan, error) {
	p, err := newPlan(ctx, a.cl, s, grants)
	return p, explain(err, a.c)
}

// Apply does what a plan says, and again does nothing more. It returns what went otherwise than
// planned and is no failure. A plan that names what cannot be changed is refused as a whole, with
// ErrUndecided.
func (a *Admin) Apply(ctx context.Context, p Plan) (warnings []string, err error) {
	warnings, err = p.apply(ctx, a.cl)
	return warnings, explain(err, a.c)
}

// Check holds the cluster against what it must have, as opening a log does. The error is a
// *FaultsError, or says what kept it from looking.
func (a *Admin) Check(ctx context.Context, s Spec) (Report, error) {
	r, err := check(ctx, a.cl, s)
	return r, explain(err, a.c)
}

// Close ends the connections.
func (a *Admin) Close() { a.cl.Close() }

// Limits of reaching a cluster for the first time.
const (
	reachTries   = 3
	dialTimeout  = 5 * time.Second
	reachTimeout = 15 * time.Second
)

// reach asks the cluster for its brokers, with a client of its own that gives up soon, so that what
// is wrong with the way there is said at once: other clients would go on trying.
func reach(ctx context.Context, c Connection) error {
	if err := c.check(); err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(c.options(), kgo.DialTimeout(dialTimeout),
		kgo.RequestRetries(max(reachTries, len(c.Brokers)-1)))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	limited, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	_, err = metadata(limited, cl, nil)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("kafka: the brokers at %s do not answer, or not in TLS as asked for: %w",
			strings.Join(c.Brokers, ", "), err)
	}
	if said := explain(err, c); said != err || err == nil {
		return said
	}
	return fmt.Errorf("kafka: no broker at %s: %w", strings.Join(c.Brokers, ", "), err)
}

// explain says in an operator's terms what a cluster refused. It never holds the secret.
func explain(err error, c Connection) error {
	if err == nil {
		return nil
	}
	where := strings.Join(c.Brokers, ", ")
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var remote *net.OpError
	var eof *kgo.ErrFirstReadEOF
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("kafka: the brokers at %s do not let %s in: "+
			"the name or its secret is wrong: %w", where, c.SASL.who(), err)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Errorf("kafka: the brokers at %s do not take %s: %w", where, c.SASL.Mechanism, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("kafka: the certificate of a broker at %s is not trusted; "+
			"name the file with its authority (--kafka-ca): %w", where, err)
	case errors.As(err, &record):
		return fmt.Errorf("kafka: the brokers at %s do not speak TLS there: %w", where, err)
	case errors.As(err, &remote) && remote.Op == "remote error":
		return fmt.Errorf("kafka: the brokers at %s refuse TLS with this process; "+
			"they may want a client's certificate (--kafka-cert): %w", where, err)
	case errors.As(err, &eof), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		hint := "TLS (--kafka-tls) or somebody to sign in (--kafka-sasl)"
		if c.TLS != nil {
			hint = "no TLS there, or somebody to sign in (--kafka-sasl)"
		}
		return fmt.Errorf("kafka: the brokers at %s end the connection; they may want %s: %w",
			where, hint, err)
	case c.TLS == nil && strings.Contains(err.Error(), "tls alert"): // kgo has no name for it
		return fmt.Errorf("kafka: the brokers at %s speak TLS there (--kafka-tls): %w", where, err)
	case denied(err):
		return fmt.Errorf("%w\n%s is not allowed to; quittance topics plan --role ROLE=User:NAME "+
			"shows which ACLs each kind of process needs", err, c.SASL.who())
	}
	return err
}

// who names the one who signs in.
func (s SASL) who() string {
	switch {
	case s.Mechanism == "":
		return "who does not sign in by SASL"
	case s.User == "":
		return "the owner of the token"
	}
	return s.User
}

// Denied reports whether an error says that the cluster does not let this process do what it
// wanted: nothing but another right, given by an operator, makes an end of it.
func Denied(err error) bool { return denied(err) }

// denied reports whether an authorizer refused.
func denied(err error) bool {
	for _, known := range []error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
