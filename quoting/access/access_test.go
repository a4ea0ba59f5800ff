package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/compactiontest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// do runs a command of the tenant acme.
func do(t *testing.T, s *compaction.Shards, f func(tx *compaction.Tx) error) error {
	t.Helper()
	_, err := s.Do(context.Background(), compaction.Command{Tenant: "acme",
		Decide: func(tx *compaction.Tx) (compaction.Answer, error) {
			return compaction.Answer{}, f(tx)
		}})
	return err
}

// read runs f on what is committed of the tenant acme.
func read(t *testing.T, s *compaction.Shards, f func(v *compaction.View) error) error {
	t.Helper()
	return s.Read("acme", f)
}

// TestAuthenticate walks through all that can be wrong with a key: each is refused, and by the same
// error, so that nobody learns which keys there are.
func TestAuthenticate(t *testing.T) {
	s := compactiontest.Start(t, Tables()...)
	k, text, err := NewKey("acme", "Till", Finance, noon)
	if err != nil {
		t.Fatal(err)
	}
	other, otherText, err := NewKey("acme", "Office", Tradesperson, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := do(
		t,
		s,
		func(tx *compaction.Tx) error { PutKey(tx, k); PutKey(tx, other); return nil },
	); err != nil {
		t.Fatal(err)
	}
	secretOf := func(text string) string { return text[strings.LastIndex(text, "_")+1:] }
	open := func(text string) (Key, error) {
		c, err := ParseKey(text)
		if err != nil {
			return Key{}, err
		}
		var got Key
		err = read(
			t,
			s,
			func(v *compaction.View) error { got, err = Authenticate(v, c); return err },
		)
		return got, err
	}
	if got, err := open(text); err != nil || got != k {
		t.Errorf("got %v, %v, want the key", got, err)
	}
	for name, bad := range map[string]string{
		"nothing":        "",
		"other secret":   strings.Replace(text, secretOf(text), secretOf(otherText), 1),
		"other id":       strings.Replace(text, ulid(k.ID, "key"), strings.Repeat("0", 26), 1),
		"other tenant":   strings.Replace(text, "acme", "acmf", 1),
		"upper case":     strings.ToUpper(text),
		"cut":            text[:len(text)-1],
		"longer":         text + "0",
		"a link's token": "acme." + ulid(k.ID, "key") + "." + secretOf(text),
	} {
		if _, err := open(bad); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%s: got %v, want ErrUnauthorized", name, err)
		}
	}
	if err := do(
		t,
		s,
		func(tx *compaction.Tx) error { _, err := RevokeKey(tx, "acme", k.ID); return err },
	); err != nil {
		t.Fatal(err)
	}
	if _, err := open(text); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("revoked: got %v", err)
	}
	if _, err := open(otherText); err != nil {
		t.Errorf("the other key: %v", err)
	}
	err = do(
		t,
		s,
		func(tx *compaction.Tx) error { _, err := RevokeKey(tx, "acme", "key_x"); return err },
	)
	if !errors.Is(err, ErrNoKey) {
		t.Errorf("revoking what is not there: %v", err)
	}
}

// TestNewKeyRefused holds what a key must have.
func TestNewKeyRefused(t *testing.T) {
	var tenant *compaction.TenantError
	if _, _, err := NewKey("Acme", "n", Finance, noon); !errors.As(err, &tenant) {
		t.Errorf("tenant: %v", err)
	}
	if _, _, err := NewKey("acme", "", Finance, noon); !errors.Is(err, ErrName) {
		t.Errorf("name: %v", err)
	}
	if _, _, err := NewKey("acme", "n", 0, noon); !errors.Is(err, ErrRole) {
		t.Errorf("role: %v", err)
	}
	if _, _, err := NewLink("a/b", "quo_1", "cus_1", noon, noon); !errors.As(err, &tenant) {
		t.Errorf("tenant of a link: %v", err)
	}
}

// TestLinkExpires holds that a link opens one subject until its time is over or it is revoked, and
// that its record then goes by itself.
func TestLinkExpires(t *testing.T) {
	var clock atomic.Int64
	clock.Store(noon.UnixNano())
	now := func() time.Time { return time.Unix(0, clock.Load()).UTC() }
	s := compactiontest.StartAt(t, t.TempDir(), now, Tables()...)
	l, token, err := NewLink("acme", "quo_1", "cus_1", noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	gone, goneToken, err := NewLink("acme", "quo_2", "cus_1", noon, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := do(
		t,
		s,
		func(tx *compaction.Tx) error { PutLink(tx, l); PutLink(tx, gone); return nil },
	); err != nil {
		t.Fatal(err)
	}
	open := func(token string, at time.Time) (got Link, err error) {
		c, err := ParseLink(token)
		if err != nil {
			return got, err
		}
		err = read(
			t,
			s,
			func(v *compaction.View) error { got, err = Open(v, c, at); return err },
		)
		return got, err
	}
	if got, err := open(token, noon); err != nil || got != l {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := open(token, noon.Add(time.Hour)); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("at its end: %v", err)
	}
	if err := do(
		t,
		s,
		func(tx *compaction.Tx) error { return RevokeLinks(tx, "acme", "quo_2") },
	); err != nil {
		t.Fatal(err)
	}
	if _, err := open(goneToken, noon); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("revoked: %v", err)
	}
	clock.Store(noon.Add(2 * time.Hour).UnixNano())
	for wait := time.Now(); time.Since(wait) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		rows := 1
		if err := do(
			t,
			s,
			func(*compaction.Tx) error { return nil },
		); err != nil { // wakes the owner
			t.Fatal(err)
		}
		if err := read(t, s, func(v *compaction.View) error {
			found, err := Links.Scan(v, compaction.Page{})
			rows = len(found)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if rows == 0 {
			return
		}
	}
	t.Error("the expired link is still there")
}

// TestSecretsDoNotPrint holds that a secret reaches neither a log line nor an error, however its
// holder is printed.
func TestSecretsDoNotPrint(t *testing.T) {
	_, text, err := NewKey("acme", "Till", Finance, noon)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("in", "credential", c, "secret", c.secret, "in a slice", []Credential{c})
	fmt.Fprintf(&b, "%v %+v %#v %s %x %d %v", c, c, c, c.secret, c.secret, c.secret, &c)
	_, err = ParseKey(text + "0")
	fmt.Fprint(&b, err)
	hidden := c.secret.text()
	decimal := strings.Trim(fmt.Sprint([secretBytes]byte(c.secret)), "[]")
	if strings.Contains(b.String(), hidden) || strings.Contains(b.String(), decimal) {
		t.Errorf("the secret is printed: %s", b.String())
	}
}

// TestRoles holds that every role has a name and is found by it.
func TestRoles(t *testing.T) {
	for r := Tradesperson; r < roleEnd; r++ {
		if got, ok := ParseRole(r.String()); !ok || got != r {
			t.Errorf("%d: %v, %v", r, got, ok)
		}
	}
	if r, ok := ParseRole(""); ok {
		t.Errorf("no name is %v", r)
	}
}
