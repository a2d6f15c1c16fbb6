package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"

	"suyuan/node/protocol"
	"suyuan/node/wire"
)

// Nodes on one network segment can find each other by multicast DNS, RFC 6762,
// if their operators want that: it tells everybody on the segment that a node is
// there. A node asks for the PTR records of its network's service and is
// answered with TXT records, "dnsaddr=" and a multiaddress each, as libp2p's
// discovery has them. What is answered is an address to try and nothing more:
// who is there, the handshake proves.

// mdnsGroup is where all of multicast DNS on IPv4 is sent.
var mdnsGroup = net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

const (
	addrPrefix = "dnsaddr="
	mdnsTTL    = 120 // seconds

	// maxTXT is the longest string of a TXT record, RFC 1035 section 3.3.14.
	maxTXT = 255
)

// A segment is one network interface on which nodes look for each other.
type segment struct {
	conn *net.UDPConn
	name string

	mu       sync.Mutex
	answered time.Time // guarded by mu
}

// findNearby asks on all interfaces now and then, and answers, until ctx ends.
func (r *Replica) findNearby(ctx context.Context) {
	service := "_suyuan-" + r.network.String()[:8] + "._udp.local."
	segments, err := listenNearby()
	if len(segments) == 0 {
		r.log.Warn("nodes nearby are not looked for", "err", err)
		return
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	for _, s := range segments {
		readers.Go(func() { r.hearNearby(s, service) })
		defer s.conn.Close()
	}
	question, err := encodeQuestion(service)
	if err != nil {
		r.log.Error("nodes nearby are not looked for", "err", err)
		return
	}
	for {
		for _, s := range segments {
			if _, err := s.conn.WriteToUDP(question, &mdnsGroup); err != nil {
				r.log.Debug("question not sent", "interface", s.name, "err", err)
			}
		}
		if !sleep(ctx, jitter(nearbyEvery)) {
			return
		}
	}
}

// listenNearby joins the group on every interface that can.
func listenNearby() (list []*segment, err error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	errs := []error{errors.New("no interface takes part in multicast")}
	for i := range interfaces {
		ifi := &interfaces[i]
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&net.FlagMulticast == 0 {
			continue
		}
		conn, err := net.ListenMulticastUDP("udp4", ifi, &mdnsGroup)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", ifi.Name, err))
			continue
		}
		p := ipv4.NewPacketConn(conn)
		if err := errors.Join(p.SetMulticastInterface(ifi), p.SetMulticastLoopback(true), p.SetMulticastTTL(255)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", ifi.Name, err), conn.Close())
			continue
		}
		list = append(list, &segment{conn: conn, name: ifi.Name})
	}
	return list, errors.Join(errs...)
}

// hearNearby takes what comes on one interface until its socket is closed.
func (r *Replica) hearNearby(s *segment, service string) {
	buf := make([]byte, maxMDNS)
	for {
		n, _, err := s.conn.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		asked, texts, err := decodeMDNS(buf[:n], service)
		if err != nil {
			continue // most of what is said there is not for us
		}
		if asked && s.mayAnswer(time.Now()) {
			if answer, err := encodeAnswer(service, r.host.ID().String(), r.Addrs()); err != nil {
				r.log.Debug("question not answered", "interface", s.name, "err", err)
			} else if _, err := s.conn.WriteToUDP(answer, &mdnsGroup); err != nil {
				r.log.Debug("question not answered", "interface", s.name, "err", err)
			}
		}
		r.nearby(texts)
	}
}

// mayAnswer keeps answers a second apart, RFC 6762 section 6.
func (s *segment) mayAnswer(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.answered) < time.Second {
		return false
	}
	s.answered = now
	return true
}

// nearby takes over addresses of nodes of the charter. What was heard last of a
// node replaces what was heard before.
func (r *Replica) nearby(texts []string) {
	heard := make(map[peer.ID][]string)
	for _, text := range texts {
		a, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			continue
		}
		if _, id := peer.SplitAddr(a); id != "" && lineOf(a) != LineRelay && len(heard[id]) < wire.MaxAddrs {
			heard[id] = append(heard[id], text)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, addrs := range heard {
		if p := r.byID[id]; p != nil {
			p.near = addrs
			if p.session == nil {
				r.tell(protocol.Reached{Peer: p.number})
			}
		}
	}
}

func encodeQuestion(service string) ([]byte, error) {
	name, err := dnsmessage.NewName(service)
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{
		{Name: name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET},
	}}
	return m.Pack()
}

// encodeAnswer names the node under the service and gives its addresses, as many
// as fit a datagram.
func encodeAnswer(service, instance string, addrs []string) ([]byte, error) {
	var texts []string
	room := maxMDNS / 2
	for _, a := range addrs {
		if text := addrPrefix + a; len(text) <= maxTXT && len(text) < room {
			texts = append(texts, text)
			room -= len(text)
		}
	}
	name, err := dnsmessage.NewName(service)
	if err != nil {
		return nil, err
	}
	own, err := dnsmessage.NewName(instance + "." + service)
	if err != nil {
		return nil, err
	}
	head := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: mdnsTTL}
	m := dnsmessage.Message{
		Header:  dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{Header: head, Body: &dnsmessage.PTRResource{PTR: own}}},
	}
	if len(texts) > 0 {
		head.Name = own
		m.Additionals = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.TXTResource{TXT: texts}}}
	}
	return m.Pack()
}

// decodeMDNS reads one datagram: whether it asks for the service, or else the
// addresses that it gives under the service.
func decodeMDNS(raw []byte, service string) (asked bool, addrs []string, err error) {
	if len(raw) > maxMDNS {
		return false, nil, fmt.Errorf("a datagram of %d bytes", len(raw))
	}
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil {
		return false, nil, err
	}
	if !m.Response {
		for _, q := range m.Questions {
			asked = asked || q.Type == dnsmessage.TypePTR && strings.EqualFold(q.Name.String(), service)
		}
		return asked, nil, nil
	}
	for _, list := range [][]dnsmessage.Resource{m.Answers, m.Additionals} {
		for _, res := range list {
			txt, ok := res.Body.(*dnsmessage.TXTResource)
			if !ok || !strings.HasSuffix(strings.ToLower(res.Header.Name.String()), "."+service) {
				continue
			}
			for _, text := range txt.TXT {
				if a, ok := strings.CutPrefix(text, addrPrefix); ok && len(a) <= wire.MaxAddrBytes {
					addrs = append(addrs, a)
				}
			}
		}
	}
	return false, addrs, nil
}
