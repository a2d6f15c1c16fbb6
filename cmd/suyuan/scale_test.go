package main_test

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var scale = flag.Int("scale", 0, "rows of the workbook that TestImportOfManyRows imports, 100000 say; 0 skips it")

// writeWorkbook writes the smallest workbook of one sheet with rows of texts.
func writeWorkbook(t *testing.T, path string, rows func(yield func(cells ...string))) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	part := func(name string) *bufio.Writer {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewWriter(w)
	}
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const pkg = "http://schemas.openxmlformats.org/package/2006"
	const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	for name, text := range map[string]string{
		"[Content_Types].xml": `<Types xmlns="` + pkg + `/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + kind + `sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + kind + `worksheet+xml"/></Types>`,
		"_rels/.rels":                `<Relationships xmlns="` + pkg + `/relationships"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="` + pkg + `/relationships"><Relationship Id="rId1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
	} {
		w := part(name)
		w.WriteString(head + text)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	w := part("xl/worksheets/sheet1.xml")
	w.WriteString(head + `<worksheet xmlns="` + main + `"><sheetData>`)
	row := 0
	rows(func(cells ...string) {
		row++
		fmt.Fprintf(w, `<row r="%d">`, row)
		for i, text := range cells {
			fmt.Fprintf(w, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, row, text)
		}
		w.WriteString("</row>")
	})
	w.WriteString("</sheetData></worksheet>")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestImportOfManyRows times the import of a large workbook through a running
// node, importing it again, and making the index of it anew.
func TestImportOfManyRows(t *testing.T) {
	if *scale == 0 {
		t.Skip("no -scale: this test takes minutes")
	}
	n := newNetwork(t)
	c := n.first()
	path := filepath.Join(n.dir, "places.xlsx")
	writeWorkbook(t, path, func(yield func(cells ...string)) {
		yield("地点编号", "地点类型", "国家")
		for i := range *scale {
			yield(fmt.Sprintf("p%d", i), "仓库", "中国")
		}
	})
	c.start()
	c.addOperator("place")
	before := c.ownSize()
	for _, what := range []string{"recorded", "exists"} {
		began := time.Now()
		cmd := n.command(context.Background(), "import", path, "--kind", "place", "--json", "--dir", c.dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("import: %v", err)
		}
		took := time.Since(began)
		var r imported
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatal(err)
		}
		if r.Counts[what] != *scale {
			t.Fatalf("got %v", r.Counts)
		}
		t.Logf("%d rows %s in %.1f s: %.0f a second", *scale, what, took.Seconds(), float64(*scale)/took.Seconds())
	}
	if got := c.ownSize() - before; got < uint64(*scale) {
		t.Errorf("%d entries were written", got)
	}
	c.stop()
	began := time.Now()
	out := c.suyuan("index", "rebuild", "--json").done(t)
	var r struct {
		Entries, Keys uint64
		Same          bool
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Same {
		t.Errorf("the index is not what it was: %s", out)
	}
	t.Logf("index of %d entries, %d keys, made again in %.1f s", r.Entries, r.Keys, time.Since(began).Seconds())
}

// TestIssueWhileKilled kills the command that issues codes while it makes them,
// and while it writes them down. The same command goes on each time: there is one
// run in the end, and a file with each of its codes.
func TestIssueWhileKilled(t *testing.T) {
	t.Parallel()
	const count = 300_000
	n := newNetwork(t)
	c := n.brand
	c.suyuan("operator", "add", "ops", "--kinds", "product,run").done(t)
	c.suyuan("product", "add", "--gtin", "06901234000016", "--name-zh", "碳粉", "--name-en", "Toner").done(t)
	out := filepath.Join(n.dir, "print")
	args := []string{"codes", "issue", "--gtin", "06901234000016", "--count", fmt.Sprint(count), "--out", out, "--dir", c.dir, "--json"}
	killWhen := func(what string, pattern string) {
		t.Helper()
		cmd := n.command(context.Background(), args...)
		p, err := startProcess(cmd)
		if err != nil {
			t.Fatal(err)
		}
		defer p.kill()
		eventually(t, startWithin, func() string {
			select {
			case <-p.exited:
				t.Logf("the command was done before there was a %s", what) // what follows holds all the same
				return ""
			default:
			}
			if found, err := filepath.Glob(pattern); err != nil || len(found) == 0 {
				return "no " + what
			}
			return ""
		})
	}
	killWhen("part of a pack", filepath.Join(c.dir, "issue-*", "part-0"))
	if found, err := filepath.Glob(filepath.Join(out, "*")); err != nil || len(found) > 0 {
		t.Errorf("codes of a run that is not recorded are written: %v, %v", found, err)
	}
	killWhen("file that is being written", filepath.Join(out, "*.issuing"))
	result := n.suyuan(args...).done(t)
	var r struct {
		Run     struct{ Run int }
		Written int
		To      string
	}
	if err := json.Unmarshal([]byte(result), &r); err != nil {
		t.Fatal(err)
	}
	if r.Run.Run != 0 || r.Written != count {
		t.Errorf("wrote %d codes of run %d", r.Written, r.Run.Run)
	}
	files, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(files) != 1 || files[0] != r.To {
		t.Errorf("there are %v, %v", files, err)
	}
	raw, err := os.ReadFile(r.To)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(raw), "\n"); lines != count+1 {
		t.Errorf("the file has %d lines", lines)
	}
	if left, err := filepath.Glob(filepath.Join(c.dir, "issue-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
