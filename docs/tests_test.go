package docs

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	madeTest  = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(`)
)

// TestNamedTests wants every test that a page rests on to be there: a rule whose test was renamed
// or removed would be one that the page says is held and nothing holds.
func TestNamedTests(t *testing.T) {
	made := map[string]bool{}
	for _, f := range files(t, func(f string) bool { return strings.HasSuffix(f, "_test.go") }) {
		for _, m := range madeTest.FindAllStringSubmatch(read(t, f), -1) {
			made[m[1]] = true
		}
	}
	for _, page := range files(t, func(f string) bool { return path.Ext(f) == ".md" }) {
		for _, m := range namedTest.FindAllStringSubmatch(read(t, page), -1) {
			if !made[m[1]] {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}
