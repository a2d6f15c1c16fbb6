package web

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// A document is a page in pieces, with the names that belong between them.
type document struct {
	pieces []*piece
	names  names
}

// A piece is text that was rendered, and which name follows it.
type piece struct {
	text []byte
	then blankValue

	asked  atomic.Bool            // it was packed before
	packed atomic.Pointer[[]byte] // nil until it is asked for again
}

// size is what a piece takes in memory, about, also when it is packed.
func (p *piece) size() int { return len(p.text)*3/2 + 100 }

// write writes the page.
func (d *document) write(w io.Writer) error {
	for _, p := range d.pieces {
		if _, err := w.Write(p.text); err != nil {
			return err
		}
		if name := d.names.of(p.then); name != "" {
			if _, err := io.WriteString(w, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// What begins each gzip member of ours, and the deflate block that ends it: the last
// one, with nothing in it but its end.
const (
	gzipHead   = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" // RFC 1952: deflate, no name, no time
	deflateEnd = "\x03\x00"
)

// pack writes the page as one gzip member. A deflate stream (RFC 1951) is a row of
// blocks, so that pieces which were compressed by themselves, each to a whole number
// of bytes and without an end, make one when they are put together. Names stand in
// it as they are, so that no length tells of what is secret in them.
func (d *document) pack(w io.Writer) error {
	out := make([]byte, 0, usualPacked)
	out = append(out, gzipHead...)
	sum, size := uint32(0), 0
	for _, p := range d.pieces {
		sum, size = crc32.Update(sum, crc32.IEEETable, p.text), size+len(p.text)
		out = p.appendPacked(out)
		if name := d.names.of(p.then); name != "" {
			sum, size = crc32.Update(sum, crc32.IEEETable, []byte(name)), size+len(name)
			out = appendStored(out, []byte(name))
		}
	}
	out = append(out, deflateEnd...)
	out = binary.LittleEndian.AppendUint32(out, sum)
	out = binary.LittleEndian.AppendUint32(out, uint32(size))
	_, err := w.Write(out)
	return err
}

// usualPacked is how many bytes most pages have when they are packed.
const usualPacked = 10 << 10

// appendPacked appends the text as blocks of which none is the last. Compressing
// costs as much as rendering: what is asked for once only, as the sale of one item,
// stands as it is.
func (p *piece) appendPacked(b []byte) []byte {
	if packed := p.packed.Load(); packed != nil {
		return append(b, *packed...)
	}
	if !p.asked.Swap(true) || len(p.text) < leastPacked {
		return appendStored(b, p.text)
	}
	packed := deflated(p.text)
	p.packed.Store(&packed)
	return append(b, packed...)
}

// leastPacked is how long a text must be for deflate to make it shorter, with the
// five bytes that make its bits whole.
const leastPacked = 64

// deflated compresses a text to blocks of which none is the last. The one at the
// end is empty and makes the bits whole bytes.
func deflated(text []byte) []byte {
	var buf bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&buf)
	_, _ = w.Write(text) // memory takes everything
	_ = w.Flush()
	return bytes.Clone(buf.Bytes())
}

// packers are kept since each has a megabyte.
var packers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestCompression) // the level is one
	return w
}}

// appendStored writes text as blocks that are not compressed (RFC 1951 section
// 3.2.4).
func appendStored(b, text []byte) []byte {
	for len(text) > 0 {
		part := text[:min(len(text), 0xffff)]
		text = text[len(part):]
		b = append(b, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(part)))
		b = binary.LittleEndian.AppendUint16(b, ^uint16(len(part)))
		b = append(b, part...)
	}
	return b
}
