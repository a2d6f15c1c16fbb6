package trace

import (
	"slices"

	"suyuan/ledger"
)

// LeaveOut notes in a trail that records of some members were not looked at, as there
// were too many. It is a warning where any of them may count: whoever floods an item
// with records must not hide a later one so. What strangers to the item record counts
// for nothing, however much it is, and is for members to see: else anybody could cast
// doubt on another's goods with a thousand records that name all of them. Nothing else
// of the trail may have been shown to anybody yet.
func (t *Trail) LeaveOut(members []string) {
	f := newFinding(TooLong, nil)
	if len(members) > 0 && !slices.ContainsFunc(members, t.knows) {
		f = f.quieted()
	}
	t.Findings = slices.DeleteFunc(t.Findings, func(f Finding) bool { return f.Code == TooLong })
	t.Findings = append(t.Findings, f)
	sortFindings(t.Findings)
	if f.Audience == ledger.Public {
		t.Verdict = Worse(t.Verdict, Warn)
	}
}

// knows reports whether what a member records of the item may count: it or a party
// that it hosts has had the item or was sent it, or it may speak of such goods in any
// case. Of what nobody has had, anybody may be the first to tell.
func (t *Trail) knows(member string) bool {
	if t.rules.authority(member, t.Item) || t.rules.examines(member, t.Item) {
		return true
	}
	for _, e := range t.appoints {
		if memberOf(e.Fields.Text("party")) == member {
			return true
		}
	}
	if t.Item.Kind == ItemLot || t.Item.Kind == ItemGTIN {
		return false
	}
	for p := range t.known {
		if memberOf(p) == member {
			return true
		}
	}
	return len(t.known) == 0
}
