package trace

import (
	"cmp"
	"fmt"

	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// An ItemKind tells what an [Item] is.
type ItemKind uint8

// The kinds of item.
const (
	ItemCode ItemKind = 1 // one code of a run: an item, or a case with a case code
	ItemSSCC ItemKind = 2 // a logistic unit
	ItemLot  ItemKind = 3 // all of a product's items of one lot
	ItemGTIN ItemKind = 4 // a product as a whole
)

// An Item is one thing about which events are told. Units are items too. It is
// comparable; use the constructors, which leave unused fields zero.
type Item struct {
	Kind  ItemKind
	GTIN  gs1.GTIN // all but ItemSSCC
	Run   uint16   // ItemCode
	Index uint32   // ItemCode
	SSCC  gs1.SSCC // ItemSSCC
	Lot   string   // ItemLot
}

// Code returns the item with an index in a run of a GTIN.
func Code(gtin gs1.GTIN, run uint16, index uint32) Item {
	return Item{Kind: ItemCode, GTIN: gtin, Run: run, Index: index}
}

// Unit returns the item that an SSCC names.
func Unit(sscc gs1.SSCC) Item { return Item{Kind: ItemSSCC, SSCC: sscc} }

// Lot returns the items of one lot of a GTIN.
func Lot(gtin gs1.GTIN, lot string) Item { return Item{Kind: ItemLot, GTIN: gtin, Lot: lot} }

// Product returns the items of a GTIN.
func Product(gtin gs1.GTIN) Item { return Item{Kind: ItemGTIN, GTIN: gtin} }

// String names the item for people and logs. It is no URI: serials follow from
// a run's secret or list, which this package does not know.
func (i Item) String() string {
	switch i.Kind {
	case ItemCode:
		return fmt.Sprintf("%s run %d index %d", i.GTIN, i.Run, i.Index)
	case ItemSSCC:
		return "sscc " + i.SSCC.String()
	case ItemLot:
		return fmt.Sprintf("%s lot %s", i.GTIN, i.Lot)
	case ItemGTIN:
		return i.GTIN.String()
	}
	return "nothing"
}

// A Range is the codes From to To, both included, of a run of a GTIN.
type Range struct {
	GTIN     gs1.GTIN
	Run      uint16
	From, To uint32
}

// Count is the number of codes.
func (r Range) Count() uint32 { return r.To - r.From + 1 }

// Has reports whether the code is among them.
func (r Range) Has(i Item) bool {
	return i.Kind == ItemCode && i.GTIN == r.GTIN && i.Run == r.Run && r.From <= i.Index && i.Index <= r.To
}

// Overlaps reports whether the ranges have a code in common.
func (r Range) Overlaps(o Range) bool {
	return r.GTIN == o.GTIN && r.Run == o.Run && r.From <= o.To && o.From <= r.To
}

// compareRange orders by GTIN, run, first and last code.
func compareRange(a, b Range) int {
	return cmp.Or(cmp.Compare(a.GTIN.Uint64(), b.GTIN.Uint64()), cmp.Compare(a.Run, b.Run), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

func (r Range) check() error {
	switch {
	case r.GTIN.IsZero():
		return malformed("a range without a GTIN")
	case r.Run > code.MaxRunNumber:
		return malformed("run %d is over %d", r.Run, code.MaxRunNumber)
	case r.From > r.To:
		return malformed("a range from %d to %d", r.From, r.To)
	case r.To >= code.MaxRunCodes:
		return malformed("index %d is beyond the %d codes of a run", r.To, code.MaxRunCodes)
	}
	return nil
}
