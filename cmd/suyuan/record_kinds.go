package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/sheet"
)

// kindInfo is one kind of record in JSON.
type kindInfo struct {
	Kind     string      `json:"kind"`
	Number   uint16      `json:"number"`
	Name     trace.Names `json:"name"`
	Doc      trace.Names `json:"doc"`
	Who      trace.Names `json:"who"`
	Rule     trace.Names `json:"rule"`
	Subjects []string    `json:"subjects"`
	Fields   []fieldInfo `json:"fields"`
	EPCIS    eventInfo   `json:"epcis"`
}

// eventInfo says as which event of EPCIS 2.0 a kind is exported and imported.
type eventInfo struct {
	Type   string      `json:"type,omitempty"`
	Action string      `json:"action,omitempty"`
	Steps  []stepInfo  `json:"steps,omitempty"`
	None   trace.Names `json:"none,omitzero"` // why there is no event
}

type stepInfo struct {
	Field       string `json:"field,omitempty"` // where the field has this value
	Value       string `json:"value,omitempty"`
	BizStep     string `json:"biz_step"`
	Disposition string `json:"disposition,omitempty"`
}

// fieldInfo is one field of a kind in JSON.
type fieldInfo struct {
	Number   uint64      `json:"number"`
	Field    string      `json:"field"`
	Name     trace.Names `json:"name"`
	Doc      string      `json:"doc"`
	Type     string      `json:"type"`
	Audience string      `json:"audience"`
	Where    string      `json:"where"` // record or disclosure
	Required bool        `json:"required"`
	Erasable bool        `json:"erasable"`
	Choices  []string    `json:"choices,omitempty"`
	Min      uint64      `json:"min,omitempty"`
	Max      uint64      `json:"max,omitempty"`
	EPCIS    string      `json:"epcis,omitempty"` // the attribute of its event
}

func newRecordKinds(e *env) *cobra.Command {
	var markdown bool
	lang := defaultLang(os.Getenv("LC_ALL"), os.Getenv("LANG"))
	cmd := &cobra.Command{
		Use:   "kinds [KIND...]",
		Short: "Describe the kinds of record: fields, audiences, who may sign them, what follows",
		Long: `Describe all kinds of record, or the given ones, from the table by which records
are checked. Audiences: public; item (members, and whoever presents a code that the
record covers); members; parties (author, counterparty, brand, auditors); own.`,
		Example: `  suyuan record kinds ship receive
  suyuan record kinds --markdown --lang zh > kinds.md`,
		RunE: func(_ *cobra.Command, names []string) error {
			if lang != string(sheet.Zh) && lang != string(sheet.En) {
				return misused("--lang %q is neither zh nor en", lang)
			}
			specs, err := specsNamed(names)
			if err != nil {
				return err
			}
			if e.json {
				list := []kindInfo{}
				for _, s := range specs {
					list = append(list, infoOf(s))
				}
				return e.printJSON(map[string]any{"kinds": list, "rules": trace.Rules})
			}
			for _, s := range specs {
				if markdown {
					writeKindMarkdown(e.stdout, s, sheet.Lang(lang))
				} else {
					writeKind(e.stdout, s, sheet.Lang(lang))
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "as a document")
	cmd.Flags().StringVar(&lang, "lang", lang, "language: zh or en")
	return cmd
}

// specsNamed returns the kinds of some names, all without any.
func specsNamed(names []string) ([]*trace.KindSpec, error) {
	var specs []*trace.KindSpec
	for s := range trace.Kinds() {
		if len(names) == 0 {
			specs = append(specs, s)
		}
	}
	for _, name := range names {
		kind, _ := ledger.KindByName(name)
		s, ok := trace.Spec(kind)
		if !ok {
			return nil, misused("%q is no kind of record", name)
		}
		specs = append(specs, s)
	}
	return specs, nil
}

func infoOf(s *trace.KindSpec) kindInfo {
	text := s.Text()
	info := kindInfo{Kind: s.Kind.String(), Number: uint16(s.Kind), Name: kindNames(s), Doc: text.Doc, Who: text.Who, Rule: text.Rule,
		Subjects: []string{}, Fields: []fieldInfo{}, EPCIS: eventOf(s)}
	for _, k := range s.Subjects {
		info.Subjects = append(info.Subjects, k.String())
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		info.Fields = append(info.Fields, fieldInfo{
			Number: f.Number, Field: f.Name, Name: fieldNames(s, f), Doc: f.Doc, Type: string(f.Type), Audience: f.Audience.String(),
			Where: whereOf(f), Required: f.Required, Erasable: !f.Folded && !f.InRecord, Choices: f.Choices, Min: f.Min, Max: f.Max, EPCIS: attributeOf(s, f),
		})
	}
	return info
}

func eventOf(s *trace.KindSpec) eventInfo {
	x := &s.EPCIS
	info := eventInfo{Type: x.Type, Action: x.Action, None: x.None}
	if x.Step == "" {
		return info
	}
	for _, c := range x.Steps() {
		step := stepInfo{Value: c.Value, BizStep: c.Step, Disposition: c.Disposition}
		if c.Value != "" {
			step.Field = x.By
		}
		info.Steps = append(info.Steps, step)
	}
	return info
}

// attributeOf is where a field stands in an event, "" if its kind has none.
func attributeOf(s *trace.KindSpec, f *trace.Field) string {
	if s.EPCIS.Type == "" {
		return ""
	}
	return f.Attribute()
}

// eventText describes the event of a kind in a line.
func eventText(s *trace.KindSpec, l sheet.Lang) string {
	info := eventOf(s)
	if info.Type == "" {
		return "- (" + in(info.None, l) + ")"
	}
	text := strings.TrimSpace(info.Type + " " + info.Action)
	for i, step := range info.Steps {
		if i > 0 {
			text += "; " + step.Field + "=" + step.Value + ":"
		}
		text = strings.TrimSpace(text + " " + step.BizStep + " " + step.Disposition)
	}
	return text
}

func kindNames(s *trace.KindSpec) trace.Names {
	return trace.Names{Zh: sheet.KindWord(s.Kind, sheet.Zh), En: sheet.KindWord(s.Kind, sheet.En)}
}

func fieldNames(s *trace.KindSpec, f *trace.Field) trace.Names {
	return trace.Names{Zh: sheet.FieldWord(s, f, sheet.Zh), En: sheet.FieldWord(s, f, sheet.En)}
}

func whereOf(f *trace.Field) string {
	if f.InRecord {
		return "record"
	}
	return "disclosure"
}

// kindsWords are the words of the description, by language.
var kindsWords = map[sheet.Lang]struct {
	who, about, required, header string
	audience, where              map[string]string
}{
	sheet.En: {"signed by", "about", "required", "| No. | field | type | audience | where | |\n|---:|---|---|---|---|---|",
		map[string]string{}, map[string]string{}},
	sheet.Zh: {"登记方", "对象", "必填", "| 序号 | 字段 | 类型 | 可见范围 | 位置 | |\n|---:|---|---|---|---|---|",
		map[string]string{"public": "公开", "item": "扫码者", "members": "成员", "parties": "相关方", "own": "本公司"},
		map[string]string{"record": "记录", "disclosure": "披露"}},
}

func said(words map[string]string, word string) string {
	if w := words[word]; w != "" {
		return w
	}
	return word
}

func subjectWords(s *trace.KindSpec) string {
	if len(s.Subjects) == 0 {
		return "-"
	}
	var list []string
	for _, k := range s.Subjects {
		list = append(list, k.String())
	}
	return strings.Join(list, ", ")
}

// remark is what there is to say about a field besides its name and type.
func remark(s *trace.KindSpec, f *trace.Field, l sheet.Lang) string {
	text := f.Doc
	if l == sheet.Zh {
		text = sheet.FieldWord(s, f, l)
	}
	if len(f.Choices) > 0 {
		text += " (" + strings.Join(f.Choices, ", ") + ")"
	}
	if f.Required {
		text += "; " + kindsWords[l].required
	}
	if f.EPCIS != "" {
		text += "; EPCIS " + string(f.EPCIS)
	}
	return text
}

// writeKind describes a kind for a terminal.
func writeKind(w io.Writer, s *trace.KindSpec, l sheet.Lang) {
	words, text := kindsWords[l], s.Text()
	fmt.Fprintf(w, "%s (%d): %s\n  %s: %s\n  %s: %s\n  EPCIS: %s\n  %s\n", sheet.KindWord(s.Kind, l), s.Kind, in(text.Doc, l), words.who, in(text.Who, l),
		words.about, subjectWords(s), eventText(s, l), in(text.Rule, l))
	for i := range s.Fields {
		f := &s.Fields[i]
		fmt.Fprintf(w, "  %3d %-16s %-8s %s  %s  %s\n", f.Number, f.Name, f.Type, said(words.audience, f.Audience.String()),
			said(words.where, whereOf(f)), remark(s, f, l))
	}
	fmt.Fprintln(w)
}

// writeKindMarkdown describes a kind as a section of a document.
func writeKindMarkdown(w io.Writer, s *trace.KindSpec, l sheet.Lang) {
	words, text := kindsWords[l], s.Text()
	title := s.Kind.String()
	if name := sheet.KindWord(s.Kind, l); name != title {
		title = name + " `" + title + "`"
	}
	fmt.Fprintf(w, "## %s (%d)\n\n%s\n\n- %s: %s\n- %s: %s\n- EPCIS: %s\n\n%s\n", title, s.Kind, in(text.Doc, l), words.who, in(text.Who, l),
		words.about, subjectWords(s), eventText(s, l), in(text.Rule, l))
	if len(s.Fields) > 0 {
		fmt.Fprintf(w, "\n%s\n", words.header)
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		fmt.Fprintf(w, "| %d | `%s` | %s | %s | %s | %s |\n", f.Number, f.Name, f.Type, said(words.audience, f.Audience.String()),
			said(words.where, whereOf(f)), remark(s, f, l))
	}
	fmt.Fprintln(w)
}

func in(n trace.Names, l sheet.Lang) string {
	if l == sheet.Zh {
		return n.Zh
	}
	return n.En
}
