package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/node"
)

// stories are those that the demo tells, with the verdict of each.
var stories = map[string]string{
	"sold": "consistent", "in-transit": "consistent", "on-shelf": "consistent", "hosted-dealer": "consistent", "diverted": "consistent",
	"returned-opened": "consistent", "corrected": "consistent", "preprinted-two-lots": "consistent", "mixed-pallet-partial": "consistent",
	"offline-late": "consistent", "short-received": "consistent", "kit": "consistent", "lot-only": "consistent",
	"scrapped": "warning", "cloned": "warning", "claimed-twice": "warning", "recalled-half": "recalled",
	"never-issued": "never-issued", "unknown-here": "unknown",
}

// TestDemoTellsItsStories runs the demo until it is ready, which it is only when
// the four nodes give each item one verdict and the same trail, byte by byte, and
// holds that the proof of each says the same without them.
func TestDemoTellsItsStories(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: the demo takes half a minute")
	}
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	cmd := exec.Command("suyuan", "demo", "--dir", filepath.Join(dir, "demo"), "--port", fmt.Sprint(freeBase(t)), "--ready", ready)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		if err := cmd.Process.Signal(os.Interrupt); err == nil {
			<-ended
		}
	}()
	told := awaitDemo(t, ready, log.Name(), ended)
	if id := demoNetworkID(t, filepath.Join(dir, "demo", "audit")); told.Network != id {
		t.Errorf("the demo says that the network is %q, and it is %s", told.Network, id)
	}
	got := make(map[string]string)
	for _, item := range told.Items {
		got[item.Story] = item.Verdict
	}
	for story, want := range stories {
		if got[story] != want {
			t.Errorf("the story %s has the verdict %q, want %q", story, got[story], want)
		}
	}
	for _, item := range told.Items {
		checkDemoProof(t, dir, told.Nodes[2].URL, item)
	}
	checkFindingsLead(t, filepath.Join(dir, "demo", "audit"))
}

// checkFindingsLead checks that an auditor can read each record that a finding rests
// on, in both languages.
func checkFindingsLead(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.Command("suyuan", "findings", "--dir", dir, "--json").Output()
	var list struct {
		Findings []struct {
			Code    string
			Records []string
		}
	}
	if err != nil || json.Unmarshal(out, &list) != nil || len(list.Findings) == 0 {
		t.Fatalf("no findings (%v): %s", err, out)
	}
	for _, f := range list.Findings {
		out, err := exec.Command("suyuan", append([]string{"record", "show", "--dir", dir}, f.Records...)...).CombinedOutput()
		if got := strings.Count(string(out), "类型 kind: "); err != nil || len(f.Records) == 0 || got != len(f.Records) {
			t.Errorf("of %d records of the finding %s %d can be read (%v):\n%s", len(f.Records), f.Code, got, err, out)
		}
	}
}

type demoTold struct {
	Network string
	Nodes   []struct{ URL string }
	Items   []demoStory
}

type demoStory struct{ Story, URI, Verdict string }

// awaitDemo waits until the demo is ready.
func awaitDemo(t *testing.T, ready, log string, ended chan error) (told demoTold) {
	t.Helper()
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(ready)
		if err == nil {
			if err := json.Unmarshal(raw, &told); err != nil {
				t.Fatal(err)
			}
			return told
		}
		select {
		case err := <-ended:
			said, _ := os.ReadFile(log)
			ended <- err
			t.Fatalf("the demo has ended: %v\n%s", err, said)
		case <-deadline:
			said, _ := os.ReadFile(log)
			t.Fatalf("the demo is not ready:\n%s", said)
		case <-tick.C:
		}
	}
}

// unproven are stories whose verdict rests on more than final records, or of which
// there is nothing to prove.
var unproven = []string{"cloned", "lot-only", "unknown-here"}

// checkDemoProof verifies an item's bundle, made by another company than the brand.
func checkDemoProof(t *testing.T, dir, url string, item demoStory) {
	t.Helper()
	if slices.Contains(unproven, item.Story) {
		return
	}
	file := filepath.Join(dir, item.Story+".json")
	if out, err := exec.Command("suyuan", "proof", "--url", url, "--out", file, item.URI).CombinedOutput(); err != nil {
		t.Errorf("proof of %s: %v\n%s", item.Story, err, out)
		return
	}
	out, err := exec.Command("suyuan", "verify", file, "--json").Output()
	var proven struct{ Verdict string }
	if err != nil || json.Unmarshal(out, &proven) != nil || proven.Verdict != item.Verdict {
		t.Errorf("the proof of %s says %q (%v), want %q", item.Story, proven.Verdict, err, item.Verdict)
	}
}

// freeBase finds a port of which the demo can use the next four, and four that are
// ten above.
func freeBase(t *testing.T) int {
	t.Helper()
	for base := 21400; base < 32000; base += 20 {
		if allFree(base, 0, 1, 2, 3, 10, 11, 12, 13) {
			return base
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

func allFree(base int, offsets ...int) bool {
	for _, o := range offsets {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+o))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// demoNetworkID reads of a node's charter which network it is.
func demoNetworkID(t *testing.T, dir string) string {
	t.Helper()
	signed, err := node.ReadCharter(filepath.Join(dir, "charter.json"))
	if err != nil {
		t.Fatal(err)
	}
	network, err := ledger.NewNetwork(signed)
	if err != nil {
		t.Fatal(err)
	}
	return network.ID.String()
}
