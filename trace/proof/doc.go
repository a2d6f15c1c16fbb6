// Package proof makes and verifies proof bundles: all that somebody needs, but
// the network id, to check what is said about one code without trusting who
// said it. Start with [Build] on the side that holds the chains and with
// [Decode] and [Bundle.Verify] on the other. The package is pure: no clock, no
// network, no disk.
//
// # Format
//
// A bundle is one JSON object in UTF-8 (RFC 8259) with these members in this
// order, none missing and no other:
//
//	format    "suyuan-proof/1"
//	uri       canonical Digital Link of the code: https://id.gs1.org/01/<GTIN>/21/<serial>
//	charters  versions 1 to N, each {charter, signatures, view} as package ledger writes it
//	entries   proofs of entries, ascending by chain, position and subject
//	code      {"issued": inclusion} or {"absent": {"before": inclusion, "after": inclusion}}
//
// An entry is a [ledger.EntryProof]:
//
//	entry        base64 of the entry's bytes
//	proof        C2SP tlog-proof: index, audit path and quorum checkpoint
//	disclosures  base64 of each disclosure shown, by digest; absent if none is
//	subject      {leaf, index, size, path}: base64 of one subject leaf, its place
//	             among the leaves, and the RFC 6962 audit path, null if it is the
//	             only one; absent if none is shown
//
// An inclusion is {index, size, element, path}: position in the pack, elements
// of the pack, the 20-byte element and the RFC 6962 audit path, bytes as
// lower-case hex. Of an absence, before is left out if the code would stand at
// the start of the pack, and after at its end.
//
// White space may stand between tokens. Everything else has one form only: a
// reader writes what it has read again and refuses the bundle unless the two
// are equal. So a bundle has no byte that is passed over, the charters' view
// for people included.
//
// # What stands in a bundle
//
//   - the records of the product and of the run from which the code is, or would
//     be;
//   - the events of the item's trail, each with its disclosures for the public
//     and for those who present a code, and with the subjects that cover the
//     item, its product or lot, or a unit that held it. If the item is itself a
//     unit, one subject that says what was packed into it may stand for an
//     event. An entry stands once for each of its subjects shown, with the same
//     disclosures;
//   - of an item that was made of others, as deep as trails follow: the same of
//     each of these, with the records of its product and run. Its serial is
//     nobody's business, so no code proof stands beside them;
//   - records of places where an event shown happened;
//   - erase records about an event shown: they say that something of it that would
//     be shown is gone, and since when;
//   - for each of these the grant of its signer, and for both the newest charter
//     entry before them on their chain; and of each chain the newest charter
//     entry below the checkpoint.
//
// All entries of one chain are shown under the same checkpoint. It counts under
// the charter that the newest charter entry shown puts in force; its note carries
// the log signature and cosignatures of that charter's cosigners, one each, and
// no other line.
//
// # What verifying holds
//
// In this order; the first that fails gives the error's code:
//
//  1. the form, and the link;
//  2. the charters from version 1 on, whose hash is the network id, compared
//     with the one that the verifier knows;
//  3. of each entry the form, the signature, the path to a checkpoint with a
//     quorum of cosignatures, and that disclosures and subject are its own;
//  4. that an admin of the member, by the charter in force where it stands,
//     signed each grant, and that a grant covers each record;
//  5. that the code is in the pack with the run's root, or cannot be;
//  6. that product and run are signed for the member to which the charter in
//     force there gives the GTIN, and the run stands on the chain that a
//     product record names;
//  7. that every event is about the item or about what it was made of, and that
//     the runs and products of these are as those of the item.
//
// That the brand had appointed who activated, made, voided, inspected or held
// something is for members and stands in no bundle: it is believed, and said in
// Limits. A release, which ends a warning, is believed of nobody.
//
// What a bundle does not prove is in [Result.Limits], for people.
//
// The size and index of a subject leaf, and where paths turn, are the prover's
// words; a wrong one changes nothing that is proven.
package proof
