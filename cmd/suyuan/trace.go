package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"suyuan/node"
	"suyuan/trace"
)

// where names the node that a reading command asks.
type where struct {
	pass       passphraseFlags
	url, token string
}

func (w *where) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.url, "url", "", "ask the node with this base URL instead of the one in --dir")
	cmd.Flags().StringVar(&w.token, "token", "", "token of a member, to see what members see")
	w.pass.add(cmd)
}

// ask calls do with a client for the node.
func (w *where) ask(ctx context.Context, e *env, do func(*client) error) error {
	if w.url == "" {
		return withNode(ctx, e, &w.pass, do)
	}
	c, err := urlClient(w.url, w.token)
	if err != nil {
		return err
	}
	return do(c)
}

func newTrace(e *env) *cobra.Command {
	var w where
	cmd := &cobra.Command{
		Use:   "trace URI",
		Short: "Show an item's way from production to sale",
		Example: `  suyuan trace --dir wh HTTPS://LANZHI.EXAMPLE/01/06901234000016/21/…
  suyuan trace --url https://trace.lanzhi.example --json URI`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.ask(cmd.Context(), e, func(c *client) error {
				var raw json.RawMessage
				if err := c.call(cmd.Context(), "GET", "/api/v1/trail?uri="+url.QueryEscape(args[0]), nil, &raw); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(raw)
				}
				var a trace.Answer
				if err := json.Unmarshal(raw, &a); err != nil {
					return fmt.Errorf("read answer: %w", err)
				}
				printAnswer(e, &a)
				return nil
			})
		},
	}
	w.add(cmd)
	return cmd
}

func newProof(e *env) *cobra.Command {
	var w where
	var out string
	cmd := &cobra.Command{
		Use:   "proof URI",
		Short: "Fetch the proof bundle of an item",
		Long: `Fetch all that a verifier needs to check an item's trail without trusting whoever
served it, except the network id, which has to come from elsewhere. Check it
with: suyuan verify BUNDLE --network ID`,
		Example: `  suyuan proof --url https://trace.lanzhi.example --out proof.json URI`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.ask(cmd.Context(), e, func(c *client) error {
				var raw []byte
				if err := c.call(cmd.Context(), "GET", "/api/v1/proof?uri="+url.QueryEscape(args[0]), nil, &raw); err != nil {
					return err
				}
				if out == "-" {
					_, err := e.stdout.Write(raw)
					return err
				}
				if err := writeNew(out, raw); err != nil {
					return err
				}
				e.say("%d bytes written to %s; next: suyuan verify %s --network ID", len(raw), out, out)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "-", `file to write ("-" is stdout)`)
	w.add(cmd)
	return cmd
}

// when shows a time as people at the place read it.
func when(t time.Time) string { return t.Format("2006-01-02 15:04 -07:00") }

// lateFrom is how long after it happened an event must have been recorded for
// people to be told.
const lateFrom = time.Hour

// printAnswer prints an answer for people, in both languages.
func printAnswer(e *env, a *trace.Answer) {
	t := a.Trail
	brand, name, contact := trace.Names{}, trace.Names{}, ""
	if t.Product != nil {
		brand = trace.Names{Zh: t.Product.Brand.Zh, En: t.Product.Brand.En}
		name, contact = namesIn(t.Product.Fields), t.Product.Fields.Text("contact")
	}
	zh, en := a.Verdict.Headline(brand, noteOf(a))
	fmt.Fprintf(e.stdout, "%s\n%s\n\n", zh, en)
	if name != (trace.Names{}) {
		fmt.Fprintf(e.stdout, "product   %s / %s\n", name.Zh, name.En)
	}
	for _, row := range [][2]string{{"GTIN", t.GTIN}, {"serial", t.Serial}, {"SSCC", t.SSCC}, {"lot", t.Lot}, {"expires", a.Now.Expires}, {"contact", contact}} {
		if row[1] != "" {
			fmt.Fprintf(e.stdout, "%-9s %s\n", row[0], row[1])
		}
	}
	if t.Custody != nil {
		fmt.Fprintln(e.stdout, strings.TrimRight(fmt.Sprintf("%-9s %s %s", "custody", t.Custody.State, t.Custody.Holder), " "))
	}
	if len(t.Events)+len(a.Pending)+len(t.Sources) > 0 {
		fmt.Fprintln(e.stdout)
	}
	for _, ev := range t.Events {
		printEvent(e, ev, corrected(ev))
	}
	printSources(e, t.Sources, 1)
	for _, ev := range a.Pending {
		printEvent(e, ev, "  (stored, not final yet)")
	}
	if len(t.Findings)+len(a.Now.Findings)+len(a.Assurance) > 0 {
		fmt.Fprintln(e.stdout)
	}
	for _, f := range append(slices.Clone(t.Findings), a.Now.Findings...) {
		fmt.Fprintf(e.stdout, "%-8s  %s\n          %s\n", f.Severity, f.Zh, f.En)
	}
	for _, s := range a.Assurance {
		fmt.Fprintf(e.stdout, "%-10s %d of %d named companies have stored it\n", s.Chain, s.Cosigned, s.Of)
	}
	fmt.Fprintf(e.stdout, "\n%s\n%s\n", trace.CautionZh, trace.CautionEn)
}

// corrected marks an event that its author has taken back.
func corrected(ev trace.EventView) string {
	if ev.Corrected.IsZero() {
		return ""
	}
	return "  (corrected: it does not count)"
}

// printSources prints what an item was made of, each with its own events.
func printSources(e *env, list []*trace.TrailView, depth int) {
	for _, s := range list {
		name := trace.Names{}
		if s.Product != nil {
			name = namesIn(s.Product.Fields)
		}
		what := "GTIN " + s.GTIN
		if s.SSCC != "" {
			what = "SSCC " + s.SSCC
		}
		fmt.Fprintf(e.stdout, "\n%smade of %s %s / %s, lot %s\n", strings.Repeat("  ", depth-1), what, name.Zh, name.En, s.Lot)
		for _, ev := range s.Events {
			fmt.Fprint(e.stdout, strings.Repeat("  ", depth))
			printEvent(e, ev, corrected(ev))
		}
		printSources(e, s.Sources, depth+1)
	}
}

// noteOf is the finding that a warning is about: the worst public one.
func noteOf(a *trace.Answer) trace.Names {
	rank := map[trace.Severity]int{trace.Info: 0, trace.Notice: 1, trace.Warning: 2, trace.Critical: 3}
	best, note := -1, trace.Names{}
	for _, f := range append(slices.Clone(a.Trail.Findings), a.Now.Findings...) {
		if rank[f.Severity] > best {
			best, note = rank[f.Severity], trace.Names{Zh: f.Zh, En: f.En}
		}
	}
	return note
}

func printEvent(e *env, ev trace.EventView, mark string) {
	place := ""
	if ev.Place != nil {
		place = "  " + ev.Place.Zh + " / " + ev.Place.En
	}
	at := ev.At
	if t, err := time.Parse(time.RFC3339, ev.At); err == nil {
		at = when(t)
		if known, err := time.Parse(time.RFC3339, ev.Recorded); err == nil && known.Sub(t) >= lateFrom {
			mark = "  (recorded " + when(known.In(t.Location())) + ")" + mark
		}
	}
	fmt.Fprintf(e.stdout, "%s  %-9s %s / %s%s%s\n", at, ev.Kind, ev.Party.Zh, ev.Party.En, place, mark)
}

// namesIn reads the names of a product from the fields of a decoded answer.
func namesIn(fields map[string]any) trace.Names {
	m, _ := fields["names"].(map[string]any)
	zh, _ := m["zh"].(string)
	en, _ := m["en"].(string)
	return trace.Names{Zh: zh, En: en}
}

// writeNew writes a file.
func writeNew(path string, data []byte) error { return os.WriteFile(path, data, 0o644) }

// ownChain asks a node for the number of its chain.
func ownChain(ctx context.Context, c *client) (uint32, error) {
	var s node.Status
	if err := c.call(ctx, "GET", "/api/v1/status", nil, &s); err != nil {
		return 0, err
	}
	for _, ch := range s.Chains {
		if ch.Chain == s.Chain {
			return ch.Number, nil
		}
	}
	return 0, errors.New("the node does not say which chain it writes")
}
