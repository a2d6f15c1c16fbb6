package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"suyuan/node"
)

func newScan(e *env) *cobra.Command {
	var w where
	var members []string
	var limit int
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Show where codes are scanned, and which look copied",
		Long: `Show in which cities codes are scanned first, and the codes that several devices
seem to have scanned: a warning, and no proof. Counted is what the companies counted
that tell of it; devices, cities and travel are what this node's own pages saw.`,
		Example: `  suyuan scan --dir brand
  suyuan scan --dir brand --member dist --limit 20
  suyuan scan --dir brand --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return misused("--limit is from 1 to 500")
			}
			query := url.Values{"limit": {strconv.Itoa(limit)}, "member": members}
			return w.ask(cmd.Context(), e, func(c *client) error {
				var r node.ScanReport
				if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/scans?"+query.Encode(), nil, &r); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(&r)
				}
				printScans(e, &r)
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&members, "member", nil, "keep to what nodes of this company counted; may stand several times")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many codes at most")
	w.add(cmd)
	return cmd
}

func printScans(e *env, r *node.ScanReport) {
	t := newTable()
	t.AppendHeader(table.Row{"统计方 counted by", "码 codes", "查询 scans"})
	for _, n := range r.Nodes {
		name := n.Chain
		if n.Own {
			name += " 本节点 this node"
		}
		t.AppendRow(table.Row{name, n.Codes, n.Scans})
	}
	alignRight(t, 2, 3)
	fmt.Fprintln(e.stdout, t.Render())

	t = newTable()
	t.AppendHeader(table.Row{"首次查询地 first scanned in", "码 codes", "查询 scans"})
	for _, p := range r.Places {
		t.AppendRow(table.Row{shownPlace(&p), p.Codes, p.Scans})
	}
	alignRight(t, 2, 3)
	fmt.Fprintln(e.stdout, t.Render())

	t = newTable()
	t.AppendHeader(table.Row{"可疑码 suspect", "查询 scans", "设备 devices", "城市 cities", "异地 travel", "首次 first", "统计方 counted by"})
	for _, c := range r.Codes {
		t.AppendRow(table.Row{shownSuspect(&c), c.Count, c.Devices, c.Cities, mark(c.Travel), c.First.Local().Format("2006-01-02 15:04"), shownCounts(&c)})
	}
	alignRight(t, 2, 3, 4)
	fmt.Fprintln(e.stdout, t.Render())
}

// shownPlace is a city in both languages.
func shownPlace(p *node.ScanPlace) string {
	if p.Country == "" && p.Zh == "" && p.En == "" {
		return "不详 unknown"
	}
	var parts []string
	for _, s := range []string{p.Country, p.Zh, p.En} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

// shownSuspect is the code's address where it was issued, else its place in its
// run.
func shownSuspect(c *node.ScanSuspect) string {
	switch {
	case c.URI != "":
		return c.URI
	case c.GTIN == "":
		return "不详 unknown"
	}
	return fmt.Sprintf("%s/%d #%d", c.GTIN, c.Run, c.Index)
}

func shownCounts(c *node.ScanSuspect) string {
	var parts []string
	for _, n := range c.Nodes {
		parts = append(parts, fmt.Sprintf("%s: %d", n.Chain, n.Count))
	}
	return strings.Join(parts, ", ")
}

func mark(b bool) string {
	if b {
		return "是 yes"
	}
	return "–"
}
