package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
)

// The ampoules bear second codes and pay a reward: 120 labels, of which the
// distributor sells some at once.
const (
	ampouleLabels = 120
	ampouleSold   = 12
	ampouleLot    = "A26E01"

	// ampouleTwice is the item whose second code is typed in by two people.
	ampouleTwice = 3
)

// secondCodes makes and sells goods with second codes, activated by two operators
// because they pay a reward, and has two people use one of them.
func (s *story) secondCodes(ctx context.Context) error {
	brand, dist := s.n.company("brand"), s.n.company("dist")
	var err error
	if s.ampoule, err = gtinOf("0", 5); err != nil {
		return err
	}
	picture, err := drawPicture(0xc9a24b)
	if err != nil {
		return err
	}
	digest, err := upload(ctx, brand.local, "picture", picture, "public")
	if err != nil {
		return err
	}
	_, err = s.write(ctx, brand.public, draft{Kind: "product", At: s.ago(80, 0), Fields: fields{
		"gtin": s.ampoule, "version": 1, "names": names("金盏花修护安瓶", "Calendula Repair Ampoule"), "origin": s.goods[0].origin, "net_content": "1.5 mL × 7",
		"shelf_life_days": 1095, "licences": []string{"沪妆20260017"}, "contact": storyContact, "picture": digest, "issuing_chain": 1, "reward_trigger": "sold"}})
	if err != nil {
		return err
	}
	run, err := issue(ctx, s.e, brand.local, issueRun{GTIN: s.ampoule.String(), Count: ampouleLabels, Second: true, Printer: "昆山印务", At: s.ago(40, 0)})
	if err != nil {
		return err
	}
	quiet := *s.e
	quiet.stdout = s.e.stderr
	printed := exportFlags{out: filepath.Join(s.n.o.dir, "print"), format: "csv", second: true}
	if err := export(ctx, &quiet, brand.local, run, 0, run.Count, printed); err != nil {
		return err
	}
	if err := s.activateByTwo(ctx, brand); err != nil {
		return err
	}
	if err := s.sellAmpoules(ctx, brand, dist); err != nil {
		return err
	}
	return s.claimTwice(ctx)
}

// activateByTwo has the head of quality approve what the factory activates.
func (s *story) activateByTwo(ctx context.Context, brand *company) error {
	phrase, err := firstLineOf(s.n.pass)
	if err != nil {
		return err
	}
	var made newToken
	err = brand.local.call(ctx, http.MethodPost, "/admin/v1/operators", addOperator{
		Name: "quality", Kinds: []string{"activate"}, Scopes: []string{"write"}, AdminPassphrase: phrase,
	}, &made)
	if err != nil {
		return fmt.Errorf("operator quality: %w", err)
	}
	second := &client{http: http.DefaultClient, base: brand.url, token: made.Token}
	d := draft{Kind: "activate", At: s.ago(35, 5), Place: "fengxian", Subjects: []any{rangeOf(s.ampoule, 0, ampouleLabels-1)},
		Fields: fields{"lot": ampouleLot, "produced": s.day(35)}}
	var done struct {
		Draft json.RawMessage `json:"draft"`
	}
	if err := second.call(ctx, http.MethodPost, "/api/v1/approvals", d, &done); err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	d = draft{}
	if err := json.Unmarshal(done.Draft, &d); err != nil {
		return err
	}
	_, err = s.write(ctx, brand.public, d)
	return err
}

// sellAmpoules brings all to the distributor, who sells some.
func (s *story) sellAmpoules(ctx context.Context, brand, dist *company) error {
	all := []any{rangeOf(s.ampoule, 0, ampouleLabels-1)}
	shipped, err := s.write(ctx, brand.public, draft{Kind: "ship", At: s.ago(30, 6), Place: "fengxian", Subjects: all,
		Fields: fields{"purpose": "sale", "to": "dist", "to_place": "dist/hangzhou"}})
	if err != nil {
		return err
	}
	if err := s.n.waitFinal(ctx); err != nil {
		return err
	}
	_, err = s.write(ctx, dist.public,
		draft{Kind: "receive", At: s.ago(29, 3), Place: "hangzhou", Refs: shipped, Subjects: all},
		draft{Kind: "sell", At: s.ago(7, 2), Place: "hangzhou", Subjects: []any{rangeOf(s.ampoule, 0, ampouleSold-1)},
			Fields: fields{"channel": "online", "region": "330100"}})
	if err != nil {
		return err
	}
	return s.n.waitFinal(ctx)
}

// claimTwice has two people type in the same second code, on the pages of two
// companies that did not issue it.
func (s *story) claimTwice(ctx context.Context) error {
	brand := s.n.company("brand")
	var item codeLine
	path := fmt.Sprintf("/admin/v1/runs/%s/0/codes?from=%d&to=%d&second=true", s.ampoule, ampouleTwice, ampouleTwice+1)
	for line, err := range stream[codeLine](ctx, brand.local, http.MethodGet, path, nil) {
		if err != nil {
			return err
		}
		item = line
	}
	for i, want := range []string{"first", "before"} {
		page := s.n.company([]string{"dist", "wh"}[i])
		req := claimRequest{URI: item.URI, Code: item.Second, Token: "demo-" + want}
		var a claimAnswer
		if err := (&client{http: http.DefaultClient, base: page.url}).call(ctx, http.MethodPost, "/api/v1/claims", req, &a); err != nil {
			return fmt.Errorf("claim: %w", err)
		}
		if a.Outcome != want {
			return fmt.Errorf("the claim is %s, not %s", a.Outcome, want)
		}
	}
	return nil
}
