package main_test

// This file checks a node's log with nothing of ours: package note and tlog of
// x/mod, the standard library, and what C2SP writes about tlog-checkpoint,
// tlog-cosignature and tlog-tiles. If it passes, tools that exist work on our
// logs.

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// TestIndependentCheck verifies checkpoints, cosignatures, consistency and
// inclusion of a chain as somebody would who has only read the standards.
func TestIndependentCheck(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.start()
	n.brand.addOperator("place")
	n.brand.post(placeDraft("first"))
	n.waitFinal()
	log := openPublicLog(t, n.wh.url, "brand", 1) // what another company serves
	before := log.checkpoint()
	var record placed
	for i := range 300 { // more than one tile
		record = n.brand.post(placeDraft(fmt.Sprintf("p%d", i)))[0]
	}
	n.waitFinal()
	after := log.checkpoint()
	if after.N <= before.N || after.N <= int64(record.Seq) {
		t.Fatalf("the log has grown from %d to %d, with the record at %d", before.N, after.N, record.Seq)
	}

	hashes := tlog.TileHashReader(after, log)
	proof, err := tlog.ProveTree(after.N, before.N, hashes)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, after.N, after.Hash, before.N, before.Hash); err != nil {
		t.Errorf("the log was not only appended to: %v", err)
	}

	n.wh.addOperator("place") // for a token of a member
	log.token = n.wh.token
	for _, seq := range []int64{0, 1, 255, 256, int64(record.Seq)} {
		inclusion, err := tlog.ProveRecord(after.N, seq, hashes)
		if err != nil {
			t.Fatal(err)
		}
		entry := log.entry(after.N, seq)
		leaf := tlog.RecordHash(entry)
		if err := tlog.CheckRecord(inclusion, after.N, after.Hash, seq, leaf); err != nil {
			t.Errorf("entry %d is not in the log: %v", seq, err)
		}
		if seq == int64(record.Seq) && hex.EncodeToString(leaf[:]) != record.Hash {
			t.Errorf("the API gives the hash %s, the entry has %x", record.Hash, leaf)
		}
	}
}

// A publicLog is a log as anybody reads it over HTTP. It implements
// tlog.TileReader.
type publicLog struct {
	t         *testing.T
	base      string // with /log/<member>/<number>
	token     string // of a member, for entry bundles
	author    note.Verifier
	witnesses []note.Verifier
	origin    string
}

// openPublicLog takes the keys from the charter that the server shows. A real
// verifier has the network id from elsewhere; it is the hash of the charter.
func openPublicLog(t *testing.T, url, member string, number int) *publicLog {
	t.Helper()
	var doc struct {
		Charter string `json:"charter"`
		View    struct {
			Name  string `json:"name"`
			Nodes []struct {
				Number int    `json:"number"`
				Member string `json:"member"`
				LogKey string `json:"log_key"`
			} `json:"nodes"`
			Cosigners []struct {
				Member string `json:"member"`
				Key    string `json:"key"`
			} `json:"cosigners"`
		} `json:"view"`
	}
	l := &publicLog{t: t, base: url + fmt.Sprintf("/log/%s/%d", member, number)}
	if err := json.Unmarshal(l.fetch(url+"/api/v1/charter"), &doc); err != nil {
		t.Fatal(err)
	}
	var chains struct {
		Network string `json:"network"`
	}
	if err := json.Unmarshal(l.fetch(url+"/api/v1/chains"), &chains); err != nil {
		t.Fatal(err)
	}
	prefix := doc.View.Name + "/" + chains.Network[:8] + "/"
	for _, node := range doc.View.Nodes {
		if node.Number != number {
			continue
		}
		l.origin = prefix + fmt.Sprintf("%s/%d", node.Member, node.Number)
		vkey, err := note.NewEd25519VerifierKey(l.origin, publicKey(t, node.LogKey))
		if err != nil {
			t.Fatal(err)
		}
		if l.author, err = note.NewVerifier(vkey); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range doc.View.Cosigners {
		l.witnesses = append(l.witnesses, newCosignatureVerifier(prefix+c.Member, publicKey(t, c.Key)))
	}
	return l
}

func publicKey(t *testing.T, text string) ed25519.PublicKey {
	t.Helper()
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		t.Fatalf("%q is no Ed25519 key: %v", text, err)
	}
	return key
}

// checkpoint reads the newest checkpoint. It must be signed by its log, and
// cosigned by at least three of the four companies, the author's own being one.
func (l *publicLog) checkpoint() tlog.Tree {
	l.t.Helper()
	raw := l.fetch(l.base + "/checkpoint")
	signed, err := note.Open(raw, note.VerifierList(l.author))
	if err != nil {
		l.t.Fatalf("the log has not signed its checkpoint: %v\n%s", err, raw)
	}
	cosigned, err := note.Open(raw, note.VerifierList(l.witnesses...))
	if err != nil {
		l.t.Fatalf("the cosignatures do not verify: %v\n%s", err, raw)
	}
	if len(cosigned.Sigs) < 2 || len(signed.UnverifiedSigs) != len(cosigned.Sigs) {
		l.t.Fatalf("%d of %d cosignatures verify", len(cosigned.Sigs), len(signed.UnverifiedSigs))
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != l.origin || lines[3] != "" {
		l.t.Fatalf("this is no checkpoint of %s: %q", l.origin, signed.Text)
	}
	var tree tlog.Tree
	if _, err := fmt.Sscanf(lines[1], "%d", &tree.N); err != nil {
		l.t.Fatal(err)
	}
	if tree.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		l.t.Fatal(err)
	}
	return tree
}

// A cosignatureVerifier checks Ed25519 cosignatures as C2SP tlog-cosignature
// has them: type 04, eight bytes of time before the signature, which is over
// the time and the checkpoint.
type cosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
	hash uint32
}

func newCosignatureVerifier(name string, key ed25519.PublicKey) *cosignatureVerifier {
	h := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	return &cosignatureVerifier{name, key, binary.BigEndian.Uint32(h[:])}
}

func (v *cosignatureVerifier) Name() string    { return v.name }
func (v *cosignatureVerifier) KeyHash() uint32 { return v.hash }

func (v *cosignatureVerifier) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(v.key, signed, sig[8:])
}

// Height implements tlog.TileReader.
func (l *publicLog) Height() int { return 8 }

// SaveTiles implements tlog.TileReader.
func (l *publicLog) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader. C2SP leaves the height out of the path
// that package tlog makes.
func (l *publicLog) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		all = append(all, l.fetch(l.base+"/tile/"+strings.TrimPrefix(tile.Path(), "tile/8/")))
	}
	return all, nil
}

// entry reads one entry out of its bundle: each has two bytes of length before
// it.
func (l *publicLog) entry(size, seq int64) []byte {
	l.t.Helper()
	tile := tlog.Tile{H: 8, L: -1, N: seq / 256, W: int(min(256, size-seq/256*256))}
	bundle := l.fetch(l.base + "/tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/data/"))
	for at := int64(0); ; at++ {
		n := int(binary.BigEndian.Uint16(bundle))
		if at == seq%256 {
			return bundle[2 : 2+n]
		}
		bundle = bundle[2+n:]
	}
}

func (l *publicLog) fetch(url string) []byte {
	l.t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.token != "" {
		req.Header.Set("Authorization", "Bearer "+l.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		l.t.Fatalf("%s answers %s: %s (%v)", url, res.Status, body, err)
	}
	return body
}
