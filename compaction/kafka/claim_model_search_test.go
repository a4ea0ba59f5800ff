package kafka_test

import (
	"fmt"
	"slices"
	"strings"
)

// A search has gone through every interleaving of a world, the shortest schedules first.
type search struct {
	states   []state
	parents  []int32
	deeds    []deed
	edges    [][2]int32 // steps that are no faults
	steps    int
	schedule []string // the shortest that breaks a property
	broken   string
}

// explore goes through every state that can be reached, until one breaks a property.
func explore(w world) *search {
	f := &search{states: []state{w.start()}, parents: []int32{-1}, deeds: []deed{{}}}
	seen := map[state]int32{w.start(): 0}
	var found []step
	for at := 0; at < len(f.states); at++ {
		found = w.steps(f.states[at], found[:0])
		for _, n := range found {
			f.steps++
			to, known := seen[n.to]
			if !known {
				to = int32(len(f.states))
				seen[n.to] = to
				f.states = append(f.states, n.to)
				f.parents = append(f.parents, int32(at))
				f.deeds = append(f.deeds, n.deed)
			}
			if n.broken != "" {
				f.schedule, f.broken = append(f.path(int32(at)), n.deed.String()), n.broken
				return f
			}
			if !n.fault {
				f.edges = append(f.edges, [2]int32{int32(at), to})
			}
		}
	}
	f.stuck(w)
	return f
}

// path tells how a state was first reached.
func (f *search) path(at int32) []string {
	var lines []string
	for ; f.parents[at] >= 0; at = f.parents[at] {
		lines = append(lines, f.deeds[at].String())
	}
	slices.Reverse(lines)
	return lines
}

// stuck looks for a state from which no served shard can be reached, even if nothing more goes
// wrong: it goes back from the served states along every step that is no fault.
func (f *search) stuck(w world) {
	first := make([]int32, len(f.states)+1)
	for _, e := range f.edges {
		first[e[1]+1]++
	}
	for i := 1; i < len(first); i++ {
		first[i] += first[i-1]
	}
	before := make([]int32, len(f.edges))
	fill := slices.Clone(first)
	for _, e := range f.edges {
		before[fill[e[1]]] = e[0]
		fill[e[1]]++
	}
	good := make([]bool, len(f.states))
	var todo []int32
	for i, s := range f.states {
		if w.served(s) {
			good[i] = true
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, b := range before[first[at]:first[at+1]] {
			if !good[b] {
				good[b] = true
				todo = append(todo, b)
			}
		}
	}
	if i := slices.Index(good, false); i >= 0 {
		f.schedule = f.path(int32(i))
		f.broken = "from here on, nobody ever serves the shard"
	}
}

// String tells the result: how much was looked at, and the schedule that breaks a property.
func (f *search) String() string {
	told := fmt.Sprintf("%d states, %d steps", len(f.states), f.steps)
	if f.broken == "" {
		return told + ": every property holds"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", told, f.broken)
	for i, line := range f.schedule {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, line)
	}
	return b.String()
}
