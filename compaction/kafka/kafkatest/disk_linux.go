package kafkatest

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// mount mounts a file system of its own, in memory, at dir. It returns false where this user, or
// this container, may not mount.
func mount(dir string, megabytes int) (bool, error) {
	err := unix.Mount("kafkatest", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// unmount undoes mount; a folder that is no mount is left alone.
func unmount(dir string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil // nothing is mounted here, or nobody could have
	}
	return err
}

// stint has the system refuse a process to write to files from now on, or lets it again.
func stint(pid int, refuse bool) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		return err
	}
	if limit.Cur = limit.Max; refuse {
		limit.Cur = 0
	}
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil)
}
