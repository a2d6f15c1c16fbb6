package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"suyuan/trace/sheet"
)

// An importer is the directory of a brand's node, alone in its network, and an
// operator "ops" that may write everything. Commands open the node themselves.
type importer struct {
	t   *testing.T
	dir string
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	im := &importer{t, t.TempDir()}
	pass := im.file("pw", "correct horse\n")
	t.Setenv("SUYUAN_PASSPHRASE_FILE", pass)
	t.Setenv("XDG_STATE_HOME", im.path("state"))
	im.run(exitDone, "init", "--light", "--network", "lanzhi.example", "--member", "brand", "--role", "brand",
		"--name-zh", "兰芷", "--name-en", "Lanzhi", "--prefix", "6901234")
	im.run(exitDone, "charter", "propose", "--out", im.path("charter.json"), im.path("node/member.json"))
	im.run(exitDone, "charter", "sign", im.path("charter.json"))
	im.run(exitDone, "charter", "accept", im.path("charter.json"))
	im.run(exitDone, "operator", "add", "ops", "--kinds", "product,run,place,party,activate,inspect,ship,void")
	return im
}

func (im *importer) path(name string) string { return filepath.Join(im.dir, name) }

func (im *importer) file(name, content string) string {
	im.t.Helper()
	path := im.path(name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		im.t.Fatal(err)
	}
	return path
}

// run runs a command in this process, which must end with the code.
func (im *importer) run(code int, args ...string) (stdout, stderr string) {
	im.t.Helper()
	var out, errs bytes.Buffer
	got := run(im.t.Context(), append(args, "--dir", im.path("node")), strings.NewReader(""), &out, &errs)
	if got != code {
		im.t.Fatalf("suyuan %s: exit %d, not %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// imports imports a file and returns the report.
func (im *importer) imports(code int, path string, args ...string) *importReport {
	im.t.Helper()
	out, _ := im.run(code, append([]string{"import", path, "--json", "--zone", "+08:00"}, args...)...)
	var r importReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		im.t.Fatalf("%v in %s", err, out)
	}
	return &r
}

// size is the number of entries of the chain.
func (im *importer) size() int {
	im.t.Helper()
	out, _ := im.run(exitDone, "status", "--json")
	var s struct{ Chains []struct{ Size int } }
	if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Chains) != 1 {
		im.t.Fatalf("%v in %s", err, out)
	}
	return s.Chains[0].Size
}

func counts(r *importReport) string {
	raw, _ := json.Marshal(r.Counts) // a map of numbers has JSON
	return string(raw)
}

// A workbook filled in by hand, in Chinese: a product, a run of codes for it,
// and what is done with them. The dry run says what will be; then it is; and the
// second time nothing is.
func TestImportWorkbook(t *testing.T) {
	im := newImporter(t)
	products := im.path("products.xlsx")
	im.run(exitDone, "import", "--template", "product", "--lang", "zh", "--out", products)
	im.fill(products, "产品", map[string]any{
		"商品条码*": "06901234000016", "版本*": 1, "发码链号*": 1, "产品名称（中文）*": "玫瑰水", "产品名称（英文）*": "Rose Water", "产地（中文）": "上海",
	})
	r := im.imports(exitDone, products)
	if counts(r) != `{"recorded":1}` || r.Comments != 1 || r.Sheet != "产品" {
		t.Fatalf("%+v", r)
	}
	im.run(exitDone, "codes", "issue", "--gtin", "06901234000016", "--count", "100", "--out", im.path("codes"))

	activations := im.path("activations.xlsx")
	im.run(exitDone, "import", "--template", "激活", "--lang", "zh", "--out", activations)
	im.fill(activations, "激活",
		map[string]any{"单号": "A1", "时间": "2026-03-01 8:30", "商品条码": "06901234000016", "发码批次": 0, "起始序号": 0, "结束序号": 19, "批号*": "L1", "生产日期": "2026年2月27日"},
		map[string]any{"单号": "A1", "商品条码": "06901234000016", "发码批次": 0, "起始序号": 20, "结束序号": 29},
		map[string]any{"单号": "A2", "时间": "2026-03-01 9:00", "商品条码": "06901234000016", "发码批次": 0, "起始序号": 50, "结束序号": 500, "批号*": "L1"},
		map[string]any{"单号": "A3", "时间": "2026-03-01 9:00", "商品条码": 6901234000016, "发码批次": 0, "起始序号": 60, "结束序号": 69, "批号*": "L1"},
	)
	before := im.size()
	plan := im.imports(exitFailed, activations, "--dry-run")
	if counts(plan) != `{"new":1,"refused":1}` || plan.Records[1].Status != "refused" || plan.Records[0].Operator != "ops" || plan.Records[0].Signer == "" || fmt.Sprint(plan.Records[0].Rows) != "[3 4]" {
		t.Errorf("%+v", plan)
	}
	if im.size() != before {
		t.Error("a dry run has written")
	}
	bad := im.path("bad.xlsx")
	r = im.imports(exitFailed, activations, "--report", bad)
	if fmt.Sprint(r.Problems) != fmt.Sprint(plan.Problems) {
		t.Errorf("the dry run told of %v, and there is %v", plan.Problems, r.Problems)
	}
	// Run 0 has 100 codes.
	if counts(r) != `{"recorded":1,"refused":1}` || r.BadRows != 2 || len(r.Problems) != 2 || r.Problems[1].Cell != "I6" || r.Problems[1].Code != sheet.CodeNumericCell {
		t.Errorf("%+v", r)
	}
	first := r.Records[0]
	r = im.imports(exitFailed, activations)
	if counts(r) != `{"exists":1,"refused":1}` || r.Records[0].ID != first.ID || r.Records[0].Seq != first.Seq || im.size() != before+1 {
		t.Errorf("%+v, size %d", r, im.size())
	}

	// The file of bad rows has these alone, with reasons.
	r = im.imports(exitFailed, bad)
	if r.Rows != 2 || counts(r) != `{"refused":1}` {
		t.Errorf("%+v", r)
	}
	im.run(exitDone, "verify")
}

// fill writes rows into a template, below its example.
func (im *importer) fill(path, name string, rows ...map[string]any) {
	im.t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		im.t.Fatal(err)
	}
	defer f.Close()
	all, err := f.GetRows(name)
	if err != nil {
		im.t.Fatal(err)
	}
	for i, row := range rows {
		left := len(row)
		for j, header := range all[0] {
			v, ok := row[header]
			if !ok {
				continue
			}
			left--
			cell, err := excelize.CoordinatesToCellName(j+1, i+3)
			if err != nil {
				im.t.Fatal(err)
			}
			if err := f.SetCellValue(name, cell, v); err != nil {
				im.t.Fatal(err)
			}
		}
		if left > 0 {
			im.t.Fatalf("the template has %q and not all of %v", all[0], row)
		}
	}
	if err := f.Save(); err != nil {
		im.t.Fatal(err)
	}
}

// placesCSV has n places.
func placesCSV(n int) string {
	var b strings.Builder
	b.WriteString("id,kind,country\n")
	for i := range n {
		fmt.Fprintf(&b, "p%d,warehouse,CN\n", i)
	}
	return b.String()
}

// Whatever a crash leaves of the journal, no row is written twice and none is
// taken for written that is not.
func TestImportAfterCrash(t *testing.T) {
	im := newImporter(t)
	journal := im.path("node/imports/journal")
	half := im.file("half.csv", placesCSV(3))
	all := im.file("all.csv", placesCSV(5))
	im.imports(exitDone, half, "--kind", "place")
	size := im.size()

	// The next batch was noted, in part, and did not come to the store.
	noted, err := os.ReadFile(journal)
	if err != nil || len(noted) != 3*64 {
		t.Fatal(err, len(noted))
	}
	table, err := sheet.Read([]byte(placesCSV(5)), "")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := sheet.Parse(table, sheet.Options{Kind: "place"})
	if err != nil {
		t.Fatal(err)
	}
	never := bytes.Repeat([]byte{7}, 32)
	torn := append(append(bytes.Clone(noted), parsed.Records[3].Key[:]...), never...)
	torn = append(torn, parsed.Records[4].Key[:20]...)
	im.file("node/imports/journal", string(torn))
	if r := im.imports(exitDone, all, "--kind", "place"); counts(r) != `{"exists":3,"recorded":2}` || im.size() != size+2 {
		t.Errorf("after a torn element: %s, size %d", counts(r), im.size())
	}
	if r := im.imports(exitDone, all, "--kind", "place"); counts(r) != `{"exists":5}` || im.size() != size+2 {
		t.Errorf("again: %s, size %d", counts(r), im.size())
	}
	// A file system may leave zeros where nothing was written.
	noted, err = os.ReadFile(journal)
	if err != nil || len(noted) != 6*64 {
		t.Fatal(err, len(noted))
	}
	im.file("node/imports/journal", string(append(noted, make([]byte, 100)...)))
	if r := im.imports(exitDone, all, "--kind", "place"); counts(r) != `{"exists":5}` {
		t.Errorf("after zeros: %s", counts(r))
	}
}

// An import that is interrupted says so, and the next one goes on.
func TestImportInParts(t *testing.T) {
	im := newImporter(t)
	n := importBatch + 200
	path := im.file("places.csv", placesCSV(n))
	began := time.Now()
	r := im.imports(exitDone, path, "--kind", "place")
	t.Logf("%d records in %v", n, time.Since(began))
	if counts(r) != fmt.Sprintf(`{"recorded":%d}`, n) {
		t.Fatal(counts(r))
	}
	for i, rec := range r.Records {
		if i > 0 && rec.Seq <= r.Records[i-1].Seq {
			t.Fatal("the records do not stand in the order of the rows")
		}
	}
	more := im.file("more.csv", placesCSV(n+10))
	if r := im.imports(exitDone, more, "--kind", "place"); counts(r) != fmt.Sprintf(`{"exists":%d,"recorded":10}`, n) {
		t.Error(counts(r))
	}
}

func TestImportMisuse(t *testing.T) {
	im := newImporter(t)
	good := im.file("good.csv", placesCSV(1))
	im.run(exitMisuse, "import")
	im.run(exitMisuse, "import", "--template", "teleport", "--out", im.path("t.xlsx"))
	im.run(exitMisuse, "import", "--template", "ship", "--out", im.path("t.pdf"))
	im.run(exitMisuse, "import", "--template", "ship", "--lang", "fr", "--out", im.path("t.csv"))
	im.run(exitMisuse, "import", good, "--template", "ship")
	im.run(exitMisuse, "import", good, "--kind", "place", "--report", good)
	im.run(exitMisuse, "import", good, "--kind", "place", "--zone", "Mars")
	im.run(exitFailed, "import", im.path("absent.csv"))
	im.run(exitFailed, "import", good, "--kind", "place", "--operator", "nobody")
	if _, err := os.Stat(im.path("t.xlsx")); err == nil {
		t.Error("a template of no kind left a file")
	}
	im.run(exitDone, "import", "--template", "ship", "--out", im.path("t.csv"))
	im.run(exitFailed, "import", "--template", "ship", "--out", im.path("t.csv")) // may have been filled in
	if im.size() != 2 {
		t.Errorf("size %d: something was written", im.size())
	}
}
