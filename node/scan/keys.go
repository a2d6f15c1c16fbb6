package scan

import (
	"encoding/binary"

	"suyuan/trace/scan"
)

// Tags of keys are never reused. The package comment has the table.
const (
	tagVersion = 0x00
	tagRecord  = 0x01
)

// version is that of the layout. A directory with another one is refused: what
// it holds cannot be had again.
const version = 1

const recordKeyLen = 1 + 16 + 2

func versionKey() []byte { return []byte{tagVersion} }

func recordKey(id itemCycle) []byte {
	b := make([]byte, 0, recordKeyLen)
	b = append(b, tagRecord)
	b = append(b, id.item[:]...)
	return binary.BigEndian.AppendUint16(b, id.cycle)
}

func parseRecordKey(b []byte) (itemCycle, bool) {
	if len(b) != recordKeyLen || b[0] != tagRecord {
		return itemCycle{}, false
	}
	return itemCycle{scan.Key(b[1:17]), binary.BigEndian.Uint16(b[17:])}, true
}

// itemCycle is what a record is about.
type itemCycle struct {
	item  scan.Key
	cycle uint16
}
