package compaction

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	compactionv1 "github.com/quittance/quittance/compaction/v1"
)

// AnswerRetention is how long the answer to a command with a key is remembered.
const AnswerRetention = 30 * 24 * time.Hour

// A remembered answer, with the hashes of the request it was given to.
type remembered struct {
	fields  []*compactionv1.FieldHash
	answer  Answer
	expires time.Time
}

// Answers holds the first answer to each command that carried a key, under
// Key(tenant, principal, operation, key). The engine writes it; nothing else does.
var Answers = NewTable(TableSpec[remembered]{
	Message: (*compactionv1.IdempotencyRecord)(nil),
	Encode: func(r remembered) ([]byte, error) {
		return proto.Marshal(&compactionv1.IdempotencyRecord{
			Fields: r.fields, Code: int32(r.answer.Code), Body: r.answer.Body,
			ExpiresUnixNano: r.expires.UnixNano(), Location: r.answer.Location,
		})
	},
	Decode: func(b []byte) (remembered, error) {
		var m compactionv1.IdempotencyRecord
		if err := proto.Unmarshal(b, &m); err != nil {
			return remembered{}, err
		}
		return remembered{
			fields:  m.Fields,
			answer:  Answer{Code: int(m.Code), Body: m.Body, Location: m.Location},
			expires: time.Unix(0, m.ExpiresUnixNano).UTC(),
		}, nil
	},
	Due: func(_ string, r remembered) time.Time { return r.expires },
})

func init() {
	Answers.OnDue(func(tx *Tx, key string, _ remembered) error {
		Answers.Delete(tx, key)
		return nil
	})
}

// A KeyError refuses an idempotency key that is not one.
type KeyError struct{}

// Error says what an idempotency key looks like.
func (*KeyError) Error() string {
	return "an idempotency key is 1 to 255 visible ASCII characters"
}

// CheckIdempotencyKey returns a *KeyError for a text that cannot be an idempotency key.
func CheckIdempotencyKey(key string) error {
	if key == "" || len(key) > 255 ||
		strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' }) {
		return &KeyError{}
	}
	return nil
}

// hashed is an Idempotency as the shard needs it: made by the caller's goroutine, which has the
// time for it.
type hashed struct {
	key    string
	fields []*compactionv1.FieldHash
	new    bool // no command can have had the key
}

// part keeps a text that may hold a slash one part of a key.
var part = strings.NewReplacer("%", "%25", "/", "%2F")

// hash makes the record key and the keyed hash of each field: the first 16 bytes of the SHA-256 of
// the server's secret, the length of the name, the name and the value. Values such as an e-mail
// address could be guessed from a hash without a key.
func (x *Idempotency) hash(tenant string, secret []byte) (*hashed, error) {
	if err := CheckIdempotencyKey(x.Key); err != nil {
		return nil, err
	}
	key := Key(tenant, x.Principal, part.Replace(x.Operation), part.Replace(x.Key))
	h := &hashed{key: key, new: x.New}
	h.fields = make([]*compactionv1.FieldHash, len(x.Fields))
	buf := make([]byte, 0, 512)
	for i, f := range x.Fields {
		buf = append(buf[:0], secret...)
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(f.Name)))
		buf = append(buf, f.Name...)
		buf = append(buf, f.Value...)
		sum := sha256.Sum256(buf)
		h.fields[i] = &compactionv1.FieldHash{Name: f.Name, Hash: sum[:16]}
	}
	return h, nil
}

// match compares a request with the one that was answered; both have their fields sorted.
func (h *hashed) match(first []*compactionv1.FieldHash) error {
	for i := 0; i < len(h.fields) || i < len(first); i++ {
		switch {
		case i >= len(first) || i < len(h.fields) && h.fields[i].Name < first[i].Name:
			return &IdempotencyMismatchError{Field: h.fields[i].Name}
		case i >= len(h.fields) || h.fields[i].Name > first[i].Name:
			return &IdempotencyMismatchError{Field: first[i].Name}
		case subtle.ConstantTimeCompare(h.fields[i].Hash, first[i].Hash) == 0:
			return &IdempotencyMismatchError{Field: h.fields[i].Name}
		}
	}
	return nil
}

// replay returns what a command with this key was answered before, if it was.
func (h *hashed) replay(tx *Tx) (Answer, bool, error) {
	if h.new {
		// Looking for what is not there was a tenth of the work of a posting.
		tx.absent(&Answers.d, h.key)
		return Answer{}, false, nil
	}
	r, ok, err := Answers.Get(tx, h.key)
	if err != nil || !ok || !r.expires.After(tx.now) {
		return Answer{}, false, err
	}
	if err := h.match(r.fields); err != nil {
		return Answer{}, true, err
	}
	r.answer.Replayed = true
	return r.answer, true, nil
}

// remember keeps the answer for whoever repeats the command.
func (h *hashed) remember(tx *Tx, a Answer) error {
	a.Body = a.remembered()
	Answers.Put(tx, h.key, remembered{h.fields, a, tx.now.Add(AnswerRetention)})
	if tx.err != nil {
		return fmt.Errorf("compaction: the answer cannot be remembered: %w", tx.err)
	}
	return nil
}
