package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"suyuan/ledger"
)

func TestSecretsAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	files := 0
	for _, dir := range []string{dirKeys, dirSecrets} {
		err := filepath.WalkDir(filepath.Join(n.dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has the mode %v", path, info.Mode())
			}
			if !d.IsDir() {
				files++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files != 7 { // node, admin, log, witness, transport, an operator, a run
		t.Errorf("there are %d key files", files)
	}
}

func TestWrongPassphraseOpensNothing(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"", "Correct horse", adminPhrase} {
		if opened, err := Open(Options{Dir: n.dir, Passphrase: p}); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q: %v, want ErrPassphrase", p, err)
			if err == nil {
				opened.Close()
			}
		}
		if _, err := OpenAdmin(n.dir, p); p != adminPhrase && !errors.Is(err, ErrPassphrase) {
			t.Errorf("admin key with %q: %v", p, err)
		}
	}
}

// A passphrase follows from the name of its file, so that one key file cannot
// stand in for another.
func TestKeyFilesCannotBeExchanged(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	data, err := os.ReadFile(filepath.Join(n.dir, keyFile("witness")))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.dir, keyFile("log")), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.keys.Ed25519("log"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("the witness's key opens as log key: %v", err)
	}
}

// Whatever is done to a key file: it is an error that names the file, never a
// panic, and never another key.
func TestTamperedKeyFilesAreErrors(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	admin, err := OpenAdmin(n.dir, adminPhrase)
	if err != nil {
		t.Fatal(err)
	}
	openers := map[string]func() error{
		keyFile("node"): func() error { _, err := OpenKeyring(n.dir, phrase); return err },
		keyFile("log"):  func() error { _, err := n.keys.Ed25519("log"); return err },
		keyFile("admin"): func() error {
			key, err := OpenAdmin(n.dir, adminPhrase)
			if err == nil && ledger.AddressOf(key) != ledger.AddressOf(admin) {
				t.Error("a tampered file opens as another admin key")
			}
			return err
		},
		operatorFile("clerk"): func() error { _, err := n.keys.Operators(); return err },
	}
	for name, open := range openers {
		path := filepath.Join(n.dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for change, data := range tampered(t, good) {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := open(); err == nil {
				t.Errorf("%s opens with %s", name, change)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(); err != nil {
			t.Errorf("%s does not open when it is put back: %v", name, err)
		}
	}
}

// tampered returns versions of a key file that must not open.
func tampered(t *testing.T, good []byte) map[string][]byte {
	t.Helper()
	list := map[string][]byte{
		"nothing in it": {}, "no JSON": []byte("key"), "null": []byte("null"), "an array": []byte("[]"), "an empty object": []byte("{}"),
		"half of it": good[:len(good)/2],
	}
	edit := func(name string, change func(crypto, params map[string]any)) {
		var f map[string]any
		if err := json.Unmarshal(good, &f); err != nil {
			t.Fatal(err)
		}
		crypto := f["crypto"].(map[string]any)
		change(crypto, crypto["kdfparams"].(map[string]any))
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		list[name] = data
	}
	for _, part := range []string{"ciphertext", "mac"} {
		edit("another "+part, func(c, _ map[string]any) { c[part] = flipped(c[part].(string)) })
		edit("no "+part, func(c, _ map[string]any) { delete(c, part) })
	}
	edit("a short iv", func(c, _ map[string]any) { c["cipherparams"] = map[string]any{"iv": "00"} })
	edit("no iv", func(c, _ map[string]any) { delete(c, "cipherparams") })
	edit("no kdf", func(c, _ map[string]any) { delete(c, "kdf") })
	edit("another kdf", func(c, _ map[string]any) { c["kdf"] = "pbkdf2" })
	edit("no kdf parameters", func(c, _ map[string]any) { delete(c, "kdfparams") })
	edit("another cipher", func(c, _ map[string]any) { c["cipher"] = "aes-256-ctr" })
	for _, name := range []string{"salt", "n", "r", "p", "dklen"} {
		edit("no "+name, func(_, p map[string]any) { delete(p, name) })
		edit("text as "+name, func(_, p map[string]any) { p[name] = "x" })
		edit("a list as "+name, func(_, p map[string]any) { p[name] = []any{} })
	}
	for _, name := range []string{"n", "r", "p", "dklen"} {
		edit("a huge "+name, func(_, p map[string]any) { p[name] = 1 << 40 })
		edit("a negative "+name, func(_, p map[string]any) { p[name] = -1 })
		edit("no bit of "+name, func(_, p map[string]any) { p[name] = 0 })
	}
	return list
}

// flipped changes the first digit of a hexadecimal number.
func flipped(hex string) string {
	if hex[0] == '0' {
		return "1" + hex[1:]
	}
	return "0" + hex[1:]
}

func TestOperatorKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	before, err := os.ReadFile(filepath.Join(n.dir, operatorFile("clerk")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.keys.NewOperator("clerk"); err == nil {
		t.Error("an operator's key was made again")
	}
	for _, name := range []string{"", "../log", "Clerk", "a b"} {
		if _, err := n.keys.NewOperator(name); err == nil {
			t.Errorf("a key was made for operator %q", name)
		}
	}
	after, err := os.ReadFile(filepath.Join(n.dir, operatorFile("clerk")))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key file has changed: %v", err)
	}
}

// Two nodes' secrets open with their own keyring only, though both have the same
// passphrase.
func TestSealedFilesAreOfOneNode(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	for i, n := range nodes {
		if err := n.keys.Seal("secrets/test.json", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(nodes[0].dir, "secrets/test.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(nodes[1].dir, "secrets/test.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := nodes[0].keys.Open("secrets/test.json"); err != nil || string(got) != "0" {
		t.Errorf("own secret: %q, %v", got, err)
	}
	if _, err := nodes[1].keys.Open("secrets/test.json"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another node's secret: %v", err)
	}
}
