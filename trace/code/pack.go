package code

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
)

// A Pack reads a pack file. It believes the file: who did not make it calls
// [Pack.Check] first. It may be used concurrently.
type Pack struct {
	r   io.ReaderAt
	len uint32
}

// NewPack reads a pack of size bytes from r. The error wraps [ErrBadPack] if
// no pack has this size.
func NewPack(r io.ReaderAt, size int64) (*Pack, error) {
	if size <= 0 || size%elementLen != 0 || size/elementLen > MaxRunCodes {
		return nil, &BadPackError{[]Problem{{
			Code:   ProblemSize,
			Detail: fmt.Sprintf("%d bytes are not 1 to %d elements of %d bytes", size, MaxRunCodes, elementLen),
		}}}
	}
	return &Pack{r: r, len: uint32(size / elementLen)}, nil
}

// Open opens a pack file. The caller closes it.
func Open(path string) (*Pack, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open pack: %w", err), f.Close())
	}
	p, err := NewPack(f, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open pack %s: %w", path, err), f.Close())
	}
	return p, nil
}

// Close closes what the pack reads from, if it can be closed.
func (p *Pack) Close() error {
	if c, ok := p.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Len returns the number of codes.
func (p *Pack) Len() uint32 { return p.len }

// Lookup returns the index in its run of the code with this hash, or false if
// the pack does not have it. It reads some hundred bytes to a few kilobytes.
func (p *Pack) Lookup(h Hash) (index uint32, found bool, err error) {
	_, e, found, err := p.search(h)
	return e.Index(), found, err
}

// search returns the position of the first element whose hash is not below h,
// which is Len if there is none, and the element if it is of h.
//
// Hashes are uniform, so the position can be computed up to an error of about
// the root of the number of elements. Two probes that far to either side leave
// a small rest. Where they do not, in a pack made to be slow, one in the middle
// keeps the search logarithmic.
func (p *Pack) search(h Hash) (pos uint32, e Element, found bool, err error) {
	s := searcher{pack: p, hash: h, high: p.len, highKey: math.MaxUint64}
	for s.high-s.low > searchWindow {
		before := s.high - s.low
		guess, spread := s.estimate()
		s.probe(max(guess-spread, float64(s.low)))
		s.probe(min(guess+spread, float64(s.high)-1))
		if s.high-s.low > before/2 {
			s.probe(float64(s.low + (s.high-s.low)/2))
		}
		if s.err != nil {
			return 0, Element{}, false, s.err
		}
	}

	// The element at high may be the one.
	end := min(s.high+1, p.len)
	window, err := readElements(p.r, s.low, int(end-s.low))
	if err != nil {
		return 0, Element{}, false, err
	}
	i := sort.Search(len(window), func(i int) bool { return window[i].Hash().Compare(h) >= 0 })
	if i < len(window) && window[i].Hash() == h {
		return s.low + uint32(i), window[i], true, nil
	}
	return s.low + uint32(i), Element{}, false, nil
}

// searchWindow is how many elements are read at once in the end.
const searchWindow = 128

// A searcher narrows down where the first element not below hash stands: at
// low or after it, and at high or before it.
type searcher struct {
	pack *Pack
	hash Hash

	low, high       uint32
	lowKey, highKey uint64 // first bytes of the hashes before low and at high
	err             error
}

func key(h Hash) uint64 { return binary.BigEndian.Uint64(h[:]) }

// estimate returns where the hash should stand and how far off that may be.
func (s *searcher) estimate() (guess, spread float64) {
	n := float64(s.high - s.low)
	share := 0.5
	if s.highKey > s.lowKey {
		share = float64(key(s.hash)-s.lowKey) / float64(s.highKey-s.lowKey)
	}
	return math.Floor(float64(s.low) + share*n), math.Ceil(math.Sqrt(n))
}

// probe compares with the element at a position.
func (s *searcher) probe(at float64) {
	if s.err != nil || at < float64(s.low) || at >= float64(s.high) {
		return
	}
	pos := uint32(at)
	elements, err := readElements(s.pack.r, pos, 1)
	if err != nil {
		s.err = err
		return
	}
	if h := elements[0].Hash(); h.Compare(s.hash) < 0 {
		s.low, s.lowKey = pos+1, key(h)
	} else {
		s.high, s.highKey = pos, key(h)
	}
}
