package kafkatest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// ballast is the file by which Fill fills a disk.
const ballast = "ballast"

// disk is where the file system of Options.DiskMB is mounted: the data folder is below it, because
// Kafka takes every folder in a data folder for a partition.
func (b *broker) disk() string { return filepath.Join(b.dir, "disk") }

// Fill fills the disk of broker i to the last byte: what Kafka writes next fails with "no space
// left on device", upon which a broker, whose only data folder that was, ends itself (see Exited).
//
// Where no disk could be mounted there is none to fill. There the system refuses the broker to
// write to any file instead (RLIMIT_FSIZE): the same writes fail, with "file too large", and the
// broker does the same.
func (c *Cluster) Fill(i int) {
	c.tb.Helper()
	c.limited("Fill")
	b := c.brokers[i]
	b.full = true
	fill := b.stint
	if b.mounted {
		fill = b.load
	}
	if err := fill(); err != nil {
		c.tb.Fatalf("Fill(%d): %v", i, err)
	}
}

// Free gives back what Fill took. A broker that has ended since is not started by it.
func (c *Cluster) Free(i int) {
	c.tb.Helper()
	c.limited("Free")
	b := c.brokers[i]
	b.full = false
	free := b.stint
	if b.mounted {
		free = func() error { return os.Remove(filepath.Join(b.disk(), ballast)) }
	}
	if err := free(); err != nil {
		c.tb.Fatalf("Free(%d): %v", i, err)
	}
}

// load writes to b's disk until not one byte more fits.
func (b *broker) load() error {
	f, err := os.OpenFile(filepath.Join(b.disk(), ballast),
		os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// stint has b's process write or not, if it runs.
func (b *broker) stint() error {
	if !b.running() {
		return nil
	}
	return stint(b.cmd.Process.Pid, b.full)
}

func (c *Cluster) limited(what string) {
	c.tb.Helper()
	if c.options.DiskMB == 0 {
		c.tb.Fatalf("%s without Options.DiskMB", what)
	}
}
