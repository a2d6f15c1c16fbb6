package web

import (
	"strings"
	"testing"
	"time"
)

var caution = Text{
	"核验的是码和记录，不是包装内的商品；请核对品名、批号、日期与包装。",
	"What is checked is the code and the records, not the goods in the package; compare name, lot, dates and packaging.",
}

var brand = Text{"岚芝堂", "Lanzhi"}

// headlines are those of DESIGN.md section 6, with the brand put in.
var headlines = map[Verdict]Text{
	Consistent:  {"此码由岚芝堂签发，流通记录一致", "Issued by Lanzhi; the records agree"},
	Warning:     {"此码由岚芝堂签发，有一项请留意：收货记录没有对应的发货记录", "Issued by Lanzhi; please note: it was received but never shipped"},
	Suspicious:  {"请谨慎：此码可能被复制", "Caution: this code may have been copied"},
	Recalled:    {"该产品正在召回，请停止使用", "This product is being recalled; stop using it"},
	NeverIssued: {"岚芝堂没有签发过此码", "Lanzhi has never issued this code"},
	Unknown:     {"暂未查到此码，请稍后再试", "Not found yet, please try again"},
}

func newTestPages(t testing.TB) *Pages {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testItem is an item that went from the factory to a shop, with a verdict.
func testItem(v Verdict) *Item {
	cst := time.FixedZone("", 8*3600)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 10, day, hour, minute, 0, 0, cst) }
	east, dealer := Text{"华东仓", "East DC"}, Text{"江南经销", "Jiangnan Distribution"}
	item := &Item{
		Level: LevelItem, GTIN: "06901234567892", Serial: "00A7K3M9QXW2C8RT5Y1N", Lot: "L20261003",
		Verdict: v, Headline: headlines[v], Caution: caution, Brand: brand,
		Custody: "sold",
		Product: &Product{
			Name:    Text{"岚芝灵芝孢子粉（破壁）", "Lanzhi Reishi Spore Powder, wall-broken"},
			Picture: "/picture.png",
			Facts: []Fact{
				{"net_content", Text{"1 g × 60 袋", "60 sachets of 1 g"}},
				{"origin", Text{"浙江龙泉", "Longquan, Zhejiang"}},
				{"produced", Text{"2026-10-03", "2026-10-03"}},
				{"expires", Text{"2028-10-02", "2028-10-02"}},
			},
		},
		Scans:  &Scans{First: at(22, 18, 5), City: Text{"浙江杭州", "Hangzhou, Zhejiang"}, Count: 3},
		Beacon: "/picture.png",
		Stored: Stored{Companies: 3, Of: 4},
		Events: []Event{
			{Kind: "run", At: at(2, 9, 12), Party: brand},
			{Kind: "activate", At: at(3, 15, 40), Party: brand, Place: Text{"浙江", "Zhejiang"}, PlaceIs: "factory",
				Facts: []Fact{{"lot", Text{"L20261003", "L20261003"}}, {"produced", Text{"2026-10-03", "2026-10-03"}}}},
			{Kind: "ship", At: at(5, 8, 5), Party: brand, Place: Text{"浙江", "Zhejiang"}, PlaceIs: "factory"},
			{Kind: "receive", At: at(6, 14, 22), Party: east, Place: Text{"上海", "Shanghai"}, PlaceIs: "warehouse"},
			{Kind: "ship", At: at(12, 10, 0), Party: east, Place: Text{"上海", "Shanghai"}, PlaceIs: "warehouse"},
			{Kind: "receive", At: at(13, 16, 48), Party: dealer, Place: Text{"江苏", "Jiangsu"}, PlaceIs: "warehouse"},
			{Kind: "sell", At: at(20, 11, 31), Party: dealer, Place: Text{"江苏", "Jiangsu"}, PlaceIs: "store",
				Facts: []Fact{{"channel", Text{"retail", "retail"}}}},
		},
		Reports: []Report{{
			Type: "quality", Issuer: Text{"浙江省食检所", "Zhejiang Food Testing"}, Standard: "GB 16740",
			Result: "pass", ValidUntil: "2027-10-02", URL: "/api/v1/documents/00",
		}},
		Network:  "5f1c0de2a4b39870aa55e0c3b8d96f1274e0915c36ad8b2f0f6c9d1e7b34a852",
		Host:     "trace.lanzhi.example",
		Mirrors:  []Mirror{{east, "https://east.example/01/x"}, {Text{"中检审计", "Audit"}, "https://audit.example/01/x"}},
		TrailURL: "/api/v1/trail?uri=x",
		ProofURL: "/api/v1/proof?uri=x",
		Chains: []Chain{
			{Name: "brand/1", Size: 42, Stored: Stored{4, 4}},
			{Name: "wh/2", Size: 20, Stored: Stored{3, 4}},
			{Name: "dist/3", Size: 11, Stored: Stored{3, 4}},
		},
		Filings: []string{"浙ICP备00000000号"},
	}
	item.Route = []Text{{"浙江", "Zhejiang"}, {"上海", "Shanghai"}, {"江苏", "Jiangsu"}}
	item.Links = []Link{{Type: "pip", URL: "https://lanzhi.example/reishi", Host: "lanzhi.example"},
		{Type: "certificationInfo", Title: Text{"有机认证证书", "Organic certificate"}, URL: "https://certificates.lanzhi.example/2026/reishi", Host: "certificates.lanzhi.example"}}
	return adapt(item, at)
}

// testLong is an item of which every name is as long as names get, some without a
// place where a line could end.
func testLong() *Item {
	item := testItem(Warning)
	long := Text{strings.Repeat("岚芝堂生物科技（浙江龙泉）", 4) + "有限公司", "Lanzhi" + strings.Repeat("biotechnology", 8) + " Company Limited"}
	item.Brand, item.Product.Name, item.Holder, item.Contact = long, long, long, long
	item.Headline = Text{"此码由" + long.Zh + "签发，有一项请留意：收货记录没有对应的发货记录", "Issued by " + long.En + "; please note: it was received but never shipped"}
	item.Lot = strings.Repeat("L2026", 4)
	for i := range item.Events {
		item.Events[i].Party, item.Events[i].Place = long, long
	}
	for i := range item.Mirrors {
		item.Mirrors[i].Name = long
	}
	for i := range item.Links {
		item.Links[i].Title = long
	}
	return item
}

// testKit is an item made of two others, one of which was made of a third; a
// record of it was corrected.
func testKit() *Item {
	item := testItem(Consistent)
	run, made := item.Events[0], item.Events[1]
	wrong := made
	wrong.Kind, wrong.Facts = "void", []Fact{{"reason", Text{"damaged", "damaged"}}}
	wrong.Corrected = &Correction{Reason: "wrong-code", With: &Reference{"receive", item.Events[3].At}}
	gone := made
	gone.Kind, gone.Facts, gone.Corrected = "receive", nil, &Correction{}
	fix := made
	fix.Kind, fix.Facts, fix.Corrects = "correct", []Fact{{"reason", Text{"wrong-code", "wrong-code"}}}, &Reference{"void", wrong.At}
	box := made
	box.Kind, box.Facts, box.Erased = "pack", nil, time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	item.Events = append([]Event{run, made, wrong, fix, gone, box}, item.Events[2:]...)
	inner := Source{GTIN: "06901234567885", Events: []Event{run}}
	item.Sources = []Source{
		{Name: Text{"灵芝孢子油软胶囊（每瓶一百二十粒）", "Reishi Spore Oil Capsules, bottle of 120"}, GTIN: "06901234567861", Lot: "S20260918", Custody: "used",
			URL: "/01/06901234567861/10/S20260918", Events: []Event{run, made}, Sources: []Source{inner}},
		{Name: Text{"灵芝茶", "Reishi Tea"}, GTIN: "06901234567878", Custody: "used", URL: "/01/06901234567878", Events: []Event{run, made},
			Findings: []Finding{{"is-recalled", "critical", Text{"这批灵芝茶正在召回。", "This lot of tea is being recalled."}, false}}},
	}
	return item
}

// adapt makes the rest of the item fit its verdict.
func adapt(item *Item, at func(day, hour, minute int) time.Time) *Item {
	switch item.Verdict {
	case Warning:
		item.Events[3].Marked = true
		item.Findings = []Finding{{"received-not-shipped", "warning", Text{"华东仓 10月6日收到这件商品，但没有找到对应的发货记录。", "East DC received the item on 6 October, but no shipment to it is on record."}, false}}
		item.Events = append(item.Events[:2:2], item.Events[3:]...)
		item.Pending = []Event{{Kind: "return", At: at(25, 9, 3), Party: Text{"江南经销", "Jiangnan Distribution"}, Place: Text{"江苏", "Jiangsu"}, PlaceIs: "store"}}
	case Suspicious:
		item.Findings = []Finding{
			{"sold-twice", "critical", Text{"这个码有两次售出记录：10月20日在江苏，10月21日在广东。", "The code was sold twice: on 20 October in Jiangsu and on 21 October in Guangdong."}, false},
			{"shipped-by-non-holder", "warning", Text{"华南批发 发货时，记录显示商品不在它那里。", "South Wholesale shipped it when the records show it elsewhere."}, false},
		}
		item.Events = append(item.Events, Event{Kind: "sell", At: at(21, 9, 45), Party: Text{"华南批发", "South Wholesale"}, Place: Text{"广东", "Guangdong"}, PlaceIs: "store", Marked: true})
		item.Contact = Text{"岚芝堂客服 400-000-0000", "Lanzhi service 400-000-0000"}
	case Recalled:
		item.Findings = []Finding{{"recalled", "critical", Text{"岚芝堂 10月28日发布二级召回：该批次封口不严。请停止食用并退回购买处。", "Lanzhi announced a class II recall on 28 October: faulty seals in this batch. Stop eating it and return it to the shop."}, false}}
	case NeverIssued:
		item.Scans, item.Beacon = nil, ""
		item.Events, item.Reports, item.Custody, item.Lot, item.Stored, item.Chains = nil, nil, "", "", Stored{}, nil
		item.Product.Facts = item.Product.Facts[:2]
	case Unknown:
		item.Scans, item.Beacon = nil, ""
		item.Events, item.Reports, item.Custody, item.Lot, item.Stored, item.Chains = nil, nil, "", "", Stored{}, nil
		item.Product, item.ProofURL = nil, ""
	}
	return item
}

var verdicts = []Verdict{Consistent, Warning, Suspicious, Recalled, NeverIssued, Unknown}
