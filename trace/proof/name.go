package proof

import (
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// A name is what a link says about an item.
type name struct {
	gtin   gs1.GTIN
	serial string
}

// parseName reads the link of an item under any domain.
func parseName(uri string) (name, error) {
	link, err := gs1.ParseLink(uri)
	if err != nil {
		return name{}, because(CodeURI, err, "read link")
	}
	gtin, ok := link.GTIN()
	if !ok || link.Serial() == "" {
		return name{}, wrong(CodeURI, "the link does not name one item by GTIN and serial")
	}
	return name{gtin, link.Serial()}, nil
}

// canonical is the link under the domain that GS1 itself runs: the domain that
// stands on goods proves nothing, and so no bundle carries it.
func (n name) canonical() (string, error) {
	link, err := gs1.NewLink("", []gs1.Element{{AI: "01", Value: n.gtin.String()}, {AI: "21", Value: n.serial}})
	if err != nil {
		return "", because(CodeURI, err, "write link")
	}
	return link.Canonical(), nil
}

// checkCanonical holds that uri is the one link of the item.
func (n name) checkCanonical(uri string) error {
	canonical, err := n.canonical()
	if err != nil {
		return err
	}
	if uri != canonical {
		return wrong(CodeURI, "the link is not the canonical %s", canonical)
	}
	return nil
}

// hash is what stands for the code in packs.
func (n name) hash() code.Hash { return code.HashOf(n.gtin.Uint64(), n.serial) }
