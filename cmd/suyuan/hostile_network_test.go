//go:build linux

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pester keeps connections to an address open, up to so many, and says nothing on
// them. Those that are closed are opened again.
func (n *netns) pester(ctx context.Context, addr string, most int) (made *atomic.Int64, wait func()) {
	made = new(atomic.Int64)
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			for ctx.Err() == nil {
				var conn net.Conn
				err := n.within(func() (err error) {
					conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr)
					return err
				})
				if err == nil {
					made.Add(1)
					stop := context.AfterFunc(ctx, func() { conn.Close() })
					_, _ = io.Copy(io.Discard, conn) // until the other side has enough
					stop()
					conn.Close()
				}
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	return made, all.Wait
}

// footprint is what the company's node uses of its machine.
func (c *company) footprint() (files int, resident int) {
	c.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", c.proc.cmd.Process.Pid)
	list, err := os.ReadDir(proc + "fd")
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := os.ReadFile(proc + "statm")
	if err != nil {
		c.t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(raw)[1]))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(list), pages * os.Getpagesize()
}

// TestHalfOpenConnections has a stranger's machine open connections to one node,
// as fast as it can and without ever saying a word. What the companies write
// becomes final meanwhile, a node that was away comes back, and the pestered node
// keeps a bounded number of files and bytes for it.
func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	places := make(map[string]place)
	for name, ip := range addresses {
		places[name] = place{ip: ip, machine: l.join(t, ip+"/24")}
	}
	stranger := l.join(t, "10.77.0.66/24")
	n := newNetworkAt(t, places)
	n.start()
	for _, c := range n.all() {
		c.addOperator("place")
	}
	n.waitFinal()
	files, resident := n.brand.footprint()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	made, wait := stranger.pester(ctx, addresses["brand"]+":4001", 200)
	defer wait()
	eventually(t, noticeWithin, func() string {
		if made.Load() < 300 {
			return "the stranger is too slow"
		}
		return ""
	})
	n.wh.stop()
	for _, c := range []*company{n.brand, n.dist, n.audit} {
		c.write("pestered-"+c.name, 50)
	}
	n.waitFinalWithin(noticeWithin, []*company{n.brand, n.dist, n.audit})
	n.wh.start()
	n.wh.write("back", 10)
	n.waitFinalWithin(noticeWithin, nil)
	eventually(t, noticeWithin, func() string {
		if p := n.brand.peerOf(n.wh); p.State != "connected" {
			return fmt.Sprintf("brand does not reach wh: %+v", p)
		}
		return ""
	})
	filesNow, residentNow := n.brand.footprint()
	t.Logf("%d connections; %d files for %d, %d MiB for %d", made.Load(), filesNow, files, residentNow>>20, resident>>20)
	if filesNow > files+150 || residentNow > resident+128<<20 {
		t.Errorf("%d files and %d bytes under attack, %d and %d before", filesNow, residentNow, files, resident)
	}
	stop()
	wait()
	n.verifyAll()
}
