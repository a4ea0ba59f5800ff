package api

import (
	"errors"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// A balance is what one account holds in one currency.
type balance struct {
	Account        accountText  `json:"account"`
	Currency       currencyCode `json:"currency"`
	Balance        amountText   `json:"balance" doc:"Posted debits less posted credits: below zero for what is owed or was earned."`
	Debits         positiveText `json:"debits" doc:"What was ever debited and posted."`
	Credits        positiveText `json:"credits" doc:"What was ever credited and posted."`
	PendingDebits  positiveText `json:"pending_debits" doc:"Debits that are held."`
	PendingCredits positiveText `json:"pending_credits" doc:"Credits that are held."`
	Rule           string       `json:"rule" enum:"none,debits_must_not_exceed_credits,credits_must_not_exceed_debits"`
	Ephemeral      bool         `json:"ephemeral" doc:"Whether the account ends when it is empty."`
	Closed         bool         `json:"closed" doc:"Whether nothing may be posted to it."`
	Created        moment       `json:"created"`
	Version        uint64       `json:"version" doc:"Counts the transactions and settings that changed it."`
}

type account struct {
	ID       accountText `json:"id"`
	Balances []balance   `json:"balances" doc:"One for each currency, by its code."`
}

type settingsBody struct {
	Currency  currencyCode `json:"currency"`
	Rule      string       `json:"rule,omitempty" enum:"none,debits_must_not_exceed_credits,credits_must_not_exceed_debits" doc:"What the balance must not do; none unless given."`
	Ephemeral bool         `json:"ephemeral,omitempty" doc:"Whether the account ends when it is empty."`
	Closed    bool         `json:"closed,omitempty" doc:"Whether nothing may be posted to it."`
}

// A movement is a posting as one of its accounts sees it.
type movement struct {
	Transaction string       `json:"transaction"`
	Created     moment       `json:"created"`
	Side        string       `json:"side" enum:"debit,credit"`
	Phase       string       `json:"phase" enum:"posted,held,posted_held,voided,expired"`
	Amount      positiveText `json:"amount"`
	Released    positiveText `json:"released" doc:"What was held and no longer is."`
	Currency    currencyCode `json:"currency"`
	Balance     amountText   `json:"balance" doc:"The account's balance after it."`
	Counterpart accountText  `json:"counterpart" doc:"The account on the other side."`
}

// AccountPath names an account in the path.
type AccountPath struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*$" maxLength:"255" example:"cash:till" doc:"The account's id."`
}

type accountList struct {
	Paging
	Prefix string `query:"prefix" maxLength:"255" pattern:"^[A-Za-z0-9_.:-]+$" doc:"What the accounts' ids begin with." example:"cash"`
}

type historyQuery struct {
	Paging
	AccountPath
	Currency string `query:"currency" pattern:"^[A-Z]{3}$" doc:"The currency; may be left out for an account that has one." example:"EUR"`
	Order    string `query:"order" enum:"asc,desc" default:"asc" doc:"Oldest first, or newest first."`
}

type settingsInput struct {
	AccountPath
	Body settingsBody
}

func (a *API) registerAccounts() {
	const tag = "General ledger"
	query[accountList](a, route{
		id: "list-accounts", path: "/v1/accounts", tag: tag, roles: anyKey,
		summary:     "List accounts",
		description: "Accounts by id and currency, those of the money path too.",
	}, listAccounts)
	query[AccountPath](a, route{
		id: "get-account", path: "/v1/accounts/{id}", tag: tag, roles: anyKey,
		summary: "Get an account", description: "What the account holds in each currency.",
	}, getAccount)
	query[historyQuery](a, route{
		id: "list-account-history", path: "/v1/accounts/{id}/history", tag: tag, roles: anyKey,
		summary: "List an account's history",
		description: "Every posting of the account in one currency, with the balance after it. It " +
			"includes whatever was answered before the request.",
	}, accountHistory)
	mutation[settingsInput, balance](a, route{
		id: "put-account", method: "PUT", path: "/v1/accounts/{id}", tag: tag, roles: anyKey,
		summary: "Set an account's settings",
		description: "Sets what the balance must not do in a currency, and whether the account is " +
			"closed. The account need not exist yet.",
		example: `{"currency":"EUR","rule":"debits_must_not_exceed_credits"}`,
	}, putAccount)
}

func listAccounts(x *exchange, in *accountList) (page[balance], error) {
	p := in.of(ledger.AccountsPrefix(x.tenant))
	p.Prefix += in.Prefix
	if in.Cursor != "" && !strings.HasPrefix(p.After, p.Prefix) {
		return page[balance]{}, at("query.cursor", errCursor)
	}
	var rows []compaction.Row[ledger.Account]
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		rows, err = ledger.Accounts.Scan(v, p)
		return err
	})
	p.Prefix = ledger.AccountsPrefix(x.tenant)
	return pageOf(p, rows, showBalance), err
}

func getAccount(x *exchange, in *AccountPath) (account, error) {
	out := account{ID: accountText(in.ID)}
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) error {
		found, err := ledger.Balances(v, x.tenant, ledger.AccountID(in.ID))
		for _, a := range found {
			out.Balances = append(out.Balances, showBalance(a))
		}
		return err
	})
	if err == nil && len(out.Balances) == 0 {
		err = ledger.ErrNoAccount
	}
	return out, err
}

func accountHistory(x *exchange, in *historyQuery) (page[movement], error) {
	none := page[movement]{}
	currency, err := in.currency(x)
	if err != nil {
		return none, err
	}
	id := ledger.AccountID(in.ID)
	p := in.of(ledger.AccountKey(x.tenant, id, currency) + "/")
	p.Reverse = in.Order == "desc"
	rows, err := ledger.History(x.r.Context(), x.api.shards, x.tenant, id, currency, p)
	if errors.Is(err, ledger.ErrCursor) {
		return none, at("query.cursor", errCursor)
	}
	if err != nil {
		return none, err
	}
	return pageOf(p, rows, showMovement), nil
}

// currency is the currency asked for, or the only one that the account has.
func (in *historyQuery) currency(x *exchange) (money.Currency, error) {
	if in.Currency != "" {
		return parseCurrency("query.currency", in.Currency)
	}
	var has []ledger.Account
	err := x.api.shards.Read(x.tenant, func(v *compaction.View) (err error) {
		has, err = ledger.Balances(v, x.tenant, ledger.AccountID(in.ID))
		return err
	})
	switch {
	case err != nil:
		return money.Currency{}, err
	case len(has) == 0:
		return money.Currency{}, ledger.ErrNoAccount
	case len(has) > 1:
		return money.Currency{}, refuse("query.currency", "required",
			"is required: the account has several")
	}
	return has[0].Currency, nil
}

func putAccount(x *exchange, in *settingsInput) (change, error) {
	currency, err := parseCurrency("currency", in.Body.Currency)
	if err != nil {
		return change{}, err
	}
	s := ledger.Settings{Ephemeral: in.Body.Ephemeral, Closed: in.Body.Closed}
	if in.Body.Rule != "" {
		if s.Rule, err = ledger.ParseRule(in.Body.Rule); err != nil {
			return change{}, at("rule", err)
		}
	}
	tenant := x.tenant
	return change{decide: func(tx *compaction.Tx) (result, error) {
		a, err := ledger.Configure(tx, tenant, ledger.AccountID(in.ID), currency, s)
		if errors.Is(err, ledger.ErrSettings) {
			err = at("ephemeral", err)
		}
		return result{body: showBalance(a)}, err
	}}, nil
}

func showBalance(a ledger.Account) balance {
	text := func(minor int64) positiveText {
		return positiveText(money.New(minor, a.Currency).String())
	}
	return balance{
		Account: accountText(a.ID), Currency: currencyCode(a.Currency.String()),
		Balance: amountText(a.Balance().String()),
		Debits:  text(a.Posted.Debits), Credits: text(a.Posted.Credits),
		PendingDebits: text(a.Pending.Debits), PendingCredits: text(a.Pending.Credits),
		Rule: a.Rule.String(), Ephemeral: a.Ephemeral, Closed: a.Closed,
		Created: moment(a.Created), Version: a.Version,
	}
}

func showMovement(m ledger.Movement) movement {
	side := "debit"
	if m.Credit {
		side = "credit"
	}
	return movement{
		Transaction: m.Transaction, Created: moment(m.At), Side: side, Phase: m.Phase.String(),
		Amount: positiveText(m.Amount.String()), Released: positiveText(m.Released.String()),
		Currency: currencyCode(m.Amount.Currency().String()),
		Balance:  amountText(m.Balance.String()), Counterpart: accountText(m.Counterpart),
	}
}
