package node

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
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
// nobody: a digest is no secret. Events are read one by one, until one is found; how
// often the file is named for others makes no difference.
func (n *Node) namedFor(digest ledger.Hash, audience store.Audience, viewer trace.Viewer) (bool, error) {
	own := n.member.Member
	cut := n.index.Applied()
	maps.DeleteFunc(cut, func(chain uint32, _ uint64) bool {
		member := n.Network().MemberOf(chain)
		return member != own && !audience.VisibleTo(member, own)
	})
	opens := func(e *trace.Event) bool {
		return viewer.Concerns(e) && slices.ContainsFunc(e.Attachments(), func(a trace.Attachment) bool {
			return a.Digest == digest && a.Audience.Shared()
		})
	}
	for _, party := range []string{viewer.Party, ""} {
		for from := (trace.Position{}); ; from.Seq++ {
			pos, ok, err := n.index.File(digest, party, cut, from)
			if err != nil {
				return false, err
			}
			if !ok {
				break
			}
			e, err := n.event(pos)
			if err != nil || e != nil && opens(e) {
				return err == nil, err
			}
			from = pos
		}
	}
	return false, nil
}
