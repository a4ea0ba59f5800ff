package docs

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// skips is the one place where a test may be left out: where there is no Java to run a broker with,
// and nobody said that there must be.
const skips = "compaction/kafka/kafkatest/jars.go"

// TestWords wants nothing unfinished in the repository, no place that only one machine has, and no
// registry in a committed text. The patterns are written so that they do not find themselves.
func TestWords(t *testing.T) {
	forbidden := []*regexp.Regexp{
		regexp.MustCompile(`\b(TO[D]O|FIX[M]E)\b`),
		regexp.MustCompile(`(?i)\bnot[ ]implemented\b|\bunimple[m]ented\b`),
		regexp.MustCompile(`\b(t|b|f|tb)\.Sk[i]p(f|Now)?\(`),
		regexp.MustCompile(`(^|[\s"'(=])/(work|tm[p]|root|home)/`),
		regexp.MustCompile(`proxy\.golang[.]org|sum\.golang[.]org|registry\.npmjs[.]org`),
		regexp.MustCompile(`pypi[.]org|repo1?\.maven|deb\.debian[.]org|crates[.]io`),
		regexp.MustCompile(`(?i)\bas[s]istant\b|\blanguage[ ]model\b|\bco-authored[-]by\b`),
	}
	text := []string{".go", ".md", ".proto", ".txt", ".json", ".yaml", ".yml", ".html", ".css", ".js",
		".py", ".sh", ".mod", ".golden", "", ".gitignore"}
	for _, name := range files(t, func(f string) bool {
		return slices.Contains(text, path.Ext(f)) && !strings.Contains(f, "testdata/fuzz/")
	}) {
		number := 0
		for line := range strings.Lines(read(t, name)) {
			number++
			for _, re := range forbidden {
				found := re.FindString(line)
				if name == skips && strings.Contains(found, "Skip") {
					continue
				}
				if found != "" && !strings.HasSuffix(name, ".pb.go") {
					t.Errorf("%s:%d: %q", name, number, found)
				}
			}
		}
	}
}
