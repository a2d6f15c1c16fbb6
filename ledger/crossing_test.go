package ledger_test

import (
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// swap is a charter in which a new member takes the place of dist as cosigner;
// dist stays a member and goes on writing.
func swap(net *ledgertest.Net) func(*ledger.Charter) {
	return func(c *ledger.Charter) {
		net.NewMember("lab", 5)
		net.Join(c, ledger.Member{Slug: "lab", NameZh: "实验室", NameEn: "Lab", Role: ledger.Auditor})
		c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Member == "dist" })
	}
}

// across is the chain of wh that goes from version 1 to 2 at position 4, with the
// network of both.
func across(t *testing.T) (net *ledgertest.Net, b *ledgertest.Builder) {
	t.Helper()
	net = ledgertest.New()
	b = net.NewChain("wh")
	b.Record(ledger.KindReceive)
	b.Record(ledger.KindReceive)
	net.Adopt(swap(net))
	b.Charter()
	b.Record(ledger.KindReceive)
	return net, b
}

func TestInForce(t *testing.T) {
	_, b := across(t)
	for size, want := range []ledger.InForce{{}, {From: 1, To: 1}, {From: 1, To: 1}, {From: 1, To: 1}, {From: 1, To: 1}, {From: 1, To: 2}, {From: 2, To: 2}} {
		if got := b.Chain.InForce(uint64(size)); got != want {
			t.Errorf("size %d needs %+v, want %+v", size, got, want)
		}
	}
	for after, want := range map[uint64]uint64{0: 5, 4: 5, 5: 0, 6: 0} {
		if got, ok := b.Chain.Crossing(after); got != want || ok != (want > 0) {
			t.Errorf("the crossing above %d is %d, %v; want %d", after, got, ok, want)
		}
	}
}

// at signs the first size entries of b and has members cosign them.
func at(net *ledgertest.Net, b *ledgertest.Builder, size uint64, members ...string) []byte {
	note := must(ledger.SignCheckpoint(net.Network.Newest().Verifiers.Origin(b.Number), size, must(b.TileSource().RootAt(size)), b.Member.Log))
	cp := must(net.Network.OpenCheckpoint(note))
	for _, m := range members {
		note = append(note, net.Cosignature(cp, m, b.Now())...)
	}
	return note
}

func TestQuorumOfEveryVersionCrossed(t *testing.T) {
	net, b := across(t)
	tests := []struct {
		name    string
		size    uint64
		members []string
		want    bool
		counted []string // wh counts by its log signature
	}{
		{"before, with the old quorum", 4, []string{"dist", "audit"}, true, []string{"audit", "dist", "wh"}},
		{"before, with the new quorum only", 4, []string{"lab", "audit"}, false, []string{"audit", "wh"}},
		{"crossing, with the old quorum only", 5, []string{"dist", "audit"}, false, []string{"audit", "wh"}},
		{"crossing, with the new quorum only", 5, []string{"lab", "audit"}, false, []string{"audit", "lab", "wh"}},
		{"crossing, with both", 5, []string{"lab", "audit", "dist"}, true, []string{"audit", "lab", "wh"}},
		{"crossing, with those who are in both", 5, []string{"lanzhi", "audit"}, true, []string{"audit", "lanzhi", "wh"}},
		{"after, with the old quorum only", 6, []string{"dist", "audit"}, false, []string{"audit", "wh"}},
		{"after, with the new quorum", 6, []string{"lab", "audit"}, true, []string{"audit", "lab", "wh"}},
	}
	for _, tt := range tests {
		note := at(net, b, tt.size, tt.members...)
		cp, err := net.Network.OpenCheckpointAt(note, b.Chain.InForce(tt.size))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if cp.Final != tt.want || !slices.Equal(cp.Cosigners, tt.counted) {
			t.Errorf("%s: final %v, cosigners %v; want %v, %v", tt.name, cp.Final, cp.Cosigners, tt.want, tt.counted)
		}
	}
}

// A chain that stands still when a cosigner leaves stays final, and the line of
// the one that left is nobody stranger's.
func TestIdleChainStaysFinal(t *testing.T) {
	net := ledgertest.New()
	wh := net.NewChain("wh")
	old := wh.Cosign(wh.Checkpoint(), "dist", "audit")
	lanzhi := net.NewChain("lanzhi")
	net.Adopt(swap(net))
	lanzhi.Charter()

	cp := must(net.Network.OpenCheckpoint(old.Note))
	if !cp.Final || cp.Version != 1 || !slices.Contains(cp.Cosigners, "dist") {
		t.Errorf("an old checkpoint reads as %+v", cp)
	}
	src := sourceOf(net, wh, lanzhi)
	src.checkpoints[2] = [][]byte{old.Note}
	report, problems := verify(t, src)
	if len(problems) > 0 || report.Chains[0].FinalSize != 2 || report.Chains[0].FinalAsked != 3 {
		t.Errorf("problems %v, report %+v", problems, report.Chains[0])
	}

	p := must(ledger.ProveEntry(wh.TileSource(), cp, 1, wh.Entries[1], nil, -1))
	if _, err := p.Verify(net.Network); err != nil {
		t.Errorf("an old proof does not verify any more: %v", err)
	}
}

// Beyond the size at which a charter ends a chain nothing is final, whoever has
// cosigned it; what stands there is kept and is no damage.
func TestNothingIsFinalBeyondAnEnd(t *testing.T) {
	net := ledgertest.New()
	dist := net.NewChain("dist")
	inside := dist.Final()
	dist.Record(ledger.KindSell)
	beyond := dist.Final()
	lanzhi := net.NewChain("lanzhi")
	net.Adopt(func(c *ledger.Charter) {
		leave("dist")(c)
		c.Ended = []ledger.Ended{{Chain: 3, Size: inside.Size, Root: inside.Root}}
	})
	if cp := must(net.Network.OpenCheckpoint(inside.Note)); !cp.Final {
		t.Error("the checkpoint of the end is not final")
	}
	if cp := must(net.Network.OpenCheckpoint(beyond.Note)); cp.Final {
		t.Error("a checkpoint beyond the end is final")
	}
	src := sourceOf(net, dist, lanzhi)
	src.checkpoints[3] = [][]byte{beyond.Note, inside.Note}
	if report, problems := verify(t, src); len(problems) > 0 || report.Chains[0].FinalSize != 2 || report.Chains[0].Size != 3 {
		t.Errorf("problems %v, report %+v", problems, report.Chains)
	}
	if err := dist.Try(net.Record("dist", ledger.KindSell, dist.Now())); err != nil {
		t.Fatal(err) // the builder knows the first charter only
	}
	dist.Chain.SetNetwork(net.Network)
	wantCode(t, "an entry beyond the end", dist.Try(net.Record("dist", ledger.KindSell, dist.Now())), ledger.CodeChain)
}
