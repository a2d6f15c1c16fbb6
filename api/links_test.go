package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"suyuan/trace"
	"suyuan/trace/gs1"
)

// brandLinks are a brand's pages about its product in two languages, its lot, and
// one item.
func brandLinks(t testing.TB) []trace.Link {
	t.Helper()
	gtin, err := gs1.ParseGTIN(testGTIN)
	if err != nil {
		t.Fatal(err)
	}
	item, lot, product := trace.Code(gtin, 0, 1), trace.Lot(gtin, "L7"), trace.Product(gtin)
	link := func(scope trace.Item, kind, path, language, media string) trace.Link {
		return trace.Link{Type: kind, Href: "https://lanzhi.example/" + path, Language: language, MediaType: media, Scope: scope,
			Title: trace.Names{Zh: "页面 " + path, En: "Page " + path}}
	}
	return []trace.Link{
		link(item, "gs1:registerProduct", "register/1?from=code#form", "", ""),
		link(lot, "gs1:certificationInfo", "report-L7", "", "application/pdf"),
		link(product, "gs1:certificationInfo", "certificates", "", "text/html"),
		link(product, "gs1:instructions", "use.html", "en", "text/html"),
		link(product, "gs1:instructions", "use.pdf", "en", "application/pdf"),
		link(product, "gs1:instructions", "yongfa.html", "zh-Hans", "text/html"),
		link(product, "gs1:pip", "en", "en", ""),
		link(product, "gs1:pip", "ja", "ja", ""),
		link(product, "gs1:pip", "zh", "zh", ""),
		link(product, "gs1:support", "shop-a", "", ""),
		link(product, "gs1:support", "shop-b", "", ""),
	}
}

// A link type leads to the brand's page that suits the caller: of the narrowest
// thing, in its language, in its media type.
func TestLinkTypeRedirects(t *testing.T) {
	s, n := newCodeServer(t)
	n.links = brandLinks(t)
	for _, tt := range []struct {
		name, query, language, accept string
		want                          string // path at the brand's site, or whole address
	}{
		{"in Chinese", "linkType=gs1:pip", "zh-CN,zh;q=0.9,en;q=0.5", "", "zh"},
		{"in English", "linkType=gs1:pip", "en-GB,en;q=0.9", "", "en"},
		{"in Japanese", "linkType=gs1:pip", "ja", "", "ja"},
		{"by the full name of the type", "linkType=https://ref.gs1.org/voc/pip", "ja", "", "ja"},
		{"a page", "linkType=gs1:instructions", "en", "text/html", "use.html"},
		{"a document", "linkType=gs1:instructions", "en", "application/pdf", "use.pdf"},
		{"what browsers send", "linkType=gs1:instructions", "en", "text/html,application/xhtml+xml,*/*;q=0.8", "use.html"},
		{"Chinese of the mainland", "linkType=gs1:instructions", "zh-CN", "", "yongfa.html"},
		{"of the lot before the product", "linkType=gs1:certificationInfo", "en", "text/html", "report-L7"},
		{"the query goes along", "linkType=gs1:pip&utm=a%26b&x=1", "ja", "", "ja?utm=a%26b&x=1"},
		{"into a query and before a fragment", "linkType=gs1:registerProduct&x=1", "", "", "register/1?from=code&x=1#form"},
		{"no parameter chooses the target", "linkType=gs1:pip&href=https://evil.example&url=//evil.example", "ja", "", "ja?href=https%3A%2F%2Fevil.example&url=%2F%2Fevil.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, s, "GET", itemPath+"?"+tt.query, "", "Accept-Language", tt.language, "Accept", tt.accept)
			if got := r.Header.Get("Location"); r.StatusCode != 307 || got != "https://lanzhi.example/"+tt.want {
				t.Errorf("got %d %q, want %q", r.StatusCode, got, tt.want)
			}
			if !strings.Contains(r.Header.Get("Link"), `rel="linkset"`) {
				t.Errorf("the redirect does not name the linkset: %q", r.Header.Get("Link"))
			}
		})
	}
	checkProblem(t, ask(t, s, "GET", itemPath+"?linkType=gs1:recallStatus", ""), 404, codeLinkType)
	checkProblem(t, ask(t, s, "GET", "/01/06901234500004?linkType=gs1:pip", ""), 404, "unknown-product")
}

// Where only the caller can choose, it is given the links.
func TestLinksThatOnlyTheCallerCanChoose(t *testing.T) {
	s, n := newCodeServer(t)
	n.links = brandLinks(t)
	for query, want := range map[string][]string{
		"linkType=gs1:support":      {"shop-a", "shop-b"},
		"linkType=gs1:pip":          {"en", "ja", "zh"}, // no language named
		"linkType=gs1:instructions": {"use.html", "yongfa.html"},
	} {
		r := ask(t, s, "GET", itemPath+"?"+query, "", "Accept", "text/html")
		set := decode[struct {
			Linkset []map[string]json.RawMessage `json:"linkset"`
		}](t, r)
		if r.StatusCode != 300 || r.Header.Get("Content-Type") != typeLinkset || len(set.Linkset) != 1 {
			t.Fatalf("%s: got %d %s %s", query, r.StatusCode, r.Header.Get("Content-Type"), r.body)
		}
		var got []string
		for relation, raw := range set.Linkset[0] {
			var targets []target
			if relation == "anchor" || relation == "itemDescription" {
				continue
			}
			if err := json.Unmarshal(raw, &targets); err != nil {
				t.Fatal(err)
			}
			for _, x := range targets {
				got = append(got, strings.TrimPrefix(x.Href, "https://lanzhi.example/"))
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// The linkset has the brand's links beside ours, and fits the published schema.
func TestLinksetHasBrandLinks(t *testing.T) {
	s, n := newCodeServer(t)
	n.links = brandLinks(t)
	for i := range n.links {
		n.links[i].Language = strings.TrimSuffix(n.links[i].Language, "-Hans") // which the schema does not know
	}
	r := ask(t, s, "GET", itemPath+"?linkType=all", "", "Accept-Language", "en")
	for _, want := range []string{
		`"https://ref.gs1.org/voc/registerProduct":[{"href":"https://lanzhi.example/register/1?from=code#form","title":"页面 register/1?from=code#form"}]`,
		`{"href":"https://lanzhi.example/use.pdf","title":"Page use.pdf","type":"application/pdf","hreflang":["en"]}`,
		`"https://ref.gs1.org/voc/defaultLink":[{"href":"` + testBase + itemPath + `"`,
		`"https://ref.gs1.org/voc/traceability":[`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the linkset lacks %s:\n%s", want, r.body)
		}
	}
	if strings.Contains(r.body, `"`+testBase+"/01/"+testGTIN+`"`) {
		t.Error("our page of the product is offered as product information beside the brand's")
	}
	checkSchema(t, newSchema(t, "linkset-schema.json"), r.body)
}
