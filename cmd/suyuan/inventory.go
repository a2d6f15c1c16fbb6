package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"suyuan/trace"
	"suyuan/trace/stock"
)

const (
	// countTries is how often a question is asked again while the node is still
	// counting: the first count of a million records takes some minutes.
	countTries = 60
	// readyWait is how long to wait before a node is asked again that is still reading
	// what has arrived: it says so at once.
	readyWait = time.Second
	// maxFigures bounds the rows that are printed of one question.
	maxFigures = 1_000_000
)

// headings are what dimensions are called in tables.
var headings = map[stock.Dim]string{
	stock.ByParty: "持有方 party", stock.ByMember: "公司 member", stock.ByState: "状态 state", stock.ByPlace: "地点 place",
	stock.ByProduct: "商品 product", stock.ByRun: "码批 run", stock.ByLot: "批号 lot", stock.ByTo: "发往 to", stock.ByRegion: "地区 region",
	stock.ByChannel: "渠道 channel", stock.ByDay: "日期 day", stock.ByMonth: "月份 month", stock.ByAge: "库龄(天) age",
	stock.ByExpires: "到期 expires", stock.ByExpired: "过期 expired", stock.ByVerdict: "结论 verdict", stock.ByPrinted: "印制 printed",
	stock.ByRecord: "记录 record", stock.ByKind: "类型 kind", stock.ByFrom: "从 from", stock.ByReceived: "到 received",
}

// stateWords are the states as a warehouse clerk says them.
var stateWords = map[string]string{
	"issued": "未启用 issued", "active": "已启用 active", "in-transit": "在途 in-transit", "held": "在库 held",
	"sold": "已售 sold", "used": "已用 used", "void": "作废 void",
}

func newInventory(e *env) *cobra.Command {
	var w where
	var by, filters []string
	var at string
	var moves, units, runs, lots, asCSV bool
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Count items: by party, state, place, product, lot and more",
		Long: `Count items by what the final records say, now or at a past time. Figures are told
apart by ` + stock.Names(stock.Dims) + `;
movements by ` + stock.Names(stock.MoveDims) + `.
The records behind a figure are the same question by record. With --runs it is where
the codes of each run are, printed = activated + void + open, and with --lots how much
the parties have of lots without serials.`,
		Example: `  suyuan inventory --dir wh                                        who has how many of what
  suyuan inventory --dir wh --by state,lot --only product=06901234000016
  suyuan inventory --dir wh --by to,record --only state=in-transit   open shipments
  suyuan inventory --dir wh --by region,month --only state=sold      sales
  suyuan inventory --dir wh --by record --only state=held --only party=wh
  suyuan inventory --dir wh --units                                  pallets
  suyuan inventory --dir wh --runs                                   printed, activated, void and open codes
  suyuan inventory --dir wh --lots                                   lots without serials
  suyuan inventory --dir wh --lots --by record --only lot=T26C01
  suyuan inventory --dir wh --moves --by from,received,month         flow between parties
  suyuan inventory --dir wh --at 2026-03-01T00:00:00+08:00 --csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query, err := figureQuery(by, filters, at)
			if err != nil {
				return err
			}
			if runs || lots {
				if !cmd.Flags().Changed("by") {
					query.Del("by")
				}
				return w.ask(cmd.Context(), e, func(c *client) error {
					if runs {
						return askRuns(cmd.Context(), e, c, query)
					}
					return askLots(cmd.Context(), e, c, query)
				})
			}
			path := "/api/v1/inventory"
			switch asked := cmd.Flags().Changed("by"); {
			case moves:
				path = "/api/v1/movements"
				if !asked {
					query.Set("by", "from,received,product")
				}
			case units:
				path = "/api/v1/inventory/units"
				if !asked {
					query.Set("by", "party,place,state")
				}
			}
			return w.ask(cmd.Context(), e, func(c *client) error {
				a, err := fetchInventory(cmd.Context(), e, c, path, query)
				switch {
				case err != nil:
					return err
				case e.json:
					return e.printJSON(a)
				case asCSV:
					return printFiguresCSV(e, a)
				}
				printFigures(e, a)
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&by, "by", []string{"party", "product", "lot", "state"}, "what figures are told apart by")
	cmd.Flags().StringArrayVar(&filters, "only", nil, "keep to NAME=VALUE, for example state=held; several values of one name add up")
	cmd.Flags().StringVar(&at, "at", "", "count by what was final at this time (RFC 3339)")
	cmd.Flags().BoolVar(&moves, "moves", false, "count how items went from one party to another")
	cmd.Flags().BoolVar(&units, "units", false, "count logistic units (SSCC) instead of codes")
	cmd.Flags().BoolVar(&runs, "runs", false, "say of each run of codes how many are activated, void and open")
	cmd.Flags().BoolVar(&lots, "lots", false, "say how much of lots without serials the parties have")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.MarkFlagsMutuallyExclusive("moves", "units", "runs", "lots")
	cmd.MarkFlagsMutuallyExclusive("runs", "by")
	cmd.MarkFlagsMutuallyExclusive("runs", "lots", "csv")
	w.add(cmd)
	return cmd
}

func figureQuery(by, filters []string, at string) (url.Values, error) {
	query := url.Values{}
	if len(by) > 0 {
		query.Set("by", strings.Join(by, ","))
	}
	for _, f := range filters {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, misused("--only %q is not NAME=VALUE", f)
		}
		query.Add(name, value)
	}
	if at != "" {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return nil, misused("--at %q is no time, for example 2026-03-01T00:00:00+08:00", at)
		}
		query.Set("at", at)
	}
	return query, nil
}

// fetchInventory fetches all pages of an answer, each at the cut of the first.
func fetchInventory(ctx context.Context, e *env, c *client, path string, query url.Values) (*stock.Inventory, error) {
	var whole *stock.Inventory
	for {
		var a stock.Inventory
		if err := askCounting(ctx, e, c, path+"?"+query.Encode(), &a); err != nil {
			return nil, err
		}
		if whole == nil {
			whole = &a
		} else {
			whole.Rows = append(whole.Rows, a.Rows...)
			whole.Names = merged(whole.Names, a.Names)
		}
		if a.Next == "" || len(whole.Rows) >= maxFigures {
			whole.Next = a.Next
			return whole, nil
		}
		atCut(query, a.Next, a.AsOf)
	}
}

// askRuns asks where the codes of runs are, and prints it.
func askRuns(ctx context.Context, e *env, c *client, query url.Values) error {
	whole := stock.Prints{Runs: []stock.PrintRun{}}
	for {
		var a stock.Prints
		if err := askCounting(ctx, e, c, "/api/v1/inventory/runs?"+query.Encode(), &a); err != nil {
			return err
		}
		whole.Runs, whole.Next, whole.AsOf, whole.Uncounted = append(whole.Runs, a.Runs...), a.Next, a.AsOf, a.Uncounted
		whole.Names = merged(whole.Names, a.Names)
		if a.Next == "" || len(whole.Runs) >= maxFigures {
			break
		}
		atCut(query, a.Next, a.AsOf)
	}
	if e.json {
		return e.printJSON(&whole)
	}
	t := newTable()
	t.AppendHeader(table.Row{headings[stock.ByProduct], headings[stock.ByRun], "印制 printed", "启用 activated", "作废 void", "未用 open"})
	var sum stock.PrintRun
	for _, r := range whole.Runs {
		t.AppendRow(table.Row{named(whole.Names, r.GTIN), r.Run, r.Printed, r.Activated, r.Void, r.Open})
		sum.Printed, sum.Activated, sum.Void, sum.Open = sum.Printed+r.Printed, sum.Activated+r.Activated, sum.Void+r.Void, sum.Open+r.Open
	}
	t.AppendFooter(table.Row{"合计 total", "", sum.Printed, sum.Activated, sum.Void, sum.Open})
	alignRight(t, 2, 3, 4, 5, 6)
	fmt.Fprintln(e.stdout, t.Render())
	sayUncounted(e, whole.Uncounted)
	return nil
}

// askLots asks how much of lots parties have, and prints it.
func askLots(ctx context.Context, e *env, c *client, query url.Values) error {
	whole := stock.Lots{Lots: []stock.LotRow{}}
	for {
		var a stock.Lots
		if err := askCounting(ctx, e, c, "/api/v1/inventory/lots?"+query.Encode(), &a); err != nil {
			return err
		}
		whole.Lots, whole.Next, whole.AsOf = append(whole.Lots, a.Lots...), a.Next, a.AsOf
		whole.Names = merged(whole.Names, a.Names)
		if a.Next == "" || len(whole.Lots) >= maxFigures {
			break
		}
		atCut(query, a.Next, a.AsOf)
	}
	if e.json {
		return e.printJSON(&whole)
	}
	t := newTable()
	byRecord := query.Get("by") != ""
	head := table.Row{headings[stock.ByProduct], headings[stock.ByLot], headings[stock.ByParty], "数量 quantity", "单位 unit"}
	if byRecord {
		head = append(head, headings[stock.ByDay], headings[stock.ByKind], headings[stock.ByRecord])
	}
	t.AppendHeader(head)
	for _, l := range whole.Lots {
		row := table.Row{named(whole.Names, l.GTIN), l.Lot, named(whole.Names, l.Party), l.Quantity, l.Unit}
		if byRecord {
			row = append(row, dayOfTime(l.At), l.Kind, l.Record)
		}
		t.AppendRow(row)
	}
	alignRight(t, 4)
	fmt.Fprintln(e.stdout, t.Render())
	return nil
}

// atCut has the next page answered at the cut of the one before.
func atCut(query url.Values, next string, asOf map[string]uint64) {
	query.Set("after", next)
	query.Del("at")
	query.Set("as_of", asOfText(asOf))
}

func merged(names, more map[string]trace.Names) map[string]trace.Names {
	if names == nil {
		names = map[string]trace.Names{}
	}
	maps.Copy(names, more)
	return names
}

func alignRight(t table.Writer, columns ...int) {
	var configs []table.ColumnConfig
	for _, n := range columns {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignFooter: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
}

// sayUncounted names what is missing in every figure.
func sayUncounted(e *env, runs []string) {
	for _, run := range runs {
		e.say("run %s is not counted: its records tell too many pieces apart", run)
	}
}

func asOfText(asOf map[string]uint64) string {
	var parts []string
	for chain, size := range asOf {
		parts = append(parts, fmt.Sprintf("%s:%d", chain, size))
	}
	return strings.Join(parts, ",")
}

// askCounting asks again while the node is still counting, or reading what it is to
// count.
func askCounting(ctx context.Context, e *env, c *client, path string, out any) error {
	for try := 0; ; try++ {
		err := c.call(ctx, http.MethodGet, path, nil, out)
		var p *problem
		counting := errors.As(err, &p) && p.Code == "still-counting"
		reading := p != nil && p.Code == "not-ready"
		switch {
		case !counting && !reading || try == countTries:
			return err
		case try == 0 && counting:
			e.say("the node is counting its records …")
		case try == 0:
			e.say("the node is reading what has arrived …")
		}
		if reading {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(readyWait):
			}
		}
	}
}

func printFigures(e *env, a *stock.Inventory) {
	t := newTable()
	head := table.Row{}
	for _, d := range a.By {
		head = append(head, headings[d])
	}
	t.AppendHeader(append(head, "数量 count", "最早 oldest", "最近 newest"))
	for _, r := range a.Rows {
		row := table.Row{}
		for _, d := range a.By {
			row = append(row, shownValue(a, d, r.Values[d]))
		}
		t.AppendRow(append(row, r.Count, dayOfTime(r.Oldest), dayOfTime(r.Newest)))
	}
	if len(a.By) > 0 {
		foot := table.Row{"合计 total"}
		for range a.By[1:] {
			foot = append(foot, "")
		}
		t.AppendFooter(append(foot, a.Total, "", ""))
	}
	alignRight(t, len(a.By)+1)
	fmt.Fprintln(e.stdout, t.Render())
	sayUncounted(e, a.Uncounted)
}

// newTable makes a table whose headings stay as they are written.
func newTable() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header, t.Style().Format.Footer = text.FormatDefault, text.FormatDefault
	return t
}

// shownValue is a value with its name, where it has one.
func shownValue(a *stock.Inventory, d stock.Dim, v string) string {
	if d == stock.ByState {
		if w := stateWords[v]; w != "" {
			return w
		}
	}
	if v == "" {
		return "–"
	}
	return named(a.Names, v)
}

// named is a value with its name in both languages, where it has one.
func named(names map[string]trace.Names, v string) string {
	n, ok := names[v]
	if !ok {
		return v
	}
	zh, en := n.Either()
	if zh == en {
		return v + " " + zh
	}
	return v + " " + zh + " / " + en
}

func dayOfTime(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return t.Local().Format(time.DateOnly)
}

// printFiguresCSV prints UTF-8 with a byte order mark, without which Excel takes
// Chinese for something else.
func printFiguresCSV(e *env, a *stock.Inventory) error {
	if _, err := fmt.Fprint(e.stdout, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(e.stdout)
	var head []string
	for _, d := range a.By {
		head = append(head, string(d))
	}
	if err := w.Write(append(head, "count", "oldest", "newest")); err != nil {
		return err
	}
	for _, r := range a.Rows {
		var row []string
		for _, d := range a.By {
			row = append(row, r.Values[d])
		}
		if err := w.Write(append(row, strconv.FormatUint(r.Count, 10), r.Oldest, r.Newest)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func newFindings(e *env) *cobra.Command {
	var w where
	var filters []string
	var limit int
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List what does not fit together in the records, newest first",
		Example: `  suyuan findings --dir wh
  suyuan findings --dir wh --only severity=critical --only member=dist --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return misused("--limit is from 1 to 500")
			}
			query, err := figureQuery(nil, filters, "")
			if err != nil {
				return err
			}
			query.Set("limit", strconv.Itoa(limit))
			return w.ask(cmd.Context(), e, func(c *client) error {
				var a stock.Findings
				if err := askCounting(cmd.Context(), e, c, "/api/v1/findings?"+query.Encode(), &a); err != nil {
					return err
				}
				if e.json {
					return e.printJSON(&a)
				}
				printFindings(e, &a)
				return nil
			})
		},
	}
	cmd.AddCommand(newFindingKinds(e))
	cmd.Flags().StringArrayVar(&filters, "only", nil, "keep to NAME=VALUE: code, severity, member, product, from, to, after")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	w.add(cmd)
	return cmd
}

func printFindings(e *env, a *stock.Findings) {
	t := newTable()
	t.AppendHeader(table.Row{"时间 recorded", "级别 severity", "公司 member", "商品 product", "数量 items", "代码 code", "说明", "finding"})
	for _, f := range a.Findings {
		items := ""
		if f.Count > 0 {
			items = strconv.FormatUint(f.Count, 10)
		}
		t.AppendRow(table.Row{dayOfTime(f.Recorded), f.Severity, f.Member, strings.TrimSpace(f.GTIN + " " + f.Lot), items, f.Code, f.Zh, f.En})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 7, WidthMax: 40, WidthMaxEnforcer: text.WrapSoft}, {Number: 8, WidthMax: 48, WidthMaxEnforcer: text.WrapSoft}, {Number: 5, Align: text.AlignRight}})
	t.Style().Options.SeparateRows = true
	fmt.Fprintln(e.stdout, t.Render())
	if a.Next != "" {
		e.say("there are more: --only after=%s", a.Next)
	}
	sayUncounted(e, a.Uncounted)
}
