package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// A child is this program, serving in a process of its own.
type child struct {
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed when it has ended
	err  error         // why, once it has
}

// startChild runs this program with arguments that make it serve, and returns when it says where.
// What it writes beside that goes to output.
func startChild(ctx context.Context, output io.Writer, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return followChild(ctx, output, exec.Command(self, args...))
}

// followChild is startChild of a command that is this program, wherever it is.
func followChild(ctx context.Context, output io.Writer, command *exec.Cmd) (*child, error) {
	c := &child{cmd: command, done: make(chan struct{})}
	c.cmd.Stderr = output
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	served := make(chan string, 1)
	go c.follow(out, output, served)
	select {
	case c.url = <-served:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("quittance %s: %w", strings.Join(command.Args[1:], " "), c.err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.kill())
	}
}

// follow reads what the child writes until it ends.
func (c *child) follow(out io.Reader, output io.Writer, served chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(output, lines.Text())
		if _, rest, ok := strings.Cut(lines.Text(), "serves http://"); ok {
			host, _, _ := strings.Cut(rest, ",")
			served <- "http://" + host
			break
		}
	}
	_, err := io.Copy(output, out)
	c.err = errors.Join(err, c.cmd.Wait())
	close(c.done)
}

// stop asks the child to stop and waits until it has. A child that did so in order is no error.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return c.err
}

// kill ends the child as a crash would and waits until it has.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	<-c.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
