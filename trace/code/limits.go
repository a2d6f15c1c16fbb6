package code

const (
	// MaxRunCodes bounds the codes of one run. A partner with a pack tests a
	// guess against all its codes at once; 10^7 targets in a space of 2^80
	// keep the work for one hit at 2^56 hashes.
	MaxRunCodes = 10_000_000

	// MaxRunNumber is the highest run number of a GTIN: three Base32
	// characters.
	MaxRunNumber = 1<<15 - 1

	// MaxForeignSerial is the longest serial GS1 allows in AI 21, in
	// characters.
	MaxForeignSerial = 20

	// sharedRatio is how many times larger a pack must be for looking up each
	// element of another to cost less than reading it whole.
	sharedRatio = 256

	// maxGTIN is the largest number of 14 digits.
	maxGTIN = 99_999_999_999_999

	// maxListLine bounds one line of a list of serials, in bytes, so that a
	// file without line breaks is refused and not read into memory. It leaves
	// room for a byte order mark and a carriage return.
	maxListLine = 64
)
