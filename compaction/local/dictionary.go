package local

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quittance/quittance/compaction"
)

// A topic is one that the log knows, under the number its records carry.
type topic struct {
	compaction.Topic
	id     uint64
	family family
}

// A dictionary numbers the topics. Numbers are given once and never taken back, so that records
// stay readable in every later version of the program. It does not change after Open.
type dictionary struct {
	byID   []*topic // nil at 0
	byName map[string]*topic
}

// readMeta returns the body of a sealed value, nil where there is none.
func readMeta(db *pebble.DB, key []byte) ([]byte, error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("local: read %q: %w", key, err)
	}
	defer closer.Close() // only gives a block back to the cache; its error is always nil
	body, err := unseal(key, v)
	if err != nil {
		return nil, fmt.Errorf("local: the value of %q is damaged: %w", key, err)
	}
	return slices.Clone(body), nil
}

// writeMeta writes a sealed value durably.
func writeMeta(db *pebble.DB, key, body []byte) error {
	if err := db.Set(key, seal(key, slices.Clone(body)), pebble.Sync); err != nil {
		return fmt.Errorf("local: write %q: %w", key, err)
	}
	return nil
}

// identify reads who the log is, or makes it somebody when it is new.
func identify(db *pebble.DB, shards int) (compaction.Identity, error) {
	body, err := readMeta(db, identityKey)
	if err != nil {
		return compaction.Identity{}, err
	}
	if body == nil {
		if shards == 0 {
			shards = defaultShards
		}
		body = make([]byte, 1+4+16)
		body[0] = layout
		binary.BigEndian.PutUint32(body[1:], uint32(shards))
		rand.Read(body[5:])
		if err := writeMeta(db, identityKey, body); err != nil {
			return compaction.Identity{}, err
		}
	}
	if len(body) != 1+4+16 || body[0] != layout {
		return compaction.Identity{}, fmt.Errorf("local: the log's identity: %w", errLayout)
	}
	id := compaction.Identity{
		ID:     hex.EncodeToString(body[5:]),
		Shards: int(binary.BigEndian.Uint32(body[1:])),
	}
	if shards != 0 && shards != id.Shards {
		return compaction.Identity{}, fmt.Errorf(
			"local: the log was created with %d shards, not %d: their number is fixed", id.Shards, shards)
	}
	return id, nil
}

// learn reads the dictionary and adds the topics that are new. It refuses a topic that is now kept
// in another way than the records that are there already.
func learn(db *pebble.DB, topics []compaction.Topic) (*dictionary, error) {
	d := &dictionary{byID: []*topic{nil}, byName: map[string]*topic{}}
	for id := uint64(1); ; id++ {
		body, err := readMeta(db, topicKey(id))
		if err != nil {
			return nil, err
		}
		if body == nil {
			break
		}
		if len(body) < 2 || body[0] == 0 || body[0] >= byte(families) {
			return nil, fmt.Errorf("local: topic %d: %w", id, errShape)
		}
		d.add(&topic{topicFor(string(body[1:]), family(body[0])), id, family(body[0])})
	}
	for _, t := range topics {
		f := familyOf(t)
		known := d.byName[t.Name]
		if known == nil {
			known = &topic{t, uint64(len(d.byID)), f}
			body := append([]byte{byte(f)}, t.Name...)
			if err := writeMeta(db, topicKey(known.id), body); err != nil {
				return nil, err
			}
			d.add(known)
		}
		if known.family != f {
			return nil, fmt.Errorf("local: the topic %s is kept as %s in this log and is now "+
				"declared %s: give the topic a new version instead", t.Name, known.family, f)
		}
		known.Topic = t
	}
	return d, nil
}

func (d *dictionary) add(t *topic) {
	d.byID = append(d.byID, t)
	d.byName[t.Name] = t
}

// topicFor is what is known of a topic that the program does not declare any more. Its tombstones
// stay as long as those of a topic that does not say; its bounded records stay.
func topicFor(name string, f family) compaction.Topic {
	t := compaction.Topic{Name: name, Class: compaction.AppendOnly}
	switch f {
	case open:
		t.Class, t.DeleteRetention = compaction.Open, compaction.DefaultDeleteRetention
	case background:
		t.Class, t.DeleteRetention = compaction.Background, compaction.DefaultDeleteRetention
	}
	return t
}

// find returns the topic with a record's number, nil when there is none.
func (d *dictionary) find(id uint64) *topic {
	if id >= uint64(len(d.byID)) {
		return nil
	}
	return d.byID[id]
}
