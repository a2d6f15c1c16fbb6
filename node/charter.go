package node

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"suyuan/ledger"
)

// ProposeCharter makes version 1 of a charter from member files. Chain numbers
// are given in the order of the files.
func ProposeCharter(files []*MemberFile, settings ledger.Settings) (*ledger.SignedCharter, error) {
	if len(files) == 0 {
		return nil, errors.New("a charter needs at least one member file")
	}
	c := &ledger.Charter{Version: 1, Name: files[0].Network, Settings: settings}
	for i, f := range files {
		if f.Network != c.Name {
			return nil, fmt.Errorf("%s is for network %s, %s for %s", files[0].Member, c.Name, f.Member, f.Network)
		}
		number := uint32(i + 1)
		c.Members = append(c.Members, ledger.Member{
			Slug: f.Member, NameZh: f.NameZh, NameEn: f.NameEn, Role: f.Role,
			Admins: f.Admins, Prefixes: f.Prefixes, GTINs: f.GTINs,
		})
		c.Nodes = append(c.Nodes, ledger.Node{
			Number: number, Member: f.Member, LogKey: f.LogKey, Peer: f.Peer, Addrs: f.Addrs, URL: f.URL,
		})
		if f.Witness != nil {
			c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: f.Member, Key: *f.Witness, Node: number})
		}
	}
	slices.SortFunc(c.Members, func(a, b ledger.Member) int { return cmp.Compare(a.Slug, b.Slug) })
	slices.SortFunc(c.Cosigners, func(a, b ledger.Cosigner) int { return cmp.Compare(a.Member, b.Member) })
	body, err := c.Encode()
	if err != nil {
		return nil, err
	}
	return &ledger.SignedCharter{Body: body}, nil
}

// ReadCharter reads a charter file.
func ReadCharter(path string) (*ledger.SignedCharter, error) {
	var s ledger.SignedCharter
	if err := readJSON(path, &s); err != nil {
		return nil, fmt.Errorf("charter file: %w", err)
	}
	return &s, nil
}

// WriteCharter writes a charter file.
func WriteCharter(path string, s *ledger.SignedCharter) error { return writeJSON(path, s, 0o644) }

// SignCharter adds the signature of the member in dir, which has accepted no
// charter yet, to a charter, after holding the charter against the member's own
// file: nobody signs a charter that names other keys than its own.
func SignCharter(dir string, s *ledger.SignedCharter, adminPassphrase string) error {
	m, err := ReadMember(filepath.Join(dir, fileMember))
	if err != nil {
		return err
	}
	if _, err := ownNode(s, m); err != nil {
		return err
	}
	admin, err := OpenAdmin(dir, adminPassphrase)
	if err != nil {
		return err
	}
	return s.Sign(m.Member, admin)
}

// ownNode finds the node of m in a charter and holds its keys against m.
func ownNode(s *ledger.SignedCharter, m *MemberFile) (*ledger.Node, error) {
	c, err := ledger.DecodeCharter(s.Body)
	if err != nil {
		return nil, err
	}
	if c.Name != m.Network {
		return nil, fmt.Errorf("the charter is for network %s, this node for %s", c.Name, m.Network)
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if n.Member != m.Member || n.LogKey != m.LogKey {
			continue
		}
		if n.Peer != m.Peer {
			return nil, errors.New("the charter names another transport key for this node")
		}
		w := c.Cosigner(m.Member)
		if m.Witness != nil && w != nil && w.Node == n.Number && w.Key != *m.Witness {
			return nil, errors.New("the charter names another witness key for this member")
		}
		return n, nil
	}
	return nil, fmt.Errorf("the charter has no node of %s with this node's log key", m.Member)
}

// AcceptCharter verifies a complete version 1 and makes it this node's charter.
// The node writes entry 0 when it is opened next.
func AcceptCharter(dir string, s *ledger.SignedCharter) (*ledger.Network, *ledger.Node, error) {
	return AcceptCharters(dir, []*ledger.SignedCharter{s})
}

// AcceptCharters verifies the charters from version 1 on and makes them those of
// a node that has accepted none: of a member that was there from the beginning,
// or joins under the last of them.
func AcceptCharters(dir string, list []*ledger.SignedCharter) (*ledger.Network, *ledger.Node, error) {
	m, err := ReadMember(filepath.Join(dir, fileMember))
	if err != nil {
		return nil, nil, err
	}
	net, err := ledger.VerifyNetwork(list)
	if err != nil {
		return nil, nil, err
	}
	n, err := ownNodeIn(net, m)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, fileCharter)
	switch old, err := ReadCharter(path); {
	case err == nil && old.Hash() != net.ID:
		return nil, nil, fmt.Errorf("this node has accepted another charter: %s", path)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, nil, err
	}
	if len(list) > 1 {
		if err := WriteCharters(filepath.Join(dir, fileCharters), list); err != nil {
			return nil, nil, err
		}
	}
	return net, n, WriteCharter(path, list[0])
}

// Accepted reports whether the node in dir has accepted a charter.
func Accepted(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileCharter))
	return err == nil
}
