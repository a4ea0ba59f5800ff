package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting/access"
)

// keysCommand looks after API keys, on the data of a stopped server: that is how the first key
// comes into being. A running server does the same under /v1/keys.
type keysCommand struct {
	Create keysCreate `cmd:"" help:"Make a key and print it, once."`
	List   keysList   `cmd:"" help:"List the keys of a tenant, without their secrets."`
	Revoke keysRevoke `cmd:"" help:"End a key."`
}

// Help shows one of each.
func (keysCommand) Help() string {
	return `Keys of a server that is stopped, or that was never started; on a cluster, of a log that no node
serves. Running ones do the same under /v1/keys, and these commands say so:

    $ quittance keys create --tenant platform --role platform --data var/data
    $ quittance keys list --tenant platform --data var/data
    $ quittance keys revoke key_01jd0000000000000000000000 --tenant platform --data var/data`
}

// keysCreate makes a key.
type keysCreate struct {
	logFlags
	Tenant string `required:"" help:"Whose key it is."`
	Role   string `required:"" help:"What it may do: ${enum}." enum:"tradesperson,finance,platform"`
	Name   string `help:"What the key is for." default:"made by quittance keys"`
}

// Help shows how the first key is made.
func (keysCreate) Help() string {
	return `The first key of a new server, made before it is started:

    $ quittance keys create --tenant platform --role platform --data var/data

The key is printed once; only a hash of it is stored. While the server runs, its folder is in use
and keys are made by asking it:

    $ curl -H "Authorization: Bearer $QUITTANCE_KEY" -H 'Content-Type: application/json' \
        -d '{"name":"till","role":"finance"}' http://127.0.0.1:8080/v1/keys

So it is on a cluster while nodes run. Before there are any:

    $ quittance keys create --tenant platform --role platform --log kafka --brokers 127.0.0.1:9092

` + kafkaHelp
}

// Run makes the key and prints it on standard output, alone on a line.
func (c keysCreate) Run(ctx context.Context, p *program) error {
	role, ok := access.ParseRole(c.Role)
	if !ok {
		return &usageError{"there is no role " + c.Role}
	}
	asked, err := c.asked()
	if err != nil {
		return err
	}
	o, err := c.quiet(ctx, p, engineOptions{logger: p.logger(slog.LevelWarn), create: true}, asked)
	if err != nil {
		return err
	}
	return withEngine(ctx, c.Data, o, c.Tenant, func(e *engine) error {
		key, text, err := createKey(ctx, e.shards, c.Tenant, c.Name, role)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "%s of %s, role %s. It is shown this once:\n", key.ID, c.Tenant, role)
		_, err = fmt.Fprintln(p.stdout, text)
		return err
	})
}

// asked is how a node makes the key.
func (c keysCreate) asked() (string, error) {
	body, err := json.Marshal(map[string]string{"name": c.Name, "role": c.Role})
	return askForKeys(c.Tenant, "-H 'Content-Type: application/json' -d "+quoted(string(body))+" ",
		"URL/v1/keys"), err
}

// askForKeys says how to do with a node's API what a command does with a log that is not served.
func askForKeys(tenant, more, url string) string {
	return "Ask one of them, with a key of\nthat tenant or of the platform:\n\n" +
		`    curl -H "Authorization: Bearer $QUITTANCE_KEY" -H ` + quoted("Quittance-Tenant: "+tenant) +
		" \\\n        " + more + url + "\n\nWho has no such key any more stops the nodes first"
}

// quoted is a text as a shell takes it for one word.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// word is quoted, of a text that a shell might take for anything else than one word as it stands.
func word(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:,@%+=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return quoted(text)
}

// createKey makes a key and returns its text.
func createKey(
	ctx context.Context, s *compaction.Shards, tenant, name string, role access.Role,
) (access.Key, string, error) {
	key, text, err := access.NewKey(tenant, name, role, time.Now())
	if err != nil {
		return access.Key{}, "", err
	}
	err = decide(ctx, s, tenant, func(tx *compaction.Tx) error {
		access.PutKey(tx, key)
		return nil
	})
	return key, text, err
}

// keysList lists keys.
type keysList struct {
	logFlags
	Tenant string `required:"" help:"Whose keys."`
}

// Help shows what is listed.
func (keysList) Help() string {
	return `A line a key: id, role, when it was made, in use or when it was revoked, name.

    $ quittance keys list --tenant platform --data var/data

` + kafkaHelp
}

// Run prints the list.
func (c keysList) Run(ctx context.Context, p *program) error {
	o, err := c.quiet(ctx, p, engineOptions{logger: p.logger(slog.LevelWarn), reading: true},
		askForKeys(c.Tenant, "", "URL/v1/keys"))
	if err != nil {
		return err
	}
	return withEngine(ctx, c.Data, o, c.Tenant, func(e *engine) error {
		var rows []compaction.Row[access.Key]
		err := e.shards.Read(c.Tenant, func(v *compaction.View) (err error) {
			rows, err = access.Keys.Scan(v, compaction.Page{Prefix: c.Tenant + "/"})
			return err
		})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, r := range rows {
			revoked := "in use"
			if !r.Value.Revoked.IsZero() {
				revoked = "revoked " + r.Value.Revoked.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Value.ID, r.Value.Role,
				r.Value.Created.Format(time.RFC3339), revoked, r.Value.Name)
		}
		return w.Flush()
	})
}

// keysRevoke ends a key.
type keysRevoke struct {
	logFlags
	Tenant string `required:"" help:"Whose key it is."`
	ID     string `arg:"" help:"The key's id, as keys list shows it."`
}

// Help shows how a key ends.
func (keysRevoke) Help() string {
	return `A revoked key is refused from then on, and stays in the list:

    $ quittance keys revoke key_01jd0000000000000000000000 --tenant platform --data var/data

` + kafkaHelp
}

// Run ends the key.
func (c keysRevoke) Run(ctx context.Context, p *program) error {
	o, err := c.quiet(ctx, p, engineOptions{logger: p.logger(slog.LevelWarn)},
		askForKeys(c.Tenant, "-X POST ", "URL/v1/keys/"+c.ID+"/revoke"))
	if err != nil {
		return err
	}
	return withEngine(ctx, c.Data, o, c.Tenant, func(e *engine) error {
		err := decide(ctx, e.shards, c.Tenant, func(tx *compaction.Tx) error {
			_, err := access.RevokeKey(tx, c.Tenant, c.ID)
			return err
		})
		if errors.Is(err, access.ErrNoKey) {
			return fmt.Errorf("%s: %w", c.ID, err)
		}
		if err == nil {
			fmt.Fprintln(p.stdout, c.ID, "is revoked")
		}
		return err
	})
}
