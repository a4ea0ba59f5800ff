package local

import (
	"encoding/binary"
	"math"
)

// Keys of the database:
//
//	family  shard (2, BE)  group (8, BE)   → a group's records of a family
//	0  'i'                                 → identity
//	0  't'  topic (4, BE)                  → a topic's name and family
//	0  'c'  shard (2, BE)  family          → how far the cleaner has come
//	0  'm'                                 → the log's mark
//	0  'r'                                 → a number, written to make Pebble begin a new WAL
const keySize = 1 + 2 + 8

// groupKey appends the key of a group's value to b.
func groupKey(b []byte, f family, shard int, group uint64) []byte {
	b = append(b, byte(f))
	b = binary.BigEndian.AppendUint16(b, uint16(shard))
	return binary.BigEndian.AppendUint64(b, group)
}

// chainEnd appends the key after every value of a shard's family to b. No group has that number.
func chainEnd(b []byte, f family, shard int) []byte {
	return groupKey(b, f, shard, math.MaxUint64)
}

// groupOf reads the group's number from a key that groupKey made.
func groupOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[3:]) }

var identityKey = []byte{0, 'i'}

var markKey = []byte{0, 'm'}

var rotationKey = []byte{0, 'r'}

func topicKey(id uint64) []byte {
	return binary.BigEndian.AppendUint32([]byte{0, 't'}, uint32(id))
}

func cleanKey(shard int, f family) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0, 'c'}, uint16(shard)), byte(f))
}
