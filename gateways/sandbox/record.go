package sandbox

import (
	"time"

	"google.golang.org/protobuf/proto"

	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
)

func encodeObject(o Object) ([]byte, error) {
	return proto.Marshal(&gatewaysv1.SandboxObjectRecord{
		Kind: o.Kind, Id: o.ID, Json: o.JSON, Sequence: o.Sequence, Parent: o.Parent,
		SendUnixNano: nanoseconds(o.Send), Sent: uint32(o.Sent), Copies: uint32(o.Copies),
		DueUnixNano: nanoseconds(o.Due),
	})
}

func decodeObject(b []byte) (Object, error) {
	var m gatewaysv1.SandboxObjectRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return Object{}, err
	}
	return Object{
		Kind: m.Kind, ID: m.Id, JSON: m.Json, Sequence: m.Sequence, Parent: m.Parent,
		Send: instant(m.SendUnixNano), Sent: int(m.Sent), Copies: int(m.Copies),
		Due: instant(m.DueUnixNano),
	}, nil
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
