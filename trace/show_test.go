package trace

import (
	"reflect"
	"testing"
)

// What a subject shows in JSON is what a draft with it would be about.
func TestSubjectsShowAsDrafts(t *testing.T) {
	box, pallet := Code(boxes, 1, 3), Unit(mustSSCC(palletCodes[0]))
	for _, s := range []Subject{
		codes(1, 7), Of(bottle(3)), Of(pallet), Of(Lot(wine, "L1")), Of(Product(wine)),
		Contents(pallet, Of(box)), Contents(box, codes(2, 4)), Made(codes(0, 1), Of(pallet)),
		{Kind: SubjectPattern, Pattern: &Pattern{GTIN: wine, Run: 1, Start: 5, Per: 4, UnitGTIN: boxes, UnitRun: 1, UnitStart: 2, Units: 6, Except: []Span{{From: 7, To: 8}}}},
	} {
		d := s.Draft()
		got, err := d.subject(nil, 0)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: shown as %s, which is %v, %v", s, mustJSON(t, d), got, err)
		}
	}
}
