package api

import "github.com/quittance/quittance/quoting"

// showQuote returns a version of a quote as answers show it; internal says whether costs may be
// seen.
func showQuote(q quoting.Quote, n int, internal bool) quoteRecord {
	v := showVersion(q, n, internal)
	content := &q.Versions[n].Content
	out := quoteRecord{
		ID: q.ID, Number: q.Name(), Customer: q.Customer, Status: v.Status, Version: v.Version,
		Document: v.Document, Priced: v.Priced, Terms: content.Terms,
		ValidUntil: string(content.ValidUntil), Expires: v.Expires, Hash: v.Hash, Issued: v.Issued,
		Acceptance: v.Acceptance, Statement: v.Statement,
		Created: moment(q.Created), Updated: moment(q.Updated),
	}
	for _, b := range q.Bills {
		out.Bills = append(out.Bills, bill{b.Invoice, b.Mode.String(), amountText(b.Amount.String())})
	}
	return out
}

func showVersion(q quoting.Quote, n int, internal bool) quoteVersion {
	v := &q.Versions[n]
	figures := &v.Content.Priced
	if v.Acceptance != nil {
		figures = &v.Acceptance.Priced
	}
	out := quoteVersion{
		Version: n + 1, Status: v.State.String(), Document: showDocument(&v.Content.Document, internal),
		Priced: showPriced(figures, internal), Hash: v.Hash.String(), Issued: moment(v.Issued),
		Expires: moment(v.Expires), Created: moment(v.Created),
	}
	if a := v.Acceptance; a != nil {
		out.Acceptance = &acceptance{a.Who, a.Channel.String(), moment(a.At), a.Hash.String(),
			a.Redemptions}
	}
	if s := v.Statement; s != nil {
		out.Statement = &statement{s.Who, s.Channel.String(), moment(s.At), s.Text}
	}
	return out
}

func listVersions(x *exchange, in *QuotePath) (quoteVersions, error) {
	q, err := findOrRecall(x, in.ID, quoting.FindQuote, quoting.DecodeQuote)
	if err != nil {
		return quoteVersions{}, err
	}
	out := quoteVersions{}
	for n := range q.Versions {
		out.Data = append(out.Data, showVersion(q, n, true))
	}
	return out, nil
}

func showRules(rules []quoting.Rule) []ruleStep {
	out := make([]ruleStep, len(rules))
	for i, r := range rules {
		out[i] = ruleStep{Rule: r.Name, Subject: r.Subject, Limit: r.Limit, Text: r.String(),
			Amount: amountText(r.Amount.String())}
		if !r.Basis.Currency().IsZero() {
			out[i].Basis = amountText(r.Basis.String())
		}
		if !r.Rate.IsZero() {
			out[i].Rate = decimalText(r.Rate.String())
		}
	}
	return out
}
