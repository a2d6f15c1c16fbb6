package replica

import (
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"suyuan/node/keeper"
	"suyuan/node/protocol"
)

// drive gives the core its events, one after the other, and has carried out what
// it asks for, until ctx ends. Nothing here waits for anything else.
func (r *Replica) drive(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var list []protocol.Event
		select {
		case <-ctx.Done():
			return
		case e := <-r.events:
			list = append(list, e)
		case <-r.nudge:
			list = r.asked()
		case <-timer.C:
			list = append(list, protocol.Tick{})
		}
		var wake time.Time
		for _, e := range list {
			var actions []protocol.Action
			actions, wake = r.step(e)
			for _, a := range actions {
				r.perform(ctx, a)
			}
		}
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(time.Until(wake), 0))
		}
	}
}

func (r *Replica) step(e protocol.Event) ([]protocol.Action, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	actions := r.core.Step(time.Now(), e)
	return actions, r.core.Wake()
}

// post queues an event for the core. While the queue is full it waits; it gives
// up when ctx ends, and the core with it.
func (r *Replica) post(ctx context.Context, e protocol.Event) {
	select {
	case r.events <- e:
	case <-ctx.Done():
	}
}

// tell hands an event over from outside, whether the replica runs or not. r.mu is
// held.
func (r *Replica) tell(list ...protocol.Event) {
	r.outside = append(r.outside, list...)
	signal(r.nudge)
}

func (r *Replica) asked() []protocol.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.outside
	r.outside = nil
	return list
}

// watch tells the core what the charters say and what is stored, whenever that
// changes, until ctx ends.
func (r *Replica) watch(ctx context.Context) error {
	changed, stop := r.cfg.Store.Watch()
	defer stop()
	r.post(ctx, r.charters())
	held := r.keeper.State()
	r.post(ctx, held)
	version := r.cfg.Store.Network().Newest().Charter.Version
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-r.dirty:
		}
		if v := r.cfg.Store.Network().Newest().Charter.Version; v != version {
			version = v
			if err := r.refresh(); err != nil {
				return err
			}
			r.post(ctx, r.charters())
			held = nil
		}
		now := r.keeper.State()
		if news := keeper.News(held, now); news != nil {
			r.post(ctx, news)
		}
		held = now
	}
}

// perform carries an action out, or begins to.
func (r *Replica) perform(ctx context.Context, a protocol.Action) {
	switch a := a.(type) {
	case protocol.Log:
		r.log.Log(ctx, a.Level, a.Text, a.Attrs...)
	case protocol.Send:
		if s := r.stream(a.Stream); s != nil {
			s.batches <- a.Messages
		}
	case protocol.HangUp:
		if s := r.stream(a.Stream); s != nil {
			s.hangUp(a.Bye)
		}
	case protocol.Admit:
		r.admit(ctx, a)
	case protocol.Dismiss:
		r.dismiss(a)
	case protocol.Answer:
		r.answerTo(a)
	case protocol.Attached:
		r.attached(a)
	case protocol.Remember:
		r.memory.note(a.Offences)
	default:
		r.spawn(func() { r.effect(ctx, a) })
	}
}

// spawn runs do in a goroutine for which Run waits.
func (r *Replica) spawn(do func()) {
	if !r.tasks.enter() {
		return
	}
	go func() {
		defer r.tasks.leave()
		do()
	}()
}

// effect carries out what takes time, and tells the core what became of it.
func (r *Replica) effect(ctx context.Context, a protocol.Action) {
	var e protocol.Event
	switch a := a.(type) {
	case protocol.Dial:
		r.dial(ctx, a)
		return
	case protocol.Cut:
		r.cut(a)
		return
	case protocol.Fetch:
		e = r.fetch(ctx, a)
	case protocol.Disclose:
		e = r.disclose(ctx, a)
	case protocol.FetchCharter:
		e = ended(a.Task, r.takeCharter(ctx, a))
	case protocol.FetchBlob:
		e = ended(a.Task, r.takeBlob(ctx, a))
	case protocol.Keep:
		result, err := r.keeper.Keep(ctx, a.Chain, a.Note)
		e = protocol.Ended{Task: a.Task, Result: result, Err: err}
	case protocol.Judge:
		e = r.judge(ctx, a)
	case protocol.CheckAddress:
		e = protocol.AddressChecked{Task: a.Task, OK: r.takeAddr(a.Statement)}
	case protocol.Sign:
		signed := r.keeper.Sign(ctx)
		signed.Task = a.Task
		e = signed
	case protocol.Propose:
		e = r.propose(ctx, a)
	case protocol.Publish:
		note, final, err := r.keeper.Publish(ctx, a.Note, a.Lines)
		e = protocol.Published{Task: a.Task, Note: note, Final: final, Err: err}
	case protocol.Cosign:
		cosigned := r.keeper.Cosign(ctx, a.Note)
		cosigned.Task = a.Task
		e = cosigned
	case protocol.Release:
		e = ended(a.Task, r.cfg.Store.ReleaseWitness())
	}
	signal(r.dirty) // the store tells of most changes, but not of its right to sign
	r.post(ctx, e)
}

// ended is how a task ended, by its error.
func ended(t protocol.Task, err error) protocol.Ended {
	e := protocol.Ended{Task: t, Result: protocol.Trouble, Err: err}
	var busy *busyError
	var of *resultError
	switch {
	case err == nil:
		e.Result = protocol.Done
	case errors.As(err, &of):
		e.Result = of.result
	case errors.Is(err, errInvalid):
		e.Result = protocol.Invalid
	case errors.As(err, &busy):
		e.Result, e.Wait = protocol.Busy, uint32(busy.wait.Milliseconds())
	case errors.Is(err, errNotHeld), errors.Is(err, ErrNoHolder):
		e.Result = protocol.NotHeld
	case errors.Is(err, errLine):
		e.Result = protocol.Broken
	}
	return e
}

func (r *Replica) judge(ctx context.Context, a protocol.Judge) protocol.Event {
	chain, fresh, result, err := r.keeper.Judge(ctx, a.Alert)
	if !fresh {
		chain = 0
	}
	return protocol.Ended{Task: a.Task, Result: result, Err: err, Chain: chain}
}

// cut ends the connections with a node that the gate does not let in any more.
func (r *Replica) cut(a protocol.Cut) {
	id, err := peer.Decode(a.ID)
	if err == nil {
		err = r.host.Network().ClosePeer(id)
	}
	if err != nil {
		r.log.Debug("connection not closed", "peer", a.ID, "err", err)
	}
}

// answerTo gives the core's answer to the handler that waits for it.
func (r *Replica) answerTo(a protocol.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reply := r.proposals[a.Request]; reply != nil {
		reply <- a.Message
		delete(r.proposals, a.Request)
	}
}

// nextID numbers streams and whatever waits for the core. r.mu is held.
func (r *Replica) nextID() uint64 {
	r.lastID++
	return r.lastID
}
