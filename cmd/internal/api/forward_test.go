package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting/access"
)

// TestForwardTenancy sends every operation as every role about every tenant's records through every
// node: who may not is told so, and another tenant's record is one that nobody has, whichever nodes
// the request crosses.
func TestForwardTenancy(t *testing.T) {
	c := newCluster(t, 3)
	own, other := c.records("acme"), c.records("bolt")
	for _, rt := range c.api.routes {
		if rt.roles == nobody {
			continue
		}
		for _, as := range []string{"acme/tradesperson", "acme/finance", "platform/platform",
			"platform/finance", "acme/customer"} {
			role := strings.Split(as, "/")[1]
			allowed := slices.Contains(strings.Fields(tenancy[rt.id]), role)
			for c.entry = range c.nodes {
				c.tenancyCell(rt, as, allowed, own, own)
				c.tenancyCell(rt, as, allowed, own, other)
			}
		}
	}
	for c.entry = range c.nodes {
		c.want(401, request{method: "GET", path: "/v1/accounts"})
		c.want(401, request{method: "GET", path: "/v1/accounts",
			header: map[string]string{"Authorization": "Bearer " + c.keys["acme/finance"][:60] + "00000"}})
	}
	if t.Failed() {
		t.Log(c.logs())
	}
}

// TestForwardAlike sends the same requests to one process and to a cluster, through a node that
// must pass nearly all of them on, and wants the same answers: status, headers and body, but for
// ids and times.
func TestForwardAlike(t *testing.T) {
	one, c := newWorld(t), newCluster(t, 3)
	c.entry = 2
	ids := [2]map[string]string{one.records("acme"), c.records("acme")}
	others := [2]map[string]string{one.records("bolt"), c.records("bolt")}
	alike := func(name string, a, b request) {
		t.Helper()
		if x, y := told(one.send(a)), told(c.send(b)); x != y {
			t.Errorf("%s: one process answers\n%s\nand a cluster\n%s", name, x, y)
		}
	}
	for i, rt := range one.api.routes {
		if rt.roles == nobody || rt.id == "list-shards" {
			continue
		}
		if testing.Short() && i%5 > 0 { // under the race detector a fifth of them takes a minute
			continue
		}
		for _, as := range []string{"", "acme/tradesperson", "acme/finance", "platform/platform",
			"platform/finance", "acme/customer"} {
			for _, visit := range []string{"", "acme", "bolt", "nobody", "No", "platform"} {
				for i, records := range [][2]map[string]string{ids, others} {
					if i > 0 && visit != "" {
						continue
					}
					a, b := one.requestOf(rt, as, records[0]), c.requestOf(rt, as, records[1])
					if visit != "" {
						a.header = map[string]string{tenantHeader: visit}
						b.header = a.header
					}
					alike(rt.id+" as "+as+" about "+visit, a, b)
				}
			}
		}
	}
	for name, r := range refusedRequests() {
		for _, as := range []string{"", "acme/tradesperson", "platform/platform"} {
			r.as = as
			alike(name+" as "+as, r, r)
		}
	}
}

// refusedRequests are wrong in one way each, or in several, of which one is told first.
func refusedRequests() map[string]request {
	post := func(body any, header ...string) request {
		r := request{method: "POST", path: "/v1/transactions", body: body, header: map[string]string{}}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return r
	}
	large := strings.Repeat(" ", bodyLimit+10)
	return map[string]request{
		"no body":          post(nil),
		"too large":        post(large),
		"too large, visit": post(large, tenantHeader, "bolt"),
		"not JSON":         post("{"),
		"media type":       post(sale, "Content-Type", "text/plain"),
		"compressed":       post(sale, "Content-Encoding", "gzip"),
		"key":              post(sale, keyHeader, "a b"),
		"key, visit":       post(sale, keyHeader, "a b", tenantHeader, "bolt"),
		"two keys": {method: "POST", path: "/v1/transactions", body: sale,
			more: http.Header{keyHeader: {"k1", "k2"}}},
		"two keys, visit": {method: "POST", path: "/v1/transactions", body: sale,
			header: map[string]string{tenantHeader: "bolt"}, more: http.Header{keyHeader: {"k1", "k2"}}},
		"two callers": {method: "GET", path: "/v1/accounts",
			more: http.Header{"Authorization": {"Bearer a", "Bearer b"}}},
		"two tenants": {method: "GET", path: "/v1/accounts",
			more: http.Header{tenantHeader: {"acme", "bolt"}}},
		"a member twice":     post(`{"postings":[],"postings":[]}`),
		"query":              {method: "GET", path: "/v1/accounts?limit"},
		"query, unreadable":  {method: "GET", path: "/v1/accounts?limit=%zz;a"},
		"page":               {method: "GET", path: "/v1/accounts?limit=1000"},
		"path":               {method: "GET", path: "/v1/accounts/a%2Fb"},
		"no such address":    {method: "GET", path: "/v1/nothing"},
		"no such method":     {method: "DELETE", path: "/v1/accounts/a"},
		"nominated away":     post(sale, "Connection", keyHeader+", Content-Type", keyHeader, "n1"),
		"two media types":    post(sale, "Accept", "text/csv"),
		"a tenant's records": {method: "PUT", path: "/v1/tenants/bolt", body: `{"name":"Bolt"}`},
	}
}

var (
	shownIDs = regexp.MustCompile(`\b[a-z]{3}_[0-9a-z]{16,26}(_\d+)?\b`)
	shown    = regexp.MustCompile(`"(instance|secret|token|hash|created|updated|issued|expires|` +
		`valid_until|due|next_cursor|deadline|booked_on|accepted|at|on|settled|succeeded|id|` +
		`observed|finalized|version)":("[^"]*"|\d+)`)
	times = regexp.MustCompile(`\d{4}-\d\d-\d\d(T[0-9:.]+Z)?`)
)

// told is an answer without what differs between two of a kind.
func told(rec interface {
	Result() *http.Response
}) string {
	res := rec.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	text := shown.ReplaceAllString(sortedRows(body), `"$1":…`)
	text = times.ReplaceAllString(shownIDs.ReplaceAllString(text, "id"), "time")
	h := res.Header.Clone()
	for _, name := range []string{"Date", "Content-Length"} {
		h.Del(name)
	}
	for name, values := range h {
		if len(values) != 1 {
			text += "\n" + name + " is there more than once"
		}
		switch name {
		case requestIDHeader, keyHeader:
			h[name] = []string{values[0][:min(4, len(values[0]))]}
		default:
			h[name] = []string{shownIDs.ReplaceAllString(values[0], "id")}
		}
	}
	return res.Status + " " + string(marshal(h)) + text
}

// sortedRows has the rows of a list in an order that does not depend on the random parts of ids.
func sortedRows(body []byte) string {
	var list map[string]any
	if json.Unmarshal(body, &list) != nil {
		return string(body)
	}
	rows, _ := list["data"].([]any)
	slices.SortStableFunc(rows, func(a, b any) int {
		return strings.Compare(shown.ReplaceAllString(string(marshal(a)), ""),
			shown.ReplaceAllString(string(marshal(b)), ""))
	})
	return string(marshal(list))
}

// TestForwardIdempotency repeats a request through different nodes: it is done once, and only the
// repeated answers say so. A key that a node made is kept over the hops and told.
func TestForwardIdempotency(t *testing.T) {
	c := newCluster(t, 3)
	r := request{as: "acme/finance", method: "POST", path: "/v1/transactions",
		body: strings.Replace(sale, `,"reference":"r1"`, "", 1), header: map[string]string{keyHeader: "k1"}}
	var first answer
	for c.entry = range c.nodes {
		a := c.want(201, r)
		if c.entry == 0 {
			first = a
		}
		if replayed := a.rec.Header().Get(replayedHeader) == "true"; replayed != (c.entry > 0) ||
			a.at("id") != first.at("id") || a.rec.Header().Get("Location") == "" {
			t.Errorf("node %d: %v %s", c.entry, a.rec.Header(), a.rec.Body)
		}
	}
	c.entry, r.header = 0, nil
	a := c.want(201, r)
	key := a.rec.Header().Get(keyHeader)
	if !strings.HasPrefix(key, "auto-") || a.rec.Header().Get(replayedHeader) != "" {
		t.Errorf("%v", a.rec.Header())
	}
	c.entry, r.header = 2, map[string]string{keyHeader: key}
	if again := c.want(201, r); again.at("id") != a.at("id") ||
		again.rec.Header().Get(replayedHeader) != "true" {
		t.Errorf("%v", again.rec.Header())
	}
	create := request{as: "platform/platform", method: "POST", path: "/v1/tenants",
		body: `{"id":"cask","name":"Cask"}`, header: map[string]string{keyHeader: "k2"}}
	secret := c.want(201, create).at("keys.0.secret")
	c.entry = 1
	c.want(201, create).is("keys.0.note", givenOnce)
	c.keys["cask/tradesperson"] = secret
	for c.entry = range c.nodes {
		c.want(200, request{as: "cask/tradesperson", method: "GET", path: "/v1/tenants/cask"})
	}
}

// TestForwardRate counts a request once, at the node that authenticates, whichever way it came.
func TestForwardRate(t *testing.T) {
	c := newCluster(t, 3, func(o *Options) { o.RateLimit = RateLimit{PerSecond: 1, Burst: 5} })
	now := time.Now()
	for _, n := range c.nodes { // no token comes back
		n.api.clock = func() time.Time { return now }
	}
	for i := range 5 {
		c.entry = i % 3
		c.want(200, request{as: "platform/platform", method: "GET", path: "/v1/accounts",
			header: map[string]string{tenantHeader: "bolt"}})
	}
	for c.entry = range c.nodes {
		a := c.want(429, request{as: "platform/platform", method: "GET", path: "/v1/accounts"})
		if a.rec.Header().Get("Retry-After") == "" {
			t.Error("without Retry-After")
		}
	}
}

// TestForwardRevoked refuses a key from the moment its revocation is answered, through every node.
func TestForwardRevoked(t *testing.T) {
	c := newCluster(t, 3)
	for c.entry = range c.nodes {
		c.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts"})
	}
	c.entry = 0
	c.want(200, request{as: "acme/tradesperson", method: "POST",
		path: "/v1/keys/" + c.ids["acme/finance"] + "/revoke"})
	for c.entry = range c.nodes {
		c.want(401, request{as: "acme/finance", method: "GET", path: "/v1/accounts"})
	}
}

// TestForwardZombie has a node that lost the platform's shard, and has not heard of it, vouch for
// nobody: what it remembers of a key is old news.
func TestForwardZombie(t *testing.T) {
	c := newLeasedCluster(t, time.Millisecond, 3)
	about := request{as: "platform/finance", method: "GET", path: "/v1/accounts",
		header: map[string]string{tenantHeader: "bolt"}}
	c.want(200, about)
	c.loseKey()
	if rec := c.send(about); rec.Code != 401 && rec.Code != 503 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestForwardZombieAtHome has such a node asked about a tenant whose shard it still owns: nobody
// else is asked then, and a key that was revoked where its shard is now opened the tenant's books.
func TestForwardZombieAtHome(t *testing.T) {
	c := newLeasedCluster(t, time.Millisecond, 3)
	c.want(201, request{as: "platform/platform", method: "POST", path: "/v1/tenants",
		body: `{"id":"drum","name":"Drum"}`})
	about := request{as: "platform/finance", method: "GET", path: "/v1/accounts",
		header: map[string]string{tenantHeader: "drum"}}
	c.want(200, about)
	c.loseKey()
	if !c.nodes[0].shards.Owned(shardOf("drum")) || shardOf("drum") == shardOf("platform") {
		t.Fatal("the tenant is not in another shard of the first node")
	}
	if rec := c.send(about); rec.Code != 401 && rec.Code != 503 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// loseKey has the second node take the platform's shard over and revoke the key of its finance. The
// first goes on to believe that it owns the shard, and so do the others.
func (c *cluster) loseKey() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	shards := c.nodes[1].shards
	err := shards.Own(ctx, append(c.nodes[1].api.owned(), shardOf("platform")))
	if err := errors.Join(err, shards.Ready(ctx)); err != nil {
		c.t.Fatal(err)
	}
	c.shards = shards
	c.do("platform", func(tx *compaction.Tx) error {
		_, err := access.RevokeKey(tx, "platform", c.ids["platform/finance"])
		return err
	})
}

// TestForwardReport streams a report from its owner: as CSV, unchanged and in parts.
func TestForwardReport(t *testing.T) {
	c := newCluster(t, 3)
	c.records("acme")
	r := request{as: "acme/finance", method: "GET",
		path: "/v1/reconciliation?from=2026-01-01&to=2099-01-01&format=csv"}
	c.entry = 1
	want := c.send(r)
	c.entry = 2
	got := c.send(r)
	if got.Code != 200 || got.Body.String() != want.Body.String() ||
		got.Header().Get("Content-Type") != "text/csv; charset=utf-8" ||
		got.Header().Get("Content-Disposition") != want.Header().Get("Content-Disposition") ||
		!strings.Contains(got.Body.String(), "\n") {
		t.Errorf("%d %v %s\nwant %v %s", got.Code, got.Header(), got.Body, want.Header(), want.Body)
	}
}

// TestForwardTenants lists the tenants of all shards, page by page, whichever node is asked, and
// answers nothing rather than a part when an owner is missing.
func TestForwardTenants(t *testing.T) {
	c := newCluster(t, 3)
	for _, id := range []string{"cask", "drum", "east", "fork", "gale"} {
		c.want(201, request{as: "platform/platform", method: "POST", path: "/v1/tenants",
			body: `{"id":"` + id + `","name":"` + id + `"}`})
	}
	for c.entry = range c.nodes {
		for _, limit := range []string{"1", "3", "8", "100"} {
			var seen []string
			for cursor := ""; ; {
				a := c.want(200, request{as: "platform/platform", method: "GET",
					path: "/v1/tenants?limit=" + limit + cursor})
				for _, row := range a.body["data"].([]any) {
					seen = append(seen, row.(map[string]any)["id"].(string))
				}
				if a.at("has_more") != "true" {
					break
				}
				cursor = "&cursor=" + a.at("next_cursor")
			}
			if got := strings.Join(seen, " "); got != "acme bolt cask drum east fork gale platform" {
				t.Errorf("node %d, pages of %s: %s", c.entry, limit, got)
			}
		}
	}
	c.directory.set("", shardOf("bolt"))
	c.own(2)
	c.entry = 1
	a := c.want(503, request{as: "platform/platform", method: "GET", path: "/v1/tenants"})
	if a.rec.Header().Get("Retry-After") == "" {
		t.Error("without Retry-After")
	}
}

// TestForwardVerify has each node verify its own shards, and tells of all of them.
func TestForwardVerify(t *testing.T) {
	c := newCluster(t, 3)
	for i, n := range c.nodes {
		n.api.verify = func(context.Context) (VerifyReport, error) {
			return VerifyReport{OK: i != 2, Checks: []VerifyCheck{
				{Name: "chain", OK: i != 2, Detail: strings.Repeat("x", i+1)}}}, nil
		}
	}
	for c.entry = range c.nodes {
		c.want(200, request{as: "platform/platform", method: "POST", path: "/v1/verify"}).is(
			"ok", "false", "checks.0.ok", "false", "checks.1", "", "shards",
			"[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", "checks.0.detail",
			"shards 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14: x; shards 6: xxx; shards 15: xx")
	}
}

// TestForwardShards shows who owns which shard, and answers while an owner is away.
func TestForwardShards(t *testing.T) {
	c := newCluster(t, 3)
	var list shardPage
	look := func() []shardRecord {
		rec := c.send(request{as: "platform/platform", method: "GET", path: "/v1/shards"})
		if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil || rec.Code != 200 {
			t.Fatalf("%v %d %s", err, rec.Code, rec.Body)
		}
		return list.Data
	}
	for c.entry = range c.nodes {
		rows := look()
		if len(rows) != clusterShards {
			t.Fatalf("%d shards", len(rows))
		}
		for n, row := range rows {
			want := c.nodes[0]
			if n == shardOf("acme") {
				want = c.nodes[1]
			} else if n == shardOf("bolt") {
				want = c.nodes[2]
			}
			if row.Shard != n || row.Status != "serving" || row.Here != (want == c.nodes[0]) ||
				row.Address != "" && row.Address != want.server.URL {
				t.Errorf("through node %d: %+v", c.entry, row)
			}
		}
	}
	if rows := look(); rows[shardOf("acme")].Group == 0 {
		t.Errorf("no group: %+v", rows[shardOf("acme")])
	}
	c.entry = 0
	c.nodes[1].server.Close()
	c.directory.set("", shardOf("bolt"))
	rows := look()
	if rows[shardOf("acme")].Status != "unreachable" || rows[shardOf("bolt")].Status != "unowned" ||
		rows[shardOf("platform")].Status != "serving" {
		t.Errorf("%+v", rows)
	}
}

// TestForwardProbes serves probes and pages at every node, without a hop; a node is ready when what
// it owns is served, and if that is nothing.
func TestForwardProbes(t *testing.T) {
	c := newCluster(t, 3)
	c.own(2)
	c.directory.set("", slices.Sorted(maps.Keys(c.directory.owner))...)
	for c.entry = range c.nodes {
		for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/metrics", "/problems"} {
			if rec := c.send(request{method: "GET", path: path}); rec.Code != 200 {
				t.Errorf("node %d: %s: %d %s", c.entry, path, rec.Code, rec.Body)
			}
		}
	}
}
