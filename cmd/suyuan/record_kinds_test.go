package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"suyuan/trace"
)

// The description of the kinds is the table by which records are checked: no field
// is missing in any form of it.
func TestRecordKinds(t *testing.T) {
	out := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, &stderr)
		}
		return stdout.String()
	}
	var info struct{ Kinds []kindInfo }
	if err := json.Unmarshal([]byte(out("record", "kinds", "--json")), &info); err != nil {
		t.Fatal(err)
	}
	zh, en, plain := out("record", "kinds", "--markdown", "--lang", "zh"), out("record", "kinds", "--markdown", "--lang", "en"), out("record", "kinds")
	i := 0
	for s := range trace.Kinds() {
		k := info.Kinds[i]
		i++
		if k.Kind != s.Kind.String() || len(k.Fields) != len(s.Fields) || len(k.Subjects) != len(s.Subjects) || k.Rule.Zh == "" || k.Name.Zh == "" {
			t.Errorf("%s: %+v", s.Kind, k)
		}
		if (k.EPCIS.Type == "") == (k.EPCIS.None == trace.Names{}) || k.EPCIS.Type != s.EPCIS.Type || len(k.EPCIS.Steps) == 0 && s.EPCIS.Step != "" {
			t.Errorf("%s: EPCIS %+v", s.Kind, k.EPCIS)
		}
		if line := "EPCIS: " + eventText(s, "en"); !strings.Contains(en, line) || !strings.Contains(out("record", "kinds", k.Kind, "--lang", "en"), line) {
			t.Errorf("%s: %q is missing in a description", s.Kind, line)
		}
		for j := range s.Fields {
			f := &s.Fields[j]
			if g := k.Fields[j]; g.Field != f.Name || g.Audience != f.Audience.String() || g.Required != f.Required || g.Erasable && f.Folded {
				t.Errorf("%s.%s: %+v", s.Kind, f.Name, g)
			}
			if k.Fields[j].Name.Zh == f.Name {
				t.Errorf("%s.%s has no Chinese word", s.Kind, f.Name)
			}
			if !strings.Contains(zh, "`"+f.Name+"`") || !strings.Contains(en, f.Doc) || !strings.Contains(plain, f.Name) {
				t.Errorf("%s.%s is missing in a description", s.Kind, f.Name)
			}
		}
	}
	if one := out("record", "kinds", "ship", "--lang", "en"); !strings.HasPrefix(one, "ship (26): goods sent to somebody\n") || strings.Contains(one, "receive (") {
		t.Errorf("one kind: %s", one)
	}
	var stderr bytes.Buffer
	if code := run(context.Background(), []string{"record", "kinds", "steal"}, nil, &bytes.Buffer{}, &stderr); code != exitMisuse {
		t.Errorf("an unknown kind: exit %d: %s", code, &stderr)
	}
}
