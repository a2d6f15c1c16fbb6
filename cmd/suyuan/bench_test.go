package main

import (
	"fmt"
	"testing"
)

// BenchmarkAnswer looks codes up whose trails have more and more events, for
// profiles; `suyuan bench` measures the same.
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
			uris, err := (&benchTravel{w: w, n: n, events: events}).fill(b.Context(), 0, stockLooked)
			if err != nil {
				b.Fatal(err)
			}
			for _, uri := range uris {
				a, err := n.Answer(b.Context(), uri, "")
				if err != nil || len(a.Trail.Events) < events {
					b.Fatalf("%s: %v, %v", uri, a, err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := n.Answer(b.Context(), uris[i%len(uris)], ""); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := stop(); err != nil {
				b.Fatal(err)
			}
			if err := n.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
