package scan

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"suyuan/trace/scan"
)

// A Secret is the node's key for telling devices apart and for tokens.
type Secret [32]byte

// NewSecret makes a random one.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:]) // never fails: crypto/rand
	return s
}

// Purposes of the secret. They are never used for anything else.
const (
	forCookie  = "suyuan/scan/cookie/v1"
	forAgent   = "suyuan/scan/agent/v1"
	forNetwork = "suyuan/scan/network/v1"
	forToken   = "suyuan/scan/token/v1"
)

// mac is the HMAC of parts, each behind its length, for a purpose.
func (s Secret) mac(purpose string, parts ...[]byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, s[:])
	h.Write([]byte(purpose))
	for _, p := range parts {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Device names a device: by its cookie, or without one by where it is and what
// its browser is called.
func (s Secret) Device(cookie string, addr netip.Addr, agent string) scan.Device {
	var sum [sha256.Size]byte
	if cookie != "" {
		sum = s.mac(forCookie, []byte(cookie[:min(len(cookie), maxCookie)]))
	} else {
		sum = s.mac(forAgent, network(addr), []byte(agent[:min(len(agent), maxAgent)]))
	}
	return scan.Device(sum[:8])
}

// Network names where a device is, for memory only.
func (s Secret) Network(addr netip.Addr) Network {
	sum := s.mac(forNetwork, network(addr))
	return Network(sum[:8])
}

// A Network is a keyed hash of an IPv4 address or IPv6 /64.
type Network [8]byte

// network is the IPv4 address, or the /64 of an IPv6 address, which is what one
// subscriber has.
func network(addr netip.Addr) []byte {
	addr = addr.Unmap()
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return nil // no address, as on a Unix socket
	}
	return p.Addr().AsSlice()
}

const (
	tokenBody = 16 + 2 + 4
	tokenMAC  = 12
	tokenLen  = tokenBody + tokenMAC
)

// ErrToken is returned for a token that this node did not make, or that has
// expired.
var ErrToken = errors.New("no token of this node, or expired")

// Token makes a token for the page of an item.
func (s Secret) Token(item scan.Key, cycle uint16, now time.Time) string {
	b := make([]byte, 0, tokenLen)
	b = append(b, item[:]...)
	b = binary.BigEndian.AppendUint16(b, cycle)
	b = binary.BigEndian.AppendUint32(b, uint32(now.Add(TokenLifetime).Unix()))
	b = append(b, s.tokenMAC(b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// OpenToken says what item a token is for. Its error is ErrToken.
func (s Secret) OpenToken(token string, now time.Time) (item scan.Key, cycle uint16, err error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenLen) {
		return item, 0, ErrToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || !hmac.Equal(s.tokenMAC(b[:tokenBody]), b[tokenBody:]) {
		return item, 0, ErrToken
	}
	left := time.Unix(int64(binary.BigEndian.Uint32(b[18:])), 0).Sub(now)
	if left <= 0 || left > TokenLifetime {
		return item, 0, ErrToken
	}
	return scan.Key(b[:16]), binary.BigEndian.Uint16(b[16:]), nil
}

func (s Secret) tokenMAC(body []byte) []byte {
	day := binary.BigEndian.Uint32(body[18:]) / (24 * 3600)
	key := s.mac(forToken, binary.BigEndian.AppendUint32(nil, day))
	h := hmac.New(sha256.New, key[:])
	h.Write(body)
	return h.Sum(nil)[:tokenMAC]
}
