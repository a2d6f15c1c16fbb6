package trace

import (
	"fmt"

	"suyuan/ledger"
)

// A Verdict is the one word of an answer. The words are stable.
type Verdict string

// The verdicts.
const (
	Consistent  Verdict = "consistent"   // issued, and nothing public speaks against it
	Warn        Verdict = "warning"      // issued, with something to note
	Suspicious  Verdict = "suspicious"   // records that hardly fit one single item
	Recalled    Verdict = "recalled"     // a recall covers the item
	Unknown     Verdict = "unknown"      // the run is not known here
	NeverIssued Verdict = "never-issued" // the run is known, and the code's absence proven
)

var verdictRank = map[Verdict]int{Consistent: 1, Warn: 2, Suspicious: 3, Recalled: 4, Unknown: 5, NeverIssued: 6}

// Worse returns the verdict that stands when two parts of an answer have
// different ones.
func Worse(a, b Verdict) Verdict {
	if verdictRank[b] > verdictRank[a] {
		return b
	}
	return a
}

// verdictOf is the verdict of a finding. What is not public never counts.
func verdictOf(f *Finding) Verdict {
	if f.Audience != ledger.Public {
		return Consistent
	}
	switch {
	case f.Code == IsRecalled || f.Code == SourceRecalled:
		return Recalled
	case f.Severity == Critical:
		return Suspicious
	case f.Severity == Warning:
		return Warn
	}
	return Consistent
}

// VerdictOf is the verdict that findings make by themselves.
func VerdictOf(list []Finding) Verdict {
	v := Consistent
	for i := range list {
		v = Worse(v, verdictOf(&list[i]))
	}
	return v
}

// Headline is the sentence that a verdict is shown with. brand is who issues
// codes of the product; note is a sentence about what to note, for a warning.
func (v Verdict) Headline(brand, note Names) (zh, en string) {
	switch v {
	case Consistent:
		return fmt.Sprintf("此码由%s签发，流通记录一致", brand.Zh),
			fmt.Sprintf("Issued by %s; the records agree", brand.En)
	case Warn:
		return fmt.Sprintf("此码由%s签发，有一项请留意：%s", brand.Zh, note.Zh),
			fmt.Sprintf("Issued by %s; please note: %s", brand.En, note.En)
	case Suspicious:
		return "请谨慎：此码可能被复制", "Caution: this code may have been copied"
	case Recalled:
		return "该产品正在召回，请停止使用", "This product is being recalled; stop using it"
	case NeverIssued:
		return fmt.Sprintf("%s没有签发过此码", brand.Zh),
			fmt.Sprintf("%s has never issued this code", brand.En)
	}
	return "暂未查到此码，请稍后再试", "Not found yet, please try again"
}

// CautionZh and CautionEn stand on every answer for people, whatever the verdict.
const (
	CautionZh = "核验的是码和记录，不是包装内的商品；请核对品名、批号、日期与包装。"
	CautionEn = "What is checked is the code and the records, not the goods in the package; compare name, lot, dates and packaging."
)
