package compaction

import "fmt"

// MaxRecordBytes bounds the key and the value of a record together. It holds for every log, so that
// what one has taken can be copied to any other: it is what a batch of 8 MiB has room for on Kafka,
// less what stands around a record in it.
const MaxRecordBytes = 8<<20 - 1024

// groupBytes bounds what the commands write that are decided and appended together: a group is in
// memory, and on Kafka in one transaction. The command that passes it is the group's last.
const groupBytes = 16 << 20

// A SizeError refuses a record that is larger than MaxRecordBytes. A log that is given one writes
// nothing of its group: it is an ErrNotCommitted. A command that makes one is refused alone.
type SizeError struct {
	Topic string
	Key   string
	Size  int // bytes of the key and the value
}

// Error names the record and both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("compaction: record %s of %s has %d bytes and may have %d: nothing was written",
		e.Key, e.Topic, e.Size, MaxRecordBytes)
}

// Is reports that a SizeError is an ErrNotCommitted.
func (e *SizeError) Is(target error) bool { return target == ErrNotCommitted }

// CheckSize returns a *SizeError for a record that no log takes.
func CheckSize(r Record) error {
	if n := len(r.Key) + len(r.Value); n > MaxRecordBytes {
		return &SizeError{r.Topic, string(r.Key), n}
	}
	return nil
}

// weigh counts what a command writes and refuses a record that no log would take.
func (tx *Tx) weigh(d *topicDefinition, key string, value []byte) error {
	n := len(key) + len(value)
	tx.size += n
	if n > MaxRecordBytes {
		return &SizeError{d.topic.Name, key, n}
	}
	return nil
}
