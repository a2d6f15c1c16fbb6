package code

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// issueBatch is how many codes a worker makes before it says so and looks
	// whether it should stop: a few milliseconds of work.
	issueBatch = 4096

	// maxMakers bounds the workers, each of which has two parts in memory, 5 MB.
	maxMakers = 8
)

// A Job says where a pack is made and put.
type Job struct {
	// Dir receives the pack. It must exist.
	Dir string

	// TempDir holds up to twice the size of the pack (20 bytes a code) while
	// it is made. It must exist and be on the file system of Dir. Nothing is
	// left there unless the process dies; then the directories beginning with
	// "issue-" can be removed.
	TempDir string

	// Resume keeps what was made when the work is stopped or the process dies,
	// and goes on there: in TempDir itself, which is then for this run alone.
	// Parts of another run, or with another secret, are not taken up. Lists are
	// read anew.
	Resume bool

	// Progress, if set, is told the work done and the work in all: one for
	// each code made and one for each element written. The total is 0 as long
	// as it is not known. Calls do not overlap.
	Progress func(done, total uint64)
}

// Issued describes a pack.
type Issued struct {
	Path      string   // Dir and the digest in lower-case hex
	Digest    [32]byte // SHA-256 of the pack file
	Root      [32]byte // of the Merkle tree over the elements
	Count     uint32
	Guessable bool       // only of foreign runs: see [Guessable]
	Blocks    BlockRoots // for [BlockRoots.WriteFile]
}

// Issue makes the pack of a run. When it returns without an error the pack is
// on disk to stay. The codes themselves come from [Run.Serials]. It uses all
// cores, less than 50 MB of memory whatever the count, and stops soon after ctx
// ends. Errors to test for: [ErrRun], [ErrCollision].
func Issue(ctx context.Context, run Run, job Job) (Issued, error) {
	if err := run.Check(); err != nil {
		return Issued{}, err
	}
	m, err := startPack(job, uint64(run.Count))
	if err != nil {
		return Issued{}, err
	}
	defer m.close()

	if err := m.makeElements(ctx, run); err != nil {
		return Issued{}, fmt.Errorf("issue run %d: %w", run.Number, err)
	}
	issued, err := m.finish(ctx)
	var twice *duplicateError
	if errors.As(err, &twice) {
		return Issued{}, fmt.Errorf("issue run %d: %w: indexes %d and %d", run.Number, ErrCollision, twice.first, twice.second)
	}
	if err != nil {
		return Issued{}, fmt.Errorf("issue run %d: %w", run.Number, err)
	}
	return issued, nil
}

// A packMaker collects the elements of one run and writes its pack.
type packMaker struct {
	job    Job
	dir    string // job.TempDir, or below it and removed in the end
	sorter *sorter

	mu    sync.Mutex // guards done, total and calls of job.Progress
	done  uint64
	total uint64
}

// startPack prepares for a pack of count codes, or of 0 if that is not known.
func startPack(job Job, count uint64) (*packMaker, error) {
	dir := job.TempDir
	if !job.Resume {
		var err error
		if dir, err = os.MkdirTemp(job.TempDir, "issue-"); err != nil {
			return nil, fmt.Errorf("issue: %w", err)
		}
	}
	return &packMaker{job: job, dir: dir, sorter: newSorter(dir), total: 2 * count}, nil
}

// close gives everything back. What was made stays if it may be gone on with;
// otherwise it is scratch data.
func (m *packMaker) close() {
	m.sorter.close()
	if !m.job.Resume {
		os.RemoveAll(m.dir)
	}
}

func (m *packMaker) report(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += uint64(n)
	if m.job.Progress != nil {
		m.job.Progress(m.done, m.total)
	}
}

// makeElements makes all elements of a run on all cores, but for the parts that
// an earlier attempt has made.
func (m *packMaker) makeElements(ctx context.Context, run Run) error {
	parts := (int(run.Count) + partLen - 1) / partLen
	var next atomic.Int64
	return onAllCores(ctx, func(ctx context.Context) error {
		maker := newSerialMaker(run)
		elements := make([]Element, 0, min(partLen, run.Count))
		for {
			number := int(next.Add(1)) - 1
			if number >= parts || ctx.Err() != nil {
				return nil
			}
			first := uint32(number) * partLen
			last := min(first+partLen, run.Count)
			if m.job.Resume && m.sorter.resume(number, run.partTag(number), int(last-first)) {
				m.report(int(last - first))
				continue
			}
			elements = elements[:0]
			for i := first; i < last; i++ {
				serial := maker.serial(i)
				elements = append(elements, newElement(HashOf(run.GTIN, string(serial[:])), i))
				if made := i - first + 1; made%issueBatch == 0 || i == last-1 {
					if ctx.Err() != nil {
						return nil
					}
					m.report(int((made-1)%issueBatch) + 1)
				}
			}
			if parts == 1 {
				m.sorter.keep(elements)
			} else if err := m.sorter.spill(number, run.partTag(number), elements); err != nil {
				return err
			}
		}
	})
}

// partTag says of what a part is one: a run with its secret, of which it tells
// nothing.
func (r Run) partTag(number int) [sha256.Size]byte {
	h := hmac.New(sha256.New, r.Secret[:])
	h.Write(macInput("suyuan/part/v1", r.GTIN, r.Number))
	h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, r.Count), uint64(number)))
	return [sha256.Size]byte(h.Sum(nil))
}

// onAllCores runs work once per core, but not more than maxMakers times, waits for all of them and returns the
// first error, on which the context of the others ends.
func onAllCores(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxMakers) {
		wg.Go(func() {
			if err := work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// A duplicateError says that two indexes have the same hash.
type duplicateError struct{ first, second uint32 }

func (e *duplicateError) Error() string {
	return fmt.Sprintf("codes %d and %d are the same", e.first, e.second)
}

// finish writes the elements in order and puts the pack in its place.
func (m *packMaker) finish(ctx context.Context) (Issued, error) {
	f, err := os.OpenFile(filepath.Join(m.dir, "pack"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return Issued{}, err
	}
	defer f.Close() // after an error; closed before otherwise

	issued, err := m.writeSorted(ctx, f)
	if err != nil {
		return Issued{}, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return Issued{}, err
	}
	issued.Path = filepath.Join(m.job.Dir, hex.EncodeToString(issued.Digest[:]))
	if err := os.Rename(f.Name(), issued.Path); err != nil {
		return Issued{}, err
	}
	return issued, syncDir(m.job.Dir)
}

// writeSorted writes the elements in order to w and describes them.
func (m *packMaker) writeSorted(ctx context.Context, w io.Writer) (Issued, error) {
	digest := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, digest), 1<<16)
	var hasher blockHasher
	var count uint32
	err := m.sorter.drain(ctx, func(sorted []Element) error {
		for i := range sorted {
			// Equal hashes share their first bits, so they meet in one piece.
			if i > 0 && sorted[i].Hash() == sorted[i-1].Hash() {
				return &duplicateError{sorted[i-1].Index(), sorted[i].Index()}
			}
			out.Write(sorted[i][:]) // Flush returns the error
			hasher.add(&sorted[i])
		}
		count += uint32(len(sorted))
		m.report(len(sorted))
		return nil
	})
	if err := errors.Join(err, out.Flush()); err != nil {
		return Issued{}, err
	}
	hasher.close()
	blocks := BlockRoots{roots: hasher.roots}
	return Issued{
		Digest: [32]byte(digest.Sum(nil)),
		Root:   blocks.Root(),
		Count:  count,
		Blocks: blocks,
	}, nil
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
