package kafka_test

import "fmt"

// A deed is one step of the model: what happens, to or by which claimant, at which id and topic.
type deed struct {
	verb  verb
	who   int8
	id    int8
	topic int8
}

type verb int8

const (
	initialise verb = iota
	writeBarrier
	commitBarrier
	replay
	writeAppend
	commitAppend
	seeFence
	hear
	assign
	crash
	restart
	expire
	lose
	arrive
)

// String tells the deed as a line of a schedule.
func (d deed) String() string {
	who := "nobody"
	if d.who >= 0 {
		who = claimNames[d.who : d.who+1]
	}
	switch d.verb {
	case initialise:
		return fmt.Sprintf("%s initialises id %d", who, d.id)
	case writeBarrier:
		return fmt.Sprintf("%s writes its barrier to topic %d through id %d", who, d.topic, d.id)
	case commitBarrier:
		return fmt.Sprintf("%s commits its barrier through id %d", who, d.id)
	case replay:
		return fmt.Sprintf("%s replays topic %d to its barrier", who, d.topic)
	case writeAppend:
		return fmt.Sprintf("%s writes an append to topic %d through id %d", who, d.topic, d.id)
	case commitAppend:
		return fmt.Sprintf("%s commits its append through id %d", who, d.id)
	case seeFence:
		return fmt.Sprintf("%s is fenced at id %d and drops the shard", who, d.id)
	case hear:
		return fmt.Sprintf("%s hears whether the shard is assigned to it", who)
	case assign:
		return fmt.Sprintf("the group assigns the shard to %s", who)
	case crash:
		return fmt.Sprintf("%s ends without a word", who)
	case restart:
		return fmt.Sprintf("%s starts again", who)
	case expire:
		return fmt.Sprintf("the coordinator aborts the transaction of id %d", d.id)
	case lose:
		return fmt.Sprintf("%s hears no answer from id %d and drops the shard", who, d.id)
	case arrive:
		return fmt.Sprintf("the commit of id %d arrives after its claim has ended", d.id)
	}
	panic("a verb without words")
}
