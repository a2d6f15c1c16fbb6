package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"suyuan/trace/epcis"
)

// eventFlags say which events are exported.
type eventFlags struct {
	pass  passphraseFlags
	epcis string

	goods, classes, types []string
	from, to              string
}

func newExport(e *env) *cobra.Command {
	var f eventFlags
	cmd := &cobra.Command{
		Use:   "export --epcis FILE|-",
		Short: "Write the events of final records as an EPCIS 2.0 document",
		Long: `Write the events of final records, oldest first, as an EPCIS 2.0 document in
JSON-LD: everything that this node may show its own company, with the serial
numbers of codes that it has issued itself.

Codes of others, and long ranges, are told by GTIN, lot and number, and exactly in
the extension suyuan:subjects. Master data, rights and runs of codes are no events;
suyuan record kinds says what becomes of each kind.`,
		Example: `  suyuan export --dir brand --epcis all.json
  suyuan export --dir brand --epcis - --item https://lanzhi.example/01/06901234000016/21/…
  suyuan export --dir brand --epcis march.json --lot 06901234000016/L1 --from 2026-03-01T00:00:00+08:00 --to 2026-04-01T00:00:00+08:00`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.epcis == "" {
				return misused("name the file with --epcis, - for the standard output")
			}
			return exportEvents(cmd.Context(), e, &f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.epcis, "epcis", "", "file to write, - for the standard output")
	fs.StringArrayVar(&f.goods, "item", nil, "events that name this code or SSCC: a link or EPC URN (may be given several times)")
	fs.StringArrayVar(&f.classes, "lot", nil, "events that name goods of this lot, GTIN/LOT or a link, or of a product, its GTIN")
	fs.StringArrayVar(&f.types, "type", nil, "only events of this type: ObjectEvent, AggregationEvent, TransformationEvent")
	fs.StringVar(&f.from, "from", "", "events that happened not before (RFC 3339)")
	fs.StringVar(&f.to, "to", "", "events that happened before")
	f.pass.add(cmd)
	return cmd
}

// query asks for what the flags say.
func (f *eventFlags) query() (url.Values, error) {
	q := url.Values{"orderDirection": {"ASC"}, "perPage": {fmt.Sprint(epcis.MaxPerPage)}}
	if len(f.goods) > 0 && len(f.classes) > 0 {
		return nil, misused("--item and --lot name goods; give one of them")
	}
	for _, item := range f.goods {
		q.Add("MATCH_anyEPC", item)
	}
	for _, class := range f.classes {
		if !strings.Contains(class, ":") {
			gtin, lot, of := strings.Cut(class, "/")
			if class = "https://id.gs1.org/01/" + gtin; of {
				class += "/10/" + url.PathEscape(lot)
			}
		}
		q.Add("MATCH_anyEPCClass", class)
	}
	for _, t := range f.types {
		q.Add("eventType", t)
	}
	for name, value := range map[string]string{"GE_eventTime": f.from, "LT_eventTime": f.to} {
		if value == "" {
			continue
		}
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return nil, misused("%q is no time such as 2026-03-01T00:00:00+08:00", value)
		}
		q.Set(name, value)
	}
	return q, nil
}

// exportEvents writes the document page by page, so that it may be larger than
// memory. A file that could not be finished is removed.
func exportEvents(ctx context.Context, e *env, f *eventFlags) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	events := 0
	write := func(w io.Writer) error {
		return withNode(ctx, e, &f.pass, func(c *client) error {
			events, err = copyEvents(ctx, c, q, w)
			return err
		})
	}
	if f.epcis == "-" {
		return write(e.stdout)
	}
	if err := createFile(f.epcis, write); err != nil {
		return err
	}
	e.say("%d events written to %s", events, f.epcis)
	return nil
}

// copyEvents writes all pages of a query as one document.
func copyEvents(ctx context.Context, c *client, q url.Values, w io.Writer) (events int, err error) {
	out := bufio.NewWriter(w)
	head, err := json.Marshal(epcis.NewDocument(time.Now(), nil))
	if err != nil {
		return 0, err
	}
	before, after, _ := strings.Cut(string(head), `"eventList":[]`)
	out.WriteString(before + `"eventList":[`)
	for {
		page, next, err := eventPage(ctx, c, q)
		if err != nil {
			return events, err
		}
		for _, event := range page {
			if events++; events > 1 {
				out.WriteByte(',')
			}
			out.WriteByte('\n')
			out.Write(event)
		}
		if next == "" {
			break
		}
		q.Set("nextPageToken", next)
	}
	out.WriteString("\n]" + after + "\n")
	return events, out.Flush() // keeps the first error
}

// eventPage reads one page and the token of the next.
func eventPage(ctx context.Context, c *client, q url.Values) ([]json.RawMessage, string, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	res, err := c.send(ctx, http.MethodGet, "/epcis/events?"+q.Encode(), "", nil)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	var doc struct {
		Body struct {
			Results struct {
				Body struct {
					Events []json.RawMessage `json:"eventList"`
				} `json:"resultsBody"`
			} `json:"queryResults"`
		} `json:"epcisBody"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		return nil, "", fmt.Errorf("read answer: %w", err)
	}
	return doc.Body.Results.Body.Events, tokenOf(res.Header.Get("Link")), nil
}

// tokenOf reads the token in a Link header, "" without one.
func tokenOf(link string) string {
	target, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok {
		return ""
	}
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Query().Get("nextPageToken")
}

// importEvents records the events of an EPCIS document. One that is larger than a
// capture may be is taken in pieces, each as a whole or not at all.
func importEvents(ctx context.Context, e *env, path string, f *importFlags) error {
	data, err := readInput(e, path)
	if err != nil {
		return err
	}
	pieces, err := splitDocument(data)
	if err != nil {
		return err
	}
	if _, err := epcis.ParseDefaults(f.defaults); err != nil {
		return misuse{err}
	}
	var all []capturedEvent
	err = withNode(ctx, e, &f.pass, func(c *client) error {
		for _, p := range pieces {
			list, err := postPiece(ctx, c, f, p)
			if err != nil {
				return withHint(err, "import the file again: what has been recorded is not recorded twice")
			}
			all = append(all, list...)
			if refusedOf(list) > 0 {
				return nil // what follows may rely on it
			}
		}
		return nil
	})
	return cmp.Or(err, reportEvents(e, f, all))
}

// A piece is a document with some of the events of another.
type piece struct {
	doc   []byte
	first int // where its first event stands in the whole
}

// pieceEvents and pieceBytes are how much goes to the node at once; the events of
// one record stay together.
const (
	pieceEvents = epcis.MaxEvents / 2
	pieceBytes  = 4 << 20
)

// splitDocument cuts a document where no record ends in the middle. What is no
// document, or small, is one piece, for the node to judge.
func splitDocument(data []byte) ([]piece, error) {
	whole := []piece{{data, 0}}
	var doc map[string]json.RawMessage
	var body map[string]json.RawMessage
	var events []json.RawMessage
	if json.Unmarshal(data, &doc) != nil || json.Unmarshal(doc["epcisBody"], &body) != nil || json.Unmarshal(body["eventList"], &events) != nil ||
		len(data) <= pieceBytes && len(events) <= epcis.MaxEvents {
		return whole, nil
	}
	var pieces []piece
	for from := 0; from < len(events); {
		to, size := from, 0
		for to < len(events) && (to == from || to-from < pieceEvents && size+len(events[to]) <= pieceBytes || sameRecord(events[to-1], events[to])) {
			size += len(events[to])
			to++
		}
		list, err := json.Marshal(events[from:to])
		if err != nil {
			return nil, err
		}
		body["eventList"] = list
		if doc["epcisBody"], err = json.Marshal(body); err != nil {
			return nil, err
		}
		part, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		pieces, from = append(pieces, piece{part, from}), to
	}
	return pieces, nil
}

// sameRecord reports whether two events are parts of one record.
func sameRecord(a, b json.RawMessage) bool {
	id := func(raw json.RawMessage) string {
		var e struct {
			ID string `json:"eventID"`
		}
		if json.Unmarshal(raw, &e) != nil {
			return ""
		}
		return epcis.BaseID(e.ID)
	}
	first := id(a)
	return first != "" && first == id(b)
}

func postPiece(ctx context.Context, c *client, f *importFlags, p piece) ([]capturedEvent, error) {
	q := url.Values{"operator": {f.operator}, "default": f.defaults, "dry_run": {fmt.Sprint(f.dryRun)}}
	var answer struct {
		Events []capturedEvent `json:"events"`
	}
	if err := c.call(ctx, http.MethodPost, "/admin/v1/captures?"+q.Encode(), rawBody{"application/json", p.doc}, &answer); err != nil {
		return nil, err
	}
	for i := range answer.Events {
		for j := range answer.Events[i].Events {
			answer.Events[i].Events[j] += p.first
		}
	}
	return answer.Events, nil
}

// refusedOf counts what was refused for itself.
func refusedOf(list []capturedEvent) (n int) {
	for i := range list {
		if list[i].Problem != nil && !list[i].Held {
			n++
		}
	}
	return n
}

// reportEvents prints what became of the events.
func reportEvents(e *env, f *importFlags, list []capturedEvent) error {
	counts := map[string]int{}
	for i := range list {
		switch r := &list[i]; {
		case r.Held:
			counts[statusUnsent]++
		case r.Problem != nil:
			counts[statusRefused]++
			if counts[statusRefused] <= maxProblemsShown && !e.json {
				e.say("event %s: %v", eventsText(r.Events), r.Problem)
			}
		case r.Exists:
			counts[statusExists]++
		case f.dryRun:
			counts[statusNew]++
		default:
			counts[statusRecorded]++
		}
	}
	if list == nil {
		list = []capturedEvent{}
	}
	if e.json {
		if err := e.printJSON(map[string]any{"dry_run": f.dryRun, "counts": counts, "events": list}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stdout, "events   %d, as %d records\n", countEvents(list), len(list))
		for _, s := range []string{statusRecorded, statusNew, statusExists, statusRefused, statusUnsent} {
			if counts[s] > 0 {
				fmt.Fprintf(e.stdout, "%-9s%d\n", s, counts[s])
			}
		}
	}
	if n := counts[statusRefused]; n > 0 {
		return fmt.Errorf("%d events were refused, and nothing was recorded of what was sent with them", n)
	}
	return nil
}

func countEvents(list []capturedEvent) (n int) {
	for i := range list {
		n += len(list[i].Events)
	}
	return n
}

// eventsText names events by their number, from 1.
func eventsText(events []int) string {
	if len(events) == 1 {
		return fmt.Sprint(events[0] + 1)
	}
	return fmt.Sprintf("%d and %d more", events[0]+1, len(events)-1)
}
