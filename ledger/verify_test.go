package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// memSource is a source in memory in which everything can be put wrong.
type memSource struct {
	charters    [][]byte
	chains      []uint32
	size        map[uint32]uint64
	entries     map[uint32][][]byte // nil is a missing entry
	sidecars    map[uint32][][]byte
	tiles       map[uint32]map[ledger.TileID][]byte
	checkpoints map[uint32][][]byte
	states      map[uint32]ledger.ChainState
	rights      map[uint32]ledger.Rights
	found       map[ledger.Hash][2]uint64
	attachments map[ledger.Hash][]byte
	evidence    map[uint32]*ledger.Evidence
	logOnly     bool
	hashesOnly  bool
	broken      error // of every read of an entry
}

func sourceOf(net *ledgertest.Net, builders ...*ledgertest.Builder) *memSource {
	s := &memSource{
		size: map[uint32]uint64{}, entries: map[uint32][][]byte{}, sidecars: map[uint32][][]byte{},
		tiles: map[uint32]map[ledger.TileID][]byte{}, checkpoints: map[uint32][][]byte{},
		states: map[uint32]ledger.ChainState{}, rights: map[uint32]ledger.Rights{},
		found: map[ledger.Hash][2]uint64{}, attachments: map[ledger.Hash][]byte{}, evidence: map[uint32]*ledger.Evidence{},
	}
	for _, c := range net.Signed() {
		s.charters = append(s.charters, must(c.Encode()))
	}
	for _, b := range builders {
		s.chains = append(s.chains, b.Number)
		s.size[b.Number] = b.Size()
		s.entries[b.Number], s.sidecars[b.Number] = slices.Clone(b.Entries), slices.Clone(b.Sidecars)
		s.tiles[b.Number] = b.Tiles()
		s.states[b.Number], s.rights[b.Number] = b.Chain.State(), b.Chain.Rights()
		for seq := range b.Size() {
			if o, _ := b.Opened(seq); o.Record != nil {
				s.found[o.Record.ID] = [2]uint64{uint64(b.Number), seq}
			}
		}
	}
	file := []byte("a test report")
	s.attachments[sha256.Sum256(file)] = file
	return s
}

func (s *memSource) Charters() (list []*ledger.SignedCharter, err error) {
	for _, raw := range s.charters {
		c, err := ledger.DecodeSignedCharter(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (s *memSource) Chains() ([]uint32, error)              { return s.chains, nil }
func (s *memSource) Size(chain uint32) (uint64, error)      { return s.size[chain], nil }
func (s *memSource) Checkpoints(c uint32) ([][]byte, error) { return s.checkpoints[c], nil }
func (s *memSource) HashesOnly() bool                       { return s.hashesOnly }

func (s *memSource) Entries(chain uint32, from, to uint64) iter.Seq2[ledger.StoredEntry, error] {
	return func(yield func(ledger.StoredEntry, error) bool) {
		for seq := from; seq < to; seq++ {
			if s.broken != nil {
				yield(ledger.StoredEntry{Seq: seq}, s.broken)
				return
			}
			if seq >= uint64(len(s.entries[chain])) || s.entries[chain][seq] == nil {
				continue
			}
			se := ledger.StoredEntry{Seq: seq, Raw: s.entries[chain][seq], Sidecar: s.sidecars[chain][seq], LogOnly: s.logOnly}
			if !yield(se, nil) {
				return
			}
		}
	}
}

func (s *memSource) Tile(chain uint32, tile ledger.TileID, width int) ([]byte, error) {
	return s.tiles[chain][tile], nil
}

func (s *memSource) State(chain uint32) (ledger.ChainState, ledger.Rights, error) {
	return s.states[chain], s.rights[chain], nil
}

func (s *memSource) Find(id ledger.Hash) (chain uint32, seq uint64, ok bool, err error) {
	at, ok := s.found[id]
	return uint32(at[0]), at[1], ok, nil
}

func (s *memSource) Attachments() iter.Seq2[ledger.Attachment, error] {
	return func(yield func(ledger.Attachment, error) bool) {
		for digest, data := range s.attachments {
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
			if !yield(ledger.Attachment{Digest: digest, Open: open}, nil) {
				return
			}
		}
	}
}

func (s *memSource) Evidence(chain uint32) (*ledger.Evidence, error) { return s.evidence[chain], nil }

// verify returns report and problems; charters that cannot even be read are one.
func verify(t *testing.T, src ledger.Source) (*ledger.Report, []ledger.Problem) {
	t.Helper()
	var found []ledger.Problem
	report, err := ledger.Verify(src, ledger.VerifyOptions{Found: func(p ledger.Problem) { found = append(found, p) }})
	if err != nil && len(found) == 0 {
		t.Errorf("verification fails and names no problem: %v", err)
	}
	return report, found
}

// soundSource is three chains with frontiers between them, charters in two
// versions and final checkpoints.
func soundSource() (*ledgertest.Net, *memSource) {
	net := ledgertest.New()
	lanzhi, wh, dist := net.NewChain("lanzhi"), net.NewChain("wh"), net.NewChain("dist")
	lanzhi.Record(ledger.KindRun, ledgertest.Disclose(ledger.Members, 1, "a"), ledgertest.Disclose(ledger.Own, 2, "b"), ledgertest.Subjects(1, 2, 3))
	wh.See(lanzhi)
	wh.Record(ledger.KindReceive, ledgertest.Disclose(ledger.Public, 1, "公开"))
	dist.See(lanzhi, wh)
	dist.Record(ledger.KindSell, ledgertest.Subjects(2))
	early := wh.Final()
	net.Adopt(nil)
	wh.Charter()
	wh.Append(net.Revoke("wh", net.Member("wh").OperatorAddress()))
	s := sourceOf(net, lanzhi, wh, dist)
	s.checkpoints[1] = [][]byte{lanzhi.Final().Note}
	s.checkpoints[2] = [][]byte{early.Note, wh.Checkpoint().Note}
	s.checkpoints[3] = [][]byte{dist.Final().Note}
	return net, s
}

func TestVerifyFindsNothingInASoundSource(t *testing.T) {
	net, s := soundSource()
	report, found := verify(t, s)
	if len(found) > 0 {
		t.Fatalf("problems: %v", found)
	}
	if report.Network != net.Network.ID || report.Charters != 2 || len(report.Chains) != 3 {
		t.Errorf("report %+v", report)
	}
	wh := report.Chains[1]
	if wh.Chain != "wh/2" || wh.Size != 6 || wh.Records != 3 || wh.Sidecars != 1 || wh.Tiles != 1 || wh.FinalSize != 4 || len(wh.FinalSigned) != 4 {
		t.Errorf("report of wh: %+v", wh)
	}

	s.logOnly = true
	if _, found := verify(t, s); len(found) > 0 {
		t.Errorf("without sidecars: %v", found)
	}
	s.entries, s.sidecars, s.logOnly, s.hashesOnly = nil, nil, false, true
	report, found = verify(t, hashSource{s})
	if len(found) > 0 || !report.Chains[1].HashesOnly || report.Chains[1].FinalSize != 4 {
		t.Errorf("with hashes only: %v, %+v", found, report)
	}
}

// hashSource hides what a source of hashes cannot know.
type hashSource struct{ *memSource }

func (s hashSource) State(uint32) {}
func (s hashSource) Find()        {}

func TestVerifyFindsDamage(t *testing.T) {
	flip := func(b []byte) []byte {
		out := bytes.Clone(b)
		out[len(out)/2] ^= 4
		return out
	}
	tests := []struct {
		name   string
		damage func(net *ledgertest.Net, s *memSource)
		want   string // what one of the problems must say: chain, what, position, code
	}{
		{"an entry missing", func(_ *ledgertest.Net, s *memSource) { s.entries[2][3] = nil }, "wh/2 entry 3: missing-entry"},
		{"the last entry missing", func(_ *ledgertest.Net, s *memSource) { s.entries[2] = s.entries[2][:5] }, "wh/2 entry 5: missing-entry"},
		{"a changed signature", func(_ *ledgertest.Net, s *memSource) {
			raw := bytes.Clone(s.entries[1][2])
			raw[len(raw)-20] ^= 1
			s.entries[1][2] = raw
		}, "lanzhi/1 entry 2: "},
		{"a changed sidecar", func(_ *ledgertest.Net, s *memSource) { s.sidecars[1][2] = flip(s.sidecars[1][2]) }, "lanzhi/1 sidecar 2: bad-sidecar"},
		{"a missing sidecar", func(_ *ledgertest.Net, s *memSource) { s.sidecars[1][2] = nil }, "lanzhi/1 sidecar 2: missing-disclosure"},
		{"another's sidecar", func(_ *ledgertest.Net, s *memSource) { s.sidecars[2][3] = s.sidecars[1][2] }, "wh/2 sidecar 3: bad-sidecar"},
		{"a sidecar that is none", func(_ *ledgertest.Net, s *memSource) { s.sidecars[1][2] = []byte{0xf6} }, "lanzhi/1 sidecar 2: "},
		{"a changed tile", func(_ *ledgertest.Net, s *memSource) {
			s.tiles[3][ledger.TileID{}] = flip(s.tiles[3][ledger.TileID{}])
		}, "dist/3 tile 0/0: bad-tree"},
		{"a short tile", func(_ *ledgertest.Net, s *memSource) {
			s.tiles[3][ledger.TileID{}] = s.tiles[3][ledger.TileID{}][:64]
		}, "dist/3 tile 0/0: bad-tree"},
		{"a forged cosignature", func(_ *ledgertest.Net, s *memSource) {
			p := split(s.checkpoints[1][0])
			p.sigs[1] = forge(p.sigs[1])
			s.checkpoints[1][0] = p.join()
		}, "lanzhi/1 checkpoint: bad-checkpoint"},
		{"a stranger's line", func(_ *ledgertest.Net, s *memSource) {
			s.checkpoints[1][0] = append(bytes.Clone(s.checkpoints[1][0]), "— x AAAAAAAA\n"...)
		}, "lanzhi/1 checkpoint: bad-checkpoint"},
		{"another chain's checkpoint", func(_ *ledgertest.Net, s *memSource) { s.checkpoints[1] = s.checkpoints[3] }, "lanzhi/1 checkpoint: bad-checkpoint"},
		{"a checkpoint beyond the end", func(_ *ledgertest.Net, s *memSource) { s.size[1], s.entries[1] = 2, s.entries[1][:2] }, "lanzhi/1 checkpoint of size 3: bad-checkpoint"},
		{"another state", func(_ *ledgertest.Net, s *memSource) { st := s.states[2]; st.Time++; s.states[2] = st }, "wh/2 head: bad-head"},
		{"other grants", func(_ *ledgertest.Net, s *memSource) { s.rights[2] = ledger.Rights{} }, "wh/2 rights: bad-head"},
		{"a record that is not found", func(_ *ledgertest.Net, s *memSource) { clear(s.found) }, "wh/2 record index 1: bad-record-index"},
		{"a record found elsewhere", func(_ *ledgertest.Net, s *memSource) {
			for id, at := range s.found {
				s.found[id] = [2]uint64{at[0] + 1, at[1]}
			}
		}, "wh/2 record index 1: bad-record-index"},
		{"a changed attachment", func(_ *ledgertest.Net, s *memSource) {
			for d := range s.attachments {
				s.attachments[d] = []byte("another report")
			}
		}, "attachment "},
		{"a fork", func(net *ledgertest.Net, s *memSource) {
			b := net.NewChain("audit")
			c := b.Clone()
			b.Record(ledger.KindInspect)
			c.Record(ledger.KindInspect)
			s.evidence[1] = &ledger.Evidence{A: b.Checkpoint().Note, B: c.Checkpoint().Note}
		}, "lanzhi/1 evidence: forked"},
		{"evidence of nothing", func(_ *ledgertest.Net, s *memSource) {
			s.evidence[1] = &ledger.Evidence{A: s.checkpoints[1][0], B: s.checkpoints[1][0]}
		}, "lanzhi/1 evidence: bad-form"},
		{"an unknown chain", func(_ *ledgertest.Net, s *memSource) { s.chains = append(s.chains, 9) }, "/9 chain: unknown-chain"},
		{"a charter version missing", func(_ *ledgertest.Net, s *memSource) { s.charters = s.charters[:1] }, "wh/2 entry 4: unknown-charter"},
		{"a changed charter", func(_ *ledgertest.Net, s *memSource) { s.charters[0] = flip(s.charters[0]) }, "charter: "},
		{"a charter that does not decode", func(_ *ledgertest.Net, s *memSource) { s.charters[0] = s.charters[0][1:] }, "charter: "},
		{"the first charter missing", func(_ *ledgertest.Net, s *memSource) { s.charters = s.charters[1:] }, "charter: bad-charter"},
		{"storage that does not read", func(_ *ledgertest.Net, s *memSource) { s.broken = errors.New("input/output error") }, "wh/2 entry 0: unreadable"},
	}
	for _, tt := range tests {
		net, s := soundSource()
		tt.damage(net, s)
		_, found := verify(t, s)
		var said []string
		for _, p := range found {
			where := p.What
			if p.Seq != nil {
				where = fmt.Sprintf("%s %d", where, *p.Seq)
			}
			if p.Chain != "" {
				where = p.Chain + " " + where
			}
			said = append(said, fmt.Sprintf("%s: %s", where, p.Code))
		}
		if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, tt.want) }) {
			t.Errorf("%s: found %q, want %q", tt.name, said, tt.want)
		}
	}
}

// A member that joined later has no place in the first charter; its chain must
// be readable all the same when its own charter entry is not.
func TestVerifyPassesALostCharterEntry(t *testing.T) {
	net := ledgertest.New()
	net.Adopt(join(net))
	b := net.NewChain("store")
	b.Record(ledger.KindReceive)
	s := sourceOf(net, b)
	s.entries[5][0] = nil
	_, found := verify(t, s)
	if len(found) == 0 || found[0].Code != ledger.CodeMissingEntry || *found[0].Seq != 0 {
		t.Errorf("found %v, want entry 0 missing", found)
	}
	for _, p := range found {
		if p.What == "entry" && *p.Seq != 0 {
			t.Errorf("an entry that is good is reported: %v", p)
		}
	}
}

// One problem must not hide the next.
func TestVerifyGoesOnAfterProblems(t *testing.T) {
	_, s := soundSource()
	s.entries[1][1] = nil
	s.sidecars[2][3] = []byte{1}
	s.tiles[3][ledger.TileID{}] = make([]byte, 4*32)
	chains := make(map[string]bool)
	report, found := verify(t, s)
	for _, p := range found {
		chains[p.Chain] = true
	}
	if len(chains) != 3 || report.Problems != len(found) {
		t.Errorf("problems in chains %v, %d in the report, %d found", chains, report.Problems, len(found))
	}
}

// Whatever bit of whatever is stored is flipped, it is found.
func TestVerifyFindsFlippedBits(t *testing.T) {
	_, sound := soundSource()
	rnd := ledgertest.Rand(t.Name())
	pieces := func(s *memSource) map[string][]*[]byte {
		m := make(map[string][]*[]byte)
		add := func(what string, list [][]byte) {
			for i := range list {
				if len(list[i]) > 0 {
					m[what] = append(m[what], &list[i])
				}
			}
		}
		add("charter", s.charters)
		for _, n := range s.chains {
			add("entry", s.entries[n])
			add("sidecar", s.sidecars[n])
			add("checkpoint", s.checkpoints[n])
		}
		return m
	}
	for what, list := range pieces(sound) {
		for _, p := range list {
			whole := *p
			for range 12 {
				at, bit := rnd.IntN(len(whole)), byte(1)<<rnd.IntN(8)
				*p = bytes.Clone(whole)
				(*p)[at] ^= bit
				if _, found := verify(t, sound); len(found) == 0 {
					t.Errorf("bit %08b of byte %d of a %s of %d bytes is not covered", bit, at, what, len(whole))
				}
				*p = whole
			}
		}
	}
	for _, n := range sound.chains {
		for id, whole := range sound.tiles[n] {
			for range 12 {
				damaged := bytes.Clone(whole)
				damaged[rnd.IntN(len(whole))] ^= 1 << rnd.IntN(8)
				sound.tiles[n][id] = damaged
				if _, found := verify(t, sound); len(found) == 0 {
					t.Errorf("a flipped bit of tile %v of chain %d is not found", id, n)
				}
				sound.tiles[n][id] = whole
			}
		}
	}
}

// Frontiers are held against the chains that they name.
func TestVerifyChecksFrontiersAcrossChains(t *testing.T) {
	tests := []struct {
		name string
		grow func(net *ledgertest.Net, lanzhi, wh, dist *ledgertest.Builder)
		want string
	}{
		{"covering all", func(_ *ledgertest.Net, lanzhi, wh, dist *ledgertest.Builder) {
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
			dist.See(lanzhi, wh)
			dist.Record(ledger.KindSell)
		}, ""},
		{"covering in two steps", func(_ *ledgertest.Net, lanzhi, wh, dist *ledgertest.Builder) {
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
			dist.See(lanzhi)
			dist.Record(ledger.KindSell)
			dist.See(wh)
			dist.Record(ledger.KindSell)
		}, ""},
		{"each other", func(_ *ledgertest.Net, lanzhi, wh, _ *ledgertest.Builder) {
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
			lanzhi.See(wh)
			lanzhi.Record(ledger.KindRun)
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
		}, ""},
		{"not covering what is named", func(_ *ledgertest.Net, lanzhi, wh, dist *ledgertest.Builder) {
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
			dist.See(wh)
			dist.Record(ledger.KindSell)
		}, "dist/3 frontier 2: bad-frontier"},
		{"covering less than what is named", func(_ *ledgertest.Net, lanzhi, wh, dist *ledgertest.Builder) {
			dist.See(lanzhi)
			dist.Record(ledger.KindSell)
			lanzhi.Record(ledger.KindRun)
			wh.See(lanzhi)
			wh.Record(ledger.KindReceive)
			dist.See(wh)
			dist.Record(ledger.KindSell)
		}, "dist/3 frontier 4: bad-frontier"},
		{"another root", func(_ *ledgertest.Net, lanzhi, wh, _ *ledgertest.Builder) {
			wh.Frontier(ledger.Frontier{{Chain: 1, Size: 2, Root: fill(1)}})
			wh.Record(ledger.KindReceive)
		}, "wh/2 frontier 2: bad-frontier"},
		{"a chain that is not held so far", func(_ *ledgertest.Net, lanzhi, wh, _ *ledgertest.Builder) {
			wh.Frontier(ledger.Frontier{{Chain: 1, Size: 99, Root: fill(1)}})
			wh.Record(ledger.KindReceive)
		}, ""},
	}
	for _, tt := range tests {
		net := ledgertest.New()
		lanzhi, wh, dist := net.NewChain("lanzhi"), net.NewChain("wh"), net.NewChain("dist")
		tt.grow(net, lanzhi, wh, dist)
		_, found := verify(t, sourceOf(net, lanzhi, wh, dist))
		var said []string
		for _, p := range found {
			said = append(said, fmt.Sprintf("%s %s %d: %s", p.Chain, p.What, *p.Seq, p.Code))
		}
		if got := strings.Join(said, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestVerifyAcrossTilesAndOnManyCores(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	for b.Size() < 600 {
		b.Record(ledger.KindReceive)
	}
	s := sourceOf(net, b)
	s.checkpoints[2] = [][]byte{b.Final().Note}
	var progress []uint64
	opt := ledger.VerifyOptions{
		Network:  net.Network.ID,
		Found:    func(p ledger.Problem) { t.Errorf("problem: %v", p) },
		Progress: func(chain string, done, total uint64) { progress = append(progress, done) },
		Each: func(n int, do func(int)) {
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() { do(i) })
			}
			wg.Wait()
		},
	}
	report, err := ledger.Verify(s, opt)
	if err != nil || report.Chains[0].Tiles != 4 || !slices.Equal(progress, []uint64{256, 512, 600}) {
		t.Errorf("%v, report %+v, progress %v", err, report, progress)
	}

	s.entries[2][255] = nil
	s.entries[2][300] = nil
	_, found := verify(t, s)
	if len(found) != 2 || *found[0].Seq != 255 || *found[1].Seq != 300 {
		t.Errorf("two entries are missing: %v", found)
	}
	opt.Network = fill(1)
	opt.Found = nil
	if report, err := ledger.Verify(sourceOf(net, b), opt); err != nil || report.Problems != 1 {
		t.Errorf("another network than asked for: %+v, %v", report, err)
	}
}
