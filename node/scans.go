package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"suyuan/ledger"
	"suyuan/node/replica"
	keep "suyuan/node/scan"
	"suyuan/node/wire"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/scan"
)

// Names below a node's directory.
const (
	fileScans  = "scans.toml" // settings; none means the defaults
	dirScans   = "scans"
	sealedScan = "scans.json" // below dirSecrets
)

// ScanSettings is scans.toml of a node's directory. Unknown keys are refused.
type ScanSettings struct {
	// Off counts no scans and shows none.
	Off bool `toml:"off"`

	// RetentionDays is how long devices are told apart; counts stay for good. 0
	// is 90 days.
	RetentionDays int `toml:"retention_days"`

	// Alone neither tells other nodes what this one counted nor asks them.
	Alone bool `toml:"alone"`

	// MergedRetentionDays is how long what other nodes counted of an item is kept
	// after it changed last. 0 is 730 days.
	MergedRetentionDays int `toml:"merged_retention_days"`

	// PlaceHeader is a header in which a trusted proxy says where a caller is, as
	// <country>;<city>[;<latitude>,<longitude>].
	PlaceHeader string `toml:"place_header"`

	// PlaceFile is the path of a file of cities in MaxMind's format, for callers
	// of whom no header tells.
	PlaceFile string `toml:"place_file"`

	// StaffHeader is a header that a trusted proxy sets on what comes from the
	// company's own network; its scans do not count.
	StaffHeader string `toml:"staff_header"`

	// SkipLoopback counts no scans from this machine.
	SkipLoopback bool `toml:"skip_loopback"`
}

// maxRetentionDays is over a century: a mistake.
const maxRetentionDays = 36525

// ReadScanSettings reads and checks scans.toml of a node's directory.
func ReadScanSettings(dir string) (*ScanSettings, error) {
	path := filepath.Join(dir, fileScans)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return new(ScanSettings), nil
	}
	if err != nil {
		return nil, fmt.Errorf("open settings of scans: %w", err)
	}
	defer f.Close()
	s := new(ScanSettings)
	if err := decodeTOML(f, path, s); err != nil {
		return nil, err
	}
	for name, days := range map[string]int{"retention_days": s.RetentionDays, "merged_retention_days": s.MergedRetentionDays} {
		if days < 0 || days > maxRetentionDays {
			return nil, fmt.Errorf("%s: %s: a number of days is needed", path, name)
		}
	}
	return s, nil
}

// Scans counts the scans of a node's pages. Make it with [Node.OpenScans]; it is
// safe for concurrent use. Nothing that goes wrong with scans keeps an answer
// from being given.
type Scans struct {
	node     *Node
	settings *ScanSettings
	places   *keep.Places // nil without a file

	mu     sync.Mutex // guards what follows
	opened *counter   // nil until it is needed, and after Close
	ended  bool       // closed, or could not be opened

	programs, staff, refused atomic.Uint64
}

// A counter is what is opened when it is needed: most commands never do.
type counter struct {
	*keep.Recorder
	secret keep.Secret
}

// OpenScans reads the settings of scans. From then on the node tells others what
// it counted, and takes over what they did. Close ends what it starts.
func (n *Node) OpenScans() (*Scans, error) {
	s := &Scans{node: n}
	var err error
	if s.settings, err = ReadScanSettings(n.dir); err != nil {
		return nil, err
	}
	s.ended = s.settings.Off
	if s.settings.PlaceFile != "" && !s.settings.Off {
		s.places, err = keep.OpenPlaces(s.settings.PlaceFile)
	}
	if !s.settings.Alone {
		n.scans.Store(s)
	}
	return s, err
}

// clockSlack is by how much the clocks of two nodes may differ where what one says of
// scans is held against what another recorded.
const clockSlack = time.Hour

// counter opens the recorder when it is first needed; nil if there is none.
func (s *Scans) counter() *counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil || s.ended {
		return s.opened
	}
	var err error
	if s.opened, err = s.open(); err != nil {
		s.ended = true // until the next start: not tried on each page
		s.node.log.Error("scans are not counted", "err", err)
	}
	return s.opened
}

func (s *Scans) open() (*counter, error) {
	secret, err := s.node.scanSecret()
	if err != nil {
		return nil, err
	}
	r, err := keep.Open(keep.Config{
		Dir:       filepath.Join(s.node.dir, dirScans),
		Retention: days(s.settings.RetentionDays), MergedRetention: days(s.settings.MergedRetentionDays),
		Now: s.node.now, Log: s.node.log,
	})
	if err != nil {
		return nil, err
	}
	return &counter{r, secret}, nil
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// scanSecret opens the secret for scans, or makes it. It is kept apart from
// what it protects.
func (n *Node) scanSecret() (keep.Secret, error) {
	name := filepath.Join(dirSecrets, sealedScan)
	raw, err := n.keys.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		fresh := keep.NewSecret()
		return fresh, n.keys.Seal(name, fresh[:])
	}
	if err != nil {
		return keep.Secret{}, err
	}
	if len(raw) != len(keep.Secret{}) {
		return keep.Secret{}, fmt.Errorf("the secret for scans has %d bytes", len(raw))
	}
	return keep.Secret(raw), nil
}

// Close writes what waits. A second Close does nothing.
func (s *Scans) Close() error {
	s.mu.Lock()
	opened := s.opened
	s.opened, s.ended = nil, true
	s.mu.Unlock()
	var errs []error
	if opened != nil {
		errs = append(errs, opened.Close())
	}
	if s.places != nil {
		errs = append(errs, s.places.Close())
	}
	return errors.Join(errs...)
}

// A Visitor is who has loaded a page.
type Visitor struct {
	Addr     netip.Addr
	Cookie   string                     // that names the device, or ""
	Agent    string                     // User-Agent
	Loopback bool                       // on this machine
	Proxy    func(header string) string // what a trusted proxy says, or ""
}

// Token returns the name of the picture for the page of an answer, or "" if
// scans of it do not count: only those of codes that were issued do, since
// anybody can think of others.
func (s *Scans) Token(a *trace.Answer) string {
	item, ok := scannedItem(a)
	if !ok {
		return ""
	}
	c := s.counter()
	if c == nil {
		return ""
	}
	return c.secret.Token(item, scan.CycleOf(a.Trail), s.node.now())
}

// scannedItem returns the key under which scans of an answer's item are kept.
func scannedItem(a *trace.Answer) (scan.Key, bool) {
	t := a.Trail
	if t == nil || t.Serial == "" || t.Custody == nil || t.Verdict == trace.Unknown || t.Verdict == trace.NeverIssued {
		return scan.Key{}, false
	}
	if slices.ContainsFunc(t.Findings, func(f trace.FindingView) bool { return f.Code == trace.BadPack }) {
		return scan.Key{}, false // of which nobody can say what is in it
	}
	gtin, err := gs1.ParseGTIN(t.GTIN)
	if err != nil {
		return scan.Key{}, false
	}
	return scan.Key(code.HashOf(gtin.Uint64(), t.Serial)), true
}

// Take takes down that a visitor has loaded the page for which a token was
// made. It never waits. What does not count is passed over.
func (s *Scans) Take(token string, v Visitor) {
	c := s.counter()
	if c == nil {
		return
	}
	now := s.node.now()
	item, cycle, err := c.secret.OpenToken(token, now)
	switch {
	case err != nil:
		s.refused.Add(1)
	case scan.IsProgram(v.Agent):
		s.programs.Add(1)
	case s.isStaff(v):
		s.staff.Add(1)
	default:
		seen := scan.Scan{At: now.UnixMilli(), Device: c.secret.Device(v.Cookie, v.Addr, v.Agent), Place: s.place(v)}
		c.Recorder.Take(item, cycle, seen, c.secret.Network(v.Addr))
	}
}

func (s *Scans) isStaff(v Visitor) bool {
	h := s.settings.StaffHeader
	return v.Loopback && s.settings.SkipLoopback || h != "" && v.Proxy(h) != ""
}

// place says where a visitor is. What a proxy says counts more: it knows.
func (s *Scans) place(v Visitor) scan.Place {
	if h := s.settings.PlaceHeader; h != "" {
		if p := scan.ParsePlace(v.Proxy(h)); !p.IsZero() {
			return p
		}
	}
	if s.places == nil {
		return scan.Place{}
	}
	return s.places.Find(v.Addr)
}

// A sighting is what is known of the scans of an item.
type sighting struct {
	own *scan.Record // of this node
	all *scan.Tally  // of all nodes
}

func (s *Scans) lookUp(a *trace.Answer) (*sighting, error) {
	item, ok := scannedItem(a)
	if !ok {
		return nil, nil
	}
	c := s.counter()
	if c == nil {
		return nil, nil
	}
	cycle := scan.CycleOf(a.Trail)
	own, err := c.Lookup(item, cycle)
	if errors.Is(err, keep.ErrClosed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := c.Others(item, cycle)
	if errors.Is(err, keep.ErrClosed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all.Only(s.counts)
	all.Doubt(scan.TimelineOf(a.Trail, nil).Issued - clockSlack.Milliseconds())
	if own.Count > 0 {
		all.Merge([]scan.Share{own.Share(s.node.chain)})
	}
	return &sighting{own, all}, nil
}

// counts reports whether what a node told counts: while the charter has it, and
// not if it is this one under an earlier number.
func (s *Scans) counts(node uint32) bool {
	return node != s.node.chain && s.node.Network().Newest().Charter.Node(node) != nil
}

func (s *Scans) chainName(node uint32) string {
	return ledger.ChainName(s.node.Network().MemberOf(node), node)
}

// Annotate adds to an answer what the scans of its item show: findings to its
// now, and a warning to its verdict. It returns what is known of these scans since
// the item was sold last, nil if they do not count. What cannot be had is left
// out.
func (s *Scans) Annotate(ctx context.Context, a *trace.Answer, member string) *scan.Summary {
	seen, err := s.lookUp(a)
	if err != nil {
		s.node.log.Warn("scans cannot be looked up", "err", err)
	}
	if seen == nil {
		return nil
	}
	if len(seen.all.Shares) == 0 {
		return scan.Summarize(seen.own, seen.all, time.UTC)
	}
	list, err := s.findings(ctx, a, member, seen)
	if err != nil {
		s.node.log.Warn("scans are not held against the records", "err", err)
	}
	if len(list) > 0 {
		a.Now.Findings = append(a.Now.Findings, list...)
		a.Verdict = trace.Worse(a.Verdict, scan.Warn(list))
	}
	l := scan.TimelineOf(a.Trail, nil)
	sum := scan.Summarize(seen.own, seen.all, l.Zone)
	sum.Nodes = seen.all.Nodes(s.chainName, l.Zone)
	return sum
}

func (s *Scans) findings(ctx context.Context, a *trace.Answer, member string, seen *sighting) ([]trace.FindingView, error) {
	th, err := s.thresholds(a.Trail)
	if err != nil {
		return nil, err
	}
	l := scan.TimelineOf(a.Trail, s.role)
	list := scan.Findings(seen.own, seen.all, &l, th, s.chainName)
	inside := slices.ContainsFunc(list, func(f trace.FindingView) bool { return f.Code == scan.ScannedInWarehouse })
	if member != "" || !inside {
		return list, nil
	}
	// The public may see a hosted dealer under the name of its host: members tell
	// them apart.
	own, err := s.node.Answer(ctx, a.URI, s.node.Member())
	if err != nil || own.Trail == nil {
		return nil, err
	}
	l = scan.TimelineOf(own.Trail, s.role)
	return scan.Findings(seen.own, seen.all, &l, th, s.chainName), nil
}

// role is a member's role in the newest charter.
func (s *Scans) role(member string) ledger.Role {
	if m := s.node.Network().Newest().Charter.Member(member); m != nil {
		return m.Role
	}
	return ""
}

// thresholds are those of the product version of a trail. They are for members,
// so that no view of the public has them.
func (s *Scans) thresholds(t *trace.TrailView) (scan.Thresholds, error) {
	if t.Product == nil {
		return scan.ThresholdsOf(nil), nil
	}
	gtin, err := gs1.ParseGTIN(t.GTIN)
	if err != nil {
		return scan.Thresholds{}, err
	}
	events, err := s.node.products(gtin, nil)
	if err != nil {
		return scan.Thresholds{}, err
	}
	for _, e := range events {
		if e.Member == t.Product.Brand.Member && e.Fields.Uint("version") == t.Product.Version {
			return scan.ThresholdsOf(e.Fields), nil
		}
	}
	return scan.ThresholdsOf(nil), nil
}

var scansDesc = prometheus.NewDesc("suyuan_scans_total", "Pages loaded by phones, and counts of other nodes, by what became of them.", []string{"result"}, nil)

// Describe implements prometheus.Collector.
func (s *Scans) Describe(ch chan<- *prometheus.Desc) { ch <- scansDesc }

// Collect implements prometheus.Collector.
func (s *Scans) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	var st keep.Stats
	if s.opened != nil {
		st = s.opened.Stats()
	}
	s.mu.Unlock()
	for result, n := range map[string]uint64{
		"counted": st.Counted, "repeated": st.Repeated, "crowded": st.Crowded, "dropped": st.Dropped, "failed": st.Failed,
		"merged": st.Merged, "overfull": st.Overfull,
		"program": s.programs.Load(), "staff": s.staff.Load(), "bad-token": s.refused.Load(),
	} {
		ch <- prometheus.MustNewConstMetric(scansDesc, prometheus.CounterValue, float64(n), result)
	}
}

// A scanExchange is what a node tells others of scans, and takes from them.
type scanExchange struct{ node *Node }

// counter is what counts scans, or nil.
func (x scanExchange) counter() *counter {
	if s := x.node.scans.Load(); s != nil {
		return s.counter()
	}
	return nil
}

// Changes implements replica.Scans. Of the place of a first scan only the name
// of the city leaves the node.
func (x scanExchange) Changes(journal, after uint64) (*wire.Scans, error) {
	c := x.counter()
	if c == nil {
		return nil, replica.ErrNoScans
	}
	own, next, list, err := c.Changes(journal, after, wire.MaxScans)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	m := &wire.Scans{Journal: own, Next: next, Counts: make([]wire.ScanCount, len(list))}
	for i, ch := range list {
		p := ch.Share.Place
		m.Counts[i] = wire.ScanCount{
			Item: ch.Item, Cycle: ch.Cycle, Count: ch.Share.Count, First: ch.Share.First, Country: p.Country, Zh: p.Zh, En: p.En,
		}
	}
	return m, nil
}

// Cursor implements replica.Scans.
func (x scanExchange) Cursor(node uint32) (journal, after uint64, err error) {
	c := x.counter()
	if c == nil {
		return 0, 0, replica.ErrNoScans
	}
	return c.Cursor(node)
}

// Merge implements replica.Scans.
func (x scanExchange) Merge(node uint32, m *wire.Scans) error {
	c := x.counter()
	if c == nil {
		return replica.ErrNoScans
	}
	now := x.node.now().UnixMilli()
	list := make([]keep.Change, len(m.Counts))
	for i, n := range m.Counts {
		share := scan.Share{Count: min(n.Count, scan.MaxShare), First: n.First, Place: scan.Place{Country: n.Country, Zh: n.Zh, En: n.En}}
		if err := share.Check(now); err != nil {
			return fmt.Errorf("%w: %w", replica.ErrScans, err)
		}
		share.Place = share.Place.Known()
		list[i] = keep.Change{Item: scan.Key(n.Item), Cycle: n.Cycle, Share: share}
	}
	return c.Merge(node, m.Journal, m.Next, list)
}
