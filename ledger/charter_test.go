package ledger_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// Any two quorums must share more members than may lie, and those who do not
// lie must be able to make one.
func TestQuorums(t *testing.T) {
	want := map[int][2]int{1: {1, 0}, 2: {2, 0}, 3: {2, 0}, 4: {3, 1}, 5: {4, 1}, 6: {4, 1}, 7: {5, 2}, 10: {7, 3}, 13: {9, 4}, 64: {43, 21}}
	for n := 1; n <= ledger.MaxCosigners; n++ {
		q, f := ledger.QuorumOf(n)
		if w, ok := want[n]; ok && (q != w[0] || f != w[1]) {
			t.Errorf("n = %d: quorum %d, liars %d, want %v", n, q, f, w)
		}
		if f != (n-1)/3 {
			t.Errorf("n = %d: %d liars", n, f)
		}
		if common := 2*q - n; common <= f {
			t.Errorf("n = %d: two quorums of %d share as few as %d members, of which %d may lie", n, q, common, f)
		}
		if q > n-f {
			t.Errorf("n = %d: a quorum of %d needs a liar", n, q)
		}
		if 2*(q-1)-n > f {
			t.Errorf("n = %d: a quorum of %d is larger than needed", n, q)
		}
	}
}

// The same, by trying all pairs of quorums.
func TestQuorumsIntersectByCounting(t *testing.T) {
	for n := 1; n <= 10; n++ {
		q, f := ledger.QuorumOf(n)
		var quorums []uint
		for set := range uint(1) << n {
			if bits.OnesCount(set) == q {
				quorums = append(quorums, set)
			}
		}
		for _, a := range quorums {
			for _, b := range quorums {
				if bits.OnesCount(a&b) <= f {
					t.Fatalf("n = %d: quorums %b and %b share too few", n, a, b)
				}
			}
		}
	}
}

func TestCharterRoundTrip(t *testing.T) {
	for _, c := range []*ledger.Charter{goldenCharter(), ledgertest.New().Charter()} {
		got, err := ledger.DecodeCharter(must(c.Encode()))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("decoded %+v (%v), want %+v", got, err, c)
		}
	}
}

// charterEdit makes goldenCharter another charter.
type charterEdit struct {
	name string
	edit func(c *ledger.Charter)
	want ledger.Code
}

func TestCharterForm(t *testing.T) {
	for _, tt := range charterEdits() {
		c := goldenCharter()
		tt.edit(c)
		_, err := c.Encode()
		wantCode(t, "encode: "+tt.name, err, tt.want)
		_, err = ledger.DecodeCharter(must(ledger.Marshal(c)))
		wantCode(t, "decode: "+tt.name, err, tt.want)
	}
	_, err := ledger.DecodeCharter(make([]byte, ledger.MaxCharterBytes+1))
	wantCode(t, "too many bytes", err, ledger.CodeTooLarge)
}

func charterEdits() []charterEdit {
	long := strings.Repeat("a", ledger.MaxText+1)
	return []charterEdit{
		{"as it is", func(c *ledger.Charter) {}, ""},
		{"version 0", func(c *ledger.Charter) { c.Version = 0 }, ledger.CodeCharter},
		{"version 1 with a previous hash", func(c *ledger.Charter) { c.Version = 1; c.Ended = nil }, ledger.CodeCharter},
		{"version 1 that ends a chain", func(c *ledger.Charter) { c.Version = 1; c.Previous = nil }, ledger.CodeCharter},
		{"version 1", func(c *ledger.Charter) { c.Version = 1; c.Previous = nil; c.Ended = nil }, ""},
		{"a later version without a previous hash", func(c *ledger.Charter) { c.Previous = nil }, ledger.CodeCharter},
		{"no network name", func(c *ledger.Charter) { c.Name = "" }, ledger.CodeCharter},
		{"a network name with a slash", func(c *ledger.Charter) { c.Name = "a/b" }, ledger.CodeCharter},
		{"no members", func(c *ledger.Charter) { c.Members = nil }, ledger.CodeCharter},
		{"members not ascending", func(c *ledger.Charter) { slices.Reverse(c.Members) }, ledger.CodeCharter},
		{"a member twice", func(c *ledger.Charter) { c.Members[1].Slug = "lanzhi" }, ledger.CodeCharter},
		{"a member that is no slug", func(c *ledger.Charter) { c.Members[1].Slug = "w h" }, ledger.CodeCharter},
		{"no Chinese name", func(c *ledger.Charter) { c.Members[0].NameZh = "" }, ledger.CodeCharter},
		{"no English name", func(c *ledger.Charter) { c.Members[0].NameEn = "" }, ledger.CodeCharter},
		{"a long name", func(c *ledger.Charter) { c.Members[0].NameEn = long }, ledger.CodeCharter},
		{"a name with a line feed", func(c *ledger.Charter) { c.Members[0].NameEn = "Lanzhi\nand more" }, ledger.CodeCharter},
		{"a name that turns direction", func(c *ledger.Charter) { c.Members[0].NameZh = "兰芷\u202eecila" }, ledger.CodeCharter},
		{"a name with a line separator", func(c *ledger.Charter) { c.Members[0].NameZh = "兰芷\u2028" }, ledger.CodeCharter},
		{"a filing number that turns direction", func(c *ledger.Charter) { c.Settings.Filings = []string{"\u2067沪ICP备1号"} }, ledger.CodeCharter},
		{"an admin of two members", func(c *ledger.Charter) { c.Members[1].Admins = []ledger.Address{address(0x02)} }, ledger.CodeCharter},
		{"a report of nobody", func(c *ledger.Charter) { c.Ended[0].Reports = []ledger.StopReport{{Size: 1, Root: fill(1)}} }, ledger.CodeCharter},
		{"a report without proof", func(c *ledger.Charter) {
			next, end := fill(2), fill(3)
			c.Ended[0].Reports = []ledger.StopReport{{Member: "wh", Size: 1, Root: fill(2), Next: &next, EndNext: &end}}
		}, ledger.CodeCharter},
		{"evidence that is none", func(c *ledger.Charter) { c.Ended[0].Evidence = []byte{0xa0} }, ledger.CodeCharter},
		{"an unknown role", func(c *ledger.Charter) { c.Members[0].Role = "owner" }, ledger.CodeCharter},
		{"no admin", func(c *ledger.Charter) { c.Members[0].Admins = nil }, ledger.CodeCharter},
		{"admins not ascending", func(c *ledger.Charter) { slices.Reverse(c.Members[0].Admins) }, ledger.CodeCharter},
		{"an admin twice", func(c *ledger.Charter) { c.Members[0].Admins[1] = address(1) }, ledger.CodeCharter},
		{"too many admins", func(c *ledger.Charter) {
			for i := range ledger.MaxAddresses {
				c.Members[0].Admins = append(c.Members[0].Admins, ledger.Address{0xff, byte(i >> 8), byte(i)})
			}
		}, ledger.CodeCharter},
		{"revoked addresses not ascending", func(c *ledger.Charter) { c.Members[0].Revoked = []ledger.Address{address(2), address(1)} }, ledger.CodeCharter},
		{"the shortest prefix", func(c *ledger.Charter) { c.Members[0].Prefixes = []string{"6901"} }, ""},
		{"a short prefix", func(c *ledger.Charter) { c.Members[0].Prefixes = []string{"690"} }, ledger.CodeCharter},
		{"a long prefix", func(c *ledger.Charter) { c.Members[0].Prefixes = []string{"6901234567890"} }, ledger.CodeCharter},
		{"a prefix with a letter", func(c *ledger.Charter) { c.Members[0].Prefixes = []string{"69O1"} }, ledger.CodeCharter},
		{"prefixes not ascending", func(c *ledger.Charter) { c.Members[0].Prefixes = []string{"6902", "6901"} }, ledger.CodeCharter},
		{"GTIN 0", func(c *ledger.Charter) { c.Members[0].GTINs = []uint64{0} }, ledger.CodeCharter},
		{"a GTIN of 15 digits", func(c *ledger.Charter) { c.Members[0].GTINs = []uint64{100_000_000_000_000} }, ledger.CodeCharter},
		{"GTINs not ascending", func(c *ledger.Charter) { c.Members[0].GTINs = []uint64{2, 1} }, ledger.CodeCharter},
		{"no nodes", func(c *ledger.Charter) { c.Nodes = nil }, ledger.CodeCharter},
		{"node 0", func(c *ledger.Charter) { c.Nodes[0].Number = 0 }, ledger.CodeCharter},
		{"nodes not ascending", func(c *ledger.Charter) { slices.Reverse(c.Nodes) }, ledger.CodeCharter},
		{"a node of nobody", func(c *ledger.Charter) { c.Nodes[1].Member = "dist" }, ledger.CodeCharter},
		{"a log key twice", func(c *ledger.Charter) { c.Nodes[1].LogKey = c.Nodes[0].LogKey }, ledger.CodeCharter},
		{"a peer id twice", func(c *ledger.Charter) { c.Nodes[1].Peer = c.Nodes[0].Peer }, ledger.CodeCharter},
		{"no peer id", func(c *ledger.Charter) { c.Nodes[1].Peer = "" }, ledger.CodeCharter},
		{"a long peer id", func(c *ledger.Charter) { c.Nodes[1].Peer = strings.Repeat("1", 129) }, ledger.CodeCharter},
		{"too many network addresses", func(c *ledger.Charter) { c.Nodes[1].Addrs = make([]string, ledger.MaxAddresses+1) }, ledger.CodeCharter},
		{"a long URL", func(c *ledger.Charter) { c.Nodes[1].URL = long }, ledger.CodeCharter},
		{"no cosigners", func(c *ledger.Charter) { c.Cosigners = nil }, ledger.CodeCharter},
		{"cosigners not ascending", func(c *ledger.Charter) {
			c.Cosigners = []ledger.Cosigner{{Member: "wh", Key: fill(1), Node: 3}, c.Cosigners[0]}
		}, ledger.CodeCharter},
		{"a cosigner twice", func(c *ledger.Charter) {
			c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: "lanzhi", Key: fill(1), Node: 1})
		}, ledger.CodeCharter},
		{"a second cosigner", func(c *ledger.Charter) {
			c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: "wh", Key: fill(1), Node: 3})
		}, ""},
		{"a witness key twice", func(c *ledger.Charter) {
			c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: "wh", Key: c.Cosigners[0].Key, Node: 3})
		}, ledger.CodeCharter},
		{"a witness on no node", func(c *ledger.Charter) { c.Cosigners[0].Node = 9 }, ledger.CodeCharter},
		{"a witness on another member's node", func(c *ledger.Charter) { c.Cosigners[0].Node = 3 }, ledger.CodeCharter},
		{"a witness with its node's log key", func(c *ledger.Charter) { c.Cosigners[0].Key = c.Nodes[0].LogKey }, ledger.CodeCharter},
		{"a witness with another node's log key", func(c *ledger.Charter) { c.Cosigners[0].Key = c.Nodes[1].LogKey }, ledger.CodeCharter},
		{"chain 0 ended", func(c *ledger.Charter) { c.Ended[0].Chain = 0 }, ledger.CodeCharter},
		{"an ended chain with a node", func(c *ledger.Charter) { c.Ended[0].Chain = 3 }, ledger.CodeCharter},
		{"ended chains not ascending", func(c *ledger.Charter) { c.Ended = append(c.Ended, c.Ended[0]) }, ledger.CodeCharter},
		{"a default member that is none", func(c *ledger.Charter) { c.Settings.DefaultMembers = []string{"audit"} }, ledger.CodeCharter},
		{"default members not ascending", func(c *ledger.Charter) { c.Settings.DefaultMembers = []string{"wh", "lanzhi"} }, ledger.CodeCharter},
		{"a long filing number", func(c *ledger.Charter) { c.Settings.Filings = []string{long} }, ledger.CodeCharter},
	}
}

func TestCosignerLimit(t *testing.T) {
	for n, want := range map[int]ledger.Code{ledger.MaxCosigners: "", ledger.MaxCosigners + 1: ledger.CodeCharter} {
		c := ledger.Charter{Version: 1, Name: "a"}
		for i := range n {
			slug, number := fmt.Sprintf("m%03d", i), uint32(i+1)
			c.Members = append(c.Members, ledger.Member{Slug: slug, NameZh: "a", NameEn: "a", Role: ledger.Brand, Admins: []ledger.Address{{1, byte(i)}}})
			c.Nodes = append(c.Nodes, ledger.Node{Number: number, Member: slug, LogKey: ledger.Hash{1, byte(i)}, Peer: slug})
			c.Cosigners = append(c.Cosigners, ledger.Cosigner{Member: slug, Node: number, Key: ledger.Hash{2, byte(i)}})
		}
		wantCode(t, fmt.Sprintf("%d cosigners", n), c.CheckForm(), want)
	}
}

// signedBy signs a body with the admins of members, each by its own key.
func signedBy(net *ledgertest.Net, c *ledger.Charter, members ...string) *ledger.SignedCharter {
	s := &ledger.SignedCharter{Body: must(ledger.Marshal(c))}
	for _, m := range members {
		sign(s, m, net.Member(m).Admin)
	}
	return s
}

func sign(s *ledger.SignedCharter, member string, key *ecdsa.PrivateKey) {
	if err := s.Sign(member, key); err != nil {
		panic(err)
	}
}

func TestFirstCharterNeedsEveryMember(t *testing.T) {
	net := ledgertest.New()
	all := []string{"audit", "dist", "lanzhi", "wh"}
	stranger := ledgertest.OperatorKey("stranger")
	tests := []struct {
		name string
		make func() *ledger.SignedCharter
		want ledger.Code
	}{
		{"signed by all", func() *ledger.SignedCharter { return signedBy(net, net.Charter(), all...) }, ""},
		{"signed twice by one", func() *ledger.SignedCharter { return signedBy(net, net.Charter(), append(all, "wh")...) }, ""},
		{"one missing", func() *ledger.SignedCharter { return signedBy(net, net.Charter(), all[1:]...) }, ledger.CodeCharter},
		{"not signed", func() *ledger.SignedCharter { return signedBy(net, net.Charter()) }, ledger.CodeCharter},
		{"one signed by an operator", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all[1:]...)
			sign(s, "audit", net.Member("audit").Operator)
			return s
		}, ledger.CodeNotAdmin},
		{"one signed by another member's admin", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all[1:]...)
			sign(s, "audit", net.Member("wh").Admin)
			return s
		}, ledger.CodeNotAdmin},
		{"a signature too many", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all...)
			sign(s, "audit", stranger)
			return s
		}, ledger.CodeNotAdmin},
		{"a signature of another body", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all...)
			other := signedBy(net, net.Next(nil), "audit")
			s.Signatures[0].Sig = other.Signatures[0].Sig
			return s
		}, ledger.CodeSigner},
		{"a malleated signature", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all...)
			s.Signatures[0].Sig = malleated(s.Signatures[0].Sig)
			return s
		}, ledger.CodeHighS},
		{"a later version", func() *ledger.SignedCharter { return signedBy(net, net.Next(nil), all...) }, ledger.CodeCharter},
		{"too many signatures", func() *ledger.SignedCharter {
			s := signedBy(net, net.Charter(), all...)
			for len(s.Signatures) <= ledger.MaxCharterSignatures {
				s.Signatures = append(s.Signatures, s.Signatures[0])
			}
			return s
		}, ledger.CodeTooLarge},
	}
	for _, tt := range tests {
		_, err := ledger.NewNetwork(tt.make())
		wantCode(t, tt.name, err, tt.want)
	}
	missing := must(signedBy(net, net.Charter(), "dist", "wh").Missing())
	if want := []string{"audit", "lanzhi"}; !slices.Equal(missing, want) {
		t.Errorf("missing %v, want %v", missing, want)
	}
}

// join takes a fifth company in.
func join(net *ledgertest.Net) func(*ledger.Charter) {
	net.NewMember("store", 5)
	return func(c *ledger.Charter) {
		net.Join(c, ledger.Member{Slug: "store", NameZh: "门店", NameEn: "Store", Role: ledger.Distributor})
	}
}

// leave takes members out with their nodes, which it ends.
func leave(slugs ...string) func(*ledger.Charter) {
	return func(c *ledger.Charter) {
		for _, slug := range slugs {
			for _, n := range c.Nodes {
				if n.Member == slug {
					c.Ended = append(c.Ended, ledger.Ended{Chain: n.Number, Size: 4, Root: fill(4)})
				}
			}
			c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Member == slug })
			c.Members = slices.DeleteFunc(c.Members, func(m ledger.Member) bool { return m.Slug == slug })
			c.Cosigners = slices.DeleteFunc(c.Cosigners, func(w ledger.Cosigner) bool { return w.Member == slug })
		}
	}
}

func TestNextCharter(t *testing.T) {
	nothing := func(*ledger.Charter) {}
	newWitness := func(slugs ...string) func(*ledger.Charter) {
		return func(c *ledger.Charter) {
			for i, slug := range slugs {
				c.Cosigner(slug).Key = fill(byte(0xe0 + i))
			}
		}
	}
	node := func(number uint32, edit func(*ledger.Node)) func(*ledger.Charter) {
		return func(c *ledger.Charter) { edit(c.Node(number)) }
	}
	both := func(edits ...func(*ledger.Charter)) func(*ledger.Charter) {
		return func(c *ledger.Charter) {
			for _, e := range edits {
				e(c)
			}
		}
	}
	addNode := func(number uint32, key ledger.Hash) func(*ledger.Charter) {
		return func(c *ledger.Charter) {
			c.Nodes = append(c.Nodes, ledger.Node{Number: number, Member: "wh", LogKey: key, Peer: fmt.Sprint(number)})
		}
	}
	tests := []struct {
		name string
		// before makes version 2, so that the test is of version 3; nil tests 2.
		before  func(*ledger.Charter)
		edit    func(*ledger.Charter)
		signers string
		want    ledger.Code
	}{
		{"nothing changed", nil, nothing, "lanzhi wh dist", ""},
		{"signed by all", nil, nothing, "lanzhi wh dist audit", ""},
		{"too few signatures", nil, nothing, "lanzhi wh", ledger.CodeCharter},
		{"not signed", nil, nothing, "", ledger.CodeCharter},
		{"signed by somebody who joins and too few others", nil, nil, "lanzhi wh store", ledger.CodeCharter},
		{"a member joins, not signed by it", nil, nil, "lanzhi wh dist audit", ""},
		{"a member joins and signs", nil, nil, "lanzhi wh dist store", ""},
		{"a member joins; enough for the old version, too few for the new", nil, nil, "lanzhi wh dist", ledger.CodeCharter},
		{"another network name", nil, func(c *ledger.Charter) { c.Name = "other" }, "lanzhi wh dist", ledger.CodeCharter},
		{"a version skipped", nil, func(c *ledger.Charter) { c.Version++ }, "lanzhi wh dist", ledger.CodeCharter},
		{"another previous version", nil, func(c *ledger.Charter) { h := fill(1); c.Previous = &h }, "lanzhi wh dist", ledger.CodeCharter},

		{"one witness changed", nil, newWitness("dist"), "lanzhi wh dist", ""},
		{"two witnesses changed", nil, newWitness("dist", "wh"), "lanzhi wh dist", ledger.CodeCharter},
		{"a cosigner less", nil, func(c *ledger.Charter) { c.Cosigners = c.Cosigners[:3] }, "lanzhi dist audit", ""},
		{"two cosigners less", nil, func(c *ledger.Charter) { c.Cosigners = c.Cosigners[:2] }, "lanzhi dist audit", ledger.CodeCharter},
		{"a cosigner less and one changed", nil, both(newWitness("audit"), func(c *ledger.Charter) { c.Cosigners = c.Cosigners[:3] }), "lanzhi dist audit", ledger.CodeCharter},

		{"a member leaves and its chain is ended", nil, leave("dist"), "lanzhi wh audit", ""},
		{"a member leaves, and signs itself", nil, leave("dist"), "lanzhi wh dist audit", ""},
		{"a member leaves; its signature does not count for the new version", nil, leave("dist"), "lanzhi dist", ledger.CodeCharter},
		{"two members leave", nil, leave("dist", "wh"), "lanzhi wh dist audit", ledger.CodeCharter},
		{"a member leaves and its chain is not ended", nil, both(leave("dist"), func(c *ledger.Charter) { c.Ended = nil }), "lanzhi wh audit", ledger.CodeCharter},
		{"a chain ended that never was", nil, func(c *ledger.Charter) { c.Ended = []ledger.Ended{{Chain: 7, Size: 1}} }, "lanzhi wh audit", ledger.CodeCharter},
		{"an end kept", leave("dist"), nothing, "lanzhi wh audit", ""},
		{"an end changed", leave("dist"), func(c *ledger.Charter) { c.Ended[0].Size++ }, "lanzhi wh audit", ledger.CodeCharter},
		{"an end with another root", leave("dist"), func(c *ledger.Charter) { c.Ended[0].Root = fill(5) }, "lanzhi wh audit", ledger.CodeCharter},
		{"an end forgotten", leave("dist"), func(c *ledger.Charter) { c.Ended = nil }, "lanzhi wh audit", ledger.CodeCharter},
		{"an ended number used again", leave("dist"), both(func(c *ledger.Charter) { c.Ended = nil }, addNode(3, fill(0xd0))), "lanzhi wh audit", ledger.CodeCharter},

		{"a node with the next number", nil, addNode(5, fill(0xd0)), "lanzhi wh dist", ""},
		{"a node with a later number", nil, addNode(9, fill(0xd0)), "lanzhi wh dist", ""},
		{"a node with a new number and its old log key", nil, func(c *ledger.Charter) {
			key := c.Node(2).LogKey
			leaveNode := func(n ledger.Node) bool { return n.Number == 2 }
			c.Nodes = slices.DeleteFunc(c.Nodes, leaveNode)
			c.Ended = []ledger.Ended{{Chain: 2, Size: 4, Root: fill(4)}}
			addNode(5, key)(c)
			c.Cosigner("wh").Node = 5
		}, "lanzhi wh dist", ledger.CodeCharter},
		{"a node ended and begun with a new number and key", nil, func(c *ledger.Charter) {
			c.Nodes = slices.DeleteFunc(c.Nodes, func(n ledger.Node) bool { return n.Number == 2 })
			c.Ended = []ledger.Ended{{Chain: 2, Size: 4, Root: fill(4)}}
			addNode(5, fill(0xd0))(c)
			c.Cosigner("wh").Node = 5
		}, "lanzhi wh dist", ""},
		{"a number below the highest", func(c *ledger.Charter) { addNode(9, fill(0xd0))(c) }, addNode(6, fill(0xd1)), "lanzhi wh dist", ledger.CodeCharter},
		{"a log key changed", nil, node(2, func(n *ledger.Node) { n.LogKey = fill(0xd0) }), "lanzhi wh dist", ledger.CodeCharter},
		{"a node given to another member", nil, both(func(c *ledger.Charter) { c.Cosigners = c.Cosigners[:3] }, node(2, func(n *ledger.Node) { n.Member = "dist" })), "lanzhi dist audit", ledger.CodeCharter},
		{"addresses changed", nil, node(2, func(n *ledger.Node) { n.Addrs = []string{"/ip4/1.2.3.4/tcp/1"}; n.Peer = "x"; n.URL = "https://a" }), "lanzhi wh dist", ""},
	}
	for _, tt := range tests {
		net := ledgertest.New()
		edit := tt.edit
		if edit == nil {
			edit = join(net)
		}
		if tt.before != nil {
			net.Adopt(tt.before)
		}
		s := signedBy(net, net.Next(edit), strings.Fields(tt.signers)...)
		longer, err := net.Network.Adopt(s)
		wantCode(t, tt.name, err, tt.want)
		if err == nil && (longer.Newest().Hash != s.Hash() || len(longer.Versions()) != len(net.Network.Versions())+1) {
			t.Errorf("%s: the network did not take the version over", tt.name)
		}
	}
}

func TestNextCharterCountsOneSignaturePerMember(t *testing.T) {
	second := ledgertest.OperatorKey("second admin")
	net := ledgertest.New(ledgertest.WithCharter(func(c *ledger.Charter) {
		m := c.Member("wh")
		m.Admins = append(m.Admins, ledger.AddressOf(second))
		slices.SortFunc(m.Admins, func(a, b ledger.Address) int { return bytes.Compare(a[:], b[:]) })
	}))
	s := signedBy(net, net.Next(nil), "lanzhi", "wh")
	sign(s, "wh", second)
	_, err := net.Network.Adopt(s)
	wantCode(t, "two admins of one member", err, ledger.CodeCharter)
	sign(s, "audit", net.Member("audit").Admin)
	_, err = net.Network.Adopt(s)
	wantCode(t, "a third member", err, "")
}

func TestVerifyNetworkNeedsEveryVersion(t *testing.T) {
	net := ledgertest.New()
	net.Adopt(join(net))
	net.Adopt(leave("dist"))
	list := net.Signed()
	got, err := ledger.VerifyNetwork(list)
	if err != nil || got.ID != net.Network.ID || got.Newest().Hash != net.Network.Newest().Hash {
		t.Errorf("verified %v: %v", got, err)
	}
	for name, bad := range map[string][]*ledger.SignedCharter{
		"none": nil, "without the first": list[1:], "without the second": {list[0], list[2]}, "the first twice": {list[0], list[0]},
	} {
		if _, err := ledger.VerifyNetwork(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := net.Network.Chains(); !slices.Equal(got, []uint32{1, 2, 3, 4, 5}) {
		t.Errorf("chains %v", got)
	}
	for chain, member := range map[uint32]string{1: "lanzhi", 3: "dist", 5: "store", 6: "", 0: ""} {
		if got := net.Network.MemberOf(chain); got != member {
			t.Errorf("chain %d belongs to %q, want %q", chain, got, member)
		}
	}
	for v, want := range map[uint64]bool{0: false, 1: true, 3: true, 4: false, 1 << 63: false} {
		if got := net.Network.Version(v) != nil; got != want {
			t.Errorf("version %d held: %v", v, got)
		}
	}
}

func TestAdoptLeavesTheNetworkAsItWas(t *testing.T) {
	net := ledgertest.New()
	first := net.Network
	net.Adopt(nil)
	branch := must(first.Adopt(signedBy(net, func() *ledger.Charter {
		c := *first.Newest().Charter
		c.Version, c.Previous = 2, &first.ID
		c.Settings.LateHours = 1
		return &c
	}(), "lanzhi", "wh", "dist")))
	if len(first.Versions()) != 1 || net.Charter().Settings.LateHours != 0 || branch.Newest().Charter.Settings.LateHours != 1 {
		t.Error("two networks that adopt different versions share them")
	}
}

func TestCharterFile(t *testing.T) {
	net := ledgertest.New()
	signed := net.Signed()[0]
	file := must(json.Marshal(signed))
	var read ledger.SignedCharter
	if err := json.Unmarshal(file, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&read, signed) {
		t.Errorf("read %+v, want %+v", read, signed)
	}
	if !bytes.Contains(file, []byte(`"name_zh":"兰芷"`)) || !bytes.Contains(file, []byte(hex.EncodeToString(signed.Body))) {
		t.Errorf("the file has no view or no body: %s", file)
	}
	// The view is for people. What counts is the body.
	lying := bytes.Replace(file, []byte(`"name_zh":"兰芷"`), []byte(`"name_zh":"假的"`), 1)
	if err := json.Unmarshal(lying, &read); err != nil || !bytes.Equal(read.Body, signed.Body) {
		t.Errorf("a changed view changes what is read: %v", err)
	}
	for name, bad := range map[string]string{
		"no body": `{"signatures":[]}`, "a body that is no charter": `{"charter":"00","signatures":[]}`, "no hex": `{"charter":"zz"}`, "no JSON": `{`,
	} {
		if err := json.Unmarshal([]byte(bad), &read); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSignedCharterBytes(t *testing.T) {
	net := ledgertest.New()
	signed := net.Signed()[0]
	raw := must(signed.Encode())
	got, err := ledger.DecodeSignedCharter(raw)
	if err != nil || !reflect.DeepEqual(got, signed) {
		t.Errorf("decoded %+v (%v)", got, err)
	}
	unsigned := &ledger.SignedCharter{Body: signed.Body}
	if got, err := ledger.DecodeSignedCharter(must(unsigned.Encode())); err != nil || len(got.Signatures) != 0 {
		t.Errorf("a charter that nobody has signed: %v", err)
	}
	_, err = ledger.DecodeSignedCharter(append(raw, 0))
	wantCode(t, "a tail", err, ledger.CodeForm)
	_, err = ledger.DecodeSignedCharter(cborArray(cborBytes(signed.Body[1:]), []byte{0x80}))
	wantCode(t, "a body that is no charter", err, ledger.CodeForm)
	_, err = ledger.DecodeSignedCharter(make([]byte, ledger.MaxSignedCharterBytes+1))
	wantCode(t, "too many bytes", err, ledger.CodeTooLarge)
	_, err = ledger.DecodeSignedCharter(make([]byte, ledger.MaxSignedCharterBytes))
	wantCode(t, "as many bytes as allowed, all wrong", err, ledger.CodeForm)
}

func TestGTINAuthority(t *testing.T) {
	net := ledgertest.New(ledgertest.WithCharter(func(c *ledger.Charter) {
		c.Member("wh").Prefixes = []string{"69012345"}
		c.Member("dist").GTINs = []uint64{6901234000016}
		c.Member("audit").Prefixes = []string{"6901"}
	}))
	for gtin, want := range map[uint64]string{
		6901234999992:  "lanzhi", // the prefix of seven digits
		16901234999999: "lanzhi", // a case of it
		6901234567892:  "wh",     // the longer prefix
		6901234000016:  "dist",   // listed
		6901999999999:  "audit",
		6902000000000:  "",
		69012349999:    "", // a shorter number with other digits in these places
	} {
		got := ""
		if m := net.Charter().GTINAuthority(gtin); m != nil {
			got = m.Slug
		}
		if got != want {
			t.Errorf("GTIN %014d belongs to %q, want %q", gtin, got, want)
		}
	}
}
