package offline_test

import (
	"testing"

	"github.com/quittance/quittance/gateways/gatewaytest"
	"github.com/quittance/quittance/gateways/offline"
)

// TestGateway holds the gateway to the contract, with every method that a person may announce.
func TestGateway(t *testing.T) {
	for _, method := range offline.Methods {
		t.Run(method, func(t *testing.T) {
			gatewaytest.Run(t, func(*testing.T) gatewaytest.Subject {
				return gatewaytest.Subject{Gateway: offline.New(), Currency: "EUR",
					Succeeds: method}
			})
		})
	}
}
