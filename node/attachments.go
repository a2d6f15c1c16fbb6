package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

// wanted remembers the attachments that records name and that are still to be
// fetched: one small file each, beside the index, so that a restart does not
// forget them and a rebuild of the index finds them again.
type wanted struct {
	dir string

	mu   sync.Mutex
	list map[ledger.Hash]store.Audience
	news chan struct{} // has a value when the list has grown
}

func openWanted(dir string) (*wanted, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a place for wanted attachments: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	w := &wanted{dir: dir, list: make(map[ledger.Hash]store.Audience), news: make(chan struct{}, 1)}
	for _, f := range files {
		digest, err := ledger.ParseHash(f.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		audience, err := store.ParseAudience(strings.TrimSpace(string(text)))
		if err != nil {
			continue // cut off by a crash; the index names it again when it is rebuilt
		}
		w.list[digest] = audience
	}
	w.tell()
	return w, nil
}

func (w *wanted) tell() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// add notes that an attachment is to be fetched.
func (w *wanted) add(digest ledger.Hash, audience store.Audience) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.list[digest]; ok {
		return nil
	}
	if err := os.WriteFile(filepath.Join(w.dir, digest.String()), []byte(audience.String()+"\n"), 0o644); err != nil {
		return fmt.Errorf("note wanted attachment: %w", err)
	}
	w.list[digest] = audience
	w.tell()
	return nil
}

// done notes that an attachment has arrived.
func (w *wanted) done(digest ledger.Hash) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.list, digest)
	if err := os.Remove(filepath.Join(w.dir, digest.String())); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// all returns what is still to be fetched.
func (w *wanted) all() map[ledger.Hash]store.Audience {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make(map[ledger.Hash]store.Audience, len(w.list))
	for d, a := range w.list {
		list[d] = a
	}
	return list
}

// wantAttachments notes the attachments of an event of another node that this
// member may have and this node lacks.
func (n *Node) wantAttachments(e *trace.Event) error {
	for _, a := range e.Attachments() {
		if n.blobs.Has(a.Digest) || !a.Audience.Shared() {
			continue
		}
		of := a.Audience
		if of == ledger.Item {
			of = ledger.Members // whoever presents a code asks a node, which is a member's
		}
		if err := n.wanted.add(a.Digest, store.Audience{Of: of}); err != nil {
			return err
		}
	}
	return nil
}

// checkAttachments refuses a record of this node whose attachments are not
// stored: they are fsynced before the record that names them is acknowledged.
func (n *Node) checkAttachments(e *trace.Event) error {
	for _, a := range e.Attachments() {
		if !n.blobs.Has(a.Digest) {
			return refuse(422, string(ledger.CodeMissingAttach), "%s: the file %s has not been uploaded", a.Field, a.Digest)
		}
	}
	return nil
}

// fetchAttachments fetches wanted attachments until ctx ends.
func (n *Node) fetchAttachments(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wanted.news:
		}
		for digest, audience := range n.wanted.all() {
			n.fetchAttachment(ctx, digest, audience)
		}
	}
}

// fetchAttachment fetches one attachment from whoever has it.
func (n *Node) fetchAttachment(ctx context.Context, digest ledger.Hash, audience store.Audience) {
}
