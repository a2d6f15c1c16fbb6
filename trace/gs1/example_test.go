package gs1_test

import (
	"errors"
	"fmt"

	"suyuan/trace/gs1"
)

func ExampleParseGTIN() {
	g, err := gs1.ParseGTIN("6901234567892") // as under a Chinese bar code
	fmt.Println(g, g.Uint64(), err)

	_, err = gs1.ParseGTIN("6901234567893")
	fmt.Println(err)
	fmt.Println(gs1.CodeOf(err), errors.Is(err, gs1.GTINCheckDigit))
	// Output:
	// 06901234567892 6901234567892 <nil>
	// the GTIN 6901234567893 ends in check digit 3 where 2 is right
	// gtin-check-digit true
}

func ExampleParseLink() {
	l, err := gs1.ParseLink("HTTPS://EXAMPLE.COM/01/06901234567892/10/LOT/21/0A1B2C?17=260131")
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := l.GTIN()
	fmt.Println(g, l.Lot(), l.Serial())
	fmt.Println(gs1.FormatBracketed(l.Elements()))
	fmt.Println(l.Canonical())
	// Output:
	// 06901234567892 LOT 0A1B2C
	// (01)06901234567892(10)LOT(21)0A1B2C(17)260131
	// https://id.gs1.org/01/06901234567892/10/LOT/21/0A1B2C?17=260131
}

func ExampleNewLink() {
	scanned, err := gs1.ParseFNC1("]d20106901234567892210A1B2C\x1d1726013110AB(1")
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := gs1.NewLink("https://example.com", scanned)
	fmt.Println(l, err)
	// Output:
	// https://example.com/01/06901234567892/10/AB%281/21/0A1B2C?17=260131 <nil>
}

// The strings in the package comment.
func ExampleFormatFNC1() {
	list, err := gs1.ParseBracketed(`(01)06901234567892(10)AB\(1(17)260131`)
	fmt.Printf("%q %v\n", gs1.FormatFNC1(list), err)

	check, err := gs1.CheckDigit("0690123456789")
	fmt.Printf("%c %v\n", check, err)
	// Output:
	// "010690123456789210AB(1\x1d17260131" <nil>
	// 2 <nil>
}
