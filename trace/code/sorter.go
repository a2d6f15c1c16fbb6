package code

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

const (
	// sortBuckets splits a run by the first bits of its hashes. Hashes are
	// uniform, so the largest run has 160,000 elements, 3 MB, in a bucket.
	sortBuckets = 64

	// partLen is how many elements are dealt out at one time, 2.5 MB. What is
	// lost when a process dies is less than that for each core; small runs are
	// one part and never reach the disk.
	partLen = 1 << 17

	// trailerLen is what follows the elements in the file of a part: how many
	// each bucket has, and the tag.
	trailerLen = 4*sortBuckets + sha256.Size
)

// A sorter puts the elements of a run in order with little memory. It is given
// them in parts, and deals each out to buckets. A part lies in a file:
//
//	elements   of bucket 0, then of bucket 1, … in any order within a bucket
//	counts     how many each bucket has, 64 times u32be
//	tag        32 bytes that say of what it is a part
//
// A file has its name once all of it is on disk, so that one that is there is
// whole, whatever happened to the process that wrote it. To drain, a bucket is
// gathered from all parts and sorted, one after the other.
type sorter struct {
	dir string

	mu    sync.Mutex // guards parts
	parts []part
}

// A part is elements by bucket, in memory or in a file.
type part struct {
	elements []Element
	file     *os.File            // nil for a part in memory
	ends     [sortBuckets]uint32 // where each bucket ends
}

// newSorter returns a sorter with its files in dir, which must be its own.
func newSorter(dir string) *sorter { return &sorter{dir: dir} }

// bucketOf is the bucket of an element.
func bucketOf(e *Element) int { return int(e[0]) * sortBuckets >> 8 }

// deal makes a part of elements in any order.
func deal(elements []Element) part {
	var p part
	for i := range elements {
		p.ends[bucketOf(&elements[i])]++
	}
	var next [sortBuckets]uint32
	for i := 1; i < sortBuckets; i++ {
		next[i] = p.ends[i-1]
		p.ends[i] += p.ends[i-1]
	}
	p.elements = make([]Element, len(elements))
	for i := range elements {
		b := bucketOf(&elements[i])
		p.elements[next[b]] = elements[i]
		next[b]++
	}
	return p
}

// keep takes a part that stays in memory. It may be called concurrently, as
// spill and resume, and keeps nothing of the slice.
func (s *sorter) keep(elements []Element) { s.take(deal(elements)) }

func (s *sorter) take(p part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts = append(s.parts, p)
}

func (s *sorter) path(number int) string {
	return filepath.Join(s.dir, "part-"+strconv.Itoa(number))
}

// spill takes a part and writes it to its file.
func (s *sorter) spill(number int, tag [sha256.Size]byte, elements []Element) error {
	p := deal(elements)
	f, err := os.OpenFile(s.path(number)+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	if err := p.write(f, tag); err != nil {
		return errors.Join(fmt.Errorf("sort: %w", err), f.Close())
	}
	if err := os.Rename(f.Name(), s.path(number)); err != nil {
		return errors.Join(fmt.Errorf("sort: %w", err), f.Close())
	}
	p.elements, p.file = nil, f
	s.take(p)
	return nil
}

// write writes the file of a part and waits until it is on disk.
func (p *part) write(f *os.File, tag [sha256.Size]byte) error {
	raw := make([]byte, 0, len(p.elements)*elementLen+trailerLen)
	for i := range p.elements {
		raw = append(raw, p.elements[i][:]...)
	}
	start := uint32(0)
	for _, end := range p.ends {
		raw = binary.BigEndian.AppendUint32(raw, end-start)
		start = end
	}
	raw = append(raw, tag[:]...)
	if _, err := f.Write(raw); err != nil {
		return err
	}
	return f.Sync()
}

// resume takes a part that an earlier attempt wrote, if it is there and is what
// is needed.
func (s *sorter) resume(number int, tag [sha256.Size]byte, count int) bool {
	f, err := os.Open(s.path(number))
	if err != nil {
		return false
	}
	p := part{file: f}
	if !p.readTrailer(tag, count) {
		f.Close() // read only
		return false
	}
	s.take(p)
	return true
}

// readTrailer reports whether the file is a part of count elements with a tag.
func (p *part) readTrailer(tag [sha256.Size]byte, count int) bool {
	info, err := p.file.Stat()
	if err != nil || info.Size() != int64(count)*elementLen+trailerLen {
		return false
	}
	var raw [trailerLen]byte
	if _, err := p.file.ReadAt(raw[:], int64(count)*elementLen); err != nil {
		return false
	}
	end := uint32(0)
	for i := range p.ends {
		end += binary.BigEndian.Uint32(raw[4*i:])
		p.ends[i] = end
	}
	return end == uint32(count) && [sha256.Size]byte(raw[4*sortBuckets:]) == tag
}

// bucket appends the elements of a bucket to a slice.
func (p *part) bucket(list []Element, n int) ([]Element, error) {
	start := uint32(0)
	if n > 0 {
		start = p.ends[n-1]
	}
	if p.file == nil {
		return append(list, p.elements[start:p.ends[n]]...), nil
	}
	elements, err := readElements(p.file, start, int(p.ends[n]-start))
	return append(list, elements...), err
}

// sorted returns the elements of a bucket of all parts in order.
func (s *sorter) sorted(n int) (elements []Element, err error) {
	for i := range s.parts {
		if elements, err = s.parts[i].bucket(elements, n); err != nil {
			return nil, fmt.Errorf("sort: %w", err)
		}
	}
	slices.SortFunc(elements, func(a, b Element) int { return bytes.Compare(a[:], b[:]) })
	return elements, nil
}

// drain hands all elements in order to emit, in pieces, while it sorts the
// next piece. Nothing may be added any more.
func (s *sorter) drain(ctx context.Context, emit func(sorted []Element) error) error {
	type piece struct {
		elements []Element
		err      error
	}
	pieces := make(chan piece)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(pieces)
		for i := range sortBuckets {
			elements, err := s.sorted(i)
			select {
			case pieces <- piece{elements, err}:
			case <-ctx.Done():
				return
			}
		}
	})

	for p := range pieces {
		if p.err != nil {
			return p.err
		}
		if err := emit(p.elements); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// close closes the files; whoever owns the directory removes them.
func (s *sorter) close() {
	for i := range s.parts {
		if f := s.parts[i].file; f != nil {
			f.Close() // read from now on, nothing to lose
		}
	}
}

// readElements reads n elements from position pos on.
func readElements(r io.ReaderAt, pos uint32, n int) ([]Element, error) {
	raw := make([]byte, n*elementLen)
	if got, err := r.ReadAt(raw, int64(pos)*elementLen); got < len(raw) {
		return nil, fmt.Errorf("read elements %d to %d: %w", pos, int(pos)+n, err)
	}
	elements := make([]Element, n)
	for i := range elements {
		elements[i] = Element(raw[i*elementLen:])
	}
	return elements, nil
}
