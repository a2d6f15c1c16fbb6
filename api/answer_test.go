package api

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"suyuan/trace"
	"suyuan/trace/scan"
)

// TestAnswersArePutTogether holds that an answer whose trail was encoded before is
// the same as one that is encoded at once, whatever stands in it.
func TestAnswersArePutTogether(t *testing.T) {
	answer := func(serial string) *trace.Answer {
		view := &trace.TrailView{URI: `https://x/01/1?"trail":null&<b>`, Serial: serial, Events: []trace.EventView{{Kind: "ship"}}, Findings: []trace.FindingView{}}
		return &trace.Answer{URI: `https://x/?"trail":null`, Verdict: trace.Warn, Trail: view,
			Pending: []trace.EventView{{Kind: "sell", Fields: trace.Values{"note": `"trail":null`}}}, Now: trace.Now{Time: "now", Expires: "<>"}}
	}
	kept := answer("1")
	if err := kept.Trail.Keep(); err != nil {
		t.Fatal(err)
	}
	of := *kept
	var err error
	if of.Trail, err = kept.Trail.Of(kept.Trail.URI, "2"); err != nil {
		t.Fatal(err)
	}
	none := answer("")
	none.Trail = nil
	app := fiber.New()
	for name, c := range map[string]struct{ is, want *trace.Answer }{
		"not kept": {answer("1"), answer("1")}, "kept": {kept, answer("1")}, "of another": {&of, answer("2")}, "without a trail": {none, none},
	} {
		for _, seen := range []*scan.Summary{nil, {Count: 3}} {
			want, err := encodeJSON(withScans(&Known{Answer: c.want, Scans: seen}))
			if err != nil {
				t.Fatal(err)
			}
			ctx := app.AcquireCtx(&fasthttp.RequestCtx{})
			if err := sendAnswer(ctx, &Known{Answer: c.is, Scans: seen}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := string(ctx.Response().Body()); got != string(want) {
				t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
			}
			app.ReleaseCtx(ctx)
		}
	}
}
