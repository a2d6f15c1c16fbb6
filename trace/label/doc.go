// Package label draws codes: as QR symbols in PNG, SVG and on terminals, and as
// files for printers. Start with [Encode] and with [NewCSV].
//
// A label shows one GS1 Digital Link URI. Where all its characters are in the
// alphanumeric set of QR codes (0-9, A-Z, space and $%*+-./:), two take 11 bits
// instead of 16, which is why our URIs are in upper case:
//
//	HTTPS://EXAMPLE.COM/01/06901234567892/21/001J6MYVADGTJET78GTM
//
// 61 characters, a domain of 11, make a symbol of 29×29 modules and 90 one of
// 33×33. All symbols have error correction level M, which repairs 15 % of the
// symbol. Around a symbol belong four modules of white (ISO/IEC 18004,
// section 5.3.8): scanners miss symbols without it.
package label
