package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"suyuan/trace"
	"suyuan/trace/gs1"
)

// Further goods of the story.
const (
	kitLabels = 50 // codes of the gift set
	kitsMade  = 6
	kitPallet = 5 // of both products, opened in the warehouse for the sets
	kitLot    = "G26D01"

	teaLot  = "T26C01"
	teaMade = 120 // kg
)

// inventMore makes up a gift set of both products, and tea that is sold by weight
// and has no codes.
func (s *story) inventMore() error {
	var err error
	if s.kit, err = gtinOf("0", 3); err != nil {
		return err
	}
	s.tea, err = gtinOf("0", 4)
	return err
}

// produceMore records the set and the tea, appoints who puts sets together, and
// names pages of the brand.
func (s *story) produceMore(ctx context.Context) error {
	brand := s.n.company("brand")
	picture, err := drawPicture(0xb0552f)
	if err != nil {
		return err
	}
	digest, err := upload(ctx, brand.local, "picture", picture, "public")
	if err != nil {
		return err
	}
	origin := s.goods[0].origin
	_, err = s.write(ctx, brand.public,
		draft{Kind: "product", At: s.ago(80, 0), Fields: fields{
			"gtin": s.kit, "version": 1, "names": names("玫瑰舒润礼盒（精华水 + 面霜）", "Rose Gift Set (toner and cream)"), "origin": origin,
			"net_content": "150 mL + 50 g", "shelf_life_days": 1095, "licences": []string{"沪妆20260017"}, "contact": storyContact, "picture": digest, "issuing_chain": 1}},
		draft{Kind: "product", At: s.ago(80, 0), Fields: fields{
			"gtin": s.tea, "version": 1, "names": names("重瓣玫瑰花茶（散装）", "Rose Petal Tea, loose"), "origin": names("甘肃苦水", "Kushui, Gansu"),
			"net_content": "散装称重", "shelf_life_days": 540, "licences": []string{"SC11431012000099"}, "contact": storyContact, "issuing_chain": 1}},
		draft{Kind: "appoint", At: s.ago(79, 0), Fields: fields{
			"party": "wh", "gtins": []gs1.GTIN{s.goods[0].product, s.goods[1].product, s.kit}, "kinds": []string{"transform"}, "from": s.day(79)}},
		s.page(s.goods[0].product, "gs1:pip", "zh", "products/rose-toner", "产品故事与使用方法", "The story of the toner"),
		s.page(s.goods[0].product, "gs1:pip", "en", "en/products/rose-toner", "", "The story of the toner"),
		s.page(s.goods[0].product, "gs1:recallStatus", "zh", "recalls", "召回公告", ""),
		s.page(s.kit, "gs1:instructions", "zh", "gift-set", "礼盒搭配使用说明", ""))
	if err != nil {
		return err
	}
	run, err := issue(ctx, s.e, brand.local, issueRun{GTIN: s.kit.String(), Count: kitLabels, Printer: "昆山印务", At: s.ago(70, 2)})
	if err != nil {
		return err
	}
	return s.print(ctx, brand, run)
}

// page is a draft of a page of the brand's about a product.
func (s *story) page(g gs1.GTIN, kind, language, path, zh, en string) draft {
	return draft{Kind: "link", At: s.ago(78, 0), Subjects: []any{fields{"gtin": g}}, Fields: fields{
		"type": kind, "href": "https://www." + demoName + "/" + path, "language": language, "media_type": "text/html", "title": names(zh, en)}}
}

// sellTea activates a lot without codes, which the distributor gets a part of and
// sells some of.
func (s *story) sellTea(ctx context.Context) error {
	brand, dist := s.n.company("brand"), s.n.company("dist")
	lot := []any{fields{"gtin": s.tea, "lot": teaLot}}
	kg := func(n int) fields { return fields{"value": n, "unit": "KGM"} }
	shipped, err := s.write(ctx, brand.public,
		draft{Kind: "activate", At: s.ago(45, 5), Place: "fengxian", Subjects: lot, Fields: fields{"lot": teaLot, "produced": s.day(45), "quantity": kg(teaMade)}},
		draft{Kind: "ship", At: s.ago(30, 6), Place: "fengxian", Subjects: lot,
			Fields: fields{"purpose": "sale", "to": "dist", "to_place": "dist/hangzhou", "quantity": kg(80)}})
	if err != nil {
		return err
	}
	if err := s.n.waitFinal(ctx); err != nil {
		return err
	}
	_, err = s.write(ctx, dist.public,
		draft{Kind: "receive", At: s.ago(29, 3), Place: "hangzhou", Refs: shipped[1:], Subjects: lot, Fields: fields{"quantity": kg(80)}},
		draft{Kind: "sell", At: s.ago(7, 2), Place: "hangzhou", Subjects: lot, Fields: fields{"channel": "store", "region": "330106", "quantity": kg(12)}})
	return err
}

// makeKits has the warehouse put sets together of a toner and a cream each, and
// the distributor sell one.
func (s *story) makeKits(ctx context.Context) error {
	wh, dist := s.n.company("wh"), s.n.company("dist")
	var pallets, cases, made []any
	for _, g := range s.goods {
		sscc, err := g.sscc(kitPallet)
		if err != nil {
			return err
		}
		pallets = append(pallets, fields{"sscc": sscc})
		cases = append(cases, rangeOf(g.box, kitPallet*storyPallet, kitPallet*storyPallet))
		at := g.good(kitPallet * storyPallet * storyPer)
		for i := range uint32(kitsMade) {
			made = append(made, fields{"output": rangeOf(s.kit, i, i), "input": rangeOf(g.product, at, at)})
			at = g.good(at + 1)
		}
	}
	all := []any{rangeOf(s.kit, 0, kitsMade-1)}
	shipped, err := s.write(ctx, wh.public,
		draft{Kind: "unpack", At: s.ago(28, 6), Place: "jiaxing", Subjects: pallets},
		draft{Kind: "unpack", At: s.ago(28, 5), Place: "jiaxing", Subjects: cases},
		draft{Kind: "transform", At: s.ago(28, 3), Place: "jiaxing", Subjects: made, Fields: fields{"type": "kit", "lot": kitLot, "produced": s.day(28)}},
		draft{Kind: "ship", At: s.ago(21, 5), Place: "jiaxing", Subjects: all, Fields: fields{"purpose": "sale", "to": "dist", "to_place": "dist/hangzhou"}})
	if err != nil {
		return err
	}
	if err := s.n.waitFinal(ctx); err != nil {
		return err
	}
	_, err = s.write(ctx, dist.public,
		draft{Kind: "receive", At: s.ago(20, 2), Place: "hangzhou", Refs: shipped[3:], Subjects: all},
		draft{Kind: "sell", At: s.ago(3, 4), Place: "hangzhou", Subjects: []any{rangeOf(s.kit, 0, 0)}, Fields: fields{"channel": "online", "region": "330200"}})
	return err
}

// toSmallDealer sends one case on from the dealer to one of the third level, each
// with nothing but a token of its own.
func (s *story) toSmallDealer(ctx context.Context) error {
	dist, g := s.n.company("dist"), s.goods[0]
	last := []any{rangeOf(g.box, 2, 2)}
	// A dealer's token names the dealer: its records need not.
	shipped, err := s.write(ctx, dist.dealers["xihu"],
		draft{Kind: "ship", At: s.ago(9, 3), Place: "xihu-store", Subjects: last, Fields: fields{"purpose": "consignment", "to": "dist/binjiang", "to_place": "dist/binjiang-store"}})
	if err != nil {
		return err
	}
	item := s.hosted(g)
	_, err = s.write(ctx, dist.dealers["binjiang"],
		draft{Kind: "receive", At: s.ago(8, 6), Place: "binjiang-store", Refs: shipped, Subjects: last},
		draft{Kind: "unpack", At: s.ago(8, 5), Place: "binjiang-store", Subjects: last},
		draft{Kind: "sell", At: s.ago(4, 1), Place: "binjiang-store", Subjects: []any{rangeOf(g.product, item, item)}, Fields: fields{"channel": "store", "region": "330108"}})
	return err
}

func (s *story) hosted(g *goods) uint32 { return g.good(2*storyPer + 1) }
func (s *story) cloned(g *goods) uint32 { return g.good(s.returned(g) + 1) }

// demoPlaceHeader is where the demo's phones say in which city they are, as a
// proxy or CDN in front of a node would.
const demoPlaceHeader = "X-Demo-City"

// believePhones has a node believe callers on this machine where they are.
func believePhones(dir string) error {
	return os.WriteFile(filepath.Join(dir, "scans.toml"), []byte("# the demo's phones\nplace_header = '"+demoPlaceHeader+"'\n"), 0o644)
}

// phones are where people scan a label that was copied, within minutes.
var phones = []struct{ city, address string }{
	{"CN;330100;30.3,120.2", "203.0.113.11"},  // Hangzhou
	{"CN;440100;23.1,113.3", "203.0.113.52"},  // Guangzhou
	{"CN;510100;30.7,104.1", "198.51.100.33"}, // Chengdu
	{"CN;210100;41.8,123.4", "198.51.100.84"}, // Shenyang
}

// scanCopies has phones in four cities look at one code, on the page of each
// company, and waits until the pages say so.
func (s *story) scanCopies(ctx context.Context) error {
	uri, err := s.uri(ctx, s.goods[0].product, s.cloned(s.goods[0]))
	if err != nil {
		return err
	}
	u, err := url.Parse(uri)
	if err != nil {
		return err
	}
	for _, c := range s.n.companies {
		for _, p := range phones {
			if err := scanOnce(ctx, c.url+u.EscapedPath(), p.city, p.address); err != nil {
				return fmt.Errorf("scan in %s on %s: %w", p.city, c.slug, err)
			}
		}
		err := poll(ctx, demoFinal, func(ctx context.Context) (bool, error) {
			a, err := c.trail(ctx, uri)
			return err == nil && a.Verdict == string(trace.Warn), err
		})
		if err != nil {
			return fmt.Errorf("scans on %s: %w", c.slug, err)
		}
	}
	return nil
}

var beaconForm = regexp.MustCompile(`src="(/scan/[^"]+)"`)

// scanOnce loads a page and its picture, as a phone that sees it for the first
// time.
func scanOnce(ctx context.Context, page, city, address string) error {
	get := func(target, accept, cookie string) (*http.Response, []byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return nil, nil, err
		}
		for name, value := range map[string]string{
			"Accept": accept, "Cookie": cookie, "X-Forwarded-For": address, demoPlaceHeader: city,
			"User-Agent": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
		} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		res, err := phoneClient.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s answers %s", target, res.Status)
		}
		return res, body, err
	}
	res, body, err := get(page, "text/html", "")
	if err != nil {
		return err
	}
	picture := beaconForm.FindSubmatch(body)
	if picture == nil {
		return fmt.Errorf("%s does not count its visitors", page)
	}
	var cookies []string
	for _, c := range res.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	_, _, err = get(res.Request.URL.Scheme+"://"+res.Request.URL.Host+string(picture[1]), "image/*", strings.Join(cookies, "; "))
	return err
}

var phoneClient = &http.Client{Timeout: 30 * time.Second}
