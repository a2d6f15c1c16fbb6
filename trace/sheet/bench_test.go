package sheet

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// largeWorkbook has receipts of a day: rows of ten to a document.
func largeWorkbook(t testing.TB, rows int) []byte {
	t.Helper()
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	set := func(n int, cells ...any) {
		if err := w.SetRow(fmt.Sprintf("A%d", n), cells); err != nil {
			t.Fatal(err)
		}
	}
	set(1, "单号", "时间", "商品条码", "发码批次", "起始序号", "结束序号", "用途", "收货方", "收货地点", "送货单号", "运单号", "承运商")
	for i := range rows {
		set(i+2, fmt.Sprintf("D%07d", i/10), "2026-03-01 08:30:00", exampleGTIN, 0, i*10, i*10+9,
			"销售", "dist/store-1", "dist/dc-1", fmt.Sprintf("N%07d", i/10), fmt.Sprintf("SF%012d", i/10), "顺丰速运")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func BenchmarkWorkbook(b *testing.B) {
	const rows = 100_000
	data := largeWorkbook(b, rows)
	b.Logf("%d rows, %d bytes", rows, len(data))
	for b.Loop() {
		began := time.Now()
		table, err := Read(data, "")
		if err != nil {
			b.Fatal(err)
		}
		read := time.Since(began)
		r, err := Parse(table, Options{Kind: "ship", Zone: shanghai})
		if err != nil || len(r.Records) != rows/10 || len(r.Problems) > 0 {
			b.Fatal(err, len(r.Records), faults(r.Problems[:min(3, len(r.Problems))]))
		}
		b.ReportMetric(read.Seconds(), "read-s")
		b.ReportMetric((time.Since(began) - read).Seconds(), "parse-s")
	}
}
