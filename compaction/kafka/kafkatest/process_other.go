//go:build !linux

package kafkatest

import "syscall"

// dying has no counterpart here: a broker outlives a test's process that is killed.
func dying() *syscall.SysProcAttr { return nil }
