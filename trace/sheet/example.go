package sheet

import (
	"maps"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
)

// The numbers of the examples. All have the check digits that they need.
const (
	exampleGTIN = "06901234567892"
	exampleSSCC = "069012340000000016"
	exampleGLN  = "6901234000009"
	exampleLot  = "L20260301"
	exampleDay  = "2026-03-01"
	exampleNote = "DN-20260301-1"
)

var exampleHash = strings.Repeat("3c", 32)

// exampleRow is a record that a node would take, if it knew the goods: who
// removes the mark in front learns nothing wrong.
func (l *layout) exampleRow(lang Lang) []string {
	cells := l.exampleSubject()
	maps.Copy(cells, map[string]string{"group": "DOC-001", "at": "2026-03-01 08:30:00", "zone": "+08:00"})
	if k := l.spec.Kind; k == ledger.KindReceive || k == ledger.KindCancel {
		cells["refs"] = strings.Repeat("1a", 32) // the shipment
	}
	row := []string{exampleMark[lang]}
	for _, c := range l.columns {
		if c.field == nil || cells[c.key] != "" {
			row = append(row, cells[c.key]) // who acts, and where, has no example that fits everybody
		} else {
			row = append(row, l.example(c, lang))
		}
	}
	return row
}

// exampleSubject fills the columns of one way to name goods that the kind
// allows.
func (l *layout) exampleSubject() map[string]string {
	goods := map[string]string{"gtin": exampleGTIN, "run": "0", "first": "0", "last": "23"}
	spec := l.spec
	switch {
	case spec.Kind == ledger.KindCorrect:
		return map[string]string{} // it is about what it corrects
	case spec.Kind == ledger.KindClaim:
		goods["last"] = "0" // of one code
		return goods
	case spec.Allows(trace.SubjectMade):
		goods["output"] = exampleGTIN + "/1/0-23"
		return goods
	case spec.Allows(trace.SubjectContent):
		goods["unit"] = exampleSSCC
		return goods
	case spec.Allows(trace.SubjectRange):
		return goods
	}
	return map[string]string{}
}

// example is what the example row has in the column of a field.
func (l *layout) example(c *column, lang Lang) string {
	name := strings.TrimPrefix(c.key, "field.")
	for _, key := range []string{l.spec.Kind.String() + "." + name, name} {
		if words, ok := exampleWords[key]; ok {
			if lang == Zh {
				return tokenShown(c.field, words[0], lang)
			}
			return words[1]
		}
	}
	if len(c.field.Choices) > 0 {
		return choiceShown(c.field.Choices[0], lang)
	}
	return exampleOf(c.field, lang)
}

// same is an example that needs no translation.
func same(word string) [2]string { return [2]string{word, word} }

// exampleWords are the examples of fields in Chinese and English, by kind and field
// or by field. Empty are those that go with other goods than the example's, that
// few records have, or that need a file which is here already.
var exampleWords = map[string][2]string{
	"documents": {}, "refs": {},
	"quantity.value": {}, "quantity.unit": {},

	"erase.fields": same("contact"), "erase.files": {}, "erase.ground": same("consent-withdrawn"), "erase.note": {"按本人要求", "as was asked for"},

	"product.corrects": {}, "product.producer": {}, "product.picture": {}, "product.reward_trigger": {},
	"product.names.zh": same("玫瑰水"), "product.names.en": same("Rose Water"), "product.origin.zh": same("上海奉贤"), "product.origin.en": same("Fengxian, Shanghai"),
	"product.net_content": same("150 mL"), "product.shelf_life_days": same("1095"), "product.licences": same("GB/T 29665; QB/T 2660"),
	"product.scan_threshold": same("30"), "product.sku": same("A-1001"),

	"place.id": same("dc-1"), "place.kind": {"仓库", "warehouse"}, "place.region": same("310120"), "place.name.zh": same("华东仓"), "place.name.en": same("East DC"), "place.address": {"上海市奉贤区示例路1号", "1 Example Road, Fengxian"},

	"party.slug": same("store-1"), "party.name.zh": same("西湖店"), "party.name.en": same("West Lake Store"),
	"party.public_name.zh": same("西湖店"), "party.public_name.en": same("West Lake Store"),
	"party.company_id": same("91330100EXAMPLE000"), "party.contact": {"王女士 0571-0000", "Ms Wang 0571-0000"}, "party.moved_to": {},

	"appoint.kinds": {}, "appoint.level": same("2"), "appoint.parent": same("dist"), "appoint.to": same("2027-02-28"),

	"run.source": {},

	"activate.co_approval": {},
	"produced":             same("2026-02-27"), "expires": same("2029-02-26"), "line": same("line-2"),

	"void.reason": same("misprint"), "void.note": {"标签印歪", "printed askew"},

	"ship.to": same("dist"), "ship.via": {}, "ship.delivery_notes": same(exampleNote + "; DN-20260301-2"),
	"ship.carrier": {"示例物流", "Example Freight"}, "ship.waybill": same("YD1234567890"),
	"lines.gtin": same(exampleGTIN), "lines.count": same("24"), "lines.expected": same("24"), "lines.counted": same("24"), "lines.damaged": same("1"),
	"receive.from": {}, "receive.notes": {"外箱受潮", "the outer case is damp"},
	"cancel.reason": same("wrong-address"),

	"channel": same("store"), "order": same("SO-1001"), "price": same("199.00 CNY"),
	"return.condition": same("unopened"), "return.reason": {"买错了", "bought by mistake"},

	"inspect.type": same("quality"), "inspect.standard": same("GB/T 29665"), "inspect.issuer": {"示例实验室", "Example Laboratory"},
	"inspect.valid_until": same("2027-02-28"), "inspect.document": {},
	"hold.reason": same("quality"), "hold.text": {"抽检未完成", "samples are being examined"},
	"release.reason": same("cleared"), "release.text": {"抽检合格", "the samples passed"},

	"scope.zh": same("批号 " + exampleLot), "scope.en": same("lot " + exampleLot),
	"reason.zh": same("瓶口有碎屑"), "reason.en": same("chips at the mouth of bottles"),
	"advice.zh": same("请停止使用并退回购买处"), "advice.en": same("Stop using it and bring it back"),
	"contact": same("400-000-0000"), "activated_from": same("2026-02-27 00:00:00"), "activated_to": same("2026-02-28 23:59:59"),

	"correct.replacement": {}, "correct.reason": same("wrong-lot"), "correct.text": {"批号录错", "the lot was mistyped"},

	"claim.opening": same("ABCDE12345"), "claim.claimant": same("C-1"), "claim.token": {},

	"link.href": same("https://www.example.com/rose-water"), "title.zh": same("产品说明"), "title.en": same("About the product"),
}

// exampleOf is an example of a type.
func exampleOf(f *trace.Field, lang Lang) string {
	text := map[Lang]string{Zh: "示例", En: "example"}[lang]
	switch f.Type {
	case trace.TypeUint:
		return "1"
	case trace.TypeBool:
		return map[Lang]string{Zh: "否", En: "no"}[lang]
	case trace.TypeText, trace.TypeTexts:
		return text
	case trace.TypeLot, trace.TypeLots:
		return exampleLot
	case trace.TypeTime:
		return exampleDay + " 08:30:00"
	case trace.TypeURL:
		return "https://www.example.com"
	case trace.TypeLanguage:
		return "zh"
	case trace.TypeLinkType:
		return "gs1:pip"
	case trace.TypeMediaType:
		return "text/html"
	case trace.TypeParty:
		return "dist/store-1"
	case trace.TypePlace:
		return "dist/dc-1"
	case trace.TypeCountry:
		return "CN"
	case trace.TypeRegion, trace.TypeRegions:
		return "330100"
	case trace.TypeDate:
		return exampleDay
	case trace.TypeHash, trace.TypeHashes:
		return exampleHash
	case trace.TypeGTIN, trace.TypeGTINs:
		return exampleGTIN
	case trace.TypeGLN:
		return exampleGLN
	}
	return "example"
}
