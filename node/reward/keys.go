package reward

import (
	"encoding/binary"
	"time"
)

// Tags of keys are never reused. The package comment has the table.
const (
	tagFormat = 0x00
	tagReward = 0x01
	tagOrder  = 0x02
	tagRead   = 0x03
)

// format is that of the directory. Another one is refused: what stands there
// cannot be had again.
const format = 1

func formatKey() []byte { return []byte{tagFormat} }

func readKey(chain uint32) []byte { return binary.BigEndian.AppendUint32([]byte{tagRead}, chain) }

func rewardKey(id ID) []byte { return append([]byte{tagReward}, id[:]...) }

func orderKey(at time.Time, id ID) []byte {
	b := binary.BigEndian.AppendUint64([]byte{tagOrder}, uint64(at.UnixMilli()))
	return append(b, id[:]...)
}

func parseOrderKey(b []byte) (at time.Time, id ID, ok bool) {
	if len(b) != 1+8+len(id) || b[0] != tagOrder {
		return at, id, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))), ID(b[9:]), true
}
