package ledgertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"io"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/mr-tron/base58"

	"suyuan/ledger"
)

// seedOf hashes a purpose, so that no two purposes share a key.
func seedOf(purpose string) [32]byte {
	return sha256.Sum256([]byte("suyuan ledgertest: " + purpose))
}

// OperatorKey is the secp256k1 key that belongs to a purpose, any text.
func OperatorKey(purpose string) *ecdsa.PrivateKey {
	seed := seedOf(purpose)
	key, err := crypto.ToECDSA(seed[:])
	if err != nil {
		panic("ledgertest: no secp256k1 key for " + purpose + ": " + err.Error())
	}
	return key
}

// NodeKey is the Ed25519 key that belongs to a purpose, any text.
func NodeKey(purpose string) ed25519.PrivateKey {
	seed := seedOf(purpose)
	return ed25519.NewKeyFromSeed(seed[:])
}

// Random is an endless stream of bytes that depends on the purpose alone. It is
// not safe for concurrent use.
func Random(purpose string) io.Reader {
	return rand.NewChaCha8(seedOf(purpose))
}

// Rand is a source of test choices that depends on the purpose alone.
func Rand(purpose string) *rand.Rand {
	return rand.New(rand.NewChaCha8(seedOf(purpose)))
}

// PeerID is the libp2p peer id of a transport key: the base58 form of the
// identity multihash (code 0, length 36) of the public key's protobuf message
// (field 1: type 1, Ed25519; field 2: 32 bytes).
func PeerID(key ed25519.PrivateKey) string {
	id := []byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}
	return base58.Encode(append(id, publicKey(key)...))
}

func publicKey(key ed25519.PrivateKey) ed25519.PublicKey {
	return key.Public().(ed25519.PublicKey)
}

func publicHash(key ed25519.PrivateKey) ledger.Hash { return ledger.Hash(publicKey(key)) }

// must is for what fails only by a mistake of the test.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
}
