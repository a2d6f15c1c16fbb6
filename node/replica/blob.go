package replica

import (
	"context"

	"suyuan/node/wire"
)

type want struct{}

func (r *Replica) collectBlobs(ctx context.Context) {}

func (r *Replica) answerBlob(s *session, q *wire.GetBlob, a *answer) error {
	return a.finish(&wire.End{Status: wire.StatusNotFound})
}
