package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freePorts finds ports of the loopback interface on which nobody listens. They lie below those
// that the system gives to outgoing connections: otherwise such a one could take a killed broker's
// port before its restart, or a client that dials it be connected to itself.
func freePorts(n int) ([]int, error) {
	const lowest, highest = 10_240, 32_000
	ports := make([]int, 0, n)
	for range 1000 {
		port := lowest + rand.IntN(highest-lowest)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close() // only now, so that none is found twice
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports on the loopback interface", n)
}
