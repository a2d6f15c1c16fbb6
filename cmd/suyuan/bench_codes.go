package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// codesLooked is how many codes of all runs are looked up.
const codesLooked = 2_000

func newBenchCodes(e *env) *cobra.Command {
	var dir string
	var count uint32
	var runs int
	cmd := &cobra.Command{
		Use:   "codes",
		Short: "Issue, pack and look up codes by the ten million",
		Long: `Issue runs of codes, pack all of them into cases by one record for each run, and
look some of them up: how many codes a second, how much memory, how many bytes of
the ledger. Ten runs of ten million take some ten minutes and 6 GB of disk.`,
		Example: `  suyuan bench codes --count 10000000 --runs 10 --dir /var/tmp`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < stockPer || count > code.MaxRunCodes || runs < 1 {
				return misused("%d to %d codes in a run, and at least one run are needed", stockPer, code.MaxRunCodes)
			}
			return withBenchDir(dir, func(tmp string) error {
				r, err := benchCodes(cmd.Context(), e, tmp, count, runs)
				if err != nil {
					return err
				}
				return r.print(e)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "where to make a temporary directory (default: the system's place for them)")
	f.Uint32Var(&count, "count", code.MaxRunCodes, "codes of a run")
	f.IntVar(&runs, "runs", 10, "how many runs")
	return cmd
}

// A codesReport is what was measured. Times are in seconds.
type codesReport struct {
	Codes     uint64    `json:"codes"`
	Cases     uint64    `json:"cases"`
	Runs      []float64 `json:"runs_s"` // how long each run of codes took
	Rate      float64   `json:"codes_per_s"`
	Pack      float64   `json:"pack_s"` // all cases of all runs
	Records   uint64    `json:"records"`
	Ledger    int64     `json:"ledger_bytes"` // of the chain's entries and what stands beside them
	PackFiles int64     `json:"pack_files_bytes"`
	LookUp    quantiles `json:"look_up_ms"`
	Peak      int64     `json:"peak_memory_bytes"`
}

func benchCodes(ctx context.Context, e *env, dir string, count uint32, runs int) (_ *codesReport, err error) {
	w, err := newBenchWorld(ctx, dir)
	if err != nil {
		return nil, err
	}
	n, err := w.open()
	if err != nil {
		return nil, err
	}
	stop := runAlone(ctx, n)
	defer func() { err = errors.Join(err, stop(), n.Close()) }()
	product, err := w.addProduct(ctx, n, "1", 0)
	if err != nil {
		return nil, err
	}
	box, err := w.addProduct(ctx, n, "2", 0)
	if err != nil {
		return nil, err
	}
	r := new(codesReport)
	start := n.Status().Chains[0].Size
	bars := newBars(e)
	for i := range runs {
		if err := r.addRun(ctx, bars, w, n, product, box, count, i); err != nil {
			bars.wait()
			return nil, err
		}
	}
	bars.wait()
	var all float64
	for _, s := range r.Runs {
		all += s
	}
	r.Rate = float64(r.Codes+r.Cases) / all
	r.Records = n.Status().Chains[0].Size - start
	if r.Ledger, err = n.OwnBytes(); err != nil {
		return nil, err
	}
	if r.PackFiles, err = dirBytes(filepath.Join(w.dir, "blobs")); err != nil {
		return nil, err
	}
	stock := &benchStock{w: w, n: n}
	if err := stock.waitFinal(ctx); err != nil {
		return nil, err
	}
	if err := r.lookUp(ctx, n, product, count, runs); err != nil {
		return nil, err
	}
	r.Peak = ownPeakMemory()
	return r, nil
}

// addRun issues codes and those of their cases, and packs them.
func (r *codesReport) addRun(ctx context.Context, bars *bars, w *benchWorld, n *node.Node, product, box gs1.GTIN, count uint32, i int) error {
	cases := count / stockPer
	began := time.Now()
	for _, run := range []node.IssueRun{{GTIN: product, Count: count}, {GTIN: box, Count: cases}} {
		name := fmt.Sprintf("run %d of %s", i, run.GTIN)
		if _, err := n.IssueRun(ctx, run, func(done, total uint64) { bars.set(name, done, total) }); err != nil {
			return err
		}
	}
	r.Runs = append(r.Runs, time.Since(began).Seconds())
	r.Codes, r.Cases = r.Codes+uint64(count), r.Cases+uint64(cases)
	began = time.Now()
	_, err := w.submit(ctx, n, activateDraft(benchRange{product, uint16(i), 0, count - 1}, fmt.Sprintf("L%d", i)),
		draftOf{kind: "pack", subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{
			GTIN: product, Run: uint16(i), Per: stockPer, UnitGTIN: box, UnitRun: uint16(i), Count: cases}}}})
	r.Pack += time.Since(began).Seconds()
	return err
}

// lookUp times answers about codes of all runs, each asked for once.
func (r *codesReport) lookUp(ctx context.Context, n *node.Node, product gs1.GTIN, count uint32, runs int) error {
	rnd := rand.New(rand.NewPCG(uint64(count), uint64(runs)))
	var times []time.Duration
	for i := range codesLooked {
		index := rnd.Uint32N(count)
		serials, uri, err := n.Codes(product, uint16(i%runs), index, index+1)
		if err != nil {
			return err
		}
		for _, serial := range serials {
			began := time.Now()
			a, err := n.Answer(ctx, uri(serial), "")
			if err != nil {
				return err
			}
			times = append(times, time.Since(began))
			if got := len(a.Trail.Events); got < 3 && index < count/stockPer*stockPer {
				return fmt.Errorf("the trail of %s has %d events", serial, got)
			}
		}
	}
	r.LookUp = quantilesOf(times)
	return nil
}

// dirBytes sums the files below a directory.
func dirBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

func (r *codesReport) print(e *env) error {
	if e.json {
		return e.printJSON(r)
	}
	t := table.NewWriter()
	t.SetOutputMirror(e.stdout)
	t.SetStyle(table.StyleLight)
	t.AppendRows([]table.Row{
		{"codes of items", r.Codes},
		{"codes of cases", r.Cases},
		{"issued", fmt.Sprintf("%.0f codes/s; %.1f s a run", r.Rate, median(r.Runs))},
		{"activated and packed", fmt.Sprintf("%.2f s for all", r.Pack)},
		{"records", r.Records},
		{"ledger", fmt.Sprintf("%d bytes", r.Ledger)},
		{"pack files", fmt.Sprintf("%d MiB", r.PackFiles>>20)},
		{"look-up, half / 99 of 100 / all within", fmt.Sprintf("%.2f / %.2f / %.2f ms", r.LookUp.P50, r.LookUp.P99, r.LookUp.Max)},
		{"peak memory", fmt.Sprintf("%d MiB", r.Peak>>20)},
	})
	t.Render()
	return nil
}
