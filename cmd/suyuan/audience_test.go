package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace"
)

// A mark is a text that stands in one field of one record and nowhere else.
type mark struct {
	author   string
	kind     ledger.Kind
	field    string
	audience ledger.Audience
	text     string
	record   string // id
	codes    []int  // of the run that the record is about; none: it is about something else
	file     bool   // the digest of an attachment, which replicas fetch by name
}

// A marking fills records with marks, field by field as the table has them, so
// that a field that is added to the table is looked for at once.
type marking struct {
	t     *testing.T
	n     int
	marks []mark
}

const markedGTIN = "06901234000016"

// fill adds to a record's fields all that the table has and that are not given. A
// nil value leaves a field out.
func (m *marking) fill(c *company, kind ledger.Kind, given map[string]any) map[string]any {
	m.t.Helper()
	spec, ok := trace.Spec(kind)
	if !ok {
		m.t.Fatalf("no kind %s", kind)
	}
	fields := map[string]any{}
	for i := range spec.Fields {
		f := &spec.Fields[i]
		if v, ok := given[f.Name]; ok {
			if v != nil {
				fields[f.Name] = v
			}
			continue
		}
		v, text := m.value(c, f)
		fields[f.Name] = v
		if text != "" {
			m.marks = append(m.marks, mark{author: c.name, kind: kind, field: f.Name, audience: f.Audience, text: text, file: f.Attached})
		}
	}
	return fields
}

// value makes a value of a field's type, and the text by which it is known again;
// none for types that leave no room for one.
func (m *marking) value(c *company, f *trace.Field) (v any, text string) {
	m.t.Helper()
	m.n++
	tag := fmt.Sprintf("mk%03dq", m.n)
	number := uint64(7_310_000 + m.n)
	switch f.Type {
	case trace.TypeText:
		return tag + " text", tag
	case trace.TypeToken:
		if len(f.Choices) > 0 {
			return f.Choices[0], ""
		}
		return tag, tag
	case trace.TypeTokens:
		return f.Choices[:1], ""
	case trace.TypeSlug, trace.TypeLot:
		return tag, tag
	case trace.TypeTexts, trace.TypeLots:
		return []string{tag}, tag
	case trace.TypeParty, trace.TypePlace:
		return "dist/" + tag, tag
	case trace.TypeNames:
		return map[string]string{"zh": tag + "名", "en": tag}, tag
	case trace.TypeUint:
		if f.Max > 0 && number > f.Max {
			return f.Min, ""
		}
		return number, fmt.Sprint(number)
	case trace.TypeQuantity:
		return map[string]any{"value": number, "unit": "KGM"}, fmt.Sprint(number)
	case trace.TypeLines:
		return []any{map[string]any{"gtin": markedGTIN, "count": number}}, fmt.Sprint(number)
	case trace.TypeCounts:
		return []any{map[string]any{"gtin": markedGTIN, "expected": number, "counted": 3, "damaged": 1}}, fmt.Sprint(number)
	case trace.TypeDate:
		day := time.Date(2061, 1, m.n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		return day, day
	case trace.TypeTime:
		at := time.Date(2061, 1, 1, 0, 0, m.n, 0, time.UTC).Format("2006-01-02T15:04:05.000Z")
		return at, at
	case trace.TypeURL:
		return "https://lanzhi.example/" + tag, tag
	case trace.TypeGLN:
		gln := fmt.Sprintf("690123%06d", m.n)
		sum := 0
		for i, d := range gln {
			sum += int(d-'0') * (1 + i%2*2)
		}
		gln += fmt.Sprint((10 - sum%10) % 10)
		return gln, gln
	case trace.TypeRegion:
		return fmt.Sprintf("33%04d", 1000+m.n), fmt.Sprintf("33%04d", 1000+m.n)
	case trace.TypeRegions:
		return []string{"330100"}, ""
	case trace.TypeHash:
		if f.Attached {
			audience := "members"
			if f.Audience == ledger.Public {
				audience = "public"
			}
			digest := c.upload("picture "+tag, audience)
			return digest, digest
		}
	case trace.TypeCountry:
		return "CN", ""
	case trace.TypeLanguage:
		return "zh", ""
	case trace.TypeLinkType:
		return "gs1:pip", ""
	case trace.TypeMediaType:
		return "text/html", ""
	case trace.TypeBool:
		return true, ""
	}
	m.t.Fatalf("field %s of type %s has neither a mark nor a value of its own", f.Name, f.Type)
	return nil, ""
}

// upload stores an attachment over the node's socket.
func (c *company) upload(text, audience string) string {
	c.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", node.SocketPath(c.dir))
	}}}
	defer client.CloseIdleConnections()
	a, err := sendBy(client, "POST", "http://node/admin/v1/documents?audience="+audience, "", &request{"application/octet-stream", text})
	if err != nil || a.status/100 != 2 {
		c.t.Fatalf("upload: %v, %+v", err, a)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// record posts a record of a kind with all its fields.
func (m *marking) record(c *company, kind ledger.Kind, given map[string]any, subjects ...any) placed {
	m.t.Helper()
	return m.follow(c, kind, given, nil, subjects...)
}

// follow is record with refs.
func (m *marking) follow(c *company, kind ledger.Kind, given map[string]any, refs []string, subjects ...any) placed {
	m.t.Helper()
	document, first := c.upload(fmt.Sprintf("document %d", m.n), "members"), len(m.marks)
	m.marks = append(m.marks, mark{author: c.name, kind: kind, field: "documents", audience: ledger.Members, text: document, file: true})
	draft := map[string]any{"kind": kind.String(), "age_ms": 0, "fields": m.fill(c, kind, given), "documents": []string{document}}
	if len(refs) > 0 {
		draft["refs"] = refs
	}
	if len(subjects) > 0 {
		draft["subjects"] = subjects
	}
	raw, err := json.Marshal(draft)
	if err != nil {
		m.t.Fatal(err)
	}
	a, err := c.try("POST", "/api/v1/records", jsonRequest(string(raw)))
	if err != nil {
		m.t.Fatal(err)
	}
	list, err := a.stored()
	if err != nil {
		m.t.Fatalf("%s by %s: %v\n%s", kind, c.name, err, raw)
	}
	for i := first; i < len(m.marks); i++ {
		m.marks[i].record, m.marks[i].codes = list[0].ID, codesIn(subjects)
	}
	return list[0]
}

// text is the first mark of a field.
func (m *marking) text(kind ledger.Kind, field string) string {
	m.t.Helper()
	i := slices.IndexFunc(m.marks, func(k mark) bool { return k.kind == kind && k.field == field })
	if i < 0 {
		m.t.Fatalf("no mark in %s.%s", kind, field)
	}
	return m.marks[i].text
}

// codesIn returns the indexes of the codes that subjects name.
func codesIn(subjects []any) (list []int) {
	for _, s := range subjects {
		named := s.(map[string]any)
		for _, part := range []string{"content", "output", "input"} {
			if inner, ok := named[part]; ok {
				list = append(list, codesIn([]any{inner})...)
			}
		}
		if from, ok := named["from"].(int); ok {
			for i := from; i <= named["to"].(int); i++ {
				list = append(list, i)
			}
		}
	}
	return list
}

func code(index int) any {
	return map[string]any{"gtin": markedGTIN, "run": 0, "from": index, "to": index}
}

// A marked network is one in which every field of every kind has a mark.
type marked struct {
	*network
	*marking
	uri     string
	uris    map[int]string // of the codes with records of their own
	pallet  string
	records []placed
	agent   string // token of dist that is limited to a party
}

func (n *network) allMarked(t *testing.T) *marked {
	t.Helper()
	m := &marked{network: n, marking: &marking{t: t}, pallet: "069012340000000016"}
	n.start()
	var kinds []string
	for s := range trace.Kinds() {
		kinds = append(kinds, s.Kind.String())
	}
	for _, c := range n.all() {
		c.addOperator(kinds...)
	}
	pallet, lot := map[string]any{"sscc": m.pallet}, map[string]any{"gtin": markedGTIN, "lot": "marked-lot"}
	product := map[string]any{"gtin": markedGTIN}
	none := map[string]any{"quantity": nil}
	with := func(given map[string]any) map[string]any { given["quantity"] = nil; return given }
	keep := func(p placed) placed { m.records = append(m.records, p); return p }
	b, d := n.brand, n.dist

	keep(m.record(b, ledger.KindPlace, nil))
	agent := keep(m.record(d, ledger.KindParty, map[string]any{"slug": "agent"}))
	keep(m.record(b, ledger.KindParty, nil))
	keep(m.record(b, ledger.KindProduct, map[string]any{"gtin": markedGTIN, "version": 1, "corrects": nil, "reward_trigger": nil, "issuing_chain": b.chain}))
	keep(m.record(b, ledger.KindAppoint, map[string]any{"gtins": []string{markedGTIN}, "level": 1, "parent": nil}))
	var issued struct{ First string }
	out := b.suyuan("codes", "issue", "--gtin", markedGTIN, "--count", "40", "--printer", "mkprinterq", "--out", filepath.Join(n.dir, "print"), "--json").done(t)
	if err := json.Unmarshal([]byte(out), &issued); err != nil || issued.First == "" {
		t.Fatalf("%v in %s", err, out)
	}
	m.uri, m.uris = issued.First, printedCodes(t, filepath.Join(n.dir, "print"), 0, 1, 2, 3, 4, 19, 30, 31)
	m.marks = append(m.marks, mark{author: b.name, kind: ledger.KindRun, field: "printer", audience: ledger.Parties, text: "mkprinterq"})

	codes := map[string]any{"gtin": markedGTIN, "run": 0, "from": 0, "to": 19}
	keep(m.record(b, ledger.KindActivate, with(map[string]any{"co_approval": nil}), codes))
	keep(m.record(b, ledger.KindActivate, map[string]any{"co_approval": nil, "lot": "marked-lot"}, lot))
	keep(m.record(b, ledger.KindVoid, none, code(19)))
	keep(m.record(b, ledger.KindPack, nil, map[string]any{"unit": pallet, "content": code(2)}))
	keep(m.record(b, ledger.KindUnpack, nil, pallet))
	keep(m.record(b, ledger.KindTransform, none, map[string]any{"output": code(30), "input": code(3)}))
	keep(m.record(b, ledger.KindTransform, nil, map[string]any{"output": code(31), "input": lot}))
	shipment := keep(m.record(b, ledger.KindShip, with(map[string]any{"to": "dist/agent"}), code(0), pallet))
	keep(m.record(b, ledger.KindShip, map[string]any{"to": "dist"}, lot))
	lost := keep(m.record(b, ledger.KindShip, none, code(1)))
	keep(m.follow(b, ledger.KindCancel, nil, []string{lost.Hash}, code(1)))
	keep(m.record(b, ledger.KindLink, nil, product))
	stop := keep(m.record(b, ledger.KindHold, nil, code(0)))
	keep(m.record(b, ledger.KindRelease, nil, code(0)))
	keep(m.record(b, ledger.KindInspect, nil, code(0)))
	keep(m.record(b, ledger.KindCorrect, map[string]any{"target": stop.ID, "replacement": nil}, code(0)))
	keep(m.record(b, ledger.KindRecall, nil, code(4)))
	// The marks of that one's filters fit no item. This one concerns the code.
	line := m.text(ledger.KindActivate, "line")
	keep(m.record(b, ledger.KindRecall, map[string]any{"lots": nil, "activated_from": nil, "activated_to": nil, "line": line}, code(4)))
	keep(m.record(b, ledger.KindWithdraw, nil, code(4)))
	keep(m.record(b, ledger.KindVoid, nil, lot))
	keep(m.record(b, ledger.KindWithdraw, map[string]any{"lots": nil, "activated_from": nil, "activated_to": nil, "line": nil}, code(0)))
	keep(m.record(b, ledger.KindClaim, nil, code(0)))
	n.waitFinal()
	keep(m.follow(d, ledger.KindReceive, none, []string{shipment.Hash}, code(0), pallet))
	keep(m.record(d, ledger.KindSell, none, code(0)))
	keep(m.record(d, ledger.KindReturn, none, code(0)))
	for _, kind := range []ledger.Kind{ledger.KindReceive, ledger.KindSell, ledger.KindReturn} {
		keep(m.record(d, kind, nil, lot))
	}
	n.waitFinal()

	d.suyuan("erase", agent.ID, "contact", "--ground", "mkgroundq", "--note", "mknoteq", "--yes").done(t)
	m.marks = append(m.marks,
		mark{author: d.name, kind: ledger.KindErase, field: "ground", audience: ledger.Members, text: "mkgroundq"},
		mark{author: d.name, kind: ledger.KindErase, field: "note", audience: ledger.Own, text: "mknoteq"})
	n.waitFinal()

	var made struct{ Token string }
	out = d.suyuan("operator", "add", "agent", "--kinds", "receive", "--party", "agent", "--person", "mkpersonq", "--json").done(t)
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	m.agent = made.Token
	m.marks = append(m.marks, mark{author: d.name, kind: ledger.KindGrant, field: "person", audience: ledger.Own, text: "mkpersonq"})
	n.waitFinal()
	return m
}

// printedCodes reads the URIs of some codes from the file for the printer.
func printedCodes(t *testing.T, dir string, indexes ...int) map[int]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	uris := make(map[int]string)
	for _, line := range strings.Split(string(raw), "\n") {
		fields := strings.Split(strings.TrimSpace(line), ",")
		for _, i := range indexes {
			if at := slices.IndexFunc(fields, func(f string) bool { return strings.Contains(f, "/21/") }); at >= 0 && fields[len(fields)-1] == fmt.Sprint(i) {
				uris[i] = fields[at]
			}
		}
	}
	if len(uris) != len(indexes) {
		t.Fatalf("%d of %d codes are in %s", len(uris), len(indexes), files[0])
	}
	return uris
}

// TestEveryMarkStaysWithItsAudience fills every field of every kind with a text of
// its own, in a network of four companies, and looks for each wherever a node
// answers, logs or stores.
func TestEveryMarkStaysWithItsAudience(t *testing.T) {
	t.Parallel()
	m := newNetwork(t).allMarked(t)
	m.everyKind()
	m.answers()
	m.trails()
	for _, c := range m.all() {
		c.stop()
	}
	m.disks()
}

// everyKind holds that no kind was left out, and no field but those whose values
// the node checks against something.
func (m *marked) everyKind() {
	checked := []string{"product.gtin", "appoint.gtins", "activate.co_approval", "correct.target", "correct.replacement",
		"appoint.territory", "appoint.parent", "appoint.kinds", "appoint.level", "place.country", "link.type", "link.language", "link.media_type"}
	have := map[string]bool{}
	for _, k := range m.marks {
		have[k.kind.String()+"."+k.field] = true
	}
	for s := range trace.Kinds() {
		if s.Kind == ledger.KindRun || s.Kind == ledger.KindErase {
			continue // nodes write them; what is not public of them has marks of its own
		}
		for _, f := range s.Fields {
			name := s.Kind.String() + "." + f.Name
			if !have[name] && len(f.Choices) == 0 && !slices.Contains(checked, name) && f.Type != trace.TypeBool && f.Audience > ledger.Item {
				m.marking.t.Errorf("no record has a mark in %s", name)
			}
		}
	}
}

// An asking is somebody who reads, with how much he may see.
type asking struct {
	who   string
	at    *company
	token string
	sees  ledger.Audience
	party bool // of every record: the brand and the auditors are
}

// answers looks into everything that nodes answer, for marks of wider audiences
// than who asks.
func (m *marked) answers() {
	t := m.marking.t
	proven := map[string]bool{} // fields that some bundle for the public shows
	defer func() { m.everyBundle(proven) }()
	for _, q := range []asking{
		{"the public, at brand", m.brand, "", ledger.Item, false}, {"the public, at wh", m.wh, "", ledger.Item, false}, {"the public, at dist", m.dist, "", ledger.Item, false},
		{"a stranger's member", m.wh, m.wh.token, ledger.Members, false}, {"the brand's member", m.brand, m.brand.token, ledger.Members, true},
		{"the auditor", m.audit, m.audit.token, ledger.Members, true}, {"the agent's device", m.dist, m.agent, ledger.Members, false},
	} {
		for _, path := range m.paths(q.at) {
			for _, accept := range []string{"text/html", "application/json", "application/linkset+json"} {
				body := m.read(q.at, path, q.token, accept)
				for _, k := range m.marks {
					seen := bytes.Contains(body, []byte(k.text))
					if seen && q.token == "" && strings.HasPrefix(path, "/api/v1/proof") {
						proven[k.kind.String()+"."+k.field] = true
					}
					sees := q.sees
					if q.party && !strings.HasPrefix(path, "/api/v1/proof") && !strings.HasPrefix(path, "/log/") {
						sees = ledger.Parties // findings and stock tell them of quantities
					}
					if seen && k.audience > sees && !m.asked(path, k) {
						t.Errorf("%s sees %s.%s, which is for %s: GET %s as %s", q.who, k.kind, k.field, k.audience, path, accept)
					}
					if seen && k.audience == ledger.Item && q.sees == ledger.Item && !m.presents(path) {
						t.Errorf("%s sees %s.%s without a code: GET %s as %s", q.who, k.kind, k.field, path, accept)
					}
					if seen && k.audience == ledger.Item && q.sees == ledger.Item && m.isOfAnother(path, &k) {
						t.Errorf("%s sees %s.%s of a record about the codes %v: GET %s as %s", q.who, k.kind, k.field, k.codes, path, accept)
					}
				}
			}
		}
	}
}

// everyBundle holds that bundles showed what is public or for who has the code: a
// kind that was in none of them was not looked into.
func (m *marked) everyBundle(proven map[string]bool) {
	for _, k := range m.marks {
		name := k.kind.String() + "." + k.field
		if len(k.codes) > 0 && k.audience <= ledger.Item && !k.file && !proven[name] {
			m.marking.t.Errorf("no bundle has %s, which is for %s", name, k.audience)
		}
	}
}

// asked reports whether the address itself has the mark.
func (m *marked) asked(path string, k mark) bool { return strings.Contains(path, k.text) }

// isOfAnother reports whether an address presents a code and the record of a mark is
// about other codes: neither this one nor what it was made of.
func (m *marked) isOfAnother(path string, k *mark) bool {
	plain, _ := url.QueryUnescape(path)
	for i, uri := range m.uris {
		if !strings.Contains(strings.ToUpper(plain), strings.ToUpper(uri[strings.Index(uri, "/21/"):])) {
			continue
		}
		return len(k.codes) > 0 && !slices.Contains(k.codes, i) && !(i == 30 && slices.Contains(k.codes, 3))
	}
	return false
}

// presents reports whether an address presents a code, or the lot.
func (m *marked) presents(path string) bool {
	plain, _ := url.QueryUnescape(path)
	return strings.Contains(plain, "/21/") || strings.Contains(plain, "/00/") || strings.Contains(plain, "/10/")
}

// paths is all that can be asked of a node with GET.
func (m *marked) paths(c *company) []string {
	t := m.marking.t
	item := m.uri[strings.Index(m.uri, "/01/"):]
	paths := []string{item, item + "?lang=en", item + "?lang=zh", item + "?linkType=all", "/01/" + markedGTIN, "/01/" + markedGTIN + "?linkType=all", "/01/" + markedGTIN + "/10/marked-lot", "/00/" + m.pallet}
	asked := []string{item, "/01/" + markedGTIN, "/00/" + m.pallet, "/01/" + markedGTIN + "/10/marked-lot"}
	for _, uri := range m.uris {
		p := uri[strings.Index(uri, "/01/"):]
		asked, paths = append(asked, p), append(paths, p)
	}
	for _, p := range asked {
		uri := url.QueryEscape("https://lanzhi.example" + p)
		paths = append(paths, "/api/v1/trail?uri="+uri, "/api/v1/proof?uri="+uri)
	}
	var surface struct {
		Paths map[string]map[string]json.RawMessage
	}
	c.get("/openapi.json", &surface)
	for path, methods := range surface.Paths {
		if raw, ok := methods["get"]; ok && !strings.Contains(path, "{") && !bytes.Contains(raw, []byte("event-stream")) {
			paths = append(paths, path)
		}
	}
	for _, r := range m.records {
		paths = append(paths, "/api/v1/records/"+r.ID)
	}
	for _, k := range m.marks {
		if k.file {
			paths = append(paths, "/api/v1/documents/"+k.text)
		}
	}
	var chains struct {
		Chains []struct {
			Chain string `json:"chain"`
			Size  uint64 `json:"size"`
		}
	}
	c.get("/api/v1/chains", &chains)
	if len(chains.Chains) == 0 {
		t.Fatal("no chains")
	}
	for _, ch := range chains.Chains {
		log := "/log/" + ch.Chain
		width := fmt.Sprintf(".p/%d", ch.Size)
		paths = append(paths, log+"/checkpoint", log+"/tile/0/000"+width, log+"/tile/entries/000"+width)
	}
	paths = append(paths, streamPath, streamPath+"&state=stored")
	slices.Sort(paths)
	return slices.Compact(paths)
}

// streamPath streams all events from the first on.
const streamPath = "/api/v1/events?after=1:0"

// quietFor is how long a stream must have said nothing until the test believes that
// what was there before has come: that comes at once.
const quietFor = 700 * time.Millisecond

// untilQuiet ends a stream that has said something and then nothing for a while.
type untilQuiet struct {
	io.Reader
	end   func()
	quiet *time.Timer // nil: nothing was said yet
}

func (u *untilQuiet) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if u.quiet == nil {
		u.quiet = time.AfterFunc(quietFor, u.end)
	}
	u.quiet.Reset(quietFor)
	return n, err
}

// read gets an address and returns what comes, with what base64 in it says.
func (m *marked) read(c *company, path, token, accept string) []byte {
	t := m.marking.t
	t.Helper()
	stream := strings.HasPrefix(path, streamPath)
	if stream && accept != "application/json" {
		return nil // a stream does not ask
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var from io.Reader = res.Body
	if stream {
		from = &untilQuiet{Reader: res.Body, end: cancel}
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(from); err != nil && !stream {
		t.Fatal(err)
	}
	if stream && token != "" && body.Len() == 0 {
		t.Errorf("%s streams nothing to a caller with a token: status %d", c.name, res.StatusCode)
	}
	var v any
	if json.Unmarshal(body.Bytes(), &v) == nil {
		unpackBase64(&body, v)
	}
	return body.Bytes()
}

// unpackBase64 adds what strings anywhere in a JSON value hold in base64.
func unpackBase64(to *bytes.Buffer, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			unpackBase64(to, x)
		}
	case []any:
		for _, x := range v {
			unpackBase64(to, x)
		}
	case string:
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if raw, err := enc.DecodeString(v); err == nil && len(raw) > 8 {
				to.WriteByte('\n')
				to.Write(raw)
			}
		}
	}
}

// trails holds that what is for somebody reaches him: each event of the item shows
// the public the fields of that event that are for it, and members theirs.
func (m *marked) trails() {
	t := m.marking.t
	uri := "/api/v1/trail?uri=" + url.QueryEscape(m.uri)
	for _, q := range []asking{
		{"the public", m.wh, "", ledger.Item, false}, {"a stranger's member", m.wh, m.wh.token, ledger.Members, false},
		{"the agent's device", m.dist, m.agent, ledger.Item, false},
	} {
		var a trace.Answer
		got, err := send("GET", q.at.url+uri, q.token, nil)
		if err != nil {
			t.Fatal(err)
		}
		got.into(t, http.StatusOK, &a)
		kinds := map[string]bool{}
		for _, e := range a.Trail.Events {
			kinds[e.Kind] = true
			concerned := q.token == m.agent && (e.Party.Party == "agent" || fmt.Sprint(e.Fields["to"]) == "dist/agent")
			for _, k := range m.marks {
				if k.record != e.ID.String() || k.audience > ledger.Members {
					continue
				}
				shown := strings.Contains(mustJSON(t, e.Fields), k.text)
				if want := k.audience <= q.sees || concerned; shown != want {
					t.Errorf("%s: %s.%s, which is for %s, is shown: %v", q.who, k.kind, k.field, k.audience, shown)
				}
			}
		}
		for _, kind := range []string{"run", "activate", "ship", "receive", "sell", "return", "hold", "release", "inspect", "correct", "withdraw", "claim"} {
			if !kinds[kind] {
				t.Errorf("%s: the trail has no %s", q.who, kind)
			}
		}
	}
}

// disks looks into what nodes have stored and logged: a company that is no party
// to a record has what is for its parties nowhere, nobody but its author has what
// is his own, and logs say nothing.
func (m *marked) disks() {
	t := m.marking.t
	for _, c := range m.all() {
		stored := everything(t, c.dir)
		members, parties := 0, 0
		for _, k := range m.marks {
			if k.file || strings.Trim(k.text, "0123456789-") == "" {
				continue // CBOR has numbers otherwise, and digests stand in records
			}
			has := bytes.Contains(stored, []byte(k.text))
			switch {
			case k.audience == ledger.Own && has && c.name != k.author:
				t.Errorf("%s has %s.%s of %s on its disk", c.name, k.kind, k.field, k.author)
			case k.audience == ledger.Parties && has && c == m.wh:
				t.Errorf("%s, which is no party to it, has %s.%s of %s on its disk", c.name, k.kind, k.field, k.author)
			case k.audience == ledger.Members && has:
				members++
			case k.audience == ledger.Parties && has:
				parties++
			}
		}
		if members < 10 || (c == m.audit && parties < 5) {
			t.Errorf("only %d texts for members and %d for parties were found on the disk of %s: the test shows little", members, parties, c.name)
		}
		logged, err := os.ReadFile(c.logs)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range m.marks {
			if k.audience > ledger.Public && !k.file && bytes.Contains(logged, []byte(k.text)) {
				t.Errorf("%s logs %s.%s", c.name, k.kind, k.field)
			}
		}
	}
}

// everything is the bytes of all that a stopped node has stored of the chains, and
// of all its other files.
func everything(t *testing.T, dir string) []byte {
	t.Helper()
	var all bytes.Buffer
	src, err := store.OpenSource(filepath.Join(dir, "ledger"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	chains, err := src.Chains()
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		size, err := src.Size(chain)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range src.Entries(chain, 0, size) {
			if err != nil {
				t.Fatal(err)
			}
			all.Write(e.Raw)
			all.Write(e.Sidecar)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
