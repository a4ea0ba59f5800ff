//go:build !linux

package kafkatest

import "errors"

func mount(string, int) (bool, error) { return false, errors.ErrUnsupported }

func unmount(string) error { return nil }

func stint(int, bool) error { return errors.ErrUnsupported }
