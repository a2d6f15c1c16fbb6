package ledger_test

import (
	"iter"
	"math"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// A member may say any time. One beyond the year 9999 has no form in JSON, so
// that nobody could list the chains of the network any more.
func TestTimesHaveAForm(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli()
	for _, tt := range []struct {
		ms   int64
		want ledger.Code
	}{{last, ""}, {last + 1, ledger.CodeForm}, {math.MaxInt64, ledger.CodeForm}} {
		if _, err := time.UnixMilli(tt.ms).UTC().MarshalJSON(); (err == nil) != (tt.want == "") {
			t.Fatalf("time %d in JSON: %v", tt.ms, err)
		}
		e := ledger.Entry{Kind: ledger.EntryFrontier, Time: tt.ms, Payload: must(ledger.Frontier{{Chain: 1, Size: 1}}.Encode())}
		_, err := ledger.OpenEntry(must(ledger.Marshal(&e)))
		wantCode(t, "entry", err, tt.want)
		r := ledger.Record{Kind: ledger.KindShip, Chain: 1, Member: "wh", At: tt.ms}
		_, err = ledger.DecodeRecord(must(ledger.Marshal(&r)))
		wantCode(t, "record", err, tt.want)
	}
}

// promising has the entries that it has, whatever size it promises.
type promising struct{ *memSource }

func (s promising) Entries(chain uint32, from, to uint64) iter.Seq2[ledger.StoredEntry, error] {
	return s.memSource.Entries(chain, from, min(to, uint64(len(s.entries[chain]))))
}

// A server may promise any number of entries; who verifies must come to an end.
func TestVerifyEndsWhateverSizeIsPromised(t *testing.T) {
	_, src := soundSource()
	for _, size := range []uint64{1 << 47, math.MaxUint64} {
		src.size[src.chains[0]] = size
		report, problems := verify(t, promising{src})
		if len(problems) == 0 || report.Problems > 20_000 {
			t.Errorf("%d problems for %d promised entries", report.Problems, size)
		}
	}
}

// A chain with two histories is ended by charter at the root of one. Who has
// the other one must be told.
func TestVerifyHoldsAnEndedChainAgainstItsEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*ledger.Ended)
		want int
	}{
		{"as ended", func(*ledger.Ended) {}, 0},
		{"another root", func(e *ledger.Ended) { e.Root = fill(7) }, 1},
		{"not reached", func(e *ledger.Ended) { e.Size++; e.Root = fill(7) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			net := ledgertest.New()
			b := net.NewChain("dist")
			b.Record(ledger.KindReceive)
			net.Adopt(func(c *ledger.Charter) {
				e := ledger.Ended{Chain: b.Number, Size: b.Size(), Root: must(b.Chain.Root())}
				tt.edit(&e)
				leaveNode(c, b.Number)
				c.Ended = append(c.Ended, e)
			})
			src := sourceOf(net, b)
			if _, problems := verify(t, src); len(problems) != tt.want {
				t.Errorf("problems %v, want %d", problems, tt.want)
			}
		})
	}
}

// leaveNode takes a node and its cosigner out of a charter.
func leaveNode(c *ledger.Charter, number uint32) {
	for i := range c.Nodes {
		if c.Nodes[i].Number == number {
			c.Nodes = append(c.Nodes[:i:i], c.Nodes[i+1:]...)
			break
		}
	}
	for i := range c.Cosigners {
		if c.Cosigners[i].Node == number {
			c.Cosigners = append(c.Cosigners[:i:i], c.Cosigners[i+1:]...)
			break
		}
	}
}
