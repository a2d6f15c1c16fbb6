package ledger

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is 32 bytes: a SHA-256 or Keccak-256 value, shown as lower-case hex.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the zero hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText gives the hex form, so that JSON shows hashes as hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText parses the form that MarshalText gives.
func (h *Hash) UnmarshalText(text []byte) error {
	v, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = v
	return nil
}

// ParseHash parses 64 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, wrong(CodeForm, "a hash has 64 hex digits, not %d", len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return h, because(CodeForm, err, "parse hash")
	}
	return h, nil
}

// LeafHash is the Merkle leaf hash of entry bytes: SHA-256(0x00 ‖ entry),
// RFC 6962 section 2.1.
func LeafHash(entry []byte) Hash { return Hash(tlog.RecordHash(entry)) }

// An Address is the last 20 bytes of the Keccak-256 of a secp256k1 public key,
// as in Ethereum. It is shown as 0x and 40 lower-case hex digits.
type Address [20]byte

func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// MarshalText gives the form of String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText parses an address; see [ParseAddress].
func (a *Address) UnmarshalText(text []byte) error {
	v, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// ParseAddress parses 40 hex digits of either case, with or without 0x.
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) == 42 && (s[:2] == "0x" || s[:2] == "0X") {
		s = s[2:]
	}
	if len(s) != 2*len(a) {
		return a, wrong(CodeForm, "an address has 40 hex digits, not %d", len(s))
	}
	if _, err := hex.Decode(a[:], []byte(s)); err != nil {
		return a, because(CodeForm, err, "parse address")
	}
	return a, nil
}

// ChainName is how a chain is shown: member slug, slash, chain number.
func ChainName(member string, number uint32) string {
	return fmt.Sprintf("%s/%d", member, number)
}
