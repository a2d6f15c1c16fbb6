package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/valyala/fasthttp"
)

const (
	// scanConns is how many phones are served at the same time.
	scanConns = 64

	// scanItems is how many items can be scanned: all on the pallets. In a minute
	// at 3,000 a second each is scanned twice at most.
	scanItems = travelPallets * travelItems

	// scanStride lies between an item and the next that is scanned, so that they are
	// on different pallets: a prime beyond all numbers of items, so that none is
	// left out.
	scanStride = 104_729

	// scanChecked is of how many pages a phone unpacks one, to see that it is right.
	scanChecked = 100

	// scanFlush is how long the recorder may take for what it was given last.
	scanFlush = 10 * time.Second

	phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
)

// A scanLoad is what `suyuan bench scans` is asked for.
type scanLoad struct {
	rate    float64 // scans a second
	seconds float64
	items   uint32 // that are scanned, each about equally often
	events  int    // of each trail
}

func newBenchScans(e *env) *cobra.Command {
	var dir string
	load := scanLoad{}
	cmd := &cobra.Command{
		Use:   "scans",
		Short: "Load pages and their pictures from a node as phones do, at a fixed rate",
		Long: `Start a node in a process of its own, and have so many phones a second load the
page of a code and then its picture, by which scans are counted. Each scan has
its time: if the node falls behind, the waiting counts. At the end the node is
asked how many scans it wrote down: none may be lost.`,
		Example: `  suyuan bench scans --rate 3000 --seconds 60
  suyuan bench scans --rate 500 --seconds 10 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if load.rate <= 0 || load.seconds <= 0 || load.items < 1 || load.items > scanItems || load.events < travelPacked {
				return misused("a rate, a time, 1 to %d items and at least %d events are needed", scanItems, travelPacked)
			}
			return withBenchDir(dir, func(tmp string) error {
				report, err := load.run(cmd.Context(), e, tmp)
				if err != nil {
					return err
				}
				return report.print(e)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "where to make a temporary directory (default: the system's place for them)")
	f.Float64Var(&load.rate, "rate", 3000, "scans a second")
	f.Float64Var(&load.seconds, "seconds", 60, "for how long")
	f.Uint32Var(&load.items, "items", scanItems, "different items that are scanned, in turn")
	f.IntVar(&load.events, "events", 10, "events of each item's trail")
	return cmd
}

// A scanReport is what came of it. Times are in ms.
type scanReport struct {
	Rate     float64 `json:"rate"` // asked for, per second
	Seconds  float64 `json:"seconds"`
	Started  int     `json:"started"`
	Answered int     `json:"answered"` // page and picture
	Failed   int     `json:"failed"`
	Reached  float64 `json:"reached"` // scans a second that were answered
	Recorded uint64  `json:"recorded"`
	Repeated uint64  `json:"repeated"`
	Lost     int64   `json:"lost"` // answered and not written down

	Page    quantiles `json:"page_ms"`    // from the scan's time to the page's last byte
	Picture quantiles `json:"picture_ms"` // from its request to its last byte

	// Processor time of the load alone, in µs; 0 where it is not known.
	CPU   float64 `json:"node_cpu_us_per_scan"`
	Phone float64 `json:"phones_cpu_us_per_scan"`
	Peak  int64   `json:"node_peak_memory_bytes"`

	FirstError string `json:"first_error,omitempty"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func quantilesOf(list []time.Duration) quantiles {
	if len(list) == 0 {
		return quantiles{}
	}
	slices.Sort(list)
	at := func(share float64) float64 {
		return float64(list[min(len(list)-1, int(share*float64(len(list))))].Microseconds()) / 1000
	}
	return quantiles{at(0.5), at(0.99), at(1)}
}

// run makes a node, loads it and takes it down.
func (l *scanLoad) run(ctx context.Context, e *env, dir string) (*scanReport, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	e.say("writing the history of %d items with %d events …", scanItems, l.events)
	w, err := newServedWorld(ctx, dir, addr)
	if err != nil {
		return nil, err
	}
	paths, err := l.fill(ctx, w)
	if err != nil {
		return nil, err
	}
	c, err := startChild(ctx, w.dir, addr)
	if err != nil {
		return nil, err
	}
	if err := l.warm(c, paths); err != nil {
		_, serr := c.stop()
		return nil, errors.Join(err, serr)
	}
	e.say("%.0f scans a second for %.0f s …", l.rate, l.seconds)
	r, err := l.measure(ctx, c, paths)
	used, serr := c.stop()
	if err = errors.Join(err, serr); err != nil {
		return nil, err
	}
	r.Peak = used.Peak
	return r, nil
}

// measure loads a node until what was scanned is written down.
func (l *scanLoad) measure(ctx context.Context, c *benchChild, paths []string) (*scanReport, error) {
	scans, err := c.counter(ctx, "suyuan_scans_total")
	if err != nil {
		return nil, err
	}
	cpu, err := c.counter(ctx, "process_cpu_seconds_total")
	if err != nil {
		return nil, err
	}
	phones := processorTime()
	r := l.load(ctx, c.addr, paths)
	r.Phone = float64((processorTime() - phones).Microseconds()) / float64(max(r.Started, 1))
	if err := l.count(ctx, c, r, scans); err != nil {
		return nil, err
	}
	used, err := c.counter(ctx, "process_cpu_seconds_total")
	r.CPU = (used - cpu) * 1e6 / float64(max(r.Started, 1))
	return r, err
}

// fill writes the history, in which each pallet travels by itself, and returns the
// paths of the items' pages.
func (l *scanLoad) fill(ctx context.Context, w *benchWorld) ([]string, error) {
	n, err := w.open()
	if err != nil {
		return nil, err
	}
	stop := runAlone(ctx, n)
	uris, err := l.history(ctx, &benchTravel{w: w, n: n, events: l.events})
	if err := errors.Join(err, stop(), n.Close()); err != nil {
		return nil, err
	}
	paths := make([]string, len(uris))
	for i, uri := range uris {
		at := bytes.Index([]byte(uri), []byte("/01/"))
		if at < 0 {
			return nil, fmt.Errorf("%s is no link of an item", uri)
		}
		paths[i] = uri[at:]
	}
	return paths, nil
}

func (l *scanLoad) history(ctx context.Context, t *benchTravel) ([]string, error) {
	if err := t.pack(ctx, 0); err != nil {
		return nil, err
	}
	for pallet := range (l.items + travelItems - 1) / travelItems {
		if err := t.tour(ctx, pallet); err != nil {
			return nil, err
		}
	}
	return t.links(ctx, 0, l.items)
}

// warm loads some pages: what a node does once is done then.
func (l *scanLoad) warm(c *benchChild, paths []string) error {
	client := plainClient{addr: c.addr}
	defer client.close()
	for _, path := range paths[:min(len(paths), 100)] {
		if status, _, body, err := client.get(path, "Accept: text/html\r\n"); err != nil || status != 200 {
			return fmt.Errorf("%s: status %d, %q, %w", path, status, body, err)
		}
	}
	return nil
}

// A phone is one of those that scan.
type phone struct {
	client         plainClient
	page           []byte // the last one, unpacked
	pages, pixels  []time.Duration
	failed         int
	first          error
	answered, made int
}

// load has phones scan at the rate.
func (l *scanLoad) load(ctx context.Context, addr string, paths []string) *scanReport {
	total := int64(l.rate * l.seconds)
	phones := make([]phone, scanConns)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for i := range phones {
		p := &phones[i]
		p.client.addr = addr
		wg.Go(func() {
			defer p.client.close()
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= total {
					return
				}
				due := start.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
				time.Sleep(time.Until(due))
				p.made++
				if err := p.scan(paths[n*scanStride%int64(len(paths))], n, due); err != nil {
					p.failed++
					p.first = errors.Join(p.first, err)
				}
			}
		})
	}
	wg.Wait()
	r := &scanReport{Rate: l.rate, Seconds: l.seconds}
	var pages, pixels []time.Duration
	for i := range phones {
		p := &phones[i]
		r.Started, r.Answered, r.Failed = r.Started+p.made, r.Answered+p.answered, r.Failed+p.failed
		pages, pixels = append(pages, p.pages...), append(pixels, p.pixels...)
		if p.first != nil && r.FirstError == "" {
			r.FirstError = p.first.Error()
		}
	}
	r.Reached = float64(r.Answered) / time.Since(start).Seconds()
	r.Page, r.Picture = quantilesOf(pages), quantilesOf(pixels)
	return r
}

// scan loads a page and its picture, from an address of its own.
func (p *phone) scan(path string, n int64, due time.Time) error {
	headers := fmt.Sprintf("User-Agent: %s\r\nAccept: text/html\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: zh-CN\r\n"+
		"X-Forwarded-For: 10.%d.%d.%d\r\n", phoneAgent, n>>16&255, n>>8&255, n&255)
	status, cookie, packed, err := p.client.get(path, headers)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("page: status %d", status)
	}
	p.pages = append(p.pages, time.Since(due))
	picture, ok := pictureIn(packed)
	if !ok || p.made%scanChecked == 0 {
		if p.page, err = fasthttp.AppendGunzipBytes(p.page[:0], packed); err != nil {
			return fmt.Errorf("unpack the page: %w", err)
		}
		in, ok := pictureIn(p.page)
		if !ok || picture != "" && in != picture || !bytes.Contains(p.page, []byte(url.QueryEscape(path))) {
			return errors.New("the page has no picture, or is of another code")
		}
		picture = in
	}
	began := time.Now()
	if status, _, _, err = p.client.get(picture, headers+"Cookie: "+cookie+"\r\n"); err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("picture: status %d", status)
	}
	p.pixels = append(p.pixels, time.Since(began))
	p.answered++
	return nil
}

// pictureIn finds the picture of a page. Names stand in a packed page as they are:
// what a phone does to unpack it is not measured, and takes longer than all else.
func pictureIn(page []byte) (path string, ok bool) {
	_, after, _ := bytes.Cut(page, []byte("/scan/"))
	name, _, ok := bytes.Cut(after, []byte(".png"))
	if !ok {
		return "", false
	}
	return "/scan/" + string(name) + ".png", true
}

// count waits until the node has written down what it was given, and asks what
// that was.
func (l *scanLoad) count(ctx context.Context, c *benchChild, r *scanReport, before float64) error {
	err := poll(ctx, scanFlush, func(ctx context.Context) (bool, error) {
		all, err := c.counter(ctx, "suyuan_scans_total")
		return err == nil && all-before >= float64(r.Answered), err
	})
	if err != nil && ctx.Err() != nil {
		return err
	}
	counted, err := c.counter(ctx, `suyuan_scans_total{result="counted"}`)
	if err != nil {
		return err
	}
	repeated, err := c.counter(ctx, `suyuan_scans_total{result="repeated"}`)
	if err != nil {
		return err
	}
	r.Recorded, r.Repeated = uint64(counted), uint64(repeated)
	r.Lost = int64(r.Answered) - int64(r.Recorded) - int64(r.Repeated)
	return nil
}

func (r *scanReport) print(e *env) error {
	if e.json {
		return e.printJSON(r)
	}
	t := table.NewWriter()
	t.SetOutputMirror(e.stdout)
	t.SetStyle(table.StyleLight)
	ms := func(q quantiles) string { return fmt.Sprintf("%.1f / %.1f / %.1f ms", q.P50, q.P99, q.Max) }
	t.AppendRows([]table.Row{
		{"asked for", fmt.Sprintf("%.0f scans/s for %.0f s", r.Rate, r.Seconds)},
		{"reached", fmt.Sprintf("%.0f scans/s", r.Reached)},
		{"started", r.Started},
		{"answered", r.Answered},
		{"failed", r.Failed},
		{"recorded", r.Recorded},
		{"repeated", r.Repeated},
		{"lost", r.Lost},
		{"page, half / 99 of 100 / all within", ms(r.Page)},
		{"picture, half / 99 of 100 / all within", ms(r.Picture)},
		{"processor time of the node", fmt.Sprintf("%.0f µs a scan", r.CPU)},
		{"processor time of the phones", fmt.Sprintf("%.0f µs a scan", r.Phone)},
		{"peak memory of the node", fmt.Sprintf("%d MiB", r.Peak>>20)},
	})
	if r.FirstError != "" {
		t.AppendRow(table.Row{"first error", r.FirstError})
	}
	t.Render()
	return nil
}

// withBenchDir calls do with a temporary directory.
func withBenchDir(dir string, do func(tmp string) error) (err error) {
	tmp, err := os.MkdirTemp(dir, "suyuan-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	return do(tmp)
}
