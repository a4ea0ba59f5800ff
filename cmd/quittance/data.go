package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
	"github.com/quittance/quittance/compaction/local"
)

// An engine is a data folder in use by this process, and the shards running on a log that is in it
// or on a cluster.
//
//	DIR/secret   keys the hashes of idempotency records; without it those cannot be compared
//	DIR/log      the log: everything. On a cluster it is there, and not in the folder
//	DIR/store    folded from the log, and folded again when it is lost
//	DIR/LOCK     the process that has the folder open
//	DIR/dev.json written by serve --dev: where the demo business is, and its keys
//	DIR/sandbox  the provider's own log, with --dev
type engine struct {
	dir    string
	log    compaction.Log
	schema *compaction.Schema
	secret []byte
	shards *compaction.Shards
	end    context.CancelFunc
	ended  chan error
	// scratch is a store that is kept for as long as the engine is, empty for one in the folder.
	scratch string
	// folder is the log where it is in the folder, nil where it is on a cluster.
	folder *local.Log
	// lock is what keeps the store from other processes, nil for a scratch of this one.
	lock io.Closer
}

// engineOptions are what a command may want otherwise.
type engineOptions struct {
	logger *slog.Logger
	log    local.Options
	// create makes the folder where there is none; without it that is an error.
	create bool
	// reading is for a command that decides nothing: it may look at a log that has moved.
	reading bool
	// unseal serves a log that has moved, on purpose; newSecret one whose secret is lost for good.
	unseal, newSecret bool

	// cluster is where the log is, if it is on one; nil is in the folder.
	cluster *kafka.Options
	// member is for one of the processes that serve it: others keep no store in the folder.
	member bool
	// standby keeps the stores of shards warm that other processes own.
	standby bool
	// lease is how long the ownership of a shard on a cluster goes without being confirmed.
	lease time.Duration
}

// openEngine opens a data folder and begins to serve the shards of its log; of a log on a cluster
// none, before some are named. It fails when another process has the folder open, and says which.
func openEngine(ctx context.Context, dir string, o engineOptions) (*engine, error) {
	if o.cluster == nil {
		if err := beginsHere(dir, o); err != nil {
			return nil, err
		}
	}
	e := &engine{dir: dir, ended: make(chan error, 1)}
	var err error
	if e.schema, err = compaction.NewSchema(definitions()...); err != nil {
		return nil, err
	}
	if e.secret, err = e.openSecret(ctx, o); err != nil {
		return nil, err
	}
	if err := e.openOwn(ctx, o); err != nil {
		return nil, err
	}
	store, err := e.openStore(o)
	if err != nil {
		return nil, errors.Join(err, e.log.Close())
	}
	shards := compaction.Options{
		Log: e.log, Schema: e.schema, Dir: store, Secret: e.secret,
		Logger: o.logger, Shared: o.cluster != nil, Standby: o.standby, Lease: o.lease,
	}
	if !o.member { // somebody waits for it, who can see to the rights
		shards.GiveUp = kafka.Denied
	}
	e.shards, err = compaction.NewShards(shards)
	if err != nil {
		return nil, errors.Join(err, e.log.Close(), e.closeStore())
	}
	ctx, e.end = context.WithCancel(context.Background())
	go func() { e.ended <- e.shards.Run(ctx) }()
	return e, nil
}

// beginsHere fails where there is no log in a data folder and none may begin in it. Stores without
// a log are those of a node whose log is on a cluster, or what is left where a log was lost: a new
// log would be served with success, and nothing in it.
func beginsHere(dir string, o engineOptions) error {
	_, err := os.Stat(filepath.Join(dir, "log"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !o.create {
		return fmt.Errorf("there is no data in %s: %w", dir, err)
	}
	switch _, err := os.Stat(filepath.Join(dir, "store")); {
	case err == nil:
		return fmt.Errorf("%s has stores and no log: it is the folder of a node whose log is on a "+
			"cluster (--log kafka --brokers HOST:PORT,...), or its log was lost (restore it from a "+
			"backup). To begin a new, empty log in it on purpose, remove %s", dir,
			filepath.Join(dir, "store"))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "secret")); err == nil {
		o.logger.Warn("a new, empty log begins beside a secret that was there", "folder", dir)
	}
	return nil
}

// openStore returns the folder of the stores, which is this process's alone: a store that another
// one has open looks like a damaged one, and would be made anew under its feet, after which what
// either decides is of neither's records. What is locked is the data folder, since the stores' own
// may be deleted.
func (e *engine) openStore(o engineOptions) (dir string, err error) {
	if o.cluster != nil && !o.member {
		e.scratch, err = os.MkdirTemp("", "quittance-")
		return e.scratch, err
	}
	e.lock, err = local.Lock(e.dir)
	if errors.Is(err, compaction.ErrLocked) {
		return "", fmt.Errorf("%w\nEach node has a data folder of its own: give this one another with "+
			"--data, and a copy of the file secret in it", err)
	}
	return filepath.Join(e.dir, "store"), err
}

// closeStore gives up what openStore took.
func (e *engine) closeStore() (err error) {
	if e.lock != nil {
		err = e.lock.Close()
	}
	if e.scratch != "" {
		err = errors.Join(err, os.RemoveAll(e.scratch))
	}
	return err
}

// openLog opens the log, in the folder or on a cluster. It must have the secret of the engine, if
// that is known.
func (e *engine) openLog(ctx context.Context, o engineOptions) error {
	check := compaction.SecretCheck(e.secret)
	if o.cluster != nil {
		c := *o.cluster
		c.Topics, c.Logger, c.SecretCheck = e.schema.Topics(), o.logger, check
		log, err := kafka.Open(ctx, c)
		if err != nil {
			return err
		}
		e.log = log
		return nil
	}
	o.log.Logger, o.log.SecretCheck = o.logger, check
	log, err := local.Open(filepath.Join(e.dir, "log"), e.schema.Topics(), o.log)
	if errors.Is(err, compaction.ErrLocked) {
		return fmt.Errorf("%w\nStop that process first, or ask it over HTTP with --url", err)
	}
	if err != nil {
		return err
	}
	e.log, e.folder = log, log
	return nil
}

// withEngine opens a data folder, waits until what f needs is served, calls f and closes it again.
// On a cluster f needs the shard of a tenant, or every shard if none is named: they are taken from
// the processes that serve them, and go back when f is done.
func withEngine(
	ctx context.Context, dir string, o engineOptions, tenant string, f func(*engine) error,
) error {
	e, err := openEngine(ctx, dir, o)
	if err != nil {
		return err
	}
	if e.folder == nil {
		err = e.shards.Own(ctx, e.needed(tenant))
	}
	if err == nil {
		err = e.shards.Ready(ctx)
	}
	if err == nil {
		err = f(e)
	}
	return errors.Join(err, e.close())
}

// needed are the shards that what concerns a tenant needs; all of them, if it is nobody's.
func (e *engine) needed(tenant string) (shards []int) {
	if tenant != "" {
		return []int{compaction.ShardOf(tenant, e.shards.Count())}
	}
	for n := range e.shards.Count() {
		shards = append(shards, n)
	}
	return shards
}

// close decides what is queued, answers it and releases the folder.
func (e *engine) close() error {
	e.end()
	return errors.Join(<-e.ended, e.log.Close(), e.closeStore())
}

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
