package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/quittance/quittance/compaction"
)

// The rules of single flags and of flags beside each other. kong calls Validate of the command that
// was asked for before its Run, so that what breaks a rule is refused with exit code 2 before
// anything was opened or made. It does not look into what a command embeds: a command calls the
// rules of its parts itself.

// Validate holds the rules of serve.
func (c serveCommand) Validate(command *kong.Context) error {
	return cmp.Or(
		c.memberFlags.Validate(command),
		between("--shards", c.Shards, 0, maxShards,
			"give how many shards a new log has, or 0 for 16"),
		between("--reserve", c.Reserve, 8, 1<<24,
			"give how many MiB of free space are kept back, or leave it out for 256"),
		between("--call-timeout", c.CallTimeout, 100*time.Millisecond, time.Hour,
			"give how long a call to a gateway may take, or leave it out for 30s"),
		between("--rate", c.Rate, 0, 1_000_000,
			"give how many requests a second a key may make, or 0 for no limit"),
		checkListen(c.Listen, "127.0.0.1:8080"),
		checkURL("--sandbox-url", c.SandboxURL, "http://127.0.0.1:8090"),
		apart("--sandbox", c.Sandbox, "--sandbox-url", c.SandboxURL != "",
			"the first runs a provider in this process, the second names one elsewhere"),
	)
}

// maxShards is how many shards a log may have.
const maxShards = 1 << 14

// Validate holds the rules of how a node takes part in a cluster, and refuses them all where the
// log is not on one.
func (f memberFlags) Validate(command *kong.Context) error {
	if f.Log != "kafka" {
		return cmp.Or(f.kafkaFlags.Validate(), f.misplaced(command))
	}
	return cmp.Or(
		checkURL("--advertise", f.Advertise, "http://HOST:PORT"),
		between("--session-timeout", f.SessionTimeout, time.Second, 30*time.Minute,
			"give how long a node may be silent, within what the brokers allow, or leave it out for 10s"),
		replicas(f.Replication),
	)
}

// misplaced refuses flags of a node on a cluster beside a log that is in the data folder.
func (f memberFlags) misplaced(command *kong.Context) error {
	own := []string{"advertise", "node", "session-timeout", "replication", "standby", "create-topics"}
	for _, given := range command.Path {
		if given.Flag != nil && slices.Contains(own, given.Flag.Name) {
			return ofCluster("--" + given.Flag.Name)
		}
	}
	return nil
}

// ofCluster refuses a flag that only a log on a cluster has a use for.
func ofCluster(flag string) error {
	return &usageError{flag + " is for a log on a cluster: add --log kafka, or leave it out"}
}

// Validate refuses flags of a cluster beside a log that is in the data folder.
func (f kafkaFlags) Validate() error {
	_, err := f.onKafka()
	return err
}

// Validate holds the rules of what a cluster is to have.
func (f clusterFlags) Validate() error {
	return cmp.Or(
		f.kafkaFlags.Validate(),
		between("--shards", f.Shards, 0, maxShards,
			"give how many shards a new log has, or 0 for as many as it has"),
		replicas(f.Replication),
	)
}

// Validate holds the rules of topics plan. Terraform is of a cluster whatever --log says.
func (c topicsPlan) Validate() error {
	if c.Terraform {
		c.Log = "kafka"
	}
	return c.clusterFlags.Validate()
}

// replicas holds that topics can have so many copies.
func replicas(n int) error {
	return between("--replication", n, 0, 1<<15-1,
		"give how many copies new topics have, or 0 for 3 where there are three brokers")
}

// Validate holds that a server is named by where it is.
func (r remoteFlags) Validate() error {
	return checkURL("--url", r.URL, "http://127.0.0.1:8080")
}

// Validate holds the rules of demo, which speaks for three roles.
func (c demoCommand) Validate() error {
	if c.URL != "" && c.DevJSON == "" {
		return &usageError{fmt.Sprintf("--url=%s is half of it, since the demo needs a key of each "+
			"role: add --dev-json with the server's dev.json, or leave both out for a server of its own",
			c.URL)}
	}
	return remoteFlags{URL: c.URL}.Validate()
}

// Validate holds the rules of verify.
func (c verifyCommand) Validate() error {
	return cmp.Or(c.remoteFlags.Validate(), c.kafkaFlags.Validate())
}

// Validate holds the rules of shards.
func (c shardsCommand) Validate() error {
	return cmp.Or(c.remoteFlags.Validate(), c.kafkaFlags.Validate())
}

// Validate holds the rules of export reconciliation.
func (c exportReconciliation) Validate() error {
	return cmp.Or(c.remoteFlags.Validate(), c.kafkaFlags.Validate(), checkTenant(c.Tenant))
}

// Validate holds the rules of keys create.
func (c keysCreate) Validate() error {
	return cmp.Or(c.kafkaFlags.Validate(), checkTenant(c.Tenant))
}

// Validate holds the rules of keys list.
func (c keysList) Validate() error {
	return cmp.Or(c.kafkaFlags.Validate(), checkTenant(c.Tenant))
}

// Validate holds the rules of keys revoke.
func (c keysRevoke) Validate() error {
	return cmp.Or(c.kafkaFlags.Validate(), checkTenant(c.Tenant))
}

// Validate holds the rules of bench.
func (c benchCommand) Validate() error {
	return cmp.Or(
		c.kafkaFlags.Validate(),
		between("--duration", c.Duration, time.Millisecond, 24*time.Hour,
			"give how long each measurement runs, or leave it out for 10s"),
		between("--records", c.Records, 1, 1_000_000_000,
			"give how many records are open for restore and memory, or leave it out for a million"),
		checkURL("--url", c.URL, "http://127.0.0.1:8080"),
		c.measured(),
	)
}

// measured refuses to measure nothing: what there is no measurement of on a cluster.
func (c benchCommand) measured() error {
	for _, what := range c.What {
		if c.Log == "kafka" && !slices.ContainsFunc(clusterMeasurements, func(m measurement) bool {
			return m.name == what
		}) {
			return &usageError{what + " is not measured on a cluster: leave it out, or --log kafka"}
		}
	}
	return nil
}

// Validate holds the rules of sandbox.
func (c sandboxCommand) Validate() error {
	return cmp.Or(
		checkListen(c.Listen, "127.0.0.1:8090"),
		checkURL("--webhook-url", c.WebhookURL, "http://127.0.0.1:8080/v1/webhooks/stripe"),
		c.faultFlags.Validate(),
	)
}

// Validate holds that each fault happens in so many of a thousand cases.
func (f faultFlags) Validate() error {
	for _, fault := range []struct {
		flag string
		n    int
	}{
		{"--decline", f.Decline}, {"--timeout", f.Timeout}, {"--error-before", f.ErrorBefore},
		{"--error-after", f.ErrorAfter}, {"--duplicate", f.Duplicate}, {"--reorder", f.Reorder},
		{"--late", f.Late}, {"--conflict", f.Conflict},
	} {
		err := between(fault.flag, fault.n, 0, 1000, "give in how many of a thousand cases it happens")
		if err != nil {
			return err
		}
	}
	return nil
}

// between refuses a value that is out of bounds, both of which are allowed.
func between[T cmp.Ordered](flag string, got, low, high T, do string) error {
	if got < low || got > high {
		return &usageError{fmt.Sprintf("%s=%v is not from %v to %v: %s", flag, got, low, high, do)}
	}
	return nil
}

// apart refuses two flags beside each other.
func apart(one string, oneGiven bool, other string, otherGiven bool, why string) error {
	if oneGiven && otherGiven {
		return &usageError{fmt.Sprintf("%s and %s do not go together: %s; leave one out",
			one, other, why)}
	}
	return nil
}

// checkURL refuses what is no address of a server; like is one. None is no mistake.
func checkURL(flag, text, like string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.ContainsAny(text, "?#") {
		return &usageError{fmt.Sprintf("%s=%s is not an http or https URL with a host and no query: "+
			"give one like %s", flag, text, like)}
	}
	return nil
}

// checkListen refuses what is no address to listen at; like is one.
func checkListen(text, like string) error {
	if _, port, err := net.SplitHostPort(text); err != nil || port == "" {
		return &usageError{fmt.Sprintf("--listen=%s is not HOST:PORT: give one like %s", text, like)}
	}
	return nil
}

// checkTenant refuses what cannot be a tenant's id. None is no mistake.
func checkTenant(tenant string) error {
	if tenant == "" {
		return nil
	}
	if err := compaction.CheckTenant(tenant); err != nil {
		return &usageError{fmt.Sprintf("--tenant=%s: %v", tenant, err)}
	}
	return nil
}
