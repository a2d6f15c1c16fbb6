package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health knows how the node is doing.
type Health interface {
	// Ready returns why the node cannot answer yet, one sentence each; nothing
	// if it can.
	Ready(ctx context.Context) []string

	// Status describes the node for people and programs: something that
	// encoding/json can encode, with what the viewer may see.
	Status(ctx context.Context, viewer Viewer) (any, error)
}

// measures count what the server does.
type measures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMeasures(reg *prometheus.Registry) (*measures, error) {
	m := &measures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "suyuan_http_requests_total",
			Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "suyuan_http_request_seconds",
			Help:    "Time from request to answer, by route.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"route"}),
	}
	if err := reg.Register(m.requests); err != nil {
		return nil, err
	}
	return m, reg.Register(m.seconds)
}

func (m *measures) observe(method, route string, status int, dur time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(dur.Seconds())
}

// getHealth answers while the process can answer at all.
func (s *Server) getHealth(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	return sendJSON(c, fiber.Map{"status": "ok"})
}

// getReady answers 503 with the reasons while the node should get no requests.
func (s *Server) getReady(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	reasons := s.cfg.Health.Ready(c.UserContext())
	if len(reasons) == 0 {
		return sendJSON(c, fiber.Map{"status": "ready"})
	}
	p := struct {
		*Problem
		Reasons []string `json:"reasons"`
	}{NewProblem(http.StatusServiceUnavailable, codeNotReady, reasons[0]), reasons}
	p.Request = requestID(c)
	c.Status(p.Status).Set(fiber.HeaderRetryAfter, "5")
	if err := sendJSON(c, p); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, typeProblem)
	return nil
}

func (s *Server) getStatus(c *fiber.Ctx) error {
	viewer, err := s.viewer(c)
	if err != nil {
		return err
	}
	status, err := s.cfg.Health.Status(c.UserContext(), viewer)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, cacheNever)
	return sendJSON(c, status)
}

// getMetrics shows the metrics to whoever may see them.
func (s *Server) getMetrics() fiber.Handler {
	inner := adaptor.HTTPHandler(promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{}))
	return func(c *fiber.Ctx) error {
		viewer, err := s.viewer(c)
		if err != nil {
			return err
		}
		if !s.cfg.OpenMetrics && viewer.Member == "" && !s.local(c) {
			return NewProblem(http.StatusForbidden, codeLocalOnly, "metrics are for callers on this machine or with a token")
		}
		c.Set(fiber.HeaderCacheControl, cacheNever)
		// A page of anybody's, in a browser on this machine, would be local.
		c.Response().Header.Del(fiber.HeaderAccessControlAllowOrigin)
		return inner(c)
	}
}
