package main_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptHolds is: holds DIR TEXT. Some file under the directory has the text.
func scriptHolds(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] holds DIR TEXT")
	}
	var found []string
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(args[1])) {
			found = append(found, path)
		}
		return err
	}))
	if neg != (len(found) == 0) {
		ts.Fatalf("files with %q: %v", args[1], found)
	}
}

// scriptRecordID is: recordid VAR FILE. It sets a variable to the id of the first
// record in the JSON that `suyuan record` has printed.
func scriptRecordID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: recordid VAR FILE")
	}
	var made struct{ Records []struct{ ID string } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &made))
	if len(made.Records) == 0 {
		ts.Fatalf("no record in %s", args[1])
	}
	ts.Setenv(args[0], made.Records[0].ID)
}
