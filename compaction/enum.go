package compaction

import (
	"errors"
	"math"
)

// errEnum reports a number that no version of the program counts states or kinds with.
var errEnum = errors.New("compaction: the record has a state or kind that cannot be one")

// Enum returns a stored state or kind as the type that code counts it with. A number that does not
// fit there sets *err, unless that is set already, for what its lowest bits say is something else.
// One that fits is taken, also where it names nothing yet: a later version may have written it.
func Enum[T ~uint8, N ~int32 | ~uint32](n N, err *error) T {
	if n < 0 || n > math.MaxUint8 {
		if *err == nil {
			*err = errEnum
		}
		return 0
	}
	return T(n)
}
