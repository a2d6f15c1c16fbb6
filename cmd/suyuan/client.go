package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"suyuan/node"
)

// clientTimeout bounds one call. Issuing ten million codes takes some seconds;
// calls that stream progress have no bound but the context's.
const clientTimeout = 60 * time.Second

// A client calls a node: over its socket, with the rights of whoever may open
// the node's directory, or over HTTP with a token.
type client struct {
	http  *http.Client
	base  string
	token string
}

// problem is an RFC 9457 answer.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Line   int    `json:"line,omitempty"` // of a list of serials
}

func (p *problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	return fmt.Sprintf("%s (%s)", text, p.Code)
}

// call sends a request with an optional JSON body and decodes the answer into
// out: a pointer for JSON, *[]byte for the bytes, nil for nothing.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	var in io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case rawBody:
		in, kind = bytes.NewReader(b.data), b.kind
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return err
		}
		in = bytes.NewReader(data)
	}
	res, err := c.send(ctx, method, path, kind, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	switch o := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*o = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// rawBody is a body that is not JSON.
type rawBody struct {
	kind string
	data []byte
}

// send sends a request and turns refusals into errors. The caller closes the
// body.
func (c *client) send(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	p := &problem{}
	if err != nil || json.Unmarshal(data, p) != nil || p.Code == "" {
		return nil, fmt.Errorf("the node answers %s", res.Status)
	}
	return nil, p
}

// urlClient returns a client for a node's URL.
func urlClient(base, token string) (*client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, misused("%q is not the URL of a node", base)
	}
	return &client{http: &http.Client{}, base: strings.TrimSuffix(base, "/"), token: token}, nil
}

// socketClient returns a client for the node that runs in dir, or an error if
// none does.
func socketClient(dir string) (*client, error) {
	path := node.SocketPath(dir)
	probe, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return nil, err
	}
	probe.Close()
	return &client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}, base: "http://node"}, nil
}

// withNode calls do with a client for the node in --dir: the running one if
// there is one, else one that is opened for this command. Both answer through
// the same handlers.
func withNode(ctx context.Context, e *env, pass *passphraseFlags, do func(*client) error) error {
	dir, err := e.needDir()
	if err != nil {
		return err
	}
	if c, err := socketClient(dir); err == nil {
		return do(c)
	}
	if _, err := node.ReadConfig(dir); err != nil {
		return err // before a passphrase is asked for that nothing could use
	}
	phrase, err := pass.node(e)
	if err != nil {
		return err
	}
	n, err := node.Open(node.Options{Dir: dir, Passphrase: phrase, Log: e.logger("error")})
	if errors.Is(err, node.ErrRunning) {
		// It is starting, and will take commands in a moment.
		if c := awaitSocket(ctx, dir); c != nil {
			return do(c)
		}
	}
	if err != nil {
		return err
	}
	served, err := serveInMemory(n, e.logger("error"))
	if err != nil {
		return errors.Join(err, n.Close())
	}
	err = do(served.client())
	return errors.Join(err, served.stop(), n.Close())
}

// startTimeout is how long a command waits for a node that is starting.
const startTimeout = 10 * time.Second

// awaitSocket waits for a node that is starting to take commands; nil if it does
// not.
func awaitSocket(ctx context.Context, dir string) *client {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := socketClient(dir); err == nil {
			return c
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// readInput reads a file, or stdin for "-".
func readInput(e *env, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(e.stdin)
	}
	return os.ReadFile(path)
}
