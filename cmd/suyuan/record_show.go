package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/sheet"
)

func newRecordShow(e *env) *cobra.Command {
	var w where
	cmd := &cobra.Command{
		Use:   "show ID...",
		Short: "Show what records say and where they stand, by the ids that figures and findings name",
		Example: `  suyuan record show --dir audit 578cc53cd36058d55588fbc6a2cebc8a3eba9088c5f9b289ada54d293eb55055
  suyuan record show --url https://trace.wh.example --token sy_… ID`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return w.ask(cmd.Context(), e, func(c *client) error {
				for i, id := range ids {
					var raw json.RawMessage
					if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/records/"+url.PathEscape(id), nil, &raw); err != nil {
						return err
					}
					if e.json {
						if err := e.printJSON(raw); err != nil {
							return err
						}
						continue
					}
					var a shownRecord
					if err := json.Unmarshal(raw, &a); err != nil {
						return fmt.Errorf("read answer: %w", err)
					}
					if i > 0 {
						fmt.Fprintln(e.stdout)
					}
					printRecord(e, &a)
				}
				return nil
			})
		},
	}
	w.add(cmd)
	return cmd
}

// shownRecord is the answer of GET /api/v1/records/{id}.
type shownRecord struct {
	ID     string              `json:"id"`
	State  string              `json:"state"`
	Chain  string              `json:"chain"`
	Seq    uint64              `json:"seq"`
	Hash   string              `json:"hash"`
	Record *node.StreamedEvent `json:"record"`
}

// printRecord prints a record for people: one line for each thing that it says, by
// its names in both languages.
func printRecord(e *env, a *shownRecord) {
	line := func(zh, en, value string) { fmt.Fprintf(e.stdout, "%s %s: %s\n", zh, en, value) }
	line("记录", "record", a.ID)
	line("位置", "stands", fmt.Sprintf("%s entry %d, %s, leaf hash %s", a.Chain, a.Seq, a.State, a.Hash))
	r := a.Record
	if r == nil {
		e.say("what it says is for members that it concerns: ask with --dir or --token")
		return
	}
	kind, _ := ledger.KindByName(r.Kind)
	spec, known := trace.Spec(kind)
	if known {
		names := kindNames(spec)
		line("类型", "kind", r.Kind+" "+names.Zh+" / "+names.En)
	} else {
		line("类型", "kind", r.Kind)
	}
	line("发生", "at", r.EventView.At)
	line("登记", "recorded", r.Recorded)
	line("经办", "party", partyText(r.Party))
	if r.Place != nil {
		line("地点", "place", strings.Join([]string{r.Place.ID, r.Place.Zh, "/", r.Place.En}, " "))
	}
	for i := range r.Subjects {
		line("货品", "subject", sheet.SubjectText(&r.Subjects[i]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		line(fieldNamed(spec, name), name, valueText(r.Fields[name]))
	}
	for _, gone := range r.Erased {
		line("已擦除", "erased", valueText(gone))
	}
	if !r.Corrected.IsZero() {
		line("更正", "corrected by", r.Corrected.String())
	}
}

func partyText(p trace.PartyView) string {
	slug := p.Member
	if p.Party != "" {
		slug += "/" + p.Party
	}
	return slug + " " + p.Zh + " / " + p.En
}

// fieldNamed is the Chinese name of a field of a kind, "" if that is not known.
func fieldNamed(spec *trace.KindSpec, name string) string {
	if spec == nil {
		return ""
	}
	for i := range spec.Fields {
		if f := &spec.Fields[i]; f.Name == name {
			return sheet.FieldWord(spec, f, sheet.Zh)
		}
	}
	return ""
}

// valueText writes a value as --field takes it.
func valueText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // what came as JSON can be written as such
	}
	return string(raw)
}
