package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"suyuan/trace/label"
)

func newCodes(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "codes",
		Short: "Issue the codes of a product, adopt those of others, and write files for printers",
	}
	cmd.AddCommand(newCodesIssue(e), newCodesAdopt(e), newCodesExport(e))
	return cmd
}

// issueRun is what POST /admin/v1/runs takes.
type issueRun struct {
	GTIN     string `json:"gtin"`
	Count    uint32 `json:"count"`
	Second   bool   `json:"second,omitempty"`
	Printer  string `json:"printer,omitempty"`
	At       string `json:"at,omitempty"` // RFC 3339; now if empty
	Operator string `json:"operator,omitempty"`
}

// runLine is one line of its answer: progress, then the run or a problem.
type runLine struct {
	Done    uint64     `json:"done,omitempty"`
	Total   uint64     `json:"total,omitempty"`
	Run     *issuedRun `json:"run,omitempty"`
	Problem *problem   `json:"problem,omitempty"`
}

// issuedRun describes a run that was issued.
type issuedRun struct {
	GTIN   string `json:"gtin"`
	Run    uint16 `json:"run"`
	Count  uint32 `json:"count"`
	Pack   string `json:"pack"`
	Root   string `json:"root"`
	Record string `json:"record"`

	Foreign   bool `json:"foreign,omitempty"`   // the serials are somebody else's
	Guessable bool `json:"guessable,omitempty"` // who knows some can guess others
}

// codeLine is one line of GET /admin/v1/runs/{gtin}/{run}/codes.
type codeLine struct {
	Index  uint32 `json:"index"`
	Serial string `json:"serial"`
	URI    string `json:"uri"`
	Second string `json:"second,omitempty"` // if asked for with second=true
}

// exportFlags say where codes are written and how.
type exportFlags struct {
	out, format string
	pixels      int
	show        bool
	second      bool

	issuing bool // the codes are new: a file that is cut off stands for the run
}

func (x *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&x.out, "out", "codes", "directory to write into")
	cmd.Flags().StringVar(&x.format, "format", "csv", "csv (any number), png or svg (up to 10,000 files)")
	cmd.Flags().IntVar(&x.pixels, "pixels", 8, "pixels of a module in PNG")
	cmd.Flags().BoolVar(&x.show, "show", false, "draw the first code in the terminal")
	cmd.Flags().BoolVar(&x.second, "second", false, "with second codes (暗码), for under a coating: a column of the CSV, or a line of the SVG")
}

// check refuses what would leave codes out, before any are issued.
func (x *exportFlags) check() error {
	switch {
	case x.format != "csv" && x.format != "png" && x.format != "svg":
		return misused("format %q is none of csv, png, svg", x.format)
	case x.second && x.format == "png":
		return misused("PNG files have no room for second codes: take csv or svg")
	}
	return nil
}

func newCodesIssue(e *env) *cobra.Command {
	var pass passphraseFlags
	var x exportFlags
	var req issueRun
	cmd := &cobra.Command{
		Use:   "issue",
		Short: "Issue a run of codes and write them for the printer",
		Long: `Issue a run of codes for a product: up to ten million, each with a serial that
cannot be guessed. One record commits to all of them; the codes are written only
once it is stored. The secret of the run stays in the node's directory.

What is interrupted, by a crash too, the same command goes on with: it makes the
same codes, or writes the file again that was cut off, and issues no second run.

With --second each item gets a second code, which the printer puts under a coating
that is scratched off. Only this node can check it: nothing of it is recorded or
sent to anybody. Its first use is a claim, and later ones are findings.`,
		Example: `  suyuan codes issue --dir brand --gtin 06901234000016 --count 10000 --out print
  suyuan codes issue --dir brand --gtin 06901234000016 --count 10000 --second --out print`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := x.check(); err != nil {
				return err
			}
			req.Second, x.issuing = x.second, true
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				run, err := x.cutOff(req.GTIN, req.Count)
				if err != nil {
					return err
				}
				if run != nil {
					e.say("run %s/%d was issued before, and its file cut off: it is written again", run.GTIN, run.Run)
				} else if run, err = issue(cmd.Context(), e, c, req); err != nil {
					return err
				}
				return export(cmd.Context(), e, c, run, 0, run.Count, x)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.GTIN, "gtin", "", "GTIN of the product, or of its case")
	f.Uint32Var(&req.Count, "count", 0, "how many")
	f.StringVar(&req.Printer, "printer", "", "who prints them; for parties only")
	f.StringVar(&req.At, "at", "", "when they were made, RFC 3339 (default: now)")
	f.StringVar(&req.Operator, "operator", "", "operator that signs (default: one with a grant)")
	x.add(cmd)
	pass.add(cmd)
	for _, name := range []string{"gtin", "count"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("suyuan: " + err.Error())
		}
	}
	return cmd
}

func newCodesExport(e *env) *cobra.Command {
	var pass passphraseFlags
	var x exportFlags
	var run issuedRun
	var from, count uint32
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write codes of a run that was issued, again or in part",
		Example: `  suyuan codes export --dir brand --gtin 06901234000016 --run 0 --from 100 --count 24 --format png`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := x.check(); err != nil {
				return err
			}
			return withNode(cmd.Context(), e, &pass, func(c *client) error {
				return export(cmd.Context(), e, c, &run, from, from+count, x)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&run.GTIN, "gtin", "", "GTIN of the product")
	f.Uint16Var(&run.Run, "run", 0, "number of the run")
	f.Uint32Var(&from, "from", 0, "index of the first code")
	f.Uint32Var(&count, "count", 0, "how many")
	x.add(cmd)
	pass.add(cmd)
	for _, name := range []string{"gtin", "run", "count"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("suyuan: " + err.Error())
		}
	}
	return cmd
}

// issue has the node issue a run and shows how far it is.
func issue(ctx context.Context, e *env, c *client, req issueRun) (*issuedRun, error) {
	raw, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	return followRun(e, stream[runLine](ctx, c, "POST", "/admin/v1/runs", bytes.NewReader(raw)))
}

// followRun shows how far a run is until it is there.
func followRun(e *env, answer iter.Seq2[runLine, error]) (*issuedRun, error) {
	bars := newBars(e)
	defer bars.wait()
	var run *issuedRun
	for line, err := range answer {
		switch {
		case err != nil:
			return nil, err
		case line.Problem != nil:
			return nil, line.Problem
		case line.Run != nil:
			run = line.Run
		default:
			bars.set("codes", line.Done, line.Total)
		}
	}
	if run == nil {
		return nil, errors.New("the node ended its answer without a run")
	}
	return run, nil
}

// stream yields the JSON lines of an answer. body may be nil.
func stream[T any](ctx context.Context, c *client, method, path string, body io.Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		res, err := c.send(ctx, method, path, "application/json", body)
		if err != nil {
			yield(zero, err)
			return
		}
		defer res.Body.Close()
		dec := json.NewDecoder(bufio.NewReaderSize(res.Body, 1<<16))
		for {
			var line T
			err := dec.Decode(&line)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// export writes the codes from index from up to, not including, to.
func export(ctx context.Context, e *env, c *client, run *issuedRun, from, to uint32, x exportFlags) error {
	if err := os.MkdirAll(x.out, 0o700); err != nil {
		return err
	}
	first := ""
	var failed error
	rows := func(yield func(label.Row) bool) {
		path := fmt.Sprintf("/admin/v1/runs/%s/%d/codes?from=%d&to=%d&second=%t", url.PathEscape(run.GTIN), run.Run, from, to, x.second)
		for line, err := range stream[codeLine](ctx, c, "GET", path, nil) {
			if err != nil {
				failed = err
				return
			}
			if first == "" {
				first = line.URI
			}
			if !yield(label.Row{Serial: line.Serial, URI: line.URI, Index: line.Index, Second: line.Second}) {
				return
			}
		}
	}
	where, n, err := x.write(ctx, run, rows, &failed)
	if err = errors.Join(failed, err); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(map[string]any{"run": run, "written": n, "to": where, "first": first})
	}
	fmt.Fprintf(e.stdout, "run      %s/%d\ncodes    %d written to %s\n", run.GTIN, run.Run, n, where)
	if run.Root != "" {
		fmt.Fprintf(e.stdout, "root     %s\nrecord   %s\n", run.Root, run.Record)
	}
	if x.show && first != "" {
		return showQR(e, first)
	}
	return nil
}

// write writes rows in the format asked for and says where and how many. Rows
// that end with *failed set are not all.
func (x *exportFlags) write(ctx context.Context, run *issuedRun, rows iter.Seq[label.Row], failed *error) (where string, n int, err error) {
	switch x.format {
	case "png":
		n, err = label.WriteFiles(ctx, x.out, "png", rows, label.DrawPNG(x.pixels, label.QuietZone))
		return x.out, n, err
	case "svg":
		n, err = label.WriteFiles(ctx, x.out, "svg", rows, label.DrawSVG(label.SVGStyle{Quiet: label.QuietZone, ModuleMM: 0.5}))
		return x.out, n, err
	}
	where = filepath.Join(x.out, csvName(run.GTIN, run.Run))
	unfinished := where + ".new"
	if x.issuing {
		unfinished = issuingName(where, run.Count)
	}
	if n, err = writeCSV(unfinished, rows, x.second); err == nil && *failed == nil {
		err = os.Rename(unfinished, where)
	}
	return where, n, err
}

// csvName is the file of a run's codes in CSV.
func csvName(gtin string, run uint16) string { return fmt.Sprintf("codes-%s-%d.csv", gtin, run) }

// issuingName is the name of that file while the codes of a new run are written,
// with how many it is going to have.
func issuingName(path string, count uint32) string { return fmt.Sprintf("%s.%d.issuing", path, count) }

// cutOff returns the run of a file that an interrupted command has begun, nil if
// there is none.
func (x *exportFlags) cutOff(gtin string, count uint32) (*issuedRun, error) {
	if x.format != "csv" {
		return nil, nil
	}
	found, err := filepath.Glob(issuingName(filepath.Join(x.out, "codes-"+gtin+"-*.csv"), count))
	if err != nil {
		return nil, err
	}
	for _, path := range found {
		run := &issuedRun{GTIN: gtin, Count: count}
		name := filepath.Base(path)
		if n, err := fmt.Sscanf(name, "codes-"+gtin+"-%d.csv", &run.Run); err == nil && n == 1 && name == issuingName(csvName(gtin, run.Run), count) {
			return run, nil
		}
	}
	return nil, nil
}

// writeCSV writes a file of codes, readable by its owner only: who has it can
// print the codes.
func writeCSV(path string, rows iter.Seq[label.Row], second bool) (n int, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := label.NewCSV(f, false, second)
	for row := range rows {
		if err := w.Write(row); err != nil {
			return n, err
		}
		n++
	}
	return n, errors.Join(w.Flush(), f.Sync())
}

// showQR draws a code in the terminal.
func showQR(e *env, uri string) error {
	s, err := label.Encode(uri)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s%s\n", s.Terminal(), uri)
	return nil
}
