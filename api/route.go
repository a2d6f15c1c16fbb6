package api

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/gofiber/fiber/v2"

	"suyuan/trace/stock"
)

// A route is one line of the surface: what is served, and what /openapi.json
// says about it.
type route struct {
	method  string
	path    string // as OpenAPI writes it: /a/{b}; {b...} takes the rest
	summary string
	query   []param
	takes   []string // content types of the body
	gives   []string // content types of the answer
	status  int      // of success; 0 is 200
	token   bool     // takes a bearer token
	handler fiber.Handler
}

// A param is a parameter of the query.
type param struct {
	name, about string
	required    bool
}

var braces = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)

// fiberPath writes the path as Fiber does.
func (r route) fiberPath() string {
	return braces.ReplaceAllStringFunc(r.path, func(s string) string {
		m := braces.FindStringSubmatch(s)
		if m[2] != "" {
			return "*"
		}
		return ":" + m[1]
	})
}

const (
	typeJSON    = "application/json"
	typeHTML    = "text/html"
	typeLinkset = "application/linkset+json"
	typeCBOR    = "application/cbor"
	typeProblem = "application/problem+json"
	typeText    = "text/plain"
	typeBytes   = "application/octet-stream"
	typePNG     = "image/png"
)

// routeTable is the whole surface.
func (s *Server) routeTable() []route {
	get, post := fiber.MethodGet, fiber.MethodPost
	coded := []string{typeHTML, typeJSON, typeLinkset}
	resolve := []param{
		{"linkType", "linkset or all for the linkset, else the link type to go to", false},
		{"lang", "zh or en: the page's language, kept in a cookie", false},
	}
	uri := []param{{"uri", "the code as a GS1 Digital Link URI or bracketed element string", true}}
	list := []param{{"after", "the next of the answer before", false}, {"limit", "elements, at most 500", false}}
	cut := []param{{"at", "answer from what was final at this time (RFC 3339)", false}, {"as_of", "answer from these sizes of chains: wh/2:120,brand/1:44", false}}
	findings := []param{{"code", "keep to this finding; may stand several times", false}, {"severity", "info, notice, warning or critical", false},
		{"member", "who recorded what bears it", false}, {"product", "GTIN", false}, {"from", "recorded not before (RFC 3339)", false}, {"to", "recorded not after", false}}
	return append(s.epcisRoutes(), []route{
		{method: get, path: "/", summary: "Entry form for a code", gives: []string{typeHTML}, handler: s.getEntry,
			query: []param{{"gtin", "the product's barcode", false}, {"serial", "the serial beside the QR code", false}, {"link", "the whole address or element string", false}, resolve[1]}},
		{method: get, path: "/01/{gtin}", summary: "What is known of a product", query: resolve, gives: coded},
		{method: get, path: "/01/{gtin}/10/{lot}", summary: "What is known of a lot", query: resolve, gives: coded},
		{method: get, path: "/01/{gtin}/21/{serial}", summary: "What is known of an item", query: resolve, gives: coded},
		{method: get, path: "/01/{rest...}", summary: "Any other GS1 Digital Link with a GTIN", query: resolve, gives: coded, handler: s.getCode},
		{method: get, path: "/00/{sscc}", summary: "What is known of a logistic unit", query: resolve, gives: coded},
		{method: get, path: "/00/{rest...}", summary: "Any other GS1 Digital Link with an SSCC", query: resolve, gives: coded, handler: s.getCode},
		{method: get, path: "/claim/01/{rest...}", summary: "Form for the second code of an item", query: resolve[1:], gives: []string{typeHTML}, handler: s.getClaim},
		{method: post, path: "/claim/01/{rest...}", summary: "The form's answer", takes: []string{"application/x-www-form-urlencoded"}, gives: []string{typeHTML}, handler: s.postClaimForm},
		{method: get, path: "/scan/{token}.png", summary: "Picture by which a page that somebody looks at is counted", gives: []string{typePNG}, handler: s.getScan},

		{method: get, path: "/api/v1/trail", summary: "Trail, pending events and assurance of a code", query: uri, gives: []string{typeJSON}, token: true, handler: s.getTrail},
		{method: get, path: "/api/v1/proof", summary: "Proof bundle of a code", query: uri, gives: []string{typeJSON}, token: true, handler: s.getProof},
		{method: post, path: "/api/v1/records", summary: "Store records: drafts to be signed by the node for a token, each once for an Idempotency-Key, or records signed elsewhere", takes: []string{typeJSON, typeCBOR}, gives: []string{typeJSON}, status: http.StatusCreated, token: true, handler: s.postRecords},
		{method: get, path: "/api/v1/records/{id}", summary: "State of a record and where it stands; with a token, what it says, as events do", gives: []string{typeJSON}, token: true, handler: s.getRecord},
		{method: post, path: "/api/v1/approvals", summary: "Approve an activation that another operator is going to post, or with sign=false tell what a wallet has to sign", query: []param{{"sign", "false to sign elsewhere", false}}, takes: []string{typeJSON}, gives: []string{typeJSON}, token: true, handler: s.postApproval},
		{method: post, path: "/api/v1/claims", summary: "Check the second code of an item, at the node that issued it: {uri, code, token?, tag?}", takes: []string{typeJSON}, gives: []string{typeJSON}, token: true, handler: s.postClaim},
		{method: get, path: "/api/v1/chains", summary: "Chains with their sizes and cosigners", query: list, gives: []string{typeJSON}, handler: s.getChains},
		{method: get, path: "/api/v1/charter", summary: "Charter with its signatures", query: []param{{"version", "the version; the newest without", false}}, gives: []string{typeJSON}, handler: s.getCharter},
		{method: get, path: "/api/v1/inventory", summary: "How many items, by party, state, place, product, lot and more, now or at a past cut", query: figureParams(stock.Dims), gives: []string{typeJSON}, token: true, handler: s.getInventory},
		{method: get, path: "/api/v1/inventory/units", summary: "How many logistic units (SSCC), by the same", query: figureParams(stock.Dims), gives: []string{typeJSON}, token: true, handler: s.getUnits},
		{method: get, path: "/api/v1/inventory/runs", summary: "Of each run of codes: printed = activated + void + open", query: slices.Concat([]param{{"product", "GTIN", false}}, cut, list), gives: []string{typeJSON}, token: true, handler: s.getPrints},
		{method: get, path: "/api/v1/inventory/lots", summary: "How much of lots without serials the parties have, by the records", query: slices.Concat([]param{{"by", "record: what each record adds or takes off", false}, {"product", "GTIN", false}, {"lot", "keep to this lot", false}, {"party", "keep to this party", false}}, cut, list), gives: []string{typeJSON}, token: true, handler: s.getLots},
		{method: get, path: "/api/v1/movements", summary: "How many items went from one party to another, and out of the chain and back", query: figureParams(stock.MoveDims), gives: []string{typeJSON}, token: true, handler: s.getMovements},
		{method: get, path: "/api/v1/findings", summary: "Findings that the caller may see, newest record first", query: slices.Concat(findings, cut, list), gives: []string{typeJSON}, token: true, handler: s.getFindings},
		{method: get, path: "/api/v1/scans", summary: "Where codes are scanned first, and those that are most likely to have been copied, by what the companies counted that tell of it", query: slices.Concat(list[1:], []param{{"member", "keep to what nodes of this company counted; may stand several times", false}}), gives: []string{typeJSON}, token: true, handler: s.getScanReport},
		{method: get, path: eventsPath, summary: "Records as they become final, or are stored, as Server-Sent Events; Last-Event-ID goes on where a stream ended",
			query: []param{{"state", "final (as without), or stored", false}, {"kind", "keep to records of this kind; may stand several times", false}, {"after", "the id of the last event that was seen: chain:size,…", false}},
			gives: []string{typeEvents}, token: true, handler: s.getEvents},
		{method: get, path: "/api/v1/status", summary: "How the node is doing", gives: []string{typeJSON}, token: true, handler: s.getStatus},
		{method: get, path: "/api/v1/documents/{digest}", summary: "A document or picture by its SHA-256", gives: []string{typeBytes}, token: true, handler: s.getDocument},

		{method: get, path: "/log/{member}/{number}/checkpoint", summary: "Newest quorum checkpoint (C2SP tlog-checkpoint with cosignatures)", gives: []string{typeText}, handler: s.getCheckpoint},
		{method: get, path: "/log/{member}/{number}/tile/{tile...}", summary: "Hash tile <L>/<N>[.p/<W>] or entry bundle entries/<N>[.p/<W>] (C2SP tlog-tiles)", gives: []string{typeBytes}, token: true, handler: s.getTile},

		{method: get, path: "/.well-known/gs1resolver", summary: "GS1 resolver description file", gives: []string{typeJSON}, handler: s.getResolver},
		{method: get, path: "/healthz", summary: "The process answers", gives: []string{typeJSON}, handler: s.getHealth},
		{method: get, path: "/readyz", summary: "The node can answer, or why not", gives: []string{typeJSON}, handler: s.getReady},
		{method: get, path: "/metrics", summary: "Prometheus metrics, for this machine and callers with a token", gives: []string{typeText}, token: true, handler: s.getMetrics()},
		{method: get, path: "/openapi.json", summary: "This surface as OpenAPI 3.1", gives: []string{typeJSON}, handler: s.getOpenAPI},
	}...)
}

// figureParams are the parameters of figures by some dimensions.
func figureParams(dims []stock.Dim) []param {
	list := []param{{"by", "what figures are told apart by, with commas between: " + stock.Names(dims), false}}
	for _, d := range dims {
		list = append(list, param{string(d), "keep to this " + string(d) + "; may stand several times", false})
	}
	return append(list,
		param{"at", "answer from what was final at this time (RFC 3339)", false},
		param{"as_of", "answer from these sizes of chains: wh/2:120,brand/1:44", false},
		param{"after", "the next of the answer before", false},
		param{"limit", "rows, at most 500", false})
}
