package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// TestTransaction posts one and finds it everywhere it is to be seen.
func TestTransaction(t *testing.T) {
	w := newWorld(t)
	a := w.want(201, request{as: "acme/tradesperson", method: "POST", path: "/v1/transactions",
		body: sale}).is("phase", "posted", "postings.0.amount", "12.34", "metadata.a", "1",
		"reference", "r1", "postings.0.currency", "EUR")
	if got := a.rec.Header().Get("Location"); got != "/v1/transactions/"+a.at("id") {
		t.Errorf("Location is %q", got)
	}
	again := w.want(200, request{as: "acme/finance", method: "GET",
		path: "/v1/transactions/" + a.at("id")})
	if !reflect.DeepEqual(a.body, again.body) {
		t.Errorf("found %v, posted %v", again.body, a.body)
	}
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts/cash:till"}).is(
		"balances.0.balance", "12.34", "balances.0.debits", "12.34", "balances.0.credits", "0.00",
		"balances.0.currency", "EUR", "balances.0.pending_debits", "0.00")
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts/sales:shop/history"}).
		is("data.0.balance", "-12.34", "data.0.side", "credit", "data.0.transaction", a.at("id"),
			"has_more", "false")
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts?prefix=sales"}).
		is("data.0.account", "sales:shop", "data.1.account", "")
	w.want(404, request{as: "bolt/finance", method: "GET", path: "/v1/transactions/" + a.at("id")})
	w.want(404, request{as: "bolt/finance", method: "GET", path: "/v1/accounts/cash:till"})
}

// TestTransactionRefused wants each refusal under its own kind, with the field it is about.
func TestTransactionRefused(t *testing.T) {
	w := newWorld(t)
	w.want(200, request{as: "acme/finance", method: "PUT", path: "/v1/accounts/wallet:ann",
		body: `{"currency":"EUR","rule":"debits_must_not_exceed_credits"}`}).
		is("rule", "debits_must_not_exceed_credits", "balance", "0.00")
	posting := func(debit, credit, amount, currency string) string {
		return `{"postings":[{"debit":"` + debit + `","credit":"` + credit + `","amount":"` + amount +
			`","currency":"` + currency + `"}]}`
	}
	for _, c := range []struct {
		status      int
		slug, field string
		body        string
	}{
		{422, "account-overdrawn", "postings.0.debit", posting("wallet:ann", "b", "1.50", "EUR")},
		{422, "transaction-invalid", "postings.0.credit", posting("a", "a", "1", "EUR")},
		{422, "transaction-invalid", "postings.0.amount", posting("a", "b", "0", "EUR")},
		{422, "amount-precision", "postings.0.amount", posting("a", "b", "1.234", "EUR")},
		{422, "amount-precision", "postings.0.amount", posting("a", "b", "1.5", "JPY")},
		{422, "currency-unknown", "postings.0.currency", posting("a", "b", "1", "XYZ")},
		{422, "account-controlled", "postings.0.credit", posting("a", "receivable:x", "1", "EUR")},
		{422, "invalid-request", "postings.0.debit", posting("a::b", "b", "1", "EUR")},
		{422, "invalid-request", "postings.0.amount", posting("a", "b", "-1", "EUR")},
		{422, "invalid-request", "postings.0.amount", `{"postings":[{"debit":"a","credit":"b","amount":1,"currency":"EUR"}]}`},
		{422, "invalid-request", "postings", `{"postings":[]}`},
		{422, "invalid-request", "Postings", `{"Postings":[]}`},
		{400, "malformed-json", "postings.0", `{"postings":[}`},
		{400, "malformed-json", "", sale + "x"},
		{400, "malformed-json", "postings", `{"postings":[],"postings":[]}`},
		{400, "malformed-json", "postings.0.credit", `{"postings":[{"credit":"a","credit":"a"}]}`},
		{400, "malformed-json", "metadata.a", `{"metadata":{"a":"1","a":"1"}}`},
	} {
		a := w.want(c.status, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
			body: c.body}).is("type", "/problems/"+c.slug)
		if c.field != "Postings" {
			a.is("field", c.field)
		}
		if a.rec.Header().Get("Content-Type") != "application/problem+json" || a.at("instance") == "" {
			t.Errorf("%v %s", a.rec.Header(), a.rec.Body)
		}
	}
	w.want(422, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body: posting("wallet:ann", "b", "1.50", "EUR")}).is("needed", "1.50", "available", "0.00",
		"currency", "EUR", "rule", "debits_must_not_exceed_credits")
}

// TestReadTwice leaves a body with a member twice to what refuses it, whichever member that is: the
// reader of plain bodies must not choose between two debit accounts.
func TestReadTwice(t *testing.T) {
	read := func(text string) bool {
		d := reader{text: text, raw: []byte(text)}
		return d.whole(func() bool { return d.transaction(&transactionBody{}, true) })
	}
	batch := func(text string) bool {
		d := reader{text: text, raw: []byte(text)}
		return d.whole(func() bool { return d.batch(&batchBody{}) })
	}
	whole := `{"transactions":[` + sale + `]}`
	if !read(sale) || !batch(whole) {
		t.Fatal("a plain body is not read")
	}
	for _, member := range []string{`"debit":"cash:till"`, `"credit":"sales:shop"`,
		`"amount":"12.34"`, `"currency":"EUR"`, `"a":"1"`, `"reference":"r1"`,
		`"metadata":{"b":"2","a":"1"}`} {
		text := strings.Replace(sale, member, member+","+member, 1)
		if read(text) {
			t.Errorf("%s is read", text)
		}
		if text = `{"transactions":[` + text + `]}`; batch(text) {
			t.Errorf("%s is read", text)
		}
	}
	postings := sale[1:strings.Index(sale, `,"metadata"`)]
	if text := strings.Replace(sale, postings, postings+","+postings, 1); read(text) {
		t.Errorf("%s is read", text)
	}
	list := whole[1 : len(whole)-1]
	if text := "{" + list + "," + list + "}"; batch(text) {
		t.Errorf("%s is read", text)
	}
}

// TestBatch wants an outcome for each transaction: one refused does not stop the others.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	one := `{"postings":[{"debit":"a","credit":"b","amount":"1","currency":"EUR"}]}`
	bad := `{"postings":[{"debit":"a","credit":"a","amount":"1","currency":"EUR"}]}`
	odd := `{"postings":[{"debit":"a","credit":"b","amount":"1.23","currency":"JPY"}]}`
	spaced := strings.ReplaceAll(one, ":", " : ")
	a := w.want(200, request{as: "acme/finance", method: "POST", path: "/v1/transactions/batch",
		body: `{"transactions":[` + strings.Join([]string{one, bad, odd, spaced}, " ,") + `]}`})
	a.is("results.0.status", "201", "results.1.status", "422", "results.2.status", "422",
		"results.3.status", "201", "results.1.problem.type", "/problems/transaction-invalid",
		"results.2.problem.field", "postings.0.amount", "results.3.transaction.phase", "posted")
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts/a"}).
		is("balances.0.balance", "2.00")
}

// TestBatchMalformed wants an outcome of its own for a transaction that does not fit the
// description: one malformed account once refused the whole batch. What is no batch is still
// refused whole, and a repeated batch gets its first answer.
func TestBatchMalformed(t *testing.T) {
	w := newWorld(t)
	one := `{"postings":[{"debit":"a","credit":"b","amount":"1","currency":"EUR"}]}`
	account := strings.Replace(one, `"a"`, `"a b"`, 1)
	number := strings.Replace(one, `"1"`, `1`, 1)
	unknown := strings.Replace(one, `{`, `{"surprise":"1",`, 1)
	escaped := strings.Replace(one, `"b"`, `"\u0062"`, 1)
	batch := func(key string, ts ...string) request {
		return request{as: "acme/finance", method: "POST", path: "/v1/transactions/batch",
			body:   `{"transactions":[` + strings.Join(ts, ",") + `]}`,
			header: map[string]string{"Idempotency-Key": key}}
	}
	first := w.want(200, batch("k1", one, account, number, unknown, `7`, escaped))
	first.is("results.0.status", "201", "results.1.status", "422",
		"results.1.problem.field", "postings.0.debit", "results.1.problem.rule", "pattern",
		"results.2.problem.field", "postings.0.amount", "results.3.problem.field", "surprise",
		"results.4.status", "422", "results.5.status", "201")
	again := w.want(200, batch("k1", one, account, number, unknown, `7`, escaped))
	if again.rec.Header().Get("Idempotency-Replayed") != "true" ||
		again.rec.Body.String() != first.rec.Body.String() {
		t.Errorf("the repeated batch is answered %s", again.rec.Body)
	}
	w.want(409, batch("k1", one, account))
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts/a"}).
		is("balances.0.balance", "2.00")
	w.want(422, batch("k2", one, `null`)).is("field", "transactions.1")
	w.want(422, batch("k3")).is("field", "transactions", "rule", "min_items")
	w.want(422, request{as: "acme/finance", method: "POST", path: "/v1/transactions/batch",
		body: `{"transactions":[` + account + `],"more":"1"}`})
	many := strings.TrimSuffix(strings.Repeat("{},", ledger.MaxCommandPostings+1), ",")
	w.want(422, batch("k4", many)).is("field", "transactions.0.postings", "rule", "required")
}

// TestHold holds amounts, posts a part, and finds nothing held afterwards.
func TestHold(t *testing.T) {
	w := newWorld(t)
	a := w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/holds",
		body: `{"postings":[{"debit":"a","credit":"b","amount":"5","currency":"EUR"}],
			"expires":"2099-01-01T00:00:00Z"}`}).is("phase", "held")
	path := "/v1/holds/" + a.at("id")
	w.want(200, request{as: "acme/finance", method: "GET", path: path}).is(
		"expires", "2099-01-01T00:00:00.000Z", "postings.0.amount", "5.00")
	w.want(200, request{as: "acme/finance", method: "GET", path: "/v1/holds"}).is(
		"data.0.id", a.at("id"))
	w.want(404, request{as: "bolt/finance", method: "GET", path: path})
	w.want(422, request{as: "acme/finance", method: "POST", path: path + "/post",
		body: `{"amounts":["6"]}`}).is("type", "/problems/hold-invalid", "needed", "6.00")
	w.want(200, request{as: "acme/finance", method: "POST", path: path + "/post",
		body: `{"amounts":["2"]}`}).is("phase", "posted_held", "held", a.at("id"))
	w.want(409, request{as: "acme/finance", method: "POST", path: path + "/void"}).is(
		"type", "/problems/hold-resolved")
	w.want(404, request{as: "acme/finance", method: "GET", path: path})
}

// TestPages walks through a list in both orders without missing or repeating a row.
func TestPages(t *testing.T) {
	w := newWorld(t)
	for range 7 {
		w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
			body: strings.Replace(sale, `,"reference":"r1"`, "", 1)})
	}
	for _, order := range []string{"asc", "desc"} {
		seen := map[string]bool{}
		for cursor := ""; ; {
			a := w.want(200, request{as: "acme/finance", method: "GET",
				path: "/v1/accounts/cash:till/history?limit=3&order=" + order + cursor})
			for _, row := range a.body["data"].([]any) {
				seen[row.(map[string]any)["transaction"].(string)] = true
			}
			if a.at("next_cursor") == "" {
				break
			}
			cursor = "&cursor=" + a.at("next_cursor")
		}
		if len(seen) != 7 {
			t.Errorf("%s: %d rows, want 7", order, len(seen))
		}
	}
	w.want(422, request{as: "acme/finance", method: "GET", path: "/v1/accounts?cursor=a"})
}

// TestAppendTransaction compares the writer by hand with encoding/json, texts that need escapes
// included.
func TestAppendTransaction(t *testing.T) {
	eur := money.MustParseCurrency("EUR")
	p := ledger.Posted{ID: "txn_1", At: time.Unix(1, 5e6).UTC(), Phase: ledger.PhasePosted,
		Lines: []ledger.Line{
			{Posting: ledger.Posting{Debit: "a", Credit: "b", Amount: money.New(5, eur)}},
			{Posting: ledger.Posting{Debit: "c:d", Credit: "e", Amount: money.New(1234, eur)}},
		},
		Metadata:  []ledger.Pair{{Key: "a<", Value: "\"\n\u2028é"}, {Key: "b", Value: ""}},
		Reference: "r\\1", Held: "txn_0"}
	got, want := string(appendTransaction(nil, &p)), string(marshal(showTransaction(&p)))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzReadTransaction compares the reader of plain bodies with the strict machinery: whatever it
// takes must be taken there too, so has no member twice, be read alike, and be told apart by the
// same fields.
func FuzzReadTransaction(f *testing.F) {
	f.Add(sale)
	f.Add(`{ "postings" : [ { "debit":"a:b", "credit":"c", "amount":"0", "currency":"EUR" } ] }`)
	f.Add(`{"postings":[{"debit":"a","debit":"b","credit":"c","amount":"01","currency":"EUR"}]}`)
	f.Add(`{"metadata":{},"postings":[],"reference":""}`)
	f.Add(strings.Replace(sale, `"reference":"r1"`, `"reference":"","reference":"r1"`, 1))
	f.Add(strings.Replace(sale, `"b":"2"`, `"a":"2"`, 1))
	f.Add(strings.Replace(sale, `"metadata":{`, `"metadata":{},"metadata":{`, 1))
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, text string) {
		d := reader{text: text, raw: []byte(text)}
		var fast, slow transactionBody
		if !d.whole(func() bool { return d.transaction(&fast, true) }) {
			return
		}
		if repeats(text) {
			t.Fatalf("%q has a member twice", text)
		}
		fields, err := scan([]byte(text))
		if err != nil {
			t.Fatalf("%q is not taken by scan: %v", text, err)
		}
		if faults := w.validate(t, "transactionBody", text); len(faults) > 0 {
			t.Fatalf("%q does not fit the description: %v", text, faults)
		}
		if err := json.Unmarshal([]byte(text), &slow); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%q is read as %+v and %+v", text, fast, slow)
		}
		if got := d.sorted(); !reflect.DeepEqual(got, fields) {
			t.Fatalf("%q has the fields %q and %q", text, got, fields)
		}
	})
}

// BenchmarkPostTransaction is the busiest route without a network: the handler and the engine on
// the embedded log, from 64 callers at once.
func BenchmarkPostTransaction(b *testing.B) {
	w := newWorld(b)
	body := strings.Replace(sale, `,"reference":"r1"`, "", 1)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			rec := w.send(request{as: "acme/finance", method: "POST", path: "/v1/transactions", body: body})
			if rec.Code != 201 {
				b.Fatal(rec.Body)
			}
		}
	})
}

// BenchmarkServeTransaction is the same over 64 kept connections of a loopback network, with a
// client that costs next to nothing.
func BenchmarkServeTransaction(b *testing.B) {
	w := newWorld(b)
	server := httptest.NewServer(w.api)
	defer server.Close()
	body := strings.Replace(sale, `,"reference":"r1"`, "", 1)
	text := fmt.Sprintf("POST /v1/transactions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.keys["acme/finance"],
		len(body), body)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		answer := make([]byte, 4096)
		for pb.Next() {
			if _, err := io.WriteString(conn, text); err != nil {
				b.Error(err)
				return
			}
			n, err := conn.Read(answer) // an answer fits a segment
			if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 201")) {
				b.Errorf("%v %s", err, answer[:n])
				return
			}
		}
	})
}

// BenchmarkReadTransaction is the part of it that reads the body.
func BenchmarkReadTransaction(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		x := exchange{body: []byte(sale)}
		d := reader{text: string(x.body), raw: x.body}
		var body transactionBody
		if !d.whole(func() bool { return d.transaction(&body, true) }) {
			b.Fatal("not read")
		}
		if _, err := body.transaction(""); err != nil {
			b.Fatal(err)
		}
	}
}
