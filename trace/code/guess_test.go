package code

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// serialsOf yields n serials that f makes of their numbers.
func serialsOf(n int, f func(i int) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(f(i)) {
				return
			}
		}
	}
}

func randomText(random *rand.Rand, from string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(from[random.IntN(len(from))])
	}
	return b.String()
}

func TestGuessable(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const (
		decimal = "0123456789"
		letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	shuffled := random.Perm(5000)
	for name, test := range map[string]struct {
		serials iter.Seq[string]
		want    bool
	}{
		"none":                   {serialsOf(0, nil), true},
		"one short":              {slices.Values([]string{"123456"}), true},
		"one long":               {slices.Values([]string{randomText(random, decimal+letters, 20)}), false},
		"counting":               {serialsOf(1000, func(i int) string { return fmt.Sprint(i) }), true},
		"counting, long":         {serialsOf(1000, func(i int) string { return fmt.Sprintf("2026112100%010d", i) }), true},
		"counting, five":         {serialsOf(5, func(i int) string { return fmt.Sprintf("AX7QZ3V-%04d", i) }), true},
		"counting down":          {serialsOf(1000, func(i int) string { return fmt.Sprintf("%020d", 99999-i) }), true},
		"counting by a big step": {serialsOf(1000, func(i int) string { return fmt.Sprintf("%020d", uint64(i)*987654321987654) }), true},
		"counting in hex":        {serialsOf(1000, func(i int) string { return fmt.Sprintf("%016X", i+1<<40) }), true},
		"counting, shuffled":     {serialsOf(5000, func(i int) string { return fmt.Sprintf("LOT7-%08d", shuffled[i]) }), true},
		"counting, check digit":  {serialsOf(1000, func(i int) string { return fmt.Sprintf("7700%012d%d", i, i*7%10) }), true},
		"8 random digits":        {serialsOf(1000, func(int) string { return randomText(random, decimal, 8) }), true},
		"12 random digits":       {serialsOf(5000, func(int) string { return randomText(random, decimal, 12) }), true},
		"20 random digits":       {serialsOf(5000, func(int) string { return randomText(random, decimal, 20) }), false},
		"20 random digits, 3":    {serialsOf(3, func(int) string { return randomText(random, decimal, 20) }), false},
		"12 random characters":   {serialsOf(5000, func(int) string { return randomText(random, decimal+letters, 12) }), false},
		"random after a prefix":  {serialsOf(5000, func(int) string { return "CN20261121-" + randomText(random, letters, 5) }), true},
		"both ends fixed":        {serialsOf(30, func(int) string { return "AAAAAAA" + randomText(random, letters, 4) + "ZZZZZZZ" }), true},
		"lower case":             {serialsOf(20, func(int) string { return randomText(random, strings.ToLower(letters), 14) }), false},
		"our own":                {serialsOf(1000, func(i int) string { return testRun.Serial(uint32(i)).String() }), false},
		"not even serials":       {serialsOf(100, func(i int) string { return strings.Repeat("\xff序", i) }), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Guessable(test.serials); got != test.want {
				t.Errorf("Guessable = %v, want %v", got, test.want)
			}
		})
	}
}
