package api

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

type postingBody struct {
	Debit    accountText  `json:"debit" doc:"The account to debit."`
	Credit   accountText  `json:"credit" doc:"The account to credit."`
	Amount   positiveText `json:"amount"`
	Currency currencyCode `json:"currency"`
}

type transactionBody struct {
	Postings  []postingBody `json:"postings" minItems:"1" maxItems:"1000" doc:"What is moved, in order; all of it or nothing."`
	Metadata  metadata      `json:"metadata,omitempty"`
	Reference string        `json:"reference,omitempty" maxLength:"255" doc:"A name of your own that no other transaction of the tenant may have for two years." example:"order-1001"`
}

type batchBody struct {
	Transactions []transactionBody `json:"transactions" minItems:"1" doc:"Each is posted or refused by itself, in order: those that do not fit into 10000 postings of the batch are refused."`
}

// A transaction as answers show it. They are written by appendTransaction.
type transaction struct {
	ID        string        `json:"id" example:"txn_00000000000a100"`
	Created   moment        `json:"created"`
	Phase     string        `json:"phase" enum:"posted,held,posted_held,voided,expired" doc:"Whether the amounts were posted, held, or what was held resolved."`
	Postings  []postingBody `json:"postings"`
	Metadata  metadata      `json:"metadata"`
	Reference string        `json:"reference,omitempty"`
	Held      string        `json:"held,omitempty" doc:"The transaction whose held amounts this one resolves."`
}

type outcome struct {
	Status      int          `json:"status" doc:"201 for a transaction that was posted; otherwise the status of the problem." example:"201"`
	Transaction *transaction `json:"transaction,omitempty"`
	Problem     *Problem     `json:"problem,omitempty"`
}

type outcomes struct {
	Results []outcome `json:"results" doc:"What became of each transaction, in their order."`
}

func (a *API) registerTransactions() {
	const tag = "General ledger"
	mutation[struct{ Body transactionBody }, transaction](a, route{
		id: "post-transaction", path: "/v1/transactions", tag: tag, roles: anyKey, status: 201,
		summary: "Post a transaction",
		description: "Moves amounts between accounts, all postings or none. Accounts come into being " +
			"when they are first used.",
		example: `{"postings":[{"debit":"cash:till","credit":"sales:shop","amount":"12.34",` +
			`"currency":"EUR"}],"metadata":{"order":"1001"}}`,
		byHand: postByHand,
	}, func(x *exchange, in *struct{ Body transactionBody }) (change, error) {
		return x.post(&in.Body)
	})
	mutation[struct{ Body batchBody }, outcomes](a, route{
		id: "post-transactions", path: "/v1/transactions/batch", tag: tag, roles: anyKey,
		limit: batchLimit, summary: "Post many transactions",
		description: "Posts each transaction by itself: one that is refused, or does not fit this " +
			"description, does not stop the others. All together are durable at once, and cost one " +
			"request.",
		example: `{"transactions":[{"postings":[{"debit":"cash:till","credit":"sales:shop",` +
			`"amount":"12.34","currency":"EUR"}]}]}`,
		byHand: batchByHand,
	}, func(x *exchange, in *struct{ Body batchBody }) (change, error) {
		return x.postEach(&in.Body, make([]error, len(in.Body.Transactions))), nil
	})
	query[struct {
		ID string `path:"id" pattern:"^txn_[0-9a-z]{16}$" example:"txn_00000000000a1000"`
	}](a, route{
		id: "get-transaction", path: "/v1/transactions/{id}", tag: tag, roles: anyKey,
		summary: "Get a transaction", description: "A transaction, for ever.",
	}, func(x *exchange, in *struct {
		ID string `path:"id" pattern:"^txn_[0-9a-z]{16}$" example:"txn_00000000000a1000"`
	}) (*transaction, error) {
		p, err := ledger.Find(x.r.Context(), x.api.shards, x.tenant, in.ID)
		if err != nil {
			return nil, err
		}
		return showTransaction(&p), nil
	})
}

// post prepares the posting of one transaction.
func (x *exchange) post(body *transactionBody) (change, error) {
	t, err := body.transaction("")
	if err != nil {
		return change{}, err
	}
	tenant := x.tenant
	return change{cost: len(t.Postings), decide: func(tx *compaction.Tx) (result, error) {
		posted, err := ledger.Post(tx, tenant, t)
		if err != nil {
			return result{}, locate(err, &t)
		}
		p := &posted[0]
		return result{body: written(appendTransaction(make([]byte, 0, 512), p)),
			location: "/v1/transactions/" + p.ID}, nil
	}}, nil
}

// postEach prepares the posting of a batch. A transaction that cannot even be read is refused like
// one that cannot be posted, and costs as much as one that is; refused has those that are so
// already.
func (x *exchange) postEach(body *batchBody, refused []error) change {
	ts := make([]ledger.Transaction, 0, len(body.Transactions))
	said := make([][]byte, len(refused))
	cost := 0
	for i := range body.Transactions {
		if refused[i] == nil {
			var t ledger.Transaction
			if t, refused[i] = body.Transactions[i].transaction(""); refused[i] == nil {
				ts = append(ts, t)
				cost += len(t.Postings)
				continue
			}
		}
		// Said here and not on the shard's goroutine, which others wait for.
		said[i] = appendOutcome(nil, nil, refused[i], x.id)
		cost++
	}
	tenant, id := x.tenant, x.id
	return change{cost: cost, decide: func(tx *compaction.Tx) (result, error) {
		outcomes, err := ledger.PostEach(tx, tenant, ts)
		if err != nil {
			return result{}, err
		}
		b := append(make([]byte, 0, 64+320*len(refused)), `{"results":[`...)
		next := 0
		for i, err := range refused {
			if i > 0 {
				b = append(b, ',')
			}
			if err != nil {
				b = append(b, said[i]...)
				continue
			}
			posted, err := outcomes[next].Posted, outcomes[next].Refused
			if err != nil {
				err = locate(err, &ts[next])
			}
			b = appendOutcome(b, posted, err, id)
			next++
		}
		return result{body: written(append(b, "]}\n"...))}, nil
	}}
}

func appendOutcome(b []byte, posted *ledger.Posted, err error, request string) []byte {
	if err == nil {
		b = append(b, `{"status":201,"transaction":`...)
		b = appendTransaction(b, posted)
		return append(b[:len(b)-1], '}') // without the end of line
	}
	p := problemOf(err)
	p.Instance = request
	b = append(strconv.AppendInt(append(b, `{"status":`...), int64(p.Status), 10), `,"problem":`...)
	b = append(b, p.json()...)
	return append(b[:len(b)-1], '}')
}

// transaction reads a body as the ledger's.
func (body *transactionBody) transaction(prefix string) (ledger.Transaction, error) {
	t := ledger.Transaction{
		Postings: make([]ledger.Posting, len(body.Postings)), Reference: body.Reference,
	}
	for i := range body.Postings {
		p := &body.Postings[i]
		currency, err := parseCurrency("", p.Currency)
		if err != nil {
			return t, at(postingField(prefix, i, "currency"), errors.Unwrap(err))
		}
		amount, err := parseAmount("", p.Amount, currency)
		if err != nil {
			return t, at(postingField(prefix, i, "amount"), errors.Unwrap(err))
		}
		t.Postings[i] = ledger.Posting{Debit: ledger.AccountID(p.Debit),
			Credit: ledger.AccountID(p.Credit), Amount: amount}
	}
	t.Metadata = pairsOf(body.Metadata)
	return t, nil
}

// pairsOf returns metadata in the order of its names.
func pairsOf(m metadata) []ledger.Pair {
	if len(m) == 0 {
		return nil
	}
	pairs := make([]ledger.Pair, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, ledger.Pair{Key: k, Value: v})
	}
	slices.SortFunc(pairs, func(a, b ledger.Pair) int { return strings.Compare(a.Key, b.Key) })
	return pairs
}

func postingField(prefix string, i int, name string) string {
	return prefix + "postings." + strconv.Itoa(i) + "." + name
}

// locate adds the field of a transaction that its refusal is about, where that can be seen.
func locate(err error, t *ledger.Transaction) error {
	var account ledger.AccountID
	var name string
	switch e := err.(type) {
	case *ledger.AccountIDError:
		account = ledger.AccountID(e.ID)
	case *ledger.ControlAccountError:
		account = e.Account
	case *ledger.ClosedAccountError:
		account = e.Account
	case *ledger.OverdrawnError:
		account = e.Account
	case *ledger.OverflowError:
		for i, p := range t.Postings {
			if p.Amount == e.Needed && (p.Credit == e.Account && e.Credits ||
				p.Debit == e.Account && !e.Credits) {
				return at(postingField("", i, "amount"), err)
			}
		}
	case *ledger.TooManyPostingsError:
		return at("postings", err)
	case *ledger.SameAccountError:
		account, name = e.Account, "credit"
	case *ledger.AmountError:
		return locateAmount(err, t, e.Amount)
	case *ledger.LimitError:
		return locateAmount(err, t, e.Amount)
	case *ledger.MetadataError:
		return at("metadata", err)
	case *ledger.DuplicateReferenceError:
		return at("reference", err)
	}
	switch {
	case errors.Is(err, ledger.ErrReference):
		return at("reference", err)
	case errors.Is(err, ledger.ErrExpiry):
		return at("expires", err)
	}
	for i := range t.Postings {
		p := &t.Postings[i]
		if account == "" || p.Debit != account && p.Credit != account {
			continue
		}
		if name == "" {
			name = map[bool]string{true: "debit", false: "credit"}[p.Debit == account]
		}
		return at(postingField("", i, name), err)
	}
	return err
}

// locateAmount adds the field of the first posting of an amount.
func locateAmount(err error, t *ledger.Transaction, amount money.Amount) error {
	for i := range t.Postings {
		if t.Postings[i].Amount == amount {
			return at(postingField("", i, "amount"), err)
		}
	}
	return err
}

// showTransaction returns a transaction as answers show it.
func showTransaction(p *ledger.Posted) *transaction {
	t := &transaction{ID: p.ID, Created: moment(p.At), Phase: p.Phase.String(),
		Postings: make([]postingBody, len(p.Lines)), Metadata: metadata{}, Reference: p.Reference,
		Held: p.Held}
	for i := range p.Lines {
		l := &p.Lines[i]
		t.Postings[i] = postingBody{accountText(l.Debit), accountText(l.Credit),
			positiveText(l.Amount.String()), currencyCode(l.Amount.Currency().String())}
	}
	for _, pair := range p.Metadata {
		t.Metadata[pair.Key] = pair.Value
	}
	return t
}
