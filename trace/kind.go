package trace

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace/code"
)

// A Field is one row of the table of fields of a kind.
type Field struct {
	// Number is the key in the record's map of public fields, or the path of
	// the disclosure. Numbers count from 1 in each kind and are never reused.
	Number   uint64
	Name     string // in JSON, snake_case
	Type     Type
	Audience ledger.Audience

	InRecord bool     // stands in the record's bytes; otherwise it is a disclosure
	Required bool     // a record without it is refused at the author's door
	Folded   bool     // the fold reads it: it cannot be erased, and must be shared
	Attached bool     // names attachments by their digests
	Choices  []string // the only values, if not empty
	Min, Max uint64   // of a TypeUint field; a Max of 0 is MaxNumber
	Doc      string   // what it says, one phrase

	EPCIS EPCISHome // where it stands in an EPCIS event
}

// A KindSpec is the table's part about one kind.
type KindSpec struct {
	Kind     ledger.Kind
	Who      string // who may sign it, for people; [Admit] holds the rule
	Doc      string // what it says happened
	Fields   []Field
	Subjects []SubjectKind // allowed; none: the event is about what its fields name
	EPCIS    EPCISEvent    // as which event EPCIS has it
}

// Short forms that keep the table readable.
const (
	pub = ledger.Public
	itm = ledger.Item
	mem = ledger.Members
	pty = ledger.Parties
	own = ledger.Own
)

// The numbers of fields that every kind may have.
const (
	refsNumber      = 0
	documentsNumber = 100
)

// common fields of every kind.
var common = []Field{
	{Number: refsNumber, Name: "refs", Type: TypeHashes, Audience: mem, Folded: true, Doc: "leaf hashes of earlier entries that this one follows"},
	{Number: documentsNumber, Name: "documents", Type: TypeHashes, Audience: mem, Attached: true, Doc: "SHA-256 of documents for members"},
}

var (
	inUnits      = []SubjectKind{SubjectContent, SubjectPattern}
	codesOrLot   = []SubjectKind{SubjectRange, SubjectSSCC, SubjectLot}
	goodsAndMore = []SubjectKind{SubjectRange, SubjectSSCC, SubjectLot, SubjectGTIN}
	scopes       = []SubjectKind{SubjectRange, SubjectLot, SubjectGTIN}
)

// The events that a product can name as its reward trigger.
const (
	TriggerActivated = "activated"
	TriggerShipped   = "shipped"
	TriggerSold      = "sold"
)

// recallFields are those of recalls and withdrawals. Each filter narrows the
// subjects: all that are given must fit.
var recallFields = []Field{
	{Number: 1, Name: "class", Type: TypeToken, Audience: pub, InRecord: true, Required: true, Doc: "how grave, class-1 being the gravest",
		Choices: []string{"class-1", "class-2", "class-3"}},
	{Number: 2, Name: "scope", Type: TypeNames, Audience: pub, Required: true, Doc: "what is concerned, in words"},
	{Number: 3, Name: "reason", Type: TypeNames, Audience: pub, Required: true, Folded: true, Doc: "why"},
	{Number: 4, Name: "advice", Type: TypeNames, Audience: pub, Required: true, Folded: true, Doc: "what to do"},
	{Number: 5, Name: "contact", Type: TypeText, Audience: pub, Required: true, Folded: true, Doc: "whom to ask"},
	{Number: 6, Name: "lots", Type: TypeLots, Audience: mem, Folded: true, Doc: "filter: items of these lots"},
	{Number: 7, Name: "activated_from", Type: TypeTime, Audience: mem, Folded: true, Doc: "filter: items activated then or later"},
	{Number: 8, Name: "activated_to", Type: TypeTime, Audience: mem, Folded: true, Doc: "filter: items activated then or earlier"},
	{Number: 9, Name: "line", Type: TypeToken, Audience: mem, Folded: true, Doc: "filter: items of this production line"},
}

// stopFields are those of holds and releases.
var stopFields = []Field{
	{Number: 1, Name: "reason", Type: TypeToken, Audience: itm, Required: true, Doc: "such as quality, damage, dispute, cleared"},
	{Number: 2, Name: "text", Type: TypeText, Audience: pty, Doc: "what happened"},
}

// specs is the table: validation, JSON and documentation come from it. It is
// never changed.
var specs = []KindSpec{
	{Kind: ledger.KindErase, Who: "the author of what it erases", Doc: "disclosures and files of an own record whose bytes every node forgets",
		EPCIS: EPCISEvent{None: aboutRecords},
		Fields: []Field{
			{Number: 1, Name: "digests", Type: TypeHashes, Audience: pub, InRecord: true, Doc: "of the disclosures, ascending"},
			{Number: 2, Name: "ground", Type: TypeToken, Audience: mem, Required: true, Doc: "such as consent-withdrawn, purpose-ended, court-order"},
			{Number: 3, Name: "record", Type: TypeHash, Audience: pub, InRecord: true, Required: true, Doc: "id of the record that has them, on the same chain"},
			{Number: 4, Name: "fields", Type: TypeTexts, Audience: mem, Doc: "names of the fields that they are"},
			{Number: 5, Name: "files", Type: TypeHashes, Audience: pub, InRecord: true, Doc: "SHA-256 of files that the record names, ascending"},
			{Number: 6, Name: "note", Type: TypeText, Audience: own, Doc: "for the author's own files"},
		}},
	{Kind: ledger.KindProduct, Who: "the member to which the charter gives the GTIN", Doc: "a product, or a new version of it",
		EPCIS: EPCISEvent{None: masterData},
		Fields: []Field{
			{Number: 1, Name: "gtin", Type: TypeGTIN, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "the product's GTIN"},
			{Number: 2, Name: "version", Type: TypeUint, Min: 1, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "counts from 1"},
			{Number: 3, Name: "applies_from", Type: TypeDate, Audience: pub, InRecord: true, Folded: true, Doc: "items produced from this day on have this version"},
			{Number: 4, Name: "corrects", Type: TypeUint, Min: 1, Audience: pub, InRecord: true, Folded: true, Doc: "the version that this one corrects, instead of following it"},
			{Number: 5, Name: "producer", Type: TypeParty, Audience: pub, InRecord: true, Doc: "who makes it, if not the signer"},
			{Number: 6, Name: "issuing_chain", Type: TypeUint, Min: 1, Max: math.MaxUint32, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "number of the chain that issues runs of codes"},
			{Number: 7, Name: "names", Type: TypeNames, Audience: pub, Required: true, Folded: true, Doc: "the product's name"},
			{Number: 8, Name: "origin", Type: TypeNames, Audience: pub, Doc: "where it comes from"},
			{Number: 9, Name: "net_content", Type: TypeText, Audience: pub, Doc: "such as 750 mL"},
			{Number: 10, Name: "shelf_life_days", Type: TypeUint, Audience: pub, InRecord: true, Doc: "days from production to expiry"},
			{Number: 11, Name: "licences", Type: TypeTexts, Audience: pub, Doc: "production licence and standard numbers"},
			{Number: 12, Name: "picture", Type: TypeHash, Audience: pub, Attached: true, Doc: "SHA-256 of a picture"},
			{Number: 13, Name: "scan_threshold", Type: TypeUint, Audience: mem, Doc: "scans of one code from which its scans are looked at"},
			{Number: 14, Name: "reward_trigger", Type: TypeToken, Audience: mem, Doc: "the event that makes a reward due for who uses the hidden code",
				Choices: []string{TriggerActivated, TriggerShipped, TriggerSold}},
			{Number: 15, Name: "sku", Type: TypeText, Audience: own, Doc: "the author's own number"},
			{Number: 16, Name: "contact", Type: TypeText, Audience: pub, Doc: "whom to ask about the product, such as a telephone number"},
		}},
	{Kind: ledger.KindPlace, Who: "its member", Doc: "a place where goods are",
		EPCIS: EPCISEvent{None: masterData},
		Fields: []Field{
			{Number: 1, Name: "id", Type: TypeSlug, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "the place's id among those of its member"},
			{Number: 2, Name: "kind", Type: TypeToken, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "what sort of place",
				Choices: []string{"factory", "warehouse", "store", "port", "laboratory", "office", "other"}},
			{Number: 3, Name: "country", Type: TypeCountry, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "the country"},
			{Number: 4, Name: "region", Type: TypeRegion, Audience: pub, InRecord: true, Folded: true, Doc: "province, city or district"},
			{Number: 5, Name: "name", Type: TypeNames, Audience: mem, Folded: true, Doc: "what members call it"},
			{Number: 6, Name: "gln", Type: TypeGLN, Audience: mem, Doc: "its Global Location Number"},
			{Number: 7, Name: "address", Type: TypeText, Audience: pty, Doc: "its postal address"},
		}},
	{Kind: ledger.KindParty, Who: "the member that hosts it", Doc: "somebody that a member acts for: a dealer, a store, a carrier",
		EPCIS: EPCISEvent{None: masterData},
		Fields: []Field{
			{Number: 1, Name: "slug", Type: TypeSlug, Audience: mem, Required: true, Folded: true, Doc: "the party's slug among those of its host"},
			{Number: 2, Name: "kind", Type: TypeToken, Audience: mem, Required: true, Doc: "what sort of party",
				Choices: []string{"dealer", "store", "factory", "carrier", "logistics", "laboratory", "other"}},
			{Number: 3, Name: "name", Type: TypeNames, Audience: mem, Folded: true, Doc: "what members call it"},
			{Number: 4, Name: "public_name", Type: TypeNames, Audience: pub, Folded: true, Doc: "what anyone may call it; without one, the public sees the host"},
			{Number: 5, Name: "company_id", Type: TypeText, Audience: pty, Doc: "its registration number"},
			{Number: 6, Name: "contact", Type: TypeText, Audience: own, Doc: "whom to call"},
			{Number: 7, Name: "moved_to", Type: TypeParty, Audience: mem, Doc: "the party that it has become, with another host"},
		}},
	{Kind: ledger.KindAppoint, Who: "the member to which the charter gives the GTINs", Doc: "somebody who may act for the brand, or deals in its products",
		EPCIS: EPCISEvent{None: networkRights},
		Fields: []Field{
			{Number: 1, Name: "party", Type: TypeParty, Audience: mem, Required: true, Folded: true, Doc: "who is appointed; a member with all its parties"},
			{Number: 2, Name: "gtins", Type: TypeGTINs, Audience: mem, Required: true, Folded: true, Doc: "for which products"},
			{Number: 3, Name: "kinds", Type: TypeTokens, Audience: mem, Folded: true, Choices: delegable, Doc: "what it may sign"},
			{Number: 4, Name: "from", Type: TypeDate, Audience: mem, Required: true, Folded: true, Doc: "first day"},
			{Number: 5, Name: "to", Type: TypeDate, Audience: mem, Folded: true, Doc: "last day"},
			{Number: 6, Name: "level", Type: TypeUint, Min: 1, Max: 9, Audience: pty, Doc: "level of a dealer, 1 buying from the brand"},
			{Number: 7, Name: "parent", Type: TypeParty, Audience: pty, Doc: "the dealer above it"},
			{Number: 8, Name: "territory", Type: TypeRegions, Audience: pty, Doc: "where it may sell"},
		}},
	{Kind: ledger.KindRun, Who: "the chain that the product names", Doc: "codes issued for a GTIN",
		EPCIS: EPCISEvent{None: codesOnly},
		Fields: []Field{
			{Number: 1, Name: "gtin", Type: TypeGTIN, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "the product's GTIN"},
			{Number: 2, Name: "run", Type: TypeUint, Max: code.MaxRunNumber, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "number of the run among those of the GTIN"},
			{Number: 3, Name: "pack", Type: TypeHash, Audience: pub, InRecord: true, Required: true, Folded: true, Attached: true, Doc: "SHA-256 of the pack"},
			{Number: 4, Name: "root", Type: TypeHash, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "Merkle root of the pack"},
			{Number: 5, Name: "guessable", Type: TypeBool, Audience: pub, InRecord: true, Folded: true, Doc: "who knows some serials can guess others"},
			{Number: 6, Name: "count", Type: TypeUint, Min: 1, Max: code.MaxRunCodes, Audience: itm, Required: true, Folded: true, Doc: "how many codes"},
			{Number: 7, Name: "printer", Type: TypeText, Audience: pty, Doc: "who prints them"},
			{Number: 8, Name: "source", Type: TypeText, Audience: pty, Doc: "where a list of foreign serials comes from"},
			{Number: 9, Name: "foreign", Type: TypeBool, Audience: pub, InRecord: true, Folded: true, Doc: "the serials come from a list"},
			{Number: 10, Name: "second", Type: TypeBool, Audience: pub, InRecord: true, Doc: "each item bears a second code under a coating"},
		}},
	{Kind: ledger.KindActivate, Who: "the member to which the charter gives the GTIN, or who is appointed", Doc: "codes put on goods",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "ADD", Step: "commissioning", Disposition: "active", Stays: true}, Subjects: []SubjectKind{SubjectRange, SubjectLot},
		Fields: []Field{
			{Number: 1, Name: "lot", Type: TypeLot, Audience: itm, Required: true, Folded: true, Doc: "batch or lot", EPCIS: HomeLot},
			{Number: 2, Name: "produced", Type: TypeDate, Audience: itm, Folded: true, Doc: "day of production", EPCIS: HomeProduced},
			{Number: 3, Name: "expires", Type: TypeDate, Audience: itm, Folded: true, Doc: "last day of use", EPCIS: HomeExpires},
			{Number: 4, Name: "line", Type: TypeToken, Audience: mem, Folded: true, Doc: "production line"},
			{Number: 5, Name: "co_approval", Type: TypeText, Audience: mem, Doc: "signature of a second operator; see [Approval]"},
			{Number: 6, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindVoid, Who: "the member to which the charter gives the GTIN, who is appointed, or the holder", Doc: "codes that must not be used any more",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "DELETE", Step: "decommissioning", Disposition: "inactive",
			By: "reason", Instead: map[string]EPCISStep{"destroyed": {"destroying", "destroyed"}}}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "reason", Type: TypeToken, Audience: itm, Required: true, Doc: "such as misprint, damaged, lost, destroyed"},
			{Number: 2, Name: "note", Type: TypeText, Audience: pty, Doc: "what happened"},
			{Number: 3, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindPack, Who: "the holder", Doc: "contents put into a unit",
		EPCIS: EPCISEvent{Type: EPCISAggregation, Action: "ADD", Step: "packing", Disposition: "in_progress", Stays: true}, Subjects: inUnits},
	{Kind: ledger.KindUnpack, Who: "the holder", Doc: "contents taken out of a unit; a unit by itself: all that is in it",
		EPCIS:    EPCISEvent{Type: EPCISAggregation, Action: "DELETE", Step: "unpacking", Disposition: "in_progress", Stays: true},
		Subjects: []SubjectKind{SubjectContent, SubjectPattern, SubjectRange, SubjectSSCC}},
	{Kind: ledger.KindTransform, Who: "the holder of the inputs, who has the outputs' GTIN or is appointed for it", Doc: "goods made of others, which thereby end",
		EPCIS: EPCISEvent{Type: EPCISTransformation, Step: "assembling", Disposition: "active", Stays: true, By: "type", Instead: map[string]EPCISStep{
			"relabel": {"replacing", "active"}, "repackage": {"repackaging", "active"}}},
		Subjects: []SubjectKind{SubjectMade},
		Fields: []Field{
			{Number: 1, Name: "type", Type: TypeToken, Audience: itm, Required: true, Folded: true, Doc: "what was done",
				Choices: []string{"kit", "relabel", "repackage"}},
			{Number: 2, Name: "lot", Type: TypeLot, Audience: itm, Folded: true, Doc: "batch or lot of the outputs", EPCIS: HomeLot},
			{Number: 3, Name: "produced", Type: TypeDate, Audience: itm, Folded: true, Doc: "their day of production", EPCIS: HomeProduced},
			{Number: 4, Name: "expires", Type: TypeDate, Audience: itm, Folded: true, Doc: "their last day of use", EPCIS: HomeExpires},
			{Number: 5, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials was used"},
		}},
	{Kind: ledger.KindShip, Who: "the holder", Doc: "goods sent to somebody",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "shipping", Disposition: "in_transit"}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "purpose", Type: TypeToken, Audience: itm, Required: true, Doc: "why",
				Choices: []string{"sale", "transfer", "return", "consignment", "cross-dock", "sample"}},
			{Number: 2, Name: "to", Type: TypeParty, Audience: mem, Required: true, Folded: true, Doc: "who is to receive them", EPCIS: HomeTo},
			{Number: 3, Name: "via", Type: TypeParty, Audience: mem, Doc: "who carries or forwards them"},
			{Number: 4, Name: "to_place", Type: TypePlace, Audience: mem, Doc: "where they go", EPCIS: HomeToPlace},
			{Number: 5, Name: "lines", Type: TypeLines, Audience: pty, Doc: "what the delivery note counts"},
			{Number: 6, Name: "delivery_notes", Type: TypeTexts, Audience: pty, Doc: "numbers of delivery notes", EPCIS: HomeNotice},
			{Number: 7, Name: "carrier", Type: TypeText, Audience: pty, Doc: "the carrier, if it is no party"},
			{Number: 8, Name: "waybill", Type: TypeText, Audience: pty, Doc: "the carrier's number", EPCIS: HomeWaybill},
			{Number: 9, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindReceive, Who: "the recipient", Doc: "goods that have come in",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "receiving", Disposition: "in_progress", Stays: true}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "from", Type: TypeParty, Audience: mem, Folded: true, Doc: "who sent them, if there is no record of it", EPCIS: HomeFrom},
			{Number: 2, Name: "lines", Type: TypeCounts, Audience: pty, Doc: "what was expected and what was there"},
			{Number: 3, Name: "notes", Type: TypeText, Audience: pty, Doc: "remarks"},
			{Number: 4, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindCancel, Who: "either side of the shipment that refs names", Doc: "a shipment that does not take place",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "void_shipping", Disposition: "in_progress"}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "reason", Type: TypeToken, Audience: mem, Required: true, Doc: "why"},
		}},
	{Kind: ledger.KindSell, Who: "the holder", Doc: "goods that leave the tracked chain",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "retail_selling", Disposition: "retail_sold"}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "channel", Type: TypeToken, Audience: itm, Required: true, Doc: "such as store, online, catering"},
			{Number: 2, Name: "region", Type: TypeRegion, Audience: itm, Doc: "where they were sold"},
			{Number: 3, Name: "order", Type: TypeText, Audience: own, Doc: "the seller's order number", EPCIS: HomeOrder},
			{Number: 4, Name: "price", Type: TypeText, Audience: own, Doc: "what was paid"},
			{Number: 5, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindReturn, Who: "who takes it back from a consumer", Doc: "goods that come back after they were sold",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "receiving", Disposition: "returned", Stays: true}, Subjects: codesOrLot,
		Fields: []Field{
			{Number: 1, Name: "condition", Type: TypeToken, Audience: itm, Required: true, Doc: "such as unopened, opened, damaged"},
			{Number: 2, Name: "disposition", Type: TypeToken, Audience: itm, Required: true, Folded: true, Doc: "what becomes of them; destroy makes them void",
				Choices: []string{"restock", "repair", "quarantine", "send-back", "destroy"}},
			{Number: 3, Name: "reason", Type: TypeText, Audience: pty, Doc: "why"},
			{Number: 4, Name: "order", Type: TypeText, Audience: own, Doc: "the seller's order number", EPCIS: HomeOrder},
			{Number: 5, Name: "quantity", Type: TypeQuantity, Audience: pty, Doc: "how much of a lot without serials", EPCIS: HomeQuantity},
		}},
	{Kind: ledger.KindInspect, Who: "the holder, the member to which the charter gives the GTIN, or who is appointed", Doc: "an examination and its result",
		EPCIS: EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "inspecting", By: "result", Instead: map[string]EPCISStep{
			"pass": {"inspecting", "conformant"}, "fail": {"inspecting", "non_conformant"}}},
		Subjects: goodsAndMore,
		Fields: []Field{
			{Number: 1, Name: "type", Type: TypeToken, Audience: pub, InRecord: true, Required: true, Doc: "such as quality, safety, customs, authenticity"},
			{Number: 2, Name: "standard", Type: TypeText, Audience: pub, Doc: "the standard applied"},
			{Number: 3, Name: "result", Type: TypeToken, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "the result",
				Choices: []string{"pass", "fail", "conditional"}},
			{Number: 4, Name: "issuer", Type: TypeText, Audience: pub, Doc: "who issued the report"},
			{Number: 5, Name: "valid_until", Type: TypeDate, Audience: pub, InRecord: true, Doc: "last day of validity"},
			{Number: 6, Name: "document", Type: TypeHash, Audience: pub, InRecord: true, Attached: true, Doc: "SHA-256 of the report", EPCIS: HomeCertificate},
		}},
	{Kind: ledger.KindHold, Who: "the holder, the member to which the charter gives the GTIN, or who is appointed", Doc: "goods not to be moved on or used until they are released",
		EPCIS:    EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "holding", Disposition: "non_sellable_other"},
		Subjects: goodsAndMore, Fields: stopFields},
	{Kind: ledger.KindRelease, Who: "who put them on hold, or the member to which the charter gives the GTIN", Doc: "the end of a hold",
		EPCIS:    EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "storing", Disposition: "sellable_not_accessible"},
		Subjects: goodsAndMore, Fields: stopFields},
	{Kind: ledger.KindRecall, Who: "the member to which the charter gives the GTIN", Doc: "goods called back, from consumers too",
		EPCIS:    EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "holding", Disposition: "recalled"},
		Subjects: scopes, Fields: recallFields},
	{Kind: ledger.KindWithdraw, Who: "the member to which the charter gives the GTIN", Doc: "goods taken off the market; consumers need do nothing",
		EPCIS:    EPCISEvent{Type: EPCISObject, Action: "OBSERVE", Step: "holding", Disposition: "unavailable"},
		Subjects: scopes, Fields: recallFields},
	{Kind: ledger.KindCorrect, Who: "the author of what it corrects", Doc: "an own record taken back; it is about what that is about",
		EPCIS: EPCISEvent{Type: EPCISDeclaration}, Subjects: anySubject,
		Fields: []Field{
			{Number: 1, Name: "target", Type: TypeHash, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "id of the record, which then counts for nothing", EPCIS: HomeDeclared},
			{Number: 2, Name: "replacement", Type: TypeHash, Audience: pub, InRecord: true, Folded: true, Doc: "id of the record that stands in its place", EPCIS: HomeCorrective},
			{Number: 3, Name: "reason", Type: TypeToken, Audience: itm, Required: true, Doc: "such as wrong-lot, wrong-party, duplicate", EPCIS: HomeInDeclaration},
			{Number: 4, Name: "text", Type: TypeText, Audience: pty, Doc: "what happened", EPCIS: HomeInDeclaration},
		}},
	{Kind: ledger.KindClaim, Who: "the chain that issued the code", Doc: "the code hidden on the item used",
		EPCIS: EPCISEvent{None: byConsumers}, Subjects: []SubjectKind{SubjectRange},
		Fields: []Field{
			{Number: 1, Name: "opening", Type: TypeText, Audience: own, Required: true, Doc: "the hidden code, which nobody else is to learn: who knows it can claim again"},
			{Number: 2, Name: "claimant", Type: TypeText, Audience: own, Doc: "the author's own mark for who used it"},
			{Number: 3, Name: "token", Type: TypeText, Audience: own, Doc: "digest of the caller's token, by which asking again is told from a second use"},
		}},
	{Kind: ledger.KindLink, Who: "the member to which the charter gives the GTIN", Doc: "a page about the goods",
		EPCIS: EPCISEvent{None: pagesOnly}, Subjects: scopes,
		Fields: []Field{
			{Number: 1, Name: "type", Type: TypeLinkType, Audience: pub, InRecord: true, Required: true, Folded: true, Doc: "what the page is, in the GS1 vocabulary"},
			{Number: 2, Name: "href", Type: TypeURL, Audience: pub, Required: true, Folded: true, Doc: "its address"},
			{Number: 3, Name: "language", Type: TypeLanguage, Audience: pub, InRecord: true, Doc: "its language"},
			{Number: 4, Name: "media_type", Type: TypeMediaType, Audience: pub, InRecord: true, Doc: "its media type"},
			{Number: 5, Name: "title", Type: TypeNames, Audience: pub, Doc: "what people call it"},
		}},
}

// anySubject is for corrections, which are about what the corrected record is
// about.
var anySubject = []SubjectKind{SubjectRange, SubjectSSCC, SubjectLot, SubjectContent, SubjectPattern, SubjectGTIN, SubjectMade}

// Spec returns the table's part about a kind. Callers must not change it.
func Spec(kind ledger.Kind) (*KindSpec, bool) {
	for i := range specs {
		if specs[i].Kind == kind {
			return &specs[i], true
		}
	}
	return nil, false
}

// Kinds yields the table in the order of kind numbers. Callers must not change
// what it yields.
func Kinds() iter.Seq[*KindSpec] {
	return func(yield func(*KindSpec) bool) {
		for i := range specs {
			if !yield(&specs[i]) {
				return
			}
		}
	}
}

// Field returns the field with that name, common ones included.
func (s *KindSpec) Field(name string) (*Field, bool) {
	return s.find(func(f *Field) bool { return f.Name == name })
}

// numbered returns the field with that number, common ones included.
func (s *KindSpec) numbered(n uint64) (*Field, bool) {
	return s.find(func(f *Field) bool { return f.Number == n })
}

func (s *KindSpec) find(match func(*Field) bool) (*Field, bool) {
	for _, list := range [][]Field{s.Fields, common} {
		for i := range list {
			if match(&list[i]) {
				return &list[i], true
			}
		}
	}
	return nil, false
}

// Allows reports whether subjects of that kind may stand in such records.
func (s *KindSpec) Allows(k SubjectKind) bool { return slices.Contains(s.Subjects, k) }

// parse reads a field's value from JSON.
func (f *Field) parse(raw []byte) (any, error) {
	v, err := codecs[f.Type].parse(raw)
	if err != nil {
		return nil, err
	}
	return v, f.check(v)
}

// decode reads a field's value from CBOR.
func (f *Field) decode(raw []byte) (any, error) {
	v, err := codecs[f.Type].decode(raw)
	if err != nil {
		return nil, err
	}
	return v, f.check(v)
}

func (f *Field) encode(v any) ([]byte, error) { return codecs[f.Type].encode(v) }

// check holds what the table says about the field beyond its type.
func (f *Field) check(v any) error {
	switch v := v.(type) {
	case string:
		return f.choose(v)
	case []string:
		for _, s := range v {
			if err := f.choose(s); err != nil {
				return err
			}
		}
	case uint64:
		if v < f.Min || f.Max > 0 && v > f.Max {
			return malformed("%d is not between %d and %d", v, f.Min, cmp.Or(f.Max, MaxNumber))
		}
	}
	return nil
}

func (f *Field) choose(s string) error {
	if len(f.Choices) > 0 && !slices.Contains(f.Choices, s) {
		return malformed("%q is none of %s", s, strings.Join(f.Choices, ", "))
	}
	return nil
}

// parties returns the parties that the event's fields name.
func (e *Event) parties() []string {
	spec, _ := Spec(e.Kind)
	return spec.parties(e.Fields)
}

func (s *KindSpec) parties(values Values) []string {
	var list []string
	for i := range s.Fields {
		if p := values.Text(s.Fields[i].Name); s.Fields[i].Type == TypeParty && p != "" {
			list = append(list, p)
		}
	}
	return list
}

// letter is the audience's letter in tables for people.
func letter(a ledger.Audience) string {
	return map[ledger.Audience]string{pub: "P", itm: "I", mem: "M", pty: "X", own: "O"}[a]
}

// Table writes the kinds and their fields as text for people.
func Table() string {
	var b strings.Builder
	for s := range Kinds() {
		fmt.Fprintf(&b, "%s: %s; signed by %s\n", s.Kind, s.Doc, s.Who)
		for _, f := range s.Fields {
			where := "disclosure"
			if f.InRecord {
				where = "record"
			}
			need := ""
			if f.Required {
				need = ", required"
			}
			fmt.Fprintf(&b, "  %3d %-16s %-8s %s %-10s %s%s\n", f.Number, f.Name, f.Type, letter(f.Audience), where, f.Doc, need)
		}
	}
	return b.String()
}
