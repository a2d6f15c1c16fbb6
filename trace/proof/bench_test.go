package proof_test

import (
	"bytes"
	"testing"

	"suyuan/trace/proof"
)

// BenchmarkVerify reads and verifies the bundle of a sold item: 20 entries
// under checkpoints with four cosigners.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	raw, err := build(b, w.input(sold)).Encode()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		bundle, err := proof.Decode(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := bundle.Verify(w.Network.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBuild makes the same bundle, which includes verifying it.
func BenchmarkBuild(b *testing.B) {
	w := newWorld(b)
	in := w.input(sold)
	for b.Loop() {
		build(b, in)
	}
}
