package sandbox

import (
	"crypto/subtle"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/quittance/quittance/compaction"
)

// actionURL is where a customer completes an action.
func (p *Provider) actionURL(pi intent) string {
	base := strings.TrimSuffix(p.o.URL, "/")
	if base == "" {
		base = "https://sandbox.invalid"
	}
	return base + "/authenticate/" + pi.ID + "?secret=" + url.QueryEscape(pi.ClientSecret)
}

// completeIntent is a test helper: what the customer, or the customer's bank, decides about a
// payment that waits for them. The parameter outcome is succeed or fail.
func completeIntent(c *call) (int, any, error) {
	o, pi, err := c.loadIntent()
	if err != nil {
		return 0, nil, err
	}
	if pi.Status != requiresAction && pi.Status != processing {
		return 0, nil, unexpected(pi, "completed")
	}
	switch c.form.text("outcome") {
	case "succeed":
		pi, err = c.authorise(o, pi)
		return 200, pi, err
	case "fail":
		_, _, err := c.decline(o, pi, [2]string{"payment_intent_authentication_failure", ""})
		if err != nil {
			return 0, nil, err
		}
		_, pi, err = c.loadIntent()
		return 200, pi, err
	}
	return 0, nil, invalid("outcome", "parameter_invalid", "The outcome is succeed or fail.")
}

var page = template.Must(template.New("action").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<body style="font-family:sans-serif;max-width:30em;margin:3em auto">
<h1>Sandbox bank</h1><p>Payment {{.ID}} of {{.Amount}} {{.Currency}} (minor units).</p>
<form method="post"><input type="hidden" name="secret" value="{{.ClientSecret}}">
<button name="outcome" value="succeed">Approve</button>
<button name="outcome" value="fail">Refuse</button></form></body></html>
`))

// showAction shows the customer what is to be decided.
func (p *Provider) showAction(w http.ResponseWriter, r *http.Request) {
	var pi intent
	err := p.shards.Read(books, func(v *compaction.View) error {
		c := &call{p: p, state: v, id: r.PathValue("id")}
		_, found, err := c.loadIntent()
		pi = found
		return err
	})
	if err != nil || !known(pi, r.URL.Query().Get("secret")) || pi.Status != requiresAction {
		http.Error(w, "There is nothing to decide here.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	// A browser that is gone needs no page.
	_ = page.Execute(w, pi)
}

// decideAction takes the customer's decision and sends them back.
func (p *Provider) decideAction(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	back := ""
	err := p.do(r.Context(), func(tx *compaction.Tx) error {
		c := &call{p: p, state: tx, tx: tx, id: r.PathValue("id"), now: tx.Now(),
			form: form{r.PostForm}}
		_, pi, err := c.loadIntent()
		if err != nil {
			return err
		}
		if !known(pi, c.form.text("secret")) {
			return missing(kindIntent, c.id, "secret")
		}
		back = pi.ReturnURL
		_, _, err = completeIntent(c)
		return err
	})
	target, wrong := url.Parse(back)
	switch {
	case err != nil:
		http.Error(w, "There is nothing to decide here.", http.StatusNotFound)
	case wrong == nil && (target.Scheme == "https" || target.Scheme == "http"):
		http.Redirect(w, r, back, http.StatusSeeOther)
	default:
		http.Error(w, "Thank you. You can close this page.", http.StatusOK)
	}
}

// known reports whether a customer has the secret of a payment.
func known(pi intent, secret string) bool {
	return pi.ClientSecret != "" &&
		subtle.ConstantTimeCompare([]byte(pi.ClientSecret), []byte(secret)) == 1
}
