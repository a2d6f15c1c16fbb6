package trace

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// Codes of findings. They are stable.
const (
	ShippedByNonHolder = "shipped-by-non-holder"
	ReceivedNotShipped = "received-not-shipped"
	ReceivedByOther    = "received-by-other"
	HeldByTwo          = "held-by-two"
	SoldTwice          = "sold-twice"
	SoldByNonHolder    = "sold-by-non-holder"
	SoldNotActive      = "sold-not-active"
	MovedAfterSold     = "moved-after-sold"
	PackedByNonHolder  = "packed-by-non-holder"
	PackedTwice        = "packed-twice"
	UnpackedNotIn      = "unpacked-not-in"
	NotAuthority       = "not-authority"
	ActivatedTwice     = "activated-twice"
	NotActive          = "not-active"
	EventOnVoid        = "event-on-void"
	VoidCode           = "void"
	Guessable          = "guessable"
	BadPack            = "bad-pack"
	RunConflict        = "run-conflict"
	InspectionFailed   = "inspection-failed"
	RefMissing         = "ref-missing"
	ReceiptMissing     = "receipt-missing"
	ShipmentOpen       = "shipment-open"
	ReceivedAgain      = "received-again"
	CancelNoEffect     = "cancel-no-effect"
	UsedByNonHolder    = "used-by-non-holder"
	MovedAfterUse      = "moved-after-use"
	Relabelled         = "relabelled"
	PartOfSet          = "part-of-set"
	SourceRecalled     = "source-recalled"
	SourceWarning      = "source-warning"
	ClaimedTwice       = "claimed-twice"
	RevokedLater       = "signer-revoked-later"
	SaleMissing        = "sale-missing"
	ReturnedByOther    = "returned-by-other"
	OnHold             = "on-hold"
	SoldOnHold         = "sold-on-hold"
	ReleaseNoEffect    = "release-no-effect"
	CorrectionNoEffect = "correction-no-effect"
	IsRecalled         = "recalled"
	IsWithdrawn        = "withdrawn"
	Late               = "late"
	Misdated           = "misdated"
	ClockOutside       = "clock-outside-bracket"
	TooLong            = "too-long"

	// These stand in now, not in the trail.
	Expired         = "expired"
	Diverted        = "diverted"
	ScannedOutside  = "scanned-outside-territory"
	NegativeStock   = "negative-stock"
	QuantityDiffers = "quantity-differs"
	LinesDiffer     = "lines-differ"
	ReceivedDamaged = "received-damaged"
	ShortReceipt    = "short-receipt"
	OverReceipt     = "over-receipt"
	TakenBack       = "taken-back"

	ChainForked = "chain-forked" // about a chain, in no trail: see Forked
)

// A Severity ranks findings.
type Severity string

// The severities. A public warning makes the verdict warning, a public critical
// finding makes it suspicious.
const (
	Info     Severity = "info"
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// rank is higher for what is worse.
func (s Severity) rank() int {
	return slices.Index([]Severity{Info, Notice, Warning, Critical}, s)
}

// A findingSpec is one row of the table of findings. In its sentences {a} is
// who bears the finding, {b} the other side, {at} the time of the event; {n}
// and {m} are numbers, {reason}, {advice} and {contact} what the bearer wrote,
// {where} a region, {unit} a unit of measure, {what} a product or lot and {goods}
// {n} of it.
// Both sides are names that the reader may see.
type findingSpec struct {
	severity Severity
	audience ledger.Audience // public, members or parties
	zh, en   string
}

// notices are findings that the public is to heed, and that contradict nothing:
// somebody with the right to has said so, or the fold has.
var notices = map[string]bool{IsRecalled: true, IsWithdrawn: true, OnHold: true, InspectionFailed: true,
	Relabelled: true, SourceRecalled: true, SourceWarning: true, TooLong: true}

var findingSpecs = map[string]findingSpec{
	ChainForked: {Critical, pub,
		"{a}的一条日志签出了两份互相矛盾的历史；别家不再会签它，须由新章程终止。",
		"A chain of {a} has two signed histories; nobody cosigns it any more, and a charter has to end it."},
	ShippedByNonHolder: {Warning, pub,
		"{a}登记了发货，但按记录，当时持有此商品的不是{a}（而是{b}）。",
		"{a} recorded a shipment, but by the records {b} held the item then."},
	ReceivedNotShipped: {Warning, pub,
		"{a}登记了收货，但没有发往{a}的发货记录（按记录，此前由{b}持有）。",
		"{a} recorded a receipt, but there is no record of a shipment to it; by the records {b} held the item."},
	ReceivedByOther: {Notice, mem,
		"{a}收到了{b}发给另一方的货。",
		"{a} received what {b} had shipped to somebody else."},
	HeldByTwo: {Critical, pub,
		"{a}和{b}的记录都表明，带此码的商品在自己手中。",
		"By their records {a} and {b} both hold an item with this code."},
	SoldTwice: {Critical, pub,
		"此码被售出两次：先由{b}，后由{a}。",
		"This code was sold twice: by {b}, then by {a}."},
	SoldByNonHolder: {Warning, pub,
		"{a}登记了售出，但按记录，当时持有此商品的是{b}。",
		"{a} recorded a sale, but by the records {b} held the item then."},
	SoldNotActive: {Warning, pub,
		"{a}登记了售出，但此码当时尚未启用。",
		"{a} recorded a sale before the code was activated."},
	MovedAfterSold: {Warning, pub,
		"{b}登记售出之后，{a}又登记了此商品的流转。",
		"After {b} had recorded its sale, {a} recorded another movement of the item."},
	PackedByNonHolder: {Warning, pub,
		"{a}登记了装箱或拆箱，但按记录，当时持有此商品的是{b}。",
		"{a} recorded packing or unpacking, but by the records {b} held the item then."},
	PackedTwice: {Warning, pub,
		"{a}登记装入一箱，但按记录，此商品在{b}的另一箱中。",
		"{a} recorded packing the item, but by the records it was in another case of {b}."},
	UnpackedNotIn: {Notice, mem,
		"{a}登记从箱中取出，但没有装入该箱的记录。",
		"{a} recorded taking the item out of a unit, but there is no record of it being in there."},
	NotAuthority: {Notice, mem,
		"{a}登记了一件它无权登记的事，不予采信。",
		"{a} recorded something that it has no right to record; it does not count."},
	ActivatedTwice: {Warning, pub,
		"此码被启用两次，以{b}的第一次为准。",
		"The code was activated twice; the first activation, by {b}, counts."},
	NotActive: {Warning, pub,
		"此码已印制，但尚未启用。",
		"The code has been issued, but not put to use yet."},
	EventOnVoid: {Critical, pub,
		"此码已由{b}作废，此后{a}仍登记了流转。",
		"{b} had declared the code void, and {a} recorded a movement after that."},
	VoidCode: {Warning, pub,
		"此码已由{a}作废。",
		"The code has been declared void by {a}."},
	Guessable: {Warning, pub,
		"这批序列号可以被猜出，不能单凭此码判断。",
		"Serials of this kind can be guessed, so the code alone says little."},
	BadPack: {Warning, pub,
		"{a}的码包与其签发记录不符。",
		"The pack of codes of {a} does not match its record."},
	RunConflict: {Notice, mem,
		"{a}另登记了同一批号的码，以商品档案指定的签发方为准。",
		"{a} recorded a run with the same number; the one of the issuer that the product names counts."},
	InspectionFailed: {Warning, pub,
		"{a}登记的一次检验结果为不合格。",
		"An inspection that {a} recorded was not passed."},
	RefMissing: {Notice, mem,
		"{a}引用的一条记录尚未到达，暂按属实处理。",
		"A record that {a} refers to has not arrived; it counts as taken."},
	ReceiptMissing: {Notice, mem,
		"{a}没有登记收货就处理了{b}发来的货。",
		"{a} handled what {b} had shipped to it without recording the receipt."},
	ShipmentOpen: {Notice, mem,
		"{a}在自己的发货尚未收到或取消时又登记了处理。",
		"{a} handled the item while its shipment was neither received nor cancelled."},
	ReceivedAgain: {Notice, mem,
		"{a}重复登记了收货。",
		"{a} recorded the receipt again."},
	CancelNoEffect: {Notice, mem,
		"{a}取消的发货不存在、已收到，或与其无关。",
		"The shipment that {a} cancelled is not there, has been received, or is not its own."},
	UsedByNonHolder: {Warning, pub,
		"{a}登记了组套、改签或重新包装，但按记录，当时持有此商品的是{b}。",
		"{a} recorded making something of the item, but by the records {b} held it then."},
	MovedAfterUse: {Warning, pub,
		"{b}登记将此商品制成其他商品之后，{a}又登记了它的流转。",
		"After {b} had made something else of the item, {a} recorded a movement of it."},
	Relabelled: {Warning, pub,
		"{a}已为此商品更换标签或包装，此码不应再出现在商品上。",
		"{a} has relabelled or repacked this item; its code should not be on goods any more."},
	PartOfSet: {Notice, pub,
		"{a}已将此商品放入一个套装。",
		"{a} has made this item part of a set."},
	SourceRecalled: {Critical, pub,
		"制成此商品的一件商品正由{a}召回。原因：{reason}。处理办法：{advice}。联系方式：{contact}。",
		"{a} is recalling something of which this item was made. Reason: {reason}. What to do: {advice}. Contact: {contact}."},
	SourceWarning: {Warning, pub,
		"{a}制成此商品所用的商品，其记录有需要留意之处。",
		"The records of something of which {a} made this item have something to note."},
	ClaimedTwice: {Warning, pub,
		"{a}登记了暗码再次被使用，第一次是在{at}。",
		"{a} recorded another use of the hidden code; the first was on {at}."},
	RevokedLater: {Notice, mem,
		"为{a}登记此事的密钥后来被停用。",
		"The key that signed this for {a} was revoked later."},
	SaleMissing: {Notice, mem,
		"{a}收回了退货，但没有此前的售出记录。",
		"{a} took the item back, but its sale had not been recorded."},
	ReturnedByOther: {Warning, pub,
		"{a}登记了退货，但按记录，此商品未售出，由{b}持有。",
		"{a} recorded a return, but by the records the item was unsold and held by {b}."},
	OnHold: {Warning, pub,
		"{a}已要求暂停流通和使用，等待核查。",
		"{a} has put the item on hold while something is being checked."},
	SoldOnHold: {Notice, mem,
		"{a}登记了售出，而{b}已要求暂停流通。",
		"{a} recorded a sale while {b} had the item on hold."},
	ReleaseNoEffect: {Notice, mem,
		"{a}登记了恢复流通，但没有它可以解除的暂停。",
		"{a} recorded a release, but there is no hold that it could end."},
	CorrectionNoEffect: {Notice, mem,
		"{a}更正或撤回了自己的发货，而{b}此前已登记收货；此更正不予采信。",
		"{a} took back its shipment after {b} had recorded the receipt; that does not count."},
	IsRecalled: {Critical, pub,
		"{a}正在召回此商品。原因：{reason}。处理办法：{advice}。联系方式：{contact}。",
		"{a} is recalling this item. Reason: {reason}. What to do: {advice}. Contact: {contact}."},
	IsWithdrawn: {Warning, pub,
		"{a}已将此商品撤出市场。原因：{reason}。处理办法：{advice}。联系方式：{contact}。",
		"{a} has taken this item off the market. Reason: {reason}. What to do: {advice}. Contact: {contact}."},
	Late: {Notice, pty,
		"{a}在事情发生{n}小时之后才登记。",
		"{a} recorded this {n} hours after it happened."},
	Misdated: {Warning, pub,
		"{a}登记的一件事，其日期早于{a}当时已知的记录，并使这些记录互相矛盾；以登记先后为准。",
		"{a} dated a record before others that it knew, which would then contradict each other; it counts after those."},
	ClockOutside: {Notice, mem,
		"{a}的时钟与其他公司的记录不符。",
		"The clock of {a} does not agree with the records of other companies."},
	TooLong: {Warning, pub,
		"记录过多，只显示最早的部分。",
		"There are too many records; only the earliest are shown."},
	Expired: {Warning, pub,
		"按记录，此商品已于{at}过期。",
		"By the records the item expired on {at}."},
	Diverted: {Notice, pty,
		"{a}将商品售往{where}，不在其授权区域内。",
		"{a} sold the item in {where}, which is outside its territory."},
	ScannedOutside: {Notice, pty,
		"{b}发给{a}的一批货中，有{m}件已被查询，其中{n}件首次查询不在{a}的授权区域内，最多的在{where}。",
		"Of a shipment by {b} to {a}, {m} items have been looked up, {n} of them first outside the territory of {a}, mostly in {where}."},
	NegativeStock: {Notice, pty,
		"按记录，{a}发出和售出的此批次多于收到和生产的：差{n} {unit}。",
		"By the records {a} has shipped and sold more of the lot than it made and received: {n} {unit} too many."},
	QuantityDiffers: {Notice, pty,
		"{a}收货清点{what}：应有{n}件，实有{m}件。",
		"{a} counted {what} on receipt: {n} expected, {m} there."},
	LinesDiffer: {Notice, pty,
		"{a}在单据中将{what}计为{n}件，而同一记录所含的码为{m}件。",
		"The lines of a record by {a} count {n} of {what}, and its codes are {m}."},
	ReceivedDamaged: {Notice, pty,
		"{a}收货清点{what}：{m}件中有{n}件破损。",
		"{a} counted {what} on receipt: {n} of {m} damaged."},
	ShortReceipt: {Notice, pty,
		"{a}的发货中，{goods}没有收货记录。",
		"Of a shipment by {a}, {goods} have no record of receipt."},
	OverReceipt: {Notice, pty,
		"{a}收到{goods}，而{b}的发货中没有。",
		"{a} received {goods} that the shipment by {b} did not have."},
	TakenBack: {Notice, pty,
		"{a}取消或减少了自己的发货，而{b}已登记收到其中的{goods}。",
		"{a} cancelled its shipment, or made less of it, though {b} had recorded the receipt of {goods} of it."},
}

// A FindingKind is a row of the table of findings as people read it: what stands in
// braces is filled in.
type FindingKind struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Audience string   `json:"audience"` // public, members or parties
	Zh       string   `json:"zh"`
	En       string   `json:"en"`
}

// FindingKinds returns the table of findings by code.
func FindingKinds() []FindingKind {
	var list []FindingKind
	for _, code := range slices.Sorted(maps.Keys(findingSpecs)) {
		s := findingSpecs[code]
		list = append(list, FindingKind{code, s.severity, s.audience.String(), s.zh, s.en})
	}
	return list
}

// A Finding is something wrong or noteworthy. Its sentences depend on who
// reads them, because names do; see [Trail.For].
type Finding struct {
	Code     string
	Severity Severity
	Audience ledger.Audience // public, members or parties
	Records  []ledger.Hash   // ids of the records that show it, the bearer's first
	Parties  []string        // ascending member slugs: who may see it, if Audience is parties

	a, b string // parties: the bearer and the other side
	at   string // date or time, where the sentence has one
	n, m uint64

	reason, advice Names // in the bearer's words
	contact        string
	where          Names // a region
	gtin           gs1.GTIN
	lot, unit      string
	due            int64 // see Due
}

// newFinding makes a finding of the table about an event.
func newFinding(code string, e *Event) Finding {
	spec := findingSpecs[code]
	f := Finding{Code: code, Severity: spec.severity, Audience: spec.audience}
	if e != nil {
		f.a = e.Actor()
		f.Records = []ledger.Hash{e.ID}
	}
	if code == IsRecalled || code == IsWithdrawn {
		f.reason, f.advice, f.contact = e.Fields.Names("reason"), e.Fields.Names("advice"), e.Fields.Text("contact")
	}
	return f
}

// quieted returns the finding as a notice for members.
func (f Finding) quieted() Finding {
	if f.Severity.rank() > Notice.rank() {
		f.Severity = Notice
	}
	if f.Audience == ledger.Public {
		f.Audience = ledger.Members
	}
	return f
}

// with adds the other side.
func (f Finding) with(other *Event) Finding {
	if other != nil {
		f.b = other.Actor()
		if !slices.Contains(f.Records, other.ID) {
			f.Records = append(f.Records, other.ID)
		}
		if f.Code == ClaimedTwice {
			f.at = dayOf(other.At, other.Zone)
		}
	}
	return f
}

// Forked is the finding that one of a member's chains has two histories.
func Forked(member string) Finding {
	f := newFinding(ChainForked, nil)
	f.a = member
	return f
}

// sentences puts the finding into words; name gives a party's names.
func (f *Finding) sentences(name func(party string) Names) (zh, en string) {
	spec := findingSpecs[f.Code]
	a, b := name(f.a), name(f.b)
	reasonZh, reasonEn := f.reason.Either()
	adviceZh, adviceEn := f.advice.Either()
	whereZh, whereEn := f.where.Either()
	what, goods := f.what(), f.goods()
	common := []string{"{at}", f.at, "{n}", decimal(f.n), "{m}", decimal(f.m), "{unit}", f.unit, "{contact}", unstopped(f.contact)}
	fill := func(text string, words ...string) string {
		return strings.NewReplacer(append(words, common...)...).Replace(text)
	}
	return fill(spec.zh, "{a}", a.Zh, "{b}", b.Zh, "{reason}", unstopped(reasonZh), "{advice}", unstopped(adviceZh), "{where}", whereZh, "{what}", what.Zh, "{goods}", goods.Zh),
		fill(spec.en, "{a}", a.En, "{b}", b.En, "{reason}", unstopped(reasonEn), "{advice}", unstopped(adviceEn), "{where}", whereEn, "{what}", what.En, "{goods}", goods.En)
}

// what names the product or lot of a finding about quantities.
func (f *Finding) what() Names {
	n := Names{"商品" + f.gtin.String(), "product " + f.gtin.String()}
	switch {
	case f.gtin.IsZero():
		return Names{"物流单元", "logistic units"}
	case f.lot != "":
		return Names{n.Zh + "（批号" + f.lot + "）", "lot " + f.lot + " of " + n.En}
	}
	return n
}

// goods is so much of it.
func (f *Finding) goods() Names {
	what, n := f.what(), decimal(f.n)
	switch {
	case f.unit != "":
		return Names{n + " " + f.unit + " " + what.Zh, n + " " + f.unit + " of " + what.En}
	case f.gtin.IsZero() && f.n == 1:
		return Names{"1个" + what.Zh, "1 logistic unit"}
	case f.gtin.IsZero():
		return Names{n + "个" + what.Zh, n + " " + what.En}
	case f.n == 1:
		return Names{"1件" + what.Zh, "1 piece of " + what.En}
	}
	return Names{n + "件" + what.Zh, n + " pieces of " + what.En}
}

// Due is when a finding begins to hold, in ms since 1970 UTC: 0 is at once. What
// is missing of a shipment may yet come.
func (f *Finding) Due() int64 { return f.due }

// About tells findings about several products apart that rest on the same records:
// the GTIN and lot of one about quantities, else "".
func (f *Finding) About() string {
	if f.gtin.IsZero() {
		return ""
	}
	return f.gtin.String() + " " + f.lot
}

// unstopped is a text without the full stop that the sentence around it has.
func unstopped(s string) string { return strings.TrimRight(s, "。. \n") }

// sortFindings puts the worst first, and otherwise keeps the order of the
// timeline.
func sortFindings(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(b.Severity.rank(), a.Severity.rank()) })
}

// sameFinding reports whether two findings say the same.
func sameFinding(a, b Finding) bool {
	return a.Code == b.Code && slices.Equal(a.Records, b.Records)
}
