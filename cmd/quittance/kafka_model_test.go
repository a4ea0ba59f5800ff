package main

import (
	"net/http"
	"testing"

	"github.com/anishathalye/porcupine"
)

// TestTrialModel holds that what the trials on brokers look for would be found: an old balance,
// a payment that was answered and is lost, one that was done twice, a refusal for no reason.
func TestTrialModel(t *testing.T) {
	paid := func(call, back int64) *trialOp {
		return &trialOp{kind: pay, amount: 5, status: http.StatusCreated, call: call, back: back}
	}
	seen := func(balance, call, back int64) *trialOp {
		return &trialOp{kind: look, status: http.StatusOK, balance: balance, call: call, back: back}
	}
	refused := func(balance, call, back int64) *trialOp {
		return &trialOp{kind: take, amount: 7, status: http.StatusUnprocessableEntity,
			balance: balance, call: call, back: back}
	}
	for name, c := range map[string]struct {
		ops  []*trialOp
		want porcupine.CheckResult
	}{
		"as it was":        {[]*trialOp{paid(1, 2), seen(15, 3, 4)}, porcupine.Ok},
		"at the same time": {[]*trialOp{paid(1, 9), seen(10, 3, 4), seen(15, 5, 6)}, porcupine.Ok},
		"back in time": {[]*trialOp{paid(1, 9), seen(15, 3, 4), seen(10, 5, 6)},
			porcupine.Illegal},
		"an old balance":      {[]*trialOp{paid(1, 2), seen(10, 3, 4)}, porcupine.Illegal},
		"done twice":          {[]*trialOp{paid(1, 2), seen(20, 3, 4)}, porcupine.Illegal},
		"refused for nothing": {[]*trialOp{paid(1, 2), refused(10, 3, 4)}, porcupine.Illegal},
		"refused with reason": {[]*trialOp{refused(6, 3, 4)}, porcupine.Illegal},
		"refused by too little": {[]*trialOp{{kind: take, amount: 10, status: http.StatusCreated, call: 1,
			back: 2}, refused(0, 3, 4)}, porcupine.Ok},
	} {
		var history []porcupine.Operation
		for i, o := range c.ops {
			history = append(history, porcupine.Operation{ClientId: i, Input: o, Call: o.call,
				Return: o.back})
		}
		if got := porcupine.CheckOperationsTimeout(trialModel(10), history, 0); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
