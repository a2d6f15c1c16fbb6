package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// untilGone ends the work on a question when whoever has asked has hung up: nobody is
// there for the answer. fasthttp does not say so, as it does not read while a handler
// runs. What writes goes on: whether it was stored must not depend on the line. What
// is returned is called when the work is done.
func untilGone(c *fiber.Ctx, ctx context.Context, cancel context.CancelFunc) (done func()) {
	if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
		return func() {}
	}
	conn := c.Context().Conn()
	var look func()
	look = func() {
		switch {
		case ctx.Err() != nil:
		case hungUp(conn):
			cancel()
		default:
			time.AfterFunc(hangUpEvery, look)
		}
	}
	first := time.AfterFunc(hangUpEvery, look)
	return func() { first.Stop() }
}
