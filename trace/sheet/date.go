package sheet

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/width"
)

// Days as a spreadsheet counts them, of 1970-01-01 and 9999-12-31.
const (
	firstSerial = 25_569
	lastSerial  = 2_958_465
	since1904   = 1_462 // by how much smaller the numbers are that count from 1904
)

var (
	// dateForm is year, month and day in this order, and perhaps a time.
	dateForm = regexp.MustCompile(`^(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?[日号]?(?:[T ]*(.+))?$`)
	// compactForm is the same in digits alone.
	compactForm = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2}):?(\d{2})(?::?(\d{2}))?)?$`)
	// clockForm is hours, minutes, seconds, and a zone.
	clockForm = regexp.MustCompile(`^(上午|凌晨|早上|中午|下午|晚上|AM|PM)? ?(\d{1,2}) ?[:时点] ?(?:(\d{1,2}) ?分?)?(?: ?:? ?(\d{1,2})(\.\d{1,9})? ?秒?)? ?(AM|PM)? ?(Z|[+-]\d{2}:?\d{2})?$`)
	zoneForm  = regexp.MustCompile(`^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$`)
)

// wordyForms name the month, so that they are not ambiguous.
var wordyForms = []string{"2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "2-Jan-2006"}

// moment is a date with a time of day, of which not all may have been said.
type moment struct {
	year, month, day int
	clock            time.Duration
	zone             *time.Location // nil if it was not said
}

func (m moment) valid() bool {
	d := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC)
	return m.year >= 1970 && m.year <= 9999 && d.Month() == time.Month(m.month) && d.Day() == m.day
}

func (m moment) date() string {
	return time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// in is the instant, in a zone unless one was said.
func (m moment) in(zone *time.Location) time.Time {
	if m.zone != nil {
		zone = m.zone
	}
	c := m.clock
	return time.Date(m.year, time.Month(m.month), m.day, int(c/time.Hour), int(c/time.Minute)%60, int(c/time.Second)%60, int(c%time.Second), zone)
}

// parseMoment reads a date and perhaps a time as people and programs write them.
func parseMoment(s string) (moment, bool) {
	s = strings.Join(strings.Fields(strings.ToUpper(width.Fold.String(s))), " ")
	if m := dateForm.FindStringSubmatch(s); m != nil {
		out := moment{year: number(m[1]), month: number(m[2]), day: number(m[3])}
		ok := m[4] == "" || out.readClock(m[4])
		return out, ok && out.valid()
	}
	if m := compactForm.FindStringSubmatch(s); m != nil {
		out := moment{year: number(m[1]), month: number(m[2]), day: number(m[3])}
		ok := out.setClock(number(m[4]), number(m[5]), number(m[6]), 0)
		return out, ok && out.valid()
	}
	for _, form := range wordyForms {
		if t, err := time.Parse(form, s); err == nil {
			out := moment{year: t.Year(), month: int(t.Month()), day: t.Day()}
			return out, out.valid()
		}
	}
	return moment{}, false
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // digits only, or nothing, which is 0
	return n
}

func (m *moment) setClock(hour, minute, second int, fraction time.Duration) bool {
	m.clock = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + fraction
	return hour < 24 && minute < 60 && second < 60
}

// readClock reads a time of day.
func (m *moment) readClock(s string) bool {
	p := clockForm.FindStringSubmatch(s)
	if p == nil || p[1] != "" && p[6] != "" {
		return false
	}
	hour, half := number(p[2]), p[1]+p[6]
	switch half {
	case "下午", "晚上", "PM", "中午":
		if hour == 0 || half == "中午" && hour < 11 && hour > 2 {
			return false
		}
		if hour < 12 && !(half == "中午" && hour == 11) {
			hour += 12
		}
	case "上午", "凌晨", "早上", "AM":
		if hour > 12 {
			return false
		}
		hour %= 12
	}
	var fraction time.Duration
	if p[5] != "" {
		f, err := strconv.ParseFloat("0"+p[5], 64)
		if err != nil {
			return false
		}
		fraction = time.Duration(f*1e3) * time.Millisecond // records count milliseconds
	}
	if p[7] != "" {
		var ok bool
		if m.zone, ok = ParseZone(p[7]); !ok {
			return false
		}
	}
	return m.setClock(hour, number(p[3]), number(p[4]), fraction)
}

// ParseZone reads an offset from UTC such as +08:00, UTC+8 or Z.
func ParseZone(s string) (*time.Location, bool) {
	s = strings.ReplaceAll(strings.ToUpper(width.Fold.String(s)), " ", "")
	if s == "Z" || s == "UTC" || s == "GMT" {
		return time.UTC, true
	}
	m := zoneForm.FindStringSubmatch(s)
	if m == nil {
		return nil, false
	}
	minutes := number(m[2])*60 + number(m[3])
	if number(m[3]) > 59 || minutes > 14*60 {
		return nil, false
	}
	if m[1] == "-" {
		minutes = -minutes
	}
	return time.FixedZone("", minutes*60), true
}

// serialMoment reads a number of days as a spreadsheet counts them. Numbers of
// eight digits that look like 20260301 are taken for what they look like.
func serialMoment(text string, from1904 bool) (moment, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return moment{}, false
	}
	if f >= 19_700_101 && f <= 99_991_231 && f == float64(int64(f)) || f >= 19_700_101e6 && f <= 99_991_231e6 {
		return parseMoment(strconv.FormatFloat(f, 'f', -1, 64))
	}
	first, last := float64(firstSerial), float64(lastSerial+1)
	if from1904 {
		first, last = first-since1904, last-since1904
	}
	if !(f >= first && f < last) { // no NaN either
		return moment{}, false
	}
	t, err := excelize.ExcelDateToTime(f, from1904)
	if err != nil {
		return moment{}, false
	}
	clock := t.Sub(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC))
	return moment{year: t.Year(), month: int(t.Month()), day: t.Day(), clock: clock}, true
}
