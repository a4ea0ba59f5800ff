package kafkatest

import "syscall"

// dying makes a process die with the thread that started it (see process.run).
func dying() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
