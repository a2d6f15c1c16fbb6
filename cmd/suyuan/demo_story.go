package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/label"
)

// The sizes of the story: 10,000 labels for each product, of which every
// fiftieth is scrap, cases of 24, pallets of 52 cases.
const (
	storyLabels  = 10_000
	storyScrap   = storyLabels / 50
	storyPer     = 24
	storyCases   = storyLabels / storyPer // 416; what is left over stays in the factory
	storyPallet  = 52
	storyPallets = storyCases / storyPallet
	storyLot1    = 4_800 // labels up to here went onto the first lot
	storyRecall  = 7_400 // the recalled half of the second lot begins here
)

// storyContact is whom the brand names for questions about its products. Nobody
// has this number.
const storyContact = "400-000-0000"

// goods is one product with its case and the runs of both.
type goods struct {
	product, box gs1.GTIN
	zh, en       string
	origin       trace.Names
	net          string
	lots         [2]string
	colour       uint32
	serialRef    int // first serial reference of its pallets

	scrap []uint32 // indexes of scrapped labels, ascending
	hurt  []uint32 // indexes of units damaged in the warehouse
}

// story writes what four companies would, through their own nodes.
type story struct {
	n     *demoNetwork
	e     *env
	now   time.Time
	goods []*goods
	toner []string // leaf hash of the shipment that arrives short

	kit, tea gs1.GTIN // a set of both products, and what is sold by weight
	ampoule  gs1.GTIN // has second codes
}

// tell writes all records and returns the items to look at and a token of each
// company.
func (s *story) tell(ctx context.Context) ([]demoItem, map[string]string, error) {
	s.now = lastEvening(time.Now())
	if err := s.invent(); err != nil {
		return nil, nil, err
	}
	tokens, err := s.operators(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"places, products and 20,000 codes", s.produce},
		{"a gift set, tea without codes, and pages of the brand", s.produceMore},
		{"cases and pallets", s.packAndInspect},
		{"from the factory to the warehouse", s.toWarehouse},
		{"two shipments to the distributor", s.toDistributor},
		{"tea by weight, and sets of two products", s.sellTea},
		{"the sets are made", s.makeKits},
		{"received two cases short, and on to a dealer", s.toDealer},
		{"on to a dealer of the third level", s.toSmallDealer},
		{"sales, in and outside the territory, and one that comes back", s.sell},
		{"a mistake corrected, a mixed pallet, and half a lot recalled", s.mishaps},
		{"second codes under a coating, one of them used twice", s.secondCodes},
		{"a label that was copied, scanned in four cities", s.scanCopies},
	} {
		s.e.say("writing records: %s …", step.what)
		if err := step.do(ctx); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.what, err)
		}
		// The next company acts on what it has seen of the one before.
		if err := s.n.waitFinal(ctx); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	items, err := s.items(ctx)
	return items, tokens, err
}

// lastEvening is the last 18:00 in China: what happened some hours before it
// happened in working hours.
func lastEvening(now time.Time) time.Time {
	china := now.In(time.FixedZone("", 8*3600))
	evening := time.Date(china.Year(), china.Month(), china.Day(), 18, 0, 0, 0, china.Location())
	if evening.After(china) {
		evening = evening.AddDate(0, 0, -1)
	}
	return evening
}

// invent makes up the two products and their bad luck.
func (s *story) invent() error {
	s.goods = []*goods{
		{zh: "玫瑰舒润精华水", en: "Rose Soothing Essence Toner", net: "150 mL", lots: [2]string{"R26A01", "R26A02"}, colour: 0xd8708f, serialRef: 1,
			origin: trace.Names{Zh: "上海奉贤", En: "Fengxian, Shanghai"}},
		{zh: "积雪草修护面霜", en: "Centella Repair Cream", net: "50 g", lots: [2]string{"C26B01", "C26B02"}, colour: 0x6fa37f, serialRef: 101,
			origin: trace.Names{Zh: "上海奉贤", En: "Fengxian, Shanghai"}},
	}
	rnd := rand.New(rand.NewPCG(20261121, 1)) // the same story every time
	for i, g := range s.goods {
		var err1, err2 error
		g.product, err1 = gtinOf("0", i+1)
		g.box, err2 = gtinOf("1", i+1)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("make GTIN: %w", err1)
		}
		for _, at := range rnd.Perm(storyLabels)[:storyScrap] {
			g.scrap = append(g.scrap, uint32(at))
		}
		slices.Sort(g.scrap)
		for len(g.hurt) < 3 {
			// Damaged in the third pallet, which stays in the warehouse.
			at := uint32(3*storyPallet*storyPer + rnd.IntN(storyPallet*storyPer))
			if !slices.Contains(g.scrap, at) && !slices.Contains(g.hurt, at) {
				g.hurt = append(g.hurt, at)
			}
		}
	}
	return s.inventMore()
}

// gtinOf makes a GTIN of the brand from a packaging indicator and an item number.
func gtinOf(indicator string, item int) (gs1.GTIN, error) {
	body := fmt.Sprintf("%s%s%05d", indicator, demoPrefix, item)
	digit, err := gs1.CheckDigit(body)
	if err != nil {
		return gs1.GTIN{}, err
	}
	return gs1.ParseGTIN(body + string(digit))
}

// sscc makes the SSCC of a pallet.
func (g *goods) sscc(pallet int) (string, error) {
	body := fmt.Sprintf("0%s%09d", demoPrefix, g.serialRef+pallet)
	digit, err := gs1.CheckDigit(body)
	return body + string(digit), err
}

// ago is a moment in the past, as a draft has it.
func (s *story) ago(days, hours int) string {
	return s.now.AddDate(0, 0, -days).Add(time.Duration(-hours) * time.Hour).Format(time.RFC3339)
}

// operators gives each company the operators that its node signs for.
func (s *story) operators(ctx context.Context) (map[string]string, error) {
	phrase, err := firstLineOf(s.n.pass)
	if err != nil {
		return nil, err
	}
	tokens := make(map[string]string)
	for _, o := range []struct {
		company, name, party string
		kinds                []string
	}{
		{"brand", "factory", "", []string{"product", "place", "party", "run", "activate", "void", "pack", "unpack", "ship", "receive", "cancel", "inspect", "appoint", "hold", "release", "recall", "withdraw", "correct", "link", "claim"}},
		{"wh", "clerk", "", []string{"place", "void", "pack", "unpack", "ship", "receive", "cancel", "correct", "transform"}},
		{"dist", "sales", "", []string{"place", "party", "pack", "unpack", "ship", "receive", "cancel", "sell", "return", "correct"}},
		{"audit", "inspector", "", []string{"place", "inspect"}},
		{"dist", "xihu", "xihu", []string{"unpack", "receive", "ship", "sell", "return"}},
		{"dist", "binjiang", "binjiang", []string{"unpack", "receive", "ship", "sell", "return"}},
	} {
		c := s.n.company(o.company)
		var made newToken
		err := c.local.call(ctx, http.MethodPost, "/admin/v1/operators", addOperator{
			Name: o.name, Kinds: o.kinds, Party: o.party, Scopes: []string{"read", "write"}, AdminPassphrase: phrase,
		}, &made)
		if err != nil {
			return nil, fmt.Errorf("operator %s of %s: %w", o.name, o.company, err)
		}
		if o.party == "" {
			tokens[o.company] = made.Token
			c.public = &client{http: http.DefaultClient, base: c.url, token: made.Token}
		} else {
			tokens[o.company+"/"+o.party] = made.Token
			c.dealers[o.party] = &client{http: http.DefaultClient, base: c.url, token: made.Token}
		}
	}
	return tokens, nil
}

func firstLineOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return firstLine(f, path)
}

// write posts drafts with a company's token and returns the leaf hashes of their
// entries.
func (s *story) write(ctx context.Context, c *client, drafts ...draft) ([]string, error) {
	placed, err := s.place(ctx, c, drafts...)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, r := range placed {
		hashes = append(hashes, r.Hash)
	}
	return hashes, nil
}

// place posts drafts with a company's token and returns where they stand.
func (s *story) place(ctx context.Context, c *client, drafts ...draft) ([]result, error) {
	raw, err := json.Marshal(drafts)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Records []result `json:"records"`
	}
	if err := c.call(ctx, http.MethodPost, "/api/v1/records", rawBody{"application/json", raw}, &answer); err != nil {
		return nil, err
	}
	for i, r := range answer.Records {
		if r.Problem != nil {
			return nil, fmt.Errorf("%s record: %w", drafts[i].Kind, r.Problem)
		}
	}
	return answer.Records, nil
}

type fields = map[string]any

// rangeOf is a subject: codes of a run, both ends included.
func rangeOf(g gs1.GTIN, from, to uint32) any {
	return fields{"gtin": g, "run": 0, "from": from, "to": to}
}

// without returns from … to minus the given indexes, as subjects.
func without(g gs1.GTIN, from, to uint32, except []uint32) []any {
	var list []any
	for _, x := range except {
		if x < from || x > to {
			continue
		}
		if x > from {
			list = append(list, rangeOf(g, from, x-1))
		}
		from = x + 1
	}
	if from <= to {
		list = append(list, rangeOf(g, from, to))
	}
	return list
}

// place is a draft of a place record.
func place(id, kind, region, zh, en string, at string) draft {
	return draft{Kind: "place", At: at, Fields: fields{
		"id": id, "kind": kind, "country": "CN", "region": region, "name": names(zh, en)}}
}

// produce records places and products, issues the codes, scraps labels and
// activates two lots from one run.
func (s *story) produce(ctx context.Context) error {
	founded := s.ago(90, 0)
	for slug, d := range map[string]draft{
		"brand": place("fengxian", "factory", "310120", "奉贤工厂", "Fengxian factory", founded),
		"wh":    place("jiaxing", "warehouse", "330402", "嘉兴仓", "Jiaxing warehouse", founded),
		"dist":  place("hangzhou", "warehouse", "330106", "杭州分拨中心", "Hangzhou hub", founded),
		"audit": place("lab", "laboratory", "310115", "浦东实验室", "Pudong laboratory", founded),
	} {
		if _, err := s.write(ctx, s.n.company(slug).public, d); err != nil {
			return err
		}
	}
	dist := s.n.company("dist")
	_, err := s.write(ctx, dist.public,
		place("xihu-store", "store", "330106", "西湖店", "West Lake store", founded),
		draft{Kind: "party", At: founded, Fields: fields{
			"slug": "xihu", "kind": "dealer", "name": names("西湖美妆集合店", "West Lake Beauty"), "public_name": names("西湖美妆集合店", "West Lake Beauty")}},
		place("binjiang-store", "store", "330108", "滨江店", "Binjiang store", founded),
		draft{Kind: "party", At: founded, Fields: fields{
			"slug": "binjiang", "kind": "store", "name": names("滨江江虹路小店", "Jianghong Road shop, Binjiang"), "public_name": names("滨江江虹路小店", "Jianghong Road shop, Binjiang")}})
	if err != nil {
		return err
	}
	var gtins []gs1.GTIN
	for _, g := range s.goods {
		if err := s.produceGoods(ctx, g); err != nil {
			return fmt.Errorf("%s: %w", g.en, err)
		}
		gtins = append(gtins, g.product)
	}
	_, err = s.write(ctx, s.n.company("brand").public,
		draft{Kind: "appoint", At: s.ago(79, 0), Fields: fields{
			"party": "dist", "gtins": gtins, "from": s.day(79), "level": 1, "territory": []string{"330000"}}},
		draft{Kind: "appoint", At: s.ago(79, 0), Fields: fields{
			"party": "dist/xihu", "gtins": gtins, "from": s.day(79), "level": 2, "parent": "dist", "territory": []string{"330100"}}},
		draft{Kind: "appoint", At: s.ago(79, 0), Fields: fields{
			"party": "dist/binjiang", "gtins": gtins, "from": s.day(79), "level": 3, "parent": "dist/xihu", "territory": []string{"330108"}}})
	return err
}

func (s *story) produceGoods(ctx context.Context, g *goods) error {
	brand := s.n.company("brand")
	picture, err := drawPicture(g.colour)
	if err != nil {
		return err
	}
	digest, err := upload(ctx, brand.local, "picture", picture, "public")
	if err != nil {
		return err
	}
	_, err = s.write(ctx, brand.public,
		draft{Kind: "product", At: s.ago(80, 0), Fields: fields{
			"gtin": g.product, "version": 1, "names": names(g.zh, g.en), "origin": g.origin, "net_content": g.net,
			"shelf_life_days": 1095, "licences": []string{"沪妆20260017", "沪G妆网备字2026001234"}, "contact": storyContact, "picture": digest, "issuing_chain": 1}},
		draft{Kind: "product", At: s.ago(80, 0), Fields: fields{
			"gtin": g.box, "version": 1, "names": names(g.zh+"（24 件箱）", g.en+" (case of 24)"), "issuing_chain": 1}})
	if err != nil {
		return err
	}
	for _, run := range []issueRun{{GTIN: g.product.String(), Count: storyLabels, Printer: "昆山印务", At: s.ago(70, 4)}, {GTIN: g.box.String(), Count: storyCases, At: s.ago(70, 3)}} {
		issued, err := issue(ctx, s.e, brand.local, run)
		if err != nil {
			return err
		}
		if err := s.print(ctx, brand, issued); err != nil {
			return err
		}
	}
	var scrap []any
	for _, x := range g.scrap {
		scrap = append(scrap, rangeOf(g.product, x, x))
	}
	_, err = s.write(ctx, brand.public,
		draft{Kind: "void", At: s.ago(61, 3), Place: "fengxian", Subjects: scrap, Fields: fields{"reason": "misprint"}},
		draft{Kind: "activate", At: s.ago(60, 6), Place: "fengxian", Subjects: without(g.product, 0, storyLot1-1, g.scrap),
			Fields: fields{"lot": g.lots[0], "produced": s.day(60)}},
		draft{Kind: "activate", At: s.ago(59, 6), Place: "fengxian", Subjects: without(g.product, storyLot1, storyLabels-1, g.scrap),
			Fields: fields{"lot": g.lots[1], "produced": s.day(59)}})
	return err
}

// day is a date in the past.
func (s *story) day(days int) string { return s.now.AddDate(0, 0, -days).Format(time.DateOnly) }

// print writes the file for the printer, as `suyuan codes issue` does.
func (s *story) print(ctx context.Context, c *company, run *issuedRun) error {
	dir := filepath.Join(s.n.o.dir, "print")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	quiet := *s.e
	quiet.stdout = s.e.stderr
	return export(ctx, &quiet, c.local, run, 0, run.Count, exportFlags{out: dir, format: "csv"})
}

// packAndInspect packs all cases by one record, cases onto pallets by another,
// and has the auditor inspect the lots.
func (s *story) packAndInspect(ctx context.Context) error {
	brand, audit := s.n.company("brand"), s.n.company("audit")
	for _, g := range s.goods {
		var except [][2]uint32
		for _, x := range g.scrap {
			if x >= storyCases*storyPer {
				continue
			}
			if n := len(except); n > 0 && except[n-1][1]+1 == x {
				except[n-1][1] = x
				continue
			}
			except = append(except, [2]uint32{x, x})
		}
		cases := fields{"pattern": fields{
			"gtin": g.product, "run": 0, "start": 0, "per": storyPer, "unit_gtin": g.box, "unit_run": 0, "unit_start": 0, "count": storyCases, "except": except}}
		var pallets []any
		for p := range storyPallets {
			sscc, err := g.sscc(p)
			if err != nil {
				return err
			}
			pallets = append(pallets, fields{"unit": fields{"sscc": sscc}, "content": rangeOf(g.box, uint32(p*storyPallet), uint32((p+1)*storyPallet-1))})
		}
		_, err := s.write(ctx, brand.public,
			draft{Kind: "pack", At: s.ago(58, 4), Place: "fengxian", Subjects: []any{cases}},
			draft{Kind: "pack", At: s.ago(58, 1), Place: "fengxian", Subjects: pallets})
		if err != nil {
			return err
		}
		for i, lot := range g.lots {
			number := fmt.Sprintf("HJ-2026-%s", lot)
			date := s.now.AddDate(0, 0, -55)
			report, err := inspectionReport(number, g.en, g.product.String(), lot, date)
			if err != nil {
				return err
			}
			digest, err := upload(ctx, audit.local, "report", report, "public")
			if err != nil {
				return err
			}
			_, err = s.write(ctx, audit.public, draft{Kind: "inspect", At: s.ago(55-i, 2), Place: "lab",
				Subjects: []any{fields{"gtin": g.product, "lot": lot}},
				Fields: fields{"type": "quality", "result": "pass", "standard": "化妆品安全技术规范（2015 年版）", "issuer": "华东化妆品检测中心",
					"valid_until": s.now.AddDate(1, 0, 0).Format(time.DateOnly), "document": digest}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pallets returns pallets from … to-1 of the goods as subjects.
func (g *goods) pallets(from, to int) ([]any, error) {
	var list []any
	for p := from; p < to; p++ {
		sscc, err := g.sscc(p)
		if err != nil {
			return nil, err
		}
		list = append(list, fields{"sscc": sscc})
	}
	return list, nil
}

// toWarehouse moves everything to the warehouse, where a few units are damaged.
func (s *story) toWarehouse(ctx context.Context) error {
	brand, wh := s.n.company("brand"), s.n.company("wh")
	for i, g := range s.goods {
		all, err := g.pallets(0, storyPallets)
		if err != nil {
			return err
		}
		shipped, err := s.write(ctx, brand.public, draft{Kind: "ship", At: s.ago(50, 8-i), Place: "fengxian", Subjects: all,
			Fields: fields{"purpose": "transfer", "to": "wh", "to_place": "wh/jiaxing", "carrier": "顺丰快运", "waybill": fmt.Sprintf("SF10%08d", i+1),
				"lines": []any{fields{"gtin": g.box, "count": storyCases}}}})
		if err != nil {
			return err
		}
		if err := s.n.waitFinal(ctx); err != nil {
			return err
		}
		var hurt []any
		for _, x := range g.hurt {
			hurt = append(hurt, rangeOf(g.product, x, x))
		}
		_, err = s.write(ctx, wh.public,
			draft{Kind: "receive", At: s.ago(49, 3-i), Place: "jiaxing", Refs: shipped, Subjects: all,
				Fields: fields{"lines": []any{fields{"gtin": g.box, "expected": storyCases, "counted": storyCases, "damaged": 0}}}},
			draft{Kind: "void", At: s.ago(40, 2), Place: "jiaxing", Subjects: hurt, Fields: fields{"reason": "damaged", "note": "叉车碰损"}})
		if err != nil {
			return err
		}
	}
	return nil
}

// toDistributor sends two shipments: three pallets of the toner, which arrive
// short, and one of the cream, which is still on its way.
func (s *story) toDistributor(ctx context.Context) error {
	wh := s.n.company("wh")
	for i, g := range s.goods {
		count, days := 3, 20
		if i == 1 {
			count, days = 1, 2
		}
		pallets, err := g.pallets(0, count)
		if err != nil {
			return err
		}
		shipped, err := s.write(ctx, wh.public, draft{Kind: "ship", At: s.ago(days, 5), Place: "jiaxing", Subjects: pallets,
			Fields: fields{"purpose": "sale", "to": "dist", "to_place": "dist/hangzhou", "delivery_notes": []string{fmt.Sprintf("DN-26-%04d", 118+i)},
				"lines": []any{fields{"gtin": g.box, "count": count * storyPallet}}}})
		if err != nil {
			return err
		}
		if i == 0 {
			s.toner = shipped
		}
	}
	return nil
}

// toDealer receives the first shipment with two cases of the third pallet
// missing, and sends three cases on to a dealer that the distributor hosts.
func (s *story) toDealer(ctx context.Context) error {
	dist, g := s.n.company("dist"), s.goods[0]
	whole, err := g.pallets(0, 2)
	if err != nil {
		return err
	}
	const third = 2 * storyPallet
	arrived := append(whole, rangeOf(g.box, third, third+storyPallet-3))
	_, err = s.write(ctx, dist.public, draft{Kind: "receive", At: s.ago(18, 6), Place: "hangzhou", Refs: s.toner, Subjects: arrived,
		Fields: fields{"lines": []any{fields{"gtin": g.box, "expected": 3 * storyPallet, "counted": 3*storyPallet - 2, "damaged": 0}}, "notes": "第三托盘少两箱"}})
	if err != nil {
		return err
	}
	sscc, err := g.sscc(0)
	if err != nil {
		return err
	}
	shipped, err := s.write(ctx, dist.public,
		draft{Kind: "unpack", At: s.ago(15, 5), Place: "hangzhou", Subjects: []any{fields{"sscc": sscc}}},
		draft{Kind: "ship", At: s.ago(12, 7), Place: "hangzhou", Subjects: []any{rangeOf(g.box, 0, 2)},
			Fields: fields{"purpose": "sale", "to": "dist/xihu", "to_place": "dist/xihu-store"}})
	if err != nil {
		return err
	}
	_, err = s.write(ctx, dist.dealers["xihu"],
		draft{Kind: "receive", At: s.ago(11, 4), Party: "xihu", Place: "xihu-store", Refs: shipped[1:], Subjects: []any{rangeOf(g.box, 0, 2)}},
		draft{Kind: "unpack", At: s.ago(10, 2), Party: "xihu", Place: "xihu-store", Subjects: []any{rangeOf(g.box, 0, 0)}})
	return err
}

// sell sells from the dealer's shelf, once outside its territory, and from the
// distributor's own shop, to which one bottle comes back opened.
func (s *story) sell(ctx context.Context) error {
	dist, g := s.n.company("dist"), s.goods[0]
	far := s.diverted(g)
	_, err := s.write(ctx, dist.dealers["xihu"],
		draft{Kind: "sell", At: s.ago(6, 3), Party: "xihu", Place: "xihu-store", Subjects: []any{rangeOf(g.product, s.sold(g), s.sold(g))},
			Fields: fields{"channel": "store", "region": "330106", "order": "XH-0611-07", "price": "268.00"}},
		draft{Kind: "sell", At: s.ago(5, 6), Party: "xihu", Place: "xihu-store", Subjects: []any{rangeOf(g.product, far, far)},
			Fields: fields{"channel": "online", "region": "440300", "order": "XH-0612-31", "price": "189.00"}})
	if err != nil {
		return err
	}
	back := s.returned(g)
	_, err = s.write(ctx, dist.public,
		draft{Kind: "unpack", At: s.ago(9, 4), Place: "hangzhou", Subjects: []any{rangeOf(g.box, 3, 3)}},
		draft{Kind: "sell", At: s.ago(5, 1), Place: "hangzhou", Subjects: without(g.product, 3*storyPer, 3*storyPer+5, g.scrap),
			Fields: fields{"channel": "online", "region": "330100"}},
		draft{Kind: "return", At: s.ago(1, 2), Place: "hangzhou", Subjects: []any{rangeOf(g.product, back, back)},
			Fields: fields{"condition": "opened", "disposition": "quarantine", "reason": "香味不合"}})
	return err
}

// mishaps voids the wrong bottle and corrects it, ships a mixed pallet that
// arrives in part, and recalls half a lot of the cream.
func (s *story) mishaps(ctx context.Context) error {
	brand, wh, dist := s.n.company("brand"), s.n.company("wh"), s.n.company("dist")
	toner, cream := s.goods[0], s.goods[1]
	wrong := s.corrected(toner)
	placed, err := s.place(ctx, wh.public, draft{Kind: "void", At: s.ago(39, 5), Place: "jiaxing",
		Subjects: []any{rangeOf(toner.product, wrong, wrong)}, Fields: fields{"reason": "damaged"}})
	if err != nil {
		return err
	}
	_, err = s.write(ctx, wh.public, draft{Kind: "correct", At: s.ago(39, 4), Place: "jiaxing", Subjects: []any{rangeOf(toner.product, wrong, wrong)},
		Fields: fields{"target": placed[0].ID, "reason": "wrong-code", "text": "扫错相邻一瓶"}})
	if err != nil {
		return err
	}
	if err := s.mixedPallet(ctx, wh, dist); err != nil {
		return err
	}
	_, err = s.write(ctx, brand.public, draft{Kind: "recall", At: s.ago(0, 2), Subjects: []any{rangeOf(cream.product, storyRecall, storyLabels-1)},
		Fields: fields{"class": "class-2", "scope": names("批号 "+cream.lots[1]+" 的后半部分", "The second half of lot "+cream.lots[1]),
			"reason": names("部分产品防腐剂含量偏低", "Too little preservative in some jars"),
			"advice": names("请停止使用，凭本页到购买处退款", "Stop using it; show this page where you bought it for a refund"), "contact": storyContact}})
	return err
}

// mixedPallet packs ten cases of each product onto one pallet, of which the
// distributor records the toner's only.
func (s *story) mixedPallet(ctx context.Context, wh, dist *company) error {
	const pallet = 4 // both are still in the warehouse
	mixed, err := s.goods[0].sscc(90)
	if err != nil {
		return err
	}
	var opened, packed []any
	for _, g := range s.goods {
		old, err := g.pallets(pallet, pallet+1)
		if err != nil {
			return err
		}
		opened = append(opened, old...)
		packed = append(packed, fields{"unit": fields{"sscc": mixed}, "content": rangeOf(g.box, pallet*storyPallet, pallet*storyPallet+9)})
	}
	shipped, err := s.write(ctx, wh.public,
		draft{Kind: "unpack", At: s.ago(8, 6), Place: "jiaxing", Subjects: opened},
		draft{Kind: "pack", At: s.ago(8, 5), Place: "jiaxing", Subjects: packed},
		draft{Kind: "ship", At: s.ago(8, 3), Place: "jiaxing", Subjects: []any{fields{"sscc": mixed}},
			Fields: fields{"purpose": "sale", "to": "dist", "to_place": "dist/hangzhou"}})
	if err != nil {
		return err
	}
	// A scanner without a network kept the receipt for some days.
	late := int64((4*24 + 5) * time.Hour / time.Millisecond)
	_, err = s.write(ctx, dist.public, draft{Kind: "receive", Age: &late, Zone: "+08:00", Place: "hangzhou", Refs: shipped[2:],
		Subjects: []any{rangeOf(s.goods[0].box, pallet*storyPallet, pallet*storyPallet+9)}})
	return err
}

// sold is the index of the item that the dealer sold: a good one of the first
// case.
func (s *story) sold(g *goods) uint32 { return g.good(0) }

// The items of the other stories.
func (s *story) diverted(g *goods) uint32  { return g.good(s.sold(g) + 1) }
func (s *story) returned(g *goods) uint32  { return g.good(3 * storyPer) }
func (s *story) corrected(g *goods) uint32 { return g.good(6 * storyPallet * storyPer) }

// good returns the first index from at on that was not scrapped.
func (g *goods) good(at uint32) uint32 {
	for slices.Contains(g.scrap, at) || slices.Contains(g.hurt, at) {
		at++
	}
	return at
}

// items returns the items whose trails tell the stories.
func (s *story) items(ctx context.Context) ([]demoItem, error) {
	toner, cream := s.goods[0], s.goods[1]
	var items []demoItem
	for _, x := range []struct {
		story   string
		g       *goods
		index   uint32
		verdict trace.Verdict
	}{
		{"sold", toner, s.sold(toner), trace.Consistent},
		{"in-transit", cream, cream.good(10), trace.Consistent},
		{"on-shelf", toner, toner.good(s.diverted(toner) + 1), trace.Consistent},
		{"hosted-dealer", toner, s.hosted(toner), trace.Consistent},
		{"diverted", toner, s.diverted(toner), trace.Consistent},
		{"returned-opened", toner, s.returned(toner), trace.Consistent},
		{"corrected", toner, s.corrected(toner), trace.Consistent},
		{"recalled-half", cream, cream.good(storyRecall + 40), trace.Recalled},
		{"preprinted-two-lots", cream, cream.good(storyLot1 + 1_500), trace.Consistent},
		{"mixed-pallet-partial", cream, cream.good(4*storyPallet*storyPer + 7), trace.Consistent},
		{"offline-late", toner, toner.good(4*storyPallet*storyPer + 7), trace.Consistent},
		{"short-received", toner, toner.good((3*storyPallet - 1) * storyPer), trace.Consistent},
		{"scrapped", toner, toner.scrap[0], trace.Warn},
		{"cloned", toner, s.cloned(toner), trace.Warn},
		{"kit", &goods{product: s.kit}, 0, trace.Consistent},
		{"claimed-twice", &goods{product: s.ampoule}, ampouleTwice, trace.Warn},
	} {
		uri, err := s.uri(ctx, x.g.product, x.index)
		if err != nil {
			return nil, err
		}
		items = append(items, demoItem{x.story, uri, string(x.verdict)})
	}
	// A serial of the same form whose secret nobody knows; one of a run that
	// does not exist.
	base := s.n.companies[0].url
	forged := code.Run{GTIN: toner.product.Uint64(), Number: 0, Count: 1, Secret: code.NewSecret()}
	later := code.Run{GTIN: toner.product.Uint64(), Number: 9, Count: 1, Secret: code.NewSecret()}
	items = append(items,
		demoItem{"never-issued", node.CodeURI(base, toner.product, forged.Serial(0).String()), string(trace.NeverIssued)},
		demoItem{"lot-only", base + "/01/" + s.tea.String() + "/10/" + teaLot, string(trace.Consistent)},
		demoItem{"unknown-here", node.CodeURI(base, toner.product, later.Serial(0).String()), string(trace.Unknown)})
	return items, s.drawCode(items[0].URI)
}

// uri asks the brand's node for the URI of a code.
func (s *story) uri(ctx context.Context, g gs1.GTIN, index uint32) (string, error) {
	path := fmt.Sprintf("/admin/v1/runs/%s/0/codes?from=%d&to=%d", g, index, index+1)
	for line, err := range stream[codeLine](ctx, s.n.company("brand").local, http.MethodGet, path, nil) {
		return line.URI, err
	}
	return "", fmt.Errorf("no code %d of %s", index, g)
}

// drawCode writes the QR of the sold item as PNG and SVG.
func (s *story) drawCode(uri string) error {
	symbol, err := label.Encode(uri)
	if err != nil {
		return err
	}
	png, err := symbol.PNG(8, label.QuietZone)
	if err != nil {
		return err
	}
	svg, err := symbol.SVG(label.SVGStyle{Quiet: label.QuietZone, ModuleMM: 0.5})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.n.o.dir, "sold.png"), png, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.n.o.dir, "sold.svg"), svg, 0o644)
}
