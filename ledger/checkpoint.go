package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// NetworkTag is the first 8 hex digits of a network id: what origins, key names
// and protocol names show of it.
func NetworkTag(network Hash) string { return network.String()[:8] }

// Origin is the C2SP tlog-checkpoint origin of a chain, which is also the key
// name of its log key: <network name>/<8 hex of network id>/<member>/<number>.
func Origin(name string, network Hash, member string, number uint32) string {
	return fmt.Sprintf("%s/%s/%s/%d", name, NetworkTag(network), member, number)
}

// WitnessName is the key name of a member's witness:
// <network name>/<8 hex of network id>/<member>.
func WitnessName(name string, network Hash, member string) string {
	return fmt.Sprintf("%s/%s/%s", name, NetworkTag(network), member)
}

// A Checkpoint is a chain's signed size and root: a C2SP tlog-checkpoint note
// without extension lines, with the signature of the chain's log key and the
// cosignatures (C2SP tlog-cosignature, type 04) gathered so far.
type Checkpoint struct {
	Chain uint32
	Size  uint64
	Root  Hash

	// Version is the charter version under which the cosigners are counted.
	Version uint64
	// Cosigners are the members of that charter's cosigners whose valid
	// cosignature the note carries, ascending; the author's member is among
	// them if its log signature counts for it.
	Cosigners []string
	// Final is true when Cosigners reach the charter's quorum, and that of every
	// other version whose quorum the checkpoint needs.
	Final bool

	Note []byte // the whole signed note

	verified int // signature lines of Note that verified
}

// Verifiers checks checkpoints under one charter version, or under one and those
// that the checkpoint crosses into it. Make it with [NewVerifiers] or
// [Network.Verifiers]. It is safe for concurrent use.
type Verifiers struct {
	charter *Charter   // in force at the checkpoint's size
	crossed []*Charter // older versions whose quorums are needed too, descending
	network Hash

	logs      map[string]uint32 // origin → chain number
	byChain   map[uint32]note.Verifier
	witnesses map[witnessID]Cosigner
	known     []note.Verifier
	all       note.Verifiers
}

// A witnessID is what a signature line says of its key.
type witnessID struct {
	name string
	hash uint32
}

// NewVerifiers prepares the keys that a charter names.
func NewVerifiers(c *Charter, network Hash) (*Verifiers, error) {
	v := &Verifiers{
		charter: c, network: network,
		logs:      make(map[string]uint32, len(c.Nodes)),
		byChain:   make(map[uint32]note.Verifier, len(c.Nodes)),
		witnesses: make(map[witnessID]Cosigner, len(c.Cosigners)),
	}
	for _, n := range c.Nodes {
		origin := Origin(c.Name, network, n.Member, n.Number)
		vkey, err := note.NewEd25519VerifierKey(origin, n.LogKey[:])
		if err != nil {
			return nil, because(CodeCharter, err, "log key of %d", n.Number)
		}
		ver, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, because(CodeCharter, err, "log key of %d", n.Number)
		}
		v.logs[origin] = n.Number
		v.byChain[n.Number] = ver
	}
	for _, w := range c.Cosigners {
		name := WitnessName(c.Name, network, w.Member)
		vkey, err := note.NewEd25519VerifierKey(name, w.Key[:])
		if err != nil {
			return nil, because(CodeCharter, err, "witness key of %s", w.Member)
		}
		ver, err := fnote.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return nil, because(CodeCharter, err, "witness key of %s", w.Member)
		}
		v.addWitness(ver, w)
	}
	v.all = note.VerifierList(v.known...)
	return v, nil
}

// addWitness takes a key in. Of two keys of one member that no signature line
// could tell apart the first one stays.
func (v *Verifiers) addWitness(ver note.Verifier, w Cosigner) {
	id := witnessID{ver.Name(), ver.KeyHash()}
	if _, twice := v.witnesses[id]; !twice {
		v.witnesses[id] = w
		v.known = append(v.known, ver)
	}
}

// crossing returns verifiers that also need the quorums of older versions.
func (v *Verifiers) crossing(older ...*Verifiers) *Verifiers {
	u := &Verifiers{
		charter: v.charter, network: v.network,
		logs: maps.Clone(v.logs), byChain: maps.Clone(v.byChain), witnesses: maps.Clone(v.witnesses), known: slices.Clone(v.known),
	}
	for _, o := range slices.Backward(older) {
		u.crossed = append(u.crossed, o.charter)
		for origin, chain := range o.logs { // a number has one log key for ever
			u.logs[origin], u.byChain[chain] = chain, o.byChain[chain]
		}
		for _, ver := range o.known {
			u.addWitness(ver, o.witnesses[witnessID{ver.Name(), ver.KeyHash()}])
		}
	}
	u.all = note.VerifierList(u.known...)
	return u
}

// Witnesses returns the cosigners whose signatures can count, each member once,
// ascending: as the newest version that has it names it.
func (v *Verifiers) Witnesses() []Cosigner {
	byMember := make(map[string]Cosigner)
	for _, c := range append([]*Charter{v.charter}, v.crossed...) {
		for _, w := range c.Cosigners {
			if _, newer := byMember[w.Member]; !newer {
				byMember[w.Member] = w
			}
		}
	}
	list := slices.Collect(maps.Values(byMember))
	slices.SortFunc(list, func(a, b Cosigner) int { return compareString(a.Member, b.Member) })
	return list
}

// Charter is the charter version that v checks under.
func (v *Verifiers) Charter() *Charter { return v.charter }

// Origin is the origin line of a chain of the charter, or "".
func (v *Verifiers) Origin(chain uint32) string {
	if n := v.charter.Node(chain); n != nil {
		return Origin(v.charter.Name, v.network, n.Member, chain)
	}
	return ""
}

// Open verifies a checkpoint note: text form, the signature of its chain's log
// key, and those cosignatures that are of the charter's cosigners. A cosigner's
// line that does not verify makes the whole note bad; lines of strangers are
// ignored. Whether the size and root fit a chain is for the caller.
func (v *Verifiers) Open(raw []byte) (*Checkpoint, error) {
	opened, chain, err := v.open(raw)
	if err != nil {
		return nil, err
	}
	return v.count(raw, opened, chain), nil
}

// An openedNote is a checkpoint note with the signatures of it that verified.
type openedNote struct {
	cp   *log.Checkpoint
	sigs []note.Signature
}

// open verifies everything about a note but who counts.
func (v *Verifiers) open(raw []byte) (o openedNote, chain uint32, err error) {
	if len(raw) > MaxCheckpointBytes {
		return o, 0, wrong(CodeTooLarge, "a checkpoint of %d bytes is over the limit of %d", len(raw), MaxCheckpointBytes)
	}
	if err := checkLines(raw); err != nil {
		return o, 0, err
	}
	origin, _, _ := strings.Cut(string(raw), "\n")
	chain, ok := v.logs[origin]
	if !ok {
		return o, 0, wrong(CodeUnknownChain, "no chain has the origin %q", origin)
	}
	cp, rest, n, err := log.ParseCheckpoint(raw, origin, v.byChain[chain], v.known...)
	if err != nil {
		return o, 0, because(CodeCheckpoint, err, "checkpoint of %s", origin)
	}
	if len(rest) > 0 || len(cp.Hash) != len(Hash{}) {
		return o, 0, wrong(CodeCheckpoint, "the checkpoint of %s has extension lines or no 32-byte root", origin)
	}
	if n.Text != string(cp.Marshal()) {
		return o, 0, wrong(CodeNotCanonical, "the checkpoint of %s writes its size or root in another than the canonical form", origin)
	}
	return openedNote{cp, n.Sigs}, chain, nil
}

// count says who of v's charters has signed a note. Its signatures were verified
// with v's keys or more.
func (v *Verifiers) count(raw []byte, o openedNote, chain uint32) *Checkpoint {
	cp := &Checkpoint{
		Chain: chain, Size: o.cp.Size, Root: Hash(o.cp.Hash), Version: v.charter.Version, Note: raw, verified: len(o.sigs),
	}
	signed := make(map[Hash]bool, len(o.sigs))
	for _, sig := range o.sigs {
		if w, ok := v.witnesses[witnessID{sig.Name, sig.Hash}]; ok {
			signed[w.Key] = true
		}
	}
	cp.Cosigners = v.charter.cosignedBy(signed, chain)
	cp.Final = len(cp.Cosigners) >= v.charter.Quorum()
	for _, c := range v.crossed {
		cp.Final = cp.Final && len(c.cosignedBy(signed, chain)) >= c.Quorum()
	}
	return cp
}

// cosignedBy returns the members, ascending, whose witness key is among those
// that signed a checkpoint of a chain, with the author if it counts.
func (c *Charter) cosignedBy(signed map[Hash]bool, chain uint32) []string {
	author := c.authorCosigner(chain)
	var list []string
	for _, w := range c.Cosigners {
		if signed[w.Key] || w.Member == author {
			list = append(list, w.Member)
		}
	}
	return list
}

// authorCosigner is the member for which the log signature of chain counts: the
// chain's own, if the node that writes it holds the member's witness.
func (c *Charter) authorCosigner(chain uint32) string {
	n := c.Node(chain)
	if n == nil {
		return ""
	}
	if w := c.Cosigner(n.Member); w != nil && w.Node == chain {
		return n.Member
	}
	return ""
}

// VerifyCosignature checks one cosignature line of a member on a checkpoint
// note's text and returns it as a note signature.
func (v *Verifiers) VerifyCosignature(cp *Checkpoint, member string, line []byte) (note.Signature, error) {
	text, _, ok := cutNote(cp.Note)
	if !ok {
		return note.Signature{}, wrong(CodeCheckpoint, "the checkpoint is no note")
	}
	if strings.Count(string(line), "\n") != 1 {
		return note.Signature{}, wrong(CodeForm, "a cosignature is one line")
	}
	signed := slices.Concat(text, []byte("\n"), line)
	if err := checkLines(signed); err != nil {
		return note.Signature{}, err
	}
	n, err := note.Open(signed, v.all)
	if err != nil || len(n.Sigs) != 1 || v.witnesses[witnessID{n.Sigs[0].Name, n.Sigs[0].Hash}].Member != member {
		return note.Signature{}, because(CodeSignature, err, "cosignature of %s", member)
	}
	return n.Sigs[0], nil
}

// Merge adds cosignature lines of cosigning members to a checkpoint and opens
// the result. Lines that the note already has are left out.
func (v *Verifiers) Merge(cp *Checkpoint, lines ...[]byte) (*Checkpoint, error) {
	raw := slices.Clone(cp.Note)
	for _, line := range lines {
		if !strings.Contains(string(raw), string(line)) {
			raw = append(raw, line...)
		}
	}
	return v.Open(raw)
}

// Cosignatures returns the note's signature lines of the charter's witnesses,
// each with its line feed, in the note's order.
func (v *Verifiers) Cosignatures(raw []byte) [][]byte {
	_, sigs, ok := cutNote(raw)
	if !ok {
		return nil
	}
	names := make(map[string]bool, len(v.witnesses))
	for id := range v.witnesses {
		names[id.name] = true
	}
	var lines [][]byte
	for _, line := range strings.SplitAfter(string(sigs), "\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		if names[name] {
			lines = append(lines, []byte(line))
		}
	}
	return lines
}

// cutNote splits a signed note into its text and its signature lines.
func cutNote(raw []byte) (text, sigs []byte, ok bool) {
	i := strings.LastIndex(string(raw), "\n\n")
	if i < 0 {
		return nil, nil, false
	}
	return raw[:i+1], raw[i+2:], true
}

// checkLines holds that every signature line is the one canonical form of what
// it says: base64 has unused bits, in which two different notes would be equal.
func checkLines(raw []byte) error {
	_, sigs, ok := cutNote(raw)
	if !ok {
		return wrong(CodeCheckpoint, "the checkpoint has no signatures")
	}
	for line := range strings.Lines(string(sigs)) {
		_, b64, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "— "), "\n"), " ")
		sig, err := base64.StdEncoding.Strict().DecodeString(b64)
		if err != nil || base64.StdEncoding.EncodeToString(sig) != b64 {
			return wrong(CodeNotCanonical, "a signature line is not in its canonical form")
		}
	}
	return nil
}

// checkAllLines holds that a stored note carries nothing but the log signature
// and valid cosignatures: a changed line must not pass as that of a stranger.
func (cp *Checkpoint) checkAllLines() error {
	_, sigs, _ := cutNote(cp.Note)
	if strings.Count(string(sigs), "\n") != cp.verified {
		return wrong(CodeCheckpoint, "a signature line is of nobody that the charter names")
	}
	return nil
}

// SignCheckpoint signs size and root of a chain with its log key.
func SignCheckpoint(origin string, size uint64, root Hash, key ed25519.PrivateKey) ([]byte, error) {
	s, err := logSigner(origin, key)
	if err != nil {
		return nil, err
	}
	text := log.Checkpoint{Origin: origin, Size: size, Hash: root[:]}.Marshal()
	raw, err := note.Sign(&note.Note{Text: string(text)}, s)
	if err != nil {
		return nil, because(CodeCheckpoint, err, "sign checkpoint")
	}
	return raw, nil
}

// logSigner makes a note signer of algorithm 01 for an Ed25519 key; x/mod reads
// keys in its own text form only.
func logSigner(name string, key ed25519.PrivateKey) (note.Signer, error) {
	vkey, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, because(CodeCheckpoint, err, "log key name")
	}
	hash := strings.Split(vkey, "+")[1]
	seed := append([]byte{1}, key.Seed()...)
	s, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(seed)))
	if err != nil {
		return nil, because(CodeCheckpoint, err, "log key")
	}
	return s, nil
}

// Cosign makes the cosignature line of a witness for a checkpoint note, with
// its line feed. The signed message is that of C2SP tlog-cosignature; the time
// is an argument because this package has no clock.
func Cosign(cp *Checkpoint, witness string, key ed25519.PrivateKey, at time.Time) ([]byte, error) {
	text, _, ok := cutNote(cp.Note)
	if !ok {
		return nil, wrong(CodeCheckpoint, "the checkpoint is no note")
	}
	vkey, err := note.NewEd25519VerifierKey(witness, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, because(CodeCheckpoint, err, "witness key name")
	}
	v, err := fnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return nil, because(CodeCheckpoint, err, "witness key")
	}
	sig := binary.BigEndian.AppendUint32(nil, v.KeyHash())
	sig = binary.BigEndian.AppendUint64(sig, uint64(at.Unix()))
	msg := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), text)
	sig = append(sig, ed25519.Sign(key, msg)...)
	return fmt.Appendf(nil, "— %s %s\n", witness, base64.StdEncoding.EncodeToString(sig)), nil
}

// PeekCheckpoint reads origin and size of a checkpoint note without verifying
// anything: for choosing what to ask for, never for belief.
func PeekCheckpoint(raw []byte) (origin string, size uint64, ok bool) {
	lines := strings.SplitN(string(raw[:min(len(raw), 1024)]), "\n", 3)
	if len(lines) < 3 {
		return "", 0, false
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	return lines[0], size, err == nil
}
