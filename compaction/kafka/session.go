package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessionTime bounds how long a cluster is asked about a session timeout. One that has had no
// group yet makes a place for them first.
const sessionTime = 10 * time.Second

// TakesSession reports whether the brokers take the SessionTimeout: they refuse one that is not
// from their group.min.session.timeout.ms to their group.max.session.timeout.ms. It joins nothing
// and changes nothing. The error says that the cluster cannot be reached; whatever else would keep
// this process from joining is told when it joins.
func (m Membership) TakesSession(ctx context.Context) (bool, error) {
	if err := reach(ctx, m.Connection); err != nil {
		return false, err
	}
	cl, err := kgo.NewClient(m.options()...)
	if err != nil {
		return false, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, sessionTime)
	defer cancel()
	req := kmsg.NewPtrJoinGroupRequest()
	// Not the group of the log: its members would wait for who was told an id and does not come.
	req.Group = m.Group() + "-try"
	req.SessionTimeoutMillis = int32(m.SessionTimeout / time.Millisecond)
	req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	req.ProtocolType = "consumer"
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "try"
	req.Protocols = append(req.Protocols, protocol)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return true, nil
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	if errors.Is(err, kerr.MemberIDRequired) {
		// It was given an id to join with, and goes. Where that is not heard, the id lapses.
		_ = goes(ctx, cl, req.Group, resp.MemberID)
	}
	return !errors.Is(err, kerr.InvalidSessionTimeout), nil
}

// goes leaves a group.
func goes(ctx context.Context, cl *kgo.Client, group, member string) error {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	who := kmsg.NewLeaveGroupRequestMember()
	who.MemberID = member
	req.Members = append(req.Members, who)
	_, err := req.RequestWith(ctx, cl)
	return err
}
