package epcis

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"suyuan/trace"
)

// rawQuantity is a quantityElement with its number as it was written.
type rawQuantity struct {
	Class    string       `json:"epcClass"`
	Quantity *json.Number `json:"quantity"`
	Unit     string       `json:"uom"`
}

// goods are some of the goods of an event: a list of EPCs and one of classes.
type goods struct {
	things  []thing
	classes []Quantity
}

func (g *goods) empty() bool { return len(g.things)+len(g.classes) == 0 }

// takeGoods reads two lists.
func (c *conversion) takeGoods(ids, classes string) (g goods, err error) {
	var list []string
	if _, err := c.object.take(ids, &list); err != nil {
		return g, err
	}
	var raw []rawQuantity
	if _, err := c.object.take(classes, &raw); err != nil {
		return g, err
	}
	if len(list)+len(raw) > MaxIDs {
		return g, refuse(CodeForm, ids, "%d identifiers are over the limit of %d", len(list)+len(raw), MaxIDs)
	}
	for i, uri := range list {
		field := fmt.Sprintf("%s[%d]", ids, i)
		t, err := c.reader.space.parseThing(field, uri)
		if err == nil && t.class {
			err = refuse(CodeClass, field, "names a class and stands among single goods")
		}
		if err != nil {
			return g, err
		}
		g.things = append(g.things, t)
	}
	for i, q := range raw {
		class, err := c.reader.class(fmt.Sprintf("%s[%d]", classes, i), q)
		if err != nil {
			return g, err
		}
		g.classes = append(g.classes, class)
	}
	return g, nil
}

// class reads so much of a class, whose name becomes canonical.
func (r *Reader) class(field string, raw rawQuantity) (Quantity, error) {
	t, err := r.space.parseThing(field+".epcClass", raw.Class)
	if err != nil {
		return Quantity{}, err
	}
	if !t.class {
		return Quantity{}, refuse(CodeClass, field+".epcClass", "names single goods and stands among classes")
	}
	q := Quantity{Class: classLink(t.gtin, t.item.Lot), Unit: unit(raw.Unit), lot: t.item.Lot}
	if raw.Quantity != nil {
		if q.Quantity, err = strconv.ParseUint(raw.Quantity.String(), 10, 64); err != nil || q.Quantity == 0 || q.Quantity > trace.MaxNumber {
			return q, refuse(CodeForm, field+".quantity", "%s is no whole number from 1; a smaller unit of measure makes it one", raw.Quantity)
		}
	}
	return q, nil
}

// readGoods reads what the event is about.
func (c *conversion) readGoods() error {
	var exact []trace.DraftSubject
	told, err := c.object.take(extSubjects, &exact)
	if err != nil {
		return err
	}
	if len(exact) > MaxIDs {
		return refuse(CodeForm, extSubjects, "%d are over the limit of %d", len(exact), MaxIDs)
	}
	switch c.event.typ {
	case trace.EPCISAggregation:
		return c.readUnit(exact, told)
	case trace.EPCISTransformation:
		return c.readMade(exact, told)
	}
	return c.readList(exact, told)
}

// readList reads the goods of an ObjectEvent.
func (c *conversion) readList(exact []trace.DraftSubject, told bool) error {
	g, err := c.takeGoods("epcList", "quantityList")
	if err != nil {
		return err
	}
	if told {
		plain, err := c.reader.plain(exact)
		if err != nil {
			return err
		}
		c.draft.Subjects = exact
		if err := c.agree("epcList", plain, g, c.masterLot()); err != nil {
			return err
		}
		return c.quantity("quantityList", uncounted(g, c.masterLot()))
	}
	if g.empty() {
		return refuse(CodeForm, "epcList", "the event is about nothing")
	}
	if c.draft.Subjects, err = c.subjects(g); err != nil {
		return err
	}
	return c.quantity("quantityList", g.classes)
}

// subjects makes subjects of goods that are told by EPCs and classes alone.
func (c *conversion) subjects(g goods) ([]trace.DraftSubject, error) {
	var list []trace.DraftSubject
	for _, t := range g.things {
		list = append(list, t.draft())
	}
	for i, q := range g.classes {
		t, err := c.reader.space.parseThing("", q.Class)
		if err != nil {
			return nil, err
		}
		switch {
		case t.item.Kind == trace.ItemLot:
		case !c.spec.Allows(trace.SubjectGTIN):
			return nil, refuse(CodeClass, fmt.Sprintf("quantityList[%d]", i), "of which goods of GTIN %s does a %s tell? Name serials or a lot, or say so in %s", t.gtin, c.spec.Kind, extSubjects)
		}
		list = append(list, trace.Of(t.item).Draft())
	}
	return list, nil
}

// draft is the form of a thing in a draft.
func (t thing) draft() trace.DraftSubject {
	if t.link != "" {
		return trace.DraftSubject{URI: t.link}
	}
	return trace.Of(t.item).Draft()
}

// quantity gives the quantities of classes to the field for them.
func (c *conversion) quantity(list string, classes []Quantity) error {
	f := c.fieldAt(trace.HomeQuantity)
	for i, q := range classes {
		if q.Quantity == 0 {
			continue
		}
		v := trace.Quantity{Value: q.Quantity, Unit: q.Unit}
		if v.Unit == "" {
			v.Unit = each
		}
		if f == nil || !c.set(f.Name, v) {
			c.unmapped = append(c.unmapped, fmt.Sprintf("%s[%d].quantity", list, i))
		}
	}
	return nil
}

// nowhere notes quantities for which the record has no place.
func (c *conversion) nowhere(list string, classes []Quantity) {
	for i, q := range classes {
		if q.Quantity > 0 {
			c.unmapped = append(c.unmapped, fmt.Sprintf("%s[%d].quantity", list, i))
		}
	}
}

// uncounted are the classes of goods, in their order, whose quantities do not count
// codes: see [Reader.tally]. Those that do are without quantity.
func uncounted(g goods, lot string) []Quantity {
	list := slices.Clone(g.classes)
	for i, q := range list {
		if q.counts(lot) {
			list[i].Quantity = 0
		}
	}
	return list
}

// counts reports whether a quantity is a number of codes, where the event says that
// its goods are of a lot, or "".
func (q Quantity) counts(lot string) bool {
	return q.Quantity > 0 && q.Unit == "" && (q.lot == "" || q.lot == lot)
}

// agree holds that the standard's lists tell of the same goods as the extension:
// the same units, lots and products, and as many codes of each GTIN. lot is what
// the event says of all of them, or "".
func (c *conversion) agree(field string, subjects []trace.Subject, g goods, lot string) error {
	want, err := c.reader.tally(c.reader.goodsOf(subjects), "")
	if err != nil {
		return err
	}
	got, err := c.reader.tally(g, lot)
	if err != nil {
		return err
	}
	if !maps.Equal(want, got) {
		return refuse(CodeDisagrees, field, "tells of other goods than %s", extSubjects)
	}
	return c.contained(field, subjects, g)
}

// masterLot is the lot that the event gives to its goods.
func (c *conversion) masterLot() string {
	f := c.fieldAt(trace.HomeLot)
	if f == nil {
		return ""
	}
	var master map[string]any
	_ = json.Unmarshal(c.object.have["ilmd"], &master) // readMaster tells what is wrong with it
	lot, _ := master[attribute(f.EPCIS)].(string)
	return lot
}

// goodsOf tells subjects by class.
func (r *Reader) goodsOf(subjects []trace.Subject) goods {
	ids, classes := r.writer.lists(subjects, nil)
	g := goods{classes: classes}
	for _, id := range ids {
		if t, err := r.space.parseThing("", id); err == nil {
			g.things = append(g.things, t)
		}
	}
	return g
}

// tally counts the codes of each GTIN, whether they are told by name or by class,
// and notes units, lots and products that stand for themselves. Codes of a class
// that has a lot are of that lot.
func (r *Reader) tally(g goods, lot string) (map[string]uint64, error) {
	counts := make(map[string]uint64)
	for _, t := range g.things {
		if t.item.Kind == trace.ItemSSCC {
			counts[t.item.String()] = 1
			continue
		}
		counts[t.gtin.String()]++
	}
	for _, q := range g.classes {
		t, err := r.space.parseThing("", q.Class)
		if err != nil {
			return nil, err
		}
		if !q.counts(lot) {
			counts["class "+q.Class] = 1
			continue
		}
		counts[t.gtin.String()] += q.Quantity
	}
	return counts, nil
}

// contained holds that codes that are named one by one are among the subjects, as
// far as names can be resolved.
func (c *conversion) contained(field string, subjects []trace.Subject, g goods) error {
	for i, t := range g.things {
		item := t.item
		if t.link != "" {
			if c.reader.opt.Resolve == nil {
				continue
			}
			var err error
			if item, err = c.reader.opt.Resolve(t.link); err != nil {
				return err
			}
		}
		if !slices.ContainsFunc(subjects, func(s trace.Subject) bool { return s.Covers(item) }) {
			return refuse(CodeDisagrees, fmt.Sprintf("%s[%d]", field, i), "is not among %s", extSubjects)
		}
	}
	return nil
}

// readUnit reads a unit and what is put into it or taken out.
func (c *conversion) readUnit(exact []trace.DraftSubject, told bool) error {
	parent, err := c.object.text("parentID")
	if err != nil {
		return err
	}
	if parent == "" {
		return refuse(CodeForm, "parentID", "is missing: contents are in a unit")
	}
	unit, err := c.reader.space.parseThing("parentID", parent)
	if err == nil && unit.class {
		err = refuse(CodeClass, "parentID", "a unit has a serial number or an SSCC")
	}
	if err != nil {
		return err
	}
	g, err := c.takeGoods("childEPCs", "childQuantityList")
	if err != nil {
		return err
	}
	if told {
		c.draft.Subjects = exact
		return c.agreeUnit(exact, unit, g)
	}
	c.draft.Subjects, err = c.contents(unit, g)
	return err
}

// contents makes the subjects of a unit; without contents it is the unit itself.
func (c *conversion) contents(unit thing, g goods) ([]trace.DraftSubject, error) {
	if g.empty() {
		return []trace.DraftSubject{unit.draft()}, nil
	}
	for i, q := range g.classes {
		if q.Quantity > 0 {
			c.unmapped = append(c.unmapped, fmt.Sprintf("childQuantityList[%d].quantity", i)) // packing counts no lots
		}
	}
	inside, err := c.subjects(g)
	if err != nil {
		return nil, err
	}
	list := make([]trace.DraftSubject, len(inside))
	for i := range inside {
		u := unit.draft()
		list[i] = trace.DraftSubject{Unit: &u, Content: &inside[i]}
	}
	return list, nil
}

// agreeUnit holds that unit and contents are what the extension says of this part.
func (c *conversion) agreeUnit(exact []trace.DraftSubject, unit thing, g goods) error {
	plain, err := c.reader.plain(exact)
	if err != nil {
		return err
	}
	all, at := piecesOf(plain), 0
	if c.event.part != nil {
		at = c.event.part.Number - c.event.part.First
	}
	if at < 0 || at >= all.count || c.event.part == nil && all.count != 1 {
		return refuse(CodeParts, extPart, "%s has %d units", extSubjects, all.count)
	}
	p := all.at(at)
	item := unit.item
	if unit.link != "" && c.reader.opt.Resolve != nil {
		if item, err = c.reader.opt.Resolve(unit.link); err != nil {
			return err
		}
	}
	if (unit.link == "" || c.reader.opt.Resolve != nil) && item != p.unit {
		return refuse(CodeDisagrees, "parentID", "is another unit than %s says", extSubjects)
	}
	c.nowhere("childQuantityList", uncounted(g, ""))
	return c.agree("childEPCs", p.contents, g, "")
}

// readMade reads what was made of what.
func (c *conversion) readMade(exact []trace.DraftSubject, told bool) error {
	in, err := c.takeGoods("inputEPCList", "inputQuantityList")
	if err != nil {
		return err
	}
	out, err := c.takeGoods("outputEPCList", "outputQuantityList")
	if err != nil {
		return err
	}
	if !told {
		c.draft.Subjects, err = c.made(in, out)
		return err
	}
	plain, err := c.reader.plain(exact)
	if err != nil {
		return err
	}
	for i := range plain {
		if plain[i].Kind != trace.SubjectMade {
			return refuse(CodeForm, fmt.Sprintf("%s[%d]", extSubjects, i), "does not say what was made of what")
		}
	}
	c.draft.Subjects = exact
	inputs, outputs := madeOf(plain)
	if err := c.agree("inputEPCList", inputs, in, ""); err != nil {
		return err
	}
	c.nowhere("inputQuantityList", uncounted(in, ""))
	if err := c.agree("outputEPCList", outputs, out, c.masterLot()); err != nil {
		return err
	}
	return c.quantity("outputQuantityList", uncounted(out, c.masterLot()))
}

// made pairs outputs and inputs where there is only one way to.
func (c *conversion) made(in, out goods) ([]trace.DraftSubject, error) {
	inputs, err := c.subjects(in)
	if err != nil {
		return nil, err
	}
	outputs, err := c.subjects(out)
	if err != nil {
		return nil, err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil, refuse(CodeUnmapped, "transformationID", "a record has both what was made and what was used")
	}
	if len(inputs) > 1 && len(outputs) > 1 {
		return nil, refuse(CodeClass, "outputEPCList", "which of %d outputs was made of which of %d inputs? Say so in %s", len(outputs), len(inputs), extSubjects)
	}
	for i, q := range append(slices.Clone(in.classes), out.classes...) {
		if q.Quantity > 0 {
			c.unmapped = append(c.unmapped, fmt.Sprintf("quantity of class %d", i))
		}
	}
	var list []trace.DraftSubject
	for i := range outputs {
		for j := range inputs {
			list = append(list, trace.DraftSubject{Output: &outputs[i], Input: &inputs[j]})
		}
	}
	return list, nil
}
