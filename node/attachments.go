package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node/replica"
	"suyuan/trace"
)

// wanted remembers the attachments that records name and that are still to be
// fetched: one small file each, beside the index, so that a restart does not
// forget them and a rebuild of the index finds them again.
type wanted struct {
	dir string

	mu   sync.Mutex
	list map[ledger.Hash]replica.Attachment
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
	w := &wanted{dir: dir, list: make(map[ledger.Hash]replica.Attachment), news: make(chan struct{}, 1)}
	for _, f := range files {
		digest, err := ledger.ParseHash(f.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		chain, of, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		number, err1 := strconv.ParseUint(chain, 10, 32)
		audience, err2 := store.ParseAudience(of)
		if err1 != nil || err2 != nil {
			continue // cut off by a crash; the index names it again when it is rebuilt
		}
		w.list[digest] = replica.Attachment{Digest: digest, Audience: audience, Chain: uint32(number)}
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
func (w *wanted) add(a replica.Attachment) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.list[a.Digest]; ok {
		return nil
	}
	text := fmt.Sprintf("%d %s\n", a.Chain, a.Audience)
	if err := os.WriteFile(filepath.Join(w.dir, a.Digest.String()), []byte(text), 0o644); err != nil {
		return fmt.Errorf("note wanted attachment: %w", err)
	}
	w.list[a.Digest] = a
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

// has reports whether an attachment is still to be fetched.
func (w *wanted) has(digest ledger.Hash) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.list[digest]
	return ok
}

// all returns what is still to be fetched, and what has arrived since.
func (w *wanted) all() []replica.Attachment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.list))
}

// wantAttachments notes the attachments of an event of another node that this
// member may have and this node lacks.
func (n *Node) wantAttachments(e *trace.Event) error {
	for _, a := range e.Attachments() {
		if n.blobs.Has(a.Digest) || !a.Audience.Shared() {
			continue
		}
		// Somebody else may have named the file before, and erased it: what he says
		// of his record keeps this one's file from nobody.
		n.blobs.Allow(a.Digest)
		of := a.Audience
		if of == ledger.Item {
			of = ledger.Members // whoever presents a code asks a node, which is a member's
		}
		if err := n.wanted.add(replica.Attachment{Digest: a.Digest, Audience: store.Audience{Of: of}, Chain: e.Chain}); err != nil {
			return err
		}
	}
	return nil
}

// checkAttachments refuses a record of this node whose attachments are not
// stored: they are fsynced before the record that names them is acknowledged. Who
// may sign for one party only names none that the party may not read: naming it
// would let the party read it.
func (n *Node) checkAttachments(e *trace.Event, limited bool) error {
	for _, a := range e.Attachments() {
		info, err := n.blobs.Stat(a.Digest)
		may := err == nil
		if may && limited {
			if may, err = n.mayRead(a.Digest, info.Audience, trace.Viewer{Party: e.Actor()}); err != nil {
				return err
			}
		}
		if !may {
			return refuse(422, string(ledger.CodeMissingAttach), "%s: the file %s has not been uploaded", a.Field, a.Digest)
		}
	}
	return nil
}

// fetchAttachments has the replica fetch what is wanted, until ctx ends.
func (n *Node) fetchAttachments(ctx context.Context, r *replica.Replica) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wanted.news:
		}
		for _, a := range n.wanted.all() {
			if !n.blobs.Has(a.Digest) {
				r.Want(a)
				continue
			}
			if err := n.wanted.done(a.Digest); err != nil {
				return err
			}
		}
	}
}
