package scan

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"suyuan/trace/scan"
)

// A clock stands still unless it is moved. It is safe for concurrent use.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func newTestRecorder(t testing.TB, dir string, c *clock) *Recorder {
	t.Helper()
	r, err := Open(Config{Dir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

var item = scan.Key{1, 2, 3}

func device(n int) scan.Device {
	return scan.Device(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func from(n int) Network { return Network(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func mustFlush(t testing.TB, r *Recorder) {
	t.Helper()
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func mustLookup(t testing.TB, r *Recorder, item scan.Key, cycle uint16) *scan.Record {
	t.Helper()
	rec, err := r.Lookup(item, cycle)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestScansAreCounted(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	take := func(d int) { r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(d)}, from(d)) }
	take(1)
	take(1)
	take(2)
	c.advance(scan.Window - time.Millisecond)
	take(1)
	c.advance(time.Millisecond)
	take(1)
	r.Take(item, 1, scan.Scan{At: c.now().UnixMilli(), Device: device(1)}, from(1)) // was sold again
	mustFlush(t, r)
	if rec := mustLookup(t, r, item, 0); rec.Count != 3 || rec.Devices != 2 {
		t.Errorf("got %d scans on %d devices, want 3 on 2", rec.Count, rec.Devices)
	}
	if rec := mustLookup(t, r, item, 1); rec.Count != 1 {
		t.Errorf("the next cycle has %d scans", rec.Count)
	}
	if rec := mustLookup(t, r, scan.Key{9}, 0); rec.Count != 0 {
		t.Errorf("an item that nobody scanned has %d scans", rec.Count)
	}
	if got, want := r.Stats(), (Stats{Counted: 4, Repeated: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCookiesMakeNoCrowd holds that one address cannot count up a code by
// throwing cookies away, while other addresses go on counting.
func TestCookiesMakeNoCrowd(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	for i := range 100 {
		r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(1))
	}
	r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(1000)}, from(2))
	mustFlush(t, r)
	if rec := mustLookup(t, r, item, 0); rec.Count != maxPerNetwork+1 {
		t.Errorf("got %d scans, want %d", rec.Count, maxPerNetwork+1)
	}
	c.advance(scan.Window)
	r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(50)}, from(1))
	mustFlush(t, r)
	if rec := mustLookup(t, r, item, 0); rec.Count != maxPerNetwork+2 {
		t.Errorf("after the window: got %d scans, want %d", rec.Count, maxPerNetwork+2)
	}
}

// TestKilledRecorderLosesNothingFlushed copies the directory as it is while the
// recorder runs, as a crash leaves it, and opens the copy.
func TestKilledRecorderLosesNothingFlushed(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	r := newTestRecorder(t, dir, c)
	for i := range 500 {
		r.Take(scan.Key{byte(i), byte(i >> 8)}, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
	}
	mustFlush(t, r)
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := newTestRecorder(t, crashed, c)
	for i := range 500 {
		if rec := mustLookup(t, again, scan.Key{byte(i), byte(i >> 8)}, 0); rec.Count != 1 {
			t.Fatalf("item %d has %d scans after the crash, want 1", i, rec.Count)
		}
	}
	// The window outlives the crash too.
	again.Take(scan.Key{0, 0}, 0, scan.Scan{At: c.now().UnixMilli() + 1000, Device: device(0)}, from(0))
	mustFlush(t, again)
	if rec := mustLookup(t, again, scan.Key{0, 0}, 0); rec.Count != 1 {
		t.Errorf("the same device counts again after a restart: %d", rec.Count)
	}
}

func TestCloseWritesWhatWaits(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	r := newTestRecorder(t, dir, c)
	for i := range 100 {
		r.Take(scan.Key{byte(i)}, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(1)}, from(1)) // must not panic
	if _, err := r.Lookup(item, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := r.Flush(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	again := newTestRecorder(t, dir, c)
	for i := range 100 {
		if rec := mustLookup(t, again, scan.Key{byte(i)}, 0); rec.Count != 1 {
			t.Fatalf("item %d has %d scans, want 1", i, rec.Count)
		}
	}
}

// TestConcurrentScans holds that nothing is lost or counted twice among many
// that scan, look up, flush and prune at once.
func TestConcurrentScans(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, t.TempDir(), c)
	const callers, each, items = 16, 400, 7
	var wg sync.WaitGroup
	for g := range callers {
		wg.Go(func() {
			for i := range each {
				n := g*each + i
				s := scan.Scan{At: c.now().UnixMilli() + int64(i), Device: device(n)}
				r.Take(scan.Key{byte(n % items)}, 0, s, from(n))
				r.Take(scan.Key{byte(n % items)}, 0, s, from(n)) // a reload
				if i%100 == 0 {
					mustFlush(t, r)
					mustLookup(t, r, scan.Key{byte(n % items)}, 0)
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			if err := r.Prune(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	mustFlush(t, r)
	var sum uint64
	for i := range items {
		sum += mustLookup(t, r, scan.Key{byte(i)}, 0).Count
	}
	if want := (Stats{Counted: callers * each, Repeated: callers * each}); sum != callers*each || r.Stats() != want {
		t.Errorf("got %d scans and %+v, want %+v", sum, r.Stats(), want)
	}
}

// TestFullQueueDropsAndCounts stops the writer and fills the queue.
func TestFullQueueDropsAndCounts(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	// A request whose asker does not take the answer would not stop the writer:
	// the channel below has no room.
	stop := request{answer: make(chan error)}
	r.asked <- stop
	for i := range queueLen + 10 {
		r.Take(scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))), 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
	}
	if got := r.Stats().Dropped; got != 10 {
		t.Errorf("got %d dropped, want 10", got)
	}
	<-stop.answer
	last := scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), queueLen+9))
	mustFlush(t, r)
	r.Take(last, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(queueLen + 9)}, from(queueLen+9))
	mustFlush(t, r)
	if rec := mustLookup(t, r, last, 0); rec.Count != 1 {
		t.Errorf("what was dropped does not count when it comes again")
	}
	if got := r.Stats().Counted; got != queueLen+1 {
		t.Errorf("got %d counted, want %d", got, queueLen+1)
	}
}

func TestRetention(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, t.TempDir(), c)
	const items = 2*pruneBatch + 3
	key := func(i int) scan.Key { return scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))) }
	for i := range items {
		r.Take(key(i), 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
	}
	mustFlush(t, r)
	stored := func() (n int) {
		t.Helper()
		err := r.db.View(func(txn *badger.Txn) error {
			for i := range items {
				it, err := txn.Get(recordKey(itemCycle{key(i), 0}))
				if err != nil {
					return err
				}
				b, err := it.ValueCopy(nil)
				if err != nil {
					return err
				}
				if d := device(i); bytes.Contains(b[8:], d[:]) { // behind the place in the journal
					n++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{DefaultRetention, items}, {time.Millisecond, 0}} {
		c.advance(step.after)
		if err := r.Prune(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := stored(); got != step.want {
			t.Errorf("%d devices are stored, want %d", got, step.want)
		}
	}
	for i := range items {
		if rec := mustLookup(t, r, key(i), 0); rec.Count != 1 || rec.Devices != 1 {
			t.Fatalf("counts went with devices: %+v", rec)
		}
	}
}

// TestWriterForgetsByItself takes the steps that the ticker takes.
func TestWriterForgetsByItself(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	for i := range pruneBatch + 1 {
		r.Take(scan.Key{byte(i), byte(i >> 8)}, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
	}
	mustFlush(t, r)
	c.advance(DefaultRetention + time.Hour)
	var round pruning
	r.pruneOn(&round)
	if round.next == nil || round.forgot != pruneBatch {
		t.Fatalf("after a step %d are forgotten", round.forgot)
	}
	r.pruneOn(&round)
	if !bytes.Equal(round.next, []byte{tagTally}) || round.forgot != pruneBatch+1 {
		t.Fatalf("after two steps %d are forgotten, next %x", round.forgot, round.next)
	}
	r.pruneOn(&round)
	if round.next != nil {
		t.Fatal("the round does not end after what others counted")
	}
	begun := round.begun
	r.pruneOn(&round)
	if round.next != nil || round.begun != begun {
		t.Error("another round begins at once")
	}
	c.advance(pruneEvery)
	r.pruneOn(&round)
	if round.begun == begun {
		t.Error("no other round begins the next day")
	}
}

// TestNothingOfPeopleIsStored looks for what a request says about somebody in
// every file of the recorder.
func TestNothingOfPeopleIsStored(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	r := newTestRecorder(t, dir, c)
	secret := NewSecret()
	const agent, cookie = "Mozilla/5.0 (iPhone; distinct)", "AAECAwQFBgcICQoLDA0ODw"
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")}
	needles := map[string][]byte{"agent": []byte(agent), "distinct": []byte("distinct"), "cookie": []byte(cookie), "secret": secret[:]}
	for i, a := range addrs {
		needles[a.String()] = []byte(a.String())
		needles[a.String()+" bytes"] = a.AsSlice()
		hash := secret.Network(a)
		needles[a.String()+" network"] = hash[:]
		place := scan.NewPlace("CN", "浙江杭州", "Hangzhou").At(30.27415, 120.15515)
		for _, ck := range []string{"", cookie} {
			s := scan.Scan{At: c.now().UnixMilli(), Device: secret.Device(ck, a, agent), Place: place}
			r.Take(scan.Key{byte(i)}, 0, s, secret.Network(a))
		}
	}
	mustFlush(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if rec := mustLookup(t, newTestRecorder(t, dir, c), scan.Key{1}, 0); rec.Count != 1+1 {
		t.Fatalf("got %d scans: the test looks at nothing", rec.Count)
	}
	files, found := 0, false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		found = found || bytes.Contains(data, []byte("浙江杭州"))
		for name, needle := range needles {
			if bytes.Contains(data, needle) {
				t.Errorf("%s has the %s", filepath.Base(path), name)
			}
		}
		return err
	})
	if err != nil || files == 0 || !found {
		t.Errorf("looked at %d files, place found: %t, %v", files, found, err)
	}
}

func TestDevicesByCookieOrAddress(t *testing.T) {
	s, other := NewSecret(), NewSecret()
	a, b := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	six, neighbour, far := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:2"), netip.MustParseAddr("2001:db8:0:1::1")
	for _, tt := range []struct {
		name string
		x, y scan.Device
		same bool
	}{
		{"one cookie on two networks", s.Device("c", a, "u"), s.Device("c", b, "v"), true},
		{"two cookies at one address", s.Device("c", a, "u"), s.Device("d", a, "u"), false},
		{"without a cookie", s.Device("", a, "u"), s.Device("", a, "u"), true},
		{"another address", s.Device("", a, "u"), s.Device("", b, "u"), false},
		{"another browser", s.Device("", a, "u"), s.Device("", a, "v"), false},
		{"one subscriber's addresses", s.Device("", six, "u"), s.Device("", neighbour, "u"), true},
		{"another subscriber", s.Device("", six, "u"), s.Device("", far, "u"), false},
		{"as it is mapped", s.Device("", a, "u"), s.Device("", netip.AddrFrom16(a.As16()), "u"), true},
		{"another node", s.Device("c", a, "u"), other.Device("c", a, "u"), false},
		{"parts put together otherwise", s.Device("", netip.Addr{}, "u"), s.Device("u", netip.Addr{}, ""), false},
	} {
		if (tt.x == tt.y) != tt.same {
			t.Errorf("%s: same %t, want %t", tt.name, !tt.same, tt.same)
		}
	}
}

func TestTokens(t *testing.T) {
	s, c := NewSecret(), newClock()
	token := s.Token(item, 3, c.now())
	if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(token) != 46 {
		t.Errorf("%q cannot stand in a path", token)
	}
	got, cycle, err := s.OpenToken(token, c.now())
	if err != nil || got != item || cycle != 3 {
		t.Fatalf("got %x, %d, %v", got, cycle, err)
	}
	// The same MAC over another item, another cycle, a later end.
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		b := slices.Clone(raw)
		b[i] ^= 1
		if _, _, err := s.OpenToken(base64.RawURLEncoding.EncodeToString(b), c.now()); !errors.Is(err, ErrToken) {
			t.Errorf("byte %d can be changed", i)
		}
	}
	other := NewSecret()
	for name, bad := range map[string]string{
		"none": "", "short": token[:45], "long": token + "A", "padded": token[:44] + "==", "not base64": token[:45] + "!",
		"another node's": other.Token(item, 3, c.now()), "a second spelling": token[:45] + nextLetter(token[45]),
	} {
		if _, _, err := s.OpenToken(bad, c.now()); !errors.Is(err, ErrToken) {
			t.Errorf("%s is taken", name)
		}
	}
	for _, tt := range []struct {
		after time.Duration
		ok    bool
	}{{TokenLifetime - time.Second, true}, {TokenLifetime, false}, {100 * TokenLifetime, false}, {-time.Second, false}} {
		if _, _, err := s.OpenToken(token, c.now().Add(tt.after)); (err == nil) != tt.ok {
			t.Errorf("after %v: %v", tt.after, err)
		}
	}
}

// nextLetter changes the bits of the last letter that carry nothing.
func nextLetter(b byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(letters[strings.IndexByte(letters, b)^1])
}

func FuzzOpenToken(f *testing.F) {
	s, c := Secret{1}, newClock()
	f.Add(s.Token(item, 0, c.now()))
	f.Add("")
	good := s.Token(item, 0, c.now())
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, err := s.OpenToken(token, c.now()); err == nil && token != good {
			t.Errorf("%q is taken", token)
		}
	})
}

func TestOtherVersionIsRefused(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	r := newTestRecorder(t, dir, c)
	err := r.db.Update(func(txn *badger.Txn) error { return txn.Set(versionKey(), []byte{0, 0, 0, 3}) })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Now: c.now}); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedRecordIsSaidAndBeginsAnew(t *testing.T) {
	c := newClock()
	r := newTestRecorder(t, "", c)
	err := r.db.Update(func(txn *badger.Txn) error { return txn.Set(recordKey(itemCycle{item, 0}), []byte{1}) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Lookup(item, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
	r.Take(item, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(1)}, from(1))
	r.Take(scan.Key{7}, 0, scan.Scan{At: c.now().UnixMilli(), Device: device(1)}, from(1))
	mustFlush(t, r)
	if a, b := mustLookup(t, r, item, 0), mustLookup(t, r, scan.Key{7}, 0); a.Count != 1 || b.Count != 1 {
		t.Errorf("got %d and %d scans", a.Count, b.Count)
	}
}

func TestKeys(t *testing.T) {
	id := itemCycle{scan.Key{0xaa, 15: 0xbb}, 0x0102}
	k := recordKey(id)
	for got, want := range map[string]string{
		fmt.Sprintf("%x", k):                            "01aa0000000000000000000000000000bb0102",
		fmt.Sprintf("%x", tallyKey(id)):                 "03aa0000000000000000000000000000bb0102",
		fmt.Sprintf("%x", changeKey(0x0102)):            "020000000000000102",
		fmt.Sprintf("%x", cursorKey(0x0102)):            "0400000102",
		fmt.Sprintf("%x%x", versionKey(), journalKey()): "0005",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if id, ok := parseItemKey(tagRecord, k); !ok || id.cycle != 0x0102 || id.item[15] != 0xbb {
		t.Errorf("got %+v, %t", id, ok)
	}
	for _, bad := range [][]byte{nil, k[1:], append(slices.Clone(k), 0), append([]byte{2}, k[1:]...)} {
		if _, ok := parseItemKey(tagRecord, bad); ok {
			t.Errorf("%x is taken", bad)
		}
	}
	for _, bad := range [][]byte{nil, changeKey(1)[1:], cursorKey(1)} {
		if _, ok := parseChangeKey(bad); ok {
			t.Errorf("%x is taken", bad)
		}
	}
}

// mmdb writes the smallest file of MaxMind's format: addresses below 128.0.0.0
// have one entry, the others another. The format is that of
// https://maxmind.github.io/MaxMind-DB/.
func mmdb(low, high any) []byte {
	var data bytes.Buffer
	first := writeMMDB(&data, low)
	second := writeMMDB(&data, high)
	const nodes = 1
	var b bytes.Buffer
	for _, at := range []int{first, second} {
		v := nodes + 16 + at
		b.Write([]byte{byte(v >> 16), byte(v >> 8), byte(v)})
	}
	b.Write(make([]byte, 16))
	b.Write(data.Bytes())
	b.WriteString("\xab\xcd\xefMaxMind.com")
	writeMMDB(&b, map[string]any{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1_700_000_000),
		"database_type": "Test-City", "description": map[string]any{"en": "test"}, "ip_version": uint16(4),
		"languages": []any{"en"}, "node_count": uint32(nodes), "record_size": uint16(24),
	})
	return b.Bytes()
}

// writeMMDB writes a value and returns where it begins.
func writeMMDB(b *bytes.Buffer, v any) int {
	at := b.Len()
	head := func(kind, size int) {
		low := min(size, 29) // all are below 285 bytes
		if kind < 8 {
			b.WriteByte(byte(kind<<5 | low))
		} else {
			b.Write([]byte{byte(low), byte(kind - 7)})
		}
		if size >= 29 {
			b.WriteByte(byte(size - 29))
		}
	}
	switch v := v.(type) {
	case string:
		head(2, len(v))
		b.WriteString(v)
	case float64:
		head(3, 8)
		b.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	case uint16:
		head(5, 2)
		b.Write(binary.BigEndian.AppendUint16(nil, v))
	case uint32:
		head(6, 4)
		b.Write(binary.BigEndian.AppendUint32(nil, v))
	case uint64:
		head(9, 8)
		b.Write(binary.BigEndian.AppendUint64(nil, v))
	case []any:
		head(11, len(v))
		for _, e := range v {
			writeMMDB(b, e)
		}
	case map[string]any:
		head(7, len(v))
		for k, e := range v {
			writeMMDB(b, k)
			writeMMDB(b, e)
		}
	}
	return at
}

type object = map[string]any

func names(zh, en string) object { return object{"names": object{"zh-CN": zh, "en": en}} }

func TestPlacesOfAddresses(t *testing.T) {
	china := names("中国", "China")
	china["iso_code"] = "CN"
	hangzhou := object{
		"country": china, "subdivisions": []any{names("浙江省", "Zhejiang")}, "city": names("杭州市", "Hangzhou"),
		"location": object{"latitude": 30.29365, "longitude": 120.16142},
	}
	path := filepath.Join(t.TempDir(), "city.mmdb")
	if err := os.WriteFile(path, mmdb(hangzhou, object{"country": china, "location": object{"latitude": 34.7, "longitude": 113.7}}), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := OpenPlaces(path)
	if err != nil {
		t.Fatal(err)
	}
	city := scan.NewPlace("CN", "浙江杭州", "Hangzhou, Zhejiang").At(30.3, 120.2)
	country := scan.NewPlace("CN", "中国", "China")
	for addr, want := range map[string]scan.Place{
		"1.2.3.4": city, "::ffff:1.2.3.4": city, "200.1.2.3": country, "2001:db8::1": {},
	} {
		if got := p.Find(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %+v, want %+v", addr, got, want)
		}
	}
	if got := p.Find(netip.Addr{}); !got.IsZero() {
		t.Errorf("no address is in %+v", got)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if got := p.Find(netip.MustParseAddr("1.2.3.4")); !got.IsZero() {
		t.Errorf("a closed file says %+v", got)
	}
	if _, err := OpenPlaces(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there opens")
	}
}

func TestNamesOfCities(t *testing.T) {
	for _, tt := range []struct{ city, province, want string }{
		{"杭州市", "浙江省", "浙江杭州"}, {"上海", "上海市", "上海"}, {"杭州", "", "杭州"}, {"", "浙江省", ""},
	} {
		if got := inProvince(tt.city, tt.province); got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.city, tt.province, got, tt.want)
		}
	}
}

// BenchmarkTake measures what a scan costs the one who is answered, and, in
// written/s, how fast scans of different items get to disk.
func BenchmarkTake(b *testing.B) {
	c := newClock()
	r := newTestRecorder(b, b.TempDir(), c)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			r.Take(scan.Key(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))), 0, scan.Scan{At: c.now().UnixMilli(), Device: device(i)}, from(i))
			if i%(queueLen/4) == 0 {
				mustFlush(b, r)
			}
		}
	})
	mustFlush(b, r)
	b.ReportMetric(float64(r.Stats().Counted)/b.Elapsed().Seconds(), "written/s")
	b.ReportMetric(float64(r.Stats().Dropped), "dropped")
}
