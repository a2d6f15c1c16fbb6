package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
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

	// Cosigners are the members of the charter's cosigners whose valid
	// cosignature the note carries, ascending; the author's member is among
	// them if its log signature counts for it.
	Cosigners []string
	// Final is true when Cosigners reach the charter's quorum.
	Final bool

	Note []byte // the whole signed note

	verified int // signature lines of Note that verified
}

// Verifiers checks checkpoints under one charter version. Make it with
// [NewVerifiers]. It is safe for concurrent use.
type Verifiers struct {
	charter   *Charter
	network   Hash
	logs      map[string]uint32 // origin → chain number
	byChain   map[uint32]note.Verifier
	witnesses map[string]string // witness key name → member
	known     []note.Verifier
	all       note.Verifiers
}

// NewVerifiers prepares the keys that a charter names.
func NewVerifiers(c *Charter, network Hash) (*Verifiers, error) {
	v := &Verifiers{
		charter: c, network: network,
		logs:      make(map[string]uint32, len(c.Nodes)),
		byChain:   make(map[uint32]note.Verifier, len(c.Nodes)),
		witnesses: make(map[string]string, len(c.Cosigners)),
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
		v.witnesses[name] = w.Member
		v.known = append(v.known, ver)
	}
	v.all = note.VerifierList(v.known...)
	return v, nil
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
	if len(raw) > MaxCheckpointBytes {
		return nil, wrong(CodeTooLarge, "a checkpoint of %d bytes is over the limit of %d", len(raw), MaxCheckpointBytes)
	}
	if err := checkLines(raw); err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(string(raw), "\n")
	chain, ok := v.logs[origin]
	if !ok {
		return nil, wrong(CodeUnknownChain, "no chain has the origin %q", origin)
	}
	cp, rest, n, err := log.ParseCheckpoint(raw, origin, v.byChain[chain], v.known...)
	if err != nil {
		return nil, because(CodeCheckpoint, err, "checkpoint of %s", origin)
	}
	if len(rest) > 0 || len(cp.Hash) != len(Hash{}) {
		return nil, wrong(CodeCheckpoint, "the checkpoint of %s has extension lines or no 32-byte root", origin)
	}
	if n.Text != string(cp.Marshal()) {
		return nil, wrong(CodeNotCanonical, "the checkpoint of %s writes its size or root in another than the canonical form", origin)
	}
	out := &Checkpoint{Chain: chain, Size: cp.Size, Root: Hash(cp.Hash), Note: raw, verified: len(n.Sigs)}
	out.Cosigners = v.cosigners(n, chain)
	out.Final = len(out.Cosigners) >= v.charter.Quorum()
	return out, nil
}

func (v *Verifiers) cosigners(n *note.Note, chain uint32) []string {
	var list []string
	if author := v.authorCosigner(chain); author != "" {
		list = append(list, author)
	}
	for _, sig := range n.Sigs {
		if m, ok := v.witnesses[sig.Name]; ok && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	slices.Sort(list)
	return list
}

// authorCosigner is the member for which the log signature of chain counts: the
// chain's own, if the node that writes it holds the member's witness.
func (v *Verifiers) authorCosigner(chain uint32) string {
	n := v.charter.Node(chain)
	if w := v.charter.Cosigner(n.Member); w != nil && w.Node == chain {
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
	if err != nil || len(n.Sigs) != 1 || v.witnesses[n.Sigs[0].Name] != member {
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
	var lines [][]byte
	for _, line := range strings.SplitAfter(string(sigs), "\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		if _, ok := v.witnesses[name]; ok {
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

// Evidence is two checkpoint notes of one chain, both signed by its log key,
// with one size and different roots: proof that its author signed two
// histories.
type Evidence struct {
	A []byte `json:"a"`
	B []byte `json:"b"`
}

// Open verifies the evidence and returns the forked chain.
func (e *Evidence) Open(v *Verifiers) (chain uint32, err error) {
	a, err := v.Open(e.A)
	if err != nil {
		return 0, err
	}
	b, err := v.Open(e.B)
	if err != nil {
		return 0, err
	}
	if a.Chain != b.Chain || a.Size != b.Size || a.Root == b.Root {
		return 0, wrong(CodeForm, "the two checkpoints can both be true")
	}
	return a.Chain, nil
}
