package sheet

// Every number that bounds foreign data stands here, with its reason.
const (
	// MaxFileBytes bounds a file. 100,000 rows with twenty columns are 20 MB
	// as CSV and less as a workbook.
	MaxFileBytes = 64 << 20

	// maxUnzipped bounds what a workbook unpacks to: 250,000 rows with fifteen
	// columns of 60 bytes of XML each.
	maxUnzipped = 256 << 20

	// A workbook of more than freeUnzipped bytes may be at most maxRatio times
	// as large as its zip file. Real ones have 10 to 40; a bomb has 1,000.
	maxRatio     = 100
	freeUnzipped = 16 << 20

	// maxParts bounds the files in the zip of a workbook.
	maxParts = 2_000

	// maxRows bounds the rows of a table, above the 100,000 of a large day.
	maxRows = 250_000

	// maxColumns bounds the columns that are read; a kind has about thirty.
	maxColumns = 256

	// maxMerged bounds the cells of all merged areas together.
	maxMerged = 1_000_000

	// maxCell bounds the text of a cell, in bytes: what Excel allows in
	// characters, three bytes each.
	maxCell = 3 * 32_767

	// maxHeaderRow is how far down the header may stand, below a title.
	maxHeaderRow = 20

	// maxDigits is how many digits of a number a spreadsheet keeps.
	maxDigits = 15

	// maxShown bounds what a problem quotes of a cell, in characters.
	maxShown = 60

	// validatedRows is how many rows of a template have drop-down lists.
	validatedRows = 10_000
)
