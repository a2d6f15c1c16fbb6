package epcis

import "suyuan/trace/code"

// Every number that bounds foreign data stands here, with its reason.
const (
	// MaxDocument bounds a document, in bytes: what the API takes as a body.
	MaxDocument = 8 << 20

	// MaxEvents bounds the events of one document: a batch of the ledger, which is
	// stored as a whole or not at all.
	MaxEvents = 2_000

	// MaxIDs bounds the identifiers in one list of an event. Each that stands alone
	// becomes a leaf of a record; links of 10,000 codes are what a draft can hold.
	MaxIDs = 10_000

	// MaxListed bounds the codes that are written one by one for one event. More
	// are told by class, with the range in the extension.
	MaxListed = 1_000

	// maxParts bounds of how many parts an event may say that it is one: the units of
	// a run. Records of more have more events than a document.
	maxParts = code.MaxRunCodes

	// MaxValues bounds the values of one parameter of a query: each of goods is looked
	// up by itself. Who asks for more asks several times.
	MaxValues = 64

	// maxDepth bounds how deep JSON is nested: a document has six levels around a
	// value of ours, which has three.
	maxDepth = 16

	// maxContext bounds the prefixes that contexts define: each system on the way
	// adds one or two.
	maxContext = 64

	// maxURI bounds an identifier, in bytes: the longest Digital Link.
	maxURI = 2_048

	// maxNamed bounds how many attributes without a home an error names.
	maxNamed = 8
)
