package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/gateways"
)

// tellPath is where nodes tell each other's books. It is for them alone and not part of the API.
const tellPath = "/internal/tell"

// tellLimit bounds a message, in bytes.
const tellLimit = 1 << 20

// toldCode is the answer to a message.
type toldCode struct {
	Code    string `json:"code"`
	Refused bool   `json:"refused"`
}

// errTold reports that the books refused a message.
var errTold = errors.New("api: the books refused what they were told")

// Tell carries a message to the node that keeps the books of its tenant, as gateways.Elsewhere
// wants it. It is sent once: whoever tells does it again.
func (a *API) Tell(ctx context.Context, t gateways.Tell) (code string, err error) {
	if a.peers == nil {
		return "", compaction.ErrNotServing
	}
	body, err := t.Encode()
	if err != nil {
		return "", err
	}
	shard := compaction.ShardOf(t.Tenant, a.shards.Count())
	address, self, _ := a.peers.Owner(shard)
	if address == "" || self {
		return "", &elsewhereError{shard}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+tellPath, nil)
	if err != nil {
		return "", err
	}
	r.Header["Content-Type"] = []string{"application/x-protobuf"}
	answer, err := a.ask(r, body, hop{Kind: hopTell, Shards: []int{shard}})
	if err != nil {
		return "", err
	}
	var told toldCode
	if err = json.Unmarshal(answer, &told); err == nil && told.Refused {
		err = errTold
	}
	return told.Code, err
}

// told writes what another node's books tell to those that are kept here.
func (a *API) told(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	if a.peers == nil || len(r.Header[hopHeader]) == 0 {
		x.fail(errRoute)
		return
	}
	code, err := a.take(r)
	passes := problemOf(err).RetryAfter > 0
	switch {
	case err == nil, !passes && !errors.Is(err, errHop) && !errors.Is(err, errBody):
		if err != nil {
			a.logger.Debug("the books refused what they were told", "request", x.id, "error", err)
		}
		x.write(http.StatusOK, marshal(toldCode{code, err != nil}))
		return
	case errors.Is(err, errHop):
		x.Header()[hopHeader] = []string{hopRefused}
	case errors.Is(err, compaction.ErrNotServing):
		x.Header()[hopHeader] = []string{hopAgain}
	}
	x.fail(err)
}

// take has a message taken by the books of its tenant, once it is known who sent it.
func (a *API) take(r *http.Request) (code string, err error) {
	h, err := a.hops.open(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, tellLimit))
	if err != nil {
		return "", errBody
	}
	if sum := sha256.Sum256(body); h.Kind != hopTell || !bytes.Equal(sum[:], h.Body) {
		return "", errHop
	}
	t, err := gateways.DecodeTell(body)
	if err != nil {
		return "", errors.Join(gateways.ErrTell, err)
	}
	if err := compaction.CheckTenant(t.Tenant); err != nil {
		return "", err
	}
	if n := compaction.ShardOf(t.Tenant, a.shards.Count()); !a.shards.Owned(n) {
		return "", &elsewhereError{n}
	}
	ctx, cancel := context.WithTimeout(r.Context(), usualTimeout)
	defer cancel()
	return gateways.Settlement().Take(ctx, a.engine, t)
}
