package api

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/api/web"
	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
	"suyuan/trace/scan"
)

// itemPage shows an answer to people.
func (s *Server) itemPage(c *fiber.Ctx, link gs1.Link, k *Known) error {
	links, err := k.brandLinks()
	if err != nil {
		return err
	}
	lang := s.language(c)
	view := s.itemView(link, k.Answer, inLanguage(links, lang))
	view.Scans = scansView(k.Scans)
	view.ClaimURL = s.claimPath(link, k.Answer)
	if view.Beacon, err = s.beacon(c, k.Answer); err != nil {
		return err
	}
	s.setPage(c)
	c.Vary(fiber.HeaderAcceptEncoding)
	if !takesGzip(c) {
		return s.pages.Item(c, lang, view)
	}
	// Most of it is packed already, which costs less than to pack it in a better way.
	c.Set(fiber.HeaderContentEncoding, "gzip")
	return s.pages.PackedItem(c, lang, view)
}

// itemView puts an answer into the plain values of a page.
func (s *Server) itemView(link gs1.Link, a *trace.Answer, links []trace.Link) *web.Item {
	net := s.cfg.Chains.Network()
	b := viewBuilder{answer: a, charter: net.Newest().Charter}
	v := &web.Item{
		Level: levelOf(link), Lot: link.Lot(),
		Caution: web.Text{Zh: trace.CautionZh, En: trace.CautionEn},
		Network: net.ID.String(), Filings: b.charter.Settings.Filings,
		Host: strings.TrimPrefix(strings.TrimPrefix(link.Stem, "https://"), "http://"),
	}
	if gtin, ok := link.GTIN(); ok {
		v.GTIN, v.Brand = gtin.String(), b.brand(gtin)
	}
	if sscc, ok := link.SSCC(); ok {
		v.SSCC = sscc.String()
	}
	v.Serial = link.Serial()
	v.TrailURL = "/api/v1/trail?uri=" + url.QueryEscape(link.String())
	if v.Level == web.LevelItem && a.Verdict != trace.Unknown {
		v.ProofURL = "/api/v1/proof?uri=" + url.QueryEscape(link.String())
	}
	v.Mirrors = b.mirrors(link)
	v.Links = linksView(links)
	b.stem = link.Stem
	b.fill(v)
	return v
}

// inLanguage keeps of each type of link, for one thing, those in the page's
// language or in none; if there are none, all.
func inLanguage(links []trace.Link, l web.Lang) []trace.Link {
	type kind struct {
		scope    trace.Item
		linkType string
	}
	fits := func(x trace.Link) bool {
		return x.Language == "" || strings.HasPrefix(x.Language, l.Short())
	}
	fitting := make(map[kind]bool)
	for _, x := range links {
		k := kind{x.Scope, x.Type}
		fitting[k] = fitting[k] || fits(x)
	}
	return slices.DeleteFunc(slices.Clone(links), func(x trace.Link) bool { return fitting[kind{x.Scope, x.Type}] && !fits(x) })
}

// linksView are the brand's links as the page shows them.
func linksView(links []trace.Link) []web.Link {
	var list []web.Link
	for _, l := range links {
		u, err := url.Parse(l.Href)
		if err != nil || u.Scheme != "https" {
			continue // written by a node that took more than this one
		}
		list = append(list, web.Link{Type: strings.TrimPrefix(l.Type, "gs1:"), Title: text(l.Title), URL: l.Href, Host: u.Host})
		if len(list) == maxLinksShown {
			break
		}
	}
	return list
}

// levelOf tells what a link identifies.
func levelOf(l gs1.Link) web.Level {
	switch {
	case l.Key.AI == "00":
		return web.LevelUnit
	case l.Serial() != "":
		return web.LevelItem
	case l.Lot() != "":
		return web.LevelLot
	}
	return web.LevelProduct
}

// productName is the name of the answer's product, or nothing.
func productName(a *trace.Answer) web.Text {
	if a.Trail == nil || a.Trail.Product == nil {
		return web.Text{}
	}
	return text(a.Trail.Product.Fields.Names("names"))
}

func text(n trace.Names) web.Text { return web.Text{Zh: n.Zh, En: n.En} }

// same says in both languages what needs no translation.
func same(s string) web.Text { return web.Text{Zh: s, En: s} }

// A viewBuilder turns one answer into a page's values.
type viewBuilder struct {
	answer  *trace.Answer
	charter *ledger.Charter
	stem    string // what the page's address begins with
}

// fill sets what comes from the answer.
func (b *viewBuilder) fill(v *web.Item) {
	v.Verdict, v.Headline = b.verdict(v)
	v.Stored, v.Chains = b.stored()
	marked := b.marked()
	v.Pending = b.events(b.answer.Pending, marked)
	t := b.answer.Trail
	if t == nil {
		return
	}
	v.Lot, v.Serial = cmp.Or(t.Lot, v.Lot), cmp.Or(t.Serial, v.Serial)
	v.Findings = b.findings()
	v.Events = b.events(t.Events, marked)
	v.Route = wayOf(t.Events)
	v.Sources = b.sources(t.Sources, marked)
	v.Reports = reports(t.Events)
	v.Product = b.product(t)
	if t.Product != nil {
		v.Contact = same(t.Product.Fields.Text("contact"))
	}
	if t.Custody != nil {
		v.Custody = string(t.Custody.State)
		v.Holder = b.party(t.Custody.Holder)
	}
}

// verdict is what the banner says. Only an item has a code that a brand issued:
// of other things it says what is wrong, if anything, and else what they are.
func (b *viewBuilder) verdict(v *web.Item) (web.Verdict, web.Text) {
	verdict := b.answer.Verdict
	zh, en := verdict.Headline(trace.Names{Zh: v.Brand.Zh, En: v.Brand.En}, b.note())
	switch {
	case v.Level == web.LevelItem, verdict == trace.Suspicious, verdict == trace.Recalled,
		v.Level == web.LevelUnit && verdict == trace.Unknown:
		return web.Verdict(verdict), web.Text{Zh: zh, En: en}
	case verdict == trace.Warn:
		return web.Warning, web.Text{}
	}
	return web.None, web.Text{}
}

// note is the sentence about what to note: the first finding that is a warning.
func (b *viewBuilder) note() trace.Names {
	for _, f := range b.allFindings() {
		if f.Severity == trace.Warning || f.Severity == trace.Critical {
			en := strings.TrimSuffix(f.En, ".")
			if rest, ok := strings.CutPrefix(en, "The "); ok { // it goes on a sentence
				en = "the " + rest
			}
			return trace.Names{Zh: strings.TrimSuffix(f.Zh, "。"), En: en}
		}
	}
	return trace.Names{}
}

func (b *viewBuilder) allFindings() []trace.FindingView {
	var list []trace.FindingView
	if b.answer.Trail != nil {
		list = append(list, b.answer.Trail.Findings...)
	}
	return append(list, b.answer.Now.Findings...)
}

func (b *viewBuilder) findings() []web.Finding {
	var list []web.Finding
	for _, f := range b.allFindings() {
		list = append(list, web.Finding{Code: f.Code, Severity: string(f.Severity), Text: web.Text{Zh: f.Zh, En: f.En}, OfScans: slices.Contains(scan.Codes(), f.Code)})
	}
	return list
}

// marked returns the ids of the records on which a warning rests.
func (b *viewBuilder) marked() map[ledger.Hash]bool {
	ids := make(map[ledger.Hash]bool)
	for _, f := range b.allFindings() {
		if f.Severity != trace.Warning && f.Severity != trace.Critical {
			continue
		}
		for _, id := range f.Records {
			ids[id] = true
		}
	}
	return ids
}

// stored says how many companies have stored everything that is shown: the
// fewest over the chains on which it stands.
func (b *viewBuilder) stored() (all web.Stored, chains []web.Chain) {
	for i, a := range b.answer.Assurance {
		one := web.Stored{Companies: a.Cosigned, Of: a.Of}
		if i == 0 || one.Companies < all.Companies {
			all = one
		}
		chains = append(chains, web.Chain{Name: a.Chain, Size: a.Size, Stored: one, Forked: a.Forked})
	}
	return all, chains
}

// brand names the member to which the charter gives the GTIN.
func (b *viewBuilder) brand(gtin gs1.GTIN) web.Text {
	if m := b.charter.GTINAuthority(gtin.Uint64()); m != nil {
		return b.member(m.Slug)
	}
	return web.Text{}
}

// party names who holds the item as the events name it, or else its member.
func (b *viewBuilder) party(name string) web.Text {
	slug, hosted, _ := strings.Cut(name, "/")
	for _, e := range slices.Backward(b.answer.Trail.Events) {
		if e.Party.Member == slug && e.Party.Party == hosted {
			return web.Text{Zh: e.Party.Zh, En: e.Party.En}
		}
	}
	return b.member(slug)
}

// member names a member as the charter does.
func (b *viewBuilder) member(slug string) web.Text {
	if m := b.charter.Member(slug); m != nil {
		return web.Text{Zh: m.NameZh, En: m.NameEn}
	}
	return web.Text{}
}

// mirrors are the public sites of other members.
func (b *viewBuilder) mirrors(l gs1.Link) []web.Mirror {
	var list []web.Mirror
	named := make(map[string]bool)
	path := strings.TrimPrefix(l.String(), l.Stem)
	for _, n := range b.charter.Nodes {
		u, err := url.Parse(n.URL)
		if n.URL == "" || err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.TrimSuffix(n.URL, "/") == l.Stem || named[n.Member] {
			continue
		}
		named[n.Member] = true
		list = append(list, web.Mirror{Name: b.member(n.Member), URL: strings.TrimSuffix(n.URL, "/") + path})
	}
	return list
}

// productFields are shown of a product, in this order.
var productFields = []string{"net_content", "origin", "shelf_life_days", "licences"}

func (b *viewBuilder) product(t *trace.TrailView) *web.Product {
	if t.Product == nil {
		return nil
	}
	fields := t.Product.Fields
	p := &web.Product{Name: text(fields.Names("names"))}
	if picture := fields.Hash("picture"); !picture.IsZero() {
		p.Picture = documentsPath + picture.String()
	}
	made, expires := "", b.answer.Now.Expires
	for _, e := range t.Events {
		if e.Kind == ledger.KindActivate.String() || made == "" && len(t.Sources) > 0 && e.Kind == ledger.KindTransform.String() {
			made, expires = e.Fields.Text("produced"), cmp.Or(e.Fields.Text("expires"), expires)
		}
	}
	for _, name := range productFields {
		if expires != "" && name == "shelf_life_days" {
			continue // the date says more
		}
		if v := shown(fields[name]); !v.IsZero() {
			p.Facts = append(p.Facts, web.Fact{Key: name, Value: v})
		}
	}
	for _, f := range []web.Fact{{Key: "produced", Value: same(made)}, {Key: "expires", Value: same(expires)}} {
		if !f.Value.IsZero() {
			p.Facts = append(p.Facts, f)
		}
	}
	return p
}

// shown says a field's value to people.
func shown(value any) web.Text {
	switch v := value.(type) {
	case string:
		return same(v)
	case uint64:
		return same(strconv.FormatUint(v, 10))
	case trace.Names:
		return text(v)
	case []string:
		return web.Text{Zh: strings.Join(v, "、"), En: strings.Join(v, ", ")}
	}
	return web.Text{}
}

// eventFields are shown of an event, in this order; of an inspection they stand
// with its report.
var eventFields = []string{"lot", "produced", "expires", "purpose", "from", "to", "via", "to_place", "channel", "region", "condition", "disposition", "type", "result", "class", "scope", "reason"}

// sources are those of an item, each with the sources of its own: the fold bounds
// how many and how deep.
func (b *viewBuilder) sources(list []*trace.TrailView, marked map[ledger.Hash]bool) []web.Source {
	var out []web.Source
	for _, t := range list {
		s := web.Source{
			GTIN: t.GTIN, Lot: t.Lot, SSCC: t.SSCC, URL: b.sourceURL(t),
			Events: b.events(t.Events, marked), Sources: b.sources(t.Sources, marked),
		}
		if t.Product != nil {
			s.Name = text(t.Product.Fields.Names("names"))
		}
		if t.Custody != nil {
			s.Custody = string(t.Custody.State)
		}
		for _, f := range t.Findings {
			s.Findings = append(s.Findings, web.Finding{Code: f.Code, Severity: string(f.Severity), Text: web.Text{Zh: f.Zh, En: f.En}})
		}
		out = append(out, s)
	}
	return out
}

// sourceURL is the page of a source, as narrow as can be named: its serial is
// known to whoever has it in hand only.
func (b *viewBuilder) sourceURL(t *trace.TrailView) string {
	switch {
	case t.SSCC != "":
		return b.stem + "/00/" + t.SSCC
	case t.GTIN == "":
		return ""
	case t.Lot != "":
		return b.stem + "/01/" + t.GTIN + "/10/" + url.PathEscape(t.Lot)
	}
	return b.stem + "/01/" + t.GTIN
}

// wayOf returns the places through which goods came: where they were made, shipped,
// received and sold, each once in a row.
func wayOf(events []trace.EventView) []web.Text {
	var list []web.Text
	for _, e := range events {
		switch e.Kind {
		case ledger.KindActivate.String(), ledger.KindShip.String(), ledger.KindReceive.String(), ledger.KindSell.String(), ledger.KindReturn.String():
		default:
			continue
		}
		if e.Place == nil || !e.Corrected.IsZero() {
			continue
		}
		at := web.Text{Zh: e.Place.Zh, En: e.Place.En}
		if at.IsZero() || len(list) > 0 && list[len(list)-1] == at {
			continue
		}
		list = append(list, at)
	}
	if len(list) > maxRoute {
		return nil
	}
	return list
}

func (b *viewBuilder) events(list []trace.EventView, marked map[ledger.Hash]bool) []web.Event {
	var byID map[ledger.Hash]*trace.EventView // nil until something was taken back
	find := func(id ledger.Hash) *trace.EventView {
		if byID == nil && !id.IsZero() {
			byID = make(map[ledger.Hash]*trace.EventView, len(list))
			for i := range list {
				byID[list[i].ID] = &list[i]
			}
		}
		return byID[id]
	}
	reference := func(id ledger.Hash) *web.Reference {
		if e := find(id); e != nil {
			return &web.Reference{Kind: e.Kind, At: instant(e.At)}
		}
		return nil
	}
	out := make([]web.Event, len(list))
	for i := range list {
		e, v := &list[i], &out[i]
		v.Kind, v.At, v.Marked = e.Kind, instant(e.At), marked[e.ID]
		v.Party = web.Text{Zh: e.Party.Zh, En: e.Party.En}
		if e.Place != nil {
			v.Place, v.PlaceIs = web.Text{Zh: e.Place.Zh, En: e.Place.En}, e.Place.Kind
		}
		if len(e.Erased) > 0 {
			v.Erased = instant(e.Erased[0].Recorded)
		}
		if e.Kind == ledger.KindCorrect.String() {
			v.Corrects = reference(e.Fields.Hash("target"))
		}
		if by := find(e.Corrected); by != nil {
			v.Corrected = &web.Correction{Reason: by.Fields.Text("reason"), With: reference(by.Fields.Hash("replacement"))}
		}
		for _, name := range eventFields {
			if name == "reason" && v.Corrects != nil {
				continue // it stands with what was taken back
			}
			value := shown(e.Fields[name])
			if name == "region" {
				value = text(trace.RegionName("", e.Fields.Text(name)))
			}
			if !value.IsZero() {
				v.Facts = append(v.Facts, web.Fact{Key: name, Value: value})
			}
		}
	}
	return out
}

// instant reads what trace writes; its offset is that of the place.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// reports are the inspections that name a document.
func reports(events []trace.EventView) []web.Report {
	var list []web.Report
	for _, e := range events {
		if e.Kind != ledger.KindInspect.String() {
			continue
		}
		r := web.Report{Type: e.Fields.Text("type"), Issuer: same(e.Fields.Text("issuer")), Standard: e.Fields.Text("standard"),
			Result: e.Fields.Text("result"), ValidUntil: e.Fields.Text("valid_until")}
		if d := e.Fields.Hash("document"); !d.IsZero() {
			r.URL = documentsPath + d.String()
		}
		list = append(list, r)
	}
	return list
}
