// Package code makes and checks the codes that stand on items: one item, one
// code. Start with [Issue], which turns a [Run] into a pack file, and with
// [Open], which answers from one.
//
// A code is a GTIN and a serial. A run is one issuing of codes for a GTIN; its
// pack is the file of the hashes of its codes. Who holds a pack can tell an
// issued code from one that was never issued and can print neither.
//
// A GTIN is passed as the number that its 14 digits write. Its check digit is
// the business of package trace/gs1.
//
// # Serial
//
// 20 characters of Crockford's Base32 (0-9 and A-Z without I, L, O, U),
// five bits each, most significant first:
//
//	characters  bits  content
//	0..2          15  run number of the GTIN, 0 to 32767
//	3..18         80  first 80 bits of HMAC-SHA256(run secret,
//	                  "suyuan/serial/v1" ‖ GTIN, 14 ASCII digits ‖
//	                  run number u16be ‖ index u64be)
//	19             5  check character: Luhn mod 32 over characters 0..18
//
// The check character tells a typing error from a code that was never issued.
// It finds every wrong character and every swap of two neighbours but 0 and Z.
//
// A second code (10 characters: 45 bits of an HMAC under another secret and
// the prefix "suyuan/second/v1", and a check character) is for what lies under
// a scratch layer. No hash of it exists anywhere: only who has the secret can
// check it.
//
// # Pack
//
// One element of 20 bytes per code and nothing else, in strictly ascending
// order of the hashes. The file is named by its SHA-256, in lower-case hex.
//
//	bytes  content
//	   16  SHA-256("suyuan/code/v1" ‖ GTIN, 14 ASCII digits ‖ serial), truncated
//	    4  index of the code in its run, u32be; the indexes are 0 to n-1
//
// The elements are also the leaves of an RFC 6962 Merkle tree, whose root is
// published with the run. One element and its path prove that a code was
// issued ([Inclusion]); two neighbouring elements with the code's hash between
// them, or the first or last one, prove that it was not ([Absence]).
//
// A foreign run is made by [IssueList] from serials that somebody else chose;
// its elements hold the hash of the exact serial.
//
// # Block roots
//
// A proof would have to hash the whole pack. Beside it stands a file of block
// roots: the RFC 6962 roots of each 256 elements in order, 32 bytes each, the
// last block possibly shorter. RFC 6962 splits at powers of two, so the tree
// over the block roots has the root of the pack. The file is disposable:
// [OpenProver] checks it against the root and writes it again if need be.
package code
