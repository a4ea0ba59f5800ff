package gateways

import (
	"time"

	"google.golang.org/protobuf/proto"

	gatewaysv1 "github.com/quittance/quittance/gateways/v1"
)

func encodeWebhookEvent(w WebhookEvent) ([]byte, error) {
	return proto.Marshal(&gatewaysv1.WebhookEventRecord{
		Tenant: w.Tenant, Gateway: w.Gateway, Event: w.ID, Kind: w.Kind, GatewayId: w.GatewayID,
		ReceivedUnixNano: w.Received.UnixNano(), ExpiresUnixNano: w.Expires.UnixNano(),
	})
}

func decodeWebhookEvent(b []byte) (WebhookEvent, error) {
	var m gatewaysv1.WebhookEventRecord
	if err := proto.Unmarshal(b, &m); err != nil {
		return WebhookEvent{}, err
	}
	return WebhookEvent{
		Tenant: m.Tenant, Gateway: m.Gateway, ID: m.Event, Kind: m.Kind, GatewayID: m.GatewayId,
		Received: time.Unix(0, m.ReceivedUnixNano).UTC(),
		Expires:  time.Unix(0, m.ExpiresUnixNano).UTC(),
	}, nil
}
