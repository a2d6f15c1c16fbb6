package proof

import (
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// What [Result.Code] says.
const (
	StatusIssued      = "issued"
	StatusNeverIssued = "never-issued"
)

// A Result is what a bundle proves.
type Result struct {
	Network  ledger.Hash `json:"network"`
	Name     string      `json:"name"`     // of the network
	Compared bool        `json:"compared"` // the network id was compared with one known from elsewhere
	URI      string      `json:"uri"`
	GTIN     string      `json:"gtin"`
	Serial   string      `json:"serial"`
	Code     string      `json:"code"` // issued or never-issued

	// Trail is what the events shown tell, as the presenter of the code sees
	// it, and Verdict the trail's. A node, which also reads the fields for
	// members, may come to another one; see Limits.
	Verdict trace.Verdict    `json:"verdict"`
	Trail   *trace.TrailView `json:"trail"`

	Events []Event `json:"events"` // every record shown, by chain and position

	// Limits say in plain words, Chinese then English, what the bundle does
	// not prove. Whoever shows a result shows them.
	Limits []string `json:"limits"`
}

// An Event is one record shown: signed, granted and final.
type Event struct {
	Chain    uint32      `json:"chain"`
	Seq      uint64      `json:"seq"`
	ID       ledger.Hash `json:"id"`
	Kind     string      `json:"kind"`
	Member   string      `json:"member"`
	At       string      `json:"at"`       // RFC 3339, in the zone of the event
	Recorded string      `json:"recorded"` // RFC 3339, UTC

	Cosigners []string `json:"cosigners"` // members whose signatures on the checkpoint count
	Of        int      `json:"of"`        // cosigners that the charter names
	Quorum    int      `json:"quorum"`    // how many make a checkpoint final
}

func (v *verifier) result(compared bool) *Result {
	trail := trace.Fold(v.input())
	r := &Result{
		Network: v.net.ID, Name: v.net.Name, Compared: compared,
		URI: v.bundle.URI, GTIN: v.name.gtin.String(), Serial: v.name.serial,
		Code: StatusIssued, Limits: v.limits(compared),
		Verdict: trail.Verdict, Trail: trail.For(trace.Viewer{Code: true}),
	}
	if v.absent() {
		r.Code = StatusNeverIssued
	}
	for _, rec := range v.shown.records {
		r.Events = append(r.Events, v.eventOf(rec))
	}
	return r
}

// input is what the trail is folded from. The charters are those that the
// entries shown put in force.
func (v *verifier) input() trace.Input {
	in := trace.Input{
		Item: v.item, URI: v.bundle.URI, Serial: v.name.serial, Absent: v.absent(),
		Events: v.events, AsOf: make(map[uint32]uint64), Appointed: believed,
	}
	newest := uint64(1)
	for number, c := range v.shown.chains {
		in.AsOf[number] = c.size
		for _, e := range c.charters {
			newest = max(newest, e.Entry.Charter.Version)
		}
	}
	for n := uint64(1); n <= newest; n++ {
		in.Charters = append(in.Charters, v.net.Version(n).Charter)
	}
	return in
}

// believed reports whether an event is taken to be signed by one whom the brand had
// appointed. Appointments are for members, so that no bundle shows them: whoever
// made it has left out what was signed without one. What ends a warning is never
// believed.
func believed(e *trace.Event) bool {
	switch e.Kind {
	case ledger.KindActivate, ledger.KindTransform, ledger.KindVoid, ledger.KindInspect, ledger.KindHold:
		return true
	}
	return false
}

// onTrust reports whether an event shown counts only if the brand has appointed
// its actor.
func (v *verifier) onTrust() bool {
	return slices.ContainsFunc(v.shown.records, func(r *record) bool {
		switch r.event.Kind {
		case ledger.KindActivate, ledger.KindTransform:
		default:
			return false
		}
		for _, s := range r.event.Subjects {
			if a := v.net.Newest().Charter.GTINAuthority(gtinOf(s).Uint64()); a == nil || a.Slug != r.event.Member {
				return true
			}
		}
		return false
	})
}

// gtinOf is the product of what a subject says was activated or made.
func gtinOf(s trace.Subject) gs1.GTIN {
	switch s.Kind {
	case trace.SubjectMade:
		return s.Output.Range.GTIN
	case trace.SubjectRange:
		return s.Range.GTIN
	}
	return s.GTIN
}

func (v *verifier) eventOf(r *record) Event {
	e, charter := r.event, v.shown.chains[r.Chain].version.Charter
	return Event{
		Chain: r.Chain, Seq: r.Seq, ID: e.ID, Kind: e.Kind.String(), Member: e.Member,
		At: rfc3339(e.At, e.Zone), Recorded: rfc3339(e.Recorded, 0),
		Cosigners: v.shown.chains[r.Chain].final.Cosigners, Of: len(charter.Cosigners), Quorum: charter.Quorum(),
	}
}

// rfc3339 writes milliseconds in a zone given in minutes.
func rfc3339(ms int64, zone int) string {
	return time.UnixMilli(ms).In(time.FixedZone("", zone*60)).Format("2006-01-02T15:04:05.000Z07:00")
}

// limits says what v's bundle does not prove.
func (v *verifier) limits(compared bool) []string {
	var list []string
	if !compared {
		list = append(list, "未与已知的网络编号比对：请从另一来源核对网络编号。"+
			" The network id was not compared with a known one; compare it with one from another source.")
	}
	list = append(list,
		"本证明不能显示没有遗漏，也不能显示其间没有撤销授权或更换章程：这些由会签的多数公司和提供证明的服务器负责。"+
			" That nothing is missing, and that no revocation or newer charter stands between, is not shown here; it rests on the quorum that cosigned and on the server that gave the proof.",
		"仅供成员查看的内容（如发往何处、引用了哪些记录）不在证明中，流转次序以登记的时间为准；能看到这些内容的节点可能得出不同的结论。"+
			" What is for members only, such as to whom goods were sent and which records refer to which, is not in the proof, and events stand in the order of their times; a node that sees these fields may come to another verdict.",
		"证明的是码和记录，不是包装内的商品。"+
			" Codes and records are proven, not the goods in the package.")
	if !v.absent() {
		list = append(list, "查询次数和地点不是记录，不在证明中；网页会因此提醒此码可能被复制。"+
			" How often and where the code was looked up is no record and not in the proof; a page may warn because of it that the code was copied.")
	}
	if v.shown.erasures > 0 {
		list = append(list, "有的内容已由记录者擦除，本证明只显示擦除的记录。"+
			" Some of it was erased by those who had recorded it; of that the proof shows only the records that say so.")
	}
	if v.onTrust() {
		list = append(list, "有的启用或加工由品牌授权的公司记录；授权书仅供成员查看，本证明不能显示。"+
			" Something was activated or made by a company that is not the brand; that the brand had appointed it is for members to see, and is not shown here.")
	}
	if v.absent() {
		list = append(list, "所示批次中没有此码；若该商品另有外来序列号的批次，其中有无此码由提供证明的服务器负责。"+
			" The code is not in the run shown; that no list of foreign serials of the product has it rests on the server.")
	}
	if q := v.net.Newest().Charter; len(q.Cosigners) < 4 {
		list = append(list, "会签公司少于四家，无法容忍其中任何一家作假。"+
			" With fewer than four cosigners the network tolerates no dishonest one among them.")
	}
	return list
}
