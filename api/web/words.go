package web

// Words are the fixed words of one language. {name} stands for a value.
type Words struct {
	Site     string                  `json:"site"`
	Other    string                  `json:"other_language"` // the other language, in its own words
	Switch   string                  `json:"switch_language"`
	Verdict  map[string]VerdictWords `json:"verdict"`
	Advice   map[string]string       `json:"advice"` // what to do about a warning, by the finding's code
	Stored   string                  `json:"stored"`
	Scans    ScanWords               `json:"scans"`
	Levels   map[string]LevelWords   `json:"levels"`
	Product  ProductWords            `json:"product"`
	Timeline TimelineWords           `json:"timeline"`
	Kinds    map[string]KindWords    `json:"kinds"`
	Fields   map[string]string       `json:"fields"` // labels of facts
	Values   map[string]string       `json:"values"` // words of facts that are codes, as "<field>.<code>"
	Places   map[string]string       `json:"places"` // kinds of places
	Custody  map[string]string       `json:"custody"`
	Severity map[string]string       `json:"severity"`
	Sections SectionWords            `json:"sections"`
	Sources  SourceWords             `json:"sources"`
	Links    LinkWords               `json:"links"`
	Meaning  MeaningWords            `json:"meaning"`
	Check    CheckWords              `json:"check"`
	Form     FormWords               `json:"form"`
	Claim    ClaimWords              `json:"claim"`
	Troubles map[string]TroubleWords `json:"troubles"` // by problem code; "" for all others
	Mistakes map[string]string       `json:"mistakes"` // by problem code; "" for all others
}

// VerdictWords belong to one verdict.
type VerdictWords struct {
	Label  string `json:"label"`
	Advice string `json:"advice"`
}

// ScanWords say how often the code was looked up before.
type ScanWords struct {
	None  string `json:"none"`
	First string `json:"first"`
	Where string `json:"where"` // with the place of the first

	Yours string `json:"yours"` // what the first means where a code may be copied

	// Advice is for a warning by scans: they never show more than that somebody
	// looked.
	Advice string `json:"advice"`
}

// LevelWords belong to codes that stand for more than one item.
type LevelWords struct {
	Headline string `json:"headline"`
	Advice   string `json:"advice"`
}

// ProductWords head the product's card.
type ProductWords struct {
	Title   string `json:"title"`
	Missing string `json:"missing"`
	Code    string `json:"code"`
	Holder  string `json:"holder"`
	State   string `json:"state"`
	Days    string `json:"days"`
	Unit    string `json:"unit"`
}

// TimelineWords stand around the events.
type TimelineWords struct {
	Title     string `json:"title"`
	Zone      string `json:"zone"`
	Empty     string `json:"empty"`
	Marked    string `json:"marked"`
	Pending   string `json:"pending"`
	PendingIs string `json:"pending_hint"`
	Corrected string `json:"corrected"` // of a step that was taken back; then because, instead
	Because   string `json:"because"`
	Instead   string `json:"instead"`
	Corrects  string `json:"corrects"`
	Reference string `json:"reference"` // another step
	Erased    string `json:"erased"`    // of a step some of which is gone
	Route     string `json:"route"`
	Fact      string `json:"fact"`
	Made      string `json:"made"` // of a lot
}

// SourceWords stand around what an item was made of.
type SourceWords struct {
	Title   string `json:"title"`
	Hint    string `json:"hint"`
	Unknown string `json:"unknown"`
	Page    string `json:"page"`
	Inside  string `json:"inside"`
}

// LinkWords stand around the pages of the brand.
type LinkWords struct {
	Title string            `json:"title"`
	Types map[string]string `json:"types"` // by link type; "" for all others
}

// KindWords say in plain words what an event of a kind is.
type KindWords struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// SectionWords are other headings.
type SectionWords struct {
	Findings string `json:"findings"`
	Reports  string `json:"reports"`
	Report   string `json:"report"`
	Contact  string `json:"contact"`
}

// MeaningWords say what the page shows and what it cannot show.
type MeaningWords struct {
	Title  string   `json:"title"`
	Shows  string   `json:"shows"`
	Yes    []string `json:"yes"`
	Cannot string   `json:"cannot"`
	No     []string `json:"no"`
}

// CheckWords say how to check without trusting the page.
type CheckWords struct {
	Title   string `json:"title"`
	Intro   string `json:"intro"`
	Address string `json:"address"`
	Mirrors string `json:"mirrors"`
	Alone   string `json:"alone"`
	Bundle  string `json:"bundle"`
	Network string `json:"network"`
	Proof   string `json:"proof"`
	Trail   string `json:"trail"`
	AsOf    string `json:"as_of"`
	Chain   string `json:"chain"`
	Forked  string `json:"forked"`
}

// FormWords are those of the form.
type FormWords struct {
	Title      string `json:"title"`
	Intro      string `json:"intro"`
	GTIN       string `json:"gtin"`
	GTINHint   string `json:"gtin_hint"`
	Serial     string `json:"serial"`
	SerialHint string `json:"serial_hint"`
	Link       string `json:"link"`
	LinkHint   string `json:"link_hint"`
	Or         string `json:"or"`
	Submit     string `json:"submit"`
	Typo       string `json:"typo"`
}

// ClaimWords are those around the second code.
type ClaimWords struct {
	Open     string                  `json:"open"` // on the item's page
	OpenIs   string                  `json:"open_hint"`
	Title    string                  `json:"title"`
	Again    string                  `json:"again"`
	Intro    string                  `json:"intro"`
	Label    string                  `json:"label"`
	Hint     string                  `json:"hint"`
	Submit   string                  `json:"submit"`
	Once     string                  `json:"once"`
	Back     string                  `json:"back"`
	Outcomes map[string]TroubleWords `json:"outcomes"`
	Mistakes map[string]string       `json:"mistakes"` // by problem code; "" for all others
}

// TroubleWords explain a problem.
type TroubleWords struct {
	Headline string `json:"headline"`
	Text     string `json:"text"`
}
