package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
	"suyuan/trace/stock"
)

// Figures counts items and lists findings, of what is final. All is for members,
// since records name their subjects to members only. Refusals are Problems: 400
// "bad-question" or "not-final", 503 "still-counting" where the first count of many
// records takes longer than one request may; the next goes on from there; 503
// "not-ready" while the node still reads what has arrived; and 429
// "too-many-questions" for who has too many under way.
type Figures interface {
	// Inventory adds up how things stand, or how goods moved.
	Inventory(ctx context.Context, q stock.Question) (*stock.Inventory, error)

	// Prints says of each run where its codes are.
	Prints(ctx context.Context, q stock.Question) (*stock.Prints, error)

	// Lots says how much of lots without serials parties have, as far as the viewer
	// may know it.
	Lots(ctx context.Context, q stock.Question, viewer Viewer) (*stock.Lots, error)

	// Findings lists the findings that the viewer may see.
	Findings(ctx context.Context, q stock.FindingQuestion, viewer Viewer) (*stock.Findings, error)
}

const codeNoFigures = "no-figures"

// figures returns what answers questions, and the caller, who must be of a member.
func (s *Server) figures(c *fiber.Ctx) (Figures, *Operator, error) {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAuthorization)
	op, err := s.operator(c, ScopeRead)
	if err == nil && s.cfg.Figures == nil {
		err = NewProblem(http.StatusNotFound, codeNoFigures, "this node counts nothing")
	}
	return s.cfg.Figures, op, err
}

// viewerOf is on whose behalf an operator reads.
func viewerOf(op *Operator) Viewer {
	if op.Party != "" {
		return Viewer{Party: op.Member + "/" + op.Party}
	}
	return Viewer{Member: op.Member}
}

// askerOf tells those apart who take turns when they ask for figures: a party with
// all its operators is one, and each other operator.
func askerOf(op *Operator) string {
	if op.Party != "" {
		return viewerOf(op).Party
	}
	if op.Address == (ledger.Address{}) {
		return "" // a command on the node's machine
	}
	return op.Address.String()
}

func (s *Server) getInventory(c *fiber.Ctx) error { return s.answerFigures(c, false, false) }

func (s *Server) getUnits(c *fiber.Ctx) error { return s.answerFigures(c, false, true) }

func (s *Server) getMovements(c *fiber.Ctx) error { return s.answerFigures(c, true, false) }

func (s *Server) answerFigures(c *fiber.Ctx, moves, units bool) error {
	figures, op, err := s.figures(c)
	if err != nil {
		return err
	}
	q, err := parseQuestion(c, moves)
	if err != nil {
		return err
	}
	q.Party, q.Units, q.Who = viewerOf(op).Party, units, askerOf(op)
	answer, err := figures.Inventory(c.UserContext(), *q)
	if err != nil {
		return err
	}
	return sendJSON(c, answer)
}

func (s *Server) getPrints(c *fiber.Ctx) error {
	figures, op, err := s.figures(c)
	if err != nil {
		return err
	}
	if op.Party != "" {
		return NewProblem(http.StatusForbidden, codeScope, "where codes are printed is for members, not for one party")
	}
	q, err := parseRuns(c)
	if err != nil {
		return err
	}
	q.Who = askerOf(op)
	answer, err := figures.Prints(c.UserContext(), *q)
	if err != nil {
		return err
	}
	return sendJSON(c, answer)
}

func (s *Server) getLots(c *fiber.Ctx) error {
	figures, op, err := s.figures(c)
	if err != nil {
		return err
	}
	q, err := parseLots(c)
	if err != nil {
		return err
	}
	q.Who = askerOf(op)
	answer, err := figures.Lots(c.UserContext(), *q, viewerOf(op))
	if err != nil {
		return err
	}
	return sendJSON(c, answer)
}

func (s *Server) getFindings(c *fiber.Ctx) error {
	figures, op, err := s.figures(c)
	if err != nil {
		return err
	}
	q, err := parseFindingQuestion(c)
	if err != nil {
		return err
	}
	q.Who = askerOf(op)
	answer, err := figures.Findings(c.UserContext(), *q, viewerOf(op))
	if err != nil {
		return err
	}
	return sendJSON(c, answer)
}

// parseQuestion reads by, filters, cut and page. A parameter that does not exist
// is refused: a filter with a typing error would give wrong figures.
func parseQuestion(c *fiber.Ctx, moves bool) (*stock.Question, error) {
	dims := stock.Dims
	if moves {
		dims = stock.MoveDims
	}
	r := reading{c: c, known: []string{"by", "at", "as_of", "after", "limit"}}
	q, err := r.question(dims...)
	q.Moves = moves
	return q, err
}

// parseRuns reads a question about whole runs.
func parseRuns(c *fiber.Ctx) (*stock.Question, error) {
	r := reading{c: c, known: []string{"at", "as_of", "after", "limit"}}
	return r.question(stock.ByProduct)
}

// parseLots reads a question about lots.
func parseLots(c *fiber.Ctx) (*stock.Question, error) {
	r := reading{c: c, known: []string{"by", "at", "as_of", "after", "limit"}}
	return r.question(stock.ByProduct, stock.ByLot, stock.ByParty)
}

func parseFindingQuestion(c *fiber.Ctx) (*stock.FindingQuestion, error) {
	r := reading{c: c, known: []string{"code", "severity", "member", "product", "from", "to", "at", "as_of", "after", "limit"}}
	q := &stock.FindingQuestion{Codes: r.all("code"), Severities: r.all("severity"), Members: r.all("member"), Products: r.all("product"),
		From: r.time("from"), To: r.time("to")}
	q.Time, q.AsOf = r.cut()
	q.After, q.Limit = r.page()
	return q, r.end()
}

// A reading reads the parameters of a query and keeps the first mistake.
type reading struct {
	c     *fiber.Ctx
	known []string
	err   error
}

func (r *reading) wrong(name, detail string) {
	if r.err == nil {
		p := NewProblem(http.StatusBadRequest, codeParameter, detail)
		p.Field = name
		r.err = p
	}
}

// all returns the values of a parameter that may stand several times.
func (r *reading) all(name string) []string {
	var list []string
	for _, v := range r.c.Context().QueryArgs().PeekMulti(name) {
		list = append(list, string(v))
	}
	if len(list) > maxPage {
		r.wrong(name, "there are too many values of "+name)
	}
	return list
}

// list returns values with commas between them.
func (r *reading) list(name string) []string {
	v := r.c.Query(name)
	if v == "" {
		return nil
	}
	return strings.Split(v, ",")
}

// time returns milliseconds, 0 for a parameter that is not there.
func (r *reading) time(name string) int64 {
	v := r.c.Query(name)
	if v == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || t.UnixMilli() <= 0 {
		r.wrong(name, "the parameter "+name+" must be a time as in RFC 3339, for example 2026-03-01T00:00:00Z")
		return 0
	}
	return t.UnixMilli()
}

// cut reads at which state of the records is asked.
func (r *reading) cut() (at int64, asOf map[string]uint64) {
	at = r.time("at")
	for _, part := range r.list("as_of") {
		chain, size, _ := strings.Cut(part, ":")
		n, err := strconv.ParseUint(size, 10, 64)
		if err != nil || len(asOf) > maxPage {
			r.wrong("as_of", "the parameter as_of must be chains with their sizes, for example wh/2:120,brand/1:44")
			return 0, nil
		}
		if asOf == nil {
			asOf = make(map[string]uint64)
		}
		asOf[chain] = n
	}
	if at != 0 && asOf != nil {
		r.wrong("as_of", "at and as_of exclude each other")
	}
	return at, asOf
}

func (r *reading) page() (after string, limit int) {
	n, err := number(r.c, "limit", maxPage, 1, maxPage)
	if err != nil && r.err == nil {
		r.err = err
	}
	return r.c.Query("after"), int(n)
}

// question reads a question that can be kept to values of some dimensions. Who may
// not tell figures apart has no by among what is known.
func (r *reading) question(dims ...stock.Dim) (*stock.Question, error) {
	q := &stock.Question{Values: make(map[stock.Dim][]string)}
	for _, d := range dims {
		r.known = append(r.known, string(d))
		if list := r.all(string(d)); len(list) > 0 {
			q.Values[d] = list
		}
	}
	for _, d := range r.list("by") {
		q.By = append(q.By, stock.Dim(d))
	}
	q.Time, q.AsOf = r.cut()
	q.After, q.Limit = r.page()
	return q, r.end()
}

// end returns the first mistake; a parameter that nobody has read is one.
func (r *reading) end() error {
	for key := range r.c.Context().QueryArgs().All() {
		if name := string(key); !slices.Contains(r.known, name) {
			r.wrong(name, "there is no parameter "+name)
		}
	}
	return r.err
}

// ScanReports is implemented by a [Config.Figures] that counts scans too.
type ScanReports interface {
	// ScanReport returns where codes are scanned, as JSON, with up to so many of
	// those that are most likely to have been copied: by what this node counted and
	// others told it, or only nodes of some members. It is for members.
	ScanReport(ctx context.Context, suspects int, members []string) (any, error)
}

func (s *Server) getScanReport(c *fiber.Ctx) error {
	figures, op, err := s.figures(c)
	if err != nil {
		return err
	}
	if op.Party != "" {
		return NewProblem(http.StatusForbidden, codeScope, "where codes are scanned is for members, not for one party")
	}
	reports, ok := figures.(ScanReports)
	if !ok {
		return NewProblem(http.StatusNotFound, codeNoFigures, "this node counts no scans")
	}
	r := reading{c: c, known: []string{"limit", "member"}}
	_, limit := r.page()
	members := r.all("member")
	if err := r.end(); err != nil {
		return err
	}
	report, err := reports.ScanReport(c.UserContext(), limit, members)
	if err != nil {
		return err
	}
	return sendJSON(c, report)
}
