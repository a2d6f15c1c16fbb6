package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// imported is the part of the report of an import that the test looks at.
type imported struct {
	Counts  map[string]int
	Records []struct{ ID string }
}

// The node is killed while an import runs. Importing again writes what is
// missing and nothing twice.
func TestImportWhileTheNodeIsKilled(t *testing.T) {
	t.Parallel()
	const rows = 6000
	n := newNetwork(t)
	c := n.first()
	path := filepath.Join(n.dir, "places.csv")
	var b strings.Builder
	b.WriteString("地点编号,地点类型,国家\n")
	for i := range rows {
		fmt.Fprintf(&b, "p%d,仓库,中国\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	c.addOperator("place")
	before := c.ownSize()
	ended := make(chan outcome, 1)
	go func() { ended <- c.suyuan("import", path, "--kind", "place") }()
	eventually(t, startWithin, func() string {
		if size := c.ownSize(); size < before+500 {
			return fmt.Sprintf("%d entries are written", size-before)
		}
		return ""
	})
	c.kill()
	// It may have been done already; then the rest of the test holds all the more.
	if o := <-ended; o.code == exitDone {
		t.Log("the import was done before the node was killed")
	}

	var first, second imported
	parse := func(into *imported) {
		t.Helper()
		out := c.suyuan("import", path, "--kind", "place", "--json").done(t)
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatal(err)
		}
	}
	parse(&first)
	t.Logf("after the crash: %v", first.Counts)
	if first.Counts["exists"] < 500 || first.Counts["exists"]+first.Counts["recorded"] != rows {
		t.Errorf("after the crash: %v", first.Counts)
	}
	parse(&second)
	if second.Counts["exists"] != rows {
		t.Errorf("again: %v", second.Counts)
	}
	seen := make(map[string]bool)
	for i, r := range second.Records {
		if r.ID != first.Records[i].ID || seen[r.ID] {
			t.Fatalf("record %d is %s, then %s", i, first.Records[i].ID, r.ID)
		}
		seen[r.ID] = true
	}
	var report struct {
		Report struct {
			Chains []struct {
				Chain   string
				Records int
			}
		}
	}
	if err := json.Unmarshal([]byte(c.suyuan("verify", "--json").done(t)), &report); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, chain := range report.Report.Chains {
		total += chain.Records
	}
	if total != rows+1 { // the grant of the operator
		t.Errorf("%d records stand on the chain, not %d", total, rows+1)
	}
}
