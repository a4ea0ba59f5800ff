package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/quittance/quittance/compaction"
)

const (
	maxBody = 64 << 10
	maxKey  = 255
	keyLife = 24 * time.Hour
)

// A call is one request while it is decided.
type call struct {
	p     *Provider
	state compaction.State
	tx    *compaction.Tx // nil for requests that only ask
	form  form
	id    string // from the path
	now   time.Time
	key   string // the request's idempotency key
}

// An operation decides a request. An *apiError changes nothing; every other answer is kept with
// the request's key, those that say that a payment was declined included.
type operation func(c *call) (status int, body any, err error)

// Handler returns the provider's HTTP surface.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, op := range map[string]operation{
		"POST /v1/payment_intents":                            createIntent,
		"POST /v1/payment_intents/{id}/confirm":               confirmIntent,
		"POST /v1/payment_intents/{id}/capture":               captureIntent,
		"POST /v1/payment_intents/{id}/cancel":                cancelIntent,
		"POST /v1/refunds":                                    createRefund,
		"POST /v1/test_helpers/payouts":                       payOutNow,
		"POST /v1/test_helpers/payouts/{id}/fail":             failPayout,
		"POST /v1/test_helpers/clock/advance":                 advanceClock,
		"POST /v1/test_helpers/disputes":                      createDispute,
		"POST /v1/test_helpers/disputes/{id}/close":           closeDispute,
		"POST /v1/test_helpers/refunds/{id}/expire":           failRefund,
		"POST /v1/test_helpers/refunds/{id}/succeed":          completeRefund,
		"POST /v1/test_helpers/payment_intents/{id}/complete": completeIntent,
	} {
		mux.HandleFunc(pattern, p.change(op, !strings.Contains(pattern, "/test_helpers/")))
	}
	for pattern, op := range map[string]operation{
		"GET /v1/payment_intents":           lists(kindIntent, "", ""),
		"GET /v1/payment_intents/search":    searchIntents,
		"GET /v1/payment_intents/{id}":      getObject(kindIntent),
		"GET /v1/charges":                   lists(kindCharge, "payment_intent", ""),
		"GET /v1/charges/{id}":              getObject(kindCharge),
		"GET /v1/refunds":                   lists(kindRefund, "payment_intent", ""),
		"GET /v1/refunds/{id}":              getObject(kindRefund),
		"GET /v1/disputes":                  lists(kindDispute, "payment_intent", ""),
		"GET /v1/disputes/{id}":             getObject(kindDispute),
		"GET /v1/payouts":                   lists(kindPayout, "", "status"),
		"GET /v1/payouts/{id}":              getObject(kindPayout),
		"GET /v1/balance_transactions":      lists(kindBalance, "payout", "type"),
		"GET /v1/balance_transactions/{id}": getObject(kindBalance),
		"GET /v1/events":                    lists(kindEvent, "", "type"),
		"GET /v1/events/{id}":               getObject(kindEvent),
		"GET /v1/test_helpers/faults":       faultStats,
	} {
		mux.HandleFunc(pattern, p.ask(op, !strings.Contains(pattern, "/test_helpers/")))
	}
	mux.HandleFunc("GET /authenticate/{id}", p.showAction)
	mux.HandleFunc("POST /authenticate/{id}", p.decideAction)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, &apiError{404, problem{Type: "invalid_request_error",
			Message: "Unrecognized request URL."}})
	})
	return mux
}

// ask answers a request from the books as they are.
func (p *Provider) ask(op operation, faulty bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := p.admit(w, r, r.URL.RawQuery)
		if err != nil {
			refuse(w, err)
			return
		}
		if faulty && p.dice.throw("error_before", r.URL.Path, p.dice.rates().ErrorBefore,
			&p.dice.stats.ErrorBefore) {
			refuse(w, errBroken)
			return
		}
		var a answer
		err = p.shards.Read(books, func(v *compaction.View) error {
			c := &call{p: p, state: v, form: f, id: r.PathValue("id"), now: p.now()}
			var err error
			a, err = c.run(op)
			return err
		})
		if err != nil {
			refuse(w, err)
			return
		}
		a.write(w)
	}
}

// change decides a request by one durable command, together with the memory of its key.
func (p *Provider) change(op operation, faulty bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			refuse(w, &apiError{413, problem{Type: "invalid_request_error",
				Message: "The request is too large."}})
			return
		}
		f, err := p.admit(w, r, string(body))
		if err != nil {
			refuse(w, err)
			return
		}
		key := r.Header.Get("Idempotency-Key")
		subject := key + r.URL.Path
		roll := p.roll(subject, faulty)
		if roll.before {
			refuse(w, errBroken)
			return
		}
		var a answer
		err = p.do(r.Context(), func(tx *compaction.Tx) error {
			c := &call{p: p, state: tx, tx: tx, form: f, id: r.PathValue("id"), now: tx.Now(),
				key: key}
			var err error
			a, err = c.once(op, f.fingerprint(r.URL.Path), roll.after)
			return err
		})
		switch {
		case err != nil:
			refuse(w, err)
		case roll.timeout:
			p.hang(r)
		default:
			a.write(w)
		}
	}
}

// rolled is what goes wrong with a request.
type rolled struct{ before, after, timeout bool }

func (p *Provider) roll(subject string, faulty bool) rolled {
	if !faulty {
		return rolled{}
	}
	rates, d := p.dice.rates(), p.dice
	return rolled{
		before:  d.throw("error_before", subject, rates.ErrorBefore, &d.stats.ErrorBefore),
		after:   d.throw("error_after", subject, rates.ErrorAfter, &d.stats.ErrorAfter),
		timeout: d.throw("timeout", subject, rates.Timeout, &d.stats.Timeout),
	}
}

// hang keeps the client waiting and then breaks the connection without an answer.
func (p *Provider) hang(r *http.Request) {
	t := time.NewTimer(p.dice.rates().Hang)
	defer t.Stop()
	select {
	case <-r.Context().Done():
	case <-t.C:
	}
	panic(http.ErrAbortHandler) // net/http's own way to end a connection
}

// admit checks who asks and reads the parameters.
func (p *Provider) admit(w http.ResponseWriter, r *http.Request, encoded string) (form, error) {
	w.Header().Set("Content-Type", "application/json")
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = r.BasicAuth()
	}
	if !ok || key == "" || p.o.Key != "" &&
		subtle.ConstantTimeCompare([]byte(key), []byte(p.o.Key)) != 1 {
		return form{}, &apiError{401, problem{Type: "invalid_request_error",
			Message: "Invalid API Key provided."}}
	}
	if len(r.Header.Get("Idempotency-Key")) > maxKey {
		return form{}, invalid("", "idempotency_key_too_long", "The idempotency key is too long.")
	}
	return parseForm(encoded)
}

var errBroken = &apiError{500, problem{Type: "api_error",
	Message: "An unknown error occurred (a fault of the sandbox)."}}

// An answer is what a request is answered with; it is also what is remembered with its key.
type answer struct {
	Request  string          `json:"request"`
	Status   int             `json:"status"`
	Body     json.RawMessage `json:"body"`
	replayed bool
}

func (a answer) write(w http.ResponseWriter) {
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.Status)
	// A client that is gone gets its answer when it asks again with its key.
	_, _ = w.Write(a.Body)
}

// once answers a request whose key is known with the answer it was given.
func (c *call) once(op operation, request string, broken bool) (answer, error) {
	if c.key == "" {
		return c.run(op)
	}
	sum := sha256.Sum256([]byte(c.key))
	id := "idk_" + hex.EncodeToString(sum[:16])
	var a answer
	_, known, err := load(c.state, kindAnswer, id, &a)
	if err != nil {
		return a, err
	}
	if known && a.Request != request {
		return a, &apiError{400, problem{Type: "idempotency_error", Message: "Keys for idempotent " +
			"requests can only be used with the same parameters they were first used with."}}
	}
	if known {
		a.replayed = true
		return a, nil
	}
	if a, err = c.run(op); err != nil {
		return a, err
	}
	if broken {
		a.Status = errBroken.status
		if a.Body, err = json.Marshal(errorBody{errBroken.problem}); err != nil {
			return a, err
		}
	}
	a.Request = request
	o := Object{Kind: kindAnswer, ID: id, Due: c.now.Add(keyLife)}
	return a, save(c.tx, o, a)
}

// run decides the request and renders what clients see.
func (c *call) run(op operation) (answer, error) {
	status, body, err := op(c)
	if err != nil {
		return answer{}, err
	}
	b, err := c.render(body)
	return answer{Status: status, Body: b}, err
}

type errorBody struct {
	Error problem `json:"error"`
}

// refuse answers with an error object. What is no refusal is a 503: nothing was acknowledged.
func refuse(w http.ResponseWriter, err error) {
	var refused *apiError
	if !errors.As(err, &refused) {
		w.Header().Set("Retry-After", "1")
		refused = &apiError{503, problem{Type: "api_error", Message: "The books are not served."}}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refused.status)
	// Nothing is left to tell a client that is gone.
	_ = json.NewEncoder(w).Encode(errorBody{refused.problem})
}
