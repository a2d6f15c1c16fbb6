package replica

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

var showTable = flag.Bool("table", false, "measure what a network does on this machine, and print one table")

// TestTable prints what the benchmarks measure as one table. It takes minutes and
// wants a machine that does nothing else:
//
//	go test ./node/replica -run '^TestTable$' -table -v -benchtime 10s -timeout 30m
func TestTable(t *testing.T) {
	if !*showTable {
		t.Skip("nothing is measured without -table")
	}
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.AppendHeader(table.Row{"what", "how", "measured"})
	for _, m := range []struct {
		what, how string
		run       func(b *testing.B)
	}{
		{"append to final", "4 nodes, idle", func(b *testing.B) { appendToFinal(b, 4, false) }},
		{"append to final", "4 nodes, half load", func(b *testing.B) { appendToFinal(b, 4, true) }},
		{"append to final", "10 nodes, idle", func(b *testing.B) { appendToFinal(b, 10, false) }},
		{"append to final", "10 nodes, half load", func(b *testing.B) { appendToFinal(b, 10, true) }},
		{"throughput", "4 nodes, one writes 500 at a time", BenchmarkThroughput},
		{"catch-up", "10,000 entries, beside checking their signatures alone", BenchmarkCatchUp},
		{"bytes per entry", "4 nodes, one by one", func(b *testing.B) { bytesPerEntry(b, 1) }},
		{"bytes per entry", "4 nodes, 500 at a time", func(b *testing.B) { bytesPerEntry(b, 500) }},
		{"cost of a peer", "each end of a session, 50 nodes in one process", BenchmarkPeers},
	} {
		r := testing.Benchmark(m.run)
		if r.N == 0 {
			t.Errorf("%s, %s: it failed", m.what, m.how)
			continue
		}
		var measured []string
		for unit, value := range r.Extra {
			measured = append(measured, fmt.Sprintf("%.4g %s", value, unit))
		}
		slices.Sort(measured)
		out.AppendRow(table.Row{m.what, m.how, strings.Join(measured, "  ")})
		t.Logf("%s, %s: %s", m.what, m.how, strings.Join(measured, "  "))
	}
	fmt.Println(out.Render())
}
