package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace/proof"
)

func newVerify(e *env) *cobra.Command {
	var url, token, charter, network string
	cmd := &cobra.Command{
		Use:   "verify [BUNDLE]",
		Short: "Check a node's directory, a node's server, or a proof bundle, from bytes alone",
		Long: `Check without trusting anyone:

  verify --dir DIR    everything that a node stores: charters, every entry, its
                      signature, grant, order and hashes, sidecars, tiles,
                      checkpoints, cosignatures, attachments
  verify --url URL    everything that a node serves: charters, checkpoints,
                      cosignatures and hashes; with --token also every entry.
  verify BUNDLE       a proof bundle, as /api/v1/proof gives it ("-" is stdin), or
                      evidence of two histories, as charter evidence writes it.

Give --network ID or --charter FILE to be sure that it is the network that you
mean: whoever serves a page can also serve a network of his own.

Exit status 3 says that something was checked and found bad.`,
		Example: `  suyuan verify --dir /var/lib/suyuan
  suyuan verify --url https://trace.lanzhi.example --network 5c1f…
  suyuan verify proof.json --charter charter.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			want, err := wantedNetwork(network, charter)
			if err != nil {
				return err
			}
			switch {
			case len(args) == 1:
				return verifyBundle(e, args[0], want)
			case url != "":
				src, err := newRemoteSource(cmd.Context(), url, token)
				if err != nil {
					return err
				}
				return verifySource(e, src, want)
			case e.dir != "":
				return verifyDir(cmd.Context(), e, want)
			}
			return misused("give --dir DIR, --url URL or a bundle file")
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "base URL of a node")
	cmd.Flags().StringVar(&token, "token", "", "token of a member, to read entries that are not public")
	cmd.Flags().StringVar(&network, "network", "", "network id that it must be")
	cmd.Flags().StringVar(&charter, "charter", "", "charter file whose network it must be")
	return cmd
}

// wantedNetwork returns the id to compare with, zero for none.
func wantedNetwork(network, charter string) (ledger.Hash, error) {
	switch {
	case network != "":
		id, err := ledger.ParseHash(strings.TrimPrefix(network, "0x"))
		if err != nil {
			return id, misuse{err}
		}
		return id, nil
	case charter != "":
		s, err := node.ReadCharter(charter)
		if err != nil {
			return ledger.Hash{}, err
		}
		net, err := ledger.NewNetwork(s)
		if err != nil {
			return ledger.Hash{}, err
		}
		return net.ID, nil
	}
	return ledger.Hash{}, nil
}

// verifyDir checks what a node stores: through its socket if it runs, else from
// its directory, which then need not even be fit to run.
func verifyDir(ctx context.Context, e *env, want ledger.Hash) error {
	v := newVerification(e, want)
	if c, err := socketClient(e.dir); err == nil {
		return v.finish(v.ask(ctx, c))
	}
	src, err := node.OpenForVerify(e.dir)
	if err != nil {
		return err
	}
	defer src.Close()
	return v.finish(v.check(src))
}

// verifySource checks a source and prints what it finds.
func verifySource(e *env, src ledger.Source, want ledger.Hash) error {
	v := newVerification(e, want)
	return v.finish(v.check(src))
}

// A verification prints problems as they are found, progress meanwhile and a
// summary in the end.
type verification struct {
	e        *env
	want     ledger.Hash
	bars     *bars
	problems []ledger.Problem
}

func newVerification(e *env, want ledger.Hash) *verification {
	return &verification{e: e, want: want, bars: newBars(e), problems: []ledger.Problem{}}
}

func (v *verification) found(p ledger.Problem) {
	v.problems = append(v.problems, p)
	if !v.e.json {
		fmt.Fprintln(v.e.stdout, p)
	}
}

// check verifies a source here.
func (v *verification) check(src ledger.Source) (*ledger.Report, error) {
	return ledger.Verify(src, ledger.VerifyOptions{Network: v.want, Each: store.OnAllCores, Progress: v.bars.set, Found: v.found})
}

// ask has a running node verify what it stores.
func (v *verification) ask(ctx context.Context, c *client) (*ledger.Report, error) {
	body, err := json.Marshal(verifyRequest{Network: v.want})
	if err != nil {
		return nil, err
	}
	for line, err := range stream[verifyLine](ctx, c, "POST", "/admin/v1/verify", bytes.NewReader(body)) {
		switch {
		case err != nil:
			return nil, err
		case line.Problem != nil:
			return nil, line.Problem
		case line.Found != nil:
			v.found(*line.Found)
		case line.Report != nil:
			return line.Report, nil
		default:
			v.bars.set(line.Chain, line.Done, line.Total)
		}
	}
	return nil, errors.New("the node ended its answer without a report")
}

// finish prints the summary.
func (v *verification) finish(report *ledger.Report, err error) error {
	v.bars.wait()
	if err != nil && len(v.problems) == 0 {
		return err
	}
	if v.e.json {
		out := map[string]any{"report": report, "problems": v.problems, "network_compared": !v.want.IsZero()}
		if err := v.e.printJSON(out); err != nil {
			return err
		}
	} else if report != nil {
		printReport(v.e, report, v.want)
	}
	if len(v.problems) > 0 {
		return errBad
	}
	return nil
}

func printReport(e *env, r *ledger.Report, want ledger.Hash) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"chain", "entries", "records", "sidecars", "tiles", "final", "cosigned by", "problems"})
	for _, c := range r.Chains {
		records := fmt.Sprint(c.Records)
		if c.HashesOnly {
			records = "not shown"
		}
		t.AppendRow(table.Row{c.Chain, c.Size, records, c.Sidecars, c.Tiles, c.FinalSize,
			fmt.Sprintf("%d of %d: %s", len(c.FinalSigned), c.FinalTotal, strings.Join(c.FinalSigned, " ")), c.Problems})
	}
	fmt.Fprintln(e.stdout, t.Render())
	fmt.Fprintf(e.stdout, "network %s  %s  %s\n", r.Name, r.Network, compared(r.Network, want))
	if r.Problems == 0 {
		fmt.Fprintln(e.stdout, "everything that was checked is in order")
	} else {
		fmt.Fprintf(e.stdout, "problems found: %d\n", r.Problems)
	}
}

func compared(got, want ledger.Hash) string {
	switch {
	case want.IsZero():
		return "(the network id was not compared with anything: give --network or --charter)"
	case got != want:
		return "(NOT the network that was asked for)"
	}
	return "(the network that was asked for)"
}

// verifyBundle checks a proof bundle.
func verifyBundle(e *env, path string, want ledger.Hash) error {
	raw, err := readInput(e, path)
	if err != nil {
		return err
	}
	if f, ok, err := ledger.ReadEvidenceFile(raw); err != nil {
		return badFile(e, "evidence", err)
	} else if ok {
		return verifyEvidence(e, f, want)
	}
	b, err := proof.Decode(bytes.NewReader(raw))
	if err != nil {
		return badBundle(e, err)
	}
	r, err := b.Verify(want)
	if err != nil {
		return badBundle(e, err)
	}
	if e.json {
		return e.printJSON(r)
	}
	printProven(e, r, want)
	return nil
}

// badBundle prints why a bundle does not prove anything.
func badBundle(e *env, err error) error { return badFile(e, "bundle", err) }

func badFile(e *env, what string, err error) error {
	if e.json {
		if err := e.printJSON(map[string]any{"problems": []ledger.Problem{{What: what, Code: ledger.CodeOf(err), Detail: err.Error()}}}); err != nil {
			return err
		}
		return errBad
	}
	fmt.Fprintf(e.stdout, "%s: %s: %v\n", what, ledger.CodeOf(err), err)
	return errBad
}

func printProven(e *env, r *proof.Result, want ledger.Hash) {
	fmt.Fprintf(e.stdout, "%s\nGTIN %s  serial %s  %s  %s\n", r.URI, r.GTIN, r.Serial, r.Code, r.Verdict)
	for _, ev := range r.Events {
		fmt.Fprintf(e.stdout, "  %s  %-9s %-10s entry %d of chain %d, cosigned by %d of %d (final from %d)\n",
			ev.At, ev.Kind, ev.Member, ev.Seq, ev.Chain, len(ev.Cosigners), ev.Of, ev.Quorum)
	}
	fmt.Fprintf(e.stdout, "network %s  %s  %s\n", r.Name, r.Network, compared(r.Network, want))
	for _, l := range r.Limits {
		fmt.Fprintf(e.stdout, "not proven: %s\n", l)
	}
}

// bars shows progress on a terminal, and nothing elsewhere.
type bars struct {
	progress *mpb.Progress
	byName   map[string]*mpb.Bar
}

func newBars(e *env) *bars {
	f, ok := e.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &bars{}
	}
	return &bars{progress: mpb.New(mpb.WithOutput(f), mpb.WithWidth(40)), byName: make(map[string]*mpb.Bar)}
}

// set shows how far something has come.
func (b *bars) set(name string, done, total uint64) {
	if b.progress == nil {
		return
	}
	bar := b.byName[name]
	if bar == nil {
		bar = b.progress.AddBar(int64(total),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR), decor.CountersNoUnit("%d/%d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
		b.byName[name] = bar
	}
	bar.SetTotal(int64(total), false)
	bar.SetCurrent(int64(done))
}

// wait ends all bars.
func (b *bars) wait() {
	if b.progress == nil {
		return
	}
	for _, bar := range b.byName {
		bar.SetTotal(-1, true)
	}
	b.progress.Wait()
}
