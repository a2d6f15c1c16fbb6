package code

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
)

// aiCharacters is the GS1 AI encodable character set 82: GS1 General
// Specifications, figure 7.11-1.
const aiCharacters = `!"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`

// CheckSerial returns [ErrSerial] unless serial can stand in AI 21.
func CheckSerial(serial string) error {
	if len(serial) == 0 || len(serial) > MaxForeignSerial {
		return ErrSerial
	}
	for i := range len(serial) {
		if strings.IndexByte(aiCharacters, serial[i]) < 0 {
			return ErrSerial
		}
	}
	return nil
}

// IssueList makes the pack of a foreign run from a list of serials, one a
// line, in the order of their indexes: line n has index n-1. A byte order mark,
// carriage returns and empty lines at the end are ignored. A refused line is a
// [*ListError]; too many or no lines are [ErrRun]. Otherwise it is as [Issue].
func IssueList(ctx context.Context, gtin uint64, list io.Reader, job Job) (Issued, error) {
	if err := (Run{GTIN: gtin, Count: 1}).Check(); err != nil {
		return Issued{}, err
	}
	m, err := startPack(job, 0)
	if err != nil {
		return Issued{}, err
	}
	defer m.close()

	guess := newGuesser()
	if err := m.readList(ctx, gtin, list, guess); err != nil {
		return Issued{}, fmt.Errorf("issue list: %w", err)
	}
	issued, err := m.finish(ctx)
	var twice *duplicateError
	if errors.As(err, &twice) {
		err = &ListError{Line: int(twice.second) + 1, First: int(twice.first) + 1, Err: ErrDuplicate}
	}
	if err != nil {
		return Issued{}, fmt.Errorf("issue list: %w", err)
	}
	issued.Guessable = guess.verdict()
	return issued, nil
}

// readList makes the elements of all lines.
func (m *packMaker) readList(ctx context.Context, gtin uint64, list io.Reader, guess *guesser) error {
	lines := newLineReader(list)
	elements := make([]Element, 0, issueBatch)
	index := uint32(0)
	for ; lines.next(); index++ {
		if index == MaxRunCodes {
			return fmt.Errorf("%w: more than %d serials", ErrRun, MaxRunCodes)
		}
		guess.add(lines.serial)
		elements = append(elements, newElement(HashOf(gtin, lines.serial), index))
		if made := index + 1; made%issueBatch == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			m.report(issueBatch)
		}
		if len(elements) == partLen {
			if err := m.sorter.spill(int(index/partLen), [sha256.Size]byte{}, elements); err != nil {
				return err
			}
			elements = elements[:0]
		}
	}
	if lines.err != nil {
		return lines.err
	}
	if index == 0 {
		return fmt.Errorf("%w: the list is empty", ErrRun)
	}
	m.listRead(index)
	m.sorter.keep(elements)
	m.report(int(index % issueBatch))
	return nil
}

// listRead tells the progress how many codes the list has.
func (m *packMaker) listRead(count uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = 2 * uint64(count)
}

// A lineReader reads a list of serials.
type lineReader struct {
	scanner *bufio.Scanner
	line    int    // number of the last line read, from 1
	serial  string // in the last line
	err     error
}

func newLineReader(list io.Reader) *lineReader {
	scanner := bufio.NewScanner(list)
	scanner.Buffer(make([]byte, maxListLine), maxListLine)
	return &lineReader{scanner: scanner}
}

// next reads the next serial. It returns false at the end of the list and at
// the first line that is refused, which is then in err.
func (l *lineReader) next() bool {
	if !l.scan() {
		return false
	}
	if l.serial == "" {
		return l.onlyEmptyLeft()
	}
	if CheckSerial(l.serial) != nil {
		l.err = &ListError{Line: l.line, Err: ErrSerial}
		return false
	}
	return true
}

func (l *lineReader) scan() bool {
	if !l.scanner.Scan() {
		l.err = l.scanner.Err()
		if errors.Is(l.err, bufio.ErrTooLong) {
			l.err = &ListError{Line: l.line + 1, Err: ErrSerial}
		}
		return false
	}
	l.line++
	l.serial = l.scanner.Text()
	if l.line == 1 {
		l.serial = strings.TrimPrefix(l.serial, "\uFEFF")
	}
	return true
}

// onlyEmptyLeft reads on after an empty line and refuses that line if there is
// a serial after it. It always returns false.
func (l *lineReader) onlyEmptyLeft() bool {
	empty := l.line
	for l.scan() {
		if l.serial != "" {
			l.err = &ListError{Line: empty, Err: ErrSerial}
			return false
		}
	}
	return false
}

// Shared returns the element of a whose code is in b too, the first in the order
// of packs; found is false if the two have no code in common. Of two packs of
// about one size it reads both once, and of a small and a large one a few
// kilobytes for each element of the small one.
func Shared(ctx context.Context, a, b *Pack) (e Element, found bool, err error) {
	if b.len/sharedRatio > a.len {
		e, found, err = sharedByLookup(ctx, a, b)
	} else {
		e, found, err = sharedByMerge(ctx, a, b)
	}
	if err != nil {
		return Element{}, false, fmt.Errorf("compare packs: %w", err)
	}
	return e, found, nil
}

func sharedByLookup(ctx context.Context, a, b *Pack) (Element, bool, error) {
	r := packReader{pack: a}
	for {
		e, ok, err := r.next(ctx)
		if err != nil || !ok {
			return Element{}, false, err
		}
		if _, found, err := b.Lookup(e.Hash()); err != nil || found {
			return e, found, err
		}
	}
}

// sharedByMerge goes through both packs in step: both ascend by hash.
func sharedByMerge(ctx context.Context, a, b *Pack) (Element, bool, error) {
	left, right := packReader{pack: a}, packReader{pack: b}
	x, more, err := left.next(ctx)
	if err != nil || !more {
		return Element{}, false, err
	}
	for {
		y, more, err := right.next(ctx)
		if err != nil || !more {
			return Element{}, false, err
		}
		for more && x.Hash().Compare(y.Hash()) < 0 {
			if x, more, err = left.next(ctx); err != nil || !more {
				return Element{}, false, err
			}
		}
		if x.Hash() == y.Hash() {
			return x, true, nil
		}
	}
}

// A packReader reads a pack from its beginning.
type packReader struct {
	pack   *Pack
	pos    uint32 // of the first element that is not in window
	window []Element
}

// next returns the next element; ok is false at the end.
func (r *packReader) next(ctx context.Context) (e Element, ok bool, err error) {
	if len(r.window) == 0 {
		if r.pos == r.pack.len {
			return Element{}, false, nil
		}
		if ctx.Err() != nil {
			return Element{}, false, context.Cause(ctx)
		}
		n := min(checkBatch, r.pack.len-r.pos)
		if r.window, err = readElements(r.pack.r, r.pos, int(n)); err != nil {
			return Element{}, false, err
		}
		r.pos += n
	}
	e, r.window = r.window[0], r.window[1:]
	return e, true, nil
}
