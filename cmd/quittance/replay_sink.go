package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/compaction/kafka"
)

// A sink takes records. It is for one goroutine at a time, but for flush.
type sink interface {
	write(ctx context.Context, shard int, e compaction.Entry) error
	// settle passes on what was written, as far as that needs no waiting.
	settle() error
	// flush returns when what was settled is where it is to be.
	flush(ctx context.Context) error
	// size is how long a file is with what was settled.
	size() int64
	close() error
}

// sink opens what --to names. A file keeps so many bytes of what is in it, and must have them.
func (c topicsReplay) sink(
	ctx context.Context, p *program, topic compaction.Topic, keep int64,
) (sink, error) {
	if strings.HasPrefix(c.To, "kafka:") {
		return c.topic(ctx, p, topic)
	}
	m, err := protoregistry.GlobalTypes.FindMessageByName(topic.Message)
	if err != nil {
		return nil, err
	}
	s := &fileSink{}
	var w io.Writer = p.stdout
	if c.To != "-" {
		if err := s.open(c.To, keep); err != nil {
			return nil, err
		}
		w = s.file
	}
	s.buffer = bufio.NewWriter(w)
	s.lines = recordLines{s.buffer, m, c.PersonalData}
	return s, nil
}

// topic opens a topic of a cluster.
func (c topicsReplay) topic(ctx context.Context, p *program, topic compaction.Topic) (sink, error) {
	to, err := parsePlace("--to", c.To)
	if err != nil {
		return nil, err
	}
	if to.topic == "" {
		return nil, &usageError{"--to: " + c.To + " names no topic: add ?topic=NAME"}
	}
	m, err := protoregistry.GlobalTypes.FindMessageByName(topic.Message)
	if err != nil {
		return nil, err
	}
	if !c.PersonalData && (len(topic.PersonalData) > 0 || opaque(m.Descriptor())) {
		return nil, &usageError{topic.Name + " may hold personal data, which is sent as it is stored: " +
			"add --personal-data"}
	}
	f, its := c.ToWire.flags(p, to, "to")
	connection, err := f.connection(its)
	if err != nil {
		return nil, err
	}
	r, err := kafka.OpenRestream(ctx, connection, to.topic)
	if err != nil {
		return nil, err // not a nil *kafka.Restream
	}
	return topicSink{r}, nil
}

// A fileSink writes lines of JSON.
type fileSink struct {
	file   *os.File // nil for standard output
	buffer *bufio.Writer
	lines  recordLines
	length int64
	// regular is whether the file has a length, and is not a pipe.
	regular bool
}

// open opens a file and cuts off what follows so many bytes. It refuses one that has not so many:
// the lines that are missing would not come again.
func (s *fileSink) open(name string, keep int64) (err error) {
	flags := os.O_WRONLY
	if keep == 0 {
		flags |= os.O_CREATE
	}
	s.file, err = os.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) && keep > 0 {
		return short(name, 0, keep)
	}
	if err != nil {
		return err
	}
	is, err := s.file.Stat()
	if err == nil && is.Mode().IsRegular() {
		s.regular, s.length = true, keep
		if is.Size() < keep {
			err = short(name, is.Size(), keep)
		} else {
			err = s.file.Truncate(keep)
		}
	}
	if err == nil && s.length > 0 {
		_, err = s.file.Seek(s.length, io.SeekStart)
	}
	if err != nil {
		return errors.Join(err, s.file.Close())
	}
	return nil
}

// short is the error of a file that has fewer bytes than the positions say.
func short(name string, has, keep int64) error {
	return fmt.Errorf("--positions: %s had %d bytes and has %d, and what is missing would not come "+
		"again: put it back, or begin anew, into an empty file, without the positions", name, keep, has)
}

func (s *fileSink) write(_ context.Context, shard int, e compaction.Entry) error {
	n, err := s.lines.write(shard, e)
	s.length += int64(n)
	return err
}

func (s *fileSink) settle() error { return s.buffer.Flush() }

func (s *fileSink) flush(context.Context) error {
	if s.file == nil || !s.regular {
		return nil
	}
	return s.file.Sync()
}

func (s *fileSink) size() int64 { return s.length }

func (s *fileSink) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// A topicSink sends to a topic.
type topicSink struct{ restream *kafka.Restream }

func (s topicSink) write(ctx context.Context, _ int, e compaction.Entry) error {
	// Who stops a replay stops the reading: what was read arrives.
	return s.restream.Send(context.WithoutCancel(ctx), e)
}

// settle does nothing: the records are on their way.
func (topicSink) settle() error { return nil }

// size is that of no file.
func (topicSink) size() int64 { return 0 }

func (s topicSink) flush(ctx context.Context) error { return s.restream.Flush(ctx) }

func (s topicSink) close() error { return s.restream.Close() }
