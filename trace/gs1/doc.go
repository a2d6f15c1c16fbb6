// Package gs1 reads, checks and writes what GS1 standards put into bar
// codes: identification keys, element strings and Digital Link URIs.
//
// Start with [ParseGTIN] and [ParseLink]. The package is pure: no
// clock, no network, no state; everything is safe for concurrent use.
//
// # Keys
//
// A [GTIN], [SSCC] or [GLN] is a comparable value that can only be made
// by a function that verified its length and check digit, so whoever
// holds one needs not check it again. Its zero value stands for "none";
// the number zero, whose check digit happens to be right, is refused.
// GTIN-8, -12 and -13 are padded with zeros to 14 digits, so that one
// trade item has one value.
//
// The check digit (GS1 General Specifications 7.9.1) makes the sum of
// all digits, weighted 1, 3, 1, 3, ... from the right, a multiple of 10.
//
//	0 6 9 0 1 2 3 4 5 6 7 8 9 | check digit
//	3 1 3 1 3 1 3 1 3 1 3 1 3 | sum 128, check digit 2
//
// # Element strings
//
// Data is a list of elements, each an application identifier (AI) of two
// to four digits and a value. [LookupAI] describes an AI. There are two
// spellings of a list:
//
//	bracketed   (01)06901234567892(10)AB\(1(17)260131
//	FNC1        010690123456789210AB(1<GS>17260131
//
// In the bracketed one, for people, a left bracket that is data follows
// a backslash. In the other, which scanners send, FNC1 is the control
// character GS (0x1D); it ends each value whose length is not predefined
// by its AI, unless the value is the last. A symbology identifier such as
// "]d2" or one FNC1 may stand in front, and an FNC1 after a predefined
// length does no harm; neither is written.
//
// # Digital Link URIs
//
// An uncompressed GS1 Digital Link URI (GS1 Digital Link Standard, URI
// Syntax) carries the same data for the web:
//
//	https://example.com/stem/01/06901234567892/10/LOT/21/SERIAL?17=260131
//	----------- stem ------- ------ key ------ -- qualifiers -- attribute
//
// The last primary key in the path counts, what precedes it is the stem.
// Qualifiers follow in the order that the key prescribes. Attributes are
// the query parameters whose names are digits; other parameters and the
// fragment do not belong to the data and are dropped. The scheme may have
// letters of either case (RFC 3986, section 3.1), which suits QR Codes in
// upper case; everything else keeps its case, above all the serial.
// Octets other than letters, digits and "-._~" are written as %XX with
// upper-case digits, and a space in the query as "+".
//
// The canonical form of a link is the one under https://id.gs1.org with
// its attributes in ascending order of their AIs.
//
// # Errors
//
// Every refusal is an [*Error] with a [Code] that stays the same between
// versions and one sentence for people.
package gs1
