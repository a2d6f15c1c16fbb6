package node

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"suyuan/ledger"
)

// DiffCharters says what charter b changes of a, a line for each change, for the
// people who sign b.
func DiffCharters(a, b *ledger.Charter) []string {
	d := &differ{lines: []string{}}
	d.members(a, b)
	d.nodes(a, b)
	d.cosigners(a, b)
	for _, e := range b.Ended {
		if !slices.ContainsFunc(a.Ended, func(old ledger.Ended) bool { return old.Chain == e.Chain }) {
			d.say("chain %d ends at size %d, root %s: nothing of it beyond counts", e.Chain, e.Size, e.Root)
			d.reports(&e)
		}
	}
	d.value("entries are public", a.Settings.PublicEntries, b.Settings.PublicEntries)
	d.value("hours after which lateness is a finding", a.Settings.LateHours, b.Settings.LateHours)
	d.value("members who see what is for parties", strings.Join(a.Settings.DefaultMembers, " "), strings.Join(b.Settings.DefaultMembers, " "))
	d.value("filing numbers", strings.Join(a.Settings.Filings, ", "), strings.Join(b.Settings.Filings, ", "))
	return d.lines
}

type differ struct{ lines []string }

func (d *differ) say(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// reports tells what witnesses had signed of a chain that ends.
func (d *differ) reports(e *ledger.Ended) {
	for _, r := range e.Reports {
		if r.Shared == r.Size {
			d.say("chain %d: the witness of %s had signed size %d, which the end covers", e.Chain, r.Member, r.Size)
			continue
		}
		d.say("chain %d: the witness of %s had signed size %d of a history that shares %d entries with the one that ends; what it signed beyond these does not count", e.Chain, r.Member, r.Size, r.Shared)
	}
	if len(e.Evidence) > 0 {
		d.say("chain %d: there is proof that its author signed two histories", e.Chain)
	}
}

// value tells of a value that changes.
func (d *differ) value(what string, a, b any) {
	if !reflect.DeepEqual(a, b) {
		d.say("%s: %v → %v", what, orNone(a), orNone(b))
	}
}

func orNone(v any) any {
	if s := fmt.Sprint(v); s == "" || s == "[]" {
		return "none"
	}
	return v
}

func (d *differ) members(a, b *ledger.Charter) {
	for i := range b.Members {
		m := &b.Members[i]
		old := a.Member(m.Slug)
		if old == nil {
			d.say("%s joins: %s / %s, %s, admins %v", m.Slug, m.NameZh, m.NameEn, m.Role, m.Admins)
			continue
		}
		d.value(m.Slug+": name", old.NameZh+" / "+old.NameEn, m.NameZh+" / "+m.NameEn)
		d.value(m.Slug+": role", old.Role, m.Role)
		d.value(m.Slug+": admins", old.Admins, m.Admins)
		d.value(m.Slug+": GS1 prefixes", old.Prefixes, m.Prefixes)
		d.value(m.Slug+": GTINs", old.GTINs, m.GTINs)
		d.value(m.Slug+": revoked addresses", old.Revoked, m.Revoked)
	}
	for i := range a.Members {
		if m := &a.Members[i]; b.Member(m.Slug) == nil {
			d.say("%s leaves", m.Slug)
		}
	}
}

func (d *differ) nodes(a, b *ledger.Charter) {
	for i := range b.Nodes {
		n := &b.Nodes[i]
		name := ledger.ChainName(n.Member, n.Number)
		old := a.Node(n.Number)
		if old == nil {
			d.say("node %s is new: log key %s, peer %s", name, n.LogKey, n.Peer)
			continue
		}
		d.value("node "+name+": log key", old.LogKey, n.LogKey)
		d.value("node "+name+": peer", old.Peer, n.Peer)
		d.value("node "+name+": addresses", old.Addrs, n.Addrs)
		d.value("node "+name+": URL", old.URL, n.URL)
	}
	for i := range a.Nodes {
		if n := &a.Nodes[i]; b.Node(n.Number) == nil {
			d.say("node %s goes", ledger.ChainName(n.Member, n.Number))
		}
	}
}

func (d *differ) cosigners(a, b *ledger.Charter) {
	for _, w := range b.Cosigners {
		old := a.Cosigner(w.Member)
		if old == nil {
			d.say("%s becomes a cosigner, with the witness of node %d, key %s", w.Member, w.Node, w.Key)
			continue
		}
		d.value("witness of "+w.Member+": key", old.Key, w.Key)
		d.value("witness of "+w.Member+": node", old.Node, w.Node)
	}
	for _, w := range a.Cosigners {
		if b.Cosigner(w.Member) == nil {
			d.say("%s is no cosigner any more", w.Member)
		}
	}
	if len(a.Cosigners) != len(b.Cosigners) {
		d.say("final: %d of %d cosigners → %d of %d", a.Quorum(), len(a.Cosigners), b.Quorum(), len(b.Cosigners))
	}
}
