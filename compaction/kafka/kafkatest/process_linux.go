package kafkatest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dying makes a process die with the thread that started it (see process.run).
func dying() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// stands reports whether every thread of a process is stopped. Each stops when it next comes by the
// signal: one that runs elsewhere may answer a request first.
func stands(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false
	}
	for _, name := range threads {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		// The state follows the program's name, which is in brackets and may hold anything.
		at := bytes.LastIndexByte(stat, ')') + 2
		if at >= len(stat) || stat[at] != 'T' {
			return false
		}
	}
	return true
}
