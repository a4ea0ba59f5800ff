package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quittance/quittance/compaction"
)

const secretSize = 32

// openSecret returns the secret of the data folder, and makes folder and secret where there are
// none. It makes no new secret for a log that was served before, unless it is told to: answers
// given under the lost one could not be told from answers to other requests, and what is sent again
// would be done twice.
func (e *engine) openSecret(ctx context.Context, o engineOptions) ([]byte, error) {
	path := filepath.Join(e.dir, "secret")
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	served, err := e.served(ctx, o)
	switch {
	case err != nil:
		return nil, err
	case !served:
		return makeSecret(path)
	case o.newSecret:
		return e.replaceSecret(ctx, path, o)
	case o.cluster == nil:
		return nil, fmt.Errorf("%s is missing beside a log: restore it from a backup. Without it "+
			"requests that are sent again are not known, and done twice. Where it is lost for good and "+
			"that is accepted: quittance serve --new-secret", path)
	}
	return nil, fmt.Errorf("%s is missing, and the log was claimed before: copy the file from the "+
		"data folder of another node or from a backup. With another secret requests that are sent again "+
		"are not known, and done twice. Where it is lost for good and that is accepted: "+
		"quittance serve --new-secret", path)
}

// served reports whether answers may have been given from the log.
func (e *engine) served(ctx context.Context, o engineOptions) (served bool, err error) {
	if o.cluster == nil {
		_, err := os.Stat(filepath.Join(e.dir, "log"))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	if err := e.openLog(ctx, o); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, e.log.Close()) }()
	m, err := markOf(ctx, e.log)
	return m.Claimed, err
}

// readSecret reads a secret. An error that is fs.ErrNotExist says that there is none.
func readSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) != secretSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d: restore it from a backup",
			path, len(secret), secretSize)
	}
	return secret, err
}

// makeSecret makes a folder and a secret in it.
func makeSecret(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	secret := make([]byte, secretSize)
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
	if err = errors.Join(err, os.Remove(fresh), syncFolder(filepath.Dir(path))); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// replaceSecret makes a new secret for a log whose secret is lost. The log learns of it first: a
// crash before the file is there leaves it to be done again.
func (e *engine) replaceSecret(ctx context.Context, path string, o engineOptions) ([]byte, error) {
	if o.cluster != nil {
		err := idle(ctx, o.cluster.Connection, o.cluster.Prefix, "They have the secret: copy it to "+path)
		if err != nil {
			return nil, fmt.Errorf("--new-secret: %w", err)
		}
	}
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, err
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails: the program ends instead
	err := e.remark(ctx, o, func(m *compaction.Mark) { m.Secret = compaction.SecretCheck(secret) })
	if err != nil {
		return nil, err
	}
	return secret, writeFile(path, secret)
}
