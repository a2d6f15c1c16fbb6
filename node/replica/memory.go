package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"suyuan/node/protocol"
)

// memory is the file of what peers have done that a restart must not excuse. It
// is worth no fsync: what a crash takes away costs one more request to a liar.
type memory struct {
	path string        // "" keeps nothing
	news chan struct{} // holds a token when list is not in the file

	mu   sync.Mutex // guards list
	list []protocol.Offence
}

func newMemory(path string) *memory { return &memory{path: path, news: make(chan struct{}, 1)} }

func (m *memory) read() ([]protocol.Offence, error) {
	if m.path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return protocol.DecodeOffences(raw)
}

// note replaces what is to be remembered.
func (m *memory) note(list []protocol.Offence) {
	m.mu.Lock()
	m.list = list
	m.mu.Unlock()
	signal(m.news)
}

// keep writes the file whenever there is news, until ctx ends.
func (m *memory) keep(ctx context.Context, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.news:
		}
		if err := m.write(); err != nil {
			log.Warn("what peers have done is not kept", "err", err)
		}
	}
}

func (m *memory) write() error {
	if m.path == "" {
		return nil
	}
	m.mu.Lock()
	raw, err := protocol.EncodeOffences(m.list)
	m.mu.Unlock()
	if err != nil {
		return err
	}
	fresh := m.path + ".new"
	if err := os.WriteFile(fresh, raw, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", fresh, err)
	}
	return os.Rename(fresh, m.path)
}
