package api

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A hopKind is why one node passes a request on to another.
type hopKind string

// The kinds of hops. A request makes at most two: to authenticate, and to do.
const (
	// hopAuthenticate goes to the owner of the caller's own tenant, which finds who asks.
	hopAuthenticate hopKind = "authenticate"
	// hopDo goes to the owner of the tenant that the request is about, with who asks.
	hopDo hopKind = "do"
	// hopWebhook goes to the owner of the tenant that a webhook is about.
	hopWebhook hopKind = "webhook"
	// hopPart asks an owner for its part of an answer about all shards.
	hopPart hopKind = "part"
	// hopTell carries what the books of one tenant have to tell those of another.
	hopTell hopKind = "tell"
)

// hopHeader carries a signed hop from node to node, and back the word that the request may be sent
// again. What a client sends in it is refused, and it is never given to a client.
const hopHeader = "Quittance-Hop"

// What a node answers in hopHeader in place of an answer for the client.
const (
	hopAgain   = "again"   // nothing was done: the shard is not served here now
	hopUnclear = "unclear" // it may have been done: the same key finds out
	hopRefused = "refused" // the hop is not valid
)

// A hop is what a node says of a request that it passes on.
type hop struct {
	Version int      `json:"v"`
	Kind    hopKind  `json:"kind"`
	Shards  []int    `json:"shards"` // that the node it goes to must own
	At      int64    `json:"at"`     // unix nanoseconds, by the clock of the node that signed
	Nonce   string   `json:"nonce"`
	Body    []byte   `json:"body"` // SHA-256
	Caller  *courier `json:"caller,omitempty"`
	From    string   `json:"from,omitempty"`    // the client's host
	Attempt int      `json:"attempt,omitempty"` // counts what was sent of one request before
}

// A courier is a caller that was authenticated by the owner of its tenant. Customers' links never
// leave theirs.
type courier struct {
	Home      string `json:"home"`
	ID        string `json:"id"`
	Role      string `json:"role"`
	Principal string `json:"principal"`
}

func courierOf(c *caller) *courier {
	return &courier{c.home, c.id, c.role.names()[0], c.principal}
}

// caller returns who asks, or nil for one of a role that is not known.
func (c *courier) caller() *caller {
	for r := tradesperson; r < customer; r <<= 1 {
		if r.names()[0] == c.Role {
			return &caller{home: c.Home, id: c.ID, role: r, principal: c.Principal}
		}
	}
	return nil
}

// hopAge is how far the clock of the node that signed a hop may be from ours, the time on the way
// included.
const hopAge = 30 * time.Second

// errHop refuses a hop: it was not signed by a node of this service for this very request, or not
// lately, or it was used before. Which of these, is not said.
var errHop = errors.New("the header Quittance-Hop is for the nodes of the service: leave it out")

// hops signs and checks what nodes pass on to each other. It is safe for concurrent use.
type hops struct {
	key   []byte
	clock func() time.Time

	mu         sync.Mutex
	young, old map[uint64]struct{} // hops that were used, in two generations
	turned     time.Time           // when young began
}

// newHops derives the key of hops from the secret that the nodes share: the secret itself signs
// nothing.
func newHops(secret []byte, clock func() time.Time) (*hops, error) {
	if len(secret) < 32 {
		return nil, errors.New("api: the secret of hops is too short: 32 random bytes are needed")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "quittance hop v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("api: the key of hops: %w", err)
	}
	return &hops{key: key, clock: clock, young: map[uint64]struct{}{}}, nil
}

// signedHeaders are those that change what a request does. Authorization is not among them: it
// proves itself.
var signedHeaders = [...]string{
	tenantHeader, keyHeader, requestIDHeader, "Content-Type", "Content-Encoding", "Accept",
}

// mac is the HMAC-SHA256 of a request with what a hop says of it. Every part is preceded by its
// length, so that no two requests have the same parts.
func (s *hops) mac(r *http.Request, said string) []byte {
	m := hmac.New(sha256.New, s.key)
	put(m, "hop v1")
	put(m, r.Method)
	put(m, r.URL.RequestURI())
	put(m, said)
	for _, name := range signedHeaders {
		values := r.Header[name]
		put(m, name)
		putLength(m, len(values))
		for _, v := range values {
			put(m, v)
		}
	}
	return m.Sum(nil)
}

func putLength(h hash.Hash, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:]) // a hash never fails
}

func put(h hash.Hash, s string) {
	putLength(h, len(s))
	h.Write([]byte(s)) // a hash never fails
}

// sign puts a hop on a request whose headers are final. It is good for one use.
func (s *hops) sign(r *http.Request, h hop) {
	h.Version, h.At, h.Nonce = 1, s.clock().UnixNano(), rand.Text()
	s.seal(r, h)
}

func (s *hops) seal(r *http.Request, h hop) {
	said := base64.RawURLEncoding.EncodeToString(marshal(h))
	proof := base64.RawURLEncoding.EncodeToString(s.mac(r, said))
	r.Header[hopHeader] = []string{said + "." + proof}
}

// open returns the hop that a request came by, nil for one that comes from a client. It fails with
// errHop.
func (s *hops) open(r *http.Request) (*hop, error) {
	values := r.Header[hopHeader]
	if len(values) == 0 {
		return nil, nil
	}
	said, proof, ok := strings.Cut(values[0], ".")
	sent, err := base64.RawURLEncoding.DecodeString(proof)
	if !ok || len(values) > 1 || err != nil || !hmac.Equal(sent, s.mac(r, said)) {
		return nil, errHop
	}
	text, err := base64.RawURLEncoding.DecodeString(said)
	if err != nil {
		return nil, errHop
	}
	var h hop
	if err := json.Unmarshal(text, &h); err != nil || h.Version != 1 {
		return nil, errHop
	}
	now := s.clock()
	if age := now.Sub(time.Unix(0, h.At)); age > hopAge || age < -hopAge {
		return nil, errHop
	}
	if !s.first(binary.BigEndian.Uint64(sent), now) {
		return nil, errHop
	}
	return &h, nil
}

// first reports whether a hop is used for the first time here. Hops are remembered by eight bytes
// of their proof, for as long as they are good: two generations of twice hopAge, because a clock
// that is ahead by hopAge signs hops that are good for twice that.
func (s *hops) first(proof uint64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.turned); age > 2*hopAge || age < -2*hopAge {
		s.old, s.young, s.turned = s.young, map[uint64]struct{}{}, now
	}
	if _, used := s.young[proof]; used {
		return false
	}
	if _, used := s.old[proof]; used {
		return false
	}
	s.young[proof] = struct{}{}
	return true
}
