package protocol_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// A root stands for all entries of a chain up to a size: the model's Merkle root.
type root uint64

func (r root) then(e entryID) root {
	x := uint64(r)*0x9e3779b97f4a7c15 + uint64(e) + 0x2545f4914f6cdd1d
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	return root(x)
}

// An entryID is the position of an entry in the book of all that were ever made.
type entryID uint64

// An entry is a record, or a frontier if seen is not empty.
type entry struct {
	record uint64
	seen   []seen
}

type seen struct {
	chain uint32
	size  uint64
	root  root
}

// A mark is a size and a root of a chain.
type mark struct {
	size uint64
	root root
}

// An oath is what a signature is about.
type oath struct {
	chain uint32
	mark
}

// A book is what no liar can forge: all entries, and who has signed what. It also
// watches: whatever must never happen is written down as a wrong.
type book struct {
	entries []entry
	parent  map[root]root // of a root, that without the last entry
	signed  map[oath]bool // by the author of the chain
	oaths   map[uint32][]mark
	lines   map[oath]map[string]bool
	finals  map[uint32][]mark // that have ever had a quorum
	members map[uint32]string // of chains
	honest  map[uint32]bool
	strict  map[string]bool // members whose witness must never sign two histories
	quorum  int
	wrongs  []string
}

func newBook(n int) *book {
	f := (n - 1) / 3
	b := &book{
		parent: make(map[root]root), signed: make(map[oath]bool), lines: make(map[oath]map[string]bool),
		oaths: make(map[uint32][]mark), finals: make(map[uint32][]mark), members: make(map[uint32]string), honest: make(map[uint32]bool), strict: make(map[string]bool),
		quorum: (n + f + 2) / 2,
	}
	for i := range n {
		b.members[uint32(i+1)] = memberName(uint32(i + 1))
		b.honest[uint32(i+1)], b.strict[memberName(uint32(i+1))] = true, true
	}
	return b
}

func memberName(n uint32) string { return fmt.Sprintf("m%03d", n) }

func (b *book) wrong(format string, args ...any) {
	b.wrongs = append(b.wrongs, fmt.Sprintf(format, args...))
}

// at is the root that a history had at a smaller size.
func (b *book) at(m mark, size uint64) root {
	for ; m.size > size; m.size-- {
		m.root = b.parent[m.root]
	}
	return m.root
}

// agree reports whether two marks of a chain can both be true.
func (b *book) agree(x, y mark) bool {
	if x.size > y.size {
		x, y = y, x
	}
	return b.at(y, x.size) == x.root
}

// sign writes down the author's signature.
func (b *book) sign(o oath) {
	for _, other := range b.oaths[o.chain] {
		if b.honest[o.chain] && !b.agree(other, o.mark) {
			b.wrong("the honest node %d has signed two histories, at %d and %d", o.chain, other.size, o.size)
		}
	}
	b.signed[o] = true
	b.oaths[o.chain] = append(b.oaths[o.chain], o.mark)
	b.count(o)
}

// cosign writes down a member's cosignature.
func (b *book) cosign(o oath, member string) {
	if b.lines[o] == nil {
		b.lines[o] = make(map[string]bool)
	}
	for other := range b.lines {
		if other.chain == o.chain && b.lines[other][member] && b.strict[member] && !b.agree(other.mark, o.mark) {
			b.wrong("the honest witness %s has cosigned two histories of chain %d, at %d and %d", member, o.chain, other.size, o.size)
		}
	}
	b.lines[o][member] = true
	b.count(o)
}

// cosigners are the different members that stand behind a checkpoint.
func (b *book) cosigners(o oath) int {
	n := 1 // the author by its log signature
	for m := range b.lines[o] {
		if m != b.members[o.chain] {
			n++
		}
	}
	return n
}

// count notes a checkpoint that has reached its quorum. No two of a chain may
// contradict each other.
func (b *book) count(o oath) {
	if !b.signed[o] || b.cosigners(o) < b.quorum || slices.Contains(b.finals[o.chain], o.mark) {
		return
	}
	for _, f := range b.finals[o.chain] {
		if !b.agree(f, o.mark) {
			b.wrong("two final checkpoints of chain %d contradict each other, at %d and %d", o.chain, f.size, o.size)
		}
	}
	b.finals[o.chain] = append(b.finals[o.chain], o.mark)
}

// settled reports whether what a frontier names has become final.
func (b *book) settled(s seen) bool {
	return slices.ContainsFunc(b.finals[s.chain], func(f mark) bool { return f.size >= s.size && b.at(f, s.size) == s.root })
}

// A modelNote is a checkpoint with cosignatures. Its bytes begin like those of a
// real one, so that a core can peek at the size.
type modelNote struct {
	oath
	members []string // ascending
	raw     []byte   // what encode made
}

func (n *modelNote) encode() []byte {
	if n.raw == nil {
		n.raw = n.bytes()
	}
	return n.raw
}

func (n *modelNote) bytes() []byte {
	s := "sim/" + strconv.Itoa(int(n.chain)) + "\n" + strconv.FormatUint(n.size, 10) + "\n" + strconv.FormatUint(uint64(n.root), 16) + "\n"
	return []byte(s + strings.Join(n.members, " "))
}

var errModel = errors.New("model")

// open reads a note and verifies all its signatures.
func (b *book) open(raw []byte) (*modelNote, error) {
	lines := strings.Split(string(raw), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "sim/") {
		return nil, fmt.Errorf("%w: no note", errModel)
	}
	chain, err1 := strconv.Atoi(lines[0][4:])
	size, err2 := strconv.ParseUint(lines[1], 10, 64)
	hash, err3 := strconv.ParseUint(lines[2], 16, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	n := &modelNote{oath: oath{uint32(chain), mark{size, root(hash)}}, members: strings.Fields(lines[3]), raw: raw}
	if !b.signed[n.oath] {
		return nil, fmt.Errorf("%w: nobody has signed that", errModel)
	}
	for _, m := range n.members {
		if !b.lines[n.oath][m] {
			return nil, fmt.Errorf("%w: %s has not cosigned that", errModel, m)
		}
	}
	return n, nil
}

// final reports whether a note's own lines make a quorum.
func (b *book) final(n *modelNote) bool {
	all := map[string]bool{b.members[n.chain]: true}
	for _, m := range n.members {
		all[m] = true
	}
	return len(all) >= b.quorum
}

// A modelChain is what is stored of a chain.
type modelChain struct {
	entries       []entryID
	roots         []root // roots[i] is that of i entries
	latest, final *modelNote
	evidence      *wire.Alert
	overruling    *modelNote // with a quorum, and not what is stored
	parted        bool       // it is known that what is stored is of another history
}

// contains reports whether the stored entries begin with what a mark names.
func (c *modelChain) contains(m mark) bool {
	return m.size == 0 || m.size <= c.mark().size && c.roots[m.size] == m.root
}

func (c *modelChain) mark() mark { return mark{uint64(len(c.entries)), c.roots[len(c.entries)]} }

// A modelGuard is the guard file; it is not in backups.
type modelGuard struct {
	own      mark
	claimed  mark // of size 0 if there is none
	cosigned map[uint32]mark
	waits    bool
	lost     bool
	second   bool // that of a node whose chain has ended because its guard was lost
}

// faults are what a test plants in a disk, to show that the simulator finds it.
type faults struct {
	signsAnything   bool // a lying witness
	ignoresFrontier bool // a witness that does not wait for what frontiers name
	takesAnything   bool // a witness that is short of what it has cosigned stores what does not lead there
	settlesAnything bool // a claim is settled by entries that do not contain what was signed here
	insists         bool // a witness that needs what frontiers name of a fork, whichever history it has stored
	countsTwice     bool // an author's signature and its cosignature count as two
	forgetsGuard    bool // a restore takes the guard along
	keepsNoGuard    bool // a checkpoint is signed before the guard names it
}

// A modelDisk is the model of a node's store and keys.
type modelDisk struct {
	book    *book
	number  uint32
	chains  map[uint32]*modelChain
	guard   *modelGuard
	against bool // somebody holds a note of ours that contradicts our chain
	refused error
	faults  faults
	twin    bool
	oaths   []mark // that this machine has signed, whatever its disk and guard say

	saved    *modelDisk
	ticks    int64 // for frontiers: at most one a second
	lastSeen int64
	// durable is called after each write that would survive a crash; it may
	// panic to be one.
	durable func()
}

func newModelDisk(b *book, number uint32, n int) *modelDisk {
	d := &modelDisk{
		book: b, number: number, chains: make(map[uint32]*modelChain),
		guard: &modelGuard{cosigned: make(map[uint32]mark)}, durable: func() {}, lastSeen: -1 << 40,
	}
	for i := range n {
		d.chains[uint32(i+1)] = &modelChain{roots: []root{root(i + 1)}}
	}
	return d
}

// Forget drops what is not on disk, as a restart does.
func (d *modelDisk) Forget() {
	for _, ch := range d.chains {
		ch.overruling, ch.parted = nil, false
	}
}

func (d *modelDisk) At(ms int64) { d.ticks = ms }

func (d *modelDisk) Backup() { d.saved = d.copyOf() }

func (d *modelDisk) PutBack(guard string) {
	old := d.saved.copyOf()
	d.chains, d.against, d.lastSeen = old.chains, old.against, -1<<40
	if d.faults.forgetsGuard {
		d.guard = old.guard
	}
	if guard != "kept" {
		d.guard = &modelGuard{lost: guard == "lost", second: guard == "second", waits: guard == "second", cosigned: make(map[uint32]mark)}
	}
	d.judge()
}

// copyOf is everything but the guard.
func (d *modelDisk) copyOf() *modelDisk {
	c := *d
	c.chains = make(map[uint32]*modelChain, len(d.chains))
	for n, ch := range d.chains {
		dup := *ch
		dup.entries, dup.roots, dup.overruling = slices.Clone(ch.entries), slices.Clone(ch.roots), nil
		dup.parted = false
		c.chains[n] = &dup
	}
	if d.faults.forgetsGuard {
		c.guard = &modelGuard{own: d.guard.own, claimed: d.guard.claimed, cosigned: maps.Clone(d.guard.cosigned), waits: d.guard.waits}
	}
	return &c
}

// refusal is why the own chain may not be written, nil if it may: as it was judged
// last.
func (d *modelDisk) refusal() error { return d.refused }

// judge decides anew. Like the store, the model does so when it is opened and when
// it learns something about its own chain from others.
func (d *modelDisk) judge() {
	d.settle()
	d.refused = d.judgement()
}

// settle makes a claim the own mark when its entries are there.
func (d *modelDisk) settle() {
	own, m := d.chains[d.number], d.guard.claimed
	if m.size > 0 && own.contains(m) && (own.contains(d.guard.own) || d.faults.settlesAnything) {
		d.guard.own, d.guard.claimed = m, mark{}
	}
}

// owed is what the own chain must have before it is signed.
func (g *modelGuard) owed() mark {
	if g.claimed.size > 0 {
		return g.claimed
	}
	return g.own
}

// due is what the entries of a chain have to lead to here, of size 0 if there is
// nothing of the kind.
func (d *modelDisk) due(chain uint32) mark {
	ch, m := d.chains[chain], d.guard.cosigned[chain]
	if chain == d.number {
		if m = d.guard.own; m.size <= ch.mark().size && ch.evidence == nil {
			m = d.guard.claimed
		}
	}
	if m.size <= ch.mark().size || d.faults.takesAnything && chain != d.number {
		return mark{}
	}
	return m
}

// judgeIf judges after news about a chain that may be the own one.
func (d *modelDisk) judgeIf(chain uint32) {
	if chain == d.number {
		d.judge()
	}
}

func (d *modelDisk) judgement() error {
	own := d.chains[d.number]
	g := d.guard
	switch {
	case g.lost, g.second, own.evidence != nil, d.against:
		return fmt.Errorf("%w: not signing", errModel)
	case g.claimed.size > 0:
		return fmt.Errorf("%w: %d entries are said to be signed", errModel, g.claimed.size)
	case own.latest != nil && own.latest.size > g.own.size:
		return fmt.Errorf("%w: guard older than the newest checkpoint", errModel)
	case g.own.size == 0:
		return nil
	case own.mark().size < g.own.size:
		return fmt.Errorf("%w: %d of %d entries", errModel, own.mark().size, g.own.size)
	case own.roots[g.own.size] != g.own.root:
		return fmt.Errorf("%w: other entries than signed", errModel)
	}
	return nil
}

func (d *modelDisk) State() *protocol.Stored {
	s := &protocol.Stored{Signing: d.refusal() == nil, Waits: d.guard.waits}
	for _, n := range slices.Sorted(maps.Keys(d.chains)) {
		ch := d.chains[n]
		c := protocol.Chain{Number: n, Size: ch.mark().size, Evidence: ch.evidence, Due: d.due(n).size}
		if ch.latest != nil {
			c.Latest, c.LatestSize = ch.latest.encode(), ch.latest.size
		}
		if ch.final != nil {
			c.Final, c.FinalSize = ch.final.encode(), ch.final.size
		}
		s.Chains = append(s.Chains, c)
	}
	return s
}

// add appends an entry to a stored chain.
func (d *modelDisk) add(ch *modelChain, id entryID) {
	last := ch.mark().root
	next := last.then(id)
	d.book.parent[next] = last
	ch.entries, ch.roots = append(ch.entries, id), append(ch.roots, next)
}

func (d *modelDisk) Append(record uint64) bool {
	if d.refusal() != nil {
		return false
	}
	own := d.chains[d.number]
	if seen := d.nextFrontier(); len(own.entries) > 0 && len(seen) > 0 && d.ticks >= d.lastSeen+1000 {
		d.lastSeen = d.ticks
		d.book.entries = append(d.book.entries, entry{seen: seen})
		d.add(own, entryID(len(d.book.entries)-1))
	}
	d.book.entries = append(d.book.entries, entry{record: record})
	d.add(own, entryID(len(d.book.entries)-1))
	d.durable()
	return true
}

// covers is what the first size entries of a chain name of others.
func (d *modelDisk) covers(ch *modelChain, size uint64) map[uint32]uint64 {
	all := make(map[uint32]uint64)
	for _, id := range ch.entries[:size] {
		for _, s := range d.book.entries[id].seen {
			all[s.chain] = s.size
		}
	}
	return all
}

// nextFrontier names the final sizes that grew, without those whose entries name
// what it would not cover.
func (d *modelDisk) nextFrontier() []seen {
	own := d.chains[d.number]
	before := d.covers(own, own.mark().size)
	grown := make(map[uint32]seen)
	for n, ch := range d.chains {
		if n != d.number && ch.evidence == nil && ch.final != nil && ch.final.size > before[n] {
			grown[n] = seen{n, ch.final.size, ch.final.root}
		}
	}
	covered := func(about uint32) uint64 {
		if about == d.number {
			return own.mark().size
		}
		if g, ok := grown[about]; ok {
			return g.size
		}
		return before[about]
	}
	for again := true; again; {
		again = false
		for n := range grown {
			for about, size := range d.covers(d.chains[n], grown[n].size) {
				if size > covered(about) {
					delete(grown, n)
					again = true
					break
				}
			}
		}
	}
	list := slices.Collect(maps.Values(grown))
	slices.SortFunc(list, func(a, b seen) int { return int(a.chain) - int(b.chain) })
	return list
}

// raise is the guard's rule: sizes never shrink, no size has two roots.
func raise(old *mark, m mark) error {
	if m.size < old.size || m.size == old.size && m.root != old.root {
		return fmt.Errorf("%w: the guard is at %d", errModel, old.size)
	}
	*old = m
	return nil
}

func (d *modelDisk) Sign() protocol.Signed {
	if err := d.refusal(); err != nil {
		return protocol.Signed{Err: err}
	}
	own := d.chains[d.number]
	if len(own.entries) == 0 {
		return protocol.Signed{Err: fmt.Errorf("%w: empty", errModel)}
	}
	n := own.latest
	if m := own.mark(); n == nil || n.size < m.size {
		if !d.faults.keepsNoGuard {
			if err := raise(&d.guard.own, m); err != nil {
				return protocol.Signed{Err: err}
			}
			d.durable()
		}
		n = &modelNote{oath: oath{d.number, m}}
		d.watchSign(m)
		d.book.sign(n.oath)
		d.store(own, n)
		d.durable()
		d.guard.own = m // as it is already, unless a fault is planted
	}
	return protocol.Signed{
		Size: n.size, Note: n.encode(), Final: d.isFinal(n),
		Members: slices.Concat(n.members, []string{memberName(d.number)}), Quorums: d.quorums(),
	}
}

// watchSign holds that a machine signs one history, whoever else has its keys.
func (d *modelDisk) watchSign(m mark) {
	for _, other := range d.oaths {
		if !d.twin && !d.book.agree(other, m) {
			d.book.wrong("the machine of node %d has signed two histories, at %d and %d", d.number, other.size, m.size)
		}
	}
	d.oaths = append(d.oaths, m)
}

func (d *modelDisk) quorums() []protocol.Quorum {
	q := protocol.Quorum{Need: d.book.quorum}
	if d.faults.countsTwice {
		q.Need--
	}
	for _, n := range slices.Sorted(maps.Keys(d.book.members)) {
		q.Voters = append(q.Voters, protocol.Voter{Member: d.book.members[n], Node: n})
	}
	return []protocol.Quorum{q}
}

func (d *modelDisk) isFinal(n *modelNote) bool {
	if d.faults.countsTwice {
		return len(n.members)+2 >= d.book.quorum
	}
	return d.book.final(n)
}

// store keeps a checkpoint that fits what is stored.
func (d *modelDisk) store(ch *modelChain, n *modelNote) {
	better := func(old *modelNote) bool {
		return old == nil || n.size > old.size || n.size == old.size && len(n.members) > len(old.members)
	}
	if better(ch.latest) {
		ch.latest = n
	}
	if d.isFinal(n) && better(ch.final) {
		if !d.twin && d.book.cosigners(n.oath) < d.book.quorum {
			d.book.wrong("node %d holds chain %d for final at %d, with %d members", d.number, n.chain, n.size, d.book.cosigners(n.oath))
		}
		ch.final = n
	}
}

func (d *modelDisk) Publish(raw []byte, lines [][]byte) ([]byte, bool, error) {
	n, err := d.book.open(raw)
	if err != nil {
		return nil, false, err
	}
	for _, l := range lines {
		if m := string(l); !slices.Contains(n.members, m) {
			n.members = append(n.members, m)
		}
	}
	slices.Sort(n.members)
	n.raw = nil
	if n, err = d.book.open(n.encode()); err != nil {
		return nil, false, err
	}
	_, err = d.put(n)
	return n.encode(), d.isFinal(n), err
}

// put stores a checkpoint that is verified.
func (d *modelDisk) put(n *modelNote) (protocol.Result, error) {
	ch := d.chains[n.chain]
	if (n.size > ch.mark().size || ch.roots[n.size] != n.root) && d.isFinal(n) && (ch.overruling == nil || n.size > ch.overruling.size) {
		ch.overruling = n
	}
	if n.size > ch.mark().size {
		if n.chain == d.number {
			d.noteLost(ch, n)
		}
		return protocol.Behind, fmt.Errorf("%w: behind", errModel)
	}
	if ch.roots[n.size] == n.root {
		if n.chain == d.number && d.refused == nil && n.size > d.guard.own.size {
			d.guard.own = n.mark
		}
		d.store(ch, n)
		d.durable()
		return protocol.Done, nil
	}
	for _, held := range []*modelNote{ch.latest, ch.final} {
		if held == nil || held.size < n.size {
			continue
		}
		if ch.evidence == nil {
			ch.evidence = &wire.Alert{A: n.encode(), B: held.encode()}
			d.judgeIf(n.chain)
			d.durable()
		}
		return protocol.Forked, fmt.Errorf("%w: forked", errModel)
	}
	if n.chain == d.number {
		d.against = true
		d.judge()
		d.durable()
	}
	return protocol.Conflict, fmt.Errorf("%w: conflict", errModel)
}

// noteLost takes note of entries that were signed here and are not here any more.
func (d *modelDisk) noteLost(own *modelChain, n *modelNote) {
	if g := d.guard; own.evidence == nil {
		if n.size > g.own.size && n.size > g.claimed.size && !g.lost {
			g.claimed = n.mark
		}
		d.judge()
		d.durable()
	}
}

func (d *modelDisk) Keep(chain uint32, raw []byte) (protocol.Result, error) {
	n, err := d.book.open(raw)
	if err != nil {
		return protocol.Invalid, err
	}
	if n.chain != chain {
		return protocol.Invalid, fmt.Errorf("%w: another chain", errModel)
	}
	return d.put(n)
}

func (d *modelDisk) Cosign(raw []byte) protocol.Cosigned {
	n, err := d.book.open(raw)
	if err != nil {
		return protocol.Cosigned{Result: protocol.Invalid, Err: err}
	}
	ch := d.chains[n.chain]
	me := memberName(d.number)
	if d.faults.signsAnything {
		d.book.cosign(n.oath, me)
		return protocol.Cosigned{Line: []byte(me)}
	}
	if result, err := d.put(n); err != nil {
		if result == protocol.Forked {
			result = protocol.Conflict
		}
		return protocol.Cosigned{Result: result, Err: err, Size: ch.mark().size, Note: d.contradicting(ch, n)}
	}
	if ch.evidence != nil {
		return protocol.Cosigned{Result: protocol.Forked, Err: errModel}
	}
	if d.guard.lost || d.guard.waits {
		return protocol.Cosigned{Result: protocol.Trouble, Err: errModel}
	}
	if result := d.closed(ch, n); result != protocol.Done {
		return protocol.Cosigned{Result: result, Err: errModel, Size: ch.mark().size}
	}
	m := d.guard.cosigned[n.chain]
	if err := raise(&m, n.mark); err != nil {
		return protocol.Cosigned{Result: protocol.Conflict, Err: err}
	}
	d.guard.cosigned[n.chain] = m
	d.durable()
	d.watchCosign(ch, n)
	d.book.cosign(n.oath, me)
	return protocol.Cosigned{Line: []byte(me)}
}

// watchCosign holds what a cosignature promises, by other means than closed:
// everything under it is stored, and what the frontiers under it name, too. Of a
// chain that is forked, or of which other entries are stored, what they name has
// become final.
func (d *modelDisk) watchCosign(ch *modelChain, n *modelNote) {
	for _, id := range ch.entries[:n.size] {
		for _, s := range d.book.entries[id].seen {
			have := d.chains[s.chain]
			stored := have.mark().size >= s.size && have.roots[s.size] == s.root
			short := have.evidence == nil && !have.parted && have.mark().size < s.size
			if !stored && (short || !d.book.settled(s)) {
				d.book.wrong("node %d has cosigned chain %d at %d without chain %d up to %d", d.number, n.chain, n.size, s.chain, s.size)
			}
		}
	}
}

func (d *modelDisk) contradicting(ch *modelChain, n *modelNote) []byte {
	for _, held := range []*modelNote{ch.latest, ch.final} {
		if held != nil && held.size == n.size && held.root != n.root {
			return held.encode()
		}
	}
	return nil
}

// closed holds that what frontiers name is stored, with the same roots.
func (d *modelDisk) closed(ch *modelChain, n *modelNote) protocol.Result {
	if m, ok := d.guard.cosigned[n.chain]; ok {
		if m.size > ch.mark().size {
			return protocol.Behind
		}
		if ch.roots[m.size] != m.root {
			return protocol.Conflict
		}
	}
	if d.faults.ignoresFrontier {
		return protocol.Done
	}
	for _, id := range ch.entries[:n.size] {
		for _, s := range d.book.entries[id].seen {
			switch have := d.chains[s.chain]; {
			case d.overruled(s):
			case have.mark().size < s.size:
				return protocol.Behind
			case have.roots[s.size] != s.root:
				return protocol.Conflict
			}
		}
	}
	return protocol.Done
}

// overruled reports whether what a frontier names is of a forked chain of which the
// node may have stored the history that does not count.
func (d *modelDisk) overruled(s seen) bool {
	ch := d.chains[s.chain]
	switch by := ch.overruling; {
	case d.faults.insists:
		return false
	case by == nil || s.size > by.size:
		return false
	case s.size <= ch.mark().size && ch.roots[s.size] == s.root:
		return false
	case !ch.contains(d.guard.cosigned[s.chain]):
		return false
	case by.size <= ch.mark().size:
		return ch.roots[by.size] != by.root
	}
	return ch.evidence != nil || ch.parted
}

func (d *modelDisk) Judge(a *wire.Alert) (uint32, protocol.Result, error) {
	x, err1 := d.book.open(a.A)
	y, err2 := d.book.open(a.B)
	if err := errors.Join(err1, err2); err != nil {
		return 0, protocol.Invalid, err
	}
	if x.chain != y.chain || d.book.agree(x.mark, y.mark) {
		return 0, protocol.Invalid, fmt.Errorf("%w: both can be true", errModel)
	}
	if ch := d.chains[x.chain]; ch.evidence == nil {
		ch.evidence = a
		d.judgeIf(x.chain)
		d.durable()
	}
	return x.chain, protocol.Done, nil
}

func (d *modelDisk) Release() error {
	for n, ch := range d.chains {
		if ch.latest != nil {
			m := d.guard.cosigned[n]
			if err := raise(&m, ch.latest.mark); err != nil {
				return err
			}
			d.guard.cosigned[n] = m
		}
	}
	d.guard.waits = false
	d.durable()
	return nil
}

func (d *modelDisk) Read(chain uint32, from, to, size uint64) *piece {
	ch := d.chains[chain]
	if ch.mark().size < size {
		return nil
	}
	p := &piece{proof: mark{size, ch.roots[size]}}
	for _, id := range ch.entries[from:to] {
		p.items = append(p.items, item{entry: []byte(strconv.FormatUint(uint64(id), 10))})
	}
	return p
}

func (d *modelDisk) Extend(chain uint32, from uint64, p *piece, raw []byte) (uint64, protocol.Result, error) {
	ch := d.chains[chain]
	size := ch.mark().size
	due, unproven := d.due(chain), protocol.Forked
	n := &modelNote{oath: oath{chain, due}}
	if raw != nil {
		var err error
		if n, err = d.book.open(raw); err != nil {
			return size, protocol.Invalid, err
		}
		unproven = protocol.Invalid
	}
	switch {
	case n.chain != chain || from > size:
		return size, protocol.Invalid, errModel
	case n.size == 0:
		return size, protocol.Trouble, fmt.Errorf("%w: nothing is due", errModel)
	case (due.size > 0 || ch.evidence != nil) && n.mark != due && !d.isFinal(n):
		return size, protocol.Behind, fmt.Errorf("%w: it may be another history", errModel)
	}
	r := ch.roots[from]
	ids := make([]entryID, 0, len(p.items))
	for _, it := range p.items {
		id, err := strconv.ParseUint(string(it.entry), 10, 64)
		if err != nil {
			return size, protocol.Invalid, err
		}
		r = r.then(entryID(id))
		ids = append(ids, entryID(id))
	}
	end := from + uint64(len(ids))
	proven := end == n.size || p.proof == n.mark // a proof is about one tree
	if end > n.size || !proven || d.book.at(n.mark, end) != r {
		return size, unproven, fmt.Errorf("%w: not proven", errModel)
	}
	if chain == d.number && d.refusal() == nil {
		return size, protocol.Trouble, fmt.Errorf("%w: written here", errModel)
	}
	for i, id := range ids {
		switch at := from + uint64(i); {
		case at < size && ch.entries[at] != id:
			d.part(ch, n)
			return size, protocol.Conflict, fmt.Errorf("%w: another entry", errModel)
		case at >= size:
			d.add(ch, id)
		}
	}
	d.judgeIf(chain)
	d.durable()
	return ch.mark().size, protocol.Done, nil
}

// part takes note that what is stored is not what a final checkpoint covers.
func (d *modelDisk) part(ch *modelChain, n *modelNote) {
	if !d.isFinal(n) {
		return
	}
	ch.parted = true
	if ch.overruling == nil || n.size > ch.overruling.size {
		ch.overruling = n
	}
}

// Disclose has nothing to do: the model's entries have no sidecars.
func (d *modelDisk) Disclose(uint32, uint64, *piece) (protocol.Result, error) {
	return protocol.Done, nil
}

func (d *modelDisk) Open(raw []byte) (uint32, uint64) {
	n, err := d.book.open(raw)
	if err != nil {
		return 0, 0
	}
	return n.chain, n.size
}

func (d *modelDisk) CheckLine(raw []byte, member string, line []byte) bool {
	n, err := d.book.open(raw)
	return err == nil && string(line) == member && d.book.lines[n.oath][member]
}
