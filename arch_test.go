// Package suyuan_test holds the rules about the tree as a whole.
package suyuan_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// layers is the import policy: for each package what it may import of ours and
// which fenced outside modules it may touch. Read it top to bottom: everything
// points upwards. A new package needs a new line; widening a line is a design
// decision and deserves a commit of its own.
var layers = map[string]string{
	"ledger":                 "",
	"ledger/store/badgerdb":  "badger",
	"ledger/store":           "ledger ledger/store/badgerdb badger",
	"ledger/ledgertest":      "ledger",
	"ledger/store/storetest": "ledger ledger/store badger",

	"trace/gs1":   "",
	"trace/code":  "",
	"trace/label": "qrcode",
	"trace":       "ledger trace/gs1 trace/code",
	"trace/stock": "ledger trace trace/gs1",
	"trace/index": "ledger ledger/store/badgerdb trace trace/gs1 trace/code trace/stock badger",
	"trace/proof": "ledger trace trace/gs1 trace/code",
	"trace/scan":  "ledger trace",
	"trace/epcis": "ledger trace trace/code trace/gs1",
	"trace/sheet": "ledger trace trace/gs1 trace/code excel",

	"node/wire":     "ledger",
	"node/protocol": "ledger node/wire",
	"node/keeper":   "ledger ledger/store node/protocol node/wire",
	"node/replica":  "ledger ledger/store node/wire node/protocol node/keeper libp2p",
	"node/scan":     "ledger/store/badgerdb trace/scan badger mmdb",
	"node/reward":   "ledger/store/badgerdb badger webhooks",
	"node":          "ledger ledger/store trace trace/epcis trace/gs1 trace/code trace/index trace/proof trace/scan trace/stock node/wire node/replica node/scan node/reward libp2p keystore",

	"api/web": "",
	"api":     "ledger trace trace/epcis trace/gs1 trace/code trace/label trace/proof trace/scan trace/stock api/web fiber",

	"cmd/suyuan": "ledger ledger/store trace trace/epcis trace/gs1 trace/code trace/label trace/proof trace/scan trace/stock trace/sheet node api qrcode",
}

// fences are outside modules that only some packages may touch, so that no type
// of theirs spreads.
var fences = map[string]string{
	"badger":   "github.com/dgraph-io/badger",
	"libp2p":   "github.com/libp2p/",
	"fiber":    "github.com/gofiber/fiber",
	"qrcode":   "github.com/skip2/go-qrcode",
	"mmdb":     "github.com/oschwald/maxminddb-golang",
	"excel":    "github.com/xuri/excelize",
	"webhooks": "github.com/standard-webhooks/",
	"keystore": "github.com/ethereum/go-ethereum/accounts",
}

// pure lists packages in which nothing runs on its own: no goroutine starts in
// them.
var pure = []string{"ledger", "node/protocol", "trace", "trace/gs1", "trace/proof", "trace/scan", "trace/sheet", "trace/stock"}

// topLevel is what may stand at the top of the tree; bin holds what scripts build.
var topLevel = []string{"bin", "api", "cmd", "ledger", "node", "scripts", "trace", ".ci", ".git"}

func TestImports(t *testing.T) {
	seen := make(map[string]bool)
	eachGoFile(t, func(file, pkg string, imports []string) {
		allowed, listed := layers[pkg]
		if !listed {
			t.Errorf("%s: package %s is not in the import policy", file, pkg)
			return
		}
		seen[pkg] = true
		for _, imp := range imports {
			if own, ok := strings.CutPrefix(imp, "suyuan/"); ok && !slices.Contains(strings.Fields(allowed), own) {
				t.Errorf("%s: %s may not import %s", file, pkg, imp)
			}
			for name, prefix := range fences {
				if strings.HasPrefix(imp, prefix) && !slices.Contains(strings.Fields(allowed), name) {
					t.Errorf("%s: %s may not import %s, which is fenced", file, pkg, imp)
				}
			}
		}
	})
	for pkg := range layers {
		if !seen[pkg] {
			t.Errorf("the import policy lists %s, which does not exist", pkg)
		}
	}
}

// TestPackageComments holds that each package says what it is, once.
func TestPackageComments(t *testing.T) {
	comments := make(map[string]int)
	eachGoFile(t, func(file, pkg string, _ []string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		comments[pkg] += 0
		if f.Doc != nil {
			comments[pkg]++
		}
	})
	for pkg, n := range comments {
		if n != 1 {
			t.Errorf("%s has %d package comments, not one", pkg, n)
		}
	}
}

func TestPurePackagesStartNoGoroutine(t *testing.T) {
	eachGoFile(t, func(file, pkg string, _ []string) {
		if !slices.Contains(pure, pkg) {
			return
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(src), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "go func") {
				t.Errorf("%s:%d: a pure package starts a goroutine", file, i+1)
			}
		}
	})
}

func TestTopLevel(t *testing.T) {
	list, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.IsDir() && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("folder %s stands at the top of the tree", e.Name())
		}
	}
}

// eachGoFile calls do for every Go file that is no test, with its package's
// path below the module and what it imports.
func eachGoFile(t *testing.T, do func(file, pkg string, imports []string)) {
	t.Helper()
	files := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || path.Dir(name) == "." {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range f.Imports {
			imports = append(imports, strings.Trim(i.Path.Value, `"`))
		}
		files++
		do(name, path.Dir(name), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go file was found")
	}
}
