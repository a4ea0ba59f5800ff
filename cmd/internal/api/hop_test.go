package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var hopTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testHops(t testing.TB, secret string, at time.Time) *hops {
	t.Helper()
	h, err := newHops([]byte(secret), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const hopSecret = "thirty-two bytes of a hop secret"

func hopRequest() *http.Request {
	r := httptest.NewRequest("POST", "/v1/transactions?a=b", strings.NewReader("{}"))
	r.Header = http.Header{keyHeader: {"k1"}, requestIDHeader: {"req_1"}, tenantHeader: {"bolt"},
		"Content-Type": {"application/json"}}
	return r
}

// TestHopGolden holds what nodes say to each other: nodes of two versions work side by side while a
// cluster is upgraded.
func TestHopGolden(t *testing.T) {
	s, r := testHops(t, hopSecret, hopTime), hopRequest()
	sum := sha256.Sum256([]byte("{}"))
	h := hop{Version: 1, Kind: hopDo, Shards: []int{3}, At: hopTime.UnixNano(), Nonce: "n",
		Body: sum[:], From: "10.0.0.9", Attempt: 1,
		Caller: &courier{"platform", "key_1", "finance", "platform.key_1"}}
	s.seal(r, h)
	golden(t, "testdata/hop.txt", []byte(r.Header[hopHeader][0]+"\n"))
	got, err := s.open(r)
	if err != nil {
		t.Fatal(err)
	}
	a, b := string(marshal(h)), string(marshal(got))
	if a != b {
		t.Errorf("opened %s, sealed %s", b, a)
	}
	if c := got.Caller.caller(); c == nil || c.role != finance || c.home != "platform" {
		t.Errorf("%+v", c)
	}
}

// TestHopForged refuses a hop of which anything was changed, that is of another secret, that is too
// old or too new, or that was used before.
func TestHopForged(t *testing.T) {
	signer := testHops(t, hopSecret, hopTime)
	fresh := func() *http.Request {
		r := hopRequest()
		signer.sign(r, hop{Kind: hopDo, Shards: []int{3}, Caller: &courier{Role: "finance"}})
		return r
	}
	for name, change := range map[string]func(r *http.Request){
		"method":     func(r *http.Request) { r.Method = "PUT" },
		"path":       func(r *http.Request) { r.URL.Path = "/v1/holds" },
		"query":      func(r *http.Request) { r.URL.RawQuery = "a=c" },
		"key":        func(r *http.Request) { r.Header[keyHeader] = []string{"k2"} },
		"no key":     func(r *http.Request) { delete(r.Header, keyHeader) },
		"two keys":   func(r *http.Request) { r.Header[keyHeader] = []string{"k1", "k2"} },
		"tenant":     func(r *http.Request) { r.Header[tenantHeader] = []string{"acme"} },
		"request id": func(r *http.Request) { r.Header[requestIDHeader] = []string{"req_2"} },
		"media type": func(r *http.Request) { r.Header["Content-Type"] = []string{"text/plain"} },
		"accept":     func(r *http.Request) { r.Header["Accept"] = []string{"text/csv"} },
		"nothing":    func(r *http.Request) { r.Header[hopHeader] = []string{""} },
		"a dot":      func(r *http.Request) { r.Header[hopHeader] = []string{"."} },
		"no proof": func(r *http.Request) {
			r.Header[hopHeader][0], _, _ = strings.Cut(r.Header[hopHeader][0], ".")
		},
		"said twice": func(r *http.Request) {
			r.Header[hopHeader] = append(r.Header[hopHeader], r.Header[hopHeader]...)
		},
		"another caller": func(r *http.Request) {
			_, proof, _ := strings.Cut(r.Header[hopHeader][0], ".")
			other := fresh()
			said, _, _ := strings.Cut(other.Header[hopHeader][0], ".")
			r.Header[hopHeader] = []string{said + "." + proof}
		},
	} {
		r := fresh()
		change(r)
		if h, err := testHops(t, hopSecret, hopTime).open(r); err != errHop {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	for _, c := range []struct {
		secret string
		after  time.Duration
		ok     bool
	}{
		{hopSecret, 0, true}, {hopSecret, hopAge, true}, {hopSecret, -hopAge, true},
		{hopSecret, hopAge + 1, false}, {hopSecret, -hopAge - 1, false},
		{strings.ToUpper(hopSecret), 0, false},
	} {
		if _, err := testHops(t, c.secret, hopTime.Add(c.after)).open(fresh()); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	now := hopTime
	s, err := newHops([]byte(hopSecret), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	r := fresh()
	for ; now.Before(hopTime.Add(3 * hopAge)); now = now.Add(hopAge / 7) {
		if _, err := s.open(r); (err == nil) != now.Equal(hopTime) {
			t.Errorf("used again after %v: %v", now.Sub(hopTime), err)
		}
		for range 3 {
			if _, err := s.open(fresh()); now.Sub(hopTime) <= hopAge && err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := newHops([]byte("short"), time.Now); err == nil {
		t.Error("a short secret is taken")
	}
	if h, err := s.open(hopRequest()); h != nil || err != nil {
		t.Errorf("without a hop: %v %v", h, err)
	}
}

// FuzzHopHeader has no text in the header but a signed one be taken, and none crash.
func FuzzHopHeader(f *testing.F) {
	s := testHops(f, hopSecret, hopTime)
	r := hopRequest()
	s.sign(r, hop{Kind: hopTell})
	f.Add(r.Header[hopHeader][0] + "A")
	f.Add("e30.e30")
	f.Fuzz(func(t *testing.T, text string) {
		r := hopRequest()
		r.Header[hopHeader] = []string{text}
		if h, err := s.open(r); err == nil || h != nil {
			t.Errorf("%q is taken: %+v", text, h)
		}
	})
}

// signedTo sends a request to a node as another node would, with a hop of the test's making.
func (c *cluster) signedTo(
	n *node, h hop, method, path, body string, header http.Header,
) *http.Response {
	c.t.Helper()
	r, err := http.NewRequest(method, n.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if r.Header = header; body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if h.Body == nil {
		sum := sha256.Sum256([]byte(body))
		h.Body = sum[:]
	}
	testHops(c.t, string(c.secret), time.Now()).sign(r, h)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res
}

// TestHopRefused sends nodes what no node sends: it is refused, nothing is done, and nothing is
// passed on any further.
func TestHopRefused(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes { // who passes on what came by a hop is found out
		n.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("X-Test") == "" {
				t.Errorf("%s %s was passed on", r.Method, r.URL)
			}
			return false
		}
	}
	boss := &courier{"platform", c.ids["platform/platform"], "platform", "platform.x"}
	acme, home := shardOf("acme"), shardOf("platform")
	owned := []int{home}
	for name, try := range map[string]struct {
		h      hop
		call   string
		header http.Header
		status int
		word   string
	}{
		"not owned": {h: hop{Kind: hopDo, Shards: []int{acme}, Caller: boss}, status: 503,
			word: hopAgain},
		"no such shard": {h: hop{Kind: hopDo, Shards: []int{99}, Caller: boss}, status: 503,
			word: hopAgain},
		"minus one": {h: hop{Kind: hopDo, Shards: []int{-1}, Caller: boss}, status: 503,
			word: hopAgain},
		"no caller": {h: hop{Kind: hopDo, Shards: owned}, status: 403, word: hopRefused},
		"no role": {h: hop{Kind: hopDo, Shards: owned,
			Caller: &courier{"platform", "k", "customer", "p"}}, status: 403},
		"kind": {h: hop{Kind: "else", Shards: owned}, status: 403, word: hopRefused},
		"a part of one": {h: hop{Kind: hopPart, Shards: owned, Caller: boss}, status: 403,
			word: hopRefused},
		"webhook": {h: hop{Kind: hopWebhook, Shards: owned}, status: 403, word: hopRefused},
		"do, to the next": {h: hop{Kind: hopDo, Shards: owned, Caller: boss},
			call: "GET /v1/tenants/acme", status: 503, word: hopAgain},
		"do, to the visited": {h: hop{Kind: hopDo, Shards: owned, Caller: boss},
			header: http.Header{tenantHeader: {"bolt"}}, status: 503, word: hopAgain},
		"another body": {h: hop{Kind: hopDo, Shards: owned, Caller: boss, Body: make([]byte, 32)},
			call: "POST /v1/transactions " + sale, status: 403, word: hopRefused},
		"authenticate at the next": {h: hop{Kind: hopAuthenticate, Shards: owned},
			header: http.Header{"Authorization": {"Bearer " + c.keys["bolt/finance"]}}, status: 403},
		"a webhook of nobody": {h: hop{Kind: hopWebhook, Shards: owned},
			call: "POST /v1/webhooks/stripe {}", status: 404},
		"a message": {h: hop{Kind: hopDo, Shards: owned, Caller: boss},
			call: "POST " + tellPath + " x", status: 403, word: hopRefused},
	} {
		call := strings.SplitN(try.call+"  ", " ", 3)
		if try.call == "" {
			call = []string{"GET", "/v1/accounts", ""}
		}
		header := try.header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("X-Test", "1")
		res := c.signedTo(c.nodes[0], try.h, call[0], call[1], strings.TrimSpace(call[2]), header)
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode != try.status || res.Header.Get(hopHeader) != try.word {
			t.Errorf("%s: %d %q, want %d %q: %s", name, res.StatusCode, res.Header.Get(hopHeader),
				try.status, try.word, text)
		}
		var p Problem
		if err := json.Unmarshal(text, &p); err != nil || p.Status != try.status {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
	for _, n := range c.nodes {
		n.before = nil
	}
	c.entry = 1
	c.want(200, request{as: "acme/finance", method: "GET", path: "/v1/accounts"}).is("data.0", "")
	c.want(403, request{as: "acme/finance", method: "GET", path: "/v1/accounts",
		header: map[string]string{hopHeader: "e30.e30"}}).is("type", "/problems/hop-refused")
	c.want(404, request{method: "POST", path: tellPath, body: "{}"}).is("type", "/problems/not-found")
}

// TestHopOnce takes a captured hop once.
func TestHopOnce(t *testing.T) {
	c := newCluster(t, 2)
	var seen string
	c.nodes[1].before = func(_ http.ResponseWriter, r *http.Request) bool {
		seen = r.Header.Get(hopHeader)
		return false
	}
	c.want(200, request{as: "platform/platform", method: "GET", path: "/v1/accounts",
		header: map[string]string{tenantHeader: "acme", requestIDHeader: "req-1"}})
	if seen == "" {
		t.Fatal("nothing was passed on")
	}
	c.nodes[1].before = nil
	r, err := http.NewRequest("GET", c.nodes[1].server.URL+"/v1/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{hopHeader: {seen}, tenantHeader: {"acme"}, requestIDHeader: {"req-1"}}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 403 {
		t.Errorf("%d", res.StatusCode)
	}
}
