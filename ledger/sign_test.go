package ledger_test

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/crypto"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func TestSignMessageIsWhatEthereumWalletsSign(t *testing.T) {
	key := ledgertest.OperatorKey(t.Name())
	for _, msg := range []string{
		"", "a", "Suyuan record\nnetwork: x", "溯源", strings.Repeat("x", 9), strings.Repeat("x", 10),
		strings.Repeat("x", 99), strings.Repeat("x", 100), strings.Repeat("长", 1000), "\x19Ethereum Signed Message:\n5hello", "\x00\xff",
	} {
		sig, err := ledger.SignMessage(msg, key)
		if err != nil {
			t.Fatal(err)
		}
		rsv := bytes.Clone(sig)
		rsv[64] -= 27
		pub, err := crypto.SigToPub(accounts.TextHash([]byte(msg)), rsv)
		if err != nil || crypto.PubkeyToAddress(*pub) != crypto.PubkeyToAddress(key.PublicKey) {
			t.Errorf("%.20q: go-ethereum recovers another key: %v", msg, err)
		}
		if got, err := ledger.RecoverMessage(msg, sig); err != nil || got != ledger.AddressOf(key) {
			t.Errorf("%.20q: recovered %s (%v)", msg, got, err)
		}
		if got, err := ledger.RecoverMessage(msg+".", sig); err == nil && got == ledger.AddressOf(key) {
			t.Errorf("%.20q: the signature also fits another message", msg)
		}
	}
}

// malleated returns the second signature that the curve's symmetry gives for a
// first: n−s, with the other v.
func malleated(sig []byte) []byte {
	n := crypto.S256().Params().N
	out := bytes.Clone(sig)
	s := new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:64]))
	s.FillBytes(out[32:64])
	out[64] = 27 + 28 - sig[64]
	return out
}

func TestRecoverRefusesTheHighSThatSigToPubAccepts(t *testing.T) {
	key := ledgertest.OperatorKey(t.Name())
	const msg = "a message"
	sig := must(ledger.SignMessage(msg, key))
	high := malleated(sig)
	rsv := bytes.Clone(high)
	rsv[64] -= 27
	pub, err := crypto.SigToPub(accounts.TextHash([]byte(msg)), rsv)
	if err != nil || crypto.PubkeyToAddress(*pub) != crypto.PubkeyToAddress(key.PublicKey) {
		t.Errorf("SigToPub no longer accepts a high s (%v): the check of ours may be superfluous", err)
	}
	_, err = ledger.RecoverMessage(msg, high)
	wantCode(t, "high s", err, ledger.CodeHighS)
}

func TestRecoverRefusesBadSignatures(t *testing.T) {
	for _, tt := range signatureForms() {
		_, err := ledger.RecoverMessage(signedMessage, tt.raw)
		wantCode(t, tt.name, err, tt.want)
	}
}

const signedMessage = "Suyuan record\nnetwork: …\nkind: 溯源"

// signatureForms is right and wrong signatures of signedMessage.
func signatureForms() []form {
	good := must(ledger.SignMessage(signedMessage, ledgertest.OperatorKey("signatures")))
	n := crypto.S256().Params().N
	half := new(big.Int).Rsh(n, 1)
	put := func(at int, v *big.Int) []byte {
		out := bytes.Clone(good)
		v.FillBytes(out[at : at+32])
		return out
	}
	withV := func(v byte) []byte { return append(bytes.Clone(good[:64]), v) }
	return []form{
		{"good", good, ""},
		{"the second one that the curve's symmetry gives", malleated(good), ledger.CodeHighS},
		{"v 0", withV(0), ledger.CodeSignature},
		{"v 1", withV(1), ledger.CodeSignature},
		{"v 26", withV(26), ledger.CodeSignature},
		{"v 29", withV(29), ledger.CodeSignature},
		{"v 37, as chain id 1", withV(37), ledger.CodeSignature},
		{"no bytes", nil, ledger.CodeSignature},
		{"64 bytes", good[:64], ledger.CodeSignature},
		{"66 bytes", append(bytes.Clone(good), 0), ledger.CodeSignature},
		{"r 0", put(0, new(big.Int)), ledger.CodeSignature},
		{"r n", put(0, n), ledger.CodeSignature},
		{"s 0", put(32, new(big.Int)), ledger.CodeSignature},
		{"s n", put(32, n), ledger.CodeHighS},
		{"s just over half of n", put(32, new(big.Int).Add(half, big.NewInt(1))), ledger.CodeHighS},
		{"s half of n", put(32, half), ""}, // recovers, to somebody else
	}
}

func TestOpenRecordHoldsTheSignatureAgainstTheRecord(t *testing.T) {
	net := ledgertest.New()
	r, _ := net.Record("wh", ledger.KindReceive, ledgertest.Start)
	other, _ := net.Record("wh", ledger.KindReceive, ledgertest.Start)
	foreign := must(ledger.SignMessage("Suyuan record\n", net.Member("dist").Operator))
	v01 := bytes.Clone(r.Sig)
	v01[64] -= 27
	tests := []struct {
		name string
		sig  []byte
		want ledger.Code
	}{
		{"its own", r.Sig, ""},
		{"another record's", other.Sig, ledger.CodeSigner},
		{"another key's", foreign, ledger.CodeSigner},
		{"the malleated one", malleated(r.Sig), ledger.CodeHighS},
		{"v 0 or 1", v01, ledger.CodeSignature},
		{"none", nil, ledger.CodeSignature},
	}
	for _, tt := range tests {
		got, err := ledger.OpenRecord(r.Raw, tt.sig)
		wantCode(t, tt.name, err, tt.want)
		if err == nil && (got.ID != r.ID || got.ID != ledger.Keccak(r.Raw)) {
			t.Errorf("%s: the id is not the Keccak-256 of the record bytes", tt.name)
		}
	}
	if _, err := ledger.SignRecord(&r.Record, net.Member("dist").Operator); ledger.CodeOf(err) != ledger.CodeSigner {
		t.Errorf("signing with another key than the record names: %v", err)
	}
}

func TestParseHashAndAddress(t *testing.T) {
	addr := "0x00112233445566778899aabbccddeeff00112233"
	for in, want := range map[string]string{
		addr: addr, addr[2:]: addr, "0X" + strings.ToUpper(addr[2:]): addr,
		"": "", addr + "0": "", addr[:41]: "", "0x" + addr: "", addr[:41] + "g": "", "  " + addr[2:]: "",
	} {
		a, err := ledger.ParseAddress(in)
		if (err == nil) != (want != "") || err == nil && a.String() != want {
			t.Errorf("ParseAddress(%q) = %s, %v", in, a, err)
		}
	}
	h := fill(0xcd).String()
	for in, ok := range map[string]bool{h: true, strings.ToUpper(h): true, h[:63]: false, h + "0": false, h[:63] + "x": false, "": false} {
		got, err := ledger.ParseHash(in)
		if (err == nil) != ok || ok && got != fill(0xcd) {
			t.Errorf("ParseHash(%q) = %s, %v", in, got, err)
		}
	}
}
