package reward

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sync/errgroup"

	"suyuan/ledger/store/badgerdb"
)

// Config says where rewards are kept and where they go.
type Config struct {
	Dir      string // made if it does not exist; "" keeps rewards in memory
	Receiver Receiver
	Judge    Judge
	Now      func() time.Time // nil is time.Now
	Log      *slog.Logger     // nil discards
}

// Errors that callers decide on.
var (
	// ErrNotFound: there is no such reward.
	ErrNotFound = errors.New("no such reward")
	// ErrNotFailed: a reward that has not failed is not sent anew.
	ErrNotFailed = errors.New("the reward has not failed")
	// ErrDamaged is wrapped by errors about what stands in the directory.
	ErrDamaged = errors.New("the directory of rewards is damaged")
)

// An Outbox keeps rewards until they are delivered. Make it with [Open]; it is
// safe for concurrent use, but for Run, of which one may run at a time.
type Outbox struct {
	cfg    Config
	db     *badger.DB
	sender *sender
	wake   chan struct{} // holds a token when there may be something new to look at

	// changing is held while a reward is read and written, so that somebody who
	// has it sent anew and the loop do not undo each other's work.
	changing sync.Mutex

	mu     sync.Mutex // guards counts
	counts map[State]int
}

// Open opens the directory, which one process may have open at a time.
func Open(cfg Config) (*Outbox, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s, err := newSender(&cfg.Receiver, cfg.Now)
	if err != nil {
		return nil, fmt.Errorf("open rewards: %w", err)
	}
	db, err := badgerdb.Open(badgerOptions(cfg))
	if err != nil {
		return nil, fmt.Errorf("open rewards: %w", err)
	}
	o := &Outbox{cfg: cfg, db: db, sender: s, wake: make(chan struct{}, 1), counts: make(map[State]int)}
	err = o.checkFormat()
	if err == nil {
		err = o.each(nil, func(r *Reward) bool { o.counts[r.State]++; return true })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open rewards: %w", err), db.Close())
	}
	return o, nil
}

// badgerOptions: few and small values, each write on the disk when it returns.
func badgerOptions(cfg Config) badger.Options {
	return badger.DefaultOptions(cfg.Dir).
		WithInMemory(cfg.Dir == "").
		WithLogger(badgerLog{cfg.Log}).
		WithSyncWrites(true).
		WithDetectConflicts(false). // changing serializes
		WithMetricsEnabled(false).
		WithNumCompactors(2).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithBlockCacheSize(4 << 20).
		WithValueLogFileSize(16 << 20)
}

func (o *Outbox) checkFormat() error {
	return o.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(formatKey())
		if errors.Is(err, badger.ErrKeyNotFound) {
			return txn.Set(formatKey(), binary.BigEndian.AppendUint32(nil, format))
		}
		if err != nil {
			return err
		}
		return item.Value(func(v []byte) error {
			if len(v) != 4 || binary.BigEndian.Uint32(v) != format {
				return fmt.Errorf("%w: format %x", ErrDamaged, v)
			}
			return nil
		})
	})
}

// Close closes the directory. Run must have ended.
func (o *Outbox) Close() error {
	o.sender.close()
	return o.db.Close()
}

// Read returns up to where a chain has been read: what Add was given last.
func (o *Outbox) Read(chain uint32) (entries uint64, err error) {
	err = o.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(readKey(chain))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return item.Value(func(v []byte) error {
			if len(v) != 8 {
				return fmt.Errorf("%w: %d bytes where a position is", ErrDamaged, len(v))
			}
			entries = binary.BigEndian.Uint64(v)
			return nil
		})
	})
	return entries, err
}

// Add takes rewards over and notes up to where a chain has been read, in one
// durable step. A reward that is there stays as it is.
func (o *Outbox) Add(chain uint32, read uint64, rewards []Reward) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	fresh := make(map[ID]bool)
	err := o.db.Update(func(txn *badger.Txn) error {
		for i := range rewards {
			r := rewards[i]
			if _, err := txn.Get(rewardKey(r.Claim)); !errors.Is(err, badger.ErrKeyNotFound) {
				if err != nil {
					return err
				}
				continue
			}
			fresh[r.Claim] = true
			r.State, r.Next = Waiting, r.ClaimedAt.Add(firstLook)
			if err := put(txn, &r); err != nil {
				return err
			}
		}
		return txn.Set(readKey(chain), binary.BigEndian.AppendUint64(nil, read))
	})
	if err == nil && len(fresh) > 0 {
		o.count(Waiting, len(fresh))
		o.Wake()
	}
	return err
}

// Wake has Run look now at what is to be looked at.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// put writes a reward that stood nowhere in the order of time.
func put(txn *badger.Txn, r *Reward) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := txn.Set(rewardKey(r.Claim), value); err != nil || r.State.done() {
		return err
	}
	return txn.Set(orderKey(r.Next, r.Claim), nil)
}

func get(txn *badger.Txn, id ID) (*Reward, error) {
	item, err := txn.Get(rewardKey(id))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return decode(item)
}

func decode(item *badger.Item) (*Reward, error) {
	r := new(Reward)
	err := item.Value(func(v []byte) error {
		if err := json.Unmarshal(v, r); err != nil {
			return fmt.Errorf("%w: reward %x: %w", ErrDamaged, item.Key()[1:], err)
		}
		return nil
	})
	return r, err
}

// change reads a reward, has it changed and writes it back, durably. Nothing is
// written if change returns an error.
func (o *Outbox) change(id ID, change func(*Reward) error) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	var was, is State
	err := o.db.Update(func(txn *badger.Txn) error {
		r, err := get(txn, id)
		if err != nil {
			return err
		}
		was = r.State
		before := orderKey(r.Next, id)
		if err := change(r); err != nil {
			return err
		}
		if err := txn.Delete(before); err != nil {
			return err
		}
		is = r.State
		return put(txn, r)
	})
	if err == nil {
		o.count(was, -1)
		o.count(is, 1)
	}
	return err
}

func (o *Outbox) count(s State, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[s] += n
}

// Get returns the reward for a claim. The error is ErrNotFound if there is none.
func (o *Outbox) Get(id ID) (r *Reward, err error) {
	err = o.db.View(func(txn *badger.Txn) error {
		r, err = get(txn, id)
		return err
	})
	return r, err
}

// Again has a reward that has failed sent anew.
func (o *Outbox) Again(id ID) error {
	err := o.change(id, func(r *Reward) error {
		if r.State != Failed {
			return ErrNotFailed
		}
		r.again(o.cfg.Now())
		return nil
	})
	if err == nil {
		o.Wake()
	}
	return err
}

// List returns rewards in the order of their ids, those after one, of one state or,
// if state is empty, of all; at most limit, which is at most MaxList.
func (o *Outbox) List(state State, after *ID, limit int) ([]Reward, error) {
	limit = min(limit, MaxList)
	list := []Reward{}
	err := o.each(after, func(r *Reward) bool {
		if state == "" || r.State == state {
			list = append(list, *r)
		}
		return len(list) < limit
	})
	return list, err
}

// Count returns how many rewards are in each state.
func (o *Outbox) Count() map[State]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.counts)
}

// each visits the rewards after one until visit returns false.
func (o *Outbox) each(after *ID, visit func(*Reward) bool) error {
	return o.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 100, Prefix: []byte{tagReward}})
		defer it.Close()
		from := []byte{tagReward}
		if after != nil {
			from = append(rewardKey(*after), 0)
		}
		for it.Seek(from); it.Valid(); it.Next() {
			r, err := decode(it.Item())
			if err != nil || !visit(r) {
				return err
			}
		}
		return nil
	})
}

// next returns the ids of rewards that are to be looked at now, the longest
// waiting first, and when the one after them is, zero if there is none.
func (o *Outbox) next(now time.Time, limit int) (ids []ID, then time.Time, err error) {
	err = o.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{tagOrder}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			at, id, ok := parseOrderKey(it.Item().Key())
			if !ok {
				return fmt.Errorf("%w: key %x", ErrDamaged, it.Item().Key())
			}
			if at.After(now) || len(ids) == limit {
				then = at
				return nil
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids, then, err
}

// Run judges and sends until ctx ends. It returns an error only if the directory
// fails it.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		ids, then, err := o.next(o.cfg.Now(), 4*parallel)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			if err := o.workOn(ctx, ids); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		if !o.rest(ctx, then) {
			return nil
		}
	}
}

// rest waits until then, for ever if that is zero, or until something is new. It
// returns false when ctx ends.
func (o *Outbox) rest(ctx context.Context, then time.Time) bool {
	var timer <-chan time.Time
	if !then.IsZero() {
		t := time.NewTimer(max(then.Sub(o.cfg.Now()), time.Millisecond))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-o.wake:
	case <-timer:
	}
	return true
}

func (o *Outbox) workOn(ctx context.Context, ids []ID) error {
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, id := range ids {
		g.Go(func() error { return o.step(ctx, id) })
	}
	return g.Wait()
}

// step looks at one reward. When ctx ends during an attempt, the attempt is as if
// it had not been: what the receiver has made of it nobody knows, and it gets the
// same message again.
func (o *Outbox) step(ctx context.Context, id ID) error {
	r, err := o.Get(id)
	if err != nil {
		return err
	}
	if r.State == Due {
		err := o.sender.send(ctx, id, r.Body)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			o.cfg.Log.Warn("reward not delivered", "record", id, "n", r.Attempts+1, "err", err)
		}
		return o.change(id, func(r *Reward) error { r.attempted(err, o.cfg.Now()); return nil })
	}
	j, err := o.cfg.Judge(ctx, r)
	if ctx.Err() != nil {
		return nil
	}
	return o.change(id, func(r *Reward) error {
		if err != nil {
			o.cfg.Log.Warn("reward not judged", "record", id, "err", err)
			r.Next = o.cfg.Now().Add(askAgain)
			return nil
		}
		return r.judged(j, o.cfg.Now())
	})
}

// badgerLog passes Badger's log on: its Info is our Debug.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(format string, args ...any) {
	l.log.Error("badger", "err", line(format, args))
}
func (l badgerLog) Warningf(format string, args ...any) {
	l.log.Warn("badger", "err", line(format, args))
}
func (l badgerLog) Infof(format string, args ...any) {
	l.log.Debug("badger", "msg", line(format, args))
}

// Debugf says nothing: Badger calls it for each write.
func (l badgerLog) Debugf(string, ...any) {}

func line(format string, args []any) string { return strings.TrimSpace(fmt.Sprintf(format, args...)) }
