package main_test

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"suyuan/ledger"
	"suyuan/trace"
)

// An erp is a system outside of the node that signs records with its own key, as
// a company's ERP or a hardware wallet does.
type erp struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	net  *ledger.Network
	at   *company
	next int
}

// newERP makes a key and has the company grant it kinds.
func newERP(t *testing.T, c *company, kinds ...string) *erp {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if len(kinds) > 0 {
		c.suyuan("operator", "add", "erp", "--address", ledger.AddressOf(key).String(), "--kinds", strings.Join(kinds, ",")).done(t)
	}
	var signed ledger.SignedCharter
	c.get("/api/v1/charter", &signed)
	net, err := ledger.NewNetwork(&signed)
	if err != nil {
		t.Fatal(err)
	}
	return &erp{t: t, key: key, net: net, at: c}
}

// A parcel is a record on its way: what goes over the wire.
type parcel struct {
	Record, Signature, Sidecar []byte
}

// record makes a signed record of a place; edit changes it before it is signed.
func (e *erp) record(edit func(*ledger.Record)) parcel {
	e.t.Helper()
	e.next++
	d, err := trace.ParseDraft(fmt.Appendf(nil,
		`{"kind":"place","age_ms":0,"fields":{"id":"erp%d","kind":"store","country":"CN","name":{"zh":"店","en":"Store"}}}`, e.next))
	if err != nil {
		e.t.Fatal(err)
	}
	rec, sc, err := d.Build(trace.Env{
		Network: e.net.ID, Chain: e.at.chain, Member: e.at.name, Signer: ledger.AddressOf(e.key),
		Charter: e.net.Newest().Charter, Now: time.Now(),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	if edit != nil {
		edit(rec)
	}
	signed, err := ledger.SignRecord(rec, e.key)
	if err != nil {
		e.t.Fatal(err)
	}
	side, err := sc.Encode()
	if err != nil {
		e.t.Fatal(err)
	}
	return parcel{signed.Raw, signed.Sig, side}
}

// sign signs record bytes, whatever they are, as the record of some kind.
func (e *erp) sign(raw []byte) []byte {
	e.t.Helper()
	msg := fmt.Sprintf("Suyuan record\nnetwork: %s\nkind: place\nrecord: 0x%s", e.net.ID, ledger.Keccak(raw))
	sig, err := ledger.SignMessage(msg, e.key)
	if err != nil {
		e.t.Fatal(err)
	}
	return sig
}

func (p parcel) request(t *testing.T) *request {
	t.Helper()
	body, err := ledger.Marshal([][]byte{p.Record, p.Signature, p.Sidecar})
	if err != nil {
		t.Fatal(err)
	}
	return &request{"application/cbor", string(body)}
}

// refusal is what is wrong with a request, as RFC 9457 has it.
type refusal struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Field   string `json:"field"`
	Request string `json:"request_id"`
}

// refused checks that an answer is a problem with a status and a code.
func (a *answer) refused(t *testing.T, status int, code string) refusal {
	t.Helper()
	var p refusal
	a.into(t, status, &p)
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the refusal has the type %q", kind)
	}
	if p.Code != code || p.Status != status || p.Type == "" || p.Title != http.StatusText(status) || p.Detail == "" || p.Request == "" {
		t.Errorf("want code %s and a complete problem, got %s", code, a.body)
	}
	return p
}

// TestDoor holds that a node takes signed records that are right, and refuses
// all others with a code that programs can rely on, without writing anything.
func TestDoor(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.wh.start() // writing never waits for others
	e := newERP(t, n.wh, "place")
	post := func(t *testing.T, r *request) *answer {
		t.Helper()
		a, err := send("POST", n.wh.url+"/api/v1/records", "", r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}

	t.Run("once", func(t *testing.T) { takenOnce(t, n.wh, e, post) })

	before := n.wh.ownSize()
	stranger := newERP(t, n.wh)
	for _, row := range []struct {
		name   string
		p      parcel
		status int
		code   ledger.Code
	}{
		{"no grant", stranger.record(nil), 403, ledger.CodeNoGrant},
		{"kind not granted", e.record(func(r *ledger.Record) { r.Kind, r.Fields = ledger.KindSell, nil }), 403, ledger.CodeNoGrant},
		{"other network", e.record(func(r *ledger.Record) { r.Network[0] ^= 1 }), 422, ledger.CodeNetwork},
		{"other chain", e.record(func(r *ledger.Record) { r.Chain = n.brand.chain }), 422, ledger.CodeChain},
		{"other member", e.record(func(r *ledger.Record) { r.Member = "brand" }), 422, ledger.CodeChain},
		{"at in the future", e.record(func(r *ledger.Record) { r.At += 11 * 60 * 1000 }), 422, ledger.CodeAhead},
		{"high s", highS(e.record(nil)), 422, ledger.CodeHighS},
		{"bad signature", changed(e.record(nil), func(p *parcel) { p.Signature[64] = 1 }), 422, ledger.CodeSignature},
		{"signed by another", changed(e.record(nil), func(p *parcel) { p.Signature = stranger.sign(p.Record) }), 403, ledger.CodeSigner},
		{"not canonical", changed(e.record(nil), func(p *parcel) { p.Record = loose(p.Record); p.Signature = e.sign(p.Record) }), 422, ledger.CodeNotCanonical},
		{"no CBOR", changed(e.record(nil), func(p *parcel) { p.Record = p.Record[:20]; p.Signature = e.sign(p.Record) }), 422, ledger.CodeForm},
		{"sidecar of another", changed(e.record(nil), func(p *parcel) { p.Sidecar = e.record(nil).Sidecar }), 422, ledger.CodeSidecar},
		{"no sidecar", changed(e.record(nil), func(p *parcel) { p.Sidecar = nil }), 422, ledger.CodeMissing},
		{"cut sidecar", changed(e.record(nil), func(p *parcel) { p.Sidecar = p.Sidecar[:9] }), 422, ledger.CodeForm},
		{"too large", changed(e.record(nil), func(p *parcel) { p.Record = make([]byte, ledger.MaxRecordBytes+1) }), 413, ledger.CodeTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			post(t, row.p.request(t)).refused(t, row.status, string(row.code))
		})
	}
	t.Run("requests", func(t *testing.T) { refusedRequests(t, n.wh) })
	t.Run("drafts", func(t *testing.T) { refusedDrafts(t, n.wh) })
	if after := n.wh.ownSize(); after != before+1 { // the grant of the operator for drafts
		t.Errorf("the chain has grown from %d to %d", before, after)
	}
	n.wh.suyuan("verify").done(t)
}

func changed(p parcel, change func(*parcel)) parcel { change(&p); return p }

// highS makes the other signature that the same key could have made.
func highS(p parcel) parcel {
	s := new(big.Int).SetBytes(p.Signature[32:64])
	new(big.Int).Sub(crypto.S256().Params().N, s).FillBytes(p.Signature[32:64])
	p.Signature[64] ^= 27 ^ 28
	return p
}

// loose writes the head of a map's first value longer than need be: the kind,
// 0x01 0x11, as 0x01 0x18 0x11.
func loose(raw []byte) []byte {
	if raw[1] != 1 {
		panic("a record begins with its kind")
	}
	if raw[2] == 0x18 { // one byte follows: write two
		return append([]byte{raw[0], 1, 0x19, 0, raw[3]}, raw[4:]...)
	}
	return append([]byte{raw[0], 1, 0x18, raw[2]}, raw[3:]...)
}

// takenOnce posts one record often, one after the other and at once: it stands
// in one place.
func takenOnce(t *testing.T, c *company, e *erp, post func(*testing.T, *request) *answer) {
	before := c.ownSize()
	r := e.record(nil).request(t)
	answers := make([]*answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], _ = send("POST", c.url+"/api/v1/records", "", r) })
	}
	all.Wait()
	answers = append(answers, post(t, r))
	first := 0
	for _, a := range answers {
		if a == nil {
			t.Fatal("a request was not answered")
		}
		list, err := a.stored()
		if err != nil {
			t.Fatal(err)
		}
		if list[0].Seq != before {
			t.Errorf("the record stands at %d, not %d", list[0].Seq, before)
		}
		if !strings.Contains(string(a.body), `"exists":true`) {
			first++
		}
	}
	if size := c.ownSize(); first != 1 || size != before+1 {
		t.Errorf("%d answers say that they were first, and the chain has grown by %d", first, size-before)
	}
}

// refusedRequests are requests that hold no records.
func refusedRequests(t *testing.T, c *company) {
	many := "[" + strings.Repeat("{},", 5000) + "{}]"
	for _, row := range []struct {
		name   string
		r      *request
		token  string
		status int
		code   string
	}{
		{"draft without token", jsonRequest(placeDraft("x")), "", 401, "token-required"},
		{"draft with a wrong token", jsonRequest(placeDraft("x")), "sy_wrong", 401, "bad-token"},
		{"text", &request{"text/plain", "place"}, "", 415, "unsupported-media-type"},
		{"nothing", &request{"application/cbor", ""}, "", 400, "bad-request"},
		{"cut CBOR", &request{"application/cbor", "\x83\x41"}, "", 400, "bad-cbor"},
		{"something else", &request{"application/cbor", "\x01"}, "", 400, "bad-cbor"},
		{"many", jsonRequest(many), "", 401, "token-required"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, err := send("POST", c.url+"/api/v1/records", row.token, row.r)
			if err != nil {
				t.Fatal(err)
			}
			a.refused(t, row.status, row.code)
		})
	}
	a, err := send("GET", c.url+"/api/v1/records/"+strings.Repeat("0", 64), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	a.refused(t, 404, "unknown-record")
}

// refusedDrafts are drafts that the node does not sign.
func refusedDrafts(t *testing.T, c *company) {
	c.addOperator("place", "product", "sell")
	for _, row := range []struct {
		name, draft string
		status      int
		code, field string
	}{
		{"unknown name", `{"kind":"place","colour":"red"}`, 422, "bad-field", "draft"},
		{"unknown field", `{"kind":"place","age_ms":0,"fields":{"id":"y","kind":"store","country":"CN","colour":"red"}}`, 422, "bad-field", "fields.colour"},
		{"unknown kind", `{"kind":"teleport","age_ms":0}`, 422, "bad-field", "kind"},
		{"missing field", `{"kind":"place","age_ms":0,"fields":{"id":"y","kind":"store"}}`, 422, "bad-field", "fields.country"},
		{"not granted", `{"kind":"party","age_ms":0,"fields":{"slug":"y","kind":"store"}}`, 403, "no-grant", ""},
		{"not the authority", `{"kind":"product","age_ms":0,"fields":{"gtin":"` + gtin + `","version":1,"names":{"zh":"水","en":"Water"},"issuing_chain":2}}`, 409, "not-authority", ""},
		{"at in the future", `{"kind":"place","at":"2099-01-01T00:00:00Z","fields":{"id":"y","kind":"store","country":"CN"}}`, 422, "at-in-future", ""},
		{"no object", `[1]`, 400, "bad-json", ""},
		{"cut", `{"kind":`, 400, "bad-json", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			a, err := c.try("POST", "/api/v1/records", jsonRequest(row.draft))
			if err != nil {
				t.Fatal(err)
			}
			if p := a.refused(t, row.status, row.code); p.Field != row.field {
				t.Errorf("the problem is with field %q, not %q", p.Field, row.field)
			}
		})
	}
}
