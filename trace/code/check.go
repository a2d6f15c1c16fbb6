package code

import (
	"context"
	"fmt"
	"strings"
)

// Codes of problems. They are stable.
const (
	ProblemSize      = "pack-size"      // not a whole number of elements, or too many
	ProblemOrder     = "pack-order"     // an element is not above the one before
	ProblemDuplicate = "pack-duplicate" // a hash stands twice, so that one code has two indexes
	ProblemIndex     = "pack-index"     // the indexes are not 0 to n-1, each once
	ProblemRoot      = "pack-root"      // the elements do not have the published root
	ProblemCount     = "pack-count"     // the number of codes is not the published one
)

// A Problem is one way in which a pack is bad.
type Problem struct {
	Code     string // one of the Problem constants
	Position uint32 // of the first element concerned, 0 if it is about all
	Detail   string // one English sentence without full stop
}

// A BadPackError holds the problems of a pack, at most one of each code. It
// wraps [ErrBadPack].
type BadPackError struct{ Problems []Problem }

func (e *BadPackError) Error() string {
	details := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		details[i] = p.Detail
	}
	return fmt.Sprintf("%v: %s", ErrBadPack, strings.Join(details, "; "))
}

func (e *BadPackError) Unwrap() error { return ErrBadPack }

// checkBatch is how many elements are read at once and between two looks at
// the context.
const checkBatch = 1 << 14

// Check reads the whole pack and compares it with what its run record says; a
// count of 0 stands for not known. It needs about 3 MB of memory. If the pack
// is bad the error is a [*BadPackError]; any other error means that it could
// not be checked.
func (p *Pack) Check(ctx context.Context, root [32]byte, count uint32) (BlockRoots, error) {
	c := packChecker{seen: make([]uint64, (p.len+63)/64), size: p.len}
	for pos := uint32(0); pos < p.len; pos += checkBatch {
		if err := ctx.Err(); err != nil {
			return BlockRoots{}, fmt.Errorf("check pack: %w", context.Cause(ctx))
		}
		elements, err := readElements(p.r, pos, int(min(checkBatch, p.len-pos)))
		if err != nil {
			return BlockRoots{}, fmt.Errorf("check pack: %w", err)
		}
		for i := range elements {
			c.element(pos+uint32(i), &elements[i])
		}
	}
	c.hasher.close()
	blocks := BlockRoots{roots: c.hasher.roots}
	if got := blocks.Root(); got != root {
		c.problem(ProblemRoot, 0, "root is %x, published is %x", got, root)
	}
	if count != 0 && count != p.len {
		c.problem(ProblemCount, 0, "pack has %d codes, published are %d", p.len, count)
	}
	if len(c.problems) > 0 {
		return BlockRoots{}, &BadPackError{c.problems}
	}
	return blocks, nil
}

// A packChecker follows the elements of a pack in order.
type packChecker struct {
	size     uint32
	last     Element
	seen     []uint64 // bitmap of indexes
	hasher   blockHasher
	problems []Problem
}

func (c *packChecker) element(pos uint32, e *Element) {
	c.hasher.add(e)
	if pos > 0 {
		switch order := c.last.Hash().Compare(e.Hash()); {
		case order > 0:
			c.problem(ProblemOrder, pos, "element %d is not above the one before", pos)
		case order == 0:
			c.problem(ProblemDuplicate, pos, "element %d has the hash of the one before", pos)
		}
	}
	c.last = *e

	index := e.Index()
	if index >= c.size {
		c.problem(ProblemIndex, pos, "element %d has index %d in a pack of %d", pos, index, c.size)
		return
	}
	word, bit := &c.seen[index/64], uint64(1)<<(index%64)
	if *word&bit != 0 {
		c.problem(ProblemIndex, pos, "element %d has index %d, which stands before", pos, index)
	}
	*word |= bit
}

// problem notes the first problem of each code.
func (c *packChecker) problem(code string, pos uint32, format string, args ...any) {
	for _, p := range c.problems {
		if p.Code == code {
			return
		}
	}
	c.problems = append(c.problems, Problem{code, pos, fmt.Sprintf(format, args...)})
}
