package scan

import (
	"encoding/binary"

	"suyuan/trace/scan"
)

// Tags of keys are never reused. The package comment has the table.
const (
	tagVersion = 0x00
	tagRecord  = 0x01
	tagChange  = 0x02
	tagTally   = 0x03
	tagCursor  = 0x04
	tagJournal = 0x05
)

// version is that of the layout. Another one is refused.
const version = 1

const itemKeyLen = 1 + 16 + 2

func versionKey() []byte { return []byte{tagVersion} }
func journalKey() []byte { return []byte{tagJournal} }

func recordKey(id itemCycle) []byte { return itemKey(tagRecord, id) }
func tallyKey(id itemCycle) []byte  { return itemKey(tagTally, id) }

func itemKey(tag byte, id itemCycle) []byte {
	b := make([]byte, 0, itemKeyLen)
	b = append(b, tag)
	b = append(b, id.item[:]...)
	return binary.BigEndian.AppendUint16(b, id.cycle)
}

// parseItemKey reads the key of a record or a tally.
func parseItemKey(tag byte, b []byte) (itemCycle, bool) {
	if len(b) != itemKeyLen || b[0] != tag {
		return itemCycle{}, false
	}
	return itemCycle{scan.Key(b[1:17]), binary.BigEndian.Uint16(b[17:])}, true
}

func changeKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tagChange}, seq)
}

func parseChangeKey(b []byte) (seq uint64, ok bool) {
	if len(b) != 1+8 || b[0] != tagChange {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[1:]), true
}

func cursorKey(node uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tagCursor}, node)
}

// itemCycle is what a record is about.
type itemCycle struct {
	item  scan.Key
	cycle uint16
}
