package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"suyuan/api"
	"suyuan/node"
)

const (
	// shutdownTimeout bounds how long requests under way may hold up the end.
	shutdownTimeout = 5 * time.Second
	// adminHeaderTimeout bounds how long a command may take to send its request's
	// head.
	adminHeaderTimeout = 10 * time.Second
)

// servers answers for one node: the API and pages on TCP, and the same together
// with the commands of this machine over a local listener.
type servers struct {
	api   *api.Server
	inner *memoryListener // the API, as the local side reaches it
	local *http.Server
	group errgroup.Group

	listeners []net.Listener // of the API
}

// newServers makes the servers of a node. local listens for commands: a Unix
// socket, or memory for a command that has opened the node itself. public may
// be nil.
func newServers(n *node.Node, public, local net.Listener, log *slog.Logger) (*servers, error) {
	a, err := newAPI(n, log)
	if err != nil {
		return nil, err
	}
	s := &servers{api: a, inner: listenInMemory()}
	s.listeners = []net.Listener{s.inner}
	mux := http.NewServeMux()
	mux.Handle("/admin/", adminHandler(n, log))
	mux.Handle("/", s.proxy())
	s.local = &http.Server{Handler: mux, ReadHeaderTimeout: adminHeaderTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	s.group.Go(func() error { return s.api.Serve(localListener{s.inner}) })
	s.group.Go(func() error {
		if err := s.local.Serve(local); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve commands: %w", err)
		}
		return nil
	})
	if public != nil {
		s.listeners = append(s.listeners, public)
		s.group.Go(func() error { return s.api.Serve(public) })
	}
	return s, nil
}

// proxy hands what is no command to the API.
func (s *servers) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "node"
		},
		Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return s.inner.Dial() },
		},
	}
}

// stop ends the servers and waits for them.
func (s *servers) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	s.api.EndStreams()
	err := errors.Join(s.local.Shutdown(ctx), s.api.Shutdown(ctx))
	// Shutdown overlooks a listener that Serve has not come to yet, and Serve
	// would then wait on it for ever. The others are closed already.
	for _, l := range s.listeners {
		_ = l.Close()
	}
	return errors.Join(err, s.group.Wait())
}

// localListener marks connections as local: they come through memory from the
// Unix socket, which only the node's user can open.
type localListener struct{ net.Listener }

// Accept returns the next connection.
func (l localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{c}, nil
}

type localConn struct{ net.Conn }

// RemoteAddr tells the API that the caller is local.
func (localConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "node.sock", Net: "unix"} }

// memory is a node that a command has opened for itself.
type memory struct {
	*servers
	listener *memoryListener
}

// serveInMemory serves a node to this process alone.
func serveInMemory(n *node.Node, log *slog.Logger) (*memory, error) {
	l := listenInMemory()
	s, err := newServers(n, nil, l, log)
	if err != nil {
		return nil, err
	}
	return &memory{s, l}, nil
}

func (m *memory) client() *client {
	return &client{base: "http://node", http: &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return m.listener.Dial() },
	}}}
}

// listenSocket listens on the node's socket, which only its user may open. A
// socket that a dead process left behind is removed: the store's lock has shown
// that no other process runs the node.
func listenSocket(dir string) (net.Listener, error) {
	path := node.SocketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// parseProxies reads addresses and ranges of trusted proxies.
func parseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err2 := netip.ParseAddr(s)
			if err2 != nil {
				return nil, fmt.Errorf("trusted_proxies: %w", err)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}
