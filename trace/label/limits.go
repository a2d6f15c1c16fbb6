package label

const (
	// MaxURI bounds what is encoded, in characters. A domain name has at most
	// 253; scheme, keys, GTIN and a serial of 20 characters that are all
	// escaped add 90. Larger symbols are hard to read from a small label.
	MaxURI = 400

	// MaxFiles bounds the files that one call writes into a directory. Larger
	// runs go to printers as CSV.
	MaxFiles = 10_000

	// MaxPixels bounds the pixels a module has on each side: 128 are 10 mm at
	// 300 dots per inch, and keep the largest picture under 15,000 wide.
	MaxPixels = 128

	// MaxQuiet bounds the white around a symbol, in modules: four times what
	// the standard asks for.
	MaxQuiet = 4 * QuietZone
)
