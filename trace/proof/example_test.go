package proof_test

import (
	"fmt"
	"log"
	"os"

	"suyuan/ledger"
	"suyuan/trace/proof"
)

// Somebody who knows the network id checks a bundle from anywhere.
func ExampleBundle_Verify() {
	f, err := os.Open("testdata/sold.json")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	bundle, err := proof.Decode(f)
	if err != nil {
		log.Fatal(err)
	}
	known, err := ledger.ParseHash("e1a73fcc7ae3140c230f549f21e9bb367f4d2a6db6f10478a093bf4aa77111e4")
	if err != nil {
		log.Fatal(err)
	}
	result, err := bundle.Verify(known)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Name, result.Serial, result.Code, result.Verdict, result.Trail.Custody.State)
	last := result.Events[len(result.Events)-1]
	fmt.Println(last.Kind, last.Member, last.Cosigners)

	_, err = bundle.Verify(ledger.Hash{1})
	fmt.Println(ledger.CodeOf(err))

	// Output:
	// lanzhi-test 001NFRTGWXTB3F9V3RQ9 issued consistent sold
	// sell dist [audit dist lanzhi wh]
	// wrong-network
}
