package protocol

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// heardAlert has evidence judged that a peer sends. False evidence ends the
// session: nobody passes on what does not verify.
func (c *Core) heardAlert(s *session, a *wire.Alert) {
	if c.forked(claimedChain(a.A)) {
		return // one proof is enough
	}
	if len(s.alerts) < maxAlerts {
		s.alerts = append(s.alerts, a)
	}
	c.judge(s)
}

// claimedChain is the chain that a note says it is of, which nobody has verified; 0
// if it says none.
func claimedChain(note []byte) uint32 {
	origin, _, ok := ledger.PeekCheckpoint(note)
	if !ok {
		return 0
	}
	number, err := strconv.ParseUint(origin[strings.LastIndexByte(origin, '/')+1:], 10, 32)
	if err != nil {
		return 0
	}
	return uint32(number)
}

func (c *Core) judge(s *session) {
	if s.judging || len(s.alerts) == 0 || c.now.Before(s.judge) || c.streams[s.stream] != s {
		return
	}
	a := s.alerts[0]
	s.alerts, s.judging = s.alerts[1:], true
	c.do(Judge{Task: c.begin(func(e Event) {
		s.judging = false
		if e := e.(Ended); e.Result != Done || e.Chain == 0 {
			s.judge = c.now.Add(judgeEvery)
		}
		c.judged(s, e.(Ended))
		c.judge(s)
	}), Peer: s.Number, Alert: a})
}

func (c *Core) judged(s *session, e Ended) {
	switch {
	case e.Result == Done && e.Chain == 0:
	case e.Result == Done:
		c.log(slog.LevelError, "fork proven", "chain", e.Chain, "peer", s.Number)
	case e.Result == Invalid && !c.charterBehind() && c.streams[s.stream] == s:
		c.drop(s, "", fmt.Errorf("%w: evidence does not verify: %w", ErrProtocol, e.Err))
	case e.Result != Invalid:
		c.log(slog.LevelError, "evidence not stored", "peer", s.Number, "err", e.Err)
	}
}

// pardon forgets what nodes did about a chain.
func (c *Core) pardon(ch *chain) {
	if c.blame.pardon(ch.Number) {
		c.do(Remember{Offences: c.blame.list()})
	}
}

// accused tells everybody of evidence that is new. Whose entries of that chain did
// not verify may have held the other history.
func (c *Core) accused(ch *chain, before *wire.Alert) {
	if ch.Evidence == nil || before != nil {
		return
	}
	ch.disputed = nil
	c.pardon(ch)
	for _, s := range c.sessions() {
		s.out.alerts[ch.Number] = ch.Evidence
		c.queue(s)
	}
}
