package trace

import (
	"slices"
	"strings"

	"suyuan/ledger"
)

// A directory gives the names of members, parties and places.
type directory struct {
	charters []*ledger.Charter
	parties  map[slugs]*Event // newest record of each
	places   map[slugs]*Event
}

// slugs name a party or place: <member>/<slug>.
type slugs struct{ member, slug string }

func slugsOf(name string) slugs {
	member, slug, _ := strings.Cut(name, "/")
	return slugs{member, slug}
}

func newDirectory(charters []*ledger.Charter, events []*Event) *directory {
	d := &directory{charters: charters, parties: map[slugs]*Event{}, places: map[slugs]*Event{}}
	keep := func(m map[slugs]*Event, name slugs, e *Event) {
		if old := m[name]; old == nil || earlier(old, e) < 0 {
			m[name] = e
		}
	}
	for _, e := range events {
		switch e.Kind {
		case ledger.KindParty:
			keep(d.parties, slugs{e.Member, e.Fields.Text("slug")}, e)
		case ledger.KindPlace:
			keep(d.places, slugs{e.Member, e.Fields.Text("id")}, e)
		}
	}
	return d
}

// member returns a member as the newest charter that has it names it.
func (d *directory) member(slug string) *ledger.Member {
	for _, c := range slices.Backward(d.charters) {
		if m := c.Member(slug); m != nil {
			return m
		}
	}
	return nil
}

// memberOf returns the member that writes a chain, or "".
func (d *directory) memberOf(chain uint32) string {
	for _, c := range slices.Backward(d.charters) {
		if n := c.Node(chain); n != nil {
			return n.Member
		}
	}
	return ""
}

func (d *directory) party(name string, v Viewer) PartyView {
	slug, hosted, _ := strings.Cut(name, "/")
	p := PartyView{Member: slug, Zh: slug, En: slug}
	if m := d.member(slug); m != nil {
		p.Zh, p.En = m.NameZh, m.NameEn
	}
	if hosted == "" {
		return p
	}
	n, known := Names{}, d.parties[slugsOf(name)]
	if known != nil {
		n = known.Fields.Names("public_name")
		if (v.Member != "" || v.Party == name) && n == (Names{}) {
			n = known.Fields.Names("name")
		}
	}
	if n == (Names{}) && v.Member == "" && v.Party != name {
		return p
	}
	p.Party = hosted
	if n == (Names{}) {
		n = Names{Zh: hosted, En: hosted}
	}
	p.Zh, p.En = n.Either()
	return p
}

// shown is a party's name in slugs, as far as the viewer may know it.
func (d *directory) shown(party string, v Viewer) string {
	if party == "" {
		return ""
	}
	p := d.party(party, v)
	return join(p.Member, p.Party)
}

func (d *directory) place(name string, v Viewer) *PlaceView {
	if name == "" {
		return nil
	}
	p := &PlaceView{ID: name}
	e := d.places[slugsOf(name)]
	if e == nil {
		return p
	}
	p.Kind, p.Country, p.Region = e.Fields.Text("kind"), e.Fields.Text("country"), e.Fields.Text("region")
	n := RegionName(p.Country, p.Region)
	if own := e.Fields.Names("name"); v.Member != "" && own != (Names{}) {
		n = own
	}
	p.Zh, p.En = n.Either()
	return p
}

// Either returns both texts, one standing in for the other where it is missing.
func (n Names) Either() (zh, en string) {
	zh, en = n.Zh, n.En
	if zh == "" {
		zh = en
	}
	if en == "" {
		en = zh
	}
	return zh, en
}
