package kafkatest

import "errors"

// Options say what cluster a test wants. The zero value is one broker that everybody may talk to.
type Options struct {
	// Brokers is their number, 1 or 3; 0 is 1. Three replicate every topic of their own three
	// times, with min.insync.replicas=2 also as the default of new topics.
	Brokers int
	// Config holds lines of server.properties that are added, or replace those written here.
	Config map[string]string
	// SASL makes clients prove who they are, by PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or
	// OAUTHBEARER (with unsigned tokens, see Cluster.Token).
	SASL bool
	// Users are names and passwords that PLAIN knows beside AdminUser. They are for SASL; SCRAM's
	// are made by Cluster.AddUser.
	Users map[string]string
	// TLS makes clients speak TLS, with a certificate that only Cluster.ClientTLS trusts.
	TLS bool
	// Authorizer refuses what no ACL allows, to all but AdminUser. It wants SASL.
	Authorizer bool
	// HeapMB bounds the heap of each broker; 0 is 512.
	HeapMB int
	// DiskMB puts the data of each broker on a file system of its own of this size, which
	// Cluster.Fill fills. It says what happens where nothing may be mounted. Linux only.
	DiskMB int
	// Steady is for tests that kill no broker. None is missed then that has stood still for a while,
	// as on a busy machine; otherwise one is soon, and what it leads has no leader for a moment.
	Steady bool
	// Bench runs the virtual machine as Kafka's own scripts do, with the optimising compiler and
	// the G1 collector: slower to start, but what figures should be measured on.
	Bench bool
	// Dir is where folders of brokers are made; "" is a temporary folder, removed at the end.
	Dir string

	port      int  // of a single broker's clients; 0 is a free one
	unmounted bool // as where nothing may be mounted; for the test of that
}

func (o Options) check() (Options, error) {
	if o.Brokers == 0 {
		o.Brokers = 1
	}
	if o.HeapMB == 0 {
		o.HeapMB = 512
	}
	switch {
	case o.Brokers != 1 && o.Brokers != 3:
		return o, errors.New("kafkatest: 1 or 3 brokers")
	case o.Authorizer && !o.SASL:
		return o, errors.New("kafkatest: an authorizer needs SASL to know who asks")
	case o.Users != nil && !o.SASL:
		return o, errors.New("kafkatest: users need SASL")
	}
	return o, nil
}
