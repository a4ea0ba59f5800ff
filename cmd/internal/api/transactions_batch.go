package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quittance/quittance/ledger"
)

// postOneByOne posts a batch that is not of the plain kind. Each transaction is held against the
// description by itself: one that does not fit it is refused and does not stop the others. What is
// no batch at all is left to the description's machinery: a body that is not such JSON as this API
// takes, and anything but a list of transactions. So is a list of more than a batch can post.
func postOneByOne(x *exchange) bool {
	fields, err := scan(x.body)
	if err != nil || len(fields) != 1 || fields[0].Name != "transactions" {
		return false
	}
	var elements []json.RawMessage
	if json.Unmarshal(fields[0].Value, &elements) != nil || len(elements) == 0 ||
		len(elements) > ledger.MaxCommandPostings {
		return false
	}
	body := batchBody{Transactions: make([]transactionBody, len(elements))}
	unfit := make([]error, len(elements))
	for i, text := range elements {
		unfit[i] = x.api.fit(text, &body.Transactions[i], max(1, batchFaults/len(elements)))
	}
	x.fields = fields
	x.do(x.postEach(&body, unfit))
	return true
}

// batchFaults is about how many faults a batch is told of at most, beyond the first of each
// transaction: the answer is remembered as one record. With 20 of each, 1.5 MB of transactions that
// do not fit were answered by 14.6 MB.
const batchFaults = 2000

// fit reads a transaction, or refuses one that does not fit the description: for so many faults at
// most.
func (a *API) fit(text json.RawMessage, body *transactionBody, faults int) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	registry, found := a.huma.OpenAPI().Components.Schemas, &huma.ValidateResult{}
	path := huma.NewPathBuffer(nil, 0)
	path.Push("body")
	huma.Validate(registry, registry.Map()["TransactionBody"], path, huma.ModeWriteToServer, v, found)
	if len(found.Errors) > 0 {
		return faultsOf(http.StatusUnprocessableEntity, found.Errors, min(faults, maxFaults))
	}
	return json.Unmarshal(text, body)
}
