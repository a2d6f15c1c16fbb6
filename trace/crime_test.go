package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
)

// A crime is something odd that somebody records at the end of an honest world:
// a clone, a theft, a lost record, a stranger's claim. It is written down with
// what members and public are to be told of it, in brackets what only members are
// told although others hear of it where the author is no stranger.
type crime struct {
	name string
	do   func(p *plant) *trouble // nil where the world has no victim for it
}

// A trouble is what a crime does to its victim.
type trouble struct {
	victim  Item
	after   Custody
	told    []string
	surplus *Event // the receipt of a thing that nobody had sent
}

// victim returns a bottle of which that is so, and a party that has had it or was
// sent it, and neither has it nor is to get it now.
func (p *plant) victim(so func(i Item) bool) (i Item, former string, ok bool) {
	bottles := slices.Clone(p.things[:plantBottles])
	p.rnd.Shuffle(len(bottles), func(a, b int) { bottles[a], bottles[b] = bottles[b], bottles[a] })
	for _, i := range bottles {
		if len(p.stopped[i]) > 0 || p.victims[i] != nil || !so(i) {
			continue
		}
		for _, k := range p.known[i] {
			if !sameHand(k, p.holder[i]) && !(p.state[i] == InTransit && sameHand(k, p.flow[i].Fields.Text("to"))) {
				return i, k, true
			}
		}
	}
	return Item{}, "", false
}

// atHand reports whether somebody has the item and it lies about loose.
func (p *plant) atHand(i Item) bool {
	_, in := p.parent[i]
	return !in && (p.state[i] == Active || p.state[i] == Held)
}

func (p *plant) is(s State) func(Item) bool {
	return func(i Item) bool { _, in := p.parent[i]; return !in && p.state[i] == s }
}

// by makes a crime of one record by a former holder, or by a stranger, about a
// bottle of which that is so. after changes custody; nil leaves it.
func by(who string, kind ledger.Kind, so func(p *plant) func(Item) bool, after func(c Custody, actor string) Custody, told []string, opts ...option) func(p *plant) *trouble {
	return func(p *plant) *trouble {
		i, former, ok := p.victim(so(p))
		if !ok {
			return nil
		}
		actor := map[string]string{"former": former, "stranger": "rival", "brand": "lanzhi", "holder": p.holder[i]}[who]
		e := p.record(actor, kind, []Item{i}, []Subject{Of(i)}, opts...)
		c := Custody{p.state[i], p.holder[i]}
		if after != nil && p.state[i] == InTransit {
			p.comesTo("elsewhere", e, []Item{i})
		}
		if after != nil {
			c = after(c, actor)
		}
		return &trouble{victim: i, after: c, told: told}
	}
}

func becomes(s State) func(Custody, string) Custody {
	return func(_ Custody, actor string) Custody {
		if s == Sold || s == Void {
			actor = ""
		}
		return Custody{s, actor}
	}
}

func hand(p *plant) func(Item) bool { return p.atHand }

func state(s State) func(p *plant) func(Item) bool {
	return func(p *plant) func(Item) bool { return p.is(s) }
}

// two does one thing after another to the same victim, whose holder does the
// second.
func two(first func(p *plant) *trouble, second ledger.Kind, after func(Custody, string) Custody, told []string, opts ...option) func(p *plant) *trouble {
	return func(p *plant) *trouble {
		x := first(p)
		if x == nil {
			return nil
		}
		actor := p.holder[x.victim]
		p.record(actor, second, []Item{x.victim}, []Subject{Of(x.victim)}, opts...)
		if after != nil {
			x.after = after(x.after, actor)
		}
		x.told = append(slices.Clone(x.told), told...)
		return x
	}
}

// strangePallet is a unit of which nobody else speaks.
var strangePallet = Unit(mustSSCC("069012340000000047"))

var crimes = []crime{
	{"a former holder sells what another has", by("former", sell, hand, becomes(Sold), []string{SoldByNonHolder})},
	{"and its holder sells it too", two(by("former", sell, hand, becomes(Sold), []string{SoldByNonHolder}), sell, nil, []string{SoldTwice})},
	{"a clone of a sold item is sold", by("former", sell, state(Sold), nil, []string{SoldTwice})},
	{"a clone is sold by a stranger", by("stranger", sell, state(Sold), nil, []string{"(" + MovedAfterSold + ")"})},
	{"a stranger sells", by("stranger", sell, hand, nil, []string{"(" + SoldByNonHolder + ")"})},
	{"a stranger ships", by("stranger", ship, hand, nil, []string{"(" + ShippedByNonHolder + ")"}, to("dist"))},
	{"a stranger receives", by("stranger", receive, hand, nil, []string{"(" + ReceivedNotShipped + ")"})},
	{"a stranger returns what was not sold", by("stranger", takeBack, hand, nil, []string{"(" + ReturnedByOther + ")"})},
	{"a stranger voids", by("stranger", void, hand, nil, []string{NotAuthority})},
	{"a stranger inspects", by("stranger", inspect, hand, nil, []string{NotAuthority}, field("result", "fail"))},
	{"a stranger stops", by("stranger", hold, hand, nil, []string{NotAuthority})},
	{"a stranger releases", by("stranger", release, hand, nil, []string{ReleaseNoEffect})},
	{"a stranger recalls", by("stranger", recall, hand, nil, []string{NotAuthority})},
	{"a stranger claims", by("stranger", claim, hand, nil, []string{NotAuthority})},
	{"a stranger activates", by("stranger", activate, hand, nil, []string{NotAuthority}, field("lot", "L9"))},
	{"a stranger cancels", by("stranger", cancel, state(InTransit), nil, []string{CancelNoEffect})},
	{"stolen on the way and sold by one who once had it", by("former", sell, state(InTransit), becomes(Sold), []string{SoldByNonHolder})},
	{"stolen on the way and sold by a stranger", by("stranger", sell, state(InTransit), nil, []string{"(" + SoldByNonHolder + ")"})},
	{"received by one to whom it was not sent", by("former", receive, state(InTransit), becomes(Held), []string{ReceivedByOther})},
	{"received by a stranger", by("stranger", receive, state(InTransit), nil, []string{ReceivedByOther})},
	{"a shipment that nobody recorded", by("former", receive, hand, becomes(Held), []string{ReceivedNotShipped})},
	{"and who had it sells it", two(by("former", receive, hand, becomes(Held), []string{ReceivedNotShipped}), sell, becomes(Sold), []string{HeldByTwo})},
	{"a former holder ships", by("former", ship, hand, nil, []string{ShippedByNonHolder}, to("wh"))},
	{"a void code is moved", by("former", ship, state(Void), nil, []string{EventOnVoid}, to("wh"))},
	{"a void code is sold", by("former", sell, state(Void), nil, []string{EventOnVoid})},
	{"what was used up is sold", by("former", sell, state(Used), nil, []string{MovedAfterUse})},
	{"what was sold is shipped", by("former", ship, state(Sold), nil, []string{MovedAfterSold}, to("wh"))},
	{"activated twice", by("brand", activate, hand, nil, []string{ActivatedTwice}, field("lot", "L9"))},
	{"received again", by("holder", receive, hand, nil, []string{ReceivedAgain})},
	{"cancelled what was not sent", by("holder", cancel, hand, nil, []string{CancelNoEffect})},
	{"taken back by its holder, though not sold", by("holder", takeBack, hand, becomes(Held), []string{SaleMissing})},
	{"taken back by a former holder, though not sold", by("former", takeBack, hand, becomes(Held), []string{ReturnedByOther})},
	{"the hidden code is used twice", func(p *plant) *trouble {
		x := by("brand", claim, hand, nil, nil)(p)
		if x == nil {
			return nil
		}
		p.record("lanzhi", claim, []Item{x.victim}, []Subject{Of(x.victim)})
		x.told = []string{ClaimedTwice}
		return x
	}},
	{"a label is sold that is on nothing", func(p *plant) *trouble {
		i := p.things[plantGoods-1]
		if p.state[i] != "" {
			return nil
		}
		p.record("lanzhi", sell, []Item{i}, []Subject{Of(i)})
		p.state[i] = Issued // for the check
		return &trouble{victim: i, after: Custody{Sold, ""}, told: []string{SoldNotActive}}
	}},
	{"packed by one who does not have it", func(p *plant) *trouble {
		i, former, ok := p.victim(p.atHand)
		if !ok {
			return nil
		}
		p.record(former, pack, []Item{i}, []Subject{Contents(strangePallet, Of(i))})
		return &trouble{victim: i, after: Custody{p.state[i], p.holder[i]}, told: []string{PackedByNonHolder}}
	}},
	{"taken out of where it is not", func(p *plant) *trouble {
		i, _, ok := p.victim(p.atHand)
		if !ok {
			return nil
		}
		p.record(p.holder[i], unpack, []Item{i}, []Subject{Contents(strangePallet, Of(i))})
		return &trouble{victim: i, after: Custody{p.state[i], p.holder[i]}, told: []string{UnpackedNotIn}}
	}},
	{"more comes than was sent", (*plant).surplus},
	{"sold while it is stopped", func(p *plant) *trouble {
		i, _, ok := p.victim(p.atHand)
		if !ok {
			return nil
		}
		p.stopped[i] = append(p.stopped[i], p.record("lanzhi", hold, []Item{i}, []Subject{Of(i)}))
		p.record(p.holder[i], sell, []Item{i}, []Subject{Of(i)})
		return &trouble{victim: i, after: Custody{Sold, ""}, told: []string{SoldOnHold}}
	}},
}

// surplus is a bottle that somebody receives with a shipment to him, and that nobody
// had sent: not now.
func (p *plant) surplus() *trouble {
	for _, r := range p.records {
		s := r.event
		if p.cargo[s] == nil {
			continue
		}
		recipient := s.Fields.Text("to")
		i, _, ok := p.victim(func(i Item) bool {
			return p.atHand(i) && !sameHand(p.holder[i], recipient) && slices.Contains(p.known[i], recipient)
		})
		if !ok {
			continue
		}
		e := p.record(recipient, receive, []Item{i}, []Subject{Of(i)})
		p.records[len(p.records)-1].needs = []*Event{s}
		return &trouble{victim: i, after: Custody{Held, recipient}, told: []string{ReceivedNotShipped}, surplus: e}
	}
	return nil
}

// tale is how grave a finding is to the public, said once more and apart from the
// table of findings: what is not here is for members.
var tale = map[string]Verdict{
	IsRecalled: Recalled, SourceRecalled: Recalled,
	SoldTwice: Suspicious, HeldByTwo: Suspicious, EventOnVoid: Suspicious,
	ShippedByNonHolder: Warn, ReceivedNotShipped: Warn, SoldByNonHolder: Warn, SoldNotActive: Warn, MovedAfterSold: Warn, PackedByNonHolder: Warn,
	PackedTwice: Warn, ActivatedTwice: Warn, NotActive: Warn, VoidCode: Warn, InspectionFailed: Warn, UsedByNonHolder: Warn, MovedAfterUse: Warn,
	Relabelled: Warn, SourceWarning: Warn, Misdated: Warn, ClaimedTwice: Warn, ReturnedByOther: Warn, OnHold: Warn, PartOfSet: Consistent,
}

func verdictTold(told []string) Verdict {
	v := Consistent
	for _, code := range told {
		if w, ok := tale[code]; ok {
			v = Worse(v, w)
		}
	}
	return v
}

// told is the codes of a trail's findings, in brackets those that are hidden from
// the public because of who bears them.
func told(t *Trail) []string {
	var list []string
	for _, f := range t.Findings {
		if _, public := tale[f.Code]; public && f.Audience != ledger.Public {
			list = append(list, "("+f.Code+")")
		} else {
			list = append(list, f.Code)
		}
	}
	slices.Sort(list)
	return list
}

// Whatever crime somebody commits in an honest world, its victim's trail says just
// that, to those who are to know, and the trails of all others say nothing of it.
func TestCrimesAreToldOfTheirVictims(t *testing.T) {
	for _, c := range crimes {
		t.Run(c.name, func(t *testing.T) {
			worlds := 0
			seeds(t, 120, func(t *testing.T, seed uint64) {
				if worlds >= 4 && *seedsFlag == 0 {
					return
				}
				victim := false
				agrees(t, 60, func(steps int) (*plant, []string) {
					p := newPlantOf(t, seed, false)
					x := p.commit(c, steps)
					if x == nil {
						return p, nil
					}
					victim = true
					return p, p.unlike()
				})
				if victim {
					worlds++
				}
			})
			if allSeeds() && worlds < 2 {
				t.Errorf("only %d worlds had a victim", worlds)
			}
		})
	}
}

// commit lets a world live, has somebody commit a crime in it if it has a victim
// for it, and puts it all on chains.
func (p *plant) commit(c crime, steps int) *trouble {
	p.admitRival()
	p.live(steps)
	x := p.suffer(c)
	if x != nil {
		p.publish()
	}
	return x
}

// admitRival lets a company into the network that never had any of the goods.
func (p *plant) admitRival() {
	p.w.charter.Members = append(p.w.charter.Members, ledger.Member{Slug: "rival", NameZh: "对手", NameEn: "Rival", Role: ledger.Distributor})
	p.w.charter.Nodes = append(p.w.charter.Nodes, ledger.Node{Number: 5, Member: "rival"})
}

// suffer has somebody commit a crime, if the world has a victim for it. Nothing
// else happens to the victim from then on.
func (p *plant) suffer(c crime) *trouble {
	x := c.do(p)
	if x != nil {
		p.victims[x.victim] = x
	}
	return x
}

// Where devices are offline for days, which of two records bears a contradiction
// depends on who had seen what. All other trails are untouched by it.
func TestCrimesInALateWorld(t *testing.T) {
	seeds(t, uint64(len(crimes)), func(t *testing.T, seed uint64) {
		c := crimes[seed%uint64(len(crimes))]
		agrees(t, 60, func(steps int) (*plant, []string) {
			p := newPlant(t, seed)
			x := p.commit(c, steps)
			if x == nil || p.blind() {
				return p, nil
			}
			return p, p.unlike()
		})
	})
}

// unlike says which trails tell something else than what happened. Of the victims of
// crimes in a late world it asks only that something is told.
func (p *plant) unlike() (wrong []string) {
	for _, i := range p.things[:plantGoods] {
		if p.state[i] == "" {
			continue
		}
		want, custody, x := p.findings(i), Custody{p.state[i], p.holder[i]}, p.victims[i]
		if x != nil {
			want, custody = append(want, x.told...), x.after
		}
		want = append(want, p.inheritedTroubles(i)...)
		slices.Sort(want)
		tr := p.fold(i)
		got := told(tr)
		switch {
		case p.slow && x != nil:
			if len(got) == 0 && len(x.told) > 0 {
				wrong = append(wrong, fmt.Sprintf("%s tells nothing of %v\n%s", i, x.told, p.story(i, tr)))
			}
			continue
		case p.slow && slices.ContainsFunc(p.made[i], func(s Item) bool { return p.victims[s] != nil }):
			continue
		}
		if tr.Custody != custody || !slices.Equal(got, want) || tr.Verdict != verdictTold(want) {
			wrong = append(wrong, fmt.Sprintf("%s: %v %s %v, want %v %s %v\n%s", i, tr.Custody, tr.Verdict, got,
				custody, verdictTold(want), want, strings.TrimRight(p.story(i, tr), "\n")))
		}
	}
	return wrong
}

// inheritedTroubles is what there is to say of a thing because of crimes against
// what went into it.
func (p *plant) inheritedTroubles(i Item) (list []string) {
	for _, source := range p.made[i] {
		x := p.victims[source]
		if x == nil {
			continue
		}
		for _, code := range x.told {
			if tale[code] == Warn || tale[code] == Suspicious {
				list = append(list, SourceWarning)
			}
		}
	}
	return list
}

// In a world where goods are lost, broken and miscounted, where one after the other
// commits a crime while the rest goes on, and where devices may be offline for days:
// every trail, and every count, tells what who has seen everything knows, in
// whatever order the records arrived.
func TestMixedWorlds(t *testing.T) {
	suffered, quantities := map[string]bool{}, map[string]bool{}
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late %v", late), func(t *testing.T) {
			seeds(t, 40, func(t *testing.T, seed uint64) {
				agrees(t, 120, func(steps int) (*plant, []string) {
					p := newPlantOf(t, seed, late)
					p.admitRival()
					next := int(seed) * 5 // each has its turn
					for range steps {
						if p.rnd.IntN(12) > 0 || len(p.victims) == 8 {
							p.step()
							continue
						}
						c := crimes[next%len(crimes)]
						if p.suffer(c) != nil {
							suffered[c.name] = true
						}
						next++
					}
					p.publish()
					if p.blind() {
						return p, nil
					}
					return p, slices.Concat(p.unlike(), p.miscounted(quantities), p.inAnyOrder())
				})
			})
		})
	}
	if allSeeds() && !t.Failed() && (len(suffered) < len(crimes)*3/4 || len(quantities) < 6) {
		t.Errorf("only %d of %d crimes were committed, and of quantities only %v: the test shows little", len(suffered), len(crimes), quantities)
	}
}

// inAnyOrder says which trails, of a few, depend on the order of arrival.
func (p *plant) inAnyOrder() (wrong []string) {
	for range 3 {
		in := p.input(p.things[p.rnd.IntN(plantGoods)])
		want := Fold(in)
		in.Events = slices.Clone(in.Events)
		p.rnd.Shuffle(len(in.Events), func(i, j int) { in.Events[i], in.Events[j] = in.Events[j], in.Events[i] })
		got := Fold(in)
		if a, b := mustJSON(p.w.t, got.For(Viewer{Member: "audit"})), mustJSON(p.w.t, want.For(Viewer{Member: "audit"})); a != b || !sameLegs(got.Legs, want.Legs) {
			wrong = append(wrong, fmt.Sprintf("in another order:\n%s %v\nnot\n%s %v", a, got.Legs, b, want.Legs))
		}
	}
	return wrong
}

func sameLegs(a, b []Leg) bool {
	return slices.EqualFunc(a, b, func(x, y Leg) bool {
		return x.Shipment == y.Shipment && x.By == y.By && x.End == y.End && x.Unit == y.Unit
	})
}
