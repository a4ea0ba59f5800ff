package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/quittance/quittance/quoting/access"
)

// benchMemory measures what a server of a million open records holds in memory when it has restored
// them, and after it has been posted to for a while.
func benchMemory(ctx context.Context, p *program, c benchCommand, dir string) ([]figure, error) {
	b := httpBench{duration: c.Duration}
	err := withEngine(ctx, dir, benchLog(p), "", func(e *engine) (err error) {
		if err = fill(ctx, e.shards, putSamplePayment, "open", c.Records, false); err == nil {
			_, b.key, err = createKey(ctx, e.shards, benchTenant, "bench", access.Tradesperson)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir + "/store"); err != nil {
		return nil, err
	}
	return b.memory(ctx, c.Records, dir)
}

// memory measures a server on data that are there.
func (b *httpBench) memory(ctx context.Context, records int, dir string) (_ []figure, err error) {
	server, err := startChild(ctx, io.Discard, "serve", "--data", dir, "--sandbox", "--rate", "0",
		"--listen", "127.0.0.1:0", "--log-level", "error")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	restored, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	b.host = strings.TrimPrefix(server.url, "http://")
	f, err := b.run(ctx, 1, 10_000)
	if err != nil {
		return nil, err
	}
	after, err := resident(server.cmd.Process.Pid)
	f.name = "memory, and HTTP beside open records"
	f.note = fmt.Sprintf("%s open payments: %s after the restore, %s after %s postings",
		thousands(records), size(restored), size(after), thousands(f.done))
	return []figure{f}, err
}

// resident returns how many bytes of memory a process holds.
func resident(pid int) (uint64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseUint(strings.Fields(rest + " 0")[0], 10, 64)
	return kib << 10, err
}
