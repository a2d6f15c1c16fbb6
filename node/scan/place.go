package scan

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"

	"suyuan/trace/scan"
)

// Places finds the cities of addresses in a file of MaxMind's format that the
// operator brings along. It is safe for concurrent use.
type Places struct {
	mu sync.RWMutex // held shared while db is read, alone by Close, which unmaps it
	db *maxminddb.Reader
}

// OpenPlaces opens a file such as GeoLite2-City.mmdb.
func OpenPlaces(path string) (*Places, error) {
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open file of places: %w", err)
	}
	return &Places{db: db}, nil
}

// Close closes the file. Places are unknown from then on.
func (p *Places) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db == nil {
		return nil
	}
	db := p.db
	p.db = nil
	return db.Close()
}

// cityRecord is what we read of an entry.
type cityRecord struct {
	Country struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// Find says in which city an address is, or in which country, if the file knows.
func (p *Places) Find(addr netip.Addr) scan.Place {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var r cityRecord
	if p.db == nil || !addr.IsValid() {
		return scan.Place{}
	}
	if err := p.db.Lookup(addr.Unmap()).Decode(&r); err != nil {
		return scan.Place{} // what a file does not say is not known
	}
	return r.place()
}

func (r *cityRecord) place() scan.Place {
	city := r.City.Names["en"]
	if city == "" {
		return scan.NewPlace(r.Country.Code, r.Country.Names["zh-CN"], r.Country.Names["en"])
	}
	zh, en := r.City.Names["zh-CN"], city
	if len(r.Subdivisions) > 0 {
		province := r.Subdivisions[0].Names
		zh = inProvince(zh, province["zh-CN"])
		if name := province["en"]; name != "" && name != city {
			en = city + ", " + name
		}
	}
	p := scan.NewPlace(r.Country.Code, cmp.Or(zh, en), en)
	if p.IsZero() || r.Location.Latitude == nil || r.Location.Longitude == nil {
		return p
	}
	return p.At(*r.Location.Latitude, *r.Location.Longitude)
}

// inProvince names a Chinese city as people do: 浙江杭州, and 上海 once.
func inProvince(city, province string) string {
	city, province = strings.TrimSuffix(city, "市"), strings.TrimSuffix(strings.TrimSuffix(province, "省"), "市")
	if city == "" || city == province {
		return city
	}
	return province + city
}
