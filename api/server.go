package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"suyuan/api/web"
)

// A Config says what a server serves, and how.
type Config struct {
	Trails    Trails
	Records   Records
	Logs      Logs
	Chains    Chains
	Auth      Auth
	Health    Health
	Documents Documents // nil serves no documents
	Claims    Claims    // nil checks no second codes
	Figures   Figures   // nil counts nothing
	Events    Events    // nil streams no events
	EPCIS     EPCIS     // nil serves no EPCIS

	// BaseURL is the public URL that stands before /01/ in the codes, without a
	// slash at its end. Empty means that it is made from the Host header, for
	// nodes that are reached under several names.
	BaseURL string

	// TrustedProxies may set X-Forwarded-For and X-Forwarded-Proto.
	TrustedProxies []netip.Prefix

	// OpenMetrics shows /metrics to everybody. Otherwise it is for callers on
	// this machine and those with a token: how often codes are scanned is
	// business.
	OpenMetrics bool

	// Local is who callers on a Unix socket are; nil is the public.
	Local *Operator

	Metrics *prometheus.Registry // nil makes one
	Now     func() time.Time     // nil is time.Now
	Log     *slog.Logger         // nil discards
}

func (cfg *Config) check() error {
	var mistakes []error
	for name, missing := range map[string]bool{
		"Trails": cfg.Trails == nil, "Records": cfg.Records == nil, "Logs": cfg.Logs == nil,
		"Chains": cfg.Chains == nil, "Auth": cfg.Auth == nil, "Health": cfg.Health == nil,
	} {
		if missing {
			mistakes = append(mistakes, fmt.Errorf("%s is missing", name))
		}
	}
	if cfg.BaseURL != "" {
		u, err := url.Parse(cfg.BaseURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			mistakes = append(mistakes, fmt.Errorf("base URL %q is not http(s)://host", cfg.BaseURL))
		}
	}
	return errors.Join(mistakes...)
}

// A Server answers HTTP requests. Make it with [New].
type Server struct {
	cfg      Config
	app      *fiber.App
	pages    *web.Pages
	routes   []route
	measures *measures
	absences *limiter // proofs of absence
	failures *limiter // wrong tokens and signatures
	claims   *limiter // second codes
	bodies   *bodies
	openapi  document
	resolver document

	streams   *streams      // of events
	heartbeat time.Duration // how often each says that it is there
}

// New makes a server. All mistakes of the configuration are returned together.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configure api: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	s := &Server{cfg: cfg, streams: newStreams(), heartbeat: heartbeat}
	return s, s.build()
}

func (s *Server) build() (err error) {
	if s.pages, err = web.New(); err != nil {
		return err
	}
	if s.measures, err = newMeasures(s.cfg.Metrics); err != nil {
		return err
	}
	if s.absences, err = newLimiter(absenceEvery, absenceBurst, s.cfg.Now); err != nil {
		return err
	}
	if s.failures, err = newLimiter(failureEvery, failureBurst, s.cfg.Now); err != nil {
		return err
	}
	if s.claims, err = newLimiter(claimEvery, claimBurst, s.cfg.Now); err != nil {
		return err
	}
	s.routes = s.routeTable()
	if s.openapi, err = newDocument(describe(s.routes)); err != nil {
		return err
	}
	if s.resolver, err = newDocument(resolverDescription(s.cfg.BaseURL)); err != nil {
		return err
	}
	s.app = s.newApp()
	return nil
}

// newApp sets Fiber up. Strings that Fiber hands out are valid inside a handler
// only, unless Immutable is set. Forms of several parts are not read before they are
// asked for: anybody could have them written to files.
func (s *Server) newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		Immutable:             true,
		DisableStartupMessage: true,
		CaseSensitive:         true,
		BodyLimit:             maxBodyBytes,
		ReadBufferSize:        readBufferBytes,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           idleTimeout,
		ServerHeader:          "",
		DisableDefaultDate:    false,

		DisablePreParseMultipartForm: true,
		ErrorHandler:                 s.answerError,
	})
	app.Use(s.observe, s.recoverPanic, s.deadline, s.compress())
	for _, r := range s.routes {
		if r.handler == nil {
			continue // described here, served by a wider pattern
		}
		app.Add(r.method, r.fiberPath(), r.handler)
		if r.method == fiber.MethodGet {
			app.Add(fiber.MethodHead, r.fiberPath(), r.handler)
			app.Add(fiber.MethodOptions, r.fiberPath(), s.preflightOf(r))
		}
	}
	inner := app.Server().Handler
	app.Server().Handler = s.refuseAmbiguous(app, inner)
	s.bodies = newBodies(s.bodyOwner, s.cfg.Now)
	s.bodies.guard(app.Server(), func(rc *fasthttp.RequestCtx) { s.refuse(app, rc, tooManyBodies()) })
	return app
}

// preflightOf answers OPTIONS for a route that can be read.
func (s *Server) preflightOf(r route) fiber.Handler {
	if strings.HasPrefix(r.path, epcisPath) {
		return s.discover
	}
	return preflight
}

// Serve answers requests on l until Shutdown, and closes l. It may be called
// for several listeners.
func (s *Server) Serve(l net.Listener) error { return s.app.Listener(l) }

// Shutdown stops accepting, ends the streams of events and waits for requests
// under way, at most until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.EndStreams()
	return s.app.ShutdownWithContext(ctx)
}
