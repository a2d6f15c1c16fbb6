package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"suyuan/api"
	"suyuan/ledger"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/proof"
)

var postgres = flag.String("postgres", "", "directory of PostgreSQL's programs, such as /usr/lib/postgresql/15/bin: compare the answer over HTTP with one from there")

const (
	compareConns   = 16
	compareRepeats = 5
	compareFor     = 2 * time.Second
)

// TestAnswerBesidePostgres asks for the trails of the same items over HTTP, from
// a node and from a service that keeps the same events in PostgreSQL as an
// ordinary application would: tables with an index for each look-up, one prepared
// query for an answer, a pool of connections over a Unix socket, everything in its
// cache. Both have the same front, client and processors and give the same JSON.
// They are measured in turns, for each way to ask of a [benchTravel].
//
// What differs is for PostgreSQL. It has product, sizes and assurance in memory;
// it follows each item upwards to the units in which it is now, while the node
// folds what was said of all units ever, judges who had the right to say it, and
// looks for contradictions; it checks nothing before it believes it, nor later. The
// node has checked signatures when records came, and does not again for an answer.
// And the node keeps trails in memory, as far as there is room, and as long as
// nothing has changed: of the ways to ask, "fresh" is the one where that does
// not help. An application could keep answers in memory, too; it would then
// measure its memory.
func TestAnswerBesidePostgres(t *testing.T) {
	if *postgres == "" {
		t.Skip("no -postgres: this test compares speeds and takes a minute")
	}
	pg, server := startPostgres(t)
	for i, events := range []int{10, 50} {
		t.Run(fmt.Sprint(events), func(t *testing.T) { compareAnswers(t, pg, server, i, events) })
	}
}

// An askRate is how fast answers came, and what they took of the processors:
// of this process, in which client and front are, and of the database. On a
// machine with other work the second tells more.
type askRate struct{ rate, cpu []float64 }

func (a *askRate) add(rate, cpu float64) { a.rate, a.cpu = append(a.rate, rate), append(a.cpu, cpu) }

func (a *askRate) String() string {
	return fmt.Sprintf("%.0f answers/s %.0f, %.0f µs of processor time each %.0f", median(a.rate), a.rate, median(a.cpu), a.cpu)
}

func compareAnswers(t *testing.T, pg *pgxpool.Pool, server, number, events int) {
	ctx := t.Context()
	w, err := newBenchWorld(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	stop := runAlone(ctx, n)
	story := &benchTravel{w: w, n: n, events: events}
	askings, err := story.askings(ctx, 0)
	if err := errors.Join(err, stop()); err != nil {
		t.Fatal(err)
	}
	rows, err := fillPostgres(ctx, pg, fmt.Sprintf("s%d", number), story)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := serveAnswers(t, n, nil), serveAnswers(t, n, rows)
	for _, a := range askings {
		for i := range 50 {
			uri := a.uris[i*len(a.uris)/50]
			if d := cmp.Diff(answerOf(t, ours, uri), answerOf(t, theirs, uri)); d != "" {
				t.Fatalf("the answers differ (- ours, + theirs):\n%s", d)
			}
		}
		compareAsking(t, a, events, server, []string{ours, theirs})
	}
}

// compareAsking measures both in turns and logs what came of it.
func compareAsking(t *testing.T, a asking, events, server int, addrs []string) {
	var rates [2]askRate
	var asked [2]atomic.Int64
	for range compareRepeats {
		for i, addr := range addrs {
			before := processorTime() + familyTime(server)
			start := time.Now()
			rate := askAround(t, addr, a.uris, &asked[i])
			cpu := processorTime() + familyTime(server) - before
			rates[i].add(rate, float64(cpu.Microseconds())/(rate*time.Since(start).Seconds()))
		}
	}
	us, they := &rates[0], &rates[1]
	t.Logf("%d events, %s: the node gives %v; PostgreSQL %v", events, a.name, us, they)
	t.Logf("%d events, %s: %.2f times as fast, with %.2f times as much done in the same processor time", events, a.name,
		median(us.rate)/median(they.rate), median(they.cpu)/median(us.cpu))
}

// familyTime is the processor time of a process and its children, 0 where the
// system does not say.
func familyTime(pid int) (sum time.Duration) {
	const tick = 10 * time.Millisecond // USER_HZ, on every Linux that Go runs on
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// proc(5): after the name in brackets come state, parent, …; user and system
		// time are the 12th and 13th of them.
		f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(f) < 13 || f[1] != strconv.Itoa(pid) && filepath.Base(filepath.Dir(path)) != strconv.Itoa(pid) {
			continue
		}
		for _, field := range f[11:13] {
			n, err := strconv.Atoi(field)
			if err == nil {
				sum += time.Duration(n) * tick
			}
		}
	}
	return sum
}

// askAround asks for answers over some connections, in the order of the links from
// where it was left, and returns how many came in a second.
func askAround(t *testing.T, addr string, uris []string, asked *atomic.Int64) float64 {
	var wg sync.WaitGroup
	counts, errs := make([]int, compareConns), make([]error, compareConns)
	start := time.Now()
	for c := range compareConns {
		wg.Go(func() {
			client := plainClient{addr: addr}
			defer client.close()
			for time.Since(start) < compareFor {
				uri := uris[int(asked.Add(1))%len(uris)]
				status, _, _, err := client.get("/api/v1/trail?uri="+url.QueryEscape(uri), "Accept: application/json\r\n")
				if err != nil || status != 200 {
					errs[c] = fmt.Errorf("status %d: %w", status, err)
					return
				}
				counts[c]++
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / time.Since(start).Seconds()
}

// answerOf is an answer as JSON, without the time of asking.
func answerOf(t *testing.T, addr, uri string) map[string]any {
	t.Helper()
	client := plainClient{addr: addr}
	defer client.close()
	status, _, body, err := client.get("/api/v1/trail?uri="+url.QueryEscape(uri), "")
	if err != nil || status != 200 {
		t.Fatalf("status %d: %s, %v", status, body, err)
	}
	var a map[string]any
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatal(err)
	}
	delete(a["now"].(map[string]any), "time")
	return a
}

// serveAnswers serves a node, with the answers of a database if there is one,
// and returns where. Neither counts scans: only one would.
func serveAnswers(t *testing.T, n *node.Node, rows *rowTrails) string {
	t.Helper()
	b := backend{n, nil}
	var trails api.Trails = plainTrails{n}
	if rows != nil {
		trails = rows
	}
	s, err := api.New(api.Config{Trails: trails, Records: b, Logs: b, Chains: b, Auth: b, Health: b, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// plainTrails are a node's answers without scans.
type plainTrails struct{ n *node.Node }

func (p plainTrails) Answer(ctx context.Context, uri string, v api.Viewer) (*api.Known, error) {
	a, err := p.n.AnswerTo(ctx, uri, trace.Viewer{Member: v.Member, Party: v.Party})
	return &api.Known{Answer: a}, err
}
func (plainTrails) Proof(context.Context, string, api.Viewer) (*proof.Bundle, error) {
	return nil, errors.ErrUnsupported
}

// rowTrails answers from tables.
type rowTrails struct {
	pool  *pgxpool.Pool
	query string
	like  *trace.Answer // what no row is about: product, sizes, assurance
}

func (*rowTrails) Proof(context.Context, string, api.Viewer) (*proof.Bundle, error) {
	return nil, errors.ErrUnsupported
}

// schema has a table of everything that has a code, with what it lies in, and
// events with the things that they name: one by one, or where they name many of a
// level, as ranges. What is looked up is a key.
const schema = `
DROP SCHEMA IF EXISTS %[1]s CASCADE;
CREATE SCHEMA %[1]s;
CREATE TABLE %[1]s.things (id bigint PRIMARY KEY, gtin bigint NOT NULL, serial text NOT NULL, parent bigint);
CREATE TABLE %[1]s.parties (name text PRIMARY KEY, member text NOT NULL, party text NOT NULL, zh text NOT NULL, en text NOT NULL);
CREATE TABLE %[1]s.events (
	id bigint PRIMARY KEY, record bytea NOT NULL, kind text NOT NULL, at text NOT NULL, recorded text NOT NULL,
	party text NOT NULL REFERENCES %[1]s.parties, chain text NOT NULL, seq bigint NOT NULL, hash bytea NOT NULL, fields jsonb NOT NULL
);
CREATE TABLE %[1]s.about (thing bigint NOT NULL, event bigint NOT NULL, PRIMARY KEY (thing, event));
CREATE TABLE %[1]s.ranges (first bigint NOT NULL, last bigint NOT NULL, event bigint NOT NULL);
`

// indexes are made when the tables are full.
const indexes = `
CREATE UNIQUE INDEX ON %[1]s.things (gtin, serial);
ALTER TABLE %[1]s.things ADD FOREIGN KEY (parent) REFERENCES %[1]s.things;
ALTER TABLE %[1]s.about ADD FOREIGN KEY (event) REFERENCES %[1]s.events;
`

// rowQuery is one answer: the thing, what it is in, and the events of all of
// these, in one round trip. Arrays keep the planner, which cannot tell how many
// units there are around a thing, from reading whole tables.
const rowQuery = `
WITH RECURSIVE up AS (
	SELECT id, parent FROM %[1]s.things WHERE gtin = $1 AND serial = $2
	UNION ALL
	SELECT t.id, t.parent FROM %[1]s.things t JOIN up ON t.id = up.parent
)
SELECT e.record, e.kind, e.at, e.recorded, p.member, p.party, p.zh, p.en, e.chain, e.seq, e.hash, e.fields
FROM %[1]s.events e JOIN %[1]s.parties p ON p.name = e.party
WHERE e.id = ANY(ARRAY(
	SELECT a.event FROM %[1]s.about a WHERE a.thing = ANY(ARRAY(SELECT id FROM up))
	UNION ALL
	SELECT r.event FROM up JOIN %[1]s.ranges r ON r.first <= up.id AND r.last >= up.id))
ORDER BY e.id`

// Answer implements api.Trails. It parses and checks the link as a node does.
func (r *rowTrails) Answer(ctx context.Context, uri string, _ api.Viewer) (*api.Known, error) {
	link, err := gs1.Parser{ShortGTIN: true}.Parse(uri)
	if err != nil {
		return nil, err
	}
	gtin, _ := link.GTIN()
	serial, err := code.Parse(code.Normalize(link.Serial()))
	if err != nil {
		return nil, err
	}
	rows, err := r.pool.Query(ctx, r.query, int64(gtin.Uint64()), serial.String())
	if err != nil {
		return nil, err
	}
	var events []trace.EventView
	for rows.Next() {
		e, err := readEvent(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, *e)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	a := *r.like
	t := *a.Trail
	canonical, err := gs1.NewLink("", []gs1.Element{{AI: "01", Value: gtin.String()}, {AI: "21", Value: serial.String()}})
	if err != nil {
		return nil, err
	}
	t.URI, t.Serial, t.Events, t.Custody = canonical.Canonical(), serial.String(), events, custodyOf(events)
	a.URI, a.Trail, a.Now.Time = uri, &t, time.Now().UTC().Format(time.RFC3339)
	return &api.Known{Answer: &a}, nil
}

func readEvent(rows pgx.Rows) (*trace.EventView, error) {
	var e trace.EventView
	var id, hash, fields []byte
	if err := rows.Scan(&id, &e.Kind, &e.At, &e.Recorded, &e.Party.Member, &e.Party.Party, &e.Party.Zh, &e.Party.En, &e.Chain, &e.Seq, &hash, &fields); err != nil {
		return nil, err
	}
	e.ID, e.Hash = ledger.Hash(id), ledger.Hash(hash)
	var values map[string]json.RawMessage
	if err := json.Unmarshal(fields, &values); err != nil {
		return nil, err
	}
	e.Fields = make(trace.Values, len(values))
	for name, v := range values {
		e.Fields[name] = v
	}
	return &e, nil
}

// custodyOf is who has the thing, by its events.
func custodyOf(events []trace.EventView) *trace.CustodyView {
	c := trace.CustodyView{}
	for _, e := range events {
		name := e.Party.Member
		if e.Party.Party != "" {
			name += "/" + e.Party.Party
		}
		switch e.Kind {
		case "activate", "receive":
			c = trace.CustodyView{State: trace.Held, Holder: name}
		case "ship":
			c.State = trace.InTransit
		}
	}
	return &c
}

// A rowFiller writes what a node tells about the items of a benchTravel.
type rowFiller struct {
	pool *pgxpool.Pool
	name string // of the schema
	s    *benchTravel

	base          []int64 // id of the first thing of a level
	events, about [][]any
	ranges        [][]any
	parties       map[string][]any
	ids           map[ledger.Hash]int64 // of events that are written
}

// fillPostgres writes all things that have codes, and what the node tells of one
// item of each pallet, which is what it tells of all.
func fillPostgres(ctx context.Context, pool *pgxpool.Pool, name string, s *benchTravel) (*rowTrails, error) {
	if _, err := pool.Exec(ctx, fmt.Sprintf(schema, name)); err != nil {
		return nil, err
	}
	f := &rowFiller{pool: pool, name: name, s: s, parties: map[string][]any{}, ids: map[ledger.Hash]int64{}}
	uris, err := f.things(ctx)
	if err != nil {
		return nil, err
	}
	rows := &rowTrails{pool: pool, query: fmt.Sprintf(rowQuery, name)}
	for pallet, uri := range uris {
		if rows.like, err = s.n.Answer(ctx, uri, ""); err != nil {
			return nil, err
		}
		if err := f.trail(rows.like.Trail, pallet); err != nil {
			return nil, err
		}
	}
	tables := []struct {
		name string
		rows [][]any
		cols []string
	}{
		{"parties", slices.Collect(maps.Values(f.parties)), []string{"name", "member", "party", "zh", "en"}},
		{"events", f.events, []string{"id", "record", "kind", "at", "recorded", "party", "chain", "seq", "hash", "fields"}},
		{"about", f.about, []string{"thing", "event"}},
		{"ranges", f.ranges, []string{"first", "last", "event"}},
	}
	for _, t := range tables {
		if _, err := pool.CopyFrom(ctx, pgx.Identifier{name, t.name}, t.cols, pgx.CopyFromRows(t.rows)); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	if _, err := pool.Exec(ctx, fmt.Sprintf(indexes, name)); err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, "VACUUM ANALYZE")
	return rows, err
}

// trail writes the events of a pallet. The runs and packings are of all, the rest
// of the pallet.
func (f *rowFiller) trail(t *trace.TrailView, pallet int) error {
	packs := 0
	for _, e := range t.Events {
		level := 0
		if e.Kind == "pack" {
			level = packs
			packs++
		}
		if f.ids[e.Hash] != 0 {
			continue
		}
		id := int64(len(f.events) + 1)
		f.ids[e.Hash] = id
		party := e.Party.Member + "/" + e.Party.Party
		f.parties[party] = []any{party, e.Party.Member, e.Party.Party, e.Party.Zh, e.Party.En}
		fields, err := json.Marshal(e.Fields)
		if err != nil {
			return err
		}
		f.events = append(f.events, []any{id, e.ID[:], e.Kind, e.At, e.Recorded, party, e.Chain, int64(e.Seq), e.Hash[:], fields})
		if e.Kind == "ship" || e.Kind == "receive" {
			f.about = append(f.about, []any{f.base[3] + int64(pallet), id})
		} else {
			f.ranges = append(f.ranges, []any{f.base[level], f.base[level] + f.count(level) - 1, id})
		}
	}
	return nil
}

// count is how many things of a level there are.
func (f *rowFiller) count(level int) int64 {
	n := int64(f.s.items())
	for range level {
		n /= travelPer
	}
	return n
}

// things writes every code of every level, the outermost first, each with what it
// lies in, and returns the link of the first item on each pallet.
func (f *rowFiller) things(ctx context.Context) (uris []string, err error) {
	f.base = make([]int64, len(f.s.levels))
	next := int64(1)
	for level := len(f.s.levels) - 1; level >= 0; level-- {
		f.base[level] = next
		next += f.count(level)
		serials, uri, err := f.s.n.Codes(f.s.levels[level], 0, 0, uint32(f.count(level)))
		if err != nil {
			return nil, err
		}
		var rows [][]any
		for i, serial := range serials {
			var parent any
			if level < len(f.s.levels)-1 {
				parent = f.base[level+1] + int64(i/travelPer)
			}
			rows = append(rows, []any{f.base[level] + int64(i), int64(f.s.levels[level].Uint64()), serial, parent})
			if level == 0 && i%travelItems == 0 {
				uris = append(uris, uri(serial))
			}
		}
		if _, err := f.pool.CopyFrom(ctx, pgx.Identifier{f.name, "things"}, []string{"id", "gtin", "serial", "parent"}, pgx.CopyFromRows(rows)); err != nil {
			return nil, err
		}
	}
	return uris, nil
}

// startPostgres makes a cluster in a temporary directory and runs it until the
// test ends. PostgreSQL refuses to be run by root: then it is run by the user
// that its package has made.
func startPostgres(t *testing.T) (pool *pgxpool.Pool, pid int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "suyuan-pg-") // short: a socket's path has some hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var attr *syscall.SysProcAttr
	owner := "postgres"
	if os.Getuid() == 0 {
		u, err := user.Lookup(owner)
		if err != nil {
			t.Skipf("PostgreSQL is not run by root, and there is no user for it: %v", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(*postgres, "initdb"), "-D", data, "-U", owner, "-A", "trust", "-E", "UTF8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := exec.Command(filepath.Join(*postgres, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "shared_buffers=512MB", "-c", "jit=off", "-c", "plan_cache_mode=force_generic_plan")
	var log strings.Builder
	server.SysProcAttr, server.Dir, server.Stderr = attr, dir, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt) // a fast shutdown
		_ = server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	config, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s user=%s dbname=postgres pool_max_conns=%d", dir, owner, compareConns))
	if err != nil {
		t.Fatal(err)
	}
	if pool, err = pgxpool.NewWithConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	err = poll(t.Context(), demoStart, func(ctx context.Context) (bool, error) {
		err := pool.Ping(ctx)
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return pool, server.Process.Pid
}
