package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMoney follows the balance: what was captured less fees, refunds and disputes is paid out to
// the minor unit, each movement in one payout, and nothing is paid out below zero.
func TestMoney(t *testing.T) {
	p, c, _ := opened(t, Options{})
	first, second := c.paid("10000"), c.paid("333")
	c.post(200, "/v1/refunds", "payment_intent="+first.ID+"&amount=2500", nil)
	var d dispute
	c.post(200, "/v1/test_helpers/disputes", "payment_intent="+second.ID, &d)
	var made pageOf[payout]
	c.post(200, "/v1/test_helpers/payouts", "", &made)
	// 10000 less 1.5 % and 25; 333 less 5 and 25; the refund; the dispute and its fee.
	want := int64(10000-175) + (333 - 30) - 2500 - (333 + 1500)
	if len(made.Data) != 1 || made.Data[0].Amount != want || made.Data[0].Status != "paid" {
		t.Fatalf("paid out %+v, want %d", made.Data, want)
	}
	var lines pageOf[balance]
	c.get(200, "/v1/balance_transactions", "limit=100&payout="+made.Data[0].ID, &lines)
	sum := int64(0)
	for _, l := range lines.Data {
		sum += l.Net
	}
	if sum != 0 || len(lines.Data) != 5 {
		t.Errorf("with the payout itself the lines sum to %d: %+v", sum, lines.Data)
	}
	c.post(200, "/v1/test_helpers/payouts", "", &made)
	if len(made.Data) != 0 {
		t.Errorf("paid out twice: %+v", made.Data)
	}
	c.post(200, "/v1/test_helpers/disputes/"+d.ID+"/close", "outcome=won", &d)
	c.post(400, "/v1/test_helpers/disputes/"+d.ID+"/close", "outcome=lost", nil)
	c.post(200, "/v1/test_helpers/payouts", "", &made)
	if len(made.Data) != 1 || made.Data[0].Amount != 333 {
		t.Errorf("after the dispute was won: %+v", made.Data)
	}
	c.post(200, "/v1/test_helpers/payouts/"+made.Data[0].ID+"/fail", "", nil)
	c.post(200, "/v1/test_helpers/payouts", "", &made)
	if len(made.Data) != 1 || made.Data[0].Amount != 333 {
		t.Errorf("after the payout came back: %+v", made.Data)
	}
	if s := p.Stats(); s != (Stats{}) {
		t.Errorf("faults that nobody asked for: %+v", s)
	}
}

// TestDaily holds that the provider pays out by itself when a day has begun, once, and that a
// payout on its way arrives by itself.
func TestDaily(t *testing.T) {
	_, c, _ := opened(t, Options{Arrival: 48 * time.Hour})
	c.paid("1000")
	c.post(200, "/v1/test_helpers/clock/advance", "seconds=86400", nil)
	wait := func(status string, count int) {
		t.Helper()
		var l pageOf[payout]
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			c.get(200, "/v1/payouts", "status="+status, &l)
			if len(l.Data) == count {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("payouts that are %s: %+v, want %d", status, l.Data, count)
	}
	wait("in_transit", 1)
	c.post(200, "/v1/test_helpers/clock/advance", "seconds=172800", nil)
	c.paid("500")
	wait("paid", 1)
}

// TestKey holds Stripe's rules for idempotency keys: the first answer again, a decline included;
// another request with the key is refused; a request that was refused leaves no memory.
func TestKey(t *testing.T) {
	_, c, _ := opened(t, Options{})
	ask := func(key, method, amount string) (int, string, string) {
		t.Helper()
		status, header, b, err := c.do(http.MethodPost, "/v1/payment_intents", "confirm=true"+
			"&currency=eur&amount="+amount+"&payment_method="+method, key)
		if err != nil {
			t.Fatal(err)
		}
		return status, string(b), header.Get("Idempotent-Replayed")
	}
	for _, method := range []string{"pm_card_visa", "pm_card_visa_chargeDeclined"} {
		status, first, _ := ask("k-"+method, method, "500")
		again, second, replayed := ask("k-"+method, method, "500")
		if again != status || first != second || replayed != "true" {
			t.Errorf("%s: %d %s, then %d %s", method, status, first, again, second)
		}
	}
	if status, body, _ := ask("k-pm_card_visa", "pm_card_visa", "501"); status != 400 ||
		!strings.Contains(body, "idempotency_error") {
		t.Errorf("the key for another request: %d %s", status, body)
	}
	if status, _, _ := ask("k-3", "pm_nothing", "500"); status != 404 {
		t.Errorf("no such method: %d", status)
	}
	if status, body, _ := ask("k-3", "pm_card_visa", "500"); status != 200 {
		t.Errorf("the key of a request that was refused: %d %s", status, body)
	}
	var l pageOf[intent]
	c.get(200, "/v1/payment_intents", "limit=100", &l)
	if len(l.Data) != 3 {
		t.Errorf("%d payment intents, want 3", len(l.Data))
	}
	c.post(200, "/v1/test_helpers/clock/advance", "seconds=90000", nil)
	c.paid("100") // something happens, so that the books look at their clock
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if status, _, replayed := ask("k-pm_card_visa", "pm_card_visa", "500"); status == 200 &&
			replayed == "" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the key is remembered after a day")
		}
	}
}

// TestLists pages through a list, by the newest first, filters it, and expands what is in it.
func TestLists(t *testing.T) {
	_, c, _ := opened(t, Options{})
	var ids []string
	for range 7 {
		ids = append(ids, c.paid("100").ID)
	}
	slices.Reverse(ids)
	var got []string
	for after := ""; ; {
		var l pageOf[intent]
		c.get(200, "/v1/payment_intents", "limit=3&starting_after="+after, &l)
		for _, pi := range l.Data {
			got = append(got, pi.ID)
		}
		if !l.HasMore {
			break
		}
		after = l.Data[len(l.Data)-1].ID
	}
	if !slices.Equal(got, ids) {
		t.Errorf("paged %v, want %v", got, ids)
	}
	var none pageOf[intent]
	c.get(200, "/v1/payment_intents", "created[gt]=99999999999", &none)
	if len(none.Data) != 0 {
		t.Errorf("created in the future: %+v", none.Data)
	}
	var expanded struct {
		Data []struct {
			Charge struct {
				Balance balance `json:"balance_transaction"`
			} `json:"latest_charge"`
		} `json:"data"`
	}
	c.get(200, "/v1/payment_intents", url.Values{"limit": {"2"},
		"expand[]": {"data.latest_charge.balance_transaction"}}.Encode(), &expanded)
	if len(expanded.Data) != 2 || expanded.Data[0].Charge.Balance.Fee != 27 {
		t.Errorf("expanded: %+v", expanded)
	}
	for _, wrong := range []string{"limit=0", "limit=x", "starting_after=pi_no", "created[gt]=x"} {
		status, _, b, err := c.do(http.MethodGet, "/v1/payment_intents", wrong, "")
		if err != nil || status/100 != 4 {
			t.Errorf("%s: %d %s %v", wrong, status, b, err)
		}
	}
}

// TestRefused holds that mistakes are answered as Stripe answers them and change nothing.
func TestRefused(t *testing.T) {
	_, c, _ := opened(t, Options{Key: "sk_test"})
	pi := c.paid("1000")
	for _, r := range []struct {
		status           int
		path, parameters string
		code             string
	}{
		{400, "/v1/payment_intents", "currency=eur", "parameter_missing"},
		{400, "/v1/payment_intents", "amount=-5&currency=eur", "parameter_invalid_integer"},
		{400, "/v1/payment_intents", "amount=5", "parameter_missing"},
		{400, "/v1/payment_intents", "%zz", "parameter_invalid"},
		{404, "/v1/payment_intents/pi_nothing/confirm", "", "resource_missing"},
		{404, "/v1/payment_intents/" + pi.ID + "%2F/confirm", "", "resource_missing"},
		{400, "/v1/payment_intents/" + pi.ID + "/cancel", "", "payment_intent_unexpected_state"},
		{400, "/v1/payment_intents/" + pi.ID + "/capture", "", "payment_intent_unexpected_state"},
		{400, "/v1/refunds", "payment_intent=" + pi.ID + "&amount=1001", "amount_too_large"},
		{400, "/v1/refunds", "payment_intent=" + pi.ID + "&reason=bored", "parameter_invalid"},
		{400, "/v1/refunds", "", "parameter_missing"},
		{404, "/v1/nothing", "", ""},
	} {
		var e errorBody
		c.post(r.status, r.path, r.parameters, &e)
		if e.Error.Code != r.code || e.Error.Message == "" {
			t.Errorf("%s %s: %+v", r.path, r.parameters, e.Error)
		}
	}
	c.key = "sk_other"
	c.get(401, "/v1/payment_intents", "", nil)
	c.key = "sk_test"
	c.post(413, "/v1/payment_intents", strings.Repeat("a", maxBody+1), nil)
	var l pageOf[refund]
	c.get(200, "/v1/refunds", "payment_intent="+pi.ID, &l)
	if len(l.Data) != 0 {
		t.Errorf("a refused refund is there: %+v", l.Data)
	}
}

// TestAction lets a customer decide on the provider's page, who must know the payment's secret.
func TestAction(t *testing.T) {
	_, c, _ := opened(t, Options{URL: "http://bank.example/"})
	var pi intent
	start := func() {
		c.post(200, "/v1/payment_intents", "amount=900&currency=eur&confirm=true"+
			"&payment_method=pm_card_authenticationRequired", &pi)
	}
	decide := func(secret, outcome string) int {
		t.Helper()
		status, _, _, err := c.do(http.MethodPost, "/authenticate/"+pi.ID,
			url.Values{"secret": {secret}, "outcome": {outcome}}.Encode(), "")
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	start()
	if !strings.HasPrefix(pi.NextAction.RedirectToURL.URL, "http://bank.example/authenticate/pi_") {
		t.Errorf("action: %+v", pi.NextAction)
	}
	status, _, b, err := c.do(http.MethodGet, "/authenticate/"+pi.ID,
		"secret="+pi.ClientSecret, "")
	if err != nil || status != 200 || !strings.Contains(string(b), "Approve") {
		t.Errorf("the page: %d %s %v", status, b, err)
	}
	if got := decide("guess", "succeed"); got != 404 {
		t.Errorf("with a wrong secret: %d", got)
	}
	if got := decide(pi.ClientSecret, "succeed"); got != 200 {
		t.Errorf("decided: %d", got)
	}
	c.get(200, "/v1/payment_intents/"+pi.ID, "", &pi)
	if pi.Status != succeeded || pi.AmountReceived != 900 {
		t.Errorf("approved: %+v", pi)
	}
	start()
	c.post(200, "/v1/test_helpers/payment_intents/"+pi.ID+"/complete", "outcome=fail", &pi)
	if pi.Status != requiresMethod || pi.LastPaymentError == nil {
		t.Errorf("refused: %+v", pi)
	}
}

// TestWebhooks holds that webhooks are signed, sent again until they are taken, and go wrong as
// often as they are told to.
func TestWebhooks(t *testing.T) {
	heard, e := endpoint(t, "whsec_1")
	heard.refuse = 1
	p, c, _ := opened(t, Options{Endpoints: []Endpoint{e}, Faults: Faults{Duplicate: 1000}})
	pi := c.paid("500")
	c.post(200, "/v1/refunds", "payment_intent="+pi.ID, nil)
	quiet(t, p)
	count := map[string]int{}
	for _, kind := range heard.kinds() {
		count[kind]++
	}
	for _, kind := range []string{"payment_intent.created", "payment_intent.succeeded",
		"refund.created"} {
		if count[kind] != 2 {
			t.Errorf("%s came %d times, want 2", kind, count[kind])
		}
	}
	if len(heard.wrong) > 0 {
		t.Errorf("wrong signatures: %q", heard.wrong)
	}
	if s := p.Stats(); s.Duplicate != 3 {
		t.Errorf("%+v", s)
	}
}

// TestSeed holds that the same seed and the same requests meet the same faults.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (all []int) {
		_, c, stop := opened(t, Options{Faults: Faults{Seed: seed, ErrorBefore: 300,
			ErrorAfter: 300, Decline: 300}})
		defer stop()
		for i := range 20 {
			status, _, _, err := c.do(http.MethodPost, "/v1/payment_intents", "amount=500&"+
				"currency=eur&confirm=true&payment_method=pm_card_visa", string(rune('a'+i)))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, status)
		}
		return all
	}
	first, again, other := run(1), run(1), run(2)
	if !slices.Equal(first, again) {
		t.Errorf("the same seed: %v and %v", first, again)
	}
	if slices.Equal(first, other) || !slices.Contains(first, 500) || !slices.Contains(first, 402) {
		t.Errorf("seeds 1 and 2: %v and %v", first, other)
	}
}

// TestReopen holds that the books are as they were after they were closed and opened again, the
// clock that was advanced included.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	_, c, stop := opened(t, Options{Dir: dir})
	pi := c.paid("1234")
	c.post(200, "/v1/test_helpers/clock/advance", "seconds=1000000", nil)
	stop()
	_, c, _ = opened(t, Options{Dir: dir})
	var again intent
	c.get(200, "/v1/payment_intents/"+pi.ID, "", &again)
	a, err := json.Marshal(pi)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(again)
	if err != nil || string(a) != string(b) {
		t.Errorf("%s came back as %s, %v", a, b, err)
	}
	if later := c.paid("1"); later.Created < pi.Created+1000000 {
		t.Errorf("the clock was set back")
	}
}
