package kafkatest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// arguments are what every run of java has.
func (k *installation) arguments() ([]string, error) {
	jars, err := filepath.Glob(filepath.Join(k.home, "lib", "*.jar"))
	return []string{
		"-Dlog4j2.configurationFile=" + filepath.Join(k.home, "log4j2.properties"),
		"-cp", strings.Join(jars, ":"), // always in the same order: an archive is of one
	}, err
}

// bootstrap has Kafka's own tool format a folder, and keeps what it puts there for a controller
// to begin with: the features of this version. They are the same in every cluster.
func (k *installation) bootstrap() error {
	dir, err := os.MkdirTemp(k.home, "format-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // of which only one file is kept
	b := &broker{id: 1, dir: dir}
	if err := b.write(&Cluster{brokers: []*broker{b}}); err != nil {
		return err
	}
	args, err := k.arguments()
	if err != nil {
		return err
	}
	args = append(args, "kafka.tools.StorageTool", "format",
		"--cluster-id", newID(), "--config", b.properties())
	if out, err := exec.Command(k.java, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("formatting a broker's folder: %w\n%s", err, out)
	}
	for _, name := range checkpoints {
		err = os.Rename(filepath.Join(b.data(), name), filepath.Join(k.home, filepath.Base(name)))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("no checkpoint in a formatted folder: %w", err)
}

// checkpoints are where the tool puts what a controller begins with, in the folder that it formats:
// since Kafka 4.4 it is the first snapshot of the log of metadata.
var checkpoints = []string{"bootstrap.checkpoint",
	"__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"}

// checkpoint returns what bootstrap has kept, and where it is in a formatted folder.
func (k *installation) checkpoint() (name string, content []byte, err error) {
	for _, name = range checkpoints {
		content, err = os.ReadFile(filepath.Join(k.home, filepath.Base(name)))
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return name, content, err
}

// format makes b's data folder as Kafka's tool does, which would take a second for each broker.
func (k *installation) format(b *broker, cluster string) error {
	name, checkpoint, err := k.checkpoint()
	if err != nil {
		return err
	}
	name = filepath.Join(b.data(), name)
	meta := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n",
		cluster, b.id, newID())
	return errors.Join(
		os.MkdirAll(filepath.Dir(name), 0o755),
		os.WriteFile(filepath.Join(b.data(), "meta.properties"), []byte(meta), 0o600),
		os.WriteFile(name, checkpoint, 0o600),
	)
}

// archive has k start java with an archive of the classes that a broker loads, which halves the
// time until it serves. A first broker, started and stopped, makes it, for this java only.
func (k *installation) archive() error {
	path, err := filepath.EvalSymlinks(k.java)
	if err != nil {
		return err
	}
	java, err := os.Stat(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Append(nil, path, java.Size(), java.ModTime().UnixNano()))
	name := filepath.Join(k.home, fmt.Sprintf("classes-%x.jsa", sum[:4]))
	k.classes = "-XX:SharedArchiveFile=" + name
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft := name + ".draft"
	c, err := (&installation{java: k.java, home: k.home,
		classes: "-XX:ArchiveClassesAtExit=" + draft}).launch(Options{Brokers: 1, HeapMB: 512})
	if err == nil {
		b := c.brokers[0]
		err = b.signal(syscall.SIGTERM)
		<-b.exited
		err = errors.Join(err, os.Rename(draft, name))
	}
	if c != nil {
		c.brokers[0].kill()
		err = errors.Join(err, c.folder.remove())
	}
	return err
}
