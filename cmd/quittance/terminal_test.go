package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A terminal is a shell into which blocks of commands are pasted, one after the other, as somebody
// does who follows a page. A command that fails ends it.
type terminal struct {
	t      *testing.T
	dir    string
	shell  *exec.Cmd
	typed  *os.File
	shown  output
	passed chan string // lines that say how far it is
	blocks int
}

// newTerminal opens a terminal in a folder. What the commands ask for is answered by answers; their
// environment has what more says, over that of the test.
func newTerminal(t *testing.T, dir, answers string, more ...string) *terminal {
	t.Helper()
	read, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close() // here; the shell has its own
	r := &terminal{t: t, dir: dir, typed: typed, passed: make(chan string, 1)}
	// Not from standard input, of which a command that asks would take what was pasted after it.
	r.shell = exec.Command("bash", "-eu", "-o", "pipefail", "/dev/fd/3")
	r.shell.Dir, r.shell.Env = dir, append(os.Environ(), more...)
	r.shell.ExtraFiles = []*os.File{read}
	r.shell.Stdin = strings.NewReader(answers)
	r.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := r.shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.shell.Stderr = r.shell.Stdout
	if err := r.shell.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.passed)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, number, ok := strings.Cut(lines.Text(), blockDone); ok {
				r.passed <- number
				continue
			}
			fmt.Fprintln(&r.shown, lines.Text())
		}
	}()
	t.Cleanup(r.close)
	return r
}

// blockDone is what a terminal shows after each block, with its number.
const blockDone = "=== done with block "

// paste runs a block and returns what it has shown.
func (r *terminal) paste(block string) string {
	r.t.Helper()
	r.blocks++
	before := len(r.shown.String())
	mark := fmt.Sprintf("%s%d", blockDone, r.blocks)
	if _, err := fmt.Fprintf(r.typed, "%s\necho; echo '%s'\n", block, mark); err != nil {
		r.t.Fatal(err)
	}
	select {
	case number, ok := <-r.passed:
		shown := r.shown.String()[before:]
		if !ok || number != fmt.Sprint(r.blocks) {
			r.t.Fatalf("a command of this block failed:\n%s\nIt showed\n%s", block, shown)
		}
		return shown
	case <-time.After(5 * time.Minute):
		r.t.Fatalf("this block does not end:\n%s\nIt showed\n%s", block, r.shown.String()[before:])
	}
	return ""
}

// close ends the shell and what it started.
func (r *terminal) close() {
	_ = r.typed.Close()                                     // it is for writing only
	_ = syscall.Kill(-r.shell.Process.Pid, syscall.SIGKILL) // it may have ended
	for range r.passed {                                    // to the end of what it shows
	}
	_ = r.shell.Wait() // it was killed
}
