package code_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"suyuan/trace/code"
)

// A brand issues a run; a partner with the pack looks codes up; anybody checks
// a proof with the root alone.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	run := code.Run{GTIN: 6901234567892, Number: 1, Count: 300, Secret: code.Secret{1}}
	issued, err := code.Issue(ctx, run, code.Job{Dir: dir, TempDir: dir})
	if err != nil {
		log.Fatal(err)
	}
	serial := run.Serial(42)
	fmt.Println(serial)

	prover, err := code.OpenProver(ctx, issued.Path, filepath.Join(dir, "blocks"), issued.Root)
	if err != nil {
		log.Fatal(err)
	}
	defer prover.Close()
	hash := code.HashOf(run.GTIN, serial.String())
	index, found, err := prover.Pack().Lookup(hash)
	fmt.Println(index, found, err)

	proof, err := prover.ProveInclusion(hash)
	fmt.Println(err, proof.Verify(issued.Root, hash))
	fmt.Println(proof.Verify(issued.Root, code.HashOf(run.GTIN, "ANOTHER")) == nil)

	// Output:
	// 0016JX9YWMQCQQ63RE8T
	// 42 true <nil>
	// <nil> <nil>
	// false
}
