package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// An engine is a data folder in use by this process: its log, and the shards running on it.
//
//	DIR/secret   keys the hashes of idempotency records; without it those cannot be compared
//	DIR/log      the log: everything
//	DIR/store    folded from the log, and folded again when it is lost
//	DIR/dev.json written by serve --dev: where the demo business is, and its keys
//	DIR/sandbox  the provider's own log, with --dev
type engine struct {
	dir    string
	log    *local.Log
	schema *compaction.Schema
	secret []byte
	shards *compaction.Shards
	end    context.CancelFunc
	ended  chan error
}

// engineOptions are what a command may want otherwise.
type engineOptions struct {
	logger *slog.Logger
	log    local.Options
	// create makes the folder where there is none; without it that is an error.
	create bool
}

// openEngine opens a data folder and begins to serve its shards. It fails when another process has
// the folder open, and says which.
func openEngine(dir string, o engineOptions) (*engine, error) {
	if !o.create {
		if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
			return nil, fmt.Errorf("there is no data in %s: %w", dir, err)
		}
	}
	e := &engine{dir: dir, ended: make(chan error, 1)}
	var err error
	if e.secret, err = openSecret(dir); err != nil {
		return nil, err
	}
	if e.schema, err = compaction.NewSchema(definitions()...); err != nil {
		return nil, err
	}
	o.log.Logger = o.logger
	e.log, err = local.Open(filepath.Join(dir, "log"), e.schema.Topics(), o.log)
	if errors.Is(err, compaction.ErrLocked) {
		return nil, fmt.Errorf("%w\nStop that process first, or ask it over HTTP with --url", err)
	}
	if err != nil {
		return nil, err
	}
	e.shards, err = compaction.NewShards(compaction.Options{
		Log: e.log, Schema: e.schema, Dir: filepath.Join(dir, "store"), Secret: e.secret,
		Logger: o.logger,
	})
	if err != nil {
		return nil, errors.Join(err, e.log.Close())
	}
	var ctx context.Context
	ctx, e.end = context.WithCancel(context.Background())
	go func() { e.ended <- e.shards.Run(ctx) }()
	return e, nil
}

// with opens a data folder, waits until it is served, calls f and closes it again.
func withEngine(ctx context.Context, dir string, o engineOptions, f func(*engine) error) error {
	e, err := openEngine(dir, o)
	if err != nil {
		return err
	}
	err = e.shards.Ready(ctx)
	if err == nil {
		err = f(e)
	}
	return errors.Join(err, e.close())
}

// close decides what is queued, answers it and releases the folder.
func (e *engine) close() error {
	e.end()
	return errors.Join(<-e.ended, e.log.Close())
}

// openSecret returns the secret of a data folder, and makes folder and secret where there are
// none. It refuses to make a new secret beside an old log: answers given under the lost one could
// not be told from answers to other requests.
func openSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) != secretSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d: restore it from a backup",
			path, len(secret), secretSize)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
		return nil, fmt.Errorf("%s is missing beside a log: restore it from a backup", path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	secret = make([]byte, secretSize)
	rand.Read(secret) // never fails: the program ends instead
	fresh, err := writeTemporary(path, secret)
	if err != nil {
		return nil, err
	}
	// A link and not a rename: of two processes that begin at once, both use what the first made.
	err = os.Link(fresh, path)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, os.Remove(fresh), syncFolder(dir)); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

const secretSize = 32

// writeFile writes a file for its owner only, as a whole or not at all, and durably.
func writeFile(path string, content []byte) error {
	fresh, err := writeTemporary(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return syncFolder(filepath.Dir(path))
}

// writeTemporary writes a file beside path, durably, and returns its name.
func writeTemporary(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // of mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
