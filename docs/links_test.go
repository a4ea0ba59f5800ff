package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fencePattern   = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestLinks follows every link of the pages to a file of the repository and, where it names one,
// to a heading in it. Links to other hosts are not followed.
func TestLinks(t *testing.T) {
	for _, page := range files(t, func(f string) bool { return path.Ext(f) == ".md" }) {
		text := fencePattern.ReplaceAllString(read(t, page), "")
		for _, m := range linkPattern.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			} else if heading != "" && path.Ext(target) == ".md" && !headings(t, target)[heading] {
				t.Errorf("%s: %s: that page has no such heading", page, m[1])
			}
		}
	}
}

// headings returns the anchors of a page, as readers of Markdown make them from its headings.
func headings(t *testing.T, page string) map[string]bool {
	anchors := map[string]bool{}
	text := fencePattern.ReplaceAllString(read(t, page), "")
	for _, m := range headingPattern.FindAllStringSubmatch(text, -1) {
		anchors[anchor(m[1])] = true
	}
	return anchors
}

// anchor turns a heading into the name it is linked by.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}
