package node

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"suyuan/trace"
)

// TestKeysAreRemembered checks that a key gets one record, asked at once, later, and
// by a node that has to learn its keys from the journal, of which a crash has torn the
// end; and that keys which are new are told from these without reading it.
func TestKeysAreRemembered(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 35)
	hold := trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{codesOf(toner, 0, 9)}, Fields: fields{"reason": "quality"}}
	list := keyed(t, 1, hold, hold)
	placed := n.SubmitOnce(context.Background(), Signer{}, list)
	if placed[0].Err != nil || placed[1].Err != nil || placed[0].ID == placed[1].ID || placed[0].Again {
		t.Fatalf("got %+v", placed)
	}
	size := n.store.Size(n.chain)
	again := func(what string) {
		t.Helper()
		for i, p := range n.SubmitOnce(context.Background(), Signer{}, list) {
			if p.Err != nil || !p.Again || p.ID != placed[i].ID || p.Seq != placed[i].Seq {
				t.Errorf("%s: draft %d got %+v, not the place of its record", what, i, p)
			}
		}
		if got := n.store.Size(n.chain); got != size {
			t.Errorf("%s: %d entries were written", what, got-size)
		}
	}
	again("at once")

	f, err := os.OpenFile(n.journalPath(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, journalElement-1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	again("after a start")

	fresh := keyed(t, 100, hold)
	if n.noted.mayHave(fresh) || !n.noted.mayHave(slices.Concat(fresh, list[1:])) {
		t.Error("new keys are not told from those in the journal")
	}
	if p := n.SubmitOnce(context.Background(), Signer{}, fresh)[0]; p.Err != nil || p.Again {
		t.Errorf("a new key got %+v", p)
	}
	if !n.noted.mayHave(fresh) {
		t.Error("a key is forgotten")
	}
	list, placed, size = fresh, n.SubmitOnce(context.Background(), Signer{}, fresh), n.store.Size(n.chain)
	again("later")
}

// TestNameOfAnotherDraft checks that a name under which something else was recorded
// hides nothing: the other draft is refused, the same one, however it is written, is
// answered with its place, also by a node that has started since.
func TestNameOfAnotherDraft(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 35)
	hold := func(reason string) trace.Draft {
		return trace.Draft{Kind: "hold", Subjects: []trace.DraftSubject{codesOf(toner, 0, 9)}, Fields: fields{"reason": reason}}
	}
	send := func(first uint64, d trace.Draft) Placed {
		list := keyed(t, first, d)
		list[0].Named = true
		return n.SubmitOnce(context.Background(), Signer{}, list)[0]
	}
	placed := send(1, hold("quality"))
	if placed.Err != nil || placed.Again {
		t.Fatalf("got %+v", placed)
	}
	for range 2 {
		if p := send(1, hold("quality")); p.Err != nil || !p.Again || p.ID != placed.ID {
			t.Errorf("the same draft got %+v", p)
		}
		list := keyed(t, 1, hold("quality"))
		list[0].Named, list[0].Draft = true, append([]byte("\n "), list[0].Draft...)
		if p := n.SubmitOnce(context.Background(), Signer{}, list)[0]; p.Err != nil || !p.Again {
			t.Errorf("the same draft with white space got %+v", p)
		}
		size := n.store.Size(n.chain)
		p := send(1, hold("complaint"))
		var r *Refusal
		if !errors.As(p.Err, &r) || r.Code() != "key-of-another" || n.store.Size(n.chain) != size {
			t.Errorf("another draft got %+v", p)
		}
		other := keyed(t, 1, hold("complaint"))
		other[0].Named = true
		if tried := n.Rehearse(context.Background(), Signer{}, other)[0]; !errors.As(tried.Err, &r) || r.Code() != "key-of-another" {
			t.Errorf("another draft, only tried, got %+v", tried)
		}
		n.reopen(t)
	}
	if p := send(2, hold("complaint")); p.Err != nil || p.Again {
		t.Errorf("another draft under its own name got %+v", p)
	}
}
