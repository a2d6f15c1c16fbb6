package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"suyuan/trace/sheet"
)

const (
	// importBatch is how many records go to the node in one request, and
	// importBatchBytes how many bytes of drafts: a node takes both in a second or
	// two, so that progress shows and little is done again after a crash.
	importBatch      = 1000
	importBatchBytes = 4 << 20

	// A dry run holds the rows of a file against each other, in parts of so many
	// records and bytes: a large day at once, and no more than the node has room for.
	rehearsedBatch      = 20_000
	rehearsedBatchBytes = 32 << 20

	// maxProblemsShown is how many problems are printed; --report and --json
	// have them all.
	maxProblemsShown = 50
)

// importFlags say what is imported and how.
type importFlags struct {
	pass                          passphraseFlags
	kind, sheet, operator, report string
	zone                          string
	ignore                        []string
	dryRun                        bool
	template, out, lang           string

	epcis    bool
	defaults []string // of fields that EPCIS events do not have
}

func newImport(e *env) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Write records from the rows of a CSV file or an Excel workbook",
		Long: `Write records from the rows of a CSV file (UTF-8, GB18030, or UTF-16) or of an
Excel workbook (.xlsx), whose header is in Chinese or English. --template writes
an empty one for a kind of record.

A row is a record, or rows with the same document number are one. Rows that have
something wrong are listed by cell and do not hold up the others; --report FILE
writes them, each with the reason, into a file like the one they came from.

Importing again changes nothing: what has been recorded is recognised by what it
says, in the same file or another, and after a crash too. With --dry-run nothing
is written; it prints what every row would do after those before it, and what
would be refused and why.

With --epcis the file is an EPCIS 2.0 document in JSON, which is recorded as a whole
or not at all; larger ones are taken in pieces. An eventID is recorded once, and
events that say what no record has a place for are refused.`,
		Example: `  suyuan import --template ship --out ship.xlsx --lang zh
  suyuan import ship.xlsx --dir wh --dry-run
  suyuan import ship.xlsx --dir wh --operator clerk --report bad.xlsx
  suyuan import --epcis events.json --dir wh --default ship.purpose:sale`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.epcis && f.template == "" && len(args) == 1:
				return importEvents(cmd.Context(), e, args[0], &f)
			case f.template != "" && len(args) == 0:
				return writeTemplate(e, &f)
			case f.template != "":
				return misused("--template writes a file and reads none; name it with --out")
			case len(args) == 0:
				return misused("give a file, or --template KIND")
			}
			return importFile(cmd.Context(), e, args[0], &f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.kind, "kind", "", "kind of the records (default: the sheet's name or the column kind says it)")
	fs.StringVar(&f.sheet, "sheet", "", "sheet of a workbook (default: the first)")
	fs.StringVar(&f.operator, "operator", "", "operator that signs (default: one with a grant)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print what every row would do, and write nothing")
	fs.StringVar(&f.report, "report", "", "file to write the rows into that were refused, with the reasons")
	fs.StringVar(&f.zone, "zone", "", "zone of times that do not say theirs, such as +08:00 (default: this machine's)")
	fs.StringArrayVar(&f.ignore, "ignore", nil, "header of a column to leave out (may be given several times)")
	fs.BoolVar(&f.epcis, "epcis", false, "the file is an EPCIS 2.0 document in JSON (- for the standard input)")
	fs.StringArrayVar(&f.defaults, "default", nil, "with --epcis: value of a field that events do not have, such as sell.channel:store (may be given several times)")
	fs.StringVar(&f.template, "template", "", "write a template for this kind of record")
	fs.StringVar(&f.out, "out", "", "file of the template, .xlsx or .csv (default: KIND.xlsx)")
	fs.StringVar(&f.lang, "lang", defaultLang(os.Getenv("LC_ALL"), os.Getenv("LANG")), "language of the template: zh or en")
	f.pass.add(cmd)
	return cmd
}

// defaultLang is the language of the environment.
func defaultLang(names ...string) string {
	for _, name := range names {
		if name != "" {
			if strings.HasPrefix(name, "zh") {
				return string(sheet.Zh)
			}
			break
		}
	}
	return string(sheet.En)
}

// writeTemplate writes a template. It overwrites nothing: the file may have been
// filled in.
func writeTemplate(e *env, f *importFlags) error {
	lang := sheet.Lang(f.lang)
	if lang != sheet.Zh && lang != sheet.En {
		return misused("--lang %q is neither zh nor en", f.lang)
	}
	path := f.out
	if path == "" {
		path = f.template + ".xlsx"
	}
	format := sheet.Format(strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."))
	if format != sheet.CSV && format != sheet.XLSX {
		return misused("--out %q ends neither in .xlsx nor in .csv", path)
	}
	err := createFile(path, func(w io.Writer) error { return sheet.WriteTemplate(w, format, f.template, lang) })
	var unknown *sheet.FileError
	if errors.As(err, &unknown) {
		return misuse{err}
	}
	if err != nil {
		return err
	}
	e.say("written to %s", path)
	return nil
}

// createFile makes a file that must not exist; if write fails there is none.
func createFile(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// importFile imports one file.
func importFile(ctx context.Context, e *env, path string, f *importFlags) error {
	zone := time.Local
	if f.zone != "" {
		var ok bool
		if zone, ok = sheet.ParseZone(f.zone); !ok {
			return misused("--zone %q is not of the form +08:00", f.zone)
		}
	}
	if f.report != "" {
		if _, err := os.Lstat(f.report); err == nil {
			return misused("%s exists; --report overwrites no file", f.report)
		}
	}
	table, err := readTable(path, f.sheet)
	if err != nil {
		return fileRefused(e, err)
	}
	parsed, err := sheet.Parse(table, sheet.Options{Kind: f.kind, Zone: zone, Ignore: f.ignore})
	if err != nil {
		return fileRefused(e, err)
	}
	im := &importing{e: e, f: f, table: table, Result: parsed, outcomes: make([]outcome, len(parsed.Records)), problems: parsed.Problems}
	if len(parsed.Records) > 0 {
		err = withNode(ctx, e, &f.pass, func(c *client) error { return im.send(ctx, c) })
	}
	return errors.Join(err, im.finish())
}

// readTable reads a file that may be too large.
func readTable(path, name string) (*sheet.Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, sheet.MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	return sheet.Read(data, name)
}

// fileRefused prints what is wrong with a file as a whole.
func fileRefused(e *env, err error) error {
	var bad *sheet.FileError
	if !errors.As(err, &bad) {
		return err
	}
	if e.json {
		problems := bad.Problems
		if problems == nil {
			problems = []sheet.Problem{}
		}
		if err := e.printJSON(map[string]any{"problem": map[string]any{"code": bad.Code, "zh": bad.Zh, "en": bad.Error()}, "problems": problems}); err != nil {
			return err
		}
	}
	printProblems(e, bad.Problems)
	err = fmt.Errorf("%s / %w (%s)", bad.Zh, bad, bad.Code)
	switch bad.Code {
	case sheet.CodeUnknownColumn:
		return withHint(err, "rename the column, put # before its name, or leave it out with --ignore")
	case sheet.CodeNoKind, sheet.CodeUnknownKind:
		return withHint(err, "give --kind, such as --kind ship")
	case sheet.CodeNoHeader:
		return withHint(err, "suyuan import --template KIND writes a file with the right header")
	}
	return err
}

func printProblems(e *env, problems []sheet.Problem) {
	for i, p := range problems {
		if i == maxProblemsShown {
			e.say("… and %d problems more; --report FILE or --json has them all", len(problems)-i)
			return
		}
		where := p.Cell
		if where == "" {
			where = fmt.Sprintf("row %d", p.Row)
		}
		if p.Header != "" {
			where += " " + p.Header
		}
		e.say("%s: %s / %s (%s)", where, p.Zh, p.En, p.Code)
	}
}

// An outcome is what became of one record.
type outcome struct {
	importResult
	status string
}

// The statuses of records.
const (
	statusRecorded = "recorded"
	statusExists   = "exists" // recorded by an earlier import
	statusNew      = "new"    // of a dry run: it would be recorded
	statusRefused  = "refused"
	statusUnsent   = "unsent" // the import ended before
)

// importing is one import.
type importing struct {
	*sheet.Result
	e        *env
	f        *importFlags
	table    *sheet.Table
	outcomes []outcome // of Records
	problems []sheet.Problem
}

// send gives the node the records, batch by batch.
func (im *importing) send(ctx context.Context, c *client) error {
	bars := newBars(im.e)
	defer bars.wait()
	for i := range im.outcomes {
		im.outcomes[i].status = statusUnsent
	}
	most, mostBytes := importBatch, importBatchBytes
	if im.f.dryRun {
		most, mostBytes = rehearsedBatch, rehearsedBatchBytes
	}
	for from := 0; from < len(im.Records); {
		to, bytes := from, 0
		for to < len(im.Records) && to-from < most && (to == from || bytes+len(im.Records[to].JSON) <= mostBytes) {
			bytes += len(im.Records[to].JSON)
			to++
		}
		results, err := postImport(ctx, c, im.f, im.Records[from:to])
		if err == nil {
			err = im.take(from, results)
		}
		if err != nil {
			return withHint(err, "import the file again: what has been recorded is not recorded twice")
		}
		from = to
		bars.set("records", uint64(from), uint64(len(im.Records)))
	}
	return nil
}

// take notes the answers to a batch. Trouble of the node or with the operator,
// and not of a record, ends the import.
func (im *importing) take(from int, results []importResult) error {
	var trouble error
	rows := im.triedRows(from, results)
	for i, r := range results {
		o := outcome{r, statusRecorded}
		switch {
		case r.Problem != nil && (r.Problem.Status >= 500 || r.Problem.Code == "unknown-operator"):
			o.status = statusUnsent
			trouble = r.Problem
		case r.Problem != nil:
			o.status = statusRefused
			im.problems = append(im.problems, im.Refused(im.Records[from+i], r.Problem.Code, r.Problem.Field, rows.Replace(r.Problem.Detail))...)
		case r.Exists:
			o.status = statusExists
		case im.f.dryRun:
			o.status = statusNew
		}
		im.outcomes[from+i] = o
	}
	return trouble
}

// triedRows names the rows of a dry run where its answers name the records that
// were tried for them: nobody will find these.
func (im *importing) triedRows(from int, results []importResult) *strings.Replacer {
	var pairs []string
	for i, r := range results {
		if r.Tried != "" {
			pairs = append(pairs, "record "+r.Tried, "record of "+rowsText(im.Records[from+i].Rows))
		}
	}
	return strings.NewReplacer(pairs...)
}

// finish prints what became of the rows and writes the report.
func (im *importing) finish() error {
	sheet.SortProblems(im.problems)
	if err := im.print(); err != nil {
		return err
	}
	bad := sheet.BadRows(im.problems)
	if bad == 0 {
		return nil
	}
	if im.f.report != "" {
		err := createFile(im.f.report, func(w io.Writer) error { return sheet.WriteReport(w, im.Result, im.problems) })
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		im.e.say("the %d refused rows are in %s", bad, im.f.report)
	}
	return fmt.Errorf("%d of %d rows were refused", bad, im.Rows)
}

func (im *importing) print() error {
	if im.e.json {
		return im.e.printJSON(im.report())
	}
	printProblems(im.e, im.problems)
	if im.f.dryRun {
		for i, rec := range im.Records {
			if _, err := fmt.Fprintln(im.e.stdout, im.plan(rec, &im.outcomes[i])); err != nil {
				return err
			}
		}
	}
	counts := im.counts()
	_, err := fmt.Fprintf(im.e.stdout, "rows     %d, and %d comments\nrecords  %d", im.Rows, im.Comments, len(im.Records))
	for _, s := range []string{statusRecorded, statusNew, statusExists, statusRefused, statusUnsent} {
		if counts[s] > 0 {
			fmt.Fprintf(im.e.stdout, ", %d %s", counts[s], map[string]string{
				statusRecorded: "recorded", statusNew: "to be recorded", statusExists: "recorded before",
				statusRefused: "refused", statusUnsent: "not sent",
			}[s])
		}
	}
	fmt.Fprintf(im.e.stdout, "\nrefused  %d rows\n", sheet.BadRows(im.problems))
	return err
}

func (im *importing) counts() map[string]int {
	counts := make(map[string]int)
	for _, o := range im.outcomes {
		counts[o.status]++
	}
	return counts
}

// plan is the line of a record in a dry run.
func (im *importing) plan(rec *sheet.Record, o *outcome) string {
	line := fmt.Sprintf("%s  %-8s  %-8s", rowsText(rec.Rows), o.status, rec.Kind)
	if o.Operator != "" {
		line += "  by " + o.Operator
	}
	if o.ID != "" {
		line += fmt.Sprintf("  %s  %s/%d", o.ID, o.Chain, o.Seq)
	}
	return line + "  " + rec.Summary()
}

func rowsText(rows []int) string {
	first, last := rows[0], rows[len(rows)-1]
	switch {
	case first == last:
		return fmt.Sprintf("row %d", first)
	case last-first+1 == len(rows):
		return fmt.Sprintf("rows %d-%d", first, last)
	}
	return fmt.Sprintf("%d rows from %d", len(rows), first)
}

// importReport is what --json prints.
type importReport struct {
	Format   sheet.Format     `json:"format"`
	Encoding string           `json:"encoding,omitempty"`
	Sheet    string           `json:"sheet,omitempty"`
	DryRun   bool             `json:"dry_run"`
	Rows     int              `json:"rows"`
	Comments int              `json:"comments"`
	BadRows  int              `json:"bad_rows"`
	Counts   map[string]int   `json:"counts"`
	Records  []importedRecord `json:"records"`
	Problems []sheet.Problem  `json:"problems"`
}

type importedRecord struct {
	Rows     []int  `json:"rows"`
	Kind     string `json:"kind"`
	Document string `json:"document,omitempty"`
	Status   string `json:"status"`
	ID       string `json:"id,omitempty"`
	Hash     string `json:"hash,omitempty"`
	State    string `json:"state,omitempty"`
	Chain    string `json:"chain,omitempty"`
	Seq      uint64 `json:"seq"`
	Signer   string `json:"signer,omitempty"`
	Operator string `json:"operator,omitempty"`
	Draft    any    `json:"draft,omitempty"` // of a dry run
}

func (im *importing) report() *importReport {
	r := &importReport{
		Format: im.table.Format, Encoding: im.table.Encoding, Sheet: im.table.Sheet, DryRun: im.f.dryRun,
		Rows: im.Rows, Comments: im.Comments, BadRows: sheet.BadRows(im.problems), Counts: im.counts(),
		Records: []importedRecord{}, Problems: append([]sheet.Problem{}, im.problems...),
	}
	for i, rec := range im.Records {
		o := &im.outcomes[i]
		one := importedRecord{
			Rows: rec.Rows, Kind: rec.Kind, Document: rec.Document, Status: o.status,
			ID: o.ID, Hash: o.Hash, State: o.State, Chain: o.Chain, Seq: o.Seq, Signer: o.Signer, Operator: o.Operator,
		}
		if im.f.dryRun {
			one.Draft = rec.Draft
		}
		r.Records = append(r.Records, one)
	}
	return r
}
