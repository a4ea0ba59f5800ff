package kafkatest

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// mount mounts a file system of its own, in memory, at dir.
func mount(dir string, megabytes int) error {
	return unix.Mount("kafkatest", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes))
}

// unmount undoes mount; a folder that is no mount is left alone.
func unmount(dir string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil // nothing is mounted here, or nobody could have
	}
	return err
}
