package settlement

import (
	"github.com/quittance/quittance/ledger"
	"github.com/quittance/quittance/ledger/money"
)

// The accounts of the money path. Receivables, clearing and what is undeposited are control
// accounts: their details are the records of invoices and payments.
const (
	AccountRevenue    ledger.AccountID = "revenue"
	AccountDeposits   ledger.AccountID = "deposits" // what customers paid for work to come
	AccountRounding   ledger.AccountID = "rounding"
	AccountRefunds    ledger.AccountID = "refunds"  // given back without a credit note
	AccountDisputes   ledger.AccountID = "disputes" // withdrawn while a dispute is open
	AccountBadDebt    ledger.AccountID = "bad_debt"
	AccountBank       ledger.AccountID = "bank"
	AccountPromotions ledger.AccountID = "platform:promotions" // paid by the platform
	AccountFeeOwed    ledger.AccountID = "payable:platform"
	AccountFeePlat    ledger.AccountID = "fees:platform"
)

// Receivable is what a customer owes.
func Receivable(customer string) ledger.AccountID {
	return ledger.AccountID("receivable:" + customer)
}

// Tax is what is owed to the tax office in a category of UNTDID 5305.
func Tax(category string) ledger.AccountID { return ledger.AccountID("tax:" + category) }

// Clearing is what a gateway has taken and not paid out.
func Clearing(gateway string) ledger.AccountID { return ledger.AccountID("clearing:" + gateway) }

// Fees is what a gateway has charged.
func Fees(gateway string) ledger.AccountID { return ledger.AccountID("fees:" + gateway) }

// Undeposited is money of a method (cash, cheque, transfer) that the bank has not shown.
func Undeposited(method string) ledger.AccountID {
	return ledger.AccountID("undeposited:" + method)
}

// Credit is what a customer paid too much: a deposit of that customer.
func Credit(customer string) ledger.AccountID { return ledger.AccountID("deposits:" + customer) }

// DueTo is, in the books of who holds a gateway's account, what it owes a tenant of a payout.
func DueTo(tenant string) ledger.AccountID { return ledger.AccountID("due_to:" + tenant) }

// DueFrom is, in a tenant's books, what the holder of the gateway's account owes of a payout.
func DueFrom(tenant string) ledger.AccountID { return ledger.AccountID("due_from:" + tenant) }

// Suspense is what a payout moved and nothing that is known explains.
func Suspense(gateway string) ledger.AccountID { return ledger.AccountID("suspense:" + gateway) }

// moves are the postings of one event.
type moves []ledger.Posting

// move adds debit → credit of an amount: the other way round below zero, nothing at zero.
func (m moves) move(debit, credit ledger.AccountID, a money.Amount) moves {
	switch a.Sign() {
	case 0:
		return m
	case -1:
		debit, credit, a = credit, debit, money.New(-a.Minor(), a.Currency())
	}
	return append(m, ledger.Posting{Debit: debit, Credit: credit, Amount: a})
}

// back returns the postings that undo m, in the same order.
func (m moves) back() moves {
	undone := make(moves, 0, len(m))
	for _, p := range m {
		undone = append(undone, ledger.Posting{Debit: p.Credit, Credit: p.Debit, Amount: p.Amount})
	}
	return undone
}

// A Share is a part of an amount in one tax category.
type Share struct {
	Category string
	Amount   money.Amount
}

// Figures are what an invoice says about the books. Net and Taxes add up to what the invoice is
// worth; what is Payable is that less Prepaid and Promotion, plus Rounding.
type Figures struct {
	Customer  string
	Deposit   bool         // the invoice asks for a deposit: its worth is no revenue yet
	Net       money.Amount // without tax
	Taxes     []Share
	Promotion money.Amount // paid by the platform
	Prepaid   money.Amount
	Rounding  money.Amount
	Payable   money.Amount
}

// finalised: receivable:customer → revenue, tax:category, or → deposits for a deposit invoice;
// platform:promotions → receivable; deposits → receivable; receivable ↔ rounding.
func finalised(f Figures) moves {
	owed := Receivable(f.Customer)
	var m moves
	if f.Deposit {
		m = m.move(owed, AccountDeposits, f.Net)
		for _, t := range f.Taxes {
			m = m.move(owed, AccountDeposits, t.Amount)
		}
	} else {
		m = m.move(owed, AccountRevenue, f.Net)
		for _, t := range f.Taxes {
			m = m.move(owed, Tax(t.Category), t.Amount)
		}
	}
	m = m.move(AccountPromotions, owed, f.Promotion)
	m = m.move(AccountDeposits, owed, f.Prepaid)
	return m.move(owed, AccountRounding, f.Rounding)
}

// credited: revenue, tax:category → receivable:customer; receivable → platform:promotions,
// deposits; receivable ↔ rounding. part is what the credit note takes back of what its invoice's
// finalising posted.
func credited(part Figures) moves { return finalised(part).back() }

// captured: clearing:gateway → receivable:customer.
func captured(gateway, customer string, a money.Amount) moves {
	return moves{}.move(Clearing(gateway), Receivable(customer), a)
}

// announced: undeposited:method → receivable:customer.
func announced(method, customer string, a money.Amount) moves {
	return moves{}.move(Undeposited(method), Receivable(customer), a)
}

// overpaid: receivable:customer → deposits:customer.
func overpaid(customer string, a money.Amount) moves {
	return moves{}.move(Receivable(customer), Credit(customer), a)
}

// charged: fees:gateway → clearing:gateway.
func charged(gateway string, fee money.Amount) moves {
	return moves{}.move(Fees(gateway), Clearing(gateway), fee)
}

// platformCharged: fees:platform → payable:platform.
func platformCharged(fee money.Amount) moves {
	return moves{}.move(AccountFeePlat, AccountFeeOwed, fee)
}

// refunded: refunds → clearing:gateway, or with a credit note receivable:customer → it. from is
// where the payment's money is: clearing:gateway, or undeposited:method.
func refunded(from ledger.AccountID, customer, creditNote string, a money.Amount) moves {
	if creditNote != "" {
		return moves{}.move(Receivable(customer), from, a)
	}
	return moves{}.move(AccountRefunds, from, a)
}

// withdrawn: disputes → clearing:gateway; reinstated is the same below zero.
func withdrawn(gateway string, a money.Amount) moves {
	return moves{}.move(AccountDisputes, Clearing(gateway), a)
}

// lost: receivable:customer → disputes. What was regained after all is the same below zero.
func lost(customer string, a money.Amount) moves {
	return moves{}.move(Receivable(customer), AccountDisputes, a)
}

// paidOut: bank → clearing:gateway. Where another tenant holds the gateway's account, what it owes
// of the payout passes through due_from:holder.
func paidOut(gateway, tenant, holder string, net money.Amount) moves {
	if holder == tenant {
		return moves{}.move(AccountBank, Clearing(gateway), net)
	}
	return moves{}.move(DueFrom(holder), Clearing(gateway), net).
		move(AccountBank, DueFrom(holder), net)
}

// received: bank → due_to:owner, in the books of who holds the gateway's account.
func received(owner string, net money.Amount) moves {
	return moves{}.move(AccountBank, DueTo(owner), net)
}

// passedOn: due_to:owner → bank, when the owner's books have its share of the bank account.
func passedOn(owner string, net money.Amount) moves {
	return moves{}.move(DueTo(owner), AccountBank, net)
}

// cameBack: clearing:gateway → bank, for a payout that failed after it was paid.
func cameBack(gateway string, a money.Amount) moves {
	return moves{}.move(Clearing(gateway), AccountBank, a)
}

// banked: bank → undeposited:method.
func banked(method string, a money.Amount) moves {
	return moves{}.move(AccountBank, Undeposited(method), a)
}

// accepted: bad_debt → where the money was to be, for what never came; what came too much is there
// → deposits:customer.
func accepted(at ledger.AccountID, customer string, short money.Amount) moves {
	if short.Sign() < 0 && customer != "" {
		return moves{}.move(Credit(customer), at, short)
	}
	return moves{}.move(AccountBadDebt, at, short)
}
