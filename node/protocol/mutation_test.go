package protocol_test

import (
	"testing"
)

// TestPlantedFaultsAreFound breaks honest nodes in one way each and looks whether
// the simulator notices within some hundred networks.
func TestPlantedFaultsAreFound(t *testing.T) {
	if *oneSeed != 0 {
		t.Skip("-seed runs one network only")
	}
	const most = 600
	for name, change := range map[string]func(*plan){
		"a witness that does not wait for what frontiers name": func(p *plan) { p.faults.ignoresFrontier = true },
		"an author whose own signature counts twice": func(p *plan) {
			p.nodes, p.faults.countsTwice = 4, true
		},
		"a restore that takes the guard along": func(p *plan) {
			p.restore, p.faults.forgetsGuard = "kept", true
		},
		"a checkpoint that is signed before the guard names it": func(p *plan) {
			p.restore, p.faults.keepsNoGuard = "kept", true
			p.trouble.crash = 0.05
		},
		"a witness that needs of a fork what it cannot have": func(p *plan) {
			p.nodes, p.liar, p.faults.insists = 4, "twins", true
		},
		"a witness with an old copy that stores what it has not cosigned": func(p *plan) {
			p.nodes, p.liar, p.restore, p.faults.takesAnything = 4, "twins", "kept", true
		},
		"an author with an old copy that goes on from what a thief has signed": func(p *plan) {
			p.nodes, p.liar, p.restore, p.faults.settlesAnything = 4, "thief", "kept", true
		},
		"an honest witness that signs anything": func(p *plan) {
			p.liar, p.faults.signsAnything = "twins", true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= most; seed++ {
				if _, wrong := new(verdict).try(seed, change); wrong != "" {
					t.Logf("seed %d: %s", seed, wrong)
					return
				}
			}
			t.Errorf("not found in %d networks", most)
		})
	}
}
