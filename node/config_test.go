package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"suyuan/ledger"
)

func TestConfigIsStrict(t *testing.T) {
	t.Parallel()
	dir, _ := initMember(t, "brand", ledger.Brand)
	path := filepath.Join(dir, fileConfig)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(dir); err != nil {
		t.Fatalf("what init writes: %v", err)
	}
	line := func(start, with string) string {
		var out []string
		for _, l := range strings.Split(string(good), "\n") {
			if strings.HasPrefix(l, start) {
				l = with
			}
			out = append(out, l)
		}
		return strings.Join(out, "\n")
	}
	for name, c := range map[string]struct{ text, says string }{
		"unknown key":         {string(good) + "\nhtpp = '127.0.0.1:1'\n", "htpp"},
		"unknown table":       {string(good) + "\n[peers]\na = 1\n", "peers"},
		"key twice":           {string(good) + "\nlog = 'text'\n", "log"},
		"wrong type":          {line("p2p", "p2p = 4001"), "p2p"},
		"no toml":             {"http: 127.0.0.1:8080", ""},
		"no address":          {line("http", ""), "http"},
		"no peers' address":   {line("p2p", "p2p = []"), "p2p"},
		"a name to listen on": {line("p2p", "p2p = ['/dns4/wh.example/tcp/4001']"), "p2p"},
		"reachability":        {line("reachability", "reachability = 'open'"), "reachability"},
		"no guard":            {line("guard", ""), "guard"},
		"guard not absolute":  {line("guard", "guard = 'guard'"), "guard"},
		"guard in directory":  {line("guard", "guard = '"+filepath.Join(dir, "guard")+"'"), "guard"},
		"log":                 {line("log", "log = 'xml'"), "log"},
		"code URL":            {line("code_url", "code_url = 'lanzhi.example'"), "code_url"},
		"code URL with end":   {line("code_url", "code_url = 'https://lanzhi.example/'"), "code_url"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadConfig(dir); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), fileConfig) {
			t.Errorf("%s: %v, want an error about %q in %s", name, err, c.says, fileConfig)
		}
	}
}
