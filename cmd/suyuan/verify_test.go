package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerify holds what `suyuan verify` says of nodes, servers and bundles, good
// and bad.
func TestVerify(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.start()
	uri := n.issueItem(t)
	n.waitFinal()
	id, wrong := n.id.String(), strings.Repeat("ab", 32)
	charter := filepath.Join(n.dir, "charter.json")
	n.wh.addOperator("place")
	n.waitFinal()

	bundle := filepath.Join(n.dir, "proof.json")
	n.suyuan("proof", "--url", n.dist.url, "--out", bundle, uri).done(t)
	tampered := filepath.Join(n.dir, "tampered.json")
	raw, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(raw, []byte(`"lot"`), []byte(`"lou"`), 1)
	if bytes.Equal(raw, changed) {
		changed = flipHex(t, raw)
	}
	if err := os.WriteFile(tampered, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	liar := tampering(t, n.wh.url, "/tile/0/")
	forger := tampering(t, n.wh.url, "/checkpoint")

	for _, row := range []struct {
		name string
		args []string
		code int
		says string // in stdout
	}{
		{"running node", []string{"--dir", n.wh.dir}, exitDone, "everything that was checked is in order"},
		{"running node, its network", []string{"--dir", n.wh.dir, "--network", id}, exitDone, "the network that was asked for"},
		{"running node, another network", []string{"--dir", n.wh.dir, "--network", wrong}, exitBad, "wrong-network"},
		{"server, hashes only", []string{"--url", n.wh.url, "--charter", charter}, exitDone, "not shown"},
		{"server, with token", []string{"--url", n.wh.url, "--token", n.wh.token}, exitDone, "was not compared"},
		{"server, another network", []string{"--url", n.wh.url, "--network", wrong}, exitBad, "wrong-network"},
		{"server that lies about hashes", []string{"--url", liar}, exitBad, "brand/1"},
		{"server that forges checkpoints", []string{"--url", forger}, exitBad, "bad-checkpoint"},
		{"bundle", []string{bundle, "--network", id}, exitDone, "the network that was asked for"},
		{"bundle, charter", []string{bundle, "--charter", charter}, exitDone, "activate"},
		{"bundle, nothing to compare with", []string{bundle}, exitDone, "was not compared"},
		{"bundle, another network", []string{bundle, "--network", wrong}, exitBad, ""},
		{"tampered bundle", []string{tampered, "--network", id}, exitBad, "bundle: "},
		{"no bundle", []string{charter}, exitBad, "bundle: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			if out := n.suyuan(append([]string{"verify"}, row.args...)...).ended(t, row.code); !strings.Contains(out, row.says) {
				t.Errorf("stdout does not say %q: %s", row.says, out)
			}
			out := n.suyuan(append([]string{"verify", "--json"}, row.args...)...).ended(t, row.code)
			var one any
			if err := json.Unmarshal([]byte(out), &one); err != nil {
				t.Errorf("stdout is not one JSON value: %v in %s", err, out)
			}
		})
	}
	for _, c := range n.all() {
		c.stop()
		c.suyuan("verify", "--network", id).done(t)
		c.suyuan("verify", "--network", wrong).ended(t, exitBad)
	}
}

// issueItem has the brand issue and activate codes, and returns one.
func (n *network) issueItem(t *testing.T) string {
	t.Helper()
	n.brand.addOperator("product", "run", "activate")
	n.brand.suyuan("product", "add", "--gtin", gtin, "--name-zh", "精华水", "--name-en", "Essence").done(t)
	var issued struct{ First string }
	out := n.brand.suyuan("codes", "issue", "--gtin", gtin, "--count", "10", "--out", filepath.Join(n.dir, "print"), "--json").done(t)
	if err := json.Unmarshal([]byte(out), &issued); err != nil || issued.First == "" {
		t.Fatalf("%v in %s", err, out)
	}
	n.brand.suyuan("record", "activate", "--subject", gtin+"/0/0-9", "--field", "lot=L1").done(t)
	return issued.First
}

// flipHex changes one hex digit in the middle of a file.
func flipHex(t *testing.T, raw []byte) []byte {
	t.Helper()
	raw = bytes.Clone(raw)
	for i := len(raw) / 2; i < len(raw); i++ {
		if raw[i] == '1' {
			raw[i] = '2'
			return raw
		}
	}
	t.Fatal("there is no digit to change")
	return nil
}

// tampering serves what a node serves, with one bit changed in every answer
// whose path contains part.
func tampering(t *testing.T, node, part string) string {
	t.Helper()
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err == nil && strings.Contains(r.Request.URL.Path, part) {
				body[len(body)-10] ^= 1
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			return err
		},
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL
}
