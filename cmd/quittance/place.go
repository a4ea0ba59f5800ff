package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/local"
)

// A place says where a log is, as the commands that work on two of them are told:
//
//	local:DIR                               the log of a data folder
//	kafka:HOST:PORT,...[?prefix=TEXT&...]   a log on a cluster
type place struct {
	text        string
	dir         string // of a log in a data folder
	brokers     []string
	prefix      string
	replication int
	topic       string // one that is not the log's own

	moved bool   // whether it may be claimed though it has moved
	check []byte // what it is to know of its secret, nil for nothing new
}

// placeHelp is what the help of each command that takes places says of them.
const placeHelp = `A log is named by where it is: local:DIR is that of a data folder, whose server must be stopped;
kafka:HOST:PORT,... is one on a cluster. What else a cluster needs to know follows the brokers:
?prefix=TEXT is what the names of its topics begin with, &replication=N how many copies new topics
have; put it in quotes, since a shell has other uses for ? and &. How to reach a cluster by TLS and
sign in to it, flags say, which begin with --from- for the first log and with --to- for the second.
Secrets are never flags: passwords are in QUITTANCE_FROM_KAFKA_PASSWORD and
QUITTANCE_TO_KAFKA_PASSWORD, or in the files that QUITTANCE_FROM_KAFKA_PASSWORD_FILE and
QUITTANCE_TO_KAFKA_PASSWORD_FILE name; tokens of OAUTHBEARER in the same with TOKEN for PASSWORD.`

// parsePlace reads a place.
func parsePlace(flag, text string) (place, error) {
	wrong := func(why string) (place, error) {
		return place{}, &usageError{fmt.Sprintf("%s: %q %s", flag, text, why)}
	}
	kind, rest, _ := strings.Cut(text, ":")
	if kind == "local" && rest != "" {
		return place{text: text, dir: rest}, nil
	}
	if kind != "kafka" {
		return wrong("is neither local:DIR nor kafka:HOST:PORT,...")
	}
	brokers, query, _ := strings.Cut(rest, "?")
	l := place{text: text}
	for _, b := range strings.Split(brokers, ",") {
		if host, port, ok := strings.Cut(b, ":"); !ok || host == "" || port == "" {
			return wrong("names no broker as HOST:PORT")
		}
		l.brokers = append(l.brokers, b)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return wrong("cannot be read: " + err.Error())
	}
	for name, given := range values {
		if len(given) > 1 {
			return wrong("has the setting " + name + " twice")
		}
		value := given[0]
		switch name {
		case "prefix":
			l.prefix = value
		case "topic":
			l.topic = value
		case "replication":
			if l.replication, err = strconv.Atoi(value); err != nil || l.replication < 1 {
				return wrong("needs a number of copies as replication")
			}
		default:
			return wrong("has the unknown setting " + name)
		}
	}
	return l, nil
}

// onCluster reports whether the place is on a cluster.
func (l place) onCluster() bool { return l.dir == "" }

// secret is the file of a data folder that keys the hashes of idempotency records.
func (l place) secret() string { return filepath.Join(l.dir, "secret") }

// lasting is the place as it reads from anywhere on the machine.
func (l place) lasting() string {
	if l.onCluster() {
		return l.text
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		dir = l.dir
	}
	return "local:" + dir
}

// exists reports whether there is a log in the data folder.
func (l place) exists() (bool, error) {
	_, err := os.Stat(filepath.Join(l.dir, "log"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// open opens the log that is there.
func (l place) open(ctx context.Context, p *program, w wireFlags, side string) (
	compaction.Log, error,
) {
	if !l.onCluster() {
		found, err := l.exists()
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("there is no data in %s", l.dir)
		}
	}
	return l.make(ctx, p, w, side, 0)
}

// make opens the log, and creates it with a number of shards where there is none, unless that is 0.
func (l place) make(ctx context.Context, p *program, w wireFlags, side string, shards int) (
	compaction.Log, error,
) {
	schema, err := compaction.NewSchema(definitions()...)
	if err != nil {
		return nil, err
	}
	logger := p.logger(slog.LevelWarn)
	if l.onCluster() {
		return l.openCluster(ctx, p, w, side, shards, schema.Topics(), logger)
	}
	return l.openFolder(schema.Topics(), local.Options{Shards: shards, CleanEvery: -1, Logger: logger,
		Moved: l.moved, SecretCheck: l.check})
}

// A folderLog is the log in a data folder, which is this process's alone: it may be that of a node
// whose own log is on a cluster.
type folderLog struct {
	*local.Log
	lock io.Closer
}

// Close closes the log and gives up the folder.
func (l folderLog) Close() error { return errors.Join(l.Log.Close(), l.lock.Close()) }

// openFolder opens the log in a data folder.
func (l place) openFolder(topics []compaction.Topic, o local.Options) (compaction.Log, error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := local.Lock(l.dir)
	if err != nil {
		return nil, stopFirst(err)
	}
	log, err := local.Open(filepath.Join(l.dir, "log"), topics, o)
	if err != nil {
		return nil, errors.Join(stopFirst(err), lock.Close())
	}
	return folderLog{log, lock}, nil
}

// stopFirst adds what to do where another process has a folder.
func stopFirst(err error) error {
	if errors.Is(err, compaction.ErrLocked) {
		return fmt.Errorf("%w\nStop that process first", err)
	}
	return err
}
