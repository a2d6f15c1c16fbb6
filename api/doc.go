// Package api serves a node over HTTP: the resolver of codes with its pages, the
// trail and its proof, posting of records, and the logs as static tiles. Start
// with [New], whose [Config] names everything that it needs from a node, and
// [Server.Serve].
//
// The package knows no storage and no network of nodes. What it needs stands
// here as small interfaces; the command that starts a node connects the two.
// Pages are in package api/web.
//
// # Errors
//
// Every error, also one that the server gives before a handler runs, is a
// [Problem] as application/problem+json with a stable code; browsers get a page
// with the same code where they asked for one.
//
// # Who sees what
//
// Without a token a request sees what is public, and, as it names a code, what
// whoever presents that code may see. A bearer token of an operator with scope
// "read" sees what its member sees. Callers on a Unix socket are the node's own
// user and count as [Config.Local].
//
// # Figures
//
// /api/v1/inventory counts items by what by names: party, state, place, product,
// lot and so on; /api/v1/movements counts how they went from one party to
// another. A parameter with the name of a dimension keeps to its value, and the
// records behind a figure are the same question by record. Both answer from what
// is final, or was at a past time (at) or at sizes of chains (as_of) that an
// earlier answer gave. /api/v1/inventory/runs says of each run printed =
// activated + void + open, /api/v1/inventory/units counts logistic units,
// /api/v1/inventory/lots says how much of lots without serials there is, and by
// record what each record adds or takes off, /api/v1/findings what does not fit
// together. /api/v1/scans says where codes are scanned first and which look copied,
// by what the companies counted that tell of it, each named. All is for members, or,
// with a token for one party, about that party; scans and runs are for members only.
//
// The first question after a start reads all records; if that takes longer than a
// request may, the answer is 503 still-counting, and the next request goes on from
// there; while the node still reads what has arrived it is 503 not-ready. After that a question costs what is new, and what it adds up. Those who
// ask take turns, a party with all its operators being one of them, and questions
// about the past wait for no question about now and hold none up. Who has too many
// questions under way is answered 429 too-many-questions.
//
// # Documents
//
// /api/v1/documents/{digest} gives a file: to everybody what is public, to members
// what is for them, and to a token for one party what a record names in which that
// party acts or is named. Whatever else there is is 404, as what there is not.
//
// # Events
//
// /api/v1/events streams records as they become final, or as they are stored. The
// id of each is how far all chains had come, chain:size with commas between, so
// that whoever comes back with Last-Event-ID misses none and gets none twice. A
// stream that has nothing to say says so every 15 seconds.
//
// # EPCIS
//
// /epcis is the REST interface of EPCIS 2.0 in JSON-LD; package trace/epcis has the
// mapping. GET /epcis/events answers with events of final records, filtered as the
// trail is, and to a member with all fields that its node holds; parameters that
// records cannot answer are refused, and so are other versions and spellings of
// identifiers. POST /epcis/capture records a document as a whole or not at all, and
// answers 202 with the job, which is done then and can be asked for again; POST
// /epcis/events takes one event. An event is recorded once. There are no stored
// queries, no subscriptions and no XML. Serial numbers that a caller has not named
// are told on the node's own socket only.
//
// # Caching
//
//	full and partial tiles, entry bundles   immutable, one year; entries for
//	                                        members only are private
//	checkpoint, charter, chains             revalidated each time (ETag)
//	pages and JSON about a code             never stored: whoever has the code
//	                                        sees more than the public
//	openapi.json, gs1resolver               an hour
//	documents by digest                     a day if public, since they may be erased
//
// Pages of codes are packed by gzip in parts that are kept; everything else is
// packed as it is asked for, except tiles and documents.
//
// # Limits
//
// limits.go holds them all. Rates are counted per IPv4 address or IPv6 /64, only
// for what is worth limiting: proofs of absence, which reveal parts of a pack,
// and wrong tokens or signatures.
package api
