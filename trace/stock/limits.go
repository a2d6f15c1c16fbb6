package stock

// Every number that bounds the work on foreign records stands here, with its
// reason.
const (
	// maxActive bounds what a sheet keeps: for each piece of a run the mentions
	// that cover it, 4 bytes each. A run of 10^7 codes that are sold one by one in
	// 10^5 records has 2·10^5 pieces with some six mentions each; anybody can write
	// records that cut a run into pieces that all overlap.
	maxActive = 16 << 20

	// maxCells bounds the pieces of one run that are looked at: each code of a
	// hundred thousand cases sold by itself.
	maxCells = 4 << 20

	// maxThings bounds the units in which one code was, with those around them. An
	// item has been in some dozens.
	maxThings = 1_024

	// maxKept bounds the events of packings and transforms, and the logistic units,
	// that are kept at hand while a run is counted: what lies side by side is in
	// few of them.
	maxKept = 4_096

	// maxDeps bounds the logistic units that a tally names as what it depends on,
	// some 60 bytes each. A run in more of them depends on every logistic unit.
	maxDeps = 1 << 16

	// maxNext bounds the place where a page begins: some dimensions with values of
	// up to a hundred bytes.
	maxNext = 4_096
)
