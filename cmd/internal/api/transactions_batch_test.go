package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
)

// unfit is a list of so many transactions, each with twenty members that are not known.
func unfit(n int) string {
	var members []string
	for i := range 20 {
		members = append(members, fmt.Sprintf(`"f%d":1`, i))
	}
	one := "{" + strings.Join(members, ",") + "}"
	return `{"transactions":[` + strings.Repeat(one+",", n-1) + one + "]}"
}

// TestBatchOfUnfit: the answer to a batch of what does not fit the description can be remembered,
// and such a batch costs as much as one that is posted. With twenty faults of each transaction the
// answer was ten times the request, more than a record may have on Kafka, and its cost was nothing.
func TestBatchOfUnfit(t *testing.T) {
	w := newWorld(t)
	for n, faults := range map[int]int{1: 20, ledger.MaxCommandPostings: 1} {
		a := w.want(200, request{as: "acme/finance", method: "POST",
			path: "/v1/transactions/batch", body: unfit(n)})
		if size := a.rec.Body.Len(); size > compaction.MaxRecordBytes/2 {
			t.Errorf("%d transactions are answered by %d bytes", n, size)
		}
		var got outcomes
		if err := json.Unmarshal(a.rec.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for i, r := range got.Results {
			if r.Status != 422 || max(1, len(r.Problem.Errors)) != faults || r.Problem.Field == "" {
				t.Fatalf("transaction %d of %d: %d %+v, want %d faults", i, n, r.Status, r.Problem, faults)
			}
		}
		if len(got.Results) != n {
			t.Errorf("%d outcomes of %d transactions", len(got.Results), n)
		}
	}
	x := &exchange{api: w.api, tenant: "acme", id: "req_1"}
	refused := []error{errNotFound, nil, errNotFound}
	body := &batchBody{Transactions: make([]transactionBody, 3)}
	body.Transactions[1].Postings = []postingBody{{"a", "b", "1.00", "XXY"}}
	if c := x.postEach(body, refused); c.cost != 3 {
		t.Errorf("a batch of three that are refused costs %d", c.cost)
	}
}
