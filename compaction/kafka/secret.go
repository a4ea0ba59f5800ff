package kafka

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// secretCheck is what a claim says of the log's secret: enough to tell another one, and nothing to
// find it by.
func secretCheck(secret []byte) []byte {
	if len(secret) == 0 {
		return nil
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("quittance: the secret of this log")) // a hash never fails
	return h.Sum(nil)[:16]
}

// A SecretError reports that this process has another secret than the one that claimed a shard
// before it. With two secrets nobody could tell a repeated request from another one.
type SecretError struct {
	Shard int
	Node  string // the process that claimed it before
}

// Error says what to do.
func (e *SecretError) Error() string {
	return fmt.Sprintf("kafka: shard %d was claimed before, by %s, with another secret than this "+
		"process has: give every process the same file, DIR/secret, and keep it with the backups",
		e.Shard, e.Node)
}
