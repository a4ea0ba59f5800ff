package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

// run writes the pages of the contracts below root into root/docs/formats, and removes the pages
// that no topic has.
func run(root string) error {
	if _, err := os.Stat(filepath.Join(root, "buf.yaml")); err != nil {
		return fmt.Errorf("run it at the top of the repository: %w", err)
	}
	pages, err := render(root)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "docs", "formats")
	present, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range present {
		if _, ok := pages[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render returns the text of each page by its file name, the index under README.md.
func render(root string) (map[string][]byte, error) {
	c, err := compile(root)
	if err != nil {
		return nil, err
	}
	pages := map[string][]byte{"README.md": index(c.topics)}
	for _, t := range c.topics {
		pages[t.Name+".md"] = page(t)
	}
	return pages, nil
}
