package kafkatest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// orphanage is the variable by which TestOrphan has its own program leave a broker behind.
const orphanage = "KAFKATEST_ORPHAN"

func init() {
	besides = func() {
		if os.Getenv(orphanage) != "" {
			leaveOrphan()
		}
	}
}

// leaveOrphan starts a broker, says where, and waits to be killed.
func leaveOrphan() {
	c, err := launch(Options{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(c.brokers[0].address(), c.folder.path)
	select {}
}

// TestOrphan wants nothing to be left of a test that is killed: its broker goes with it, and its
// folder, once it is not new, with the next test that looks. That of a living test stays.
func TestOrphan(t *testing.T) {
	Require(t)
	parent := exec.Command(os.Args[0])
	// In a place where no other test looks for what is left meanwhile.
	parent.Env = append(os.Environ(), orphanage+"=1", "TMPDIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parent.Process.Kill() }) // has been killed when all went well
	line, err := bufio.NewReader(out).ReadString('\n')
	var address, dir string
	if _, scan := fmt.Sscan(line, &address, &dir); err != nil || scan != nil {
		t.Fatalf("%q: %v, %v", line, err, scan)
	}
	remove := func() {
		t.Helper()
		old := time.Now().Add(-time.Hour)
		if err := errors.Join(os.Chtimes(dir, old, old), removeDead(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if remove(); !answers(address) {
		t.Fatal("the broker has ended too early")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("a living test's folder is removed: %v", err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for ctx := limit(t); answers(address); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the broker outlives the test that started it")
		}
	}
	remove()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dead test's folder stays: %v", err)
	}
}

// answers reports whether somebody listens there.
func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
