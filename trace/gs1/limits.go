package gs1

const (
	// MaxURIBytes bounds a Digital Link URI or request target. The longest
	// key with all its qualifiers, each octet escaped, takes under 300
	// bytes; the rest is room for a stem, attributes and foreign
	// parameters. What telephones read from a label is a tenth of it.
	MaxURIBytes = 2048

	// MaxElementBytes bounds an element string in either spelling. The
	// largest QR Code holds 4,296 alphanumeric characters, and brackets
	// and backslashes can at most double what it holds.
	MaxElementBytes = 8192

	// maxUnknownValue bounds the value of an AI that is not in our table;
	// no AI in use allows more than 90 characters.
	maxUnknownValue = 90

	// maxCheckPairData is the longest text whose check character pair we
	// compute. Each character takes the next prime as its weight, and the
	// reference implementation of GS1 too has 97 of them; no AI needs more
	// than 23.
	maxCheckPairData = 97

	// maxQuoted bounds the foreign text repeated in an error message, so
	// that a message stays one readable line.
	maxQuoted = 48
)
