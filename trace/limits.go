package trace

// Every number that bounds foreign data stands here, with its reason.
const (
	// MaxText bounds a text field, in bytes: a paragraph on a phone.
	MaxText = 2_000

	// MaxToken bounds a token such as a reason code, in bytes.
	MaxToken = 32

	// MaxList bounds the elements of a list field. 500 lines of 40 bytes are
	// far below what a sidecar holds.
	MaxList = 500

	// MaxExceptions bounds the exception ranges of a pattern. One leaf holds
	// them all and goes whole into the proof for each item: 500 are 6 kB.
	MaxExceptions = 500

	// MaxPatterns bounds the patterns of one event: a packing line fills one kind
	// of case from some runs.
	MaxPatterns = 256

	// MaxNumber bounds unsigned number fields: the largest integer that every
	// JSON reader keeps exact (RFC 8259, section 6).
	MaxNumber = 1<<53 - 1

	// MaxNesting bounds how deep units stand in units. An item in a case on a
	// pallet in a container on a train has four levels.
	MaxNesting = 8

	// MaxSources bounds what a trail follows of what went into one item: a
	// dozen is a full case of bottles in a set.
	MaxSources = 12

	// MaxSourceDepth bounds how often it does so: a set of relabelled imports
	// that were repacked has three levels.
	MaxSourceDepth = 3

	// maxSourcesInAll bounds the items gathered for one trail.
	maxSourcesInAll = 64

	// MaxEvents bounds the events that one trail folds. A returnable crate
	// moves some hundred times; folding is quadratic where records contradict
	// each other.
	MaxEvents = 1_024

	// MaxClockError is how far an entry time may lie outside what others saw, in
	// milliseconds: clocks that are set over the network agree within a second,
	// those of machines that have slept within a minute.
	MaxClockError = 60_000

	// maxSuspicions bounds the contradictory events that are looked into, and
	// the suspects that are tried in their place; each costs a fold or two. A
	// trail with more contradictions is suspicious whatever their order. A thousand
	// records that are made to contradict each other cost half a second of one core.
	maxSuspicions = 32

	// maxHurried bounds the events that complain, and those that are tried in
	// another place, because a clock may have been wrong; each try costs a fold. An
	// item has some dozen steps.
	maxHurried = 32

	// maxReceipts bounds the receipts that are looked at to see whether a shipment that
	// its sender took back has come, and the corrections of it: a shipment has some
	// receipts.
	maxReceipts = 32

	// shortHours is how long after the last word from its recipient the rest of a
	// shipment counts as short, in hours, where the charter does not say when records
	// are late: three days bring what went with another truck.
	shortHours = 72

	// maxBelonging bounds the records that a finding about quantities names besides
	// the one that bears it: who sends a truck a day and receives once a month.
	maxBelonging = 32

	// maxTogether bounds the shipments and lines that are looked at to see whether the
	// receipts of one shipment have counted it through: some dozen receipts, each of
	// some dozen shipments.
	maxTogether = 4_096

	// maxShelfLife bounds a shelf life, in days: a hundred years. Dates beyond
	// the year 9999 have no form.
	maxShelfLife = 36_525

	// minElsewhere is from how many items of one shipment on it is told that they
	// were first looked up outside the dealer's territory: single buyers travel, and
	// networks put a phone into the next city.
	minElsewhere = 5

	// maxDraftBytes bounds the JSON of one draft. 20,000 ranges of 50 bytes.
	maxDraftBytes = 1 << 20

	// maxSegments bounds the pieces into which admission cuts the subjects of
	// one event, and with it the work for one record.
	maxSegments = 4_096
)
