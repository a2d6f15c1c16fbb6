package sheet

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSubjects(t *testing.T) {
	g := exampleGTIN
	for _, c := range []struct {
		name, kind, header, row string
		want                    string // subject as JSON, or a problem
	}{
		{"a link", "sell", "code", "HTTPS://LANZHI.EXAMPLE/01/" + g + "/21/ABC", `{"uri":"HTTPS://LANZHI.EXAMPLE/01/` + g + `/21/ABC"}`},
		{"an element string", "sell", "code", "(01)" + g + "(21)ABC", `{"uri":"(01)` + g + `(21)ABC"}`},
		{"a link and its GTIN", "sell", "code,gtin", "https://l.example/01/" + g + "/21/ABC,6901234567892", `{"uri":"https://l.example/01/` + g + `/21/ABC"}`},
		{"a link and its serial", "sell", "uri,serial", "https://l.example/01/" + g + "/21/ABC,ABC", `{"uri":"https://l.example/01/` + g + `/21/ABC"}`},
		{"a link and another GTIN", "sell", "code,gtin", "https://l.example/01/" + g + "/21/ABC,6901234000009", "B2 bad-subject"},
		{"a link and another serial", "sell", "code,serial", "https://l.example/01/" + g + "/21/ABC,ABD", "B2 bad-subject"},
		{"a bad link", "sell", "code", "https://l.example/01/06901234567893/21/ABC", "A2 gtin-check-digit"},
		{"a serial", "sell", "serial,gtin", "ABC," + g, `{"uri":"(01)` + g + `(21)ABC"}`},
		{"a bare serial as code", "sell", "code,gtin", "ABC,6901234567892", `{"uri":"(01)` + g + `(21)ABC"}`},
		{"a serial alone", "sell", "serial", "ABC", "A2 bad-subject"},
		{"an SSCC", "sell", "sscc", "0 6901234 000000001 6", `{"sscc":"` + exampleSSCC + `"}`},
		{"an SSCC with its AI", "sell", "sscc", "(00)" + exampleSSCC, `{"sscc":"` + exampleSSCC + `"}`},
		{"an SSCC as code", "sell", "code", "00" + exampleSSCC, `{"sscc":"` + exampleSSCC + `"}`},
		{"a mistyped SSCC", "sell", "sscc", "069012340000000017", "A2 sscc-check-digit"},
		{"a range", "sell", "gtin,run,first,last", g + ",3,10,19", `{"gtin":"` + g + `","run":3,"from":10,"to":19}`},
		{"a range of one", "sell", "gtin,run,first", g + ",3,10", `{"gtin":"` + g + `","run":3,"from":10,"to":10}`},
		{"a range as code", "sell", "code", g + "/3/10-19", `{"gtin":"` + g + `","run":3,"from":10,"to":19}`},
		{"a range backwards", "sell", "gtin,run,first,last", g + ",3,19,10", "D2 bad-number"},
		{"a range without run", "sell", "gtin,first", g + ",3", "A2 bad-subject"},
		{"a GTIN alone", "sell", "gtin", g, "A2 bad-subject"},
		{"two at once", "sell", "sscc,gtin", exampleSSCC + "," + g, "A2 bad-subject"},
		{"two at once again", "sell", "code,gtin,run", "ABC," + g + ",1", "C2 bad-subject"},
		{"none", "sell", "order", "7", "2 no-subject"},
		{"a lot", "inspect", "gtin,lot", g + ",L1", `{"gtin":"` + g + `","lot":"L1"}`},
		{"a lot that cannot be", "inspect", "gtin,lot", g + ",批一", "B2 ai-character"},
		{"a product", "inspect", "gtin", g, `{"gtin":"` + g + `"}`},
		{"contents", "pack", "unit,gtin,run,first,last", exampleSSCC + "," + g + ",0,0,5", `{"unit":{"sscc":"` + exampleSSCC + `"},"content":{"gtin":"` + g + `","run":0,"from":0,"to":5}}`},
		{"a case in a pallet", "pack", "pallet,sscc", exampleSSCC + ",069012340000000023", `{"unit":{"sscc":"` + exampleSSCC + `"},"content":{"sscc":"069012340000000023"}}`},
		{"a lot in a case", "pack", "unit,gtin,lot", exampleSSCC + "," + g + ",L1", `{"unit":{"sscc":"` + exampleSSCC + `"},"content":{"gtin":"` + g + `","lot":"L1"}}`},
		{"a case code", "pack", "箱码,code", g + "/1/7," + g + "/0/0-5", `{"unit":{"gtin":"` + g + `","run":1,"from":7,"to":7},"content":{"gtin":"` + g + `","run":0,"from":0,"to":5}}`},
		{"a unit alone", "unpack", "unit", exampleSSCC, `{"sscc":"` + exampleSSCC + `"}`},
		{"a unit without contents", "pack", "unit", exampleSSCC, "A2 bad-subject"},
		{"a GTIN in a case", "pack", "unit,gtin", exampleSSCC + "," + g, "B2 bad-subject"},
		{"a pattern", "pack", "gtin,run,first,per unit,unit gtin,unit run,unit first,units,except", g + ",0,0,6,16901234567899,1,0,10,13-14；20",
			`{"pattern":{"gtin":"` + g + `","run":0,"start":0,"per":6,"unit_gtin":"16901234567899","unit_run":1,"unit_start":0,"count":10,"except":[[13,14],[20,20]]}}`},
		{"half a pattern", "pack", "gtin,run,first,units", g + ",0,0,10", "A2 bad-subject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			header, row := c.header, c.row
			switch c.kind {
			case "sell":
				header, row = header+",channel", row+",store"
			case "inspect":
				header, row = header+",type,result", row+",quality,pass"
			}
			table, err := Read([]byte(header+"\n"+row+"\n"), "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := Parse(table, Options{Kind: c.kind})
			var bad *FileError
			got := ""
			switch {
			case errors.As(err, &bad):
				got = bad.Code
			case len(r.Problems) > 0:
				got = faults(r.Problems)
			default:
				got = drafts(r)
			}
			if got != c.want && !strings.Contains(got, `"subjects":[`+c.want+`]`) {
				t.Errorf("%s\nnot\n%s", got, c.want)
			}
		})
	}
}

// Rows of one document are one record; what they say twice has to be the same.
func TestDocuments(t *testing.T) {
	header := "单号,收货方,用途,SSCC,明细条码,明细数量,送货单号,地点\n"
	r := parseCSV(t, "ship", header+
		"D1,dist,销售,069012340000000016,06901234567892,24,N1,dc-1\n"+
		"D2,dist,销售,069012340000000023,,,,\n"+
		"D1,,,069012340000000030,06901234567892,6,N2; N1,dc-1\n"+
		"D1,dist,sale,,,,,\n")
	want := `{"kind":"ship","place":"dc-1","subjects":[{"sscc":"069012340000000016"},{"sscc":"069012340000000030"}],` +
		`"fields":{"delivery_notes":["N1","N2"],"lines":[{"gtin":"06901234567892","count":24},{"gtin":"06901234567892","count":6}],"purpose":"sale","to":"dist"}}`
	if got := strings.Split(drafts(r), "\n")[0]; got != want || len(r.Problems) > 0 {
		t.Errorf("%s\n%s\nnot\n%s", faults(r.Problems), got, want)
	}
	if rows := r.Records[0].Rows; !slices.Equal(rows, []int{2, 4, 5}) {
		t.Errorf("rows %v", rows)
	}

	r = parseCSV(t, "ship", header+
		"D1,dist,销售,069012340000000016,,,,\n"+
		"D1,wh,销售,069012340000000023,,,,\n"+
		"D2,dist,销售,069012340000000030,,,,\n"+
		"D1,dist,,069012340000000047,06901234567892,,,\n")
	if got := faults(r.Problems); got != "2 group-bad, B3 group-differs, F5 required" || len(r.Records) != 1 {
		t.Errorf("%s, %d records", got, len(r.Records))
	}
	if !strings.Contains(r.Problems[1].En, `row 2 has "dist"`) {
		t.Error(r.Problems[1].En)
	}
}

func TestValues(t *testing.T) {
	r := parseCSV(t, "product", "商品条码,版本,发码链号,产品名称（中文）,产品名称（英文）,保质期,许可证及标准号,产地（中文）\n"+
		"6901234567892,1,1,兰芷干红,Lanzhi Red,\"3,650\",SC1;GB/T 15037,宁夏\n"+
		"6901234567893,0,x,兰芷干红,,-1,,\n"+
		",,1,\u202e反,,1e3,,\n")
	want := `{"kind":"product","fields":{"gtin":"06901234567892","issuing_chain":1,"licences":["SC1","GB/T 15037"],"names":{"zh":"兰芷干红","en":"Lanzhi Red"},"origin":{"zh":"宁夏"},"shelf_life_days":3650,"version":1}}` + "\n"
	if got := drafts(r); got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
	wantFaults := "A3 gtin-check-digit, B3 bad-number, C3 bad-number, F3 bad-number, D4 bad-value, A4 required, B4 required"
	if got := faults(r.Problems); got != wantFaults {
		t.Errorf("%s\nnot\n%s", got, wantFaults)
	}
}

// A column that nobody knows is refused if anything would be lost with it.
func TestUnknownColumns(t *testing.T) {
	text := "地点编号,地点类型,国家,备注,#内部,,国藉\nhz-1,仓库,CN,%s,x,%s,%s\n"
	for _, c := range []struct {
		cells  [3]string
		ignore []string
		want   string
	}{
		{cells: [3]string{"", "", ""}},
		{cells: [3]string{"x", "", ""}, want: "D1 unknown-column"},
		{cells: [3]string{"x", "", ""}, ignore: []string{"备 注"}},
		{cells: [3]string{"", "x", "y"}, want: "F1 unknown-column, G1 unknown-column"},
	} {
		row := text
		for _, cell := range c.cells {
			row = strings.Replace(row, "%s", cell, 1)
		}
		table, err := Read([]byte(row), "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(table, Options{Kind: "place", Ignore: c.ignore})
		var bad *FileError
		got := ""
		if errors.As(err, &bad) {
			got = faults(bad.Problems)
			if last := bad.Problems[len(bad.Problems)-1]; last.Header == "国藉" && !strings.Contains(last.En, "国家?") {
				t.Errorf("no suggestion: %s", last.En)
			}
		}
		if got != c.want {
			t.Errorf("%v: %q, not %q", c.cells, got, c.want)
		}
	}
}

func TestManyKindsInOneFile(t *testing.T) {
	r := parseCSV(t, "", "类型,地点编号,地点类型,国家,单位编号,单位类型\n"+
		"地点,hz-1,仓库,中国,,\n"+
		"party,,,,store-1,门店\n"+
		"party,hz-9,,,store-2,门店\n"+
		"飞行,,,,,\n")
	if got := faults(r.Problems); got != "B4 not-of-kind, A5 unknown-kind" {
		t.Error(got)
	}
	want := `{"kind":"place","fields":{"country":"CN","id":"hz-1","kind":"warehouse"}}` + "\n" + `{"kind":"party","fields":{"kind":"store","slug":"store-1"}}` + "\n"
	if got := drafts(r); got != want {
		t.Error(got)
	}
}

func TestTwiceTheSame(t *testing.T) {
	header := "SSCC,渠道,时间\n"
	row := exampleSSCC + ",store,2026-03-01\n"
	r := parseCSV(t, "sell", header+row+row+exampleSSCC+",store,2026-03-02\n")
	if got := faults(r.Problems); got != "3 repeated-row" || len(r.Records) != 2 {
		t.Error(got)
	}
	r = parseCSV(t, "sell", "SSCC,渠道,渠道\n"+exampleSSCC+",store,online\n")
	if got := faults(r.Problems); got != "C2 two-columns" || len(r.Records) != 0 {
		t.Error(got)
	}
}

// The key depends on what is said, not on how.
func TestKeys(t *testing.T) {
	a := parseCSV(t, "sell", "SSCC,渠道,时间\n"+exampleSSCC+",store,2026-03-01 8:30\n")
	b := parseCSV(t, "sell", "at;channel;#;sscc\n2026年3月1日 8时30分;store;x;(00)"+exampleSSCC+"\n")
	c := parseCSV(t, "sell", "单号,SSCC,渠道,时间\n1,"+exampleSSCC+",store,2026-03-01 8:30\n")
	if a.Records[0].Key != b.Records[0].Key {
		t.Error("the same has two keys")
	}
	if a.Records[0].Key == c.Records[0].Key {
		t.Error("another document has the same key")
	}
	if got := a.Records[0].Key.String(); got != "79515037cbce93203521c5d1f41b65ffd8c75aeb36455ddd4b91ad710a3b1254" {
		t.Errorf("key %s: a change here records again what has been imported", got)
	}
}

// Headers may stand below a title; without one there is nothing.
func TestHeaderRow(t *testing.T) {
	r := parseCSV(t, "sell", "销售单,,\n\n2026年3月,,\nSSCC,渠道,价格\n"+exampleSSCC+",store,88.00\n#"+exampleSSCC+",x,y\n")
	if r.Header != 4 || r.Rows != 1 || r.Comments != 1 || len(r.Records) != 1 {
		t.Errorf("%+v", r)
	}
	for text, code := range map[string]string{"": CodeNoHeader, "a,b\nc,d\n": CodeNoHeader, "SSCC,渠道\n": CodeNoRows, "SSCC,渠道\n#x,y\n": CodeNoRows} {
		table, err := Read([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(table, Options{Kind: "sell"})
		var bad *FileError
		if !errors.As(err, &bad) || bad.Code != code {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A node's refusal is shown at the cell that it names.
func TestRefused(t *testing.T) {
	r := parseCSV(t, "ship", "单号,SSCC,收货方,用途\nD1,069012340000000016,dist,sale\nD1,069012340000000023,,\n")
	for field, want := range map[string]string{
		"fields.to": "C2 no-such, 3 group-bad", "subjects[1]": "B3 no-such, 2 group-bad", "subjects": "2 no-such, 3 group-bad",
		"": "2 no-such, 3 group-bad", "fields.via": "2 no-such, 3 group-bad", "subjects[99]": "2 no-such, 3 group-bad",
	} {
		if got := faults(r.Refused(r.Records[0], "no-such", field, "does not exist")); got != want {
			t.Errorf("%s: %s, not %s", field, got, want)
		}
	}
}
