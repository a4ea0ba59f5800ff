package kafkatest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A broker is one of a cluster: its folder and, while it runs, its process.
type broker struct {
	id         int // node.id: its index and one
	dir        string
	client     int // ports
	inner      int // for other brokers
	controller int
	mounted    bool // its disk is a file system of its own
	full       bool // by Fill
	*process
}

func (b *broker) data() string       { return filepath.Join(b.disk(), "data") }
func (b *broker) log() string        { return filepath.Join(b.dir, "broker.log") }
func (b *broker) properties() string { return filepath.Join(b.dir, "server.properties") }
func (b *broker) address() string    { return fmt.Sprintf("127.0.0.1:%d", b.client) }

// settings of every broker. What is not here is Kafka's default.
var settings = map[string]string{
	"process.roles":                    "broker,controller",
	"controller.listener.names":        "CONTROLLER",
	"inter.broker.listener.name":       "BROKER",
	"auto.create.topics.enable":        "false", // as in production
	"group.initial.rebalance.delay.ms": "0",     // the first member of a group waits for nobody

	// Small: fewer files to make when they are first used, and less memory for the cleaner, whose
	// 128 MB would be a quarter of the heap.
	"offsets.topic.num.partitions":                 "4",
	"transaction.state.log.num.partitions":         "8",
	"share.coordinator.state.topic.num.partitions": "1",
	"log.cleaner.dedupe.buffer.size":               "8388608",

	// Compaction and retention in seconds, for topics whose own settings ask for it.
	"log.cleaner.backoff.ms":          "500",
	"log.retention.check.interval.ms": "1000",
	"log.initial.task.delay.ms":       "500",
	"log.segment.delete.delay.ms":     "1000",
}

// single are those of one broker. A broker that was killed may not come back before its session
// is over, which takes nine seconds by default.
var single = map[string]string{
	"broker.session.timeout.ms":    "1500",
	"broker.heartbeat.interval.ms": "300",
}

// replicated are those of three brokers. One that is killed is missed, and what it led has another
// leader, after the session's time; if it led the controllers too, after their time and that.
var replicated = map[string]string{
	"default.replication.factor":                "3",
	"min.insync.replicas":                       "2",
	"broker.session.timeout.ms":                 "3000",
	"broker.heartbeat.interval.ms":              "500",
	"controller.quorum.election.timeout.ms":     "500",
	"controller.quorum.election.backoff.max.ms": "300",
}

// steady are those where no broker is killed.
var steady = map[string]string{"broker.session.timeout.ms": "60000"}

// write writes b's server.properties.
func (b *broker) write(c *Cluster) error {
	replicas, insync := "1", "1"
	lines := maps.Clone(settings)
	if len(c.brokers) == 3 {
		replicas, insync = "3", "2"
		maps.Copy(lines, replicated)
	} else if !c.options.Bench { // a busy machine is to be measured, not suspected
		maps.Copy(lines, single)
	}
	if c.options.Steady {
		maps.Copy(lines, steady)
	}
	for _, topic := range []string{"transaction.state.log", "share.coordinator.state.topic"} {
		lines[topic+".replication.factor"] = replicas
		lines[topic+".min.isr"] = insync
	}
	lines["offsets.topic.replication.factor"] = replicas
	var voters []string
	for _, v := range c.brokers {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", v.id, v.controller))
	}
	lines["node.id"] = strconv.Itoa(b.id)
	lines["controller.quorum.voters"] = strings.Join(voters, ",")
	lines["log.dirs"] = b.data()
	clients := fmt.Sprintf("CLIENT://127.0.0.1:%d,BROKER://127.0.0.1:%d", b.client, b.inner)
	lines["listeners"] = clients + fmt.Sprintf(",CONTROLLER://127.0.0.1:%d", b.controller)
	lines["advertised.listeners"] = clients
	lines["listener.security.protocol.map"] = "CLIENT:" + c.protocol() +
		",BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
	if err := c.secure(b, lines); err != nil {
		return err
	}
	maps.Copy(lines, c.options.Config)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&text, "%s=%s\n", name, strings.ReplaceAll(lines[name], `\`, `\\`))
	}
	return os.WriteFile(b.properties(), []byte(text.String()), 0o600)
}

// run starts b's process.
func (b *broker) run(k *installation, o Options) (err error) {
	args := []string{"-Xms128m", fmt.Sprintf("-Xmx%dm", o.HeapMB), "-XX:+ExitOnOutOfMemoryError"}
	if o.Bench {
		args = append(args, "-XX:+UseG1GC")
	} else {
		args = append(args, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
	}
	always, err := k.arguments()
	if err != nil {
		return err
	}
	args = append(append(args, k.classes), always...)
	b.process, err = start(b.log(), k.java, append(args, "kafka.Kafka", b.properties())...)
	if err == nil && b.full && !b.mounted {
		err = b.stint()
	}
	return err
}
