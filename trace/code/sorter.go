package code

import (
	"bytes"
	"context"
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

	// bucketBuffer is how many elements of a bucket wait in memory, 64 KiB;
	// small runs never reach the disk.
	bucketBuffer = 64 << 10 / elementLen
)

// A sorter puts the elements of a run in order with little memory: it deals
// them out to buckets on disk and sorts one bucket after the other.
type sorter struct {
	dir string

	mu      sync.Mutex // guards buckets
	buckets [sortBuckets]bucket
}

type bucket struct {
	buffer []Element
	file   *os.File // nil until the buffer was full once
}

// newSorter returns a sorter with its files in dir, which must be its own.
func newSorter(dir string) *sorter { return &sorter{dir: dir} }

// add takes elements in any order. It may be called concurrently and keeps
// nothing of the slice.
func (s *sorter) add(elements []Element) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range elements {
		n := int(elements[i][0]) * sortBuckets >> 8
		b := &s.buckets[n]
		b.buffer = append(b.buffer, elements[i])
		if len(b.buffer) == bucketBuffer {
			if err := b.spill(filepath.Join(s.dir, strconv.Itoa(n))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) spill(path string) error {
	if b.file == nil {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("sort: %w", err)
		}
		b.file = f
	}
	raw := make([]byte, 0, len(b.buffer)*elementLen)
	for i := range b.buffer {
		raw = append(raw, b.buffer[i][:]...)
	}
	if _, err := b.file.Write(raw); err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	b.buffer = b.buffer[:0]
	return nil
}

// sorted returns all elements of the bucket in order.
func (b *bucket) sorted() ([]Element, error) {
	elements := b.buffer
	if b.file != nil {
		size, err := b.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("sort: %w", err)
		}
		spilled, err := readElements(b.file, 0, int(size/elementLen))
		if err != nil {
			return nil, fmt.Errorf("sort: %w", err)
		}
		elements = append(spilled, elements...)
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
		for i := range s.buckets {
			elements, err := s.buckets[i].sorted()
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
	for i := range s.buckets {
		if f := s.buckets[i].file; f != nil {
			f.Close() // scratch data, nothing to lose
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
