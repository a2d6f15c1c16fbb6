package replica

import "golang.org/x/time/rate"

// A share is what one member may ask of this node. All its nodes have one
// together, and it does not begin anew with a session.
type share struct {
	requests  *rate.Limiter
	proposals *rate.Limiter
	traffic   *rate.Limiter
	serving   chan struct{} // a token per request being served from the disk
}

// shareOf returns the share of a member.
func (r *Replica) shareOf(member string) *share {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shares[member]
	if s == nil {
		s = &share{
			requests:  rate.NewLimiter(requestsPerSecond, requestBurst),
			proposals: rate.NewLimiter(requestsPerSecond, requestBurst),
			traffic:   rate.NewLimiter(bytesPerSecond, bytesBurst),
			serving:   make(chan struct{}, memberServing),
		}
		r.shares[member] = s
	}
	return s
}
