package node

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/index"
)

// AddDocument stores a file that records can then name. The Refusal of a full disk
// has code disk-full.
func (n *Node) AddDocument(ctx context.Context, r io.Reader, audience store.Audience) (ledger.Hash, error) {
	digest, err := n.blobs.Put(ctx, r, audience)
	return digest, storeRefusal(err)
}

// Document opens a stored file for a viewer: what is public for everybody, what is
// for members for those whom its audience names. Whoever acts for one party of this
// member opens those of its files that a record names in which the party acts or
// is named. The error wraps store.ErrNotFound if the file is not held or not for
// the viewer.
func (n *Node) Document(digest ledger.Hash, viewer trace.Viewer) (io.ReadCloser, int64, error) {
	info, err := n.blobs.Stat(digest)
	if err != nil {
		return nil, 0, err
	}
	may, err := n.mayRead(digest, info.Audience, viewer)
	if err != nil {
		return nil, 0, err
	}
	if !may {
		return nil, 0, store.ErrNotFound
	}
	f, err := n.blobs.Open(digest)
	return f, info.Size, err
}

// mayRead reports whether a file with an audience is for a viewer.
func (n *Node) mayRead(digest ledger.Hash, audience store.Audience, viewer trace.Viewer) (bool, error) {
	own := n.member.Member
	host, _, hosted := strings.Cut(viewer.Party, "/")
	switch {
	case audience.Of == ledger.Public:
		return true, nil
	case viewer.Member != "":
		return audience.VisibleTo(viewer.Member, own), nil
	case !hosted || host != own || audience.Of == ledger.Own || !audience.VisibleTo(own, own):
		return false, nil
	}
	return n.namedFor(digest, audience, viewer)
}

// namedFor reports whether an event that concerns a party names a file which was
// not erased. The events of members that may not read the file themselves open it to
// nobody: a digest is no secret. Events are read one by one, until one is found.
func (n *Node) namedFor(digest ledger.Hash, audience store.Audience, viewer trace.Viewer) (bool, error) {
	opens := func(e *trace.Event) bool {
		return viewer.Concerns(e) && slices.ContainsFunc(e.Attachments(), func(a trace.Attachment) bool {
			return a.Digest == digest && a.Audience.Shared()
		})
	}
	own := n.member.Member
	applied := n.index.Applied()
	for _, chain := range slices.Sorted(maps.Keys(applied)) {
		member := n.Network().MemberOf(chain)
		if member != own && !audience.VisibleTo(member, own) {
			continue
		}
		// Beyond what a look-up takes in of a chain, what it has found counts.
		positions, err := n.index.File(digest, map[uint32]uint64{chain: applied[chain]})
		if err != nil && !errors.Is(err, index.ErrTooMany) {
			return false, err
		}
		for _, pos := range positions {
			e, err := n.event(pos)
			if err != nil {
				return false, err
			}
			if e != nil && e.Member == member && opens(e) {
				return true, nil
			}
		}
	}
	return false, nil
}
