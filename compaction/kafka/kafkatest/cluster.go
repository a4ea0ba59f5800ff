package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a broker; it is long because a test's machine may be busy.
const patience = 2 * time.Minute

// A Cluster is the brokers of one test. Its methods fail that test when they cannot do what they
// are for. They are not for several goroutines at once.
type Cluster struct {
	tb      testing.TB
	options Options
	id      string // of the cluster, as Kafka has it
	folder  *folder
	kafka   *installation
	guard   guard
	brokers []*broker
}

// Start starts a cluster and returns when all its brokers answer. It ends with the test.
func Start(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	Require(tb)
	c, err := launch(o)
	if c != nil {
		c.tb = tb
		tb.Cleanup(c.last)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// launch makes a cluster and starts it. What it returns beside an error is still to be ended.
func launch(o Options) (*Cluster, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	kafka, err := install()
	if err != nil {
		return nil, err
	}
	return kafka.launch(o)
}

func (k *installation) launch(o Options) (*Cluster, error) {
	guard, err := newGuard(o)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, id: newID(), folder: folder, kafka: k, guard: guard}
	if err := c.prepare(); err != nil {
		return c, err
	}
	for i := range c.brokers {
		if err := c.brokers[i].run(k, o); err != nil {
			return c, err
		}
	}
	return c, c.ready()
}

// newID returns an id in Kafka's form: 128 bits in 22 characters. One that looks like an option
// would be taken for one by Kafka's tools.
func newID() string {
	for {
		var bits [16]byte
		rand.Read(bits[:]) // never fails
		if id := base64.RawURLEncoding.EncodeToString(bits[:]); id[0] != '-' {
			return id
		}
	}
}

// prepare makes the brokers' folders.
func (c *Cluster) prepare() error {
	ports, err := freePorts(3 * c.options.Brokers)
	if err != nil {
		return err
	}
	for i := range c.options.Brokers {
		c.brokers = append(c.brokers, &broker{
			id: i + 1, dir: filepath.Join(c.folder.path, fmt.Sprintf("broker-%d", i)),
			client: ports[3*i], inner: ports[3*i+1], controller: ports[3*i+2],
		})
	}
	if c.options.port != 0 {
		c.brokers[0].client = c.options.port
	}
	for _, b := range c.brokers {
		if err := os.MkdirAll(b.disk(), 0o755); err != nil {
			return err
		}
		if c.options.DiskMB > 0 && !c.options.unmounted {
			if b.mounted, err = mount(b.disk(), c.options.DiskMB); err != nil {
				return fmt.Errorf("mounting a broker's disk: %w", err)
			}
		}
		if err := b.write(c); err != nil {
			return err
		}
		if err := c.kafka.format(b, c.id); err != nil {
			return err
		}
	}
	return nil
}

// last ends the cluster, and tells how its brokers fared if the test failed.
func (c *Cluster) last() {
	for i, b := range c.brokers {
		b.kill()
		if c.tb.Failed() {
			c.tb.Logf("broker %d said last:\n%s", i, c.Log(i))
		}
	}
	if err := c.folder.remove(); err != nil {
		c.tb.Errorf("removing the brokers' folders: %v", err)
	}
}

// Addrs returns the client addresses of all brokers, running or not, in their order.
func (c *Cluster) Addrs() []string {
	var all []string
	for _, b := range c.brokers {
		all = append(all, b.address())
	}
	return all
}

// ID returns the cluster's id.
func (c *Cluster) ID() string { return c.id }

// DataDir returns the folder in which broker i keeps its partitions, a folder each.
func (c *Cluster) DataDir(i int) string { return c.brokers[i].data() }

// Log returns the last lines of what broker i wrote since the cluster's start.
func (c *Cluster) Log(i int) string { return tail(c.brokers[i].log(), 60) }

// PID returns the process id of broker i, which has one once it was started.
func (c *Cluster) PID(i int) int { return c.brokers[i].cmd.Process.Pid }

// Exited returns a channel that is closed when broker i's present process has ended.
func (c *Cluster) Exited(i int) <-chan struct{} { return c.brokers[i].exited }

// Kill ends broker i by SIGKILL and returns when it is gone.
func (c *Cluster) Kill(i int) {
	c.tb.Helper()
	c.own("Kill")
	if c.options.Steady {
		c.tb.Fatal("a broker that is killed would be missed after a minute: leave out Steady")
	}
	c.brokers[i].kill()
}

// Stop ends broker i by SIGTERM, on which it hands over what it leads, and returns when it is gone.
func (c *Cluster) Stop(i int) {
	c.tb.Helper()
	c.signal("Stop", i, syscall.SIGTERM)
	select {
	case <-c.brokers[i].exited:
	case <-time.After(patience):
		c.tb.Fatalf("broker %d does not stop; it said last:\n%s", i, c.Log(i))
	}
}

// Pause makes broker i stand still by SIGSTOP, and returns when it does: its connections stay open,
// nobody answers.
func (c *Cluster) Pause(i int) {
	c.tb.Helper()
	c.signal("Pause", i, syscall.SIGSTOP)
	b := c.brokers[i]
	for end := time.Now().Add(patience); b.running() && !stands(b.cmd.Process.Pid); {
		if time.Now().After(end) {
			c.tb.Fatalf("Pause(%d): it goes on", i)
		}
		time.Sleep(time.Millisecond)
	}
}

// Resume lets broker i go on after a Pause.
func (c *Cluster) Resume(i int) {
	c.tb.Helper()
	c.signal("Resume", i, syscall.SIGCONT)
}

// Restart starts brokers again that have ended, on their ports and data, and returns when all
// running brokers answer and know of each other. Two of three make a majority without which
// nothing answers: bring back in one call what it needs.
func (c *Cluster) Restart(brokers ...int) {
	c.tb.Helper()
	c.own("Restart")
	for _, i := range brokers {
		b := c.brokers[i]
		if b.running() {
			c.tb.Fatalf("Restart: broker %d is running", i)
		}
		if err := b.run(c.kafka, c.options); err != nil {
			c.tb.Fatal(err)
		}
	}
	if err := c.ready(); err != nil {
		c.tb.Fatal(err)
	}
}

// Wait returns when all running brokers answer and know of each other, as Start and Restart do.
func (c *Cluster) Wait(ctx context.Context) error { return c.await(ctx) }

func (c *Cluster) signal(what string, i int, s syscall.Signal) {
	c.tb.Helper()
	c.own(what)
	if err := c.brokers[i].signal(s); err != nil {
		c.tb.Fatalf("%s(%d): %v", what, i, err)
	}
}
