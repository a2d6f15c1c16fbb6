package store

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// badgerLog passes Badger's log on: its Info is our Debug. While a directory is
// being opened it also collects what Badger calls an error, because Badger goes
// on after some of them, without a table for instance, where a ledger must not.
type badgerLog struct {
	log *slog.Logger

	mu      sync.Mutex
	opening bool     // guarded by mu
	errors  []string // guarded by mu
}

func (l *badgerLog) Errorf(format string, args ...any) {
	msg := line(format, args)
	l.mu.Lock()
	if l.opening {
		l.errors = append(l.errors, msg)
	}
	l.mu.Unlock()
	l.log.Error("badger", "err", msg)
}

func (l *badgerLog) Warningf(format string, args ...any) {
	l.log.Warn("badger", "err", line(format, args))
}

func (l *badgerLog) Infof(format string, args ...any) {
	l.log.Debug("badger", "msg", line(format, args))
}

// Debugf says nothing: Badger calls it for each write.
func (l *badgerLog) Debugf(string, ...any) {}

// opened ends the collecting and returns what was collected.
func (l *badgerLog) opened() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening = false
	return l.errors
}

func line(format string, args []any) string { return strings.TrimSpace(fmt.Sprintf(format, args...)) }
