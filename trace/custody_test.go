package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

// custodyTable is what testdata/custody.txt shows: what each kind of event does
// to an item in each state, by who acts. The item is a bottle of lanzhi's, of
// whose codes dist has no right to activate or use any. In each state wh has it:
// it is shipped by wh to dist, sold by wh, and so on.
var custodyStates = []struct {
	state State
	do    func(w *world)
}{
	{Issued, func(*world) {}},
	{Active, func(w *world) { w.do("lanzhi", activate, about(codes(5, 5))) }},
	{Held, func(w *world) { w.held() }},
	{InTransit, func(w *world) { w.held(); w.do("wh", ship, about(codes(5, 5)), to("dist")) }},
	{Sold, func(w *world) { w.held(); w.do("wh", sell, about(codes(5, 5))) }},
	{Used, func(w *world) {
		w.held()
		w.do("wh", making, about(Made(Of(Unit(pallet)), codes(5, 5))), field("type", "relabel"))
	}},
	{Void, func(w *world) { w.held(); w.do("lanzhi", void, about(codes(5, 5))) }},
}

func (w *world) held() {
	w.do("lanzhi", activate, about(codes(5, 5)))
	s := w.do("lanzhi", ship, about(codes(5, 5)), to("wh"))
	w.do("wh", receive, about(codes(5, 5)), refs(s))
}

var custodyKinds = []ledger.Kind{activate, pack, unpack, making, ship, receive, cancel, sell, takeBack, inspect, hold, void}

// TestCustodyTable holds that the machine does what the table says, and that no
// record moves an item silently that its author did not hold.
func TestCustodyTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What an event does to an item: the state it then has, and the finding that it bears.\n" +
		"# A dot is neither. In brackets: told to members only. lanzhi is the brand, and has the item at first; then wh has it, or\n" +
		"# had it last. In transit it is on its way to dist. audit has nothing to do with it.\n")
	for _, s := range custodyStates {
		for _, kind := range custodyKinds {
			fmt.Fprintf(&b, "\n%-10s %-9s", s.state, kind)
			for _, actor := range []string{"wh", "dist", "lanzhi", "audit"} {
				fmt.Fprintf(&b, " %-6s %-33s", actor, outcome(t, s.state, s.do, kind, actor))
			}
		}
		b.WriteByte('\n')
	}
	var trimmed strings.Builder
	for line := range strings.Lines(b.String()) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	golden(t, "custody.txt", []byte(trimmed.String()))
}

// TestEveryRowDecidesSomething holds that no row of the custody table stands behind
// one that fits whenever it does, and that the last is for all that is left. Rows
// that kinds share may be superseded in some, not in packing.
func TestEveryRowDecidesSomething(t *testing.T) {
	tables := map[string][]transition{"repack": repacking, "produce": producing}
	for kind, rows := range custodyTable {
		tables[kind.String()] = rows
	}
	for kind, rows := range tables {
		if last := rows[len(rows)-1]; last.in != anyState || last.when != always {
			t.Errorf("%s: the last row is not for all that is left", kind)
		}
		for i, row := range rows {
			left := row.in
			for _, earlier := range rows[:i] {
				if earlier.when&^row.when == 0 {
					left &^= earlier.in
				}
			}
			shared := kind != ledger.KindPack.String() && slices.Contains(goods(), row)
			if left == 0 && !shared {
				t.Errorf("%s: row %d never decides: %+v", kind, i, row)
			}
		}
	}
}

// outcome follows the item through an event and says what it did.
func outcome(t *testing.T, state State, do func(*world), kind ledger.Kind, actor string) string {
	w := newWorld(t)
	do(w)
	r := &rules{
		authority: func(member string, _ Item) bool { return member == "lanzhi" },
		examines:  func(member string, _ Item) bool { return member == "lanzhi" },
		appointed: func(*Event) bool { return false },
		missing:   func(ledger.Hash) bool { return false },
		recalls:   func(*Event) bool { return true },
		replaced:  func(ledger.Hash) ledger.Hash { return ledger.Hash{} },
	}
	subject := codes(5, 5)
	switch kind {
	case pack, unpack:
		subject = Contents(Unit(mustSSCC("069012340000000023")), subject)
	case making:
		subject = Made(Of(Unit(mustSSCC("069012340000000023"))), subject)
	}
	opts := []option{about(subject), to("wh"), field("disposition", "restock")}
	if kind == cancel && len(w.events) > 0 {
		opts = append(opts, refs(w.events[len(w.events)-1]))
	}
	e := w.do(actor, kind, opts...)
	things := thingsOf(bottle(5), w.events)
	m := newMachine(r, bottle(5), Custody{Issued, "lanzhi"}, nil)
	for _, earlier := range w.events[:len(w.events)-1] {
		m.apply(touch(earlier, newSieve(things)))
	}
	before := m.custody
	if before.State != state {
		t.Fatalf("the item is %v, want %s", before, state)
	}
	m.problems = nil
	m.apply(touch(e, newSieve(things)))
	var parts []string
	if m.custody != before {
		parts = append(parts, strings.TrimSpace(string(m.custody.State)+" "+m.custody.Holder))
		if len(m.problems) == 0 && before.Holder != "" && m.custody.Holder != "" && !sameHand(before.Holder, m.custody.Holder) &&
			!(before.State == InTransit && actor == "dist") {
			t.Errorf("%s: a %s by %s takes it from %s, and nobody is told", state, kind, actor, before.Holder)
		}
	}
	for _, p := range m.problems {
		if p.quiet && findingSpecs[p.code].audience == pub {
			p.code = "(" + p.code + ")"
		}
		parts = append(parts, p.code)
	}
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, ", ")
}
