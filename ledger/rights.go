package ledger

import (
	"maps"
	"slices"
)

// GrantFields are the public fields of a grant record. Its limits are
// disclosures: [GrantParty] and [GrantPlaces] for members, [GrantPerson] for
// the author only.
type GrantFields struct {
	Address Address `cbor:"1,keyasint"`
	Kinds   []Kind  `cbor:"2,keyasint"` // ascending
}

// Paths of the disclosures of a grant record.
const (
	GrantParty  = 3 // text: slug of the only party for which the operator may act; audience members
	GrantPlaces = 4 // array of text: the only places; audience members
	GrantPerson = 5 // text: who the operator is; audience own
)

// RevokeFields are the public fields of a revoke record: all grants that the
// address holds on the chain end with it.
type RevokeFields struct {
	Address Address `cbor:"1,keyasint"`
}

// A Grant lets an operator sign records of some kinds on one chain.
type Grant struct {
	Seq     uint64   `cbor:"1,keyasint"` // where the grant record stands
	Address Address  `cbor:"2,keyasint"`
	Kinds   []Kind   `cbor:"3,keyasint"`
	Party   string   `cbor:"4,keyasint,omitempty"` // "" is no limit
	Places  []string `cbor:"5,keyasint,omitempty"` // none is no limit
	Until   uint64   `cbor:"6,keyasint,omitempty"` // where a revoke record ends it; 0 while in force
}

// Rights are the grants of a chain up to some position, those that were revoked
// included: what was signed under them stays valid. They are values: changing
// returns new Rights and leaves the old as they were.
type Rights struct{ byAddress map[Address][]Grant }

// Of returns the grants of an address that are in force.
func (r Rights) Of(a Address) []Grant {
	return slices.DeleteFunc(slices.Clone(r.byAddress[a]), func(g Grant) bool { return g.Until != 0 })
}

// Granted returns all grants of an address, those that were revoked included.
func (r Rights) Granted(a Address) []Grant { return slices.Clone(r.byAddress[a]) }

// At returns the grants of an address that were in force at a position.
func (r Rights) At(a Address, seq uint64) []Grant {
	return slices.DeleteFunc(slices.Clone(r.byAddress[a]), func(g Grant) bool {
		return g.Seq >= seq || g.Until != 0 && g.Until < seq
	})
}

// All returns every grant, ascending by position.
func (r Rights) All() []Grant {
	var all []Grant
	for _, list := range r.byAddress {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b Grant) int { return compareUint(a.Seq, b.Seq) })
	return all
}

// RightsOf rebuilds Rights from what All returned.
func RightsOf(all []Grant) Rights {
	r := Rights{byAddress: make(map[Address][]Grant, len(all))}
	for _, g := range all {
		r.byAddress[g.Address] = append(r.byAddress[g.Address], g)
	}
	return r
}

func (r Rights) with(g Grant) Rights {
	m := make(map[Address][]Grant, len(r.byAddress)+1)
	maps.Copy(m, r.byAddress)
	m[g.Address] = append(slices.Clone(m[g.Address]), g)
	return Rights{m}
}

// until ends the grants of an address with the revoke record at seq.
func (r Rights) until(a Address, seq uint64) Rights {
	m := maps.Clone(r.byAddress)
	list := slices.Clone(m[a])
	for i := range list {
		if list[i].Until == 0 {
			list[i].Until = seq
		}
	}
	if len(list) > 0 {
		m[a] = list
	}
	return Rights{m}
}

// check reports whether one grant of the signer covers the record.
func (r Rights) check(rec *Record) error {
	limited := false
	for _, g := range r.Of(rec.Signer) {
		if !slices.Contains(g.Kinds, rec.Kind) {
			continue
		}
		if (g.Party == "" || g.Party == rec.Party) && (len(g.Places) == 0 || slices.Contains(g.Places, rec.Place)) {
			return nil
		}
		limited = true
	}
	if limited {
		return wrong(CodeGrantLimit, "%s may sign %s for another party or place only", rec.Signer, rec.KindName())
	}
	return wrong(CodeNoGrant, "%s holds no grant for %s on chain %d", rec.Signer, rec.KindName(), rec.Chain)
}

// readGrant parses a grant record with the limits in its sidecar.
func readGrant(rec *Record, sc *Sidecar, seq uint64) (Grant, error) {
	var f GrantFields
	if err := encodedFields(rec.Fields, &f); err != nil {
		return Grant{}, because(CodeOf(err), err, "grant")
	}
	if len(f.Kinds) == 0 || len(f.Kinds) > MaxGrantKinds {
		return Grant{}, wrong(CodeForm, "a grant names 1 to %d kinds", MaxGrantKinds)
	}
	for i, k := range f.Kinds {
		if k.byAdmin() || k == 0 {
			return Grant{}, wrong(CodeForm, "kind %s cannot be granted", k)
		}
		if i > 0 && f.Kinds[i-1] >= k {
			return Grant{}, wrong(CodeForm, "the kinds of a grant do not ascend")
		}
	}
	g := Grant{Seq: seq, Address: f.Address, Kinds: f.Kinds}
	if sc == nil {
		return g, nil
	}
	for _, raw := range sc.Disclosures {
		d, err := DecodeDisclosure(raw)
		if err != nil {
			return Grant{}, err
		}
		if err := g.limit(d); err != nil {
			return Grant{}, err
		}
	}
	return g, nil
}

// limit reads one disclosure of a grant record.
func (g *Grant) limit(d *Disclosure) error {
	switch d.Path {
	case GrantParty:
		if g.Party != "" {
			return wrong(CodeForm, "a grant is limited to two parties")
		}
		if err := Unmarshal(d.Value, &g.Party); err != nil {
			return because(CodeForm, err, "party of a grant")
		}
		return CheckSlug(g.Party)
	case GrantPlaces:
		if g.Places != nil {
			return wrong(CodeForm, "a grant lists its places twice")
		}
		if err := Unmarshal(d.Value, &g.Places); err != nil {
			return because(CodeForm, err, "places of a grant")
		}
		if len(g.Places) == 0 || len(g.Places) > MaxGrantPlaces {
			return wrong(CodeForm, "a grant is limited to 1 to %d places", MaxGrantPlaces)
		}
		for _, p := range g.Places {
			if err := CheckSlug(p); err != nil {
				return because(CodeForm, err, "place of a grant")
			}
		}
		return nil
	}
	if d.Audience.Shared() {
		return wrong(CodeForm, "a grant has no shared field %d", d.Path)
	}
	return nil
}

// checkGrantAudience holds that the limits of a grant are shared, so that every
// member's node folds the same rights.
func checkGrantAudience(sc *Sidecar) error {
	if sc == nil {
		return nil
	}
	for _, raw := range sc.Disclosures {
		d, err := DecodeDisclosure(raw)
		if err != nil {
			return err
		}
		if (d.Path == GrantParty || d.Path == GrantPlaces) && d.Audience != Members {
			return wrong(CodeForm, "the limits of a grant have the audience members, not %s", d.Audience)
		}
	}
	return nil
}
