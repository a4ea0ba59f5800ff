package kafkatest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// A process is a running program whose output goes to a file.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // how; set before exited is closed
}

// start runs a program and returns when it runs. It is killed when this process ends: the system
// does that when the *thread* is gone that started it, hence a goroutine that keeps its thread.
// Its output comes through this process, so that it has a say also when it may not write to files.
func start(log string, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Stdout = struct{ io.Writer }{out} // not as a file, which it would be handed
	p.cmd.Stderr = p.cmd.Stdout
	p.cmd.SysProcAttr = dying()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		defer out.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	return p, <-started
}

// running reports whether p has not ended; a process that is stopped runs.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal sends s, which is an error when p has ended.
func (p *process) signal(s syscall.Signal) error {
	if !p.running() {
		return os.ErrProcessDone
	}
	return p.cmd.Process.Signal(s)
}

// kill ends p at once and returns when it is gone; one that has ended already is none's fault.
func (p *process) kill() {
	if p.running() {
		_ = p.signal(syscall.SIGKILL) // fails only when it has just ended by itself
		<-p.exited
	}
}

// tail returns the last lines of a file, or why there are none.
func tail(name string, lines int) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	all := strings.SplitAfter(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
