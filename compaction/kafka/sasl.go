package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// A Mechanism is a way of signing in, by its name in SASL.
type Mechanism string

// The mechanisms. Plain and OAuthBearer show the brokers the secret itself: they are for
// connections with TLS.
const (
	Plain       Mechanism = "PLAIN"
	SCRAM256    Mechanism = "SCRAM-SHA-256"
	SCRAM512    Mechanism = "SCRAM-SHA-512"
	OAuthBearer Mechanism = "OAUTHBEARER"
)

// A SASL says as whom to sign in, and how. The zero value does not sign in.
type SASL struct {
	Mechanism Mechanism
	// User is the name; OAUTHBEARER has none, since the token says it.
	User string
	// Secret is the password or, for OAUTHBEARER, the token.
	Secret Secret
}

// check reports what is missing.
func (s SASL) check() error {
	switch s.Mechanism {
	case "":
		return nil
	case Plain, SCRAM256, SCRAM512:
		if s.User == "" {
			return fmt.Errorf("kafka: %s needs a user", s.Mechanism)
		}
	case OAuthBearer:
	default:
		return fmt.Errorf("kafka: %q is not one of %s, %s, %s, %s",
			string(s.Mechanism), Plain, SCRAM256, SCRAM512, OAuthBearer)
	}
	_, err := s.Secret.get()
	return err
}

// mechanism returns s as the client wants it. The secret is asked for at each session.
func (s SASL) mechanism() sasl.Mechanism {
	password := func() (scram.Auth, error) {
		text, err := s.Secret.get()
		return scram.Auth{User: s.User, Pass: text}, err
	}
	switch s.Mechanism {
	case SCRAM256:
		return scram.Sha256(func(context.Context) (scram.Auth, error) { return password() })
	case SCRAM512:
		return scram.Sha512(func(context.Context) (scram.Auth, error) { return password() })
	case OAuthBearer:
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			text, err := s.Secret.get()
			return oauth.Auth{Token: text}, err
		})
	}
	return plain.Plain(func(context.Context) (plain.Auth, error) {
		text, err := s.Secret.get()
		return plain.Auth{User: s.User, Pass: text}, err
	})
}

// A Secret is a password or a token. It prints as stars, wherever it stands: even in a field that
// fmt cannot ask how to print it, there is only a function to print.
type Secret struct{ read func() (string, error) }

// SecretText is a secret that is known already.
func SecretText(text string) Secret {
	return Secret{func() (string, error) { return text, nil }}
}

// SecretFile is the secret that a file holds, without the space around it. The file is read anew
// each time somebody signs in, so that what it holds may be renewed in place.
func SecretFile(path string) Secret {
	return Secret{func() (string, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("kafka: the secret for signing in: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}}
}

var errNoSecret = errors.New("kafka: there is no secret to sign in with")

// get returns the secret, which is not empty.
func (s Secret) get() (string, error) {
	if s.read == nil {
		return "", errNoSecret
	}
	text, err := s.read()
	if err == nil && text == "" {
		err = errNoSecret
	}
	return text, err
}

// Format hides the secret from every verb of fmt.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "****") }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("****") }
