package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"suyuan/ledger"
)

// Blobs keeps attachments: documents and packs. Each is a file named by the
// lower-case hex of its SHA-256, in a folder named by the first two digits, with
// a second file beside it, <name>.audience, that says in one line who may have
// it: "public", "members", "parties a b" or "own". Both are fsynced before Put
// returns. Files in the folder "incoming" are not complete. All methods are safe
// for concurrent use.
type Blobs struct {
	dir   string
	limit int64 // MaxBlobBytes; less in tests
	given *disk // the room that must be left where this node is given a file
	found *disk // and where it fetches one that others name

	mu     sync.Mutex           // held while a file gets or loses its name; guards erased
	erased map[ledger.Hash]bool // what Erase took away since the folder was opened
}

// An Audience says who may have a blob. Of the audiences of disclosures, Public,
// Members, Parties and Own exist here.
type Audience struct {
	Of      ledger.Audience
	Parties []string // members, ascending; with ledger.Parties only
}

// VisibleTo reports whether the given member may have the blob; author is the
// member on whose node it was made.
func (a Audience) VisibleTo(member, author string) bool {
	d := ledger.Disclosure{Audience: a.Of, Parties: a.Parties}
	return d.VisibleTo(member, author)
}

func (a Audience) String() string {
	return strings.Join(append([]string{a.Of.String()}, a.Parties...), " ")
}

// ParseAudience parses the form of String.
func ParseAudience(text string) (Audience, error) {
	words := strings.Split(text, " ")
	var a Audience
	for _, of := range []ledger.Audience{ledger.Public, ledger.Members, ledger.Parties, ledger.Own} {
		if words[0] == of.String() {
			a.Of = of
		}
	}
	a.Parties = words[1:]
	if len(a.Parties) == 0 {
		a.Parties = nil
	}
	return a, a.check()
}

func (a Audience) check() error {
	switch a.Of {
	case ledger.Public, ledger.Members, ledger.Parties, ledger.Own:
	default:
		return fmt.Errorf("audience %q is none of public, members, parties, own", a.Of)
	}
	if (a.Of == ledger.Parties) != (len(a.Parties) > 0) {
		return errors.New("members are listed for the audience parties, and only there")
	}
	for i, p := range a.Parties {
		if err := ledger.CheckSlug(p); err != nil {
			return err
		}
		if i > 0 && a.Parties[i-1] >= p {
			return errors.New("the members of an audience do not ascend")
		}
	}
	return nil
}

// A BlobInfo describes a stored blob.
type BlobInfo struct {
	Digest   ledger.Hash
	Size     int64
	Audience Audience
}

const (
	incoming       = "incoming"
	audienceSuffix = ".audience"
)

// OpenBlobs opens the folder, makes it if there is none, and removes what was
// left unfinished an hour ago or more. Younger files may be those of a running
// node, beside which a command opens the folder too.
func OpenBlobs(dir string) (*Blobs, error) {
	b := &Blobs{
		dir: dir, limit: MaxBlobBytes, erased: make(map[ledger.Hash]bool),
		given: newDisk(dir, minFreeGiven), found: newDisk(dir, minFreeFound),
	}
	if err := os.MkdirAll(filepath.Join(dir, incoming), 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if err := errors.Join(syncDir(dir), syncDir(filepath.Dir(dir))); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if err := b.removeAbandoned(time.Now().Add(-time.Hour)); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return b, nil
}

func (b *Blobs) removeAbandoned(before time.Time) error {
	names, err := filepath.Glob(filepath.Join(b.dir, incoming, "*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil || fi.ModTime().After(before) {
			continue // it has been finished meanwhile, or is being written
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Put stores what r gives and returns its digest. A blob that is stored already
// keeps its audience. ErrTooLarge if it has more than MaxBlobBytes, ErrFull if the
// ledger needs the room that is left.
func (b *Blobs) Put(ctx context.Context, r io.Reader, a Audience) (ledger.Hash, error) {
	return b.put(ctx, r, a, nil)
}

// PutDigest stores what r gives if it has the digest; ErrConflict if it has not,
// ErrNotFound if Erase took it away while it was being fetched, ErrFull while the
// room that is left is for the ledger and for files of this node: what other members
// name must not keep it from writing.
func (b *Blobs) PutDigest(ctx context.Context, digest ledger.Hash, r io.Reader, a Audience) error {
	_, err := b.put(ctx, r, a, &digest)
	return err
}

func (b *Blobs) put(ctx context.Context, r io.Reader, a Audience, want *ledger.Hash) (digest ledger.Hash, err error) {
	if err := a.check(); err != nil {
		return digest, fmt.Errorf("store blob: %w", err)
	}
	room := b.given
	if want != nil {
		room = b.found
	}
	if err := room.room(); err != nil {
		return digest, fmt.Errorf("store blob: %w", err)
	}
	f, err := os.CreateTemp(filepath.Join(b.dir, incoming), "*")
	if err != nil {
		return digest, fmt.Errorf("store blob: %w", err)
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	digest, err = fill(ctx, f, &roomReader{r: r, room: room}, b.limit)
	if err = errors.Join(err, f.Close()); err != nil {
		return digest, fmt.Errorf("store blob: %w", err)
	}
	if want != nil && digest != *want {
		return digest, fmt.Errorf("store blob %s: its content has the digest %s: %w", *want, digest, ErrConflict)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.erased[digest] && want != nil {
		return digest, fmt.Errorf("store blob %s: it was erased: %w", digest, ErrNotFound)
	}
	delete(b.erased, digest) // somebody has given it anew
	if b.Has(digest) {
		return digest, nil
	}
	if err := b.keep(f.Name(), digest, a); err != nil {
		return digest, fmt.Errorf("store blob %s: %w", digest, err)
	}
	return digest, nil
}

// fill copies r to f, fsyncs f and returns the digest.
func fill(ctx context.Context, f *os.File, r io.Reader, limit int64) (digest ledger.Hash, err error) {
	sum := sha256.New()
	limited := io.LimitReader(&readerUntil{ctx, r}, limit+1)
	n, err := io.Copy(io.MultiWriter(f, sum), limited)
	if err != nil {
		return digest, err
	}
	if n > limit {
		return digest, fmt.Errorf("over %d bytes: %w", limit, ErrTooLarge)
	}
	return ledger.Hash(sum.Sum(nil)), f.Sync()
}

// A roomReader ends with ErrFull when there is too little room for what it reads.
type roomReader struct {
	r    io.Reader
	room *disk
	n    int // bytes since that was looked at
}

func (r *roomReader) Read(p []byte) (int, error) {
	if r.n >= lookForRoom {
		if err := r.room.room(); err != nil {
			return 0, err
		}
		r.n = 0
	}
	n, err := r.r.Read(p)
	r.n += n
	return n, err
}

// readerUntil ends with the context.
type readerUntil struct {
	ctx context.Context
	r   io.Reader
}

func (r *readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// keep moves a complete file to its name. The audience comes first, so that no
// blob is ever without one.
func (b *Blobs) keep(temp string, digest ledger.Hash, a Audience) error {
	path := b.path(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := syncDir(b.dir); err != nil {
		return err
	}
	if err := replaceFile(path+audienceSuffix, []byte(a.String())); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (b *Blobs) path(digest ledger.Hash) string {
	name := digest.String()
	return filepath.Join(b.dir, name[:2], name)
}

// Has reports whether the blob is stored.
func (b *Blobs) Has(digest ledger.Hash) bool {
	_, err := os.Stat(b.path(digest))
	return err == nil
}

// Stat describes a stored blob. ErrNotFound if it is not there.
func (b *Blobs) Stat(digest ledger.Hash) (BlobInfo, error) {
	fi, err := os.Stat(b.path(digest))
	if err != nil {
		return BlobInfo{}, blobError(digest, err)
	}
	text, err := os.ReadFile(b.path(digest) + audienceSuffix)
	if err != nil {
		return BlobInfo{}, blobError(digest, err)
	}
	a, err := ParseAudience(string(text))
	if err != nil {
		return BlobInfo{}, blobError(digest, err)
	}
	return BlobInfo{Digest: digest, Size: fi.Size(), Audience: a}, nil
}

func blobError(digest ledger.Hash, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	return fmt.Errorf("blob %s: %w", digest, err)
}

// Open opens a stored blob for reading. ErrNotFound if it is not there. The
// content is not hashed again: receivers do that, and [ledger.Verify].
func (b *Blobs) Open(digest ledger.Hash) (*os.File, error) {
	f, err := os.Open(b.path(digest))
	if err != nil {
		return nil, blobError(digest, err)
	}
	return f, nil
}

// Erase removes a blob, durably, and keeps it from coming back through a PutDigest
// that is under way, until Put or Allow. One that is not there is no error.
func (b *Blobs) Erase(digest ledger.Hash) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erased[digest] = true
	path := b.path(digest)
	for _, name := range []string{path, path + audienceSuffix} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("erase blob %s: %w", digest, err)
		}
	}
	if err := syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("erase blob %s: %w", digest, err)
	}
	return nil
}

// Allow lets PutDigest store a blob that Erase took away: another record names it.
func (b *Blobs) Allow(digest ledger.Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.erased, digest)
}

// SetAudience changes who may have a stored blob.
func (b *Blobs) SetAudience(digest ledger.Hash, a Audience) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("blob %s: %w", digest, err)
	}
	if !b.Has(digest) {
		return blobError(digest, fs.ErrNotExist)
	}
	return replaceFile(b.path(digest)+audienceSuffix, []byte(a.String()))
}

// List describes all stored blobs, ascending by digest.
func (b *Blobs) List() ([]BlobInfo, error) {
	digests, err := b.digests()
	if err != nil {
		return nil, err
	}
	list := make([]BlobInfo, len(digests))
	for i, digest := range digests {
		if list[i], err = b.Stat(digest); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// digests are the names of all stored blobs, ascending.
func (b *Blobs) digests() ([]ledger.Hash, error) {
	names, err := filepath.Glob(filepath.Join(b.dir, "??", "*"))
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	var list []ledger.Hash
	for _, name := range names {
		if digest, err := ledger.ParseHash(filepath.Base(name)); err == nil {
			list = append(list, digest) // else an audience, or nothing of ours
		}
	}
	slices.SortFunc(list, func(x, y ledger.Hash) int { return bytes.Compare(x[:], y[:]) })
	return list, nil
}
