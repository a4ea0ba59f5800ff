package kafka

import "fmt"

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
