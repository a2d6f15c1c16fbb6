package trace

import (
	"fmt"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// What a small world knows of counts: who wrote which numbers, and what was really on
// the trucks. See [plant].

var countedGoods = []gs1.GTIN{wine, boxes}

// count is how many codes of a product are among things and all that is in them.
func (p *plant) count(gtin gs1.GTIN, things []Item) (n uint64) {
	for _, i := range p.closure(things) {
		if i.Kind == ItemCode && i.GTIN == gtin {
			n++
		}
	}
	return n
}

// miscount is a number, now and then one off.
func (p *plant) miscount(n uint64) uint64 {
	switch p.rnd.IntN(8) {
	case 0:
		return n + 1
	case 1:
		return max(n, 1) - 1
	}
	return n
}

// note has a shipment say what its delivery notes count, or not.
func (p *plant) note(e *Event, things []Item) {
	var lines []Line
	for _, gtin := range countedGoods {
		n := p.miscount(p.count(gtin, things))
		if n == 0 || p.rnd.IntN(2) == 0 {
			continue
		}
		if first := p.rnd.Uint64N(n + 1); first > 0 { // several notes
			lines = append(lines, Line{gtin, first})
			n -= first
		}
		lines = append(lines, Line{gtin, n})
	}
	if len(lines) > 0 {
		e.Fields["lines"] = lines
	}
}

// inventory has a receipt say what was expected and what was there, or not. Who
// counts looks for all of the shipments, or for what he has before him.
func (p *plant) inventory(e *Event, shipments []*Event, things []Item) {
	var lines []Count
	for _, gtin := range countedGoods {
		there := p.count(gtin, things)
		expected := there
		if p.rnd.IntN(2) == 0 {
			expected = 0
			for _, s := range shipments {
				expected += p.announced(s, gtin)
			}
		}
		if expected+there == 0 || p.rnd.IntN(2) == 0 {
			continue
		}
		l := Count{gtin, expected, p.miscount(there), 0}
		if p.rnd.IntN(4) == 0 {
			l.Damaged = p.rnd.Uint64N(l.Counted + 1)
		}
		lines = append(lines, l)
	}
	if len(lines) > 0 {
		e.Fields["lines"] = lines
	}
}

// announced is how many pieces of a product a shipment says that it has.
func (p *plant) announced(s *Event, gtin gs1.GTIN) (n uint64) {
	if lines, ok := s.Fields["lines"].([]Line); ok {
		for _, l := range lines {
			if l.GTIN == gtin {
				n += l.Count
			}
		}
		return n
	}
	for i := range p.cargo[s] {
		if i.GTIN == gtin {
			n++
		}
	}
	return n
}

// differences is what does not add up, as who has seen everything knows it, in the
// words of [tellQuantities].
func (p *plant) differences(now int64) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for s, cargo := range p.cargo {
		for gtin, name := range goodsNames {
			var codes, open uint64
			for i, f := range cargo {
				if i.GTIN != gtin || p.overlooked(i) {
					continue
				}
				codes++
				if f.end == "" && !f.unit {
					open++
				}
			}
			if lines, ok := s.Fields["lines"].([]Line); ok && codes > 0 && mentions(lines, gtin) && p.announced(s, gtin) != codes {
				say("lines-differ %s %d/%d", name, p.announced(s, gtin), codes)
			}
			answered := p.answered(s)
			switch {
			case open == 0 || answered == 0:
			case p.lookedFor(s, gtin) || answered+72*hour <= now:
				say("short-receipt %s %d", name, open)
			default:
				say("short-receipt %s %d (later)", name, open)
			}
		}
	}
	for _, r := range p.records {
		lines, _ := r.event.Fields["lines"].([]Count)
		if !p.cameWith(r.event) {
			continue
		}
		for _, l := range lines {
			if l.Expected != l.Counted {
				say("quantity-differs %s %d%s", goodsNames[l.GTIN], l.Expected, slash(l.Counted))
			}
			if l.Damaged > 0 {
				say("received-damaged %s %d/%d", goodsNames[l.GTIN], l.Damaged, l.Counted)
			}
			if n := p.brought(r.event, l.GTIN); n > 0 && n != l.Counted {
				say("lines-differ %s %d/%d", goodsNames[l.GTIN], l.Counted, n)
			}
		}
	}
	for i, x := range p.victims {
		if x.surplus != nil && len(x.surplus.Refs) > 0 && !p.overlooked(i) {
			say("over-receipt wine 1")
		}
	}
	slices.Sort(list)
	return list
}

func slash(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("/%d", n)
}

func mentions(lines []Line, gtin gs1.GTIN) bool {
	return slices.ContainsFunc(lines, func(l Line) bool { return l.GTIN == gtin })
}

// cameWith reports whether something came with a receipt that is not left out.
func (p *plant) cameWith(r *Event) bool {
	for _, cargo := range p.cargo {
		for i, f := range cargo {
			if f.by == r && !p.overlooked(i) {
				return true
			}
		}
	}
	return false
}

// overlooked reports whether a thing is left out of the comparison: of a victim in a
// late world, what counts depends on who had seen what.
func (p *plant) overlooked(i Item) bool { return p.slow && p.victims[i] != nil }

// isSurplus reports whether a receipt brought what nobody had sent.
func (p *plant) isSurplus(e *Event) bool {
	for i, x := range p.victims {
		if x.surplus == e {
			return !p.overlooked(i)
		}
	}
	return false
}

// receipts lists those that brought something of a shipment, or name it.
func (p *plant) receipts(s *Event) []*Event {
	var list []*Event
	for _, r := range p.records {
		e := r.event
		names := slices.Contains(e.Refs, s.Hash) && e.Actor() == s.Fields.Text("to") && (p.cameWith(e) || p.isSurplus(e))
		if e.Kind == receive && (names || p.cameFrom(s, e)) {
			list = append(list, e)
		}
	}
	return list
}

// cameFrom reports whether a receipt brought something of a shipment.
func (p *plant) cameFrom(s, r *Event) bool {
	for i, f := range p.cargo[s] {
		if f.by == r && f.end == "received" && !p.overlooked(i) {
			return true
		}
	}
	return false
}

// answered is when the recipient of a shipment last recorded something of it.
func (p *plant) answered(s *Event) (last int64) {
	for i, f := range p.cargo[s] {
		if (f.end == "received" || f.end == "refused") && !p.overlooked(i) {
			last = max(last, f.by.Recorded)
		}
	}
	for _, r := range p.receipts(s) {
		last = max(last, r.Recorded)
	}
	return last
}

// lookedFor reports whether the recipients of a shipment have expected all that it
// announced, or without that all pieces of a product.
func (p *plant) lookedFor(s *Event, product gs1.GTIN) bool {
	expected, need := map[gs1.GTIN]uint64{}, map[gs1.GTIN]uint64{}
	shipments := []*Event{s}
	for _, r := range p.receipts(s) {
		lines, _ := r.Fields["lines"].([]Count)
		for _, l := range lines {
			expected[l.GTIN] += l.Expected
		}
		for other := range p.cargo {
			if other != s && slices.Contains(p.receipts(other), r) && !slices.Contains(shipments, other) {
				shipments = append(shipments, other)
			}
		}
	}
	for _, other := range shipments {
		if lines, ok := other.Fields["lines"].([]Line); ok {
			for _, l := range lines {
				need[l.GTIN] += l.Count
			}
			continue
		}
		for i, f := range p.cargo[other] {
			if i.GTIN == product && !f.unit && !p.overlooked(i) {
				need[product]++
			}
		}
	}
	for gtin, n := range need {
		if expected[gtin] < n {
			return false
		}
	}
	return true
}

// brought is how many codes of a product came with a receipt.
func (p *plant) brought(r *Event, gtin gs1.GTIN) (n uint64) {
	for _, cargo := range p.cargo {
		for i, f := range cargo {
			if i.GTIN == gtin && f.by == r && f.end == "received" && !p.overlooked(i) {
				n++
			}
		}
	}
	return n
}

// miscounted says where quantities and the truth differ; told notes what is told:
// the codes, and whether it is for later.
func (p *plant) miscounted(told map[string]bool) (wrong []string) {
	now := p.clock + p.rnd.Int64N(120*hour)
	var things []Item
	for _, i := range p.things {
		if p.state[i] != "" && !p.overlooked(i) {
			things = append(things, i)
		}
	}
	if got, want := tellQuantities(p.w.discrepancies(things), now), p.differences(now); !slices.Equal(got, want) {
		wrong = append(wrong, fmt.Sprintf("quantities %s,\nwant       %s\n%s", strings.Join(got, ", "), strings.Join(want, ", "), p.traffic()))
	}
	for _, words := range p.differences(now) {
		code, _, _ := strings.Cut(words, " ")
		told[code+words[len(strings.TrimSuffix(words, " (later)")):]] = true
	}
	return wrong
}

// traffic tells all shipments and receipts.
func (p *plant) traffic() string {
	var b strings.Builder
	for _, r := range p.records {
		if e := r.event; slices.Contains([]ledger.Kind{ship, receive, cancel, pack, unpack, correct}, e.Kind) {
			fmt.Fprintf(&b, "  %s %d/%d %-8s %-11s to %-11s refs %d %v %v\n", localTime(e.At, 0)[5:19], e.Chain, e.Seq, e.Kind, e.Actor(), e.Fields.Text("to"), len(e.Refs), e.Subjects, e.Fields["lines"])
		}
	}
	return b.String()
}
