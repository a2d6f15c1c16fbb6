package store

import (
	"slices"
	"testing"
)

// What was rewritten is told from any number that is remembered, and where it is not
// that is said.
func TestRewritesAreRemembered(t *testing.T) {
	var r rewrites
	r.note(7, 1, 2)
	was := r.count()
	r.note(8, 3)
	if got, now, ok := r.since(was); !ok || now != 3 || !slices.Equal(got, []Rewrite{{8, 3}}) {
		t.Errorf("since %d: %v up to %d, %t", was, got, now, ok)
	}
	if got, _, ok := r.since(r.count()); !ok || len(got) > 0 {
		t.Errorf("since now: %v, %t", got, ok)
	}
	for i := range uint64(3 * maxRewritten) {
		r.note(9, i)
	}
	if _, _, ok := r.since(was); ok {
		t.Error("what was forgotten is said to be known")
	}
	if got, now, ok := r.since(r.count() - 2); !ok || now != r.count() || !slices.Equal(got, []Rewrite{{9, 3*maxRewritten - 2}, {9, 3*maxRewritten - 1}}) {
		t.Errorf("the last two: %v, %t", got, ok)
	}
}
