//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A street is machines with an address of version 4 and one of version 6 each,
// and names for them that only the nodes know.
type street struct {
	lan   *lan
	hosts string // path of the nodes' /etc/hosts
	at    map[string]*netns
}

func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{lan: newLAN(t), hosts: filepath.Join(t.TempDir(), "hosts"), at: make(map[string]*netns)}
	for name, ip := range addresses {
		s.at[name] = s.lan.join(t, ip+"/24")
		s.at[name].run("ip -6 addr add " + v6(name) + "/64 dev eth0 nodad")
	}
	return s
}

// v6 is the address of version 6 of a company's machine.
func v6(name string) string {
	ip := addresses[name]
	return "fd77::" + ip[strings.LastIndexByte(ip, '.')+1:]
}

// domain is the name of a company's machine.
func domain(name string) string { return name + ".machines.example" }

// call writes which names have which addresses. Nodes see it within seconds.
func (s *street) call(t *testing.T, lines ...string) {
	t.Helper()
	if err := os.WriteFile(s.hosts, []byte("127.0.0.1 localhost\n"+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// place is where a company's node runs, with what it listens on and what the
// charter says of it.
func (s *street) place(name string, listen, addrs []string) place {
	return place{ip: addresses[name], machine: s.at[name], listen: listen, addrs: addrs, hosts: s.hosts}
}

// TestReach has four nodes of different kinds: one has only a name with an address
// of version 6 and only QUIC gets through to it, one a name with an address of
// version 4 and only TCP, the others numbers. The first two cannot talk to each
// other, and say so; everything is final everywhere all the same.
func TestReach(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	s.call(t, v6("brand")+" "+domain("brand"), addresses["wh"]+" "+domain("wh"))
	n := newNetworkAt(t, map[string]place{
		"brand": s.place("brand", []string{"/ip6/::/udp/4001/quic-v1"}, []string{"/dns6/" + domain("brand") + "/udp/4001/quic-v1"}),
		"wh":    s.place("wh", []string{"/ip4/0.0.0.0/tcp/4001"}, []string{"/dns4/" + domain("wh") + "/tcp/4001"}),
		"dist": s.place("dist", []string{"/ip4/0.0.0.0/udp/4001/quic-v1", "/ip6/::/udp/4001/quic-v1", "/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"},
			[]string{"/ip4/" + addresses["dist"] + "/udp/4001/quic-v1", "/ip6/" + v6("dist") + "/udp/4001/quic-v1", "/ip4/" + addresses["dist"] + "/tcp/4001"}),
		"audit": s.place("audit", []string{"/ip6/::/udp/4001/quic-v1", "/ip4/0.0.0.0/tcp/4001"},
			[]string{"/ip6/" + v6("audit") + "/udp/4001/quic-v1", "/dns/localhost/tcp/1", "/ip4/" + addresses["audit"] + "/tcp/4001"}),
	})
	s.at["brand"].run("ip addr flush dev eth0 scope global")
	s.at["brand"].run("ip -6 addr add " + v6("brand") + "/64 dev eth0 nodad")
	for name, drop := range map[string]string{"brand": "iif != lo meta l4proto tcp drop", "wh": "iif != lo meta l4proto udp drop"} {
		s.at[name].run(`
			nft add table inet only
			nft add chain inet only in { type filter hook input priority 0 ; }
			nft add rule inet only in ` + drop)
	}
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
		c.write("reach-"+c.name, 20)
	}
	for _, way := range []struct {
		from, to *company
		via      string
	}{
		{n.brand, n.dist, "quic"}, {n.dist, n.brand, "quic"}, {n.brand, n.audit, "quic"}, {n.audit, n.brand, "quic"},
		{n.wh, n.dist, "tcp"}, {n.dist, n.wh, "tcp"}, {n.wh, n.audit, "tcp"}, {n.audit, n.wh, "tcp"},
	} {
		eventually(t, noticeWithin, func() string {
			if p := way.from.peerOf(way.to); string(p.Via) != way.via {
				return fmt.Sprintf("%s reaches %s by %q, not %q: %s", way.from.name, way.to.name, p.Via, way.via, p.Problem)
			}
			return ""
		})
	}
	n.waitFinalWithin(noticeWithin, nil)
	for _, way := range [][2]*company{{n.brand, n.wh}, {n.wh, n.brand}} {
		eventually(t, noticeWithin, func() string { // the first attempt tells
			if p := way[0].peerOf(way[1]); p.State != "away" || p.Problem == "" || p.Advice == "" {
				return fmt.Sprintf("%s says of %s: %+v", way[0].name, way[1].name, p)
			}
			return ""
		})
	}
	n.verifyAll()
}

// TestAddressChange moves two machines to other addresses while the nodes run:
// one that the charter knows by name, whose name is told anew, and one that the
// charter knows by number, which says itself where it is. Nobody changes the
// charter.
func TestAddressChange(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	s.call(t, addresses["brand"]+" "+domain("brand"))
	any4 := []string{"/ip4/0.0.0.0/udp/4001/quic-v1", "/ip4/0.0.0.0/tcp/4001"}
	places := make(map[string]place)
	for name, ip := range addresses {
		places[name] = s.place(name, any4, []string{"/ip4/" + ip + "/udp/4001/quic-v1", "/ip4/" + ip + "/tcp/4001"})
	}
	places["brand"] = s.place("brand", any4, []string{"/dns4/" + domain("brand") + "/udp/4001/quic-v1", "/dns/" + domain("brand") + "/tcp/4001"})
	n := newNetworkAt(t, places)
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
	}
	n.waitFinal()

	for c, moved := range map[*company]string{n.brand: "10.77.0.101", n.wh: "10.77.0.102"} {
		s.at[c.name].run(fmt.Sprintf(`
			ip addr flush dev eth0 scope global
			ip addr add %s/24 dev eth0`, moved))
	}
	s.call(t, "10.77.0.101 "+domain("brand"))
	for _, c := range n.all() {
		c.write("moved-"+c.name, 20)
	}
	n.waitFinalWithin(2*noticeWithin, nil)
	for _, from := range n.all() {
		for _, to := range []*company{n.brand, n.wh} {
			if from == to {
				continue
			}
			eventually(t, 2*noticeWithin, func() string {
				if p := from.peerOf(to); p.State != "connected" {
					return fmt.Sprintf("%s does not reach %s: %+v", from.name, to.name, p)
				}
				return ""
			})
		}
	}
	n.verifyAll()
}
