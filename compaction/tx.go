package compaction

import (
	"slices"
	"strings"
	"time"
)

// A Tx is what a command reads and writes through. It sees what is committed, what the commands
// before it in its group wrote, and what it wrote itself. It is the command's alone and only until
// Decide returns.
type Tx struct {
	w     *work
	now   time.Time
	shard int

	appends []Record
	undo    []undo
	size    int // bytes that the group's commands have written
	marks   struct{ dirty, appends, size int }
	err     error // the first write that failed; it fails the command
}

// Now returns the stamp of the command's group, in UTC: never before the stamp of a group before
// it.
func (tx *Tx) Now() time.Time { return tx.now }

// Shard returns the number of the shard.
func (tx *Tx) Shard() int { return tx.shard }

// A cell is a key's value as the shard's goroutine sees it.
type cell struct {
	d       *topicDefinition
	key     string
	value   any
	present bool
	loaded  bool   // value is known: it was read or written
	dirty   bool   // differs from what is committed
	encoded []byte // stored form of value, where it was made already
	before  []byte // stored form of what is committed; kept for topics that derive something
	existed bool   // whether something is committed, or may be
}

// undo restores a cell to what it was before the command that is being rolled back.
type undo struct {
	c       *cell
	value   any
	present bool
	loaded  bool
	dirty   bool
	encoded []byte
}

type cellKey struct {
	topic byte
	key   string
}

// work is the state of the shard's goroutine between the store and a group's commands.
//
// Decoded cells stand in place of an indexed batch over the store: decoding an account for each of
// its postings and writing each to a batch's skip list took two thirds of the time of a group.
type work struct {
	store      *store
	restoring  func() bool // whether background topics are still being restored
	group      map[cellKey]*cell
	young, old map[cellKey]*cell // cells of cached tables, two generations
	limit      int               // of a generation
	dirty      []*cell
	// fresh names the keys of background topics written since this shard began to serve, while
	// older records are still being restored: those must not replace them.
	fresh map[cellKey]struct{}
}

func newWork(s *store, restoring func() bool, limit int) *work {
	return &work{store: s, restoring: restoring, limit: limit,
		group: map[cellKey]*cell{}, young: map[cellKey]*cell{}, old: map[cellKey]*cell{},
		fresh: map[cellKey]struct{}{}}
}

// cell returns the cell of a key, reading it from the store if load is set or the topic derives
// something from what is committed.
func (w *work) cell(d *topicDefinition, key string, load bool) (*cell, error) {
	if err := w.store.schema.knows(d); err != nil {
		return nil, err
	}
	k := cellKey{d.id, key}
	c := w.find(k, d.cached)
	if c == nil {
		c = &cell{d: d, key: key, existed: true}
	}
	if !c.loaded && (load || d.cached || d.derived()) {
		if err := w.load(c); err != nil {
			return nil, err
		}
	}
	if d.cached {
		w.keep(k, c)
	} else {
		w.group[k] = c
	}
	return c, nil
}

// find returns the cell of a key that is in memory, or nil.
func (w *work) find(k cellKey, cached bool) *cell {
	if !cached {
		return w.group[k]
	}
	if c := w.young[k]; c != nil {
		return c
	}
	return w.old[k]
}

// An unreadError is an ErrUnread, and says why.
type unreadError struct{ error }

func (e unreadError) Unwrap() error { return e.error }

func (e unreadError) Is(target error) bool { return target == ErrUnread }

// load reads what is committed under a cell's key.
func (w *work) load(c *cell) error {
	stored, err := w.store.get(w.store.db, c.d, c.key)
	if err != nil {
		return unreadError{err}
	}
	if stored != nil {
		if c.value, err = w.store.decode(c.d, c.key, stored); err != nil {
			return unreadError{err}
		}
		c.present = true
		if c.d.derived() {
			c.before = stored
		}
	}
	c.loaded, c.existed = true, stored != nil || w.unrestored(c.d, c.key)
	return nil
}

// unrestored reports whether an older record of a key may still come: its topic is being restored
// in the background, and nothing was written to the key meanwhile.
func (w *work) unrestored(d *topicDefinition, key string) bool {
	if d.topic.Class != Background || !w.restoring() {
		return false
	}
	_, fresh := w.fresh[cellKey{d.id, key}]
	return !fresh
}

// written reports whether a key was written since the last commit.
func (w *work) written(d *topicDefinition, key string) bool {
	c := w.find(cellKey{d.id, key}, d.cached)
	return c != nil && c.dirty
}

// drop forgets what is committed under a key, because the store has it otherwise now.
func (w *work) drop(k cellKey) {
	delete(w.young, k)
	delete(w.old, k)
}

// keep puts a cell into the young generation; a full one becomes the old. Cells that differ from
// what is committed are never in a generation that is dropped: w.dirty holds them, and rotation
// carries them over.
func (w *work) keep(k cellKey, c *cell) {
	if w.young[k] == c {
		return
	}
	if len(w.young) >= w.limit {
		w.old, w.young = w.young, make(map[cellKey]*cell, w.limit)
		for _, c := range w.dirty {
			if c.d.cached {
				w.young[cellKey{c.d.id, c.key}] = c
			}
		}
	}
	w.young[k] = c
}

// forget drops everything that is not committed, and what was decoded.
func (w *work) forget() {
	clear(w.group)
	w.young, w.old = map[cellKey]*cell{}, map[cellKey]*cell{}
	w.dirty = nil
}

// committed marks the group's cells as what is now in the store.
func (w *work) committed() {
	for _, c := range w.dirty {
		c.dirty, c.existed = false, c.present
		if c.d.topic.Class == Background && w.restoring() {
			w.fresh[cellKey{c.d.id, c.key}] = struct{}{}
		}
		if c.d.derived() {
			c.before = c.encoded
			if !c.present {
				c.before = nil
			}
		}
		c.encoded = nil
	}
	w.dirty = w.dirty[:0]
	clear(w.group)
}

// begin readies tx for a command.
func (tx *Tx) begin() {
	tx.undo, tx.err = tx.undo[:0], nil
	tx.marks.dirty, tx.marks.appends, tx.marks.size = len(tx.w.dirty), len(tx.appends), tx.size
}

// rollback undoes what the command since begin wrote.
func (tx *Tx) rollback() {
	for _, u := range slices.Backward(tx.undo) {
		u.c.value, u.c.present, u.c.encoded = u.value, u.present, u.encoded
		u.c.loaded, u.c.dirty = u.loaded, u.dirty
	}
	tx.undo = tx.undo[:0]
	tx.w.dirty = tx.w.dirty[:tx.marks.dirty]
	tx.appends = tx.appends[:tx.marks.appends]
	tx.size = tx.marks.size
}

func (tx *Tx) get(d *topicDefinition, key string) (any, bool, error) {
	c, err := tx.w.cell(d, key, true)
	if err != nil {
		return nil, false, err
	}
	if !c.dirty && tx.w.unrestored(d, key) {
		return nil, false, ErrRestoring
	}
	return c.value, c.present, nil
}

func (tx *Tx) put(d *topicDefinition, key string, v any, present bool) {
	if tx.err != nil {
		return
	}
	c, err := tx.w.cell(d, key, !present)
	if err != nil {
		tx.err = err
		return
	}
	if !present && !c.present && (c.dirty || !c.existed) {
		return
	}
	var encoded []byte
	if present && !d.cached {
		if encoded, err = d.encode(v); err == nil {
			err = tx.weigh(d, key, encoded)
		}
		if err != nil {
			tx.err = err
			return
		}
	}
	tx.undo = append(tx.undo, undo{c, c.value, c.present, c.loaded, c.dirty, c.encoded})
	c.value, c.present, c.encoded, c.loaded = v, present, encoded, true
	if !c.dirty {
		c.dirty = true
		tx.w.dirty = append(tx.w.dirty, c)
	}
}

// absent notes that nothing is committed under a key, where that is known without looking.
func (tx *Tx) absent(d *topicDefinition, key string) {
	k := cellKey{d.id, key}
	if tx.w.find(k, d.cached) == nil {
		tx.w.group[k] = &cell{d: d, key: key, loaded: true}
	}
}

// touched returns the uncommitted cells of a topic.
func (tx *Tx) touched(d *topicDefinition) []*cell {
	var cells []*cell
	for _, c := range tx.w.dirty {
		if c.d == d {
			cells = append(cells, c)
		}
	}
	return cells
}

func (tx *Tx) scan(d *topicDefinition, p Page) ([]row, error) {
	read := func(hidden map[string]bool) ([]row, error) {
		return tx.w.store.scan(tx.w.store.db, d, p, hidden)
	}
	return tx.merge(d, p, read, func(c *cell) []row {
		return []row{{c.key, c.key, c.value}}
	})
}

func (tx *Tx) lookup(d *topicDefinition, index int, p Page) ([]row, error) {
	read := func(hidden map[string]bool) ([]row, error) {
		return tx.w.store.lookup(tx.w.store.db, d, index, p, hidden)
	}
	return tx.merge(d, p, read, func(c *cell) []row {
		var found []row
		for _, text := range d.indexes[index].keys(c.key, c.value) {
			found = append(found, row{c.key, text + "\x00" + c.key, c.value})
		}
		return found
	})
}

// merge reads a page of the keys that have no uncommitted cell from the store, and puts the rows
// of those that have one among them.
func (tx *Tx) merge(
	d *topicDefinition, p Page,
	read func(hidden map[string]bool) ([]row, error), rowsOf func(*cell) []row,
) ([]row, error) {
	if err := tx.w.store.schema.knows(d); err != nil {
		return nil, err
	}
	if d.topic.Class == Background && tx.w.restoring() {
		return nil, ErrRestoring
	}
	touched := tx.touched(d)
	hidden := make(map[string]bool, len(touched))
	for _, c := range touched {
		hidden[c.key] = true
	}
	found, err := read(hidden)
	if err != nil {
		return nil, unreadError{err}
	}
	if len(touched) == 0 {
		return found, nil
	}
	for _, c := range touched {
		if !c.present {
			continue
		}
		for _, r := range rowsOf(c) {
			if strings.HasPrefix(r.cursor, p.Prefix) {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, compareRows)
	// An index that names a text twice for a record has it once.
	found = slices.CompactFunc(found, func(a, b row) bool { return a.cursor == b.cursor })
	return p.page(found), nil
}
