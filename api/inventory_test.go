package api

import (
	"context"
	"net/http"
	"reflect"
	"testing"

	"suyuan/ledger"
	"suyuan/trace/stock"
)

// fakeFigures keeps what it was asked.
type fakeFigures struct {
	asked   *stock.Question
	finding *stock.FindingQuestion
	viewer  Viewer
	err     error
}

func (f *fakeFigures) Inventory(_ context.Context, q stock.Question) (*stock.Inventory, error) {
	f.asked = &q
	return &stock.Inventory{By: q.By, Total: 7}, f.err
}

func (f *fakeFigures) Prints(_ context.Context, q stock.Question) (*stock.Prints, error) {
	f.asked = &q
	return &stock.Prints{}, f.err
}

func (f *fakeFigures) Lots(_ context.Context, q stock.Question, v Viewer) (*stock.Lots, error) {
	f.asked, f.viewer = &q, v
	return &stock.Lots{}, f.err
}

func (f *fakeFigures) Findings(_ context.Context, q stock.FindingQuestion, v Viewer) (*stock.Findings, error) {
	f.finding, f.viewer = &q, v
	return &stock.Findings{}, f.err
}

func (f *fakeFigures) ScanReport(_ context.Context, suspects int, members []string) (any, error) {
	return []any{suspects, members}, f.err
}

// dealerAuth knows the token of a dealer beside the usual ones.
type dealerAuth struct{ fakeAuth }

func (a dealerAuth) Operator(ctx context.Context, token string) (*Operator, error) {
	if token == "dealer" {
		return &Operator{Member: "wh", Party: "shop", Address: ledger.Address{1}, Scopes: []string{ScopeRead}}, nil
	}
	return a.fakeAuth.Operator(ctx, token)
}

func TestFigures(t *testing.T) {
	f := &fakeFigures{}
	s := newTestServer(t, newFakeNode(), func(c *Config) { c.Figures, c.Auth = f, dealerAuth{} })
	member, dealer := []string{"Authorization", "Bearer reader"}, []string{"Authorization", "Bearer dealer"}
	for _, c := range []struct {
		target string
		caller []string
		want   stock.Question
	}{
		{"/api/v1/inventory?by=party,state&state=held&state=sold&limit=9&lot=", member, stock.Question{
			By: []stock.Dim{"party", "state"}, Values: map[stock.Dim][]string{"state": {"held", "sold"}, "lot": {""}}, Limit: 9}},
		{"/api/v1/inventory?at=2026-03-01T00:00:00%2B08:00&after=x", dealer, stock.Question{
			Values: map[stock.Dim][]string{}, Party: "wh/shop", Time: 1_772_294_400_000, After: "x", Limit: maxPage, Who: "wh/shop"}},
		{"/api/v1/movements?by=from&as_of=wh/2:120,lanzhi/1:44", member, stock.Question{
			By: []stock.Dim{"from"}, Values: map[stock.Dim][]string{}, Moves: true, AsOf: map[string]uint64{"wh/2": 120, "lanzhi/1": 44}, Limit: maxPage}},
		{"/api/v1/inventory/runs?product=06901234000016", member, stock.Question{
			Values: map[stock.Dim][]string{"product": {"06901234000016"}}, Limit: maxPage}},
	} {
		r := ask(t, s, "GET", c.target, "", c.caller...)
		if r.StatusCode != http.StatusOK || !reflect.DeepEqual(*f.asked, c.want) {
			t.Errorf("%s: %d, asked %+v, want %+v", c.target, r.StatusCode, *f.asked, c.want)
		}
	}
	ask(t, s, "GET", "/api/v1/findings?code=recalled&severity=critical&from=2026-03-01T00:00:00Z", "", dealer...)
	if want := (stock.FindingQuestion{Codes: []string{"recalled"}, Severities: []string{"critical"}, From: 1_772_323_200_000, Limit: maxPage, Who: "wh/shop"}); !reflect.DeepEqual(*f.finding, want) || f.viewer.Party != "wh/shop" {
		t.Errorf("asked %+v for %+v, want %+v", *f.finding, f.viewer, want)
	}
	for _, target := range []string{"/api/v1/inventory", "/api/v1/inventory/runs", "/api/v1/inventory/lots", "/api/v1/movements", "/api/v1/findings"} {
		checkProblem(t, ask(t, s, "GET", target, ""), http.StatusUnauthorized, codeNoToken)
		for _, bad := range []string{"?colour=red", "?limit=0", "?limit=501", "?at=yesterday", "?as_of=wh", "?at=2026-03-01T00:00:00Z&as_of=wh/2:1"} {
			checkProblem(t, ask(t, s, "GET", target+bad, "", member...), http.StatusBadRequest, codeParameter)
		}
		none := newTestServer(t, newFakeNode())
		checkProblem(t, ask(t, none, "GET", target, "", member...), http.StatusNotFound, codeNoFigures)
	}
	checkProblem(t, ask(t, s, "GET", "/api/v1/inventory/runs", "", dealer...), http.StatusForbidden, codeScope)
	checkProblem(t, ask(t, s, "GET", "/api/v1/scans", "", dealer...), http.StatusForbidden, codeScope)
	checkProblem(t, ask(t, s, "GET", "/api/v1/scans?limit=0", "", member...), http.StatusBadRequest, codeParameter)
	if r := ask(t, s, "GET", "/api/v1/scans?limit=7&member=wh&member=dist", "", member...); r.body != "[7,[\"wh\",\"dist\"]]\n" {
		t.Errorf("scans: %q", r.body)
	}
	for _, caller := range []struct {
		op   Operator
		want string
	}{
		{Operator{Member: "wh", Party: "shop", Address: ledger.Address{1}}, "wh/shop"},
		{Operator{Member: "wh", Party: "shop", Address: ledger.Address{2}}, "wh/shop"},
		{Operator{Member: "wh", Address: ledger.Address{2}}, ledger.Address{2}.String()},
		{Operator{Member: "wh"}, ""},
	} {
		if got := askerOf(&caller.op); got != caller.want {
			t.Errorf("%+v takes turns as %q, want %q", caller.op, got, caller.want)
		}
	}
	f.err = NewProblem(http.StatusServiceUnavailable, "still-counting", "")
	if r := ask(t, s, "GET", "/api/v1/inventory", "", member...); r.Header.Get("Retry-After") == "" {
		t.Error("who is to ask again is not told when")
	}
}
