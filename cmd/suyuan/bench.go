package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

const (
	benchCallers = 64 // that append at the same time
	benchRepeats = 3  // of each row; the median is reported
)

// What the rows are held against. Nothing fails when a target is not met: other
// machines have other disks.
const (
	targetOfRecover = 0.5    // of the raw recover rate, with signatures checked
	targetAppend    = 30_000 // records a second without, where an fsync is fast
	targetTrail     = 1.0    // ms for the trail of a code with fifty events
	targetGrowth    = 2      // of a look-up with a hundred times the items
	fastFsync       = 1_000  // fsyncs a second that make a disk a fast one
)

func newBench(e *env) *cobra.Command {
	var dir string
	var seconds float64
	var large bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine appends records and looks codes up",
		Long: `Measure, on this machine and in one run: how many signatures its processor can
check, how often its disk can fsync, how many records a second a node appends
with 64 callers, and how long it takes to look a code up among more and more
items. Each row is measured three times; the table shows the median.

Everything happens in a directory that is made below --dir and removed again.
Give a directory on the disk of your node: /tmp may be in memory, where an fsync
costs nothing. The rows of look-ups first write a million events, which takes
some minutes.`,
		Example: `  suyuan bench --dir /var/lib/suyuan
  suyuan bench --seconds 10 --large --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds <= 0 {
				return misused("--seconds %v is no time", seconds)
			}
			return withBenchDir(dir, func(tmp string) error {
				b := &bench{e: e, dir: tmp, limit: time.Duration(seconds * float64(time.Second) / benchRepeats)}
				if err := b.all(cmd.Context(), large); err != nil {
					return err
				}
				return b.print()
			})
		},
	}
	// It hides the node's directory of the same name: no node is touched here.
	cmd.Flags().StringVar(&dir, "dir", "", "where to make a temporary directory (default: the system's place for them)")
	cmd.Flags().Float64Var(&seconds, "seconds", 3, "how long each row is measured, its three repetitions together")
	cmd.Flags().BoolVar(&large, "large", false, "look up among ten million items too")
	cmd.AddCommand(newBenchScans(e), newBenchCodes(e))
	return cmd
}

// A bench gathers rows.
type bench struct {
	e     *env
	dir   string
	limit time.Duration // of one repetition

	recovers func(limit time.Duration) (measured, error) // checks signatures
	rows     []benchRow
}

// A benchRow is one thing measured: operations a second, or the time of one.
type benchRow struct {
	Name   string    `json:"name"`
	What   string    `json:"what"` // is measured
	Unit   string    `json:"unit"` // "1/s" or "ms"
	Median float64   `json:"median"`
	Runs   []float64 `json:"runs"`

	// OfRecover is the median of each run as a share of the rate of raw
	// signature checks, measured right before it: other load on the machine comes
	// and goes.
	OfRecover float64 `json:"of_recover,omitempty"`

	// CPU is the median of the processor time of one operation, in µs. Unlike a
	// rate it hardly depends on what else the machine does.
	CPU float64 `json:"cpu_us,omitempty"`

	Target string `json:"target,omitempty"`
	Met    *bool  `json:"met,omitempty"`
}

// measured is what one repetition did.
type measured struct {
	ops  int
	took time.Duration
	cpu  time.Duration // of all processors, 0 if not known
}

// add joins what was measured in parts.
func (m measured) add(o measured) measured {
	return measured{m.ops + o.ops, m.took + o.took, m.cpu + o.cpu}
}

// rate is in operations a second.
func (m measured) rate() float64 { return float64(m.ops) / m.took.Seconds() }

// measure repeats once and adds a row of operations a second.
func (b *bench) measure(ctx context.Context, name, what string, once func() (measured, error)) (*benchRow, error) {
	b.e.say("%s …", what)
	row := benchRow{Name: name, What: what, Unit: "1/s"}
	var cpu []float64
	for range benchRepeats {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := once()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		row.Runs = append(row.Runs, m.rate())
		cpu = append(cpu, float64(m.cpu.Microseconds())/float64(m.ops))
	}
	row.Median, row.CPU = median(row.Runs), median(cpu)
	b.rows = append(b.rows, row)
	return &b.rows[len(b.rows)-1], nil
}

// measureShare is measure with the rate as a share of raw signature checks.
func (b *bench) measureShare(ctx context.Context, name, what string, once func() (measured, error)) (*benchRow, error) {
	var shares []float64
	row, err := b.measure(ctx, name, what, func() (measured, error) {
		raw, err := b.recovers(b.limit / 4)
		if err != nil {
			return raw, err
		}
		m, err := once()
		shares = append(shares, m.rate()/raw.rate())
		return m, err
	})
	if err != nil {
		return nil, err
	}
	row.OfRecover = median(shares)
	return row, nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// aim notes a target and whether it was met.
func (r *benchRow) aim(met bool, format string, args ...any) {
	r.Target, r.Met = fmt.Sprintf(format, args...), &met
}

// callers has many callers do n things together and returns how long it took.
func callers(n int, do func(i int) error) (measured, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, benchCallers)
	start, cpu := time.Now(), processorTime()
	for c := range benchCallers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[c] == nil; i = int(next.Add(1)) - 1 {
				errs[c] = do(i)
			}
		})
	}
	wg.Wait()
	return measured{n, time.Since(start), processorTime() - cpu}, errors.Join(errs...)
}

// until repeats parts of a measurement until they took long enough.
func until(ctx context.Context, limit time.Duration, part func() (measured, error)) (measured, error) {
	var sum measured
	for sum.took < limit && ctx.Err() == nil {
		m, err := part()
		if err != nil {
			return sum, err
		}
		sum = sum.add(m)
	}
	return sum, ctx.Err()
}

// print prints the rows.
func (b *bench) print() error {
	if b.e.json {
		return b.e.printJSON(map[string]any{
			"cpus": runtime.GOMAXPROCS(0), "arch": runtime.GOARCH, "go": runtime.Version(), "repeats": benchRepeats, "rows": b.rows,
		})
	}
	t := table.NewWriter()
	t.SetOutputMirror(b.e.stdout)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"measured", "median", "least … most", "processor time", "of raw checks", "target"})
	for _, r := range b.rows {
		least, most := slices.Min(r.Runs), slices.Max(r.Runs)
		share := ""
		if r.OfRecover > 0 {
			share = fmt.Sprintf("%.2f", r.OfRecover)
		}
		t.AppendRow(table.Row{r.What, r.text(r.Median), r.text(least) + " … " + r.text(most), fmt.Sprintf("%.0f µs", r.CPU), share, r.targetText()})
	}
	t.SetCaption("%d processors, %s, %s; each row %d times", runtime.GOMAXPROCS(0), runtime.GOARCH, runtime.Version(), benchRepeats)
	t.Render()
	return nil
}

// text is a figure of the row for people.
func (r *benchRow) text(v float64) string {
	if r.Unit == "ms" {
		return fmt.Sprintf("%.3f ms", v)
	}
	return fmt.Sprintf("%.0f/s", v)
}

func (r *benchRow) targetText() string {
	switch {
	case r.Met == nil:
		return r.Target
	case *r.Met:
		return r.Target + ": met"
	}
	return r.Target + ": NOT MET"
}
