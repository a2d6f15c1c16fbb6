package web

import "time"

// A Verdict is what a page says first. Its words are those of the trail.
type Verdict string

// The verdicts, and None for what has none: a product, a lot or a unit.
const (
	None        Verdict = ""
	Consistent  Verdict = "consistent"
	Warning     Verdict = "warning"
	Suspicious  Verdict = "suspicious"
	Recalled    Verdict = "recalled"
	NeverIssued Verdict = "never-issued"
	Unknown     Verdict = "unknown"
)

// An Item is the page of a code: of one item, or of a product, lot or unit.
type Item struct {
	Level  Level
	GTIN   string // 14 digits, or empty
	Serial string
	Lot    string
	SSCC   string

	Verdict  Verdict
	Headline Text // the verdict in the words fixed for it
	Caution  Text // the sentence that stands on every page
	Brand    Text // who issues codes of the product
	Contact  Text // whom the brand names for questions, or empty

	Product *Product // nil if it is not known
	Custody string   // state of custody, such as "sold"
	Holder  Text     // who holds the item

	ClaimURL string // where the item's second code is typed in, or empty

	Scans  *Scans // nil if scans are not counted
	Beacon string // path of the picture that counts this page, or empty

	Stored   Stored
	Route    []Text  // the regions or places through which it came, in order
	Events   []Event // final, in the order of the trail
	Pending  []Event // stored by this node and not final
	Findings []Finding
	Sources  []Source // of what it was made
	Reports  []Report
	Links    []Link // pages that the brand names

	Network  string // network id, hex
	Host     string // the host that the brand prints on its codes
	Mirrors  []Mirror
	TrailURL string // the same as JSON
	ProofURL string // proof bundle; empty if there is none
	Chains   []Chain
	Filings  []string // registration numbers that the page must show
}

// A Level says what a code identifies.
type Level string

// The levels.
const (
	LevelItem    Level = "item"
	LevelLot     Level = "lot"
	LevelProduct Level = "product"
	LevelUnit    Level = "unit"
)

// A Product is what the brand says about a GTIN.
type Product struct {
	Name    Text
	Picture string // URL of the same origin, or empty
	Facts   []Fact
}

// A Fact is one field of a product or an event. The key chooses the label and,
// for values that are codes, the words.
type Fact struct {
	Key   string
	Value Text
}

// An Event is one step of the timeline.
type Event struct {
	Kind    string // name of the record kind
	At      time.Time
	Party   Text   // who says so
	Place   Text   // where: a name, or the region
	PlaceIs string // kind of place, such as "factory"
	Facts   []Fact
	Marked  bool // a finding rests on it

	Corrected *Correction // its author has taken it back: it counts for nothing
	Corrects  *Reference  // what a correction takes back, if that is shown
	Erased    time.Time   // since when some of what it said is gone; zero if nothing is
}

// A Correction says why a record was taken back and what stands in its place.
type Correction struct {
	Reason string     // a code such as wrong-lot, or empty
	With   *Reference // nil if nothing does, or it is not shown
}

// A Reference names another step of the timeline.
type Reference struct {
	Kind string
	At   time.Time
}

// A Source is something of which the item was made, with its own trail.
type Source struct {
	Name            Text
	GTIN, Lot, SSCC string
	URL             string // of its page, the narrowest that can be named; or empty
	Custody         string // state of custody
	Findings        []Finding
	Events          []Event
	Sources         []Source // of what it was made in its turn
}

// A Link is a page that the brand names for its goods.
type Link struct {
	Type  string // of the GS1 Web Vocabulary without its prefix, such as pip
	Title Text   // may be empty
	URL   string
	Host  string // where the link leads, for people to see before they go
}

// A Finding is something wrong or noteworthy.
type Finding struct {
	Code     string
	Severity string // info, notice, warning or critical
	Text     Text
	OfScans  bool // it rests on how often and where the code was looked up
}

// A Report is an inspection.
type Report struct {
	Type       string // such as "quality"
	Standard   string
	Issuer     Text
	Result     string // such as "pass"
	ValidUntil string // yyyy-mm-dd
	URL        string // of the document, or empty
}

// Stored says how many of the companies that the charter names have stored what
// the page shows. Of zero companies nothing is said.
type Stored struct {
	Companies int
	Of        int
}

// Scans say how often the code was looked up before.
type Scans struct {
	First time.Time // zero if it never was
	City  Text      // of the first, or nothing
	Count uint64
}

// A Mirror is another company's node that answers for the same code.
type Mirror struct {
	Name Text
	URL  string
}

// A Chain is up to where a log was read, and how many companies hold it.
type Chain struct {
	Name   string // <member>/<number>
	Size   uint64
	Stored Stored
	Forked bool
}

// An Entry is the page on which a code is typed in.
type Entry struct {
	GTIN, Serial string // as typed
	Field        string // the field with the mistake: gtin, serial, link or none
	Mistake      string // code of what is wrong, or empty
	Filings      []string
}

// A Trouble is the page for a request that has no answer.
type Trouble struct {
	Status int
	Code   string // stable code of the problem
	ID     string // request id, for whoever asks for help

	// Form is set if the code can be corrected.
	Form    *Entry
	Filings []string
}
