package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"suyuan/trace/stock"
)

// A slowFigures counts until nobody waits any more, or it is told to end.
type slowFigures struct {
	fakeFigures
	begun chan struct{}
	ended chan error
	done  chan struct{}
}

func (f *slowFigures) Inventory(ctx context.Context, q stock.Question) (*stock.Inventory, error) {
	f.begun <- struct{}{}
	select {
	case <-ctx.Done():
		f.ended <- ctx.Err()
	case <-f.done:
		f.ended <- nil
	}
	return &stock.Inventory{}, ctx.Err()
}

// Counting ends when who has asked hangs up, and goes on for who waits, also with
// further requests on the line.
func TestCountingEndsWhenNobodyWaits(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			f := &slowFigures{begun: make(chan struct{}, 1), ended: make(chan error, 1), done: make(chan struct{})}
			s := newTestServer(t, newFakeNode(), func(c *Config) { c.Figures = f })
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l := listen(t, network, address)
			serve(t, s, l)
			ask := func() net.Conn {
				conn, err := net.Dial(network, l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(conn, "GET /api/v1/inventory HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer reader\r\n\r\n")
				<-f.begun
				return conn
			}
			ask().Close()
			if err := <-f.ended; !errors.Is(err, context.Canceled) {
				t.Errorf("after hanging up: %v", err)
			}
			conn := ask()
			defer conn.Close()
			fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			if hungUp(conn) {
				t.Error("a server that waits has hung up")
			}
			close(f.done)
			if err := <-f.ended; err != nil {
				t.Errorf("while waiting: %v", err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 OK"))); err != nil {
				t.Errorf("the answer: %v", err)
			}
		})
	}
}
