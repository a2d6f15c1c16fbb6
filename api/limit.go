package api

import (
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// A limiter counts acts per client in bounded memory: the clients seen last. Clients
// of one IPv6 site are counted together too, with siteShare times as much: one
// machine may have a new address for each act. It is safe for concurrent use.
type limiter struct {
	clients *lru.Cache[netip.Prefix, *rate.Limiter]
	sites   *lru.Cache[netip.Prefix, *rate.Limiter]
	every   rate.Limit
	burst   int
	now     func() time.Time
}

func newLimiter(every time.Duration, burst int, now func() time.Time) (*limiter, error) {
	clients, err := lru.New[netip.Prefix, *rate.Limiter](maxClients)
	if err != nil {
		return nil, err
	}
	sites, err := lru.New[netip.Prefix, *rate.Limiter](maxClients)
	if err != nil {
		return nil, err
	}
	return &limiter{clients: clients, sites: sites, every: rate.Every(every), burst: burst, now: now}, nil
}

// allow counts one act and reports whether the client was still within its rate.
func (l *limiter) allow(client netip.Prefix) bool {
	if !limiterOf(l.clients, client, l.every, l.burst).AllowN(l.now(), 1) {
		return false
	}
	if !client.Addr().Is6() {
		return true
	}
	site, err := client.Addr().Prefix(siteBits)
	return err != nil || limiterOf(l.sites, site, l.every*siteShare, l.burst*siteShare).AllowN(l.now(), 1)
}

// spent reports whether the client's next act would be refused.
func (l *limiter) spent(client netip.Prefix) bool {
	r, ok := l.clients.Get(client)
	return ok && r.TokensAt(l.now()) < 1
}

// limiterOf returns what counts the acts of a client or site, made anew if it was
// forgotten.
func limiterOf(all *lru.Cache[netip.Prefix, *rate.Limiter], who netip.Prefix, every rate.Limit, burst int) *rate.Limiter {
	if r, ok := all.Get(who); ok {
		return r
	}
	r := rate.NewLimiter(every, burst)
	if earlier, ok, _ := all.PeekOrAdd(who, r); ok {
		return earlier
	}
	return r
}

// clientOf is what rates are counted by: an IPv4 address, or the /64 of an IPv6
// address, which is what one subscriber has.
func (s *Server) clientOf(c *fiber.Ctx) netip.Prefix {
	addr := s.address(c)
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address, as on a Unix socket
	}
	return p
}

// address is the caller's address: that of the connection, or, where this is a
// trusted proxy's, the last one in X-Forwarded-For that is no trusted proxy's.
// What stands further left anybody may have written.
func (s *Server) address(c *fiber.Ctx) netip.Addr {
	addr := connAddress(c)
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr
}

// connAddress is the address at the other end of the connection, or none.
func connAddress(c *fiber.Ctx) netip.Addr {
	conn, err := netip.ParseAddrPort(c.Context().RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return conn.Addr().Unmap()
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// local reports whether the caller is on this machine. A request that came
// through a proxy which we were not told to trust is not, whatever its address.
func (s *Server) local(c *fiber.Ctx) bool {
	if onSocket(c) {
		return true
	}
	addr := s.address(c)
	forwarded := c.Get(fiber.HeaderXForwardedFor) != "" || c.Get("Forwarded") != ""
	return addr.IsLoopback() && !forwarded
}

// onSocket reports whether the request came over a Unix socket, which only the
// node's own user can open.
func onSocket(c *fiber.Ctx) bool { return c.Context().RemoteAddr().Network() == "unix" }
