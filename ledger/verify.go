package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
)

// A Source gives the bytes of a set of chains to [Verify]. It is implemented by
// a node's store and by what a node serves over HTTP. A read that fails for
// reasons of the storage is an error of the source and becomes a problem with
// CodeUnreadable; Verify goes on with what else there is.
type Source interface {
	// Charters returns the complete charter versions from 1 on.
	Charters() ([]*SignedCharter, error)
	// Chains returns the numbers of the chains held, ascending.
	Chains() ([]uint32, error)
	// Size returns how many entries of a chain are promised to be there.
	Size(chain uint32) (uint64, error)
	// Entries yields the entries from position from up to, not including, to. A
	// gap is an error for the position at which something is missing; what
	// follows the error may still be yielded.
	Entries(chain uint32, from, to uint64) iter.Seq2[StoredEntry, error]
	// Tile returns the stored hashes of one tile, width of them or more.
	Tile(chain uint32, tile TileID, width int) ([]byte, error)
	// Checkpoints returns the checkpoint notes held of a chain.
	Checkpoints(chain uint32) ([][]byte, error)
}

// A StoredEntry is one entry as a source holds it.
type StoredEntry struct {
	Seq     uint64
	Raw     []byte
	Sidecar []byte
	// LogOnly says that the source does not give sidecars, so that none is
	// missed.
	LogOnly bool
}

// A StateSource also keeps the folded state of each chain, which must be the
// one that its entries fold to.
type StateSource interface {
	State(chain uint32) (ChainState, Rights, error)
}

// A RecordFinder also keeps where each record stands.
type RecordFinder interface {
	// Find returns the position of a record id; ok is false if there is none.
	Find(id Hash) (chain uint32, seq uint64, ok bool, err error)
}

// An AttachmentSource also keeps attachments: files named by SHA-256.
type AttachmentSource interface {
	// Attachments yields the digest and content of each; the reader is closed
	// by the caller.
	Attachments() iter.Seq2[Attachment, error]
}

// An Attachment is one stored file.
type Attachment struct {
	Digest Hash
	Open   func() (io.ReadCloser, error)
}

// A HashSource may show the hashes of its entries only. Then their tree,
// checkpoints and cosignatures are checked and what is in them is not.
type HashSource interface {
	HashesOnly() bool
}

// An EvidenceSource also keeps evidence of forks.
type EvidenceSource interface {
	Evidence(chain uint32) (*Evidence, error) // nil if there is none
}

// A ConflictSource also keeps a second complete charter of a version.
type ConflictSource interface {
	Conflict() (*SignedCharter, error) // nil if there is none
}

// A SelfChecker checks what else a source keeps, such as keys to look things up
// by. Verify calls it last.
type SelfChecker interface {
	SelfCheck(net *Network, found func(Problem))
}

// A Problem is one thing that is wrong with a source.
type Problem struct {
	Chain  string  `json:"chain,omitempty"`    // as ChainName shows it; "" if it belongs to none
	Seq    *uint64 `json:"position,omitempty"` // nil if it belongs to no entry
	What   string  `json:"what"`               // entry, sidecar, tile, checkpoint, head, charter, attachment, …
	Code   Code    `json:"code"`
	Detail string  `json:"detail"`
}

func (p Problem) String() string {
	where := p.What
	if p.Chain != "" {
		where = p.Chain + " " + where
	}
	if p.Seq != nil {
		where = fmt.Sprintf("%s %d", where, *p.Seq)
	}
	return fmt.Sprintf("%s: %s: %s", where, p.Code, p.Detail)
}

// VerifyOptions tune [Verify]. The zero value works.
type VerifyOptions struct {
	// Network is the id that the network must have; zero is not compared.
	Network Hash
	// Found is called with each problem, in the order in which they are found.
	Found func(Problem)
	// Progress is called now and then with how far a chain has come.
	Progress func(chain string, done, total uint64)
	// Each calls do(0) … do(n-1), possibly on several cores. This package
	// starts no goroutine; nil is a plain loop.
	Each func(n int, do func(i int))
}

// A Report is the summary that [Verify] returns.
type Report struct {
	Network  Hash          `json:"network"`
	Name     string        `json:"name"`
	Charters int           `json:"charters"`
	Chains   []ChainReport `json:"chains"`
	Problems int           `json:"problems"`
}

// A ChainReport says what was checked of one chain.
type ChainReport struct {
	Chain       string   `json:"chain"`
	Size        uint64   `json:"size"`
	Root        Hash     `json:"root"`
	HashesOnly  bool     `json:"hashes_only,omitempty"` // the source did not show the entries
	Records     uint64   `json:"records"`
	Sidecars    uint64   `json:"sidecars"`
	Tiles       uint64   `json:"tiles"`
	FinalSize   uint64   `json:"final_size"`   // of the newest quorum checkpoint held
	FinalAsked  int      `json:"quorum"`       // cosigners that make a checkpoint final
	FinalSigned []string `json:"cosigners"`    // who cosigned it
	FinalTotal  int      `json:"cosigners_of"` // how many cosigners there are
	Problems    int      `json:"problems"`
}

// Verify checks everything that a source holds, from its bytes alone: charters
// with their signatures; of every chain the form, signature, grant, order and
// hashes of each entry, its sidecar, its tiles, its checkpoints with every
// cosignature, its stored state; then what frontiers name across chains, and
// attachments. It reports every problem through opt.Found and goes on after
// each. The error is for a source in which nothing can be checked at all.
func Verify(src Source, opt VerifyOptions) (*Report, error) {
	v := &verifier{src: src, opt: opt, chains: make(map[uint32]*chainVerifier)}
	if v.opt.Each == nil {
		v.opt.Each = func(n int, do func(int)) {
			for i := range n {
				do(i)
			}
		}
	}
	if err := v.readCharters(); err != nil {
		return nil, err
	}
	numbers, err := src.Chains()
	if err != nil {
		return nil, because(CodeUnreadable, err, "list chains")
	}
	for _, n := range numbers {
		v.verifyChain(n)
	}
	v.verifyFrontiers()
	v.verifyConflict()
	v.verifyAttachments()
	if src, ok := src.(SelfChecker); ok {
		src.SelfCheck(v.net, v.found)
	}
	return v.finish(numbers), nil
}

type verifier struct {
	src    Source
	opt    VerifyOptions
	net    *Network
	chains map[uint32]*chainVerifier
	report Report
}

func (v *verifier) found(p Problem) {
	v.report.Problems++
	if v.opt.Found != nil {
		v.opt.Found(p)
	}
}

func (v *verifier) readCharters() error {
	charters, err := v.src.Charters()
	if err != nil && CodeOf(err) == "" {
		return because(CodeUnreadable, err, "read charters") // nothing is known to be wrong with them
	}
	var net *Network
	if err == nil {
		net, err = VerifyNetwork(charters)
	}
	if err != nil {
		v.found(Problem{What: "charter", Code: CodeOf(err), Detail: err.Error()})
		return fmt.Errorf("without a valid charter nothing can be checked: %w", err)
	}
	v.net = net
	v.report.Network, v.report.Name, v.report.Charters = net.ID, net.Name, len(charters)
	if !v.opt.Network.IsZero() && v.opt.Network != net.ID {
		v.found(Problem{What: "charter", Code: CodeNetwork, Detail: fmt.Sprintf("the network is %s, not %s", net.ID, v.opt.Network)})
	}
	return nil
}

func (v *verifier) finish(numbers []uint32) *Report {
	for _, n := range numbers {
		if c := v.chains[n]; c != nil {
			v.report.Chains = append(v.report.Chains, c.report)
		}
	}
	return &v.report
}

func (v *verifier) verifyConflict() {
	src, ok := v.src.(ConflictSource)
	if !ok {
		return
	}
	s, err := src.Conflict()
	switch {
	case err != nil:
		v.found(Problem{What: "charter conflict", Code: CodeUnreadable, Detail: err.Error()})
		return
	case s == nil:
		return
	}
	if twice, err := v.net.Conflicts(s); err != nil || !twice {
		v.found(Problem{What: "charter conflict", Code: CodeCharter, Detail: "what is kept as a second complete charter is none"})
		return
	}
	v.found(Problem{What: "charter", Code: CodeForked, Detail: fmt.Sprintf("there are two complete charters of one version; the other one is %s", s.Hash())})
}

func (v *verifier) verifyAttachments() {
	src, ok := v.src.(AttachmentSource)
	if !ok {
		return
	}
	for a, err := range src.Attachments() {
		if err == nil {
			err = checkAttachment(a)
		}
		if err != nil {
			v.found(Problem{What: "attachment " + a.Digest.String(), Code: CodeAttachment, Detail: err.Error()})
		}
	}
}

// chainVerifier verifies one chain in one pass over its entries.
type chainVerifier struct {
	*verifier
	number uint32
	name   string
	size   uint64 // promised by the source
	chain  *Chain
	report ChainReport

	tiles    map[TileID][]byte // tiles that are not full yet, as the entries give them
	roots    map[uint64]Hash   // roots at the sizes that checkpoints name
	opened   []*Checkpoint
	finalAt  *Checkpoint
	seen     map[Hash]uint64 // record ids; unused where the source can find records
	frontier []placedFrontier

	gaps   []gap                  // sidecars that lack shared disclosures
	erased map[Hash]map[Hash]bool // digests that erase records name, by record id
}

// A gap is a record whose sidecar lacks shared disclosures. An erase record that
// comes later may say why.
type gap struct {
	seq     uint64
	record  Hash
	missing []Hash
}

type placedFrontier struct {
	seq  uint64
	seen Frontier
}

func (v *verifier) verifyChain(number uint32) {
	c := &chainVerifier{
		verifier: v, number: number, name: ChainName(v.net.MemberOf(number), number),
		tiles: make(map[TileID][]byte), roots: make(map[uint64]Hash), seen: make(map[Hash]uint64),
		erased: make(map[Hash]map[Hash]bool),
	}
	c.report.Chain = c.name
	v.chains[number] = c
	var err error
	if c.chain, err = NewChain(v.net, number); err != nil {
		c.problem("chain", nil, err)
		return
	}
	c.chain.pastEnd = true // what stands beyond an end is kept, for its signers to sign again
	if c.size, err = v.src.Size(number); err != nil {
		c.problem("head", nil, because(CodeUnreadable, err, "read head"))
		return
	}
	c.openCheckpoints()
	end := v.net.Newest().Charter.ended(number)
	if end != nil {
		c.roots[end.Size] = Hash{}
	}
	if src, ok := v.src.(HashSource); ok && src.HashesOnly() {
		c.walkHashes()
	} else {
		c.walk()
	}
	c.checkGaps()
	c.checkTilesLeft()
	c.checkCheckpoints()
	if end != nil {
		c.checkEnd(end)
	}
	c.checkState()
	c.checkEvidence()
}

// checkEnd holds the entries against the root at which the charter ended the
// chain: of a chain with two histories that is the one that counts.
func (c *chainVerifier) checkEnd(end *Ended) {
	if end.Size > 0 && c.chain.Size() >= end.Size && c.roots[end.Size] != end.Root {
		c.problem("end", nil, wrong(CodeTree, "the charter ended the chain at size %d with the root %s, and the entries have %s",
			end.Size, end.Root, c.roots[end.Size]))
	}
}

// problem reports err as a problem of the chain, at an entry if seq is given.
func (c *chainVerifier) problem(what string, seq *uint64, err error) {
	c.report.Problems++
	code := CodeOf(err)
	if code == "" {
		code = CodeUnreadable
	}
	c.found(Problem{Chain: c.name, Seq: seq, What: what, Code: code, Detail: err.Error()})
}

// chunk is how many entries are opened at once: a tile's worth, enough for many
// cores and little memory.
const chunk = TileWidth

// walk reads all entries in order and checks each.
func (c *chainVerifier) walk() {
	c.noteRoot()
	var batch []StoredEntry
	next := uint64(0)
	for se, err := range c.src.Entries(c.number, 0, c.size) {
		if err != nil {
			seq := next // next moves on, the problem's position must not
			c.problem("entry", &seq, because(CodeUnreadable, err, "read entry"))
			continue
		}
		if se.Seq != next {
			c.checkBatch(batch)
			batch = batch[:0]
			if !c.skipTo(&next, se.Seq) {
				break
			}
		}
		batch = append(batch, se)
		next = se.Seq + 1
		if len(batch) == chunk {
			c.checkBatch(batch)
			batch = batch[:0]
		}
	}
	c.checkBatch(batch)
	c.skipTo(&next, c.size)
	c.report.Size = c.chain.Size()
	if root, err := c.chain.Root(); err == nil {
		c.report.Root = root
	}
}

// walkHashes builds the tree from the leaf hashes of the tiles.
func (c *chainVerifier) walkHashes() {
	c.report.HashesOnly = true
	c.noteRoot()
	for seq := range c.size {
		leaf, ok := c.storedLeaf(seq)
		if !ok {
			c.problem("tile", nil, wrong(CodeTree, "the hash of entry %d is not there", seq))
			break
		}
		c.skip(leaf)
		if c.opt.Progress != nil && c.chain.Size()%chunk == 0 {
			c.opt.Progress(c.name, c.chain.Size(), c.size)
		}
	}
	c.report.Size = c.chain.Size()
	if root, err := c.chain.Root(); err == nil {
		c.report.Root = root
	}
}

// maxLost bounds the entries of one gap that are looked for one by one though
// their hashes are not there either: a source may promise any size.
const maxLost = 4 * TileWidth

// skipTo reports the entries missing before to and moves past them with the
// leaf hashes of the tiles, so that what follows can still be checked. It gives
// up and returns false where too many hashes are missing too.
func (c *chainVerifier) skipTo(next *uint64, to uint64) bool {
	lost := 0
	for ; *next < to; *next++ {
		seq := *next
		if lost == maxLost {
			c.problem("entry", &seq, wrong(CodeMissingEntry, "neither entries nor hashes are there from here on, up to %d", to))
			*next = to
			return false
		}
		c.problem("entry", &seq, wrong(CodeMissingEntry, "the entry is not there"))
		leaf, ok := c.storedLeaf(seq)
		if !ok {
			lost++
		}
		c.skip(leaf)
	}
	return true
}

func (c *chainVerifier) checkBatch(batch []StoredEntry) {
	opened := make([]*OpenedEntry, len(batch))
	errs := make([]error, len(batch))
	c.opt.Each(len(batch), func(i int) { opened[i], errs[i] = OpenEntry(batch[i].Raw) })
	for i := range batch {
		var next *Entry
		if i+1 < len(batch) {
			next, _ = DecodeEntry(batch[i+1].Raw)
		}
		c.checkOne(&batch[i], opened[i], errs[i], next)
	}
	if c.opt.Progress != nil && len(batch) > 0 {
		c.opt.Progress(c.name, c.chain.Size(), c.size)
	}
}

// checkOne checks one entry and moves the chain past it, whatever it finds.
func (c *chainVerifier) checkOne(se *StoredEntry, o *OpenedEntry, openErr error, next *Entry) {
	seq := se.Seq
	leaf, haveLeaf := c.storedLeaf(seq)
	if openErr != nil {
		c.problem("entry", &seq, openErr)
		c.skip(leaf)
		return
	}
	// The tile and the entry may disagree; the entry after them tells which of
	// the two was changed. A changed tile is reported with the tiles.
	if haveLeaf && leaf != o.Hash && (next == nil || next.Prev != o.Hash) {
		c.problem("entry", &seq, wrong(CodeTree, "the entry does not have the hash that its tile holds"))
		c.skip(leaf)
		return
	}
	sc := c.openSidecar(se, o)
	if err := c.chain.Check(o, nil, c.seenBefore(seq)); err != nil {
		c.problem("entry", &seq, err)
		c.skip(o.Hash)
		return
	}
	if sc != nil {
		if err := c.checkSidecar(o, sc, seq); err != nil {
			c.problem("sidecar", &seq, err)
		}
	}
	if err := c.chain.Apply(o, sc, c.addToTile); err != nil {
		c.problem("entry", &seq, err)
		return
	}
	c.count(o, se, sc)
	c.noteRoot()
}

// checkSidecar checks an entry's sidecar and remembers what it lacks.
func (c *chainVerifier) checkSidecar(o *OpenedEntry, sc *Sidecar, seq uint64) error {
	if o.Record == nil || !o.Record.Record.MayLack() {
		return c.chain.Check(o, sc, nil)
	}
	missing, err := sc.Missing(&o.Record.Record)
	if err == nil && len(missing) > 0 {
		c.gaps = append(c.gaps, gap{seq, o.Record.ID, missing})
	}
	return err
}

// noteErased remembers what an erase record names. What it says of a record that
// comes after it does not count: see count.
func (c *chainVerifier) noteErased(r *Record) {
	f, err := r.Erases()
	if f == nil || err != nil {
		return
	}
	if c.erased[f.Record] == nil {
		c.erased[f.Record] = make(map[Hash]bool)
	}
	for _, d := range f.Digests {
		c.erased[f.Record][d] = true
	}
}

// checkGaps reports the shared disclosures that are absent and were not erased.
func (c *chainVerifier) checkGaps() {
	for _, g := range c.gaps {
		for _, d := range g.missing {
			if !c.erased[g.record][d] {
				c.problem("sidecar", &g.seq, wrong(CodeMissing, "disclosure %s is absent", d))
			}
		}
	}
}

func (c *chainVerifier) count(o *OpenedEntry, se *StoredEntry, sc *Sidecar) {
	switch o.Entry.Kind {
	case EntryRecord:
		c.report.Records++
		delete(c.erased, o.Record.ID)
		c.noteErased(&o.Record.Record)
		c.seen[o.Record.ID] = se.Seq
		if _, ok := c.src.(RecordFinder); ok {
			delete(c.seen, o.Record.ID)
		}
		if !sc.Empty() {
			c.report.Sidecars++
		}
	case EntryFrontier:
		c.frontier = append(c.frontier, placedFrontier{se.Seq, o.Frontier})
	}
}

// openSidecar returns the sidecar to check the entry with, nil for none: where
// the source gives none, and where its bytes are no sidecar.
func (c *chainVerifier) openSidecar(se *StoredEntry, o *OpenedEntry) *Sidecar {
	if se.LogOnly {
		return nil
	}
	sc, err := DecodeSidecar(se.Sidecar)
	if err != nil {
		c.problem("sidecar", &se.Seq, err)
		return nil
	}
	return sc
}

// seenBefore checks the record look-up for position seq and says whether the
// record stands elsewhere too.
func (c *chainVerifier) seenBefore(seq uint64) func(Hash) bool {
	return func(id Hash) bool {
		finder, ok := c.src.(RecordFinder)
		if !ok {
			_, twice := c.seen[id]
			return twice
		}
		chain, at, found, err := finder.Find(id)
		switch {
		case err != nil:
			c.problem("record index", &seq, because(CodeUnreadable, err, "look up record"))
		case !found:
			c.problem("record index", &seq, wrong(CodeRecordID, "record %s cannot be found by its id", id))
		case chain != c.number || at > seq:
			c.problem("record index", &seq, wrong(CodeRecordID, "record %s is said to stand at %d/%d", id, chain, at))
		}
		return err == nil && found && chain == c.number && at < seq
	}
}

// skip moves the chain past an entry that could not be checked.
func (c *chainVerifier) skip(leaf Hash) {
	if err := c.chain.skip(leaf, c.addToTile); err != nil {
		c.problem("entry", nil, err)
	}
	c.noteRoot()
}

// skip moves past an unknown entry with the given leaf hash; see [Verify].
func (c *Chain) skip(leaf Hash, visit func(TileID, int, Hash)) error {
	if c.version == nil {
		c.version = c.net.firstWith(c.Number)
	}
	c.prev, c.after = leaf, EntryRecord
	return c.tree.Append(leaf, visit)
}

// storedLeaf reads the leaf hash that the tiles hold for a position.
func (c *chainVerifier) storedLeaf(seq uint64) (Hash, bool) {
	at := int(seq % TileWidth)
	data, err := c.src.Tile(c.number, TileID{Level: 0, Index: seq / TileWidth}, at+1)
	if err != nil || len(data) < (at+1)*len(Hash{}) {
		return Hash{}, false
	}
	return Hash(data[at*len(Hash{}) : (at+1)*len(Hash{})]), true
}

func (c *chainVerifier) addToTile(tile TileID, at int, h Hash) {
	c.tiles[tile] = append(c.tiles[tile], h[:]...)
	if at == TileWidth-1 {
		c.checkTile(tile)
	}
}

func (c *chainVerifier) checkTilesLeft() {
	for _, tile := range slices.SortedFunc(maps.Keys(c.tiles), compareTiles) {
		c.checkTile(tile)
	}
}

// checkTile compares a tile with the hashes that the entries give.
func (c *chainVerifier) checkTile(tile TileID) {
	want := c.tiles[tile]
	delete(c.tiles, tile)
	c.report.Tiles++
	what := fmt.Sprintf("tile %d/%d", tile.Level, tile.Index)
	have, err := c.src.Tile(c.number, tile, len(want)/len(Hash{}))
	switch {
	case err != nil:
		c.problem(what, nil, because(CodeUnreadable, err, "read tile"))
	case !bytes.Equal(have, want):
		c.problem(what, nil, wrong(CodeTree, "the tile does not hold the hashes of the entries from %d on", firstOf(tile, have, want)))
	}
}

// firstOf is the position of the first entry under the first hash in which the
// two forms of a tile differ.
func firstOf(tile TileID, a, b []byte) uint64 {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	hash := tile.Index*TileWidth + uint64(at/len(Hash{}))
	return hash << (TileHeight * uint(tile.Level))
}

func (c *chainVerifier) openCheckpoints() {
	notes, err := c.src.Checkpoints(c.number)
	if err != nil {
		c.problem("checkpoint", nil, because(CodeUnreadable, err, "read checkpoints"))
	}
	for _, raw := range notes {
		cp, err := c.net.OpenCheckpoint(raw)
		if err == nil && cp.Chain != c.number {
			err = wrong(CodeCheckpoint, "the checkpoint is that of chain %d", cp.Chain)
		}
		if err == nil {
			err = cp.checkAllLines()
		}
		if err != nil {
			c.problem("checkpoint", nil, err)
			continue
		}
		c.opened = append(c.opened, cp)
		c.roots[cp.Size] = Hash{}
	}
}

// noteRoot keeps the root at sizes that checkpoints name.
func (c *chainVerifier) noteRoot() {
	if _, ok := c.roots[c.chain.Size()]; !ok {
		return
	}
	root, err := c.chain.Root()
	if err != nil {
		c.problem("tree", nil, err)
	}
	c.roots[c.chain.Size()] = root
}

func (c *chainVerifier) checkCheckpoints() {
	for _, cp := range c.opened {
		what := fmt.Sprintf("checkpoint of size %d", cp.Size)
		switch {
		case cp.Size > c.chain.Size():
			c.problem(what, nil, wrong(CodeCheckpoint, "the chain has %d entries only", c.chain.Size()))
		case c.roots[cp.Size] != cp.Root:
			c.problem(what, nil, wrong(CodeCheckpoint, "the entries have the root %s, not %s", c.roots[cp.Size], cp.Root))
		default:
			c.noteFinal(cp)
		}
	}
	charter := c.net.Newest().Charter
	c.report.FinalSigned = []string{}
	if c.finalAt != nil {
		charter = c.net.Version(c.finalAt.Version).Charter
		c.report.FinalSize, c.report.FinalSigned = c.finalAt.Size, c.finalAt.Cosigners
	}
	c.report.FinalAsked, c.report.FinalTotal = charter.Quorum(), len(charter.Cosigners)
}

// noteFinal takes a checkpoint for the newest final one if it is: under the
// charters in force at its size, where the entries tell which these are.
func (c *chainVerifier) noteFinal(cp *Checkpoint) {
	if in := c.chain.InForce(cp.Size); in.To > 0 {
		at, err := c.net.OpenCheckpointAt(cp.Note, in)
		if err != nil {
			c.problem("checkpoint", nil, err)
			return
		}
		cp = at
	}
	if cp.Final && (c.finalAt == nil || cp.Size > c.finalAt.Size) {
		c.finalAt = cp
	}
}

func (c *chainVerifier) checkState() {
	src, ok := c.src.(StateSource)
	if !ok {
		return
	}
	state, rights, err := src.State(c.number)
	if err != nil {
		c.problem("head", nil, because(CodeUnreadable, err, "read state"))
		return
	}
	want, err := Marshal(c.chain.State())
	if err != nil {
		c.problem("head", nil, err)
		return
	}
	have, err := Marshal(state)
	if err != nil || !bytes.Equal(have, want) {
		c.problem("head", nil, wrong(CodeHead, "the stored state is not what the entries fold to"))
	}
	wantRights, err1 := Marshal(c.chain.Rights().All())
	haveRights, err2 := Marshal(rights.All())
	if errors.Join(err1, err2) != nil || !bytes.Equal(haveRights, wantRights) {
		c.problem("rights", nil, wrong(CodeHead, "the stored grants are not what the entries fold to"))
	}
}

func (c *chainVerifier) checkEvidence() {
	src, ok := c.src.(EvidenceSource)
	if !ok {
		return
	}
	e, err := src.Evidence(c.number)
	switch {
	case err != nil:
		c.problem("evidence", nil, because(CodeUnreadable, err, "read evidence"))
	case e != nil:
		if _, err := e.Open(c.net); err != nil {
			c.problem("evidence", nil, err)
			return
		}
		if c.net.Ended(c.number) == nil { // a charter that ends the chain has settled it
			c.problem("evidence", nil, wrong(CodeForked, "its author signed two histories"))
		}
	}
}

// verifyFrontiers holds the frontier entries of every chain against the chains
// that they name: the root must be the one that the named chain had at that
// size, and a frontier must cover whatever the entries that it names cover.
func (v *verifier) verifyFrontiers() {
	for _, n := range slices.Sorted(maps.Keys(v.chains)) {
		v.chains[n].checkFrontiers()
	}
}

func (c *chainVerifier) checkFrontiers() {
	covered := make(map[uint32]uint64) // what the frontier entries so far name
	walked := make(map[uint32]int)     // frontier entries of other chains compared so far
	for _, f := range c.frontier {
		for _, s := range f.seen {
			covered[s.Chain] = s.Size
			c.checkSeenRoot(f.seq, s)
		}
		for _, s := range f.seen {
			other := c.verifier.chains[s.Chain]
			if other == nil {
				continue
			}
			for walked[s.Chain] < len(other.frontier) && other.frontier[walked[s.Chain]].seq < s.Size {
				c.checkCovers(f.seq, s.Chain, other.frontier[walked[s.Chain]], covered)
				walked[s.Chain]++
			}
		}
	}
}

func (c *chainVerifier) checkSeenRoot(seq uint64, s Seen) {
	other := c.verifier.chains[s.Chain]
	if other == nil || other.chain == nil || other.chain.Size() < s.Size {
		return // not held so far: nothing can be said, and nothing was cosigned here
	}
	root, err := TileSource(func(t TileID, width int) ([]byte, error) {
		return c.src.Tile(s.Chain, t, width)
	}).RootAt(s.Size)
	if err != nil {
		c.problem("frontier", &seq, err)
		return
	}
	if root != s.Root {
		c.problem("frontier", &seq, wrong(CodeFrontier, "chain %s had the root %s at size %d, not %s", other.name, root, s.Size, s.Root))
	}
}

func (c *chainVerifier) checkCovers(seq uint64, named uint32, inner placedFrontier, covered map[uint32]uint64) {
	for _, s := range inner.seen {
		have := covered[s.Chain]
		if s.Chain == c.number {
			have = seq
		}
		if s.Size > have {
			c.problem("frontier", &seq, wrong(CodeFrontier,
				"it names chain %d, whose entry %d had seen size %d of chain %d, but covers %d", named, inner.seq, s.Size, s.Chain, have))
		}
	}
}
