package kafkatest

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// TestServeTaken: whoever has a broker already is told at once, and not after a broker's start.
func TestServeTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	serving := func(address string) { t.Errorf("a broker serves %s", address) }
	err = Serve(t.Context(), l.Addr().(*net.TCPAddr).Port, serving)
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want %v", err, syscall.EADDRINUSE)
	}
}
