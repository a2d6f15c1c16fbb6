package wire

// GetScans asks a node for what it itself counted of scans.
type GetScans struct {
	Journal uint64 `cbor:"1,keyasint,omitempty"` // as the last SCANS said, 0 for none yet
	After   uint64 `cbor:"2,keyasint,omitempty"` // the last position taken over
}

// Scans are counts that the answering node made, and nobody else's: whose they
// are is not said but follows from who is connected.
type Scans struct {
	Journal uint64      `cbor:"1,keyasint"` // another one than asked for: it began anew
	Next    uint64      `cbor:"2,keyasint"` // the position to ask after
	Counts  []ScanCount `cbor:"3,keyasint"`
}

// A ScanCount is what a node counted of the scans of one item in one cycle. Both
// the count and the time before which nothing was scanned only ever improve.
type ScanCount struct {
	_       struct{} `cbor:",toarray"`
	Item    [16]byte // hash of the code, as in packs
	Cycle   uint16
	Count   uint64
	First   int64  // ms since 1970 UTC
	Country string // of the first: ISO 3166-1 alpha-2, or ""
	Zh, En  string // the city's name, or ""
}

// Type implements [Message].
func (*GetScans) Type() Type { return TypeGetScans }
func (*Scans) Type() Type    { return TypeScans }

func (m *GetScans) check() error { return holds(m.Journal != 0 || m.After == 0) }

func (m *Scans) check() error {
	if m.Journal == 0 || m.Next == 0 || len(m.Counts) == 0 || len(m.Counts) > MaxScans {
		return errForm
	}
	for i := range m.Counts {
		c := &m.Counts[i]
		if c.Count == 0 || c.First <= 0 || len(c.Country) > 2 || len(c.Zh) > MaxCityName || len(c.En) > MaxCityName {
			return errForm
		}
	}
	return nil
}
