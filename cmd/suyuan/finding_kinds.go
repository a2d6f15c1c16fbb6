package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"suyuan/trace"
	"suyuan/trace/scan"
)

// sentenceWidth is how wide sentences are in the table of findings, in columns.
const sentenceWidth = 52

func newFindingKinds(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "kinds",
		Short: "Describe all findings: code, how grave, who is told, and the sentence in both languages",
		Long: `Describe all findings, those that scans show too. Codes are stable. A public warning
makes the verdict warning, a public critical finding suspicious; what is for members
or for the parties of a record changes no verdict. In the sentences {a} is who bears
the finding and {b} the other side.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			kinds := slices.Concat(trace.FindingKinds(), scan.FindingKinds())
			slices.SortFunc(kinds, func(a, b trace.FindingKind) int { return cmp.Compare(a.Code, b.Code) })
			if e.json {
				return e.printJSON(map[string]any{"findings": kinds})
			}
			t := newTable()
			t.AppendHeader(table.Row{"代码 code", "级别 severity", "告知 audience", "说明", "finding"})
			t.SetColumnConfigs([]table.ColumnConfig{
				{Number: 4, WidthMax: sentenceWidth, WidthMaxEnforcer: text.WrapHard},
				{Number: 5, WidthMax: sentenceWidth, WidthMaxEnforcer: text.WrapSoft},
			})
			for _, k := range kinds {
				t.AppendRow(table.Row{k.Code, k.Severity, k.Audience, k.Zh, k.En})
			}
			_, err := fmt.Fprintln(e.stdout, t.Render())
			return err
		},
	}
}
