package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"suyuan/node"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/sheet"
)

// maxAdoptBody bounds a list of serials that a command sends: ten million lines
// of twenty characters.
const maxAdoptBody = code.MaxRunCodes * (code.MaxForeignSerial + 2)

// adoptFlags say which list is adopted and how.
type adoptFlags struct {
	pass                        passphraseFlags
	gtin, sheet, column, source string
	operator, at                string
	guessable                   bool
	rows                        func(line int) int // the row of a line of the list that is sent
}

func newCodesAdopt(e *env) *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt FILE",
		Short: "Make a run of serials that another system has printed",
		Long: `Make a run of a product's serials (AI 21) that another system has made up and
printed, so that they are looked up, followed and proven like codes of this one.

FILE is a CSV file or an Excel workbook with a column of serials, of Digital
Links or of element strings such as (01)…(21)…, or a plain text file with one
serial a line, up to ten million. The order of the rows is that of the indexes.

A list from which further serials could be guessed, because they are short or
count up, is marked so: whoever looks one of them up is told, and gets no better
verdict than a warning. A serial that the product has already is refused, and so
is the whole list. That a serial is on no list is never proven.`,
		Example: `  suyuan codes adopt --dir brand --gtin 06901234000016 --source "2024 labels" serials.xlsx
  suyuan codes adopt --dir brand --gtin 06901234000016 --column 防伪码 labels.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			gtin, err := gs1.ParseGTIN(f.gtin)
			if err != nil {
				return misuse{fmt.Errorf("--gtin: %w", err)}
			}
			list, err := openSerials(args[0], gtin, &f)
			if err != nil {
				return err
			}
			defer list.Close()
			return withNode(cmd.Context(), e, &f.pass, func(c *client) error {
				run, err := adopt(cmd.Context(), e, c, list, gtin, &f)
				if err != nil {
					return err
				}
				return printAdopted(e, run)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.gtin, "gtin", "", "GTIN of the product")
	fs.StringVar(&f.sheet, "sheet", "", "sheet of a workbook (default: the first)")
	fs.StringVar(&f.column, "column", "", "header of the column (default: one that is known, or the only column)")
	fs.StringVar(&f.source, "source", "", "where the list comes from; for parties only")
	fs.BoolVar(&f.guessable, "guessable", false, "mark the run as guessable, whatever the list looks like")
	fs.StringVar(&f.at, "at", "", "when they were made, RFC 3339 (default: now)")
	fs.StringVar(&f.operator, "operator", "", "operator that signs (default: one with a grant)")
	f.pass.add(cmd)
	if err := cmd.MarkFlagRequired("gtin"); err != nil {
		panic("suyuan: " + err.Error())
	}
	return cmd
}

// openSerials reads a file as a list of serials, one a line. Text files and files
// too large for a spreadsheet are taken line by line, as they are.
func openSerials(path string, gtin gs1.GTIN, f *adoptFlags) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if info.Size() > sheet.MaxFileBytes || strings.EqualFold(filepath.Ext(path), ".txt") {
		if f.column != "" {
			return nil, errors.Join(misused("--column is for CSV files and workbooks up to %d MiB; give a text file with the serials alone", sheet.MaxFileBytes>>20), file.Close())
		}
		f.rows = func(line int) int { return line }
		return file, nil
	}
	data, err := io.ReadAll(io.LimitReader(file, sheet.MaxFileBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	table, err := sheet.Read(data, f.sheet)
	if err != nil {
		return nil, err
	}
	serials, rows, err := serialsOf(table, gtin, f.column)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	f.rows = func(line int) int { return rows[min(max(line, 1), len(rows))-1] }
	return io.NopCloser(strings.NewReader(strings.Join(serials, "\n"))), nil
}

// serialHeaders are headers under which lists keep serials, in lower case.
var serialHeaders = []string{"serial", "serial number", "serials", "sn", "ai 21", "ai21", "(21)", "code", "uri", "url", "link",
	"序列号", "防伪码", "追溯码", "溯源码", "二维码", "码", "网址"}

// serialsOf returns the serials of a table and the row of each.
func serialsOf(t *sheet.Table, gtin gs1.GTIN, column string) (serials []string, rows []int, err error) {
	if len(t.Rows) == 0 {
		return nil, nil, errors.New("there is no row in it")
	}
	at, header, err := serialColumn(t.Rows[0], column)
	if err != nil {
		return nil, nil, err
	}
	body := t.Rows
	if header {
		body = body[1:]
	}
	for _, row := range body {
		s, err := serialIn(row, at, gtin)
		if err != nil {
			return nil, nil, fmt.Errorf("row %d: %w", row.Number, err)
		}
		serials, rows = append(serials, s), append(rows, row.Number)
	}
	if len(serials) == 0 {
		return nil, nil, errors.New("there is no row below the header")
	}
	return serials, rows, nil
}

// serialColumn finds the column of serials by the first row, and whether that row
// is a header.
func serialColumn(first sheet.Row, column string) (at int, header bool, err error) {
	var names []string
	for _, c := range first.Cells {
		names = append(names, strings.ToLower(strings.TrimSpace(c.Text)))
	}
	if column != "" {
		if at = slices.Index(names, strings.ToLower(strings.TrimSpace(column))); at < 0 {
			return 0, false, misused("no column %q; the first row has: %s", column, strings.Join(names, ", "))
		}
		return at, true, nil
	}
	for i, name := range names {
		if slices.Contains(serialHeaders, name) {
			return i, true, nil
		}
	}
	if len(names) > 1 {
		return 0, false, misused("name the column of serials with --column; the first row has: %s", strings.Join(names, ", "))
	}
	return 0, false, nil
}

// serialIn reads the serial in a row: as it stands, or out of a Digital Link or
// an element string of the GTIN.
func serialIn(row sheet.Row, at int, gtin gs1.GTIN) (string, error) {
	if at >= len(row.Cells) || strings.TrimSpace(row.Cells[at].Text) == "" {
		return "", errors.New("there is no serial")
	}
	cell := row.Cells[at]
	text := strings.TrimSpace(cell.Text)
	if cell.Kind != sheet.Text {
		if cell.Kind != sheet.Number || len(text) > maxExactDigits || strings.Trim(text, "0123456789") != "" {
			return "", errors.New("the cell is not text, and a spreadsheet may have changed the serial: format the column as text and fill it in anew")
		}
		return text, nil
	}
	if !strings.Contains(text, "://") && !strings.HasPrefix(text, "(") {
		return text, code.CheckSerial(text)
	}
	link, err := linkIn(text)
	if err != nil {
		return "", err
	}
	if g, ok := link.GTIN(); !ok || g != gtin || link.Serial() == "" {
		return "", fmt.Errorf("the code is not of an item of GTIN %s", gtin)
	}
	return link.Serial(), nil
}

// maxExactDigits is how many digits of a number a spreadsheet keeps.
const maxExactDigits = 15

func linkIn(text string) (gs1.Link, error) {
	if strings.HasPrefix(text, "(") {
		list, err := gs1.ParseBracketed(text)
		if err != nil {
			return gs1.Link{}, err
		}
		return gs1.NewLink("", list)
	}
	return gs1.Parser{ShortGTIN: true}.Parse(text)
}

// adopt has the node make a run of a list and shows how far it is.
func adopt(ctx context.Context, e *env, c *client, list io.Reader, gtin gs1.GTIN, f *adoptFlags) (*issuedRun, error) {
	query := url.Values{"gtin": {gtin.String()}}
	for name, value := range map[string]string{"source": f.source, "operator": f.operator, "at": f.at} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.guessable {
		query.Set("guessable", "true")
	}
	run, err := followRun(e, stream[runLine](ctx, c, http.MethodPost, "/admin/v1/runs/adopt?"+query.Encode(), list))
	var p *problem
	if errors.As(err, &p) && p.Line > 0 {
		return nil, withHint(err, "line %d of the list is row %d of the file", p.Line, f.rows(p.Line))
	}
	return run, err
}

func printAdopted(e *env, run *issuedRun) error {
	if e.json {
		return e.printJSON(run)
	}
	fmt.Fprintf(e.stdout, "run        %s/%d\ncodes      %d\nroot       %s\nrecord     %s\n", run.GTIN, run.Run, run.Count, run.Root, run.Record)
	if run.Guessable {
		fmt.Fprintln(e.stdout, "guessable  yes: who knows some of the serials can guess others, and every look-up says so")
	}
	return nil
}

// adoptRun streams progress and then the run, one JSON value a line.
func (a *admin) adoptRun(w http.ResponseWriter, r *http.Request) {
	req, err := adoptRequest(r)
	if err != nil {
		a.refuse(w, err)
		return
	}
	lines := newLines(w)
	run, err := a.n.AdoptRun(r.Context(), req, func(done, total uint64) {
		if total > 0 { // the whole list is read: an answer before would end the request
			lines.progress(runLine{Done: done, Total: total})
		}
	})
	if err != nil {
		lines.send(runLine{Problem: problemOf(err)})
		return
	}
	lines.send(runLine{Run: describeRun(run)})
}

func adoptRequest(r *http.Request) (req node.AdoptRun, err error) {
	q := r.URL.Query()
	if req.GTIN, err = gs1.ParseGTIN(q.Get("gtin")); err != nil {
		return req, err
	}
	if text := q.Get("guessable"); text != "" {
		if req.Guessable, err = strconv.ParseBool(text); err != nil {
			return req, bad{err}
		}
	}
	if text := q.Get("at"); text != "" {
		if req.At, err = time.Parse(time.RFC3339, text); err != nil {
			return req, bad{err}
		}
	}
	req.Source, req.Signer = q.Get("source"), node.Signer{Operator: q.Get("operator")}
	req.Serials = http.MaxBytesReader(nil, r.Body, maxAdoptBody)
	return req, nil
}

// describeRun is a run as commands and their callers see it.
func describeRun(run *node.Run) *issuedRun {
	return &issuedRun{
		GTIN: run.GTIN.String(), Run: run.Number, Count: run.Count,
		Pack: run.Pack.String(), Root: run.Root.String(), Record: run.Record.String(),
		Foreign: run.Foreign, Guessable: run.Guessable,
	}
}
