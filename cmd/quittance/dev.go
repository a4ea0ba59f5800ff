package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting/access"
)

// A devFile is what serve --dev writes for those who try it: where it is and keys for each role.
type devFile struct {
	URL    string            `json:"url"`
	Tenant string            `json:"tenant"`
	Keys   map[string]string `json:"keys"`
	// Sandbox is where the provider is, for the demo, which asks it to pay out.
	Sandbox string `json:"sandbox,omitempty"`
}

// demoTenant is the demo business.
const demoTenant = "demo"

// readDev reads a dev.json.
func readDev(path string) (devFile, error) {
	var d devFile
	b, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// as returns a client with the key of a role.
func (d devFile) as(role string) *client {
	return &client{url: d.URL, key: d.Keys[role], http: newHTTPClient()}
}

// devKeys are the keys that dev.json has: whose and for what.
var devKeys = []struct {
	name   string
	tenant string
	role   access.Role
}{
	{roleTradesperson, demoTenant, access.Tradesperson},
	{roleFinance, demoTenant, access.Finance},
	{rolePlatform, platformTenant, access.Platform},
}

// openDev returns dev.json as it is, with keys made for those that are missing in it or do not open
// anything. Their texts are nowhere else: when the file is lost, new keys are made.
func openDev(ctx context.Context, e *engine) (devFile, error) {
	d, err := readDev(filepath.Join(e.dir, "dev.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	d.Tenant = demoTenant
	if d.Keys == nil {
		d.Keys = map[string]string{}
	}
	for _, k := range devKeys {
		if opens(e, d.Keys[k.name], k.tenant, k.role) {
			continue
		}
		_, d.Keys[k.name], err = createKey(ctx, e.shards, k.tenant, "of serve --dev", k.role)
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// opens reports whether a text is a valid key of a tenant and a role.
func opens(e *engine, text, tenant string, role access.Role) bool {
	c, err := access.ParseKey(text)
	if err != nil || c.Tenant != tenant {
		return false
	}
	var key access.Key
	err = e.shards.Read(tenant, func(v *compaction.View) (err error) {
		key, err = access.Authenticate(v, c)
		return err
	})
	return err == nil && key.Role == role
}

// write writes dev.json.
func (d devFile) write(dir string) error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "dev.json"), append(b, '\n'))
}
