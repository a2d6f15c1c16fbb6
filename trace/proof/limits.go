package proof

// Every number that bounds foreign data stands here, with its reason.
const (
	// MaxBytes bounds a bundle as JSON. The proof of one entry has some 3 kB
	// with four cosigners and 13 kB with 64, so that a trail of a thousand
	// events fits; twenty charter versions of 200 members need about as much.
	MaxBytes = 16 << 20

	// MaxEntries bounds the entries shown. Each costs a secp256k1 recovery and
	// one Ed25519 check per cosigner: seconds for all of them.
	MaxEntries = 2_048

	// MaxCharters bounds the charter versions. A network that changes its
	// charter every month needs twenty years.
	MaxCharters = 256

	// maxURI bounds the canonical link of an item: 14 digits of GTIN and 20
	// characters of serial, each of which may be written as three.
	maxURI = 128

	// maxCodePath bounds the audit path of a code: a pack of 10⁷ elements has
	// 24 levels.
	maxCodePath = 24

	// maxThings bounds the units and lots that the shown events tie to the
	// item. A crate that is packed a hundred times makes a hundred; patterns
	// made in bad faith could make millions.
	maxThings = 4_096
)
