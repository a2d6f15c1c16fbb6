/*
Package sheet makes drafts of records out of tables: CSV files and Excel
workbooks with a header row in Chinese or English.

[Read] reads a file into a [Table], [Parse] makes [Record]s and [Problem]s of
it, [WriteReport] writes the rows with problems back, and [WriteTemplate] writes
an empty file to be filled in. Everything about kinds and fields comes from the
table of package trace; only the words are here. The package is pure: it knows
no node, and the same bytes give the same records.

# Files

What a file is says its content, not its name. A workbook is a zip file whose
sheets are read cell by cell with their types. Anything else is CSV: UTF-8 with
or without byte order mark, UTF-16 with one, or GB18030, tried in this order; a
file in none of them is refused. The delimiter is comma, semicolon, tab or bar,
whichever the first line has most of outside quotes, or what a first line
"sep=;" says. Rows are counted as a spreadsheet shows them, from 1.

# Header

The header is the first of the first rows in which at least half of the cells
name a column. A name counts without regard to case, width, spaces, underscores,
hyphens, dots, brackets and the mark * of required columns. A column whose name
begins with # is a comment, and so is a row whose first cell does: templates
mark their example row with it. A column that nobody knows is refused unless the
caller has it ignored or it is empty, since what stands in it would be lost.

Every kind has the columns

	kind           kind of the record, where neither the caller nor the sheet's
	               name says it
	document no    rows of one kind with the same number make one record
	at, zone       when it happened; without a zone it is the caller's
	party, place   who acts, and where
	refs           leaf hashes of earlier entries
	documents      SHA-256 of attached documents

one for each of its fields (two for a text in Chinese and English, several for
lines and counts), and those of the subjects that it may have:

	code                   a code's link, element string, GTIN/RUN/FROM-TO or
	                       SSCC; with gtin also a bare serial
	serial, gtin           one code
	gtin, run, first, last codes of a run by their indexes; last may be absent
	gtin, lot | gtin       a lot or a product
	sscc                   a logistic unit
	unit                   with one of these: what is in that unit; by itself,
	                       where the kind allows it: the unit
	output                 with one of the others: made of that
	unit gtin, unit run,   a pattern: first is the first code of the contents,
	unit first, units,     per unit how many each unit holds, except a list
	per unit, except       such as 13-14; 20

Where a field has the same name as one of these, the name means the field and
the column of the subject goes by its next name.

# Rows

Every row adds a subject, if it has one. In rows of one record a field is given
once or always the same; lists gather what their rows say. A record with a bad
row is refused as a whole, with all its rows.

A numeric cell in a column of codes, such as GTIN, SSCC, lot or slugs, is
refused: a spreadsheet drops the leading zeros of a number and all digits beyond
the fifteenth. Numbers as text are what templates ask for. Dates may be ISO
forms, 2026/3/1, 20260301, 2026年3月1日 and the like, or a spreadsheet's date;
forms whose order of day and month is anybody's guess are refused.

# Keys

A record's key says whether it has been imported before:

	SHA-256("suyuan/import/v1" LF document number LF draft)

where draft is its JSON as encoding/json writes [trace.Draft]. So it depends on
what a record says, not on the file, the order or language of columns or the way
dates are written.
*/
package sheet
