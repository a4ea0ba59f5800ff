package api

import (
	"encoding/base64"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// lists are the operations whose answer comes in pages.
func (w *world) lists() []*route {
	var all []*route
	for _, rt := range w.api.routes {
		op := operationOf(w.api.huma.OpenAPI().Paths[rt.path], rt.method)
		for _, p := range op.Parameters {
			if p.Name == "cursor" {
				all = append(all, rt)
			}
		}
	}
	return all
}

// lister is a role that may use every list.
const lister = "platform/platform"

// page asks for a page of a list of acme's, with more of a query such as "&limit=1".
func (w *world) page(rt *route, ids map[string]string, more string) request {
	w.t.Helper()
	r := w.requestOf(rt, lister, ids)
	if !strings.Contains(r.path, "?") {
		more = strings.Replace(more, "&", "?", 1)
	}
	r.path += more
	r.header = map[string]string{tenantHeader: "acme"}
	return r
}

// cursorOf is a cursor that names a place in the list that a request asks for.
func (w *world) cursorOf(rt *route, r request, place string) string {
	tenant := r.header[tenantHeader]
	x := &exchange{api: w.api, route: rt, tenant: tenant, r: httptest.NewRequest("GET", r.path, nil)}
	return x.cursor(place)
}

// statementOf is the body of a statement's entry that matches nothing.
func statementOf(id string) string {
	return `{"id":"` + id + `","reference":"none","amount":"0.77","currency":"EUR",` +
		`"booked_on":"2026-03-01"}`
}

// TestPagesOfEachList walks through every list a row at a time and wants what a long page shows.
func TestPagesOfEachList(t *testing.T) {
	w := newWorld(t)
	ids := w.records("acme")
	for _, r := range []struct{ path, body string }{
		{"/v1/customers", `{"name":"Bob"}`},
		{"/v1/items", itemExample},
		{"/v1/promotions", `{"name":"Summer","percent":"5"}`},
		{"/v1/promotions/" + ids["pro"] + "/codes", `{"code":"MORE"}`},
		{"/v1/payments", `{"invoice":"` + ids["inv"] + `","gateway":"offline","method":"cash",` +
			`"amount":"2"}`},
		{"/v1/refunds", `{"payment":"` + ids["pay"] + `","amount":"0.10"}`},
		{"/v1/transactions", `{"postings":[{"debit":"` + ids["account"] + `","credit":"b",` +
			`"amount":"1","currency":"EUR"}]}`},
		{"/v1/holds", `{"postings":[{"debit":"a","credit":"b","amount":"1","currency":"EUR"}]}`},
		{"/v1/statement_entries", statementOf("e1")},
		{"/v1/statement_entries", statementOf("e2")},
	} {
		w.want(201, request{as: lister, method: "POST", path: r.path, body: r.body,
			header: map[string]string{tenantHeader: "acme"}})
	}
	walked := 0
	for _, rt := range w.lists() {
		all := w.want(200, w.page(rt, ids, "&limit=100")).body["data"].([]any)
		var found []any
		cursor := ""
		for range len(all) + 1 {
			a := w.want(200, w.page(rt, ids, "&limit=1"+cursor))
			found = append(found, a.body["data"].([]any)...)
			if a.at("has_more") != "true" {
				break
			}
			cursor = "&cursor=" + a.at("next_cursor")
		}
		if len(all) > 0 && !reflect.DeepEqual(found, all) {
			t.Errorf("%s: a row at a time %v, want %v", rt.id, found, all)
		}
		if len(all) > 1 {
			walked++
		}
	}
	if walked < 14 {
		t.Errorf("only %d lists have several rows", walked)
	}
}

// refusesCursor sends a cursor with a request of a list, and wants it refused.
func (w *world) refusesCursor(why string, r request, cursor string) {
	w.t.Helper()
	r.path += "&cursor=" + cursor
	if !strings.Contains(r.path, "?") {
		r.path = strings.Replace(r.path, "&", "?", 1)
	}
	rec := w.send(r)
	if rec.Code != 422 {
		w.t.Errorf("%s: %s: %d %s", why, r.path, rec.Code, rec.Body)
		return
	}
	answer{w.t, rec, decoded(w.t, rec.Body.Bytes())}.is("type", "/problems/invalid-request",
		"field", "query.cursor", "rule", "cursor", "detail", errCursor.Error())
}

// somewhere is a place that every list takes.
const somewhere = "1-1"

// TestCursorMadeUp refuses, in every list, what is no cursor: it was answered as the end of the
// list, so that whoever sent it took a part for the whole.
func TestCursorMadeUp(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	w := newWorld(t)
	ids := w.records("acme")
	for _, rt := range w.lists() {
		r := w.page(rt, ids, "")
		own := w.cursorOf(rt, r, somewhere)
		w.want(200, w.page(rt, ids, "&limit=7&cursor="+own))
		for _, text := range []string{"zzz", "a", "abcd", own[:len(own)-1], own[1:], own + "AAAA",
			base64.RawURLEncoding.EncodeToString([]byte(somewhere)), // as cursors once were
			base64.RawURLEncoding.EncodeToString(make([]byte, cursorSum)),
			w.cursorOf(rt, r, "")} {
			w.refusesCursor("made up", r, text)
		}
		for i := range own {
			other := letters[(strings.IndexByte(letters, own[i])+1)%len(letters)]
			w.refusesCursor("a letter differs", r, own[:i]+string(other)+own[i+1:])
		}
	}
}

// TestCursorOfAnotherList refuses, in every list, a cursor of each other list and of the same list
// of another tenant.
func TestCursorOfAnotherList(t *testing.T) {
	w := newWorld(t)
	ids := w.records("acme")
	lists := w.lists()
	if len(lists) < 20 {
		t.Fatalf("only %d lists", len(lists))
	}
	for _, rt := range lists {
		r := w.page(rt, ids, "")
		for _, of := range lists {
			if of != rt {
				w.refusesCursor("of "+of.id, r, w.cursorOf(of, w.page(of, ids, ""), somewhere))
			}
		}
		if rt.parts {
			continue
		}
		bolt := w.page(rt, ids, "")
		bolt.header = map[string]string{tenantHeader: "bolt"}
		w.refusesCursor("of another tenant", bolt, w.cursorOf(rt, r, somewhere))
	}
}

// TestCursorOfAnotherFilter refuses a cursor where the list is another one by a filter, an order or
// what the path names; how long pages are may change on the way.
func TestCursorOfAnotherFilter(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.want(201, request{as: "acme/finance", method: "POST", path: "/v1/transactions",
			body: strings.Replace(sale, `,"reference":"r1"`, "", 1)})
	}
	customer := w.want(201, request{as: "acme/tradesperson", method: "POST", path: "/v1/customers",
		body: `{"name":"Ann"}`}).at("id")
	for range 2 {
		id := w.want(201, request{as: "acme/tradesperson", method: "POST", path: "/v1/quotes",
			body: quoteOf(customer)}).at("id")
		w.want(200, request{as: "acme/tradesperson", method: "POST",
			path: "/v1/quotes/" + id + "/issue"})
	}
	get := func(status int, path string) answer {
		t.Helper()
		return w.want(status, request{as: "acme/finance", method: "GET", path: path})
	}
	for _, c := range []struct{ path, like, unlike string }{
		{"/v1/accounts/cash:till/history?limit=1", "/v1/accounts/cash:till/history?limit=2",
			"/v1/accounts/cash:till/history?order=desc"},
		{"/v1/accounts/cash:till/history?limit=1", "/v1/accounts/cash%3Atill/history?limit=2",
			"/v1/accounts/sales:shop/history?limit=1"},
		{"/v1/accounts/cash:till/history?limit=1&order=desc",
			"/v1/accounts/cash:till/history?order=desc&limit=1", "/v1/accounts/cash:till/history?limit=1"},
		{"/v1/accounts?limit=1", "/v1/accounts?limit=3", "/v1/accounts?prefix=s"},
	} {
		cursor := "&cursor=" + get(200, c.path).at("next_cursor")
		get(200, c.path+cursor)
		get(200, c.like+cursor)
		get(422, c.unlike+cursor).is("field", "query.cursor", "rule", "cursor")
	}
	all := get(200, "/v1/quotes?limit=1")
	issued := get(200, "/v1/quotes?status=issued&limit=1")
	for _, c := range []struct{ path, cursor string }{
		{"/v1/quotes?status=issued", all.at("next_cursor")},
		{"/v1/quotes?", issued.at("next_cursor")},
		{"/v1/quotes?status=draft", issued.at("next_cursor")},
		{"/v1/quotes?customer=" + customer, issued.at("next_cursor")},
	} {
		get(422, c.path+"&cursor="+c.cursor).is("field", "query.cursor", "rule", "cursor")
	}
	get(200, "/v1/quotes?status=issued&cursor="+issued.at("next_cursor")).is("has_more", "false")
}

// TestForwardPages walks through the list of all tenants with each page asked of another node,
// about whomever: the nodes that have parts of the list must take each other's cursors.
func TestForwardPages(t *testing.T) {
	c := newCluster(t, 3)
	for _, about := range []string{"platform", "acme"} {
		var found []string
		cursor := ""
		for n := 0; n < 4; n++ {
			c.entry = n % len(c.nodes)
			a := c.want(200, request{as: lister, method: "GET", path: "/v1/tenants?limit=1" + cursor,
				header: map[string]string{tenantHeader: about}})
			found = append(found, a.at("data.0.id"))
			if a.at("has_more") != "true" {
				break
			}
			cursor = "&cursor=" + a.at("next_cursor")
		}
		if got := strings.Join(found, " "); got != "acme bolt platform" {
			t.Errorf("about %s: %q", about, got)
		}
	}
	for c.entry = range c.nodes {
		c.want(422, request{as: lister, method: "GET", path: "/v1/tenants?cursor=zzz"}).is(
			"field", "query.cursor", "rule", "cursor")
	}
}

// FuzzCursor has no text be taken for the cursor of a list but the one that a page of it gave: two
// texts for one place, or a place of another list, would show rows twice or leave some out.
func FuzzCursor(f *testing.F) {
	x := &exchange{route: &route{id: "list-quotes"}, tenant: "acme",
		r: httptest.NewRequest("GET", "/v1/quotes?status=sent&limit=3", nil)}
	f.Add(x.cursor("acme/quo_1"))
	f.Add(x.cursor("acme/quo_1") + "A")
	f.Add("AAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		place, err := x.place(text)
		if err == nil && x.cursor(place) != text {
			t.Errorf("%q is taken for the cursor of %q, which is %q", text, place, x.cursor(place))
		}
		if err != nil && place != "" {
			t.Errorf("%q is refused and names %q", text, place)
		}
	})
}
