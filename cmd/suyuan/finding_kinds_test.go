package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"suyuan/trace"
	"suyuan/trace/scan"
)

// All findings are described, each once and in both languages.
func TestFindingKinds(t *testing.T) {
	out := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, &stderr)
		}
		return stdout.String()
	}
	var list struct{ Findings []trace.FindingKind }
	if err := json.Unmarshal([]byte(out("findings", "kinds", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	plain, seen := out("findings", "kinds"), map[string]bool{}
	for _, k := range list.Findings {
		if seen[k.Code] || k.Zh == "" || k.En == "" || k.Severity == "" || k.Audience == "" || !strings.Contains(plain, k.Code) {
			t.Errorf("%+v", k)
		}
		seen[k.Code] = true
	}
	for _, code := range append(scan.Codes(), trace.HeldByTwo, trace.Diverted, trace.ScannedOutside, trace.ChainForked) {
		if !seen[code] {
			t.Errorf("%s is not described", code)
		}
	}
}
