package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// secretBytes is the size of a secret: 256 bits.
const secretBytes = 32

// A secret opens a key or a link. It prints as stars.
type secret [secretBytes]byte

// Format hides the secret from every verb of fmt.
func (secret) Format(f fmt.State, _ rune) { io.WriteString(f, "****") }

// LogValue hides the secret from slog.
func (secret) LogValue() slog.Value { return slog.StringValue("****") }

// newSecret returns a random secret.
func newSecret() secret {
	var s secret
	rand.Read(s[:]) // never fails: the program ends when the system has no random numbers
	return s
}

// hash returns what is stored of the secret.
func (s secret) hash() [sha256.Size]byte { return sha256.Sum256(s[:]) }

// opens reports, in constant time, whether a stored hash is that of the secret.
func (s secret) opens(stored [sha256.Size]byte) bool {
	hash := s.hash()
	return subtle.ConstantTimeCompare(hash[:], stored[:]) == 1
}

// text returns the 64 hexadecimal digits of the secret.
func (s secret) text() string { return hex.EncodeToString(s[:]) }

// parseSecret is the inverse of text. Only lower-case digits are read, so that a secret has one
// text.
func parseSecret(text string) (s secret, ok bool) {
	if len(text) != 2*secretBytes {
		return s, false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return s, false
		}
	}
	n, err := hex.Decode(s[:], []byte(text))
	return s, err == nil && n == secretBytes
}
