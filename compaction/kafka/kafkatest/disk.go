package kafkatest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// errMount is that of a machine, or a user, that may not mount file systems.
var errMount = errors.New("no leave to mount a small disk for a broker: run as root")

// ballast is the file by which Fill fills a disk.
const ballast = "ballast"

// disk is where the file system of Options.DiskMB is mounted: the data folder is below it, because
// Kafka takes every folder in a data folder for a partition.
func (b *broker) disk() string { return filepath.Join(b.dir, "disk") }

// Fill fills the disk of broker i to the last byte: what Kafka writes next fails with "no space
// left on device", upon which a broker with one data folder ends itself (see Exited).
func (c *Cluster) Fill(i int) {
	c.tb.Helper()
	c.limited("Fill")
	f, err := os.OpenFile(filepath.Join(c.brokers[i].disk(), ballast),
		os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.tb.Fatal(err)
	}
	for size := 1 << 20; size > 0; { // less and less, until no byte fits
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if err := errors.Join(err, f.Close()); !errors.Is(err, syscall.ENOSPC) {
		c.tb.Fatalf("Fill(%d): %v", i, err)
	}
}

// Free gives back what Fill took.
func (c *Cluster) Free(i int) {
	c.tb.Helper()
	c.limited("Free")
	if err := os.Remove(filepath.Join(c.brokers[i].disk(), ballast)); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *Cluster) limited(what string) {
	c.tb.Helper()
	if c.options.DiskMB == 0 {
		c.tb.Fatalf("%s without Options.DiskMB", what)
	}
}
