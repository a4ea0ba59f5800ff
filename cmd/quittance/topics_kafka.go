package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quittance/quittance/compaction/kafka"
)

// clusterFlags say what a cluster is to have for a log.
type clusterFlags struct {
	kafkaFlags
	Shards      int      `help:"How many shards a new log has; fixed for its life. 0 is as many as it has, or 16."`
	Replication int      `help:"How many copies new topics have. 0 is 3 where there are three brokers, else 1."`
	Role        []string `help:"What a kind of process may do: serve, reader, operate or copy, as ROLE=User:NAME." placeholder:"ROLE=PRINCIPAL"`
}

// rolesHelp says what the roles are.
const rolesHelp = `ACLs are planned for the roles that are given, each with what that kind of process needs:

    serve     nodes: read and append, claim shards, share them
    reader    followers and exports: read
    operate   this command: topics, their settings, ACLs
    copy      quittance copy: append to a new log`

// grants returns the roles.
func (f clusterFlags) grants() ([]kafka.Grant, error) {
	var grants []kafka.Grant
	for _, text := range f.Role {
		g, err := kafka.ParseGrant(text)
		if err != nil {
			return nil, &usageError{"--role: " + strings.TrimPrefix(err.Error(), "kafka: ")}
		}
		grants = append(grants, g)
	}
	return grants, nil
}

// with reaches the cluster, plans, and calls f with the plan.
func (f clusterFlags) with(
	ctx context.Context, p *program, do func(*kafka.Admin, kafka.Plan) error,
) error {
	on, err := f.onKafka()
	if err != nil {
		return err
	}
	if !on {
		return &usageError{"the embedded log makes its topics itself: " +
			"for those of a cluster add --log kafka --brokers HOST:PORT,..."}
	}
	grants, err := f.grants()
	if err != nil {
		return err
	}
	spec, err := f.spec(f.Shards, f.Replication)
	if err != nil {
		return err
	}
	return f.admin(ctx, p, func(a *kafka.Admin) error {
		plan, err := a.Plan(ctx, spec, grants...)
		if err != nil {
			return err
		}
		return do(a, plan)
	})
}

// admin reaches the cluster and calls do.
func (f kafkaFlags) admin(ctx context.Context, p *program, do func(*kafka.Admin) error) error {
	c, err := f.connection(p)
	if err != nil {
		return err
	}
	a, err := kafka.OpenAdmin(ctx, c)
	if err != nil {
		return err
	}
	defer a.Close()
	return do(a)
}

// topicsPlan shows what would be done to a cluster.
type topicsPlan struct {
	clusterFlags
	Terraform bool `help:"Print the same as Terraform for Confluent Cloud; no cluster is asked."`
}

// Help shows how to plan.
func (topicsPlan) Help() string {
	return `What a Kafka cluster lacks to keep a log: topics, their settings, each with the reason, and ACLs.
Nothing is changed:

    $ quittance topics plan --log kafka --brokers 127.0.0.1:9092
    $ quittance topics plan --log kafka --brokers 127.0.0.1:9092 \
        --role serve=User:quittance --role reader=User:reports

The same for Confluent Cloud, to be kept with an operator's own Terraform:

    $ quittance topics plan --log kafka --terraform --role serve=User:quittance > quittance.tf

` + rolesHelp + "\n\n" + kafkaHelp
}

// Run prints the plan.
func (c topicsPlan) Run(ctx context.Context, p *program) error {
	if c.Terraform {
		return c.terraform(p)
	}
	return c.with(ctx, p, func(_ *kafka.Admin, plan kafka.Plan) error {
		_, err := fmt.Fprint(p.stdout, plan)
		return err
	})
}

// terraform prints what an empty cluster would get.
func (c topicsPlan) terraform(p *program) error {
	grants, err := c.grants()
	if err != nil {
		return err
	}
	spec, err := c.spec(c.Shards, c.Replication)
	if err != nil {
		return err
	}
	return kafka.WriteTerraform(p.stdout, spec, grants...)
}

// topicsApply makes a cluster fit to keep a log.
type topicsApply struct {
	clusterFlags
	Yes bool `help:"Do not ask."`
}

// Help shows how to apply.
func (topicsApply) Help() string {
	return `Shows what topics plan shows, asks, and does it. Doing it again does nothing:

    $ quittance topics apply --log kafka --brokers 127.0.0.1:9092
    $ quittance topics apply --log kafka --brokers 127.0.0.1:9092 --role serve=User:quittance --yes

Nothing is ever deleted: neither topics nor ACLs. Where something cannot be changed, such as the
number of partitions of a topic with records, the plan says what there is to decide, and nothing
at all is done.

` + rolesHelp + "\n\n" + kafkaHelp
}

// errNotApplied reports an answer other than yes.
var errNotApplied = errors.New("nothing was changed")

// Run shows the plan, asks and does it.
func (c topicsApply) Run(ctx context.Context, p *program) error {
	return c.with(ctx, p, func(a *kafka.Admin, plan kafka.Plan) error {
		if _, err := fmt.Fprint(p.stdout, plan); err != nil || plan.Empty() {
			return err
		}
		if !plan.Possible() {
			return kafka.ErrUndecided
		}
		if !c.Yes && !p.agreed("\nDo this? Only yes is taken for an answer: ") {
			return errNotApplied
		}
		warnings, err := a.Apply(ctx, plan)
		for _, w := range warnings {
			fmt.Fprintln(p.stderr, "warning:", w)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, "done")
		return err
	})
}

// agreed asks a question and reports whether the answer is yes.
func (p *program) agreed(question string) bool {
	fmt.Fprint(p.stdout, question)
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(p.stdout)
		return false
	}
	return strings.TrimSpace(answer) == "yes"
}

// checkCluster holds a cluster against what it must have, as serving on it does.
func (f kafkaFlags) checkCluster(ctx context.Context, p *program) error {
	spec, err := f.spec(0, 0)
	if err != nil {
		return err
	}
	return f.admin(ctx, p, func(a *kafka.Admin) error {
		r, err := a.Check(ctx, spec)
		if err != nil {
			return err
		}
		for _, w := range r.Warnings {
			fmt.Fprintln(p.stderr, "warning:", w)
		}
		_, err = fmt.Fprintf(p.stdout, "the cluster %s is fit to keep the log: %d topics, %d shards\n",
			r.Cluster, len(r.Topics), r.Shards)
		return err
	})
}
