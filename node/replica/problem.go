package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"

	"suyuan/node/protocol"
)

// explain says in words why a member's node is not connected, and what to do
// about it. addrs is how many addresses are known for it. An error of an attempt
// at several addresses has several causes; the one that says most about where to
// look is named.
func explain(err error, member string, addrs int) (problem, advice string) {
	var mismatch sec.ErrPeerIDMismatch
	var name *net.DNSError
	switch {
	case addrs == 0:
		return "no address of it is known",
			"wait until it dials; if it cannot be dialled either, a member with a public address has to be connected, through which both are reached"
	case err == nil:
		return "", ""
	case errors.Is(err, protocol.ErrTurnedAway):
		return err.Error(), fmt.Sprintf("compare charters: suyuan charter show here and at %s must agree", member)
	case errors.Is(err, ErrRefused):
		return err.Error(), fmt.Sprintf("compare charters and versions of the program with %s", member)
	case errors.As(err, &mismatch):
		return "another key answers at its address", fmt.Sprintf("ask %s which node listens there; the charter names the peer id", member)
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s is not found", name.Name), fmt.Sprintf("look whether DNS works here; ask %s whether the name is right", member)
	case errors.Is(err, network.ErrResourceLimitExceeded):
		return "it has too many connections to take another", "wait; if it stays so, look for a process that connects again and again"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at its address", fmt.Sprintf("ask %s whether its node runs and listens on the port in the charter", member)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EPERM):
		return "there is no way to its address", "look at this machine's network and firewall"
	case errors.Is(err, protocol.ErrSilent), isTimeout(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, swarm.ErrDialTimeout):
		return "it does not answer", fmt.Sprintf("look whether this machine reaches others; ask %s whether its node runs and its firewall lets the port in the charter through, TCP and UDP", member)
	case errors.Is(err, protocol.ErrLeft):
		return err.Error(), fmt.Sprintf("it comes back by itself; if not, ask %s whether its node runs", member)
	}
	return "the connection broke", fmt.Sprintf("it is tried again; if it stays so, ask %s whether its node runs", member)
}
