package code

import (
	"flag"
	"path/filepath"
	"runtime"
	"testing"
)

// benchCodes is the size of the run in benchmarks. For the largest run:
//
//	go test -run - -bench . -benchtime 1x -codes 10000000 ./trace/code
var benchCodes = flag.Uint("codes", 1_000_000, "codes in the run of benchmarks")

func benchRun() Run {
	r := testRun
	r.Count = uint32(*benchCodes)
	return r
}

func BenchmarkIssue(b *testing.B) {
	run := benchRun()
	for b.Loop() {
		if _, err := Issue(b.Context(), run, Job{Dir: b.TempDir(), TempDir: b.TempDir()}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(run.Count)*float64(b.N)/b.Elapsed().Seconds(), "codes/s")
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(mem.Sys)/(1<<20), "MB-from-system")
}

func BenchmarkSerial(b *testing.B) {
	maker := newSerialMaker(testRun)
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		maker.serial(i)
	}
}

func BenchmarkProver(b *testing.B) {
	run := benchRun()
	dir := b.TempDir()
	issued, err := Issue(b.Context(), run, Job{Dir: dir, TempDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	blocks := filepath.Join(dir, "blocks")
	if err := issued.Blocks.WriteFile(blocks); err != nil {
		b.Fatal(err)
	}
	p, err := OpenProver(b.Context(), issued.Path, blocks, issued.Root)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()

	hashes := make([]Hash, 1024)
	others := make([]Hash, len(hashes))
	other := run
	other.Number++
	for i := range hashes {
		index := uint32(uint64(i) * uint64(run.Count) / uint64(len(hashes)))
		hashes[i] = HashOf(run.GTIN, run.Serial(index).String())
		others[i] = HashOf(run.GTIN, other.Serial(index).String())
	}
	b.Run("lookup", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, found, err := p.Pack().Lookup(hashes[i%len(hashes)]); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("inclusion", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := p.ProveInclusion(hashes[i%len(hashes)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("absence", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := p.ProveAbsence(others[i%len(others)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			p, err := OpenProver(b.Context(), issued.Path, blocks, issued.Root)
			if err != nil {
				b.Fatal(err)
			}
			p.Close()
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Pack().Check(b.Context(), issued.Root, run.Count); err != nil {
				b.Fatal(err)
			}
		}
	})
}
