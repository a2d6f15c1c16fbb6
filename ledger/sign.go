package ledger

import (
	"crypto/ecdsa"
	"fmt"

	"github.com/ethereum/go-ethereum/crypto"
)

// SignatureSize is the length of a secp256k1 signature: r ‖ s ‖ v.
const SignatureSize = 65

// personalHash is what an Ethereum wallet signs for a personal message
// (EIP-191 version 0x45): Keccak-256 of the prefixed message.
func personalHash(msg string) []byte {
	return crypto.Keccak256(fmt.Appendf(nil, "\x19Ethereum Signed Message:\n%d%s", len(msg), msg))
}

// SignMessage signs msg as an EIP-191 personal message. The signature is
// r ‖ s ‖ v with low s and v 27 or 28.
func SignMessage(msg string, key *ecdsa.PrivateKey) ([]byte, error) {
	sig, err := crypto.Sign(personalHash(msg), key)
	if err != nil {
		return nil, because(CodeSignature, err, "sign")
	}
	sig[64] += 27
	return sig, nil
}

// RecoverMessage returns the address that signed msg. It refuses signatures
// with high s, which crypto.SigToPub alone would accept: they would let anyone
// make a second valid signature out of a first.
func RecoverMessage(msg string, sig []byte) (Address, error) {
	if len(sig) != SignatureSize {
		return Address{}, wrong(CodeSignature, "a signature has %d bytes, not %d", SignatureSize, len(sig))
	}
	v := sig[64]
	if v != 27 && v != 28 {
		return Address{}, wrong(CodeSignature, "the last byte of a signature is 27 or 28, not %d", v)
	}
	if highS(sig[32:64]) {
		return Address{}, wrong(CodeHighS, "the signature has a high s")
	}
	rsv := make([]byte, SignatureSize)
	copy(rsv, sig)
	rsv[64] = v - 27
	pub, err := crypto.Ecrecover(personalHash(msg), rsv)
	if err != nil {
		return Address{}, because(CodeSignature, err, "recover signer")
	}
	return Address(crypto.Keccak256(pub[1:])[12:]), nil
}

// halfN is half the order of secp256k1, the largest s that EIP-2 allows.
var halfN = [32]byte{
	0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
}

func highS(s []byte) bool { return string(s) > string(halfN[:]) }

// AddressOf returns the address of a secp256k1 key.
func AddressOf(key *ecdsa.PrivateKey) Address {
	return Address(crypto.PubkeyToAddress(key.PublicKey))
}

// Keccak returns the Keccak-256 of data, as Ethereum computes it.
func Keccak(data []byte) Hash { return Hash(crypto.Keccak256(data)) }
