package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// Scrub reads every block of Badger's tables once and checks its check sum, a
// table at a time and bytesPerSecond on average (0 does not wait). Badger takes a
// block that it cannot read for absent keys, so that an entry would seem never to
// have been there; opening the store finds that, and Scrub finds it while the
// store is open. After ErrDamaged nothing is appended, signed or cosigned until
// the store has been opened again.
func (s *Store) Scrub(ctx context.Context, bytesPerSecond int64) error {
	if s.cfg.Dir == "" {
		return nil
	}
	tables, err := s.tables()
	if err != nil {
		return err
	}
	for id := range tables {
		size, err := s.scrubTable(id)
		if err != nil {
			return err
		}
		if err := pause(ctx, size, bytesPerSecond); err != nil {
			return err
		}
	}
	return nil
}

// pause waits as long as reading so many bytes may take.
func pause(ctx context.Context, size, bytesPerSecond int64) error {
	if bytesPerSecond == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(time.Duration(float64(size) / float64(bytesPerSecond) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// tables are the tables in use now.
func (s *Store) tables() (map[uint64]bool, error) {
	if err := s.life.enter(); err != nil {
		return nil, err
	}
	defer s.life.leave()
	ids := make(map[uint64]bool)
	for _, t := range s.db.Tables() {
		ids[t.ID] = true
	}
	return ids, nil
}

// scrubTable checks one table, and returns its size. One that a compaction has
// taken away meanwhile is no damage.
func (s *Store) scrubTable(id uint64) (size int64, err error) {
	if err := s.life.enter(); err != nil {
		return 0, err
	}
	defer s.life.leave()
	name := filepath.Join(s.cfg.Dir, fmt.Sprintf("%06d.sst", id))
	size, bad := verifyTable(name, id, badgerOptions(s.cfg.Dir, nil))
	if bad == nil || errors.Is(bad, fs.ErrNotExist) {
		return size, nil
	}
	for _, t := range s.db.Tables() {
		if t.ID == id {
			return size, s.foundDamage(damaged(s.cfg.Dir, bad, "table %s", filepath.Base(name)))
		}
	}
	return size, nil
}

// verifyTable reads a table file and checks all its blocks. It reads the whole file
// into memory, which is some ten megabytes: through a mapping, a file that was cut
// short would end the process.
func verifyTable(name string, id uint64, opt badger.Options) (size int64, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	_, err = callBadger(func() (struct{}, error) {
		t, err := table.OpenInMemoryTable(data, id, &table.Options{
			ReadOnly: true, BlockSize: opt.BlockSize, Compression: opt.Compression, ChkMode: options.NoVerification,
		})
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, t.VerifyChecksum()
	})
	return int64(len(data)), err
}

// foundDamage stops signing.
func (s *Store) foundDamage(err error) error {
	s.stateMu.Lock()
	first := s.damage == nil
	if first {
		s.damage = err
	}
	s.stateMu.Unlock()
	if first {
		s.cfg.Log.Error("the store is damaged", "err", err)
	}
	s.judge()
	s.watch.signal()
	return err
}

// Damage is what Scrub has found, nil if nothing.
func (s *Store) Damage() error {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	return s.damage
}
