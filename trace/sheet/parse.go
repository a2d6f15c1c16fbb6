package sheet

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Options say how a table is to be read.
type Options struct {
	Kind   string         // of all records; "" is what the sheet's name or the column kind says
	Zone   *time.Location // of times without one; nil is UTC
	Ignore []string       // headers of columns to leave out
}

// A Record is what one row, or the rows of one document, say.
type Record struct {
	Kind     string
	Document string // the document number, "" for a row by itself
	Rows     []int  // their numbers, ascending
	Draft    *trace.Draft
	JSON     []byte      // of Draft
	Key      ledger.Hash // the same for everything that says the same; see the package comment

	layout      *layout
	subjectRows []int // for each subject the row that tells it
}

// A Result is what a table says.
type Result struct {
	Records  []*Record // in the order of their first rows
	Problems []Problem // in the order of rows
	Rows     int       // below the header, without comments
	Comments int       // rows that were left out because they begin with #
	Header   int       // the number of the header row

	table *Table
	rows  map[int]*Row
	bound map[*layout]*binding
}

// A parser reads one table.
type parser struct {
	*Result
	reader
	header  *Row
	fixed   *layout // the kind of all rows; nil if a column says it
	kindAt  int     // the column that does, or -1
	ignored map[int]bool
	order   []*builder
	groups  map[string]*builder
	bad     map[int]bool // rows that have a problem
}

// Parse reads the rows of a table. Rows with problems make no record, and do not
// keep others from making theirs. An error is a [*FileError]: nothing can be
// read.
func Parse(t *Table, o Options) (*Result, error) {
	zone := o.Zone
	if zone == nil {
		zone = time.UTC
	}
	p := &parser{
		Result: &Result{table: t, rows: make(map[int]*Row), bound: make(map[*layout]*binding)},
		reader: reader{from1904: t.Date1904, zone: zone},
		kindAt: -1, ignored: make(map[int]bool), groups: make(map[string]*builder), bad: make(map[int]bool),
	}
	if err := p.findKind(o.Kind); err != nil {
		return nil, err
	}
	body, err := p.findHeader()
	if err != nil {
		return nil, err
	}
	if err := p.checkColumns(body, o.Ignore); err != nil {
		return nil, err
	}
	for i := range body {
		p.row(&body[i])
	}
	if p.Rows == 0 {
		return nil, fileError(CodeNoRows, nil)
	}
	p.finish()
	return p.Result, nil
}

// findKind takes the kind from the options or the sheet's name.
func (p *parser) findKind(name string) error {
	if name == "" {
		p.fixed, _ = kindNamed(p.table.Sheet)
		return nil
	}
	l, ok := kindNamed(name)
	if !ok {
		return fileError(CodeUnknownKind, nil, shown(name))
	}
	p.fixed = l
	return nil
}

// findHeader finds the header row and returns the rows below it.
func (p *parser) findHeader() ([]Row, error) {
	for i := range p.table.Rows {
		row := &p.table.Rows[i]
		if i >= maxHeaderRow {
			break
		}
		known, others := 0, 0
		for _, c := range row.Cells {
			switch {
			case c.empty() || isComment(c):
			case p.names(c.Text):
				known++
			default:
				others++
			}
		}
		if known == 0 || known < others {
			continue
		}
		p.header, p.Header = row, row.Number
		p.Result.rows[row.Number] = row
		return p.table.Rows[i+1:], p.findKindColumn()
	}
	return nil, fileError(CodeNoHeader, nil, maxHeaderRow)
}

func isComment(c Cell) bool { return strings.HasPrefix(strings.TrimSpace(c.Text), "#") }

// names reports whether a text names a column.
func (p *parser) names(text string) bool {
	n := normal(text)
	if p.fixed != nil {
		return p.fixed.byName[n] != nil
	}
	return anyNamed(n)
}

// kindColumns are the names of the column that says each row's kind. The longer
// ones come first: kinds such as place have a field kind.
var kindColumns = []string{"记录类型", "record kind", "类型", "kind"}

// findKindColumn finds that column where nothing else says the kind.
func (p *parser) findKindColumn() error {
	if p.fixed != nil {
		return nil
	}
	for _, want := range kindColumns {
		for at, c := range p.header.Cells {
			if normal(c.Text) == normal(want) {
				p.kindAt = at
				return nil
			}
		}
	}
	return fileError(CodeNoKind, nil)
}

// checkColumns refuses columns whose content would be lost.
func (p *parser) checkColumns(body []Row, ignore []string) error {
	used := make(map[int]bool)
	for i := range body {
		if isComment(body[i].cell(0)) {
			continue
		}
		for at, c := range body[i].Cells {
			if !used[at] && !c.empty() {
				used[at] = true
			}
		}
	}
	var problems []Problem
	for at := range maxColumns {
		c := p.header.cell(at)
		name := strings.TrimSpace(c.Text)
		if slices.ContainsFunc(ignore, func(s string) bool { return normal(s) == normal(name) && name != "" }) || isComment(c) {
			p.ignored[at] = true
			continue
		}
		if !used[at] || at == p.kindAt || name != "" && p.names(name) {
			continue
		}
		problems = append(problems, p.problem(p.header, at, wrong(CodeUnknownColumn, shown(name), p.suggestion(name))))
	}
	if len(problems) == 0 {
		return nil
	}
	return &FileError{
		Code: CodeUnknownColumn, Problems: problems,
		Zh: fmt.Sprintf("有%d列无法识别，其内容会丢失", len(problems)), En: fmt.Sprintf("columns that are not known would be lost: %d", len(problems)),
	}
}

func (p *parser) suggestion(name string) string {
	if p.fixed == nil || name == "" {
		return ""
	}
	if near := nearest(shown(name), p.fixed); near != "" {
		return " → " + near + "?"
	}
	return ""
}

// A binding says which column of the table is which of a kind.
type binding struct {
	at    map[string]int // by key
	bound []boundColumn
	alien []int       // columns that the kind does not have
	twins map[int]int // columns that say the same as an earlier one, and that
}

type boundColumn struct {
	*column
	at int
}

// bind finds the columns of a kind.
func (p *parser) bind(l *layout) *binding {
	if b := p.bound[l]; b != nil {
		return b
	}
	b := &binding{at: make(map[string]int), twins: make(map[int]int)}
	for at, c := range p.header.Cells {
		if p.ignored[at] || at == p.kindAt || c.empty() {
			continue
		}
		col := l.byName[normal(c.Text)]
		if col == nil {
			b.alien = append(b.alien, at)
			continue
		}
		if first, twice := b.at[col.key]; twice {
			b.twins[at] = first
			continue
		}
		b.at[col.key] = at
		b.bound = append(b.bound, boundColumn{col, at})
	}
	p.bound[l] = b
	return b
}

// problem makes a problem of a fault; at -1 is the row as a whole.
func (r *Result) problem(row *Row, at int, f *fault) Problem {
	p := Problem{Row: row.Number, Code: f.code, Zh: f.zh, En: f.en}
	if at >= 0 {
		p.Cell = fmt.Sprintf("%s%d", columnName(at), row.Number)
		p.Value = shown(strings.TrimSpace(row.cell(at).Text))
		if h := r.rows[r.Header]; h != nil {
			p.Header = shown(strings.TrimSpace(h.cell(at).Text))
		}
	}
	return p
}

func (p *parser) add(problem Problem) {
	p.Problems = append(p.Problems, problem)
	p.bad[problem.Row] = true
}

// row reads one row.
func (p *parser) row(row *Row) {
	if isComment(row.cell(0)) {
		p.Comments++
		return
	}
	p.Rows++
	p.Result.rows[row.Number] = row
	if row.fault != nil {
		p.add(p.problem(row, -1, row.fault))
		return
	}
	l, ok := p.layoutOf(row)
	if !ok {
		return
	}
	b := p.bind(l)
	for _, at := range b.alien {
		if c := row.cell(at); !c.empty() {
			p.add(p.problem(row, at, wrong(CodeNotOfKind, l.spec.Kind, shown(p.header.cell(at).Text))))
		}
	}
	for at, first := range b.twins {
		if c := row.cell(at); !c.empty() {
			p.add(p.problem(row, at, wrong(CodeTwoColumns, shown(p.header.cell(at).Text), columnName(first))))
		}
	}
	p.builderOf(l, b, row).read(row)
}

// layoutOf finds the kind of a row.
func (p *parser) layoutOf(row *Row) (*layout, bool) {
	if p.fixed == nil {
		l, ok := kindNamed(row.cell(p.kindAt).Text)
		if !ok {
			p.add(p.problem(row, p.kindAt, wrong(CodeUnknownKind, shown(row.cell(p.kindAt).Text))))
		}
		return l, ok
	}
	if at, said := p.bind(p.fixed).at["kind"]; said && !row.cell(at).empty() {
		if l, ok := kindNamed(row.cell(at).Text); !ok || l != p.fixed {
			p.add(p.problem(row, at, wrong(CodeUnknownKind, shown(row.cell(at).Text))))
			return nil, false
		}
	}
	return p.fixed, true
}

// builderOf returns what gathers the record to which a row belongs.
func (p *parser) builderOf(l *layout, b *binding, row *Row) *builder {
	document := ""
	if at, ok := b.at["group"]; ok {
		text, f := textOf(row.cell(at))
		if f != nil {
			p.add(p.problem(row, at, f))
		}
		document = text
	}
	key := l.spec.Kind.String() + "\n" + document
	if old := p.groups[key]; old != nil && document != "" {
		return old
	}
	made := &builder{p: p, binding: b, source: make(map[string]int), told: make(map[string]bool), Record: &Record{
		Kind: l.spec.Kind.String(), Document: document, layout: l,
		Draft: &trace.Draft{Kind: l.spec.Kind.String(), Fields: make(map[string]any)},
	}}
	p.order = append(p.order, made)
	if document != "" {
		p.groups[key] = made
	}
	return made
}

// finish makes the records.
func (p *parser) finish() {
	first := make(map[ledger.Hash]int) // row by key
	for _, b := range p.order {
		b.finish()
		b.spread()
		if b.isBad() {
			continue
		}
		if row, twin := first[b.Key]; twin {
			p.add(p.problem(p.Result.rows[b.Rows[0]], -1, wrong(CodeRepeated, row)))
			b.spread()
			continue
		}
		first[b.Key] = b.Rows[0]
		p.Records = append(p.Records, b.Record)
	}
	SortProblems(p.Problems)
}

// keyOf is the key of a record.
func keyOf(document string, draft []byte) ledger.Hash {
	h := sha256.New()
	fmt.Fprintf(h, "suyuan/import/v1\n%s\n", document)
	h.Write(draft)
	return ledger.Hash(h.Sum(nil))
}

// A builder gathers the rows of one record.
type builder struct {
	*Record
	*binding
	p      *parser
	source map[string]int // the row that gave a column its value
	times  []pending
	zone   *time.Location
	told   map[string]bool // the fields, and "subject", for which some row has a cell
}

// offset is that of a zone made by ParseZone.
func offset(zone *time.Location) int {
	_, seconds := time.Unix(0, 0).In(zone).Zone()
	return seconds
}

// pending is a time that waits for its zone.
type pending struct {
	row  *Row
	at   int
	when moment
}

func (b *builder) fault(row *Row, at int, f *fault) {
	if f != nil {
		b.p.add(b.p.problem(row, at, f))
	}
}

// read adds one row.
func (b *builder) read(row *Row) {
	b.Rows = append(b.Rows, row.Number)
	subject := make(subjectCells)
	parts := make(map[string]subjectCells) // by field
	for _, c := range b.bound {
		cell := row.cell(c.at)
		if cell.empty() {
			continue
		}
		if c.field != nil {
			b.told[c.field.Name] = true
		}
		switch {
		case c.key == "group" || c.key == "kind":
		case c.part != "":
			if parts[c.field.Name] == nil {
				parts[c.field.Name] = make(subjectCells)
			}
			parts[c.field.Name][c.part] = cell
		case c.field != nil:
			b.readField(row, c, cell)
		case slices.Contains(envelope, c.key):
			b.readEnvelope(row, c, cell)
		default:
			subject[c.key] = cell
		}
	}
	for name, cells := range parts {
		b.readParts(row, name, cells)
	}
	if len(subject) > 0 {
		b.told["subject"] = true
		b.readSubject(row, subject)
	}
}

func (b *builder) readSubject(row *Row, cells subjectCells) {
	s, wrong := subjectOf(b.layout.spec, cells)
	if wrong != nil {
		at, ok := b.binding.at[wrong.key]
		if !ok {
			at = -1
		}
		b.fault(row, at, wrong.fault)
		return
	}
	b.Draft.Subjects = append(b.Draft.Subjects, *s)
	b.subjectRows = append(b.subjectRows, row.Number)
}

func (b *builder) readEnvelope(row *Row, c boundColumn, cell Cell) {
	switch c.key {
	case "at":
		when, f := b.p.momentOf(cell, CodeBadTime)
		if b.fault(row, c.at, f); f == nil {
			b.times = append(b.times, pending{row, c.at, when})
		}
	case "zone":
		text, f := textOf(cell)
		zone, ok := ParseZone(text)
		if f == nil && !ok {
			f = wrong(CodeBadZone, shown(text))
		}
		if b.fault(row, c.at, f); f == nil && b.same(row, c, b.zone != nil && offset(zone) != offset(b.zone)) {
			b.zone = zone
		}
	case "party", "place":
		text, f := digitsOf(cell)
		if f == nil {
			f = idFault(text, ledger.CheckSlug(text))
		}
		into := &b.Draft.Party
		if c.key == "place" {
			into = &b.Draft.Place
		}
		if b.fault(row, c.at, f); f == nil && b.same(row, c, *into != "" && *into != text) {
			*into = text
		}
	}
}

// same notes where a value comes from, and refuses one that differs from that of
// an earlier row.
func (b *builder) same(row *Row, c boundColumn, differs bool) bool {
	if differs {
		earlier := b.source[c.key]
		before := b.p.Result.rows[earlier].cell(c.at).Text
		b.fault(row, c.at, wrong(CodeGroupDiffers, b.p.header.cell(c.at).Text, earlier, shown(before)))
		return false
	}
	if _, ok := b.source[c.key]; !ok {
		b.source[c.key] = row.Number
	}
	return true
}

func (b *builder) readField(row *Row, c boundColumn, cell Cell) {
	v, f := b.p.value(c.field, cell, b.rowZone(row))
	if f != nil {
		b.fault(row, c.at, f)
		return
	}
	switch v := v.(type) {
	case []ledger.Hash:
		switch c.key {
		case "refs":
			b.Draft.Refs = union(b.Draft.Refs, v)
		case "documents":
			b.Draft.Documents = union(b.Draft.Documents, v)
		default:
			old, _ := b.Draft.Fields[c.field.Name].([]ledger.Hash)
			b.Draft.Fields[c.field.Name] = union(old, v)
		}
	case []gs1.GTIN:
		old, _ := b.Draft.Fields[c.field.Name].([]gs1.GTIN)
		b.Draft.Fields[c.field.Name] = union(old, v)
	case []string:
		old, _ := b.Draft.Fields[c.field.Name].([]string)
		if list := union(old, v); len(list) > 0 {
			b.Draft.Fields[c.field.Name] = list
		}
	default:
		old, had := b.Draft.Fields[c.field.Name]
		if b.same(row, c, had && !reflect.DeepEqual(old, v)) {
			b.Draft.Fields[c.field.Name] = v
		}
	}
}

// rowZone is the zone that a row, or an earlier one of its record, says; nil if
// none does.
func (b *builder) rowZone(row *Row) *time.Location {
	if at, ok := b.binding.at["zone"]; ok {
		if text, f := textOf(row.cell(at)); f == nil {
			if zone, ok := ParseZone(text); ok {
				return zone
			}
		}
	}
	return b.zone
}

// union adds to a list what it does not have.
func union[T comparable](list, more []T) []T {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// readParts reads a field that has several columns.
func (b *builder) readParts(row *Row, name string, cells subjectCells) {
	f, _ := b.layout.spec.Field(name)
	switch f.Type {
	case trace.TypeNames:
		b.readNames(row, name, cells)
	case trace.TypeLines:
		line, ok := b.readLine(row, name, cells)
		if ok {
			list, _ := b.Draft.Fields[name].([]trace.Line)
			b.Draft.Fields[name] = append(list, trace.Line{GTIN: line.GTIN, Count: line.Expected})
		}
	case trace.TypeQuantity:
		b.readQuantity(row, name, cells)
	case trace.TypeCounts:
		line, ok := b.readLine(row, name, cells)
		if ok {
			list, _ := b.Draft.Fields[name].([]trace.Count)
			b.Draft.Fields[name] = append(list, line)
		}
	}
}

// part is the bound column of a part of a field; at is -1 if there is none.
func (b *builder) part(name, part string) boundColumn {
	key := "field." + name + "." + part
	at, ok := b.binding.at[key]
	if !ok {
		at = -1
	}
	return boundColumn{b.layout.byKey[key], at}
}

func (b *builder) readNames(row *Row, name string, cells subjectCells) {
	n, _ := b.Draft.Fields[name].(trace.Names)
	for part, into := range map[string]*string{"zh": &n.Zh, "en": &n.En} {
		cell, ok := cells[part]
		if !ok {
			continue
		}
		c := b.part(name, part)
		text, f := textOf(cell)
		if f == nil {
			f = plainText(text)
		}
		if b.fault(row, c.at, f); f == nil && b.same(row, c, *into != "" && *into != text) {
			*into = text
		}
	}
	b.Draft.Fields[name] = n
}

func (b *builder) readQuantity(row *Row, name string, cells subjectCells) {
	value, unit := b.part(name, "value"), b.part(name, "unit")
	n, f := numberOf(cells["value"], 0, trace.MaxNumber)
	b.fault(row, value.at, f)
	text, f2 := digitsOf(cells["unit"])
	b.fault(row, unit.at, f2)
	if f != nil || f2 != nil {
		return
	}
	q := trace.Quantity{Value: n, Unit: strings.ToUpper(text)}
	old, had := b.Draft.Fields[name]
	if b.same(row, value, had && !reflect.DeepEqual(old, q)) {
		b.Draft.Fields[name] = q
	}
}

// readLine reads a line or a count; of a line the number is Expected.
func (b *builder) readLine(row *Row, name string, cells subjectCells) (trace.Count, bool) {
	var line trace.Count
	var f *fault
	ok := true
	for _, part := range partsOf(b.typeOf(name)) {
		c := b.part(name, part)
		cell, there := cells[part]
		if !there {
			// Nobody writes that nothing was damaged.
			if part != "damaged" {
				b.fault(row, c.at, wrong(CodeRequired, c.zh+" / "+c.en))
				ok = false
			}
			continue
		}
		switch part {
		case "gtin":
			line.GTIN, f = gtinOf(cell)
		case "counted":
			line.Counted, f = numberOf(cell, 0, trace.MaxNumber)
		case "damaged":
			line.Damaged, f = numberOf(cell, 0, line.Counted)
		default:
			line.Expected, f = numberOf(cell, 0, trace.MaxNumber)
		}
		if f != nil {
			b.fault(row, c.at, f)
			ok = false
		}
	}
	return line, ok
}

func (b *builder) typeOf(name string) trace.Type {
	f, _ := b.layout.spec.Field(name)
	return f.Type
}

// finish checks what can be told only of all rows together, and makes JSON and
// key.
func (b *builder) finish() {
	head := b.p.Result.rows[b.Rows[0]]
	b.settleTime()
	for i := range b.layout.spec.Fields {
		f := &b.layout.spec.Fields[i]
		if f.Required && !b.told[f.Name] {
			b.missing(head, f)
		}
	}
	if len(b.layout.spec.Subjects) > 0 && !b.told["subject"] && b.layout.spec.Kind != ledger.KindCorrect { // which is about what it corrects
		b.fault(head, -1, wrong(CodeNoSubject))
	}
	if n := len(b.Draft.Subjects); n > ledger.MaxLeaves {
		b.fault(head, -1, wrong(CodeTooMany, n, "subjects", ledger.MaxLeaves))
	}
	for name, v := range b.Draft.Fields {
		if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.Len() > trace.MaxList {
			b.fault(head, -1, wrong(CodeTooMany, list.Len(), name, trace.MaxList))
		}
	}
	if b.isBad() {
		return
	}
	raw, err := json.Marshal(b.Draft)
	if err != nil {
		b.fault(head, -1, wrong(CodeBadField, err))
		return
	}
	b.JSON, b.Key = raw, keyOf(b.Document, raw)
}

// missing reports a required field that no row has.
func (b *builder) missing(row *Row, f *trace.Field) {
	at := -1
	zh, en := fieldNames(b.layout.spec, f)
	for _, c := range b.bound {
		if c.field == f {
			at = c.at
			break
		}
	}
	b.fault(row, at, wrong(CodeRequired, zh[0]+" / "+en[0]))
}

// settleTime makes the time that the rows agree on.
func (b *builder) settleTime() {
	zone := cmp.Or(b.zone, b.p.zone)
	for _, t := range b.times {
		when := t.when.in(zone)
		c := boundColumn{b.layout.byKey["at"], t.at}
		if b.same(t.row, c, b.Draft.At != nil && !b.Draft.At.Equal(when)) && b.Draft.At == nil {
			b.Draft.At = &when
		}
	}
	if b.zone != nil && len(b.times) == 0 {
		b.Draft.Zone = time.Unix(0, 0).In(b.zone).Format("-07:00")
	}
}

func (b *builder) isBad() bool {
	return slices.ContainsFunc(b.Rows, func(n int) bool { return b.p.bad[n] })
}

// spread marks the other rows of a bad record.
func (b *builder) spread() {
	at := slices.IndexFunc(b.Rows, func(n int) bool { return b.p.bad[n] })
	if at < 0 {
		return
	}
	for _, n := range b.Rows {
		if !b.p.bad[n] {
			b.p.add(b.p.problem(b.p.Result.rows[n], -1, wrong(CodeGroupBad, b.Rows[at])))
		}
	}
}

// Refused returns the problems of a record that the node refuses: one in the cell
// to which the refusal leads, see [Result.placeOf], and one for each further row.
func (r *Result) Refused(rec *Record, code, field, detail string) []Problem {
	number, at := r.placeOf(rec, code, field, detail)
	list := []Problem{r.problem(r.rows[number], at, refusal(code, detail))}
	for _, n := range rec.Rows {
		if n != number {
			list = append(list, r.problem(r.rows[n], -1, wrong(CodeGroupBad, number)))
		}
	}
	return list
}
