package sheet

import (
	"testing"
	"time"
)

func TestMoments(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-01": "2026-03-01T00:00:00+08:00", "2026/3/1": "2026-03-01T00:00:00+08:00", "2026.03.01": "2026-03-01T00:00:00+08:00",
		"20260301": "2026-03-01T00:00:00+08:00", "2026年3月1日": "2026-03-01T00:00:00+08:00", "2026年03月01号": "2026-03-01T00:00:00+08:00",
		"2026 年 3 月 1 日": "2026-03-01T00:00:00+08:00", "２０２６－０３－０１": "2026-03-01T00:00:00+08:00",
		"1 Mar 2026": "2026-03-01T00:00:00+08:00", "March 1, 2026": "2026-03-01T00:00:00+08:00", "1-Mar-2026": "2026-03-01T00:00:00+08:00",
		"2026-03-01 8:05": "2026-03-01T08:05:00+08:00", "2026-03-01T08:05:09Z": "2026-03-01T08:05:09Z",
		"2026-03-01T08:05:09.250+01:00": "2026-03-01T08:05:09.25+01:00", "2026-03-01 08:05:09 +0530": "2026-03-01T08:05:09+05:30",
		"2026年3月1日 8时5分": "2026-03-01T08:05:00+08:00", "2026年3月1日8点5分9秒": "2026-03-01T08:05:09+08:00", "2026年3月1日 8时": "2026-03-01T08:00:00+08:00",
		"2026年3月1日 下午3:05": "2026-03-01T15:05:00+08:00", "2026/3/1 上午 12:30": "2026-03-01T00:30:00+08:00", "2026/3/1 中午12:30": "2026-03-01T12:30:00+08:00",
		"2026-03-01 3:05 PM": "2026-03-01T15:05:00+08:00", "2026-03-01 12:05:00 am": "2026-03-01T00:05:00+08:00", "2026-03-01 晚上 9:30": "2026-03-01T21:30:00+08:00",
		"20260301083015": "2026-03-01T08:30:15+08:00", "20260301T0830": "2026-03-01T08:30:00+08:00", "20260301 08:30": "2026-03-01T08:30:00+08:00",
		"2024-02-29": "2024-02-29T00:00:00+08:00",
	} {
		m, ok := parseMoment(text)
		if !ok {
			t.Errorf("%q is not read", text)
			continue
		}
		if got := m.in(shanghai).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q is read as %s, not %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "03/04/2026", "3/4/26", "26-03-01", "2026-13-01", "2026-02-29", "2026-00-10", "1969-12-31", "10000-01-01", "2026-3", "tomorrow",
		"2026-03-01 25:00", "2026-03-01 8:60", "2026-03-01 下午", "2026-03-01 下午3:05 PM", "2026-03-01 13:00 AM", "20261301", "2026-03-01 8:05:61",
		"2026-03-01 08:00 +99:00", "２０２６年", "2026-03-01 中午 6:00", "2026-03-01 下午0:30",
	} {
		if m, ok := parseMoment(text); ok {
			t.Errorf("%q is read as %v", text, m.in(shanghai))
		}
	}
}

func TestSerialNumbersOfDays(t *testing.T) {
	for _, c := range []struct {
		text     string
		from1904 bool
		want     string
	}{
		{"46082", false, "2026-03-01T00:00:00+08:00"},
		{"46082.5", false, "2026-03-01T12:00:00+08:00"},
		{"46082.354166666664", false, "2026-03-01T08:30:00+08:00"},
		{"4.6082E4", false, "2026-03-01T00:00:00+08:00"},
		{"44620", true, "2026-03-01T00:00:00+08:00"},
		{"20260301", false, "2026-03-01T00:00:00+08:00"},
		{"2.0260301E7", false, "2026-03-01T00:00:00+08:00"},
		{"20260301083000", false, "2026-03-01T08:30:00+08:00"},
		{"25569", false, "1970-01-01T00:00:00+08:00"},
		{"2958465", false, "9999-12-31T00:00:00+08:00"},
	} {
		m, ok := serialMoment(c.text, c.from1904)
		if got := m.in(shanghai).Format(time.RFC3339Nano); !ok || got != c.want {
			t.Errorf("%s (1904 %v): %s, %v", c.text, c.from1904, got, ok)
		}
	}
	for _, text := range []string{"25568", "2958466", "-1", "0", "1", "NaN", "Inf", "1e300", "x", "20261399"} {
		if m, ok := serialMoment(text, false); ok {
			t.Errorf("%s is read as %v", text, m)
		}
	}
}

func TestZones(t *testing.T) {
	for text, want := range map[string]int{"+08:00": 480, "+8": 480, "UTC+8": 480, "gmt-03:30": -210, "Z": 0, "utc": 0, "+0530": 330} {
		z, ok := ParseZone(text)
		if !ok || offset(z) != want*60 {
			t.Errorf("%q: %v %v", text, z, ok)
		}
	}
	for _, text := range []string{"", "8", "+15", "+08:60", "Shanghai", "+8:0"} {
		if _, ok := ParseZone(text); ok {
			t.Errorf("%q is read", text)
		}
	}
}

// FuzzMoment holds that what is read is a day of the calendar.
func FuzzMoment(f *testing.F) {
	for _, s := range []string{"2026-03-01", "2026年3月1日 下午3:05", "20260301T0830Z", "46082.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, read := range []func(string) (moment, bool){parseMoment, func(s string) (moment, bool) { return serialMoment(s, false) }} {
			if m, ok := read(s); ok && (!m.valid() || m.clock < 0 || m.clock >= 24*time.Hour) {
				t.Errorf("%q is read as %+v", s, m)
			}
		}
	})
}
