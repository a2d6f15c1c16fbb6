package main

import (
	"bytes"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// inspectionReport draws the report of a laboratory on a lot: what a brand
// really attaches, as a PDF of one page. The same arguments give the same
// bytes.
func inspectionReport(number, product, gtin, lot string, date time.Time) ([]byte, error) {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCreationDate(date)
	pdf.SetModificationDate(date)
	pdf.SetCatalogSort(true)
	pdf.SetTitle("Inspection report "+number, false)
	pdf.SetMargins(22, 22, 22)
	pdf.AddPage()

	pdf.SetFont("Helvetica", "B", 20)
	pdf.CellFormat(0, 12, "Inspection report", "", 1, "L", false, 0, "")
	pdf.SetFont("Helvetica", "", 10)
	pdf.SetTextColor(90, 90, 90)
	pdf.CellFormat(0, 6, "East China Cosmetics Testing Centre (demonstration)", "", 1, "L", false, 0, "")
	pdf.Ln(6)
	pdf.SetTextColor(0, 0, 0)
	for _, row := range [][2]string{
		{"Report", number}, {"Product", product}, {"GTIN", gtin}, {"Lot", lot},
		{"Sampled", date.AddDate(0, 0, -6).Format(time.DateOnly)}, {"Issued", date.Format(time.DateOnly)},
		{"Standard", "Safety and Technical Standards for Cosmetics (2015), GB/T 13531.1"},
	} {
		pdf.SetFont("Helvetica", "B", 10)
		pdf.CellFormat(32, 7, row[0], "", 0, "L", false, 0, "")
		pdf.SetFont("Helvetica", "", 10)
		pdf.CellFormat(0, 7, row[1], "", 1, "L", false, 0, "")
	}
	pdf.Ln(5)
	drawResults(pdf)
	pdf.Ln(8)
	pdf.SetFont("Helvetica", "B", 13)
	pdf.CellFormat(0, 8, "Result: the samples meet the standard.", "", 1, "L", false, 0, "")

	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("draw report: %w", err)
	}
	return out.Bytes(), nil
}

func drawResults(pdf *fpdf.Fpdf) {
	widths := []float64{70, 36, 36, 24}
	row := func(style string, cells ...string) {
		pdf.SetFont("Helvetica", style, 9.5)
		for i, c := range cells {
			pdf.CellFormat(widths[i], 7.5, c, "1", 0, "L", style == "B", 0, "")
		}
		pdf.Ln(-1)
	}
	pdf.SetFillColor(236, 240, 244)
	row("B", "Test", "Limit", "Found", "Result")
	row("", "Total aerobic count (CFU/g)", "<= 1000", "< 10", "pass")
	row("", "Moulds and yeasts (CFU/g)", "<= 100", "< 10", "pass")
	row("", "Mercury (mg/kg)", "<= 1", "not detected", "pass")
	row("", "Lead (mg/kg)", "<= 10", "0.3", "pass")
	row("", "Arsenic (mg/kg)", "<= 2", "not detected", "pass")
	row("", "Cadmium (mg/kg)", "<= 5", "not detected", "pass")
	row("", "pH (25 C)", "4.0 - 8.5", "5.6", "pass")
}
