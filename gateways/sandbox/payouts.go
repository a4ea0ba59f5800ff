package sandbox

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
)

// payDaily pays out when a day has begun that was not paid out, until ctx ends.
func (p *Provider) payDaily(ctx context.Context) error {
	for {
		today := day(p.now())
		err := p.do(ctx, func(tx *compaction.Tx) error {
			var c clock
			o, ok, err := load(tx, kindBook, bookID, &c)
			if err != nil || !ok || c.Day >= today {
				return err
			}
			c.Day = today
			if err := save(tx, o, c); err != nil {
				return err
			}
			_, err = p.payOut(tx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			p.o.Logger.Warn("the sandbox could not pay out", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// payOutNow is a test helper: what the daily run does, now.
func payOutNow(c *call) (int, any, error) {
	made, err := c.p.payOut(c.tx)
	l := list{Object: "list", URL: "/v1/payouts", Data: []any{}}
	for _, po := range made {
		l.Data = append(l.Data, po)
	}
	return 200, l, err
}

// payOut pays out, per currency, every movement that is in no payout, where the sum is above zero.
func (p *Provider) payOut(tx *compaction.Tx) ([]payout, error) {
	rows, err := Objects.Lookup(tx, "parent",
		compaction.Page{Prefix: compaction.Key(books, kindBalance, unpaid(""))})
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	var currencies []string // in the order of the index, which is sorted
	for _, r := range rows {
		var t balance
		if err := json.Unmarshal(r.Value.JSON, &t); err != nil {
			return nil, err
		}
		if _, seen := sums[t.Currency]; !seen {
			currencies = append(currencies, t.Currency)
		}
		sums[t.Currency] += t.Net
	}
	var made []payout
	for _, currency := range currencies {
		if sums[currency] <= 0 {
			continue
		}
		po, err := p.pay(tx, currency, sums[currency], rows)
		if err != nil {
			return nil, err
		}
		made = append(made, po)
	}
	return made, nil
}

// pay makes the payout of a currency and puts its movements into it.
func (p *Provider) pay(tx *compaction.Tx, currency string, sum int64,
	rows []compaction.Row[Object]) (payout, error) {
	o, err := create(tx, kindPayout, "po")
	if err != nil {
		return payout{}, err
	}
	for _, r := range rows {
		if r.Value.Parent == unpaid(currency) {
			r.Value.Parent = o.ID
			Objects.Put(tx, r.Key, r.Value)
		}
	}
	t, err := move(tx, balance{Amount: -sum, Currency: currency, ReportingCategory: "payout",
		Type: "payout", Source: o.ID})
	if err != nil {
		return payout{}, err
	}
	own, _, err := get(tx, t.ID)
	if err != nil {
		return payout{}, err
	}
	own.Parent = o.ID
	Objects.Put(tx, compaction.Key(books, own.ID), own)
	arrival := tx.Now().Add(p.o.Arrival)
	po := payout{ID: o.ID, Object: kindPayout, Amount: sum, ArrivalDate: arrival.Unix(),
		Automatic: true, BalanceTransaction: &t.ID, Created: tx.Now().Unix(), Currency: currency,
		Metadata: map[string]string{}, Method: "standard", ReconciliationStatus: "completed",
		SourceType: "card", Status: "in_transit", Type: "bank_account",
		TraceID: trace{"supported", "SBX" + strings.ToUpper(o.ID[3:])}}
	o.Due = arrival
	if err := save(tx, o, po); err != nil {
		return po, err
	}
	if err := emit(p.dice, tx, "payout.created", po.ID, po); err != nil {
		return po, err
	}
	if p.o.Arrival <= 0 {
		o.Due, po.Status = time.Time{}, "paid"
		return po, first(save(tx, o, po), emit(p.dice, tx, "payout.paid", po.ID, po))
	}
	return po, nil
}

// arrive is called when a payout should be at the bank.
func arrive(tx *compaction.Tx, o Object) error {
	var po payout
	if err := json.Unmarshal(o.JSON, &po); err != nil {
		return err
	}
	o.Due = time.Time{}
	if po.Status != "in_transit" {
		return save(tx, o, po)
	}
	po.Status = "paid"
	return first(save(tx, o, po), emit(newDice(Faults{}), tx, "payout.paid", po.ID, po))
}

// failPayout is a test helper: the bank sends a payout back. Its sum is in the balance again.
func failPayout(c *call) (int, any, error) {
	var po payout
	o, ok, err := load(c.state, kindPayout, c.id, &po)
	if err != nil || !ok {
		return 0, nil, first(err, missing(kindPayout, c.id, "payout"))
	}
	if po.Status == failed {
		return 0, nil, invalid("payout", "payout_unexpected_state", "The payout has failed.")
	}
	code := "account_closed"
	po.Status, po.FailureCode = failed, &code
	_, err = c.move(balance{Amount: po.Amount, Currency: po.Currency, Source: po.ID,
		ReportingCategory: "payout_reversal", Type: "payout_failure"})
	if err := first(err, save(c.tx, o, po)); err != nil {
		return 0, nil, err
	}
	return 200, po, c.emit("payout.failed", po.ID, po)
}

// advanceClock is a test helper: the parameter seconds is added to the clock of the books.
func advanceClock(c *call) (int, any, error) {
	const most = 400 * 24 * 3600
	seconds, err := c.form.amount("seconds")
	if err != nil {
		return 0, nil, err
	}
	if seconds == 0 || seconds > most {
		return 0, nil, invalid("seconds", "parameter_invalid_integer", "Invalid integer: seconds.")
	}
	var k clock
	o, ok, err := load(c.state, kindBook, bookID, &k)
	if err != nil || !ok {
		return 0, nil, first(err, missing(kindBook, bookID, "clock"))
	}
	k.Offset += seconds * int64(time.Second)
	c.p.offset.Store(k.Offset)
	return 200, map[string]int64{"now": c.p.now().Unix()}, save(c.tx, o, k)
}
