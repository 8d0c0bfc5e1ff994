package store

import (
	"strings"
)

// Many rows a statement: what a statement costs is mostly the statement, and while one
// change of thousands of TNs runs everybody else waits.

// keys are TNs or row numbers as the database takes them.
func keys[T ~int64](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}

// keysAtOnce is how many keys one query asks for at most.
const keysAtOnce = 512

// keysIn is how many of the keys left one query takes: one of a few numbers, as with
// rows, and larger ones, for a key costs little.
func keysIn(left int) int {
	for _, size := range []int{keysAtOnce, 256, 128} {
		if left >= size {
			return size
		}
	}
	return rowsAtOnce(left)
}

// inBites runs fn over keys in pieces of a few sizes, so that their statements stay
// prepared. in is "IN ($1,$2,…)" for a piece; fn may append to some.
func inBites(keys []any, fn func(in string, some []any) error) error {
	for len(keys) > 0 {
		n := keysIn(len(keys))
		if err := fn(`IN `+valuesList(1, n), keys[:n:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// execEach runs a statement on the rows of some keys and wants it to find each of them
// as it says. The statement ends in the key's column; its %s become values.
func (t *tx) execEach(keys []any, sql string, values ...any) error {
	return inBites(keys, func(_ string, some []any) error {
		var c condition
		c.add(sql, values...)
		names := make([]string, len(some))
		for i, k := range some {
			names[i] = c.arg(k)
		}
		n, err := t.exec(c.parts[0]+` IN (`+strings.Join(names, ",")+`)`, c.args...)
		return eachOfRows(n, len(some), err)
	})
}
