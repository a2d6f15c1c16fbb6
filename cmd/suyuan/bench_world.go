package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A benchWorld is a network of one company with a dealer that it hosts, made for
// measuring. An operator whose key is kept outside of the node signs everything,
// as an ERP system would.
type benchWorld struct {
	dir     string
	http    string // where the node answers if it is run, or ""
	net     *ledger.Network
	key     *ecdsa.PrivateKey
	product gs1.GTIN
}

const (
	benchPhrase = "measuring only"
	benchMember = "brand"
	benchDealer = "dealer"
	benchChain  = 1
)

// newBenchWorld makes the network, the operator's grant, a product and a dealer.
func newBenchWorld(ctx context.Context, dir string) (*benchWorld, error) {
	return newServedWorld(ctx, dir, "")
}

// newServedWorld is newBenchWorld for a node that is going to answer HTTP at an
// address, and believes what callers on this machine say of who asks.
func newServedWorld(ctx context.Context, dir, http string) (*benchWorld, error) {
	w := &benchWorld{dir: filepath.Join(dir, "node"), http: http}
	var err error
	if w.key, err = crypto.GenerateKey(); err != nil {
		return nil, err
	}
	if w.net, err = w.makeNetwork(filepath.Join(dir, "guard")); err != nil {
		return nil, fmt.Errorf("make a network: %w", err)
	}
	n, err := w.open()
	if err != nil {
		return nil, err
	}
	for _, o := range []node.AddOperator{
		{Name: "erp", Address: ledger.AddressOf(w.key), Kinds: []string{"product", "party", "activate", "pack", "ship", "receive", "inspect"}},
		{Name: "issuer", Kinds: []string{"run"}}, // the node makes run records itself
	} {
		o.AdminPassphrase = benchPhrase
		_, _, oerr := n.AddOperator(ctx, o)
		err = errors.Join(err, oerr)
	}
	if err == nil {
		_, err = w.submit(ctx, n, draftOf{kind: "party", fields: fields{"slug": benchDealer, "kind": "dealer"}})
	}
	if err == nil {
		w.product, err = w.addProduct(ctx, n, "0", 0)
	}
	return w, errors.Join(err, n.Close())
}

func (w *benchWorld) makeNetwork(guard string) (*ledger.Network, error) {
	m, err := node.Init(node.InitOptions{
		Dir: w.dir, Network: "bench.example", Member: benchMember, Role: ledger.Brand, NameZh: "测量", NameEn: "Bench",
		Prefixes: []string{demoPrefix}, P2P: []string{"/ip4/127.0.0.1/tcp/0"}, Guard: guard,
		HTTP: w.http, TrustedProxies: []string{"127.0.0.1"},
		Passphrase: benchPhrase, AdminPassphrase: benchPhrase, Strength: node.Light,
	})
	if err != nil {
		return nil, err
	}
	s, err := node.ProposeCharter([]*node.MemberFile{m}, ledger.Settings{})
	if err != nil {
		return nil, err
	}
	if err := node.SignCharter(w.dir, s, benchPhrase); err != nil {
		return nil, err
	}
	net, _, err := node.AcceptCharter(w.dir, s)
	return net, err
}

func (w *benchWorld) open() (*node.Node, error) {
	return node.Open(node.Options{Dir: w.dir, Passphrase: benchPhrase})
}

// openStore opens the node's store by itself: nobody is asked for admission.
func (w *benchWorld) openStore() (*store.Store, error) {
	c, err := node.ReadConfig(w.dir)
	if err != nil {
		return nil, err
	}
	return store.Open(store.Config{
		Dir: filepath.Join(w.dir, "ledger"), Guard: c.Guard, Network: w.net, Own: benchChain, Now: time.Now,
	})
}

// A draftOf is a draft in short.
type draftOf struct {
	kind, party string
	refs        []ledger.Hash
	subjects    []trace.DraftSubject
	fields      fields
}

// signed is a record as the operator sends it.
type signed struct {
	record  *ledger.SignedRecord
	sidecar *ledger.Sidecar
}

// sign makes a record of a draft.
func (w *benchWorld) sign(d draftOf) (*signed, error) {
	draft := trace.Draft{Kind: d.kind, Party: d.party, Refs: d.refs, Subjects: d.subjects, Fields: d.fields}
	rec, sc, err := draft.Build(trace.Env{
		Network: w.net.ID, Chain: benchChain, Member: benchMember, Signer: ledger.AddressOf(w.key),
		Charter: w.net.Newest().Charter, Now: time.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.kind, err)
	}
	r, err := ledger.SignRecord(rec, w.key)
	return &signed{r, sc}, err
}

// signAll makes n records on all processors.
func (w *benchWorld) signAll(n int, draft func(i int) draftOf) ([]*signed, error) {
	list, errs := make([]*signed, n), make([]error, n)
	store.OnAllCores(n, func(i int) { list[i], errs[i] = w.sign(draft(i)) })
	return list, errors.Join(errs...)
}

// bytes is the record as it goes over a wire.
func (r *signed) bytes() (node.SignedRecord, error) {
	sc, err := r.sidecar.Encode()
	return node.SignedRecord{Record: r.record.Raw, Signature: r.record.Sig, Sidecar: sc}, err
}

// submit appends records in their order and returns their leaf hashes.
func (w *benchWorld) submit(ctx context.Context, n *node.Node, drafts ...draftOf) ([]ledger.Hash, error) {
	list, err := w.signAll(len(drafts), func(i int) draftOf { return drafts[i] })
	if err != nil {
		return nil, err
	}
	raw := make([]node.SignedRecord, len(list))
	for i := range list {
		if raw[i], err = list[i].bytes(); err != nil {
			return nil, err
		}
	}
	var hashes []ledger.Hash
	for i, p := range n.SubmitSigned(ctx, raw) {
		if p.Err != nil {
			return nil, fmt.Errorf("%s: %w", drafts[i].kind, p.Err)
		}
		hashes = append(hashes, p.Hash)
	}
	return hashes, nil
}

// addProduct records a product and returns its GTIN.
func (w *benchWorld) addProduct(ctx context.Context, n *node.Node, indicator string, number int) (gs1.GTIN, error) {
	g, err := gtinOf(indicator, number)
	if err != nil {
		return g, err
	}
	_, err = w.submit(ctx, n, draftOf{kind: "product", fields: fields{
		"gtin": g, "version": 1, "names": names("测量", "Bench"), "issuing_chain": benchChain}})
	return g, err
}

// A benchRange is codes of a run, both ends included.
type benchRange struct {
	gtin     gs1.GTIN
	run      uint16
	from, to uint32
}

func (r benchRange) subject() trace.DraftSubject {
	return trace.DraftSubject{GTIN: r.gtin, Run: &r.run, From: &r.from, To: &r.to}
}

func activateDraft(r benchRange, lot string) draftOf {
	return draftOf{kind: "activate", subjects: []trace.DraftSubject{r.subject()}, fields: fields{"lot": lot, "produced": "2026-01-31"}}
}

func shipDraft(r benchRange) draftOf {
	return draftOf{kind: "ship", subjects: []trace.DraftSubject{r.subject()}, fields: fields{
		"purpose": "sale", "to": benchMember + "/" + benchDealer, "delivery_notes": []string{"DN-2026-000123"}}}
}

func receiveDraft(r benchRange, ship ledger.Hash) draftOf {
	return draftOf{kind: "receive", party: benchDealer, refs: []ledger.Hash{ship}, subjects: []trace.DraftSubject{r.subject()}}
}

// A benchFlow sends case after case through activation, shipment and receipt.
type benchFlow struct {
	w *benchWorld
	n *node.Node

	run  *node.Run
	next uint32 // code of the run
}

const (
	flowRun  = 1_000_000 // codes of a run
	flowCase = 24        // codes of a record
	flowPart = 512       // cases at a time
)

// part sends some cases through all three steps.
func (f *benchFlow) part(ctx context.Context) (sum measured, err error) {
	if f.run == nil || f.next+flowPart*flowCase > flowRun {
		if f.run, err = f.n.IssueRun(ctx, node.IssueRun{GTIN: f.w.product, Count: flowRun}, nil); err != nil {
			return sum, err
		}
		f.next = 0
	}
	first := f.next
	f.next += flowPart * flowCase
	caseOf := func(i int) benchRange {
		from := first + uint32(i)*flowCase
		return benchRange{f.w.product, f.run.Number, from, from + flowCase - 1}
	}
	var shipments []ledger.Hash
	for _, step := range []func(i int) draftOf{
		func(i int) draftOf { return activateDraft(caseOf(i), "B26A01") },
		func(i int) draftOf { return shipDraft(caseOf(i)) },
		func(i int) draftOf { return receiveDraft(caseOf(i), shipments[i]) },
	} {
		m, hashes, err := f.step(ctx, step)
		if err != nil {
			return sum, err
		}
		shipments = hashes
		sum = sum.add(m)
	}
	return sum, nil
}

// step appends one record for each case, from many callers.
func (f *benchFlow) step(ctx context.Context, draft func(i int) draftOf) (measured, []ledger.Hash, error) {
	list, err := f.w.signAll(flowPart, draft)
	if err != nil {
		return measured{}, nil, err
	}
	raw, hashes := make([]node.SignedRecord, len(list)), make([]ledger.Hash, len(list))
	for i := range list {
		if raw[i], err = list[i].bytes(); err != nil {
			return measured{}, nil, err
		}
	}
	m, err := callers(len(raw), func(i int) error {
		p := f.n.SubmitSigned(ctx, raw[i:i+1])[0]
		hashes[i] = p.Hash
		return p.Err
	})
	return m, hashes, err
}

// A benchStock is the history of one product: lots activated, packed into cases
// by one pattern, shipped and received by the pallet, and single items
// inspected.
type benchStock struct {
	w             *benchWorld
	n             *node.Node
	items, events uint32

	product, box gs1.GTIN
	cases        uint32
}

const (
	stockLot    = 10_000 // items of a lot
	stockPer    = 24     // items of a case
	stockPallet = 40     // cases of a pallet
	stockDay    = 100    // items of an inspection record
	stockAtOnce = 256    // records given to the node at once
	stockLooked = 256    // items that are looked up

	// stockEvents is what the trail of each of them has: issued, activated, packed,
	// shipped, received, inspected.
	stockEvents = 6
)

// fill writes the history and returns links of inspected items.
func (s *benchStock) fill(ctx context.Context, number int) (uris []string, err error) {
	if s.product, err = s.w.addProduct(ctx, s.n, "1", number); err != nil {
		return nil, err
	}
	if s.box, err = s.w.addProduct(ctx, s.n, "2", number); err != nil {
		return nil, err
	}
	s.cases = s.items / stockPer / stockPallet * stockPallet // whole pallets
	for _, run := range []node.IssueRun{{GTIN: s.product, Count: s.items}, {GTIN: s.box, Count: s.cases}} {
		if _, err := s.n.IssueRun(ctx, run, nil); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{s.activate, s.pack, s.move} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	inspected, err := s.inspect(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range inspected {
		if i < s.cases*stockPer && len(uris) < stockLooked {
			uri, err := s.uri(i)
			if err != nil {
				return nil, err
			}
			uris = append(uris, uri)
		}
	}
	return uris, s.waitFinal(ctx)
}

// write appends many drafts in portions.
func (s *benchStock) write(ctx context.Context, n uint32, draft func(i uint32) draftOf) error {
	for from := uint32(0); from < n; from += stockAtOnce {
		var list []draftOf
		for i := from; i < min(n, from+stockAtOnce); i++ {
			list = append(list, draft(i))
		}
		if _, err := s.w.submit(ctx, s.n, list...); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *benchStock) activate(ctx context.Context) error {
	return s.write(ctx, s.items/stockLot, func(i uint32) draftOf {
		return activateDraft(benchRange{s.product, 0, i * stockLot, (i+1)*stockLot - 1}, fmt.Sprintf("L%d", i))
	})
}

func (s *benchStock) pack(ctx context.Context) error {
	_, err := s.w.submit(ctx, s.n, draftOf{kind: "pack", subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{
		GTIN: s.product, Per: stockPer, UnitGTIN: s.box, Count: s.cases}}}})
	return err
}

func (s *benchStock) move(ctx context.Context) error {
	pallet := func(i uint32) benchRange {
		return benchRange{s.box, 0, i * stockPallet, (i+1)*stockPallet - 1}
	}
	pallets := s.cases / stockPallet
	if err := s.write(ctx, pallets, func(i uint32) draftOf { return shipDraft(pallet(i)) }); err != nil {
		return err
	}
	return s.write(ctx, pallets, func(i uint32) draftOf {
		d := receiveDraft(pallet(i), ledger.Hash{})
		d.refs = nil // who scans a pallet need not know the shipment
		return d
	})
}

// inspect writes one event each of single items that are spread over the run,
// in random order, and returns the items.
func (s *benchStock) inspect(ctx context.Context) ([]uint32, error) {
	rnd := rand.New(rand.NewPCG(uint64(s.items), uint64(s.events)))
	stride := s.items / s.events
	items := make([]uint32, s.events)
	for at, i := range rnd.Perm(len(items)) {
		items[at] = uint32(i)*stride + rnd.Uint32N(stride)
	}
	return items, s.write(ctx, s.events/stockDay, func(i uint32) draftOf {
		d := draftOf{kind: "inspect", fields: fields{"type": "quality", "result": "pass"}}
		for _, item := range items[i*stockDay : (i+1)*stockDay] {
			d.subjects = append(d.subjects, benchRange{s.product, 0, item, item}.subject())
		}
		return d
	})
}

// uri is the link of an item.
func (s *benchStock) uri(item uint32) (string, error) {
	serials, uri, err := s.n.Codes(s.product, 0, item, item+1)
	if err != nil {
		return "", err
	}
	for _, serial := range serials {
		return uri(serial), nil
	}
	return "", fmt.Errorf("run 0 of %s has no code %d", s.product, item)
}

// waitFinal waits until everything is final and indexed.
func (s *benchStock) waitFinal(ctx context.Context) error {
	return poll(ctx, demoFinal, func(ctx context.Context) (bool, error) {
		st := s.n.Status().Chains[0]
		if st.Final < st.Size {
			return false, fmt.Errorf("%d of %d entries are final", st.Final, st.Size)
		}
		return len(s.n.Ready()) == 0, nil
	})
}
