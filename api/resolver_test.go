package api

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/valyala/fasthttp"
)

// outsideData returns a folder of data that others published, or skips.
func outsideData(t *testing.T, folder string) string {
	t.Helper()
	root := os.Getenv("SUYUAN_TEST_DATA")
	if root == "" {
		dir, err := os.Getwd()
		for err == nil {
			if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil || dir == filepath.Dir(dir) {
				break
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	path := filepath.Join(root, folder)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: the published data is not at %s; set SUYUAN_TEST_DATA", path)
	}
	return path
}

// lookAhead is the regular expressions of GS1's schemas, which Go's refuses.
type lookAhead regexp2.Regexp

func (re *lookAhead) MatchString(s string) bool {
	ok, err := (*regexp2.Regexp)(re).MatchString(s)
	return err == nil && ok
}

func (re *lookAhead) String() string { return (*regexp2.Regexp)(re).String() }

func newSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(s, regexp2.ECMAScript)
		return (*lookAhead)(re), err
	})
	schema, err := c.Compile(filepath.Join(outsideData(t, "gs1-resolver"), file))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func checkSchema(t *testing.T, schema *jsonschema.Schema, body string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err == nil {
		err = schema.Validate(doc)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, body)
	}
}

func TestLinksetFitsSchema(t *testing.T) {
	schema := newSchema(t, "linkset-schema.json")
	for _, name := range []string{"invalid-basic-example.json", "invalid-gs1-example.json"} {
		data, err := os.ReadFile(filepath.Join(outsideData(t, "gs1-resolver"), name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil || schema.Validate(doc) == nil {
			t.Fatalf("the schema accepts %s (%v): this test would say nothing", name, err)
		}
	}
	s, _ := newCodeServer(t)
	for _, path := range []string{itemPath, "/01/" + testGTIN, "/01/" + testGTIN + "/10/L7", "/00/006141411234567890", "/01/" + testGTIN + "/21/NEVER"} {
		r := ask(t, s, "GET", path, "", "Accept", typeLinkset)
		if r.StatusCode != 200 {
			t.Errorf("%s: got %d", path, r.StatusCode)
		}
		checkSchema(t, schema, r.body)
	}
}

func TestResolverDescriptionFitsSchema(t *testing.T) {
	schema := newSchema(t, "description-file-schema.json")
	for _, base := range []string{testBase, ""} {
		s := newTestServer(t, newFakeNode(), func(cfg *Config) { cfg.BaseURL = base })
		r := ask(t, s, "GET", "/.well-known/gs1resolver", "")
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != typeJSON {
			t.Errorf("got %d %s", r.StatusCode, r.Header.Get("Content-Type"))
		}
		checkSchema(t, schema, r.body)
	}
}

// TestLinkset holds the same without the published schema.
func TestLinkset(t *testing.T) {
	s, _ := newCodeServer(t)
	r := ask(t, s, "GET", itemPath, "", "Accept", typeLinkset)
	set := decode[struct {
		Linkset []map[string]json.RawMessage `json:"linkset"`
	}](t, r)
	if len(set.Linkset) != 1 || string(set.Linkset[0]["anchor"]) != `"`+testBase+itemPath+`"` {
		t.Fatalf("got %s", r.body)
	}
	for _, relation := range []string{linkDefault, linkPIP, linkTraceability} {
		var targets []target
		if err := json.Unmarshal(set.Linkset[0][relation], &targets); err != nil || len(targets) == 0 {
			t.Fatalf("%s: %v in %s", relation, err, r.body)
		}
		for _, to := range targets {
			if to.Href == "" || to.Title == "" {
				t.Errorf("%s: a link without address or title: %+v", relation, to)
			}
		}
	}
	if !strings.Contains(r.Header.Get("Link"), "http://www.w3.org/ns/json-ld#context") {
		t.Errorf("got Link %q", r.Header.Get("Link"))
	}
}

// TestHostHeaderIsNotBelieved holds that no markup or path comes in by the Host
// header where no base URL is set, and nothing at all where one is.
func TestHostHeaderIsNotBelieved(t *testing.T) {
	for _, tt := range []struct{ base, host, want string }{
		{"", "node.example:8080", "http://node.example:8080"},
		{"", "[::1]:8080", "http://[::1]:8080"},
		{"", "x/y", "http://localhost"},
		{"", `x"onload=`, "http://localhost"},
		{testBase, "evil.example", testBase},
	} {
		s := newTestServer(t, newFakeNode(), func(cfg *Config) { cfg.BaseURL = tt.base })
		var rc fasthttp.RequestCtx
		rc.Request.Header.SetHost(tt.host)
		c := s.app.AcquireCtx(&rc)
		if got := s.base(c); got != tt.want {
			t.Errorf("host %q: got %q, want %q", tt.host, got, tt.want)
		}
		s.app.ReleaseCtx(c)
	}
}

func TestOpenAPIListsEveryRoute(t *testing.T) {
	s := newTestServer(t, newFakeNode())
	r := ask(t, s, "GET", "/openapi.json", "")
	doc := decode[struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}](t, r)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("got version %q", doc.OpenAPI)
	}
	// DESIGN.md section 9 fixes these names.
	for _, path := range []string{
		"/", "/01/{gtin}", "/01/{gtin}/21/{serial}", "/01/{gtin}/10/{lot}", "/00/{sscc}", "/api/v1/trail", "/api/v1/proof", "/api/v1/records",
		"/api/v1/records/{id}", "/api/v1/chains", "/api/v1/charter", "/api/v1/status", "/log/{member}/{number}/checkpoint",
		"/log/{member}/{number}/tile/{tile}", "/epcis/capture", "/epcis/events", "/.well-known/gs1resolver", "/healthz", "/readyz", "/metrics", "/openapi.json",
	} {
		if len(doc.Paths[path]) == 0 {
			t.Errorf("%s is not described", path)
		}
	}
	var served []string
	for _, route := range s.app.GetRoutes(true) {
		if route.Method == "GET" || route.Method == "POST" || route.Method == "OPTIONS" {
			served = append(served, route.Method+" "+route.Path)
		}
	}
	for _, route := range s.routes {
		if route.handler != nil && !slices.Contains(served, route.method+" "+route.fiberPath()) {
			t.Errorf("%s %s is described and not served", route.method, route.path)
		}
		op := doc.Paths[strings.ReplaceAll(route.path, "...}", "}")][strings.ToLower(route.method)]
		if op.Responses["default"] == nil || len(op.Responses) != 2 {
			t.Errorf("%s: got responses %v", route.path, op.Responses)
		}
	}
}
