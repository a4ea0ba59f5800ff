//go:build !linux

package kafkatest

import "syscall"

// dying has no counterpart here: a broker outlives a test's process that is killed.
func dying() *syscall.SysProcAttr { return nil }

// stands has no counterpart here either: a signal to stop is taken for done.
func stands(int) bool { return true }
