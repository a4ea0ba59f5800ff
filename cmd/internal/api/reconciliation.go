package api

import (
	"bufio"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quittance/quittance/ledger/money"
	"github.com/quittance/quittance/ledger/reconciliation"
)

type reportQuery struct {
	From   string `query:"from" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$" maxLength:"30" doc:"From when on, included: a date or a time in UTC. From the beginning unless given." example:"2026-03-01"`
	To     string `query:"to" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$" maxLength:"30" doc:"Until when, not included: a date or a time in UTC. Until now unless given." example:"2026-04-01"`
	Format string `query:"format" enum:"json,csv" doc:"csv is the export, byte-stable for a period; so is Accept: text/csv."`
	Accept string `header:"Accept" maxLength:"1000" doc:"text/csv for the export." example:"application/json"`
}

// A reportRow is a line of the report; its names are those of the export's columns.
type reportRow struct {
	Record         string       `json:"record" enum:"settled,open" doc:"A movement that was seen at the bank, or what is still to be seen."`
	Status         string       `json:"status" doc:"How it was matched, or how an open one stands." example:"auto"`
	Category       string       `json:"reporting_category" example:"charge"`
	Currency       currencyCode `json:"currency"`
	Gross          amountText   `json:"gross"`
	Fee            amountText   `json:"fee"`
	Net            amountText   `json:"net"`
	GatewayPayout  string       `json:"automatic_payout_id,omitempty" doc:"The gateway's id of the payout."`
	Source         string       `json:"source_id,omitempty" doc:"The gateway's id of what moved."`
	GatewayPayment string       `json:"payment_intent_id,omitempty" doc:"The gateway's id of the payment."`
	Method         string       `json:"payment_method_type,omitempty"`
	Customer       string       `json:"customer_id,omitempty"`
	Payment        string       `json:"payment_id,omitempty"`
	Refund         string       `json:"refund_id,omitempty"`
	Dispute        string       `json:"dispute_id,omitempty"`
	Invoice        string       `json:"invoice_id,omitempty"`
	InvoiceNumber  string       `json:"invoice_number,omitempty"`
	Quote          string       `json:"quote_id,omitempty"`
	StatementEntry string       `json:"statement_entry_id,omitempty"`
	Payable        amountText   `json:"invoice_payable,omitempty" doc:"Of the whole invoice, as are the next two."`
	Tax            amountText   `json:"invoice_tax,omitempty"`
	Promotion      amountText   `json:"invoice_promotion,omitempty"`
	Created        moment       `json:"created,omitzero"`
	Available      moment       `json:"available,omitzero"`
	Settled        moment       `json:"settled,omitzero"`
}

type report struct {
	Data []reportRow `json:"data" doc:"What was seen in the period, in that order; then what is open at its end."`
}

func (a *API) registerReconciliation() {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[report](), true, "Report")
	stream[reportQuery, report](a, route{
		id: "export-reconciliation", method: http.MethodGet, path: "/v1/reconciliation",
		tag: payoutTag, roles: anyKey, timeout: 10 * time.Minute,
		summary: "Export the reconciliation",
		description: "Every movement that the books saw at the bank in a period, with what it belongs " +
			"to, and what is open at its end; to the last minor unit. As CSV with totals, in the " +
			"columns of Stripe's payout_reconciliation.itemized where they fit.",
		media: map[string]*huma.MediaType{
			typeJSON[0]: {Schema: schema},
			"text/csv":  {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}, exportReconciliation)
}

func exportReconciliation(x *exchange, in *reportQuery) error {
	from, err := periodEnd("query.from", in.From, time.Time{})
	if err != nil {
		return err
	}
	to, err := periodEnd("query.to", in.To, x.api.clock())
	if err != nil {
		return err
	}
	if !from.Before(to) {
		return at("query.to", errPeriod)
	}
	// What fits the buffer can still be answered by a problem; later the connection is cut, so that
	// half a report is not taken for a whole one.
	out := bufio.NewWriterSize(x, 64<<10)
	h := x.Header()
	if in.Format == "csv" || in.Format == "" && strings.Contains(in.Accept, "text/csv") {
		h["Content-Type"] = []string{"text/csv; charset=utf-8"}
		h["Content-Disposition"] = []string{`attachment; filename="reconciliation.csv"`}
		_, err = reconciliation.Write(x.r.Context(), out, x.api.shards, x.tenant, from, to)
	} else {
		h["Content-Type"] = typeJSON
		err = writeReport(x, out, from, to)
	}
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil:
		return nil
	case x.status != 0:
		panic(http.ErrAbortHandler)
	}
	delete(h, "Content-Disposition")
	return err
}

// writeReport writes the report as JSON, row by row.
func writeReport(x *exchange, out io.Writer, from, to time.Time) error {
	next := `{"data":[`
	put := func(r reconciliation.Row) error {
		row := marshal(showRow(r))
		_, err := io.WriteString(out, next+string(row[:len(row)-1]))
		next = ",\n"
		return err
	}
	err := reconciliation.Rows(x.r.Context(), x.api.shards, x.tenant, from, to, put)
	if err != nil {
		return err
	}
	if next != ",\n" { // there was no row
		if _, err := io.WriteString(out, next); err != nil {
			return err
		}
	}
	_, err = io.WriteString(out, "]}\n")
	return err
}

// periodEnd reads an end of a period: a date is its first moment.
func periodEnd(field, text string, unless time.Time) (time.Time, error) {
	if text == "" {
		return unless.UTC(), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, refuse(field, "format",
		`must be a date or a time in UTC: "2026-03-01" or "2026-03-01T00:00:00Z"`)
}

func showRow(r reconciliation.Row) reportRow {
	i := r.Item
	text := func(a money.Amount) amountText { return amountText(a.String()) }
	out := reportRow{
		Record: r.Record, Status: r.Status, Category: i.Category,
		Currency: currencyCode(i.Gross.Currency().String()), Gross: text(i.Gross), Fee: text(i.Fee),
		Net: text(i.Net), GatewayPayout: i.GatewayPayout, Source: i.Source,
		GatewayPayment: i.GatewayPayment, Method: i.Method, Customer: i.Customer, Payment: i.Payment,
		Refund: i.Refund, Dispute: i.Dispute, Invoice: i.Invoice, InvoiceNumber: i.InvoiceNumber,
		Quote: i.Quote, StatementEntry: i.StatementEntry, Created: moment(i.Created),
		Available: moment(i.Available), Settled: moment(i.Settled),
	}
	if i.Invoice != "" {
		out.Payable, out.Tax, out.Promotion = text(i.Payable), text(i.Tax), text(i.Promotion)
	}
	return out
}
