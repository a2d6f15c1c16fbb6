package trace

import (
	"cmp"
	"slices"

	"suyuan/ledger"
)

// A Link is a page that the brand names for its goods.
type Link struct {
	Type      string // of the GS1 Web Vocabulary, such as gs1:pip
	Href      string
	Language  string // BCP 47, or ""
	MediaType string // or ""
	Title     Names  // may be empty
	Scope     Item   // what it is for: the item, its lot or its product
	ID        ledger.Hash
}

// Links returns the links for an item, of a lot if it is known: those for the
// item first, then those for its lot, then those for its product, in each by
// type, language and age. events is what an index gathers for the item; a link
// ends when its author corrects it.
func Links(charters []*ledger.Charter, events []*Event, item Item, lot string) []Link {
	scopes := []Item{item, Lot(item.GTIN, lot), Product(item.GTIN)}
	counting := applyCorrections(events, func(*Event) bool { return true }).counting
	slices.SortFunc(counting, earlier)
	var list []Link
	for _, e := range counting {
		if e.Kind != ledger.KindLink || !authority(charters, e.Member, item.GTIN) {
			continue
		}
		for _, scope := range scopes {
			if !slices.ContainsFunc(e.Subjects, func(s Subject) bool { return s.names(scope) }) {
				continue
			}
			list = append(list, Link{e.Fields.Text("type"), e.Fields.Text("href"), e.Fields.Text("language"),
				e.Fields.Text("media_type"), e.Fields.Names("title"), scope, e.ID})
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Link) int {
		return cmp.Or(cmp.Compare(slices.Index(scopes, a.Scope), slices.Index(scopes, b.Scope)), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Language, b.Language))
	})
	return slices.CompactFunc(list, func(a, b Link) bool { return a.ID == b.ID })
}
