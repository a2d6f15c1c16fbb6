package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css
var style string

// Pages renders all pages. Make it with [New]; it is safe for concurrent use.
type Pages struct {
	tmpl  *template.Template
	words map[Lang]*Words
	style template.CSS
	csp   string

	kept   *keeper
	blanks blanks
}

// New reads templates and words. An error is a mistake in this package.
func New() (*Pages, error) {
	tmpl, err := template.New("pages").
		Option("missingkey=error").
		Funcs(template.FuncMap{"fill": fill}).
		ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	p := &Pages{tmpl: tmpl, words: make(map[Lang]*Words), blanks: newBlanks(), style: template.CSS(strings.TrimSpace(style))}
	for _, l := range langs {
		if p.words[l], err = readWords(l); err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
	}
	p.csp = policy(string(p.style))
	if p.kept, err = newKeeper(maxShared); err != nil {
		return nil, fmt.Errorf("keep pages: %w", err)
	}
	return p, nil
}

// policy is the Content-Security-Policy of a page with that inline style sheet.
func policy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// CSP is the value of the Content-Security-Policy header for every page.
func (p *Pages) CSP() string { return p.csp }

// Entry writes the page on which a code is typed in.
func (p *Pages) Entry(w io.Writer, l Lang, v *Entry) error {
	page := entryPage{frame: p.frame(l), Form: v}
	page.Title = page.Words.Form.Title + " · " + page.Words.Site
	return p.render(w, "entry", &page)
}

// Trouble writes the page for a request that has no answer.
func (p *Pages) Trouble(w io.Writer, l Lang, v *Trouble) error {
	page := troublePage{entryPage: entryPage{frame: p.frame(l), Form: v.Form}, Code: v.Code, ID: v.ID, Filings: v.Filings}
	page.Trouble = page.explain(v)
	page.Title = page.Trouble.Headline + " · " + page.Words.Site
	return p.render(w, "trouble", &page)
}

// render writes nothing unless the whole page could be made.
func (p *Pages) render(w io.Writer, name string, page any) error {
	var buf bytes.Buffer
	if err := p.tmpl.ExecuteTemplate(&buf, name, page); err != nil {
		return fmt.Errorf("render %s page: %w", name, err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

func (p *Pages) frame(l Lang) frame {
	next := langs[0]
	if l == next {
		next = langs[1]
	}
	return frame{Lang: l, Next: next, Words: p.words[l], Style: p.style}
}

// A frame is what every template needs.
type frame struct {
	Lang  Lang
	Next  Lang // the language to switch to
	Words *Words
	Style template.CSS
	Title string
}

// T says a text in the page's language.
func (f *frame) T(t Text) string { return t.In(f.Lang) }

// entryPage is the data of the form.
type entryPage struct {
	frame
	Form *Entry
}

// Mistake explains what is wrong with the marked field.
func (p *entryPage) Mistake() string { return lookUp(p.Words.Mistakes, p.Form.Mistake) }

// troublePage is the data of the trouble template.
type troublePage struct {
	entryPage
	Trouble  TroubleWords
	Code, ID string
	Filings  []string
}

// explain chooses the words for a problem: those of its code, else those of its
// class.
func (p *troublePage) explain(v *Trouble) TroubleWords {
	if w, ok := p.Words.Troubles[v.Code]; ok {
		return w
	}
	switch {
	case v.Status == 404:
		return p.Words.Troubles["not-found"]
	case v.Status == 429:
		return p.Words.Troubles["too-many-requests"]
	case v.Status >= 400 && v.Status < 500 && v.Form != nil:
		return p.Words.Troubles["malformed"]
	}
	return p.Words.Troubles[""]
}

// lookUp returns what words say about key, or about everything else.
func lookUp[T any](words map[string]T, key string) T {
	if w, ok := words[key]; ok {
		return w
	}
	return words[""]
}
