package scan

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
)

var (
	hangzhou = Place{Country: "CN", Zh: "浙江杭州", En: "Hangzhou, Zhejiang"}.At(30.29, 120.16)
	shanghai = Place{Country: "CN", Zh: "上海", En: "Shanghai"}.At(31.22, 121.46)
	urumqi   = Place{Country: "CN", Zh: "新疆乌鲁木齐", En: "Ürümqi, Xinjiang"}.At(43.8, 87.6)
	nowhere  = Place{Country: "CN", Zh: "中国", En: "China"}
)

// at is a moment so many minutes after a certain one.
func at(minutes int) int64 {
	return time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute).UnixMilli()
}

func device(n int) (d Device) {
	copy(d[:], fmt.Sprintf("%08d", n))
	return d
}

func TestDeviceCountsOnceInWindow(t *testing.T) {
	var r Record
	for _, tt := range []struct {
		minute, device int
		counts         bool
	}{
		{0, 1, true}, {0, 1, false}, {29, 1, false}, {29, 2, true}, {30, 1, true}, {31, 1, false}, {58, 2, false},
		{59, 2, true}, {60, 1, true}, {20, 3, true}, {10, 3, false},
	} {
		if got := r.Add(Scan{At: at(tt.minute), Device: device(tt.device)}); got != tt.counts {
			t.Errorf("device %d at minute %d: counts %t, want %t", tt.device, tt.minute, got, tt.counts)
		}
	}
	if r.Count != 6 || r.Devices != 3 || r.More || r.First != at(0) {
		t.Errorf("got %d scans on %d devices, first at %d", r.Count, r.Devices, r.First)
	}
}

func TestDevicesAreBounded(t *testing.T) {
	var r Record
	for i := range 3 * MaxDevices {
		if !r.Add(Scan{At: at(i), Device: device(i), Place: NewPlace("CN", fmt.Sprint("城", i), "")}) {
			t.Fatalf("device %d does not count", i)
		}
	}
	if r.Count != 3*MaxDevices || r.Devices != MaxDevices || !r.More || len(r.Cities) != MaxCities || len(r.Early) != maxEarly {
		t.Errorf("got %d scans, %d devices (more: %t), %d cities, %d times", r.Count, r.Devices, r.More, len(r.Cities), len(r.Early))
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 4<<10 {
		t.Errorf("a full record takes %d bytes", len(b))
	}
}

func TestForgottenDevicesKeepCounts(t *testing.T) {
	var r Record
	r.Add(Scan{At: at(0), Device: device(1)})
	r.Add(Scan{At: at(100), Device: device(2)})
	if !r.Forget(at(50)) || r.Forget(at(50)) {
		t.Error("Forget does not tell whether it dropped a device")
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	one, two := device(1), device(2)
	if bytes.Contains(b, one[:]) || !bytes.Contains(b, two[:]) {
		t.Errorf("wrong devices in %x", b)
	}
	if r.Count != 2 || r.Devices != 2 || r.First != at(0) {
		t.Errorf("counts went with devices: %+v", r)
	}
}

func TestDistancesAreThoseOfAMap(t *testing.T) {
	for _, tt := range []struct {
		a, b Place
		want float64
	}{
		{hangzhou, shanghai, 162}, {hangzhou, urumqi, 3237}, {hangzhou, hangzhou, 0},
		{Place{}.At(0, 179.9), Place{}.At(0, -179.9), 22}, {Place{}.At(90, 0), Place{}.At(-90, 50), 20015},
	} {
		if got := tt.a.kilometres(tt.b); math.Abs(got-tt.want) > 0.02*tt.want+1 {
			t.Errorf("%s to %s: got %.0f km, want %.0f", tt.a.En, tt.b.En, got, tt.want)
		}
	}
}

func TestImpossibleTravel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		from   Place
		to     Place
		after  int
		travel bool
	}{
		{"an hour to the other end", hangzhou, urumqi, 60, true},
		{"a flight", hangzhou, urumqi, 5 * 60, false},
		{"the next city at once, as networks err", hangzhou, shanghai, 1, false},
		{"out of order", hangzhou, urumqi, -30, true},
		{"nobody knows where", hangzhou, nowhere, 1, false},
		{"from nowhere", nowhere, urumqi, 1, false},
	} {
		var r Record
		r.Add(Scan{At: at(0), Device: device(1), Place: tt.from})
		r.Add(Scan{At: at(tt.after), Device: device(2), Place: tt.to})
		if got := r.Travel != nil; got != tt.travel {
			t.Errorf("%s: impossible %t, want %t", tt.name, got, tt.travel)
		}
	}
}

func TestPlacesAreNoFinerThanACity(t *testing.T) {
	p := hangzhou.At(30.27415, 120.15515)
	if p.North != 303 || p.East != 1202 {
		t.Errorf("got %d, %d tenths of a degree", p.North, p.East)
	}
	if p := hangzhou.At(math.NaN(), 0); !p.same(hangzhou) || p.North != hangzhou.North {
		t.Error("a position that is none was taken")
	}
}

func TestParsePlace(t *testing.T) {
	for header, want := range map[string]Place{
		"":                                   {},
		"CN;330100;30.29,120.16":             hangzhou,
		"cn; 330100 ; 30.29, 120.16":         hangzhou,
		";330106;30.29,120.16":               hangzhou, // a district is its city
		"CN;310115":                          {Country: "CN", Zh: "上海", En: "Shanghai"},
		"CN;%E6%9D%AD%E5%B7%9E":              {Country: "CN", Zh: "杭州", En: "杭州"},
		"FR;Lyon":                            {Country: "FR", Zh: "Lyon", En: "Lyon"},
		"FR":                                 {Country: "FR", Zh: "法国", En: "France"},
		"FR;;46,2":                           {Country: "FR", Zh: "法国", En: "France"}, // the middle of a country
		"FR;Lyon;95,2":                       {Country: "FR", Zh: "Lyon", En: "Lyon"},
		"FR;Lyon;north":                      {Country: "FR", Zh: "Lyon", En: "Lyon"},
		"FR;Ly%E2%80%AEon":                   {}, // would turn the line around
		"FR;%zz":                             {},
		"France;Lyon":                        {},
		"FR;" + strings.Repeat("a", 200):     {},
		"FR;" + strings.Repeat("%41", 1_000): {},
	} {
		if got := ParsePlace(header); got != want {
			t.Errorf("%.40q: got %+v, want %+v", header, got, want)
		}
	}
}

func TestPrograms(t *testing.T) {
	for agent, want := range map[string]bool{
		"": true, " ": true, "curl/8.5.0": true, "Go-http-client/1.1": true, "WhatsApp/2.23.20.0": true,
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                  true,
		"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)":                       true,
		"Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (Bytespider)": true,
		"facebookexternalhit/1.1": true,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36":                       true,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50": false,
		"Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36":                 false,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0":                                                    false,
		"Mozilla/5.0 (Linux; U; Android 13; zh-CN; V2183A) AppleWebKit/537.36 Chrome/100 UCBrowser/15.5 Mobile Safari/537.36":                 false,
	} {
		if got := IsProgram(agent); got != want {
			t.Errorf("%q: program %t, want %t", agent, got, want)
		}
	}
}

// randomRecord makes a record as scans make it.
func randomRecord(rnd *rand.Rand) *Record {
	r := new(Record)
	places := []Place{{}, hangzhou, shanghai, urumqi, nowhere}
	for range rnd.IntN(100) {
		r.Add(Scan{At: at(rnd.IntN(50_000)), Device: device(rnd.IntN(80)), Place: places[rnd.IntN(len(places))]})
	}
	r.Forget(at(rnd.IntN(20_000)))
	return r
}

func TestRecordsOutliveTheirBytes(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		r := randomRecord(rnd)
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeRecord(b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		b2, err := again.Encode()
		if err != nil || !bytes.Equal(b, b2) {
			t.Fatalf("seed %d: decoded to other bytes: %v", seed, err)
		}
		s := Scan{At: at(60_000), Device: device(1), Place: urumqi}
		if r.Add(s) != again.Add(s) || r.Count != again.Count || !reflect.DeepEqual(r.Travel, again.Travel) {
			t.Fatalf("seed %d: a record that was read again goes on otherwise", seed)
		}
	}
}

func TestRecordBytes(t *testing.T) {
	var r Record
	r.Add(Scan{At: 1_762_135_200_000, Device: device(1), Place: hangzhou})
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := "8c" + // array of 12
		"01" + // version
		"1b0000019a47715100" + // first
		"8662434e" + "6ce6b599e6b19fe69dade5b79e" + "7248616e677a686f752c205a68656a69616e67" + "f5" + "19012f" + "1904b2" + // place
		"01" + "01" + "f4" + // count, devices, more
		"81" + "82" + "483030303030303031" + "1b0000019a47715100" + // seen
		"81" + "8662434e6ce6b599e6b19fe69dade5b79e7248616e677a686f752c205a68656a69616e67f519012f1904b2" + // cities
		"1b0000019a47715100" + "8662434e6ce6b599e6b19fe69dade5b79e7248616e677a686f752c205a68656a69616e67f519012f1904b2" + // last
		"80" + // travel
		"811b0000019a47715100" // early
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestTallyBytes(t *testing.T) {
	tally := Tally{Item: Key{1, 2}, Cycle: 3, Shares: []Share{{Node: 1, Count: 2, First: 1_762_135_200_000}, {Node: 7, Count: 9, First: 5, Place: nowhere}}}
	b, err := tally.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := "84" + "01" + "5001020000000000000000000000000000" + "03" + "82" +
		"84" + "01" + "02" + "1b0000019a47715100" + "866060" + "60" + "f40000" +
		"84" + "07" + "09" + "05" + "8662434e66e4b8ade59bbd654368696e61f40000"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	again, err := DecodeTally(b)
	if err != nil || !reflect.DeepEqual(again, &tally) {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestMalformedIsRefused(t *testing.T) {
	good, err := (&Tally{Shares: []Share{{Node: 1, Count: 1, First: 1}, {Node: 2, Count: 1, First: 1}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	swapped := &Tally{Shares: []Share{{Node: 2, Count: 1, First: 1}, {Node: 1, Count: 1, First: 1}}}
	twice := &Tally{Shares: []Share{{Node: 1, Count: 1, First: 1}, {Node: 1, Count: 1, First: 1}}}
	never := &Tally{Shares: []Share{{Node: 1, Count: 1}}}
	spoofed := &Tally{Shares: []Share{{Node: 1, Count: 1, First: 1, Place: Place{Country: "CN", Zh: "\u202e"}}}}
	list := [][]byte{nil, {0x80}, good[:len(good)-1], append(slices.Clone(good), 0), make([]byte, maxEncoded+1)}
	for _, tally := range []*Tally{swapped, twice, never, spoofed} {
		b, err := tally.Encode()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	for _, b := range list {
		if _, err := DecodeTally(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60x: got %v", b, err)
		}
		if _, err := DecodeRecord(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60x as a record: got %v", b, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		b, err := randomRecord(rnd).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		tally := randomTally(rnd)
		if b, err = tally.Encode(); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeRecord(b); err == nil {
			if again, err := r.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%x encodes as %x, %v", b, again, err)
			}
			r.Add(Scan{At: at(0), Place: urumqi})
			Summarize(r, new(Tally), time.UTC)
		}
		if tally, err := DecodeTally(b); err == nil {
			if again, err := tally.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%x encodes as %x, %v", b, again, err)
			}
		}
	})
}

func randomTally(rnd *rand.Rand) Tally {
	var tally Tally
	places := []Place{{}, hangzhou, shanghai}
	for range rnd.IntN(6) {
		tally.Merge([]Share{{
			Node: uint32(1 + rnd.IntN(4)), Count: uint64(1 + rnd.IntN(5)), First: int64(1 + rnd.IntN(3)), Place: places[rnd.IntN(len(places))],
		}})
	}
	return tally
}

// TestMergeInAnyOrder holds that merging is commutative, associative and
// idempotent, and that nothing shrinks.
func TestMergeInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	join := func(list ...Tally) Tally {
		var all Tally
		for _, x := range list {
			all.Merge(x.Shares)
		}
		return all
	}
	for range 2_000 {
		a, b, c := randomTally(rnd), randomTally(rnd), randomTally(rnd)
		want := join(a, b, c)
		for _, got := range []Tally{join(c, b, a), join(b, a, c, b), join(join(a, b), c), join(a, join(c, b), a)} {
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: merged to %+v and to %+v", seed, got, want)
			}
		}
		if want.Count() < a.Count() || a.First() != nil && want.First().First > a.First().First {
			t.Fatalf("seed %d: merging made %+v of %+v", seed, want, a)
		}
	}
}

// TestOneNodeCannotDrownTheOthers holds that an inflated count is bounded.
func TestOneNodeCannotDrownTheOthers(t *testing.T) {
	tally := Tally{Shares: []Share{{Node: 1, Count: math.MaxUint64 - 1}, {Node: 2, Count: 5}}}
	if got := tally.Count(); got != MaxShare+5 {
		t.Errorf("got %d", got)
	}
	tally.Only(func(node uint32) bool { return node == 2 })
	if got := tally.Count(); got != 5 || len(tally.Shares) != 1 {
		t.Errorf("without the other: %d", got)
	}
}

func TestShareOfAnotherNode(t *testing.T) {
	now := at(0)
	for name, tt := range map[string]struct {
		share Share
		ok    bool
	}{
		"sound":         {Share{Count: 1, First: now, Place: hangzhou}, true},
		"a fast clock":  {Share{Count: 1, First: now + maxAhead}, true},
		"the future":    {Share{Count: 1, First: now + maxAhead + 1}, false},
		"nothing":       {Share{}, false},
		"never scanned": {Share{Count: 1}, false},
		"no count":      {Share{First: now}, false},
		"no place":      {Share{Count: 1, First: now, Place: Place{Country: "china"}}, false},
	} {
		err := tt.share.Check(now)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// event makes one event of a trail at a minute.
func event(kind string, minute int, member, party string) trace.EventView {
	return trace.EventView{
		ID: ledger.Keccak([]byte(fmt.Sprint(kind, minute))), Kind: kind,
		At:    time.UnixMilli(at(minute)).In(time.FixedZone("", 8*3600)).Format(time.RFC3339),
		Party: trace.PartyView{Member: member, Party: party, Zh: member + "中", En: member},
	}
}

func roleOf(member string) ledger.Role {
	return map[string]ledger.Role{"brand": ledger.Brand, "wh": ledger.Warehouse, "dist": ledger.Distributor}[member]
}

// story is an item that was made, kept at the warehouse and sold.
func story() *trace.TrailView {
	return &trace.TrailView{Events: []trace.EventView{
		event("run", -9000, "brand", ""), event("activate", 0, "brand", ""), event("ship", 1000, "brand", ""),
		event("receive", 2000, "wh", ""), event("ship", 4000, "wh", ""), event("receive", 5000, "dist", ""), event("sell", 6000, "dist", ""),
	}}
}

func TestFindings(t *testing.T) {
	scanned := func(minutes ...int) *Record {
		r := new(Record)
		for i, m := range minutes {
			r.Add(Scan{At: at(m), Device: device(i)})
		}
		return r
	}
	hosted := story()
	hosted.Events[3].Party.Party = "shop"
	corrected := story()
	corrected.Events[4].Corrected = ledger.Keccak([]byte("x")) // it stayed at the warehouse until the distributor had it
	foul := story()
	foul.Events = slices.Insert(foul.Events, 1, event("activate", -20_000, "dist", ""))
	foul.Findings = []trace.FindingView{{Code: trace.NotAuthority, Records: []ledger.Hash{foul.Events[1].ID}}}
	idle := story()
	idle.Events = idle.Events[:4]
	back := story()
	back.Events = append(back.Events, event("return", 7000, "dist", ""))
	for _, tt := range []struct {
		name  string
		trail *trace.TrailView
		rec   *Record
		th    Thresholds
		want  string
	}{
		{"nobody", story(), scanned(), Thresholds{1, 1}, ""},
		{"a buyer", story(), scanned(6500), Thresholds{3, 3}, ""},
		{"on the way", story(), scanned(1500, 4500), Thresholds{3, 3}, ""},
		{"at the distributor", story(), scanned(5500), Thresholds{3, 3}, ""},
		{"tried once at the warehouse", story(), scanned(3000), Thresholds{3, 3}, "scanned-in-warehouse notice"},
		{"again and again there", story(), scanned(3000, 3100), Thresholds{3, 3}, "scanned-in-warehouse warning"},
		{"before it was sent on, by the records of the hour", story(), scanned(3950), Thresholds{3, 3}, ""},
		{"after it left, but that is not recorded", idle, scanned(9000, 9100), Thresholds{3, 3}, "scanned-in-warehouse warning"},
		{"at a shop that the warehouse hosts", hosted, scanned(3000, 3100), Thresholds{3, 3}, ""},
		{"a shipment that did not take place", corrected, scanned(4500, 4600), Thresholds{3, 3}, "scanned-in-warehouse warning"},
		{"before it was made", story(), scanned(-500), Thresholds{3, 3}, "scanned-before-activation warning"},
		{"at the line", story(), scanned(-30), Thresholds{3, 3}, ""},
		{"one without the right put it to use earlier", foul, scanned(-500), Thresholds{3, 3}, "scanned-before-activation warning"},
		{"in its second life", back, scanned(-500), Thresholds{3, 3}, ""},
		{"many", story(), scanned(6500, 6501, 6502), Thresholds{3, 4}, "many-scans warning"},
		{"many devices", story(), scanned(6500, 6501, 6502), Thresholds{9, 3}, "many-devices warning"},
		{"both", story(), scanned(6500, 6501, 6502), Thresholds{3, 3}, "many-devices warning, many-scans warning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := TimelineOf(tt.trail, roleOf)
			tally := Tally{}
			if tt.rec.Count > 0 {
				tally.Merge([]Share{tt.rec.Share(1)})
			}
			var got []string
			for _, f := range Findings(tt.rec, &tally, &l, tt.th, chainName) {
				got = append(got, f.Code+" "+string(f.Severity))
				if strings.ContainsAny(f.Zh+f.En, "{}") || f.Records == nil || f.Zh == "" || f.En == "" {
					t.Errorf("unfinished: %+v", f)
				}
				if f.Severity == trace.Critical {
					t.Error("scans convict")
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestFindingWords(t *testing.T) {
	var r Record
	r.Add(Scan{At: at(3000), Device: device(1), Place: hangzhou})
	r.Add(Scan{At: at(3060), Device: device(2), Place: urumqi})
	l := TimelineOf(story(), roleOf)
	tally := Tally{Shares: []Share{r.Share(1)}}
	list := Findings(&r, &tally, &l, ThresholdsOf(nil), chainName)
	want := []string{
		"此码2026年11月5日12:00在浙江杭州被查询，2026年11月5日13:00又在新疆乌鲁木齐被查询，两地相距约3230公里，同一件商品来不及到达。",
		"This code was looked up in Hangzhou, Zhejiang at 12:00 on 5 Nov 2026 and in Ürümqi, Xinjiang at 13:00 on 5 Nov 2026, about 3230 km away: too far for one item in that time.",
		"此码在2026年11月5日12:00被查询，而按记录，商品当时还在wh中手中。",
		"This code was looked up at 12:00 on 5 Nov 2026, while by the records wh still held the item.",
	}
	var got []string
	for _, f := range list {
		got = append(got, f.Zh, f.En)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if Warn(list) != trace.Warn || Warn(nil) != trace.Consistent {
		t.Error("warnings do not warn")
	}
}

func chainName(node uint32) string { return fmt.Sprint("m/", node) }

// TestManyScansNameWhoCounted holds that what other nodes say is shown as
// theirs.
func TestManyScansNameWhoCounted(t *testing.T) {
	var r Record
	r.Add(Scan{At: at(6500), Device: device(1)})
	l := TimelineOf(story(), roleOf)
	tally := Tally{Shares: []Share{r.Share(1), {Node: 2, Count: 50, First: at(6600)}}}
	list := Findings(&r, &tally, &l, ThresholdsOf(nil), chainName)
	if len(list) != 1 || list[0].Code != ManyScans || list[0].Severity != trace.Warning {
		t.Fatalf("got %+v", list)
	}
	if want := "此码已被查询51次（m/1：1次，m/2：50次），多于同一件商品通常的次数。"; list[0].Zh != want {
		t.Errorf("got %s, want %s", list[0].Zh, want)
	}
	if want := "This code has been looked up 51 times (m/1: 1, m/2: 50), more often than one item usually is."; list[0].En != want {
		t.Errorf("got %s, want %s", list[0].En, want)
	}
}

func TestEveryFindingHasWords(t *testing.T) {
	if len(Codes()) != len(findingSpecs) {
		t.Errorf("%d codes, %d specs", len(Codes()), len(findingSpecs))
	}
	for _, code := range Codes() {
		s, ok := findingSpecs[code]
		if !ok || s.zh == "" || s.en == "" || s.severity == trace.Critical {
			t.Errorf("%s: %+v", code, s)
		}
		for _, claim := range []string{"假", "正品", "fake", "counterfeit", "genuine"} {
			if strings.Contains(s.zh+s.en, claim) {
				t.Errorf("%s judges: %q", code, claim)
			}
		}
	}
}

func TestThresholds(t *testing.T) {
	for n, want := range map[uint64]Thresholds{0: {30, 15}, 1: {1, 3}, 4: {4, 3}, 9: {9, 5}, 100: {100, 50}} {
		if got := ThresholdsOf(trace.Values{"scan_threshold": n}); got != want {
			t.Errorf("%d: got %+v, want %+v", n, got, want)
		}
	}
}

func TestCycles(t *testing.T) {
	v := story()
	check := func(want uint16) {
		t.Helper()
		if got := CycleOf(v); got != want {
			t.Errorf("got cycle %d, want %d", got, want)
		}
	}
	check(0)
	v.Events = append(v.Events, event("return", 7000, "dist", ""))
	check(1)
	v.Events = append(v.Events, event("return", 7100, "dist", "")) // was never sold again
	check(1)
	v.Events = append(v.Events, event("sell", 8000, "dist", ""), event("return", 9000, "wh", ""))
	check(2)
}

func TestSummary(t *testing.T) {
	var r Record
	if s := Summarize(&r, new(Tally), time.UTC); s.First != nil || s.Count != 0 || s.Cities == nil {
		t.Errorf("of nothing: %+v", s)
	}
	r.Add(Scan{At: at(0), Device: device(1), Place: hangzhou})
	r.Add(Scan{At: at(9), Device: device(2), Place: nowhere})
	tally := Tally{Shares: []Share{r.Share(1)}}
	tally.Merge([]Share{{Node: 2, Count: 5, First: at(-60), Place: shanghai}})
	s := Summarize(&r, &tally, time.FixedZone("", 8*3600))
	nodes := tally.Nodes(chainName, time.UTC)
	if len(nodes) != 2 || nodes[1] != (NodeView{"m/2", 5, time.UnixMilli(at(-60)).UTC()}) {
		t.Errorf("got %+v", nodes)
	}
	if s.Count != 7 || s.Devices != 2 || len(s.Cities) != 2 || s.First.City.Zh != "上海" || s.First.At.Format(time.RFC3339) != "2026-11-03T09:00:00+08:00" {
		t.Errorf("got %+v %+v", s, s.First)
	}
}
