package local

import "github.com/cockroachdb/pebble/v2"

// A chain walks over the values of one family, and proves that none is missing.
type chain struct {
	it     *pebble.Iterator
	family family
	shard  int
	limit  uint64 // the last group to show
	tail   uint64 // a value that is there, or a later one in its place
	seen   uint64 // up to this group everything is accounted for
	linked bool   // seen is a value that this chain has shown
	valid  bool
	head   header
	body   decoder
}

// openChain begins a chain at the first value from a group on.
func openChain(db *pebble.DB, f family, shard int, from, limit, tail uint64) (*chain, error) {
	it, err := db.NewIter(&pebble.IterOptions{
		LowerBound: groupKey(nil, f, shard, from),
		UpperBound: chainEnd(nil, f, shard),
	})
	if err != nil {
		return nil, failed(shard, from, err)
	}
	c := &chain{it: it, family: f, shard: shard, limit: limit, tail: tail, seen: from - 1}
	if err := c.settle(it.First()); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// advance goes on to the next value.
func (c *chain) advance() error {
	c.seen, c.linked = c.head.group, true
	return c.settle(c.it.Next())
}

// settle verifies the value that the iterator stands at, or that the chain may end here.
func (c *chain) settle(there bool) error {
	c.valid = false
	if !there {
		if err := c.it.Error(); err != nil {
			return failed(c.shard, c.seen+1, err)
		}
		if c.seen < c.tail {
			return corrupt(c.shard, c.seen+1,
				"the %s records end at group %d and should end at group %d", c.family, c.seen, c.tail)
		}
		return nil
	}
	var err error
	if c.body, err = opened(c.it, c.shard, &c.head); err != nil {
		return err
	}
	// From inside the chain the link must be exact. At its beginning it may point further back:
	// the value before has been read by somebody else, or cleaned away since.
	if c.head.prev > c.seen || c.linked && c.head.prev != c.seen {
		return corrupt(c.shard, c.seen+1, "group %d should follow group %d in the %s records",
			c.head.group, c.head.prev, c.family)
	}
	c.valid = c.head.group <= c.limit
	return nil
}

func (c *chain) close() {
	_ = c.it.Close() // the same error as it.Error(), looked at in settle
}
