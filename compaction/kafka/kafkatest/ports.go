package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// HighestPort bounds the ports of brokers. It lies below those that the system gives to outgoing
// connections: otherwise such a one could take a killed broker's port before its restart, or a
// client that dials it be connected to itself.
const HighestPort = 28_000

// freePorts finds ports of the loopback interface on which nobody listens. Tests of several
// packages run beside each other, and nobody listens on a broker's port before it has started, so
// that processes whose ids follow each other look in different places.
func freePorts(n int) ([]int, error) {
	const lowest, places = 10_240, 16
	const size = (HighestPort - lowest) / places
	first := lowest + os.Getpid()%places*size
	ports := make([]int, 0, n)
	for range 1000 {
		port := first + rand.IntN(size)
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
