package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// ofNode is how a node on a cluster opens its data folder.
func ofNode(brokers []string) engineOptions {
	return engineOptions{
		logger: slog.New(slog.DiscardHandler), create: true, member: true,
		cluster: &kafka.Options{Connection: kafka.Connection{Brokers: brokers},
			Shards: 1, Create: true, Node: "node", Address: watchedAddress},
	}
}

// TestNodesShareNoFolder: two nodes of a cluster that are given the same data folder would each
// take the stores that the other has open for damaged ones, and make them anew under its feet. By
// hand, that ended in books that did not balance, in the log and for ever. The second is refused
// and told by whom, also where the stores were deleted meanwhile, so that what is locked is the
// folder itself. The first gives it up when it ends.
func TestNodesShareNoFolder(t *testing.T) {
	brokers := modelled(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	open := func() (*engine, error) {
		return openEngine(ctx, dir, ofNode(brokers))
	}
	one, err := open()
	if err != nil {
		t.Fatal(err)
	}
	_, err = open()
	holder := fmt.Sprint(dir, " is held by process ", os.Getpid()) // not the stores' in it
	if !errors.Is(err, compaction.ErrLocked) || !strings.Contains(err.Error(), holder) ||
		!strings.Contains(err.Error(), "--data") {
		t.Errorf("a second node: %v, want ErrLocked, the holder, %s, and what to do", err, holder)
	}
	if err := one.close(); err != nil {
		t.Fatal(err)
	}
	two, err := open()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := two.close(); err != nil {
		t.Fatal(err)
	}
}

// TestFolderOfNode: a node that was started without --log kafka began a new, empty log in its
// folder without a word, and answered from it; and copy wrote a log into that of a running node.
func TestFolderOfNode(t *testing.T) {
	brokers := modelled(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	from, dir := t.TempDir(), t.TempDir()
	succeed(t, "keys", "create", "--data", from, "--tenant", "platform", "--role", "platform")
	node, err := openEngine(ctx, dir, ofNode(brokers))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(from, "secret"))
	if err == nil { // else that of the folder is what the copy is refused for
		err = os.WriteFile(filepath.Join(dir, "secret"), secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	held := dir + " is held by process"
	refused(t, held, "copy", "--no-seal", "--from", "local:"+from, "--to", "local:"+dir)
	if err := node.close(); err != nil {
		t.Fatal(err)
	}
	refused(t, "a node whose log is on a cluster (--log kafka", "serve", "--data", dir,
		"--listen", "127.0.0.1:0")
	if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
		t.Error("a log was made in the folder of a node")
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	p, _ := serveDev(t, dir) // on purpose
	p.stop()
	if !strings.Contains(p.log.String(), "a new, empty log begins") {
		t.Errorf("nothing is said of a new log:\n%s", p.log)
	}
}

// TestSandboxOfServer: QUITTANCE_DATA is the folder of serve and that of sandbox. The sandbox
// opened a server's log, where that had one shard, and was ready to write to it.
func TestSandboxOfServer(t *testing.T) {
	dir := t.TempDir()
	succeed(t, "keys", "create", "--data", dir, "--tenant", "platform", "--role", "platform")
	code, _, stderr := call(t, map[string]string{"QUITTANCE_DATA": dir}, "sandbox",
		"--listen", "127.0.0.1:0")
	if code != exitUsage || !strings.Contains(stderr, "is the data folder of a server") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
