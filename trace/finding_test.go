package trace

import (
	"fmt"
	"strings"
	"testing"
)

// TestFindingKindsAreStable pins codes, severities, audiences and sentences: programs
// of partners go by the codes. Run with -update after a wanted change.
func TestFindingKindsAreStable(t *testing.T) {
	var b strings.Builder
	for _, k := range FindingKinds() {
		fmt.Fprintf(&b, "%s %s %s\n\t%s\n\t%s\n", k.Code, k.Severity, k.Audience, k.Zh, k.En)
	}
	golden(t, "findings.txt", []byte(b.String()))
}

// Whatever is done to an item in whatever state by whomever, findings say it with
// their facts: with names on both sides, and the records that show it.
func TestFindingsHaveTheirFacts(t *testing.T) {
	name := func(party string) Names { return Names{Zh: party, En: party} }
	told := 0
	for _, s := range custodyStates {
		for _, kind := range custodyKinds {
			for _, actor := range []string{"lanzhi", "wh", "dist", "audit"} {
				w := newWorld(t)
				w.product()
				s.do(w)
				subject := codes(5, 5)
				switch kind {
				case pack, unpack:
					subject = Contents(Unit(mustSSCC("069012340000000023")), subject)
				case making:
					subject = Made(Of(Unit(mustSSCC("069012340000000023"))), subject)
				}
				w.do(actor, kind, about(subject), to("wh"), field("disposition", "restock"), field("type", "relabel"), field("result", "fail"))
				tr := w.fold(bottle(5))
				for i := range tr.Findings {
					f := &tr.Findings[i]
					told++
					spec := findingSpecs[f.Code]
					for part, fact := range map[string]string{"{a}": f.a, "{b}": f.b, "{at}": f.at} {
						if strings.Contains(spec.zh+spec.en, part) && fact == "" {
							t.Errorf("%s, %s by %s: %s does not say %s", s.state, kind, actor, f.Code, part)
						}
					}
					if zh, en := f.sentences(name); strings.ContainsAny(zh+en, "{}") {
						t.Errorf("%s, %s by %s: %s / %s", s.state, kind, actor, zh, en)
					}
					if len(f.Records) == 0 || strings.Contains(spec.zh, "{b}") && len(f.Records) < 2 {
						t.Errorf("%s, %s by %s: %s rests on %d records", s.state, kind, actor, f.Code, len(f.Records))
					}
				}
			}
		}
	}
	if told < 100 {
		t.Errorf("%d findings say little", told)
	}
}
