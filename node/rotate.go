package node

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"suyuan/ledger"
	"suyuan/ledger/store"
)

// What a key is for, which is also the name of the file of the first one.
const (
	purposeLog       = "log"
	purposeWitness   = "witness"
	purposeTransport = "transport"
	purposeAdmin     = "admin"
)

// A HeldKey is a key that the node has made after its first ones. It is used
// from the charter version on that names it; the one before it is kept.
type HeldKey struct {
	Purpose string `json:"purpose"`         // log, witness, transport or admin
	Public  string `json:"public"`          // as the charter writes it
	Name    string `json:"name"`            // of the key file
	Guard   string `json:"guard,omitempty"` // log: the guard of the chain that it signs
}

// holds reports whether the node has a key.
func (m *MemberFile) holds(purpose, public string) bool { return m.keyName(purpose, public) != "" }

// keyName is the name of the file of a key, "" if the node does not have it.
func (m *MemberFile) keyName(purpose, public string) string {
	first := map[string]string{purposeLog: m.LogKey.String(), purposeTransport: m.Peer}
	if m.Witness != nil {
		first[purposeWitness] = m.Witness.String()
	}
	if first[purpose] == public {
		return purpose
	}
	if k := m.held(purpose, public); k != nil {
		return k.Name
	}
	return ""
}

func (m *MemberFile) held(purpose, public string) *HeldKey {
	for i := range m.Keys {
		if m.Keys[i].Purpose == purpose && m.Keys[i].Public == public {
			return &m.Keys[i]
		}
	}
	return nil
}

// guardOf is the guard of the chain that a log key signs.
func (m *MemberFile) guardOf(logKey ledger.Hash, first string) string {
	if k := m.held(purposeLog, logKey.String()); k != nil {
		return k.Guard
	}
	return first
}

// RotateKeys makes new keys for the node and returns the change that has the
// next charter name them. A key that was made and is not in a charter yet is
// given again. A new log key comes with a guard of its own and takes a new
// number; nothing is lost if that charter never comes to be.
func (n *Node) RotateKeys(purposes []string, adminPassphrase string) (Rotation, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := Rotation{Chain: n.chain}
	for _, purpose := range purposes {
		public, err := n.newKey(purpose, adminPassphrase)
		if err != nil {
			return r, &Refusal{code: "bad-rotation", status: 422, text: "rotate the " + purpose + " key", err: err}
		}
		switch purpose {
		case purposeTransport:
			r.Peer = public
		case purposeAdmin:
			a, err := ledger.ParseAddress(public)
			if err != nil {
				return r, err
			}
			r.Admin = &a
		default:
			h, err := ledger.ParseHash(public)
			if err != nil {
				return r, err
			}
			if purpose == purposeLog {
				r.Log = &h
			} else {
				r.Witness = &h
			}
		}
	}
	return r, nil
}

// newKey returns a key of the node that no charter names yet, and makes it if
// there is none.
func (n *Node) newKey(purpose, adminPassphrase string) (public string, err error) {
	for _, k := range n.member.Keys {
		if k.Purpose == purpose && !n.named(k) {
			return k.Public, nil
		}
	}
	k := HeldKey{Purpose: purpose, Name: fmt.Sprintf("%s-%d", purpose, 2+len(n.member.Keys))}
	switch purpose {
	case purposeLog, purposeWitness, purposeTransport:
		key, err := n.keys.newEd25519(k.Name)
		if err != nil {
			return "", err
		}
		if k.Public, err = publicName(purpose, key); err != nil {
			return "", err
		}
	case purposeAdmin:
		if _, err := OpenAdmin(n.dir, adminPassphrase); err != nil { // one passphrase for all of them
			return "", err
		}
		key, err := newEthereumKey(filepath.Join(n.dir, keyFile(k.Name)), adminPassphrase, strengthOf(filepath.Join(n.dir, keyFile(purposeAdmin))))
		if err != nil {
			return "", err
		}
		k.Public = ledger.AddressOf(key).String()
	default:
		return "", fmt.Errorf("there is no %s key; log, witness, transport and admin are", purpose)
	}
	if purpose == purposeLog {
		k.Guard = fmt.Sprintf("%s.%s", n.config.Guard, k.Public[:16])
		if err := store.CreateSecondGuard(k.Guard); err != nil {
			return "", err
		}
	}
	m := *n.member
	m.Keys = append(m.Keys[:len(m.Keys):len(m.Keys)], k)
	if err := writeJSON(filepath.Join(n.dir, fileMember), &m, 0o644); err != nil {
		return "", err
	}
	n.member = &m
	return k.Public, nil
}

// strengthOf is the strength of an existing key file, Standard if it says none.
func strengthOf(path string) Strength {
	var f struct {
		Crypto struct {
			Params struct{ N, P int } `json:"kdfparams"`
		} `json:"crypto"`
	}
	if err := readJSON(path, &f); err != nil || f.Crypto.Params.N == 0 {
		return Standard
	}
	return Strength{f.Crypto.Params.N, f.Crypto.Params.P}
}

func publicName(purpose string, key ed25519.PrivateKey) (string, error) {
	if purpose != purposeTransport {
		return publicKey(key).String(), nil
	}
	id, err := peerID(key)
	return id.String(), err
}

// named reports whether a charter names a key.
func (n *Node) named(k HeldKey) bool {
	for _, v := range n.Network().Versions() {
		for i := range v.Charter.Nodes {
			node := &v.Charter.Nodes[i]
			if k.Purpose == purposeLog && node.LogKey.String() == k.Public || k.Purpose == purposeTransport && node.Peer == k.Public {
				return true
			}
		}
		if w := v.Charter.Cosigner(n.member.Member); k.Purpose == purposeWitness && w != nil && w.Key.String() == k.Public {
			return true
		}
		if m := v.Charter.Member(n.member.Member); k.Purpose == purposeAdmin && m != nil {
			for _, a := range m.Admins {
				if a.String() == k.Public {
					return true
				}
			}
		}
	}
	return false
}

// ed25519Key opens the key with a public part that a charter names.
func (n *Node) ed25519Key(purpose, public string) (ed25519.PrivateKey, error) {
	name := n.member.keyName(purpose, public)
	if name == "" {
		return nil, fmt.Errorf("the charter names a %s key that this node does not have: %s", purpose, public)
	}
	return n.keys.Ed25519(name)
}

// openAdmins opens every admin key of the member in dir.
func openAdmins(dir, passphrase string) ([]*ecdsa.PrivateKey, error) {
	files, err := filepath.Glob(filepath.Join(dir, keyFile(purposeAdmin+"*")))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, keyFile(purposeAdmin)), os.ErrNotExist)
	}
	var keys []*ecdsa.PrivateKey
	var errs []error
	for _, path := range files {
		key, err := openEthereumKey(path, passphrase)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.Join(errs...)
	}
	return keys, nil
}

// openAdmin opens the admin key that the charter in force on the own chain names.
func (n *Node) openAdmin(passphrase string) (*ecdsa.PrivateKey, error) {
	keys, err := openAdmins(n.dir, passphrase)
	if err != nil {
		return nil, err
	}
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return nil, err
	}
	if v := c.Charter(); v != nil {
		m := v.Charter.Member(n.member.Member)
		for _, key := range keys {
			if slices.Contains(m.Admins, ledger.AddressOf(key)) {
				return key, nil
			}
		}
	}
	return keys[0], nil
}
