package protocol_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
	"suyuan/node/keeper"
	"suyuan/node/protocol"
	"suyuan/node/wire"
)

var realSeeds = flag.Uint64("realseeds", 12, "run the simulator with so many seeds over the store that nodes use")

// A realNet is a network with the keys of all, and the grants that they begin with.
type realNet struct {
	*ledgertest.Net
	grants map[string]submission
}

type submission struct {
	record  *ledger.SignedRecord
	sidecar *ledger.Sidecar
}

func newRealNet(nodes int, seed string) *realNet {
	return &realNet{Net: ledgertest.New(ledgertest.WithMembers(nodes), ledgertest.WithSeed(seed)), grants: make(map[string]submission)}
}

// A realDisk is the store that nodes use, with real keys.
type realDisk struct {
	*keeper.Keeper
	t     testing.TB
	net   *realNet
	slug  string
	dir   string // "" keeps everything in memory, and no copy can be put back
	now   time.Time
	lives int // each has a directory of its own
}

func newRealDisk(t testing.TB, net *realNet, slug, dir string) *realDisk {
	d := &realDisk{t: t, net: net, slug: slug, dir: dir, now: time.UnixMilli(ledgertest.Start)}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := store.CreateGuard(d.guard()); err != nil {
			t.Fatal(err)
		}
	}
	d.open()
	t.Cleanup(func() {
		if err := d.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	v := net.Network.Newest()
	if err := d.Store.AppendCharter(context.Background(), ledger.CharterRef{Version: v.Charter.Version, Hash: v.Hash}); err != nil {
		t.Fatal(err)
	}
	g, ok := net.grants[slug]
	if !ok {
		g.record, g.sidecar = net.Grant(slug)
		net.grants[slug] = g // twins begin alike
	}
	if _, err := d.Store.Append(context.Background(), g.record, g.sidecar); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *realDisk) guard() string { return filepath.Join(d.dir, "guard") }

func (d *realDisk) place(name string) string { return filepath.Join(d.dir, name) }

func (d *realDisk) open() {
	m := d.net.Member(d.slug)
	cfg := store.Config{Network: d.net.Network, Own: m.Number, MinFree: 1, Now: func() time.Time { return d.now }}
	if d.dir != "" {
		cfg.Dir, cfg.Guard = d.place(fmt.Sprintf("life %d", d.lives)), d.guard()
	}
	s, err := store.Open(cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.Keeper = keeper.New(keeper.Config{Store: s, Number: m.Number, Member: d.slug, Log: m.Log, Witness: m.Witness})
}

func (d *realDisk) At(ms int64) { d.now = time.UnixMilli(ms) }

func (d *realDisk) Backup() {
	if d.dir == "" {
		d.t.Fatal("a copy of a store in memory")
	}
	if err := d.Store.Close(); err != nil {
		d.t.Fatal(err)
	}
	if err := os.CopyFS(d.place("copy"), os.DirFS(d.place(fmt.Sprintf("life %d", d.lives)))); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

func (d *realDisk) PutBack(guard string) {
	if err := d.Store.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.lives++
	if err := os.CopyFS(d.place(fmt.Sprintf("life %d", d.lives)), os.DirFS(d.place("copy"))); err != nil {
		d.t.Fatal(err)
	}
	if guard == "second" {
		d.t.Fatal("a second guard is that of another chain")
	}
	if guard == "lost" {
		if err := os.Remove(d.guard()); err != nil {
			d.t.Fatal(err)
		}
	}
	d.open()
}

func (d *realDisk) Append(uint64) bool {
	r, sc := d.net.Record(d.slug, ledger.KindPlace, d.now.UnixMilli(), ledgertest.Disclose(ledger.Members, 1, "x"))
	_, err := d.Store.Append(context.Background(), r, sc)
	return err == nil
}

func (d *realDisk) Sign() protocol.Signed { return d.Keeper.Sign(context.Background()) }

func (d *realDisk) Publish(note []byte, lines [][]byte) ([]byte, bool, error) {
	return d.Keeper.Publish(context.Background(), note, lines)
}

func (d *realDisk) Keep(chain uint32, note []byte) (protocol.Result, error) {
	return d.Keeper.Keep(context.Background(), chain, note)
}

func (d *realDisk) Cosign(note []byte) protocol.Cosigned {
	return d.Keeper.Cosign(context.Background(), note)
}

func (d *realDisk) Judge(a *wire.Alert) (uint32, protocol.Result, error) {
	chain, _, result, err := d.Keeper.Judge(context.Background(), a)
	return chain, result, err
}

func (d *realDisk) Release() error { return d.Store.ReleaseWitness() }

func (d *realDisk) Read(chain uint32, from, to, size uint64) *piece {
	if d.Store.Size(chain) < size {
		return nil
	}
	p := &piece{}
	for it, err := range d.Store.Entries(chain, from, to) {
		if err != nil {
			d.t.Fatal(err)
		}
		p.items = append(p.items, item{it.Entry, it.Sidecar})
	}
	if end := from + uint64(len(p.items)); end < size {
		proof, err := d.Store.TileSource(chain).ProveConsistency(size, end)
		if err != nil {
			d.t.Fatal(err)
		}
		p.proof = proof
	}
	return p
}

func (d *realDisk) Extend(chain uint32, from uint64, p *piece, note []byte) (uint64, protocol.Result, error) {
	cp, result, err := d.Keeper.Open(chain, note)
	if err != nil {
		return d.Store.Size(chain), result, err
	}
	var items []store.Item
	for _, it := range p.items {
		items = append(items, store.Item{Entry: it.entry, Sidecar: it.sidecar})
	}
	proof, _ := p.proof.([]ledger.Hash)
	return d.Keeper.Extend(context.Background(), cp, from, items, proof)
}

func (d *realDisk) Disclose(chain uint32, from uint64, p *piece) (protocol.Result, error) {
	for i, it := range p.items {
		if result, err := d.AddDisclosures(context.Background(), chain, from+uint64(i), it.sidecar); err != nil {
			return result, err
		}
	}
	return protocol.Done, nil
}

func (d *realDisk) Open(note []byte) (uint32, uint64) {
	cp, err := d.Store.Network().OpenCheckpoint(note)
	if err != nil {
		return 0, 0
	}
	return cp.Chain, cp.Size
}

func (d *realDisk) CheckLine(note []byte, member string, line []byte) bool {
	return d.Keeper.CheckLine(note, member, line) == nil
}

func (h *host) real() *realDisk { return h.disk.(*realDisk) }

// newRealSim is a network of four over real stores; node 1 may have a twin.
func newRealSim(t *testing.T, seed uint64, p plan) *sim {
	s := &sim{
		seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), start: time.UnixMilli(ledgertest.Start),
		number: make(map[uint32][]*host), side: make(map[*host]int), cut: make(map[[2]uint32]bool), trouble: p.trouble,
	}
	net := newRealNet(p.nodes, fmt.Sprint("real ", seed))
	add := func(no uint32, name string, honest bool) {
		dir := ""
		if p.restore != "" && no == uint32(p.nodes) {
			dir = t.TempDir()
		}
		h := &host{sim: s, no: no, name: name, honest: honest, disk: newRealDisk(t, net, memberName(no), dir), pace: 1, verbose: *oneSeed != 0}
		s.hosts = append(s.hosts, h)
		s.number[no] = append(s.number[no], h)
		s.side[h] = s.rnd.IntN(2)
	}
	for no := uint32(1); no <= uint32(p.nodes); no++ {
		add(no, fmt.Sprintf("node %d", no), no != 1 || p.liar == "")
	}
	switch p.liar {
	case "twins":
		add(1, "its twin", false)
	case "garbler":
		s.hosts[0].lie = lie{garbles: 0.3, withholds: 0.3, inflates: 0.2, forgets: 0.2}
	}
	return s
}

// realPlan is a plan that real stores can carry out.
func realPlan(seed uint64) plan {
	rnd := rand.New(rand.NewPCG(seed, 2))
	p := planOf(rnd)
	p.nodes = 4
	p.liar = [...]string{"", "twins", "garbler"}[seed%3]
	p.restore = [...]string{"", "", "kept", "lost"}[seed%4]
	p.chaos = 10 * time.Second
	p.trouble.crash = 0
	return p
}

// TestRealStoresHoldThePromises runs the simulator over the store that nodes use,
// with real keys: fewer networks, and nothing about them is made up.
func TestRealStoresHoldThePromises(t *testing.T) {
	for seed := uint64(1); seed <= *realSeeds; seed++ {
		if *oneSeed != 0 && seed != *oneSeed {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := realPlan(seed)
			s := newRealSim(t, seed, p)
			if wrong := s.liveReal(p); wrong != "" {
				t.Errorf("seed %d: %s\n%+v\n%s", seed, wrong, p, strings.Join(s.story[max(0, len(s.story)-60):], "\n"))
			}
			t.Logf("liar %q, copy put back with its guard %q: %d steps, final at node 2: %v", p.liar, p.restore, s.steps, s.hosts[1].real().Store.FinalSizes())
		})
	}
}

func (s *sim) liveReal(p plan) string {
	s.beginTrouble(p)
	s.run(p.chaos)
	s.heal(p)
	for s.now < p.chaos+2*time.Hour {
		s.run(s.now + 5*time.Second)
		if wrong := s.conflict(); wrong != "" || len(s.unjust) > 0 {
			return strings.Join(append(s.unjust, wrong), "\n")
		}
		if s.missingReal(p) == "" {
			return s.unequalReal()
		}
	}
	return s.missingReal(p)
}

// conflict is two final checkpoints that honest nodes hold and that cannot both be
// true.
func (s *sim) conflict() string {
	for no := range s.number {
		for _, a := range s.right() {
			f := a.real().Store.Final(no)
			for _, b := range s.right() {
				g := b.real().Store.Final(no)
				if f == nil || g == nil || f.Size > g.Size {
					continue
				}
				if root, err := b.real().Store.RootAt(no, f.Size); err != nil || root != f.Root {
					return fmt.Sprintf("%s and %s hold final checkpoints of chain %d that contradict each other (%v)", a.name, b.name, no, err)
				}
			}
		}
	}
	return ""
}

// forkedStores reports whether an honest node holds entries of the liar's chain
// that others do not.
func (s *sim) forkedStores() bool {
	for _, a := range s.right() {
		for _, b := range s.right() {
			size := min(a.real().Store.Size(1), b.real().Store.Size(1))
			x, err1 := a.real().Store.RootAt(1, size)
			y, err2 := b.real().Store.RootAt(1, size)
			if size > 0 && (err1 != nil || err2 != nil || x != y) {
				return true
			}
		}
	}
	return false
}

func (s *sim) missingReal(p plan) string {
	honest := s.right()
	for no := range s.number {
		for _, h := range honest {
			if h.real().Store.Forked(no) != honest[0].real().Store.Forked(no) {
				return fmt.Sprintf("%s and %s: evidence against %d", h.name, honest[0].name, no)
			}
		}
	}
	witnesses := len(honest)
	if p.restore == "lost" {
		witnesses--
	}
	if witnesses < 3 || s.forkedStores() {
		return ""
	}
	for _, author := range honest {
		if ok, _ := author.real().Store.SigningState(); !ok {
			continue // without its guard, or with an end that nobody holds
		}
		head := author.real().Store.Head(author.no)
		for _, h := range honest {
			if f := h.real().Store.Final(author.no); f == nil || f.Size != head.Size || f.Root != head.Root {
				return fmt.Sprintf("%s: finality of chain %d at %d", h.name, author.no, head.Size)
			}
			if whole, err := h.real().Store.Whole(author.no); err != nil || whole != head.Size {
				return fmt.Sprintf("%s: disclosures of chain %d after %d, %v", h.name, author.no, whole, err)
			}
		}
	}
	return ""
}

// unequalReal compares the bytes of final prefixes, of which trails are a function.
func (s *sim) unequalReal() string {
	for no := range s.number {
		var longest *host
		for _, h := range s.right() {
			if f := h.real().Store.Final(no); f != nil && (longest == nil || f.Size > longest.real().Store.Final(no).Size) {
				longest = h
			}
		}
		for _, h := range s.right() {
			f := h.real().Store.Final(no)
			if f == nil {
				continue
			}
			mine, theirs := h.disk.Read(no, 0, f.Size, f.Size), longest.disk.Read(no, 0, f.Size, f.Size)
			if !slices.EqualFunc(mine.items, theirs.items, func(a, b item) bool { return string(a.entry) == string(b.entry) }) {
				return fmt.Sprintf("%s and %s hold other final entries of chain %d", h.name, longest.name, no)
			}
		}
	}
	return ""
}
