package proof

import (
	"slices"
	"strings"

	"suyuan/ledger"
)

// tidy returns the note with the log signature and the cosignatures that count
// under a charter version, each once, and opens it: what a bundle shows of it.
// Notes may gather lines of others, and a changed line must not pass as one of
// theirs.
func tidy(net *ledger.Network, v *ledger.Version, note []byte) (*ledger.Checkpoint, error) {
	in := ledger.InForce{From: v.Charter.Version, To: v.Charter.Version}
	cp, err := net.OpenCheckpointAt(note, in)
	if err != nil {
		return nil, err
	}
	witnesses := make(map[string]string, len(v.Charter.Cosigners)) // key name → member
	for _, w := range v.Charter.Cosigners {
		witnesses[ledger.WitnessName(net.Name, net.ID, w.Member)] = w.Member
	}
	head := strings.LastIndex(string(note), "\n\n") + len("\n\n")
	out := slices.Clone(note[:head])
	kept := make(map[string]bool)
	for line := range strings.Lines(string(note[head:])) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		counts := name == v.Verifiers.Origin(cp.Chain)
		if member, ok := witnesses[name]; ok {
			_, err := v.Verifiers.VerifyCosignature(cp, member, []byte(line))
			counts = err == nil
		}
		if counts && !kept[name] {
			out = append(out, line...)
			kept[name] = true
		}
	}
	return net.OpenCheckpointAt(out, in)
}
