package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"suyuan/node"
)

// BenchmarkAnswer looks codes up whose trails have more and more events, for
// profiles. `suyuan bench` measures the same.
func BenchmarkAnswer(b *testing.B) {
	for _, events := range []int{travelPacked, 50, 500} {
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			w, err := newBenchWorld(b.Context(), b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			n, err := w.open()
			if err != nil {
				b.Fatal(err)
			}
			stop := runAlone(b.Context(), n)
			askings, err := (&benchTravel{w: w, n: n, events: events}).askings(b.Context(), 0)
			if err != nil {
				b.Fatal(err)
			}
			for _, a := range askings {
				b.Run(a.name, func(b *testing.B) { benchAnswers(b, n, a.uris, events) })
			}
			if err := errors.Join(stop(), n.Close()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchAnswers(b *testing.B, n *node.Node, uris []string, events int) {
	for _, uri := range uris[:20] {
		a, err := n.Answer(b.Context(), uri, "")
		if err != nil || len(a.Trail.Events) < events {
			b.Fatalf("%s: %v, %v", uri, a, err)
		}
	}
	b.ReportAllocs()
	cpu := processorTime()
	for i := rand.IntN(len(uris)); b.Loop(); i++ {
		if _, err := n.Answer(b.Context(), uris[i%len(uris)], ""); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime()-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
}

// BenchmarkPage has one phone load pages and their pictures from a node in this
// process.
func BenchmarkPage(b *testing.B) {
	addr, err := freeAddress()
	if err != nil {
		b.Fatal(err)
	}
	w, err := newServedWorld(b.Context(), b.TempDir(), addr)
	if err != nil {
		b.Fatal(err)
	}
	paths, err := (&scanLoad{items: travelItems, events: 10}).fill(b.Context(), w)
	if err != nil {
		b.Fatal(err)
	}
	n, err := w.open()
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	servers, err := newServers(n, l, listenInMemory(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	p := &phone{client: plainClient{addr: addr}}
	for i := 0; b.Loop(); i++ {
		if err := p.scan(paths[i%len(paths)], int64(i), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	p.client.close()
	if err := servers.stop(); err != nil {
		b.Fatal(err)
	}
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend has a node take records from many callers, as `suyuan bench`
// does; an operation is three records, for each of some cases.
func BenchmarkAppend(b *testing.B) {
	w, err := newBenchWorld(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n, err := w.open()
	if err != nil {
		b.Fatal(err)
	}
	flow := &benchFlow{w: w, n: n}
	var sum measured
	for b.Loop() {
		m, err := flow.part(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		sum = sum.add(m)
	}
	b.ReportMetric(float64(sum.cpu.Microseconds())/float64(sum.ops), "cpu-µs/record")
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
}
