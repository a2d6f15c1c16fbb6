package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"suyuan/ledger"
)

// ErrFrame is wrapped by every error that says that the peer does not keep to
// the format: there is no point in reading on.
var ErrFrame = errors.New("bad frame")

// A Protocol is one of the four; its limit and its types bound what a
// [Reader] accepts.
type Protocol struct {
	name        string
	limit       int
	first, last Type
}

// The protocols.
var (
	Ctl    = Protocol{"ctl", MaxCtl, TypeHello, TypeBye}
	Fetch  = Protocol{"fetch", MaxFetch, TypeGetRange, TypeEnd}
	Cosign = Protocol{"cosign", MaxCosign, TypePropose, TypeRefused}
	Ask    = Protocol{"ask", MaxAsk, TypeClaim, TypeClaimed}
)

// ID is the libp2p protocol id in a network.
func (p Protocol) ID(network ledger.Hash) string {
	return fmt.Sprintf("/suyuan/%s/%s/%d", ledger.NetworkTag(network), p.name, Version)
}

func (p Protocol) has(t Type) bool { return p.first <= t && t <= p.last }

// Append appends the frame of m to dst. It fails on a message that a Reader
// would refuse, so that a mistake of ours shows here and not at the peer.
func (p Protocol) Append(dst []byte, m Message) ([]byte, error) {
	if !p.has(m.Type()) {
		return nil, fmt.Errorf("message type %d does not belong to %s", m.Type(), p.name)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("message type %d: %w", m.Type(), err)
	}
	body, err := encode(m)
	if err != nil {
		return nil, err
	}
	if 1+len(body) > p.limit {
		return nil, fmt.Errorf("message type %d: %d bytes are over the limit of %s", m.Type(), len(body), p.name)
	}
	dst = binary.AppendUvarint(dst, uint64(1+len(body)))
	dst = append(dst, byte(m.Type()))
	return append(dst, body...), nil
}

func encode(m Message) ([]byte, error) {
	if c, ok := m.(*Chunk); ok {
		return c.Data, nil
	}
	return ledger.Marshal(m)
}

// Decode parses type and body of one frame of p.
func (p Protocol) Decode(frame []byte) (Message, error) {
	if len(frame) == 0 || !p.has(Type(frame[0])) {
		return nil, fmt.Errorf("%w: not a message of %s", ErrFrame, p.name)
	}
	t, body := Type(frame[0]), frame[1:]
	m := newMessage(t)
	if m == nil {
		return nil, fmt.Errorf("%w: message type %d does not exist", ErrFrame, t)
	}
	if c, ok := m.(*Chunk); ok {
		c.Data = body
	} else if err := ledger.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: message type %d: %w", ErrFrame, t, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: message type %d: %w", ErrFrame, t, err)
	}
	return m, nil
}

// A Writer writes frames of one protocol. It buffers; see [Writer.Flush]. It is
// not safe for concurrent use.
type Writer struct {
	p   Protocol
	w   *bufio.Writer
	buf []byte
}

// NewWriter returns a Writer of p's frames to w.
func (p Protocol) NewWriter(w io.Writer) *Writer {
	return &Writer{p: p, w: bufio.NewWriterSize(w, 16<<10)}
}

// Write writes the frame of m into the buffer, and to the stream when that is
// full.
func (w *Writer) Write(m Message) error {
	frame, err := w.p.Append(w.buf[:0], m)
	if err != nil {
		return err
	}
	w.buf = frame
	_, err = w.w.Write(frame)
	return err
}

// Flush writes out what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Send writes and flushes.
func (w *Writer) Send(m Message) error {
	if err := w.Write(m); err != nil {
		return err
	}
	return w.Flush()
}

// A Reader reads frames of one protocol. It is not safe for concurrent use.
type Reader struct {
	p Protocol
	r *bufio.Reader
}

// NewReader returns a Reader of p's frames from r.
func (p Protocol) NewReader(r io.Reader) *Reader {
	return &Reader{p: p, r: bufio.NewReaderSize(r, 16<<10)}
}

// Next reads one frame. It returns io.EOF if the stream ends between frames,
// io.ErrUnexpectedEOF if within one, and an error wrapping [ErrFrame] if the
// peer breaks the format. The message owns its bytes.
func (r *Reader) Next() (Message, error) {
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(r.r, frame); err != nil {
		return nil, within(err)
	}
	return r.p.Decode(frame)
}

// length reads a uvarint of at most maxLengthBytes in its shortest form.
func (r *Reader) length() (int, error) {
	n := 0
	for i := range maxLengthBytes {
		b, err := r.r.ReadByte()
		if err != nil {
			if i > 0 {
				err = within(err)
			}
			return 0, err
		}
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i > 0 && b == 0 {
				return 0, fmt.Errorf("%w: length not in its shortest form", ErrFrame)
			}
			if n == 0 || n > r.p.limit {
				return 0, fmt.Errorf("%w: length %d is outside 1 to %d", ErrFrame, n, r.p.limit)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: length over %d", ErrFrame, r.p.limit)
}

// within turns the end of the stream inside a frame into what it is.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
