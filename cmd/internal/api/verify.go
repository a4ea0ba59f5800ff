package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quittance/quittance/compaction"
)

// A VerifyReport says whether the books hold, check by check.
type VerifyReport struct {
	OK     bool          `json:"ok" doc:"Whether every check passed."`
	Checks []VerifyCheck `json:"checks"`
	Shards []int         `json:"shards,omitempty" doc:"The shards that were looked at, where several nodes serve."`
}

// A VerifyCheck is one thing that was looked at.
type VerifyCheck struct {
	Name   string `json:"name" example:"books-balance"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty" doc:"What was found."`
}

func (a *API) registerVerify() {
	query[struct{}](a, route{
		id: "verify", method: http.MethodPost, path: "/v1/verify", tag: operatorTag, roles: platform,
		timeout: 15 * time.Minute, parts: true, summary: "Verify the books",
		description: "Reads the log from its start and checks that nobody else has written to it, that " +
			"the books balance, that balances are the fold of the journal, that its chain holds, that " +
			"nothing outlived its settlement, and that store and log agree. Where several nodes serve, " +
			"each verifies the shards that it owns.",
	}, verifyBooks)
}

// verifyBooks has every node verify what it owns, at the same time, and puts the reports together.
func verifyBooks(x *exchange, _ *struct{}) (VerifyReport, error) {
	if x.api.verify == nil {
		return VerifyReport{}, errRoute
	}
	if x.api.peers == nil {
		return x.api.verify(x.r.Context())
	}
	s, err := x.scope()
	if err != nil {
		return VerifyReport{}, err
	}
	if len(s.there) == 0 && x.across.hop != nil && x.across.hop.Kind == hopPart {
		return x.verifyOwned(s.here)
	}
	var own VerifyReport
	var unverified error
	var verified sync.WaitGroup
	verified.Go(func() { own, unverified = x.verifyOwned(s.here) })
	parts, err := gather[VerifyReport](x, s)
	verified.Wait()
	if err := errors.Join(unverified, err); err != nil {
		return VerifyReport{}, err
	}
	return mergeReports(append(parts, own)), nil
}

// verifyOwned verifies what this node owns. It fails when that is not, from beginning to end, what
// is to be answered for: nothing is left out and called whole.
func (x *exchange) verifyOwned(shards []int) (VerifyReport, error) {
	before := x.api.owned()
	report, err := x.api.verify(x.r.Context())
	if err != nil {
		return report, err
	}
	if !slices.Equal(before, x.api.owned()) {
		return report, compaction.ErrNotServing
	}
	for _, n := range shards {
		if !slices.Contains(before, n) {
			return report, &elsewhereError{n}
		}
	}
	report.Shards = before
	return report, nil
}

// owned are the shards that this process owns.
func (a *API) owned() (shards []int) {
	for n := range a.shards.Count() {
		if a.shards.Owned(n) {
			shards = append(shards, n)
		}
	}
	return shards
}

// mergeReports puts the reports of several nodes together, check by check, in the order of their
// shards. What a node found is told with the shards that it looked at.
func mergeReports(parts []VerifyReport) VerifyReport {
	parts = slices.DeleteFunc(parts, func(p VerifyReport) bool { return len(p.Shards) == 0 })
	slices.SortFunc(parts, func(a, b VerifyReport) int {
		return cmp.Compare(a.Shards[0], b.Shards[0])
	})
	all := VerifyReport{OK: true}
	at := map[string]int{}
	for _, p := range parts {
		all.OK = all.OK && p.OK
		all.Shards = append(all.Shards, p.Shards...)
		for _, c := range p.Checks {
			detail := fmt.Sprintf("shards %s: %s", shardList(p.Shards), c.Detail)
			i, known := at[c.Name]
			if !known {
				at[c.Name] = len(all.Checks)
				all.Checks = append(all.Checks, VerifyCheck{c.Name, c.OK, detail})
				continue
			}
			all.Checks[i].OK = all.Checks[i].OK && c.OK
			all.Checks[i].Detail += "; " + detail
		}
	}
	slices.Sort(all.Shards)
	return all
}

func shardList(shards []int) string {
	var texts []string
	for _, n := range shards {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ", ")
}

// A verifier checks the books.
type verifier func(ctx context.Context) (VerifyReport, error)
