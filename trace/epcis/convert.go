package epcis

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
)

// A conversion makes the draft of one event: it takes each attribute for what the
// table says, and nothing may be left.
type conversion struct {
	reader *Reader
	event  *event
	object *object // what is left of it
	draft  *trace.Draft
	spec   *trace.KindSpec
	step   trace.EPCISStep // as the event says

	unmapped []string
}

func (c *conversion) convert() error {
	for _, do := range []func() error{
		c.readKind, c.readTime, c.readEnvelope, c.readPlace, c.readGoods, c.readTransactions, c.readEndpoints,
		c.readMaster, c.readCertificates, c.readExtensions,
	} {
		if err := do(); err != nil {
			return err
		}
	}
	for _, name := range append(slices.Clone(provenance), "recordTime") {
		delete(c.object.have, name)
	}
	if left := append(c.unmapped, c.object.left()...); len(left) > 0 {
		return unmapped(left)
	}
	return c.complete()
}

func (c *conversion) readKind() error {
	o := c.object
	action, err := o.text("action")
	if err != nil {
		return err
	}
	if c.step.Step, err = o.text("bizStep"); err != nil {
		return err
	}
	if c.step.Disposition, err = o.text("disposition"); err != nil {
		return err
	}
	c.step = trace.EPCISStep{Step: bizSteps.short(c.step.Step), Disposition: dispositions.short(c.step.Disposition)}
	if c.spec, err = kindOf(c.event, action, c.step.Step, c.step.Disposition); err != nil {
		return err
	}
	if c.spec.EPCIS.Action != action {
		return refuse(CodeDisagrees, "action", "is %q where a %s has %q", action, c.spec.Kind, c.spec.EPCIS.Action)
	}
	c.draft.Kind = c.spec.Kind.String()
	return nil
}

func (c *conversion) readTime() error {
	text, err := c.object.text("eventTime")
	if err != nil {
		return err
	}
	at, err := readTime("eventTime", text)
	if err != nil {
		return err
	}
	zone, err := c.object.text("eventTimeZoneOffset")
	if err != nil {
		return err
	}
	if zone == "" {
		return refuse(CodeForm, "eventTimeZoneOffset", "is missing")
	}
	at = at.UTC()
	c.draft.At, c.draft.Zone = &at, zone
	return nil
}

// readEnvelope reads who acted and what the record refers to.
func (c *conversion) readEnvelope() error {
	return c.reader.envelope(c.object, c.draft)
}

func (r *Reader) envelope(o *object, d *trace.Draft) error {
	actor, err := o.text(extParty)
	if err != nil {
		return err
	}
	if d.Party = r.opt.Party; actor != "" {
		if trace.CheckParty(actor) != nil {
			return refuse(CodeForm, o.path+extParty, "%q is no party", actor)
		}
		member, slug, _ := strings.Cut(actor, "/")
		if member != r.opt.Member {
			return refuse(CodeNotOwn, o.path+extParty, "%s records its own events; %s has to record this one", r.opt.Member, member)
		}
		if slug == "" && r.opt.Party != "" {
			return refuse(CodeNotOwn, o.path+extParty, "is %s itself, and who records this acts for its party %s", member, r.opt.Party)
		}
		d.Party = slug
	}
	_, err = o.take(extRefs, &d.Refs)
	return err
}

func (c *conversion) readPlace() error {
	var at, after *Location
	if _, err := c.object.take("readPoint", &at); err != nil {
		return err
	}
	if _, err := c.object.take("bizLocation", &after); err != nil {
		return err
	}
	for field, l := range map[string]*Location{"readPoint.id": at, "bizLocation.id": after} {
		if l == nil {
			continue
		}
		name, err := c.reader.ownPlace(field, l.ID)
		if err != nil {
			return err
		}
		if c.draft.Place != "" && c.draft.Place != name {
			c.unmapped = append(c.unmapped, "bizLocation") // a record has one place
		}
		c.draft.Place = name
	}
	return nil
}

// ownPlace reads a place of the member, without the member.
func (r *Reader) ownPlace(field, uri string) (string, error) {
	name, err := r.place(field, uri)
	if err != nil {
		return "", err
	}
	member, id, _ := strings.Cut(name, "/")
	if member != r.opt.Member {
		return "", refuse(CodeNotOwn, field, "%s is a place of %s", name, member)
	}
	return id, nil
}

func (r *Reader) place(field, uri string) (string, error) {
	if name, ok := r.space.parsePlace(uri); ok {
		return name, nil
	}
	if g, ok := parseGLN(uri); ok && r.opt.Place != nil {
		name, err := r.opt.Place(g)
		if err != nil || name != "" {
			return name, err
		}
	}
	return "", refuse(CodeID, field, "%q is no place of the network: neither one's GLN nor %s<member>/<id>", uri, string(r.space)+classPlace)
}

// party reads a party: its name, or a GLN that stands for one.
func (r *Reader) party(field, uri string) (string, error) {
	if name, ok := r.space.parseParty(uri); ok {
		return name, nil
	}
	if g, ok := parseGLN(uri); ok && r.opt.PartyOf != nil {
		name, err := r.opt.PartyOf(g)
		if err != nil || name != "" {
			return name, err
		}
	}
	return "", refuse(CodeID, field, "%q is no party of the network: neither a GLN that the charter gives to one member nor %s<member>[/<slug>]", uri, string(r.space)+classParty)
}

// readTransactions gives the ids of documents to the fields that have their types.
func (c *conversion) readTransactions() error {
	var list []Transaction
	if _, err := c.object.take("bizTransactionList", &list); err != nil {
		return err
	}
	for i, t := range list {
		field := fmt.Sprintf("bizTransactionList[%d]", i)
		f := c.fieldAt(trace.EPCISHome("bizTransactionList " + transactions.short(t.Type)))
		if f == nil {
			c.unmapped = append(c.unmapped, field)
			continue
		}
		number, ok := c.reader.space.parseTransaction(t.ID)
		if !ok {
			return refuse(CodeID, field, "%q is no id of a document", t.ID)
		}
		if f.Type == trace.TypeTexts {
			numbers, _ := c.draft.Fields[f.Name].([]string)
			c.draft.Fields[f.Name] = append(numbers, number)
		} else if !c.set(f.Name, number) {
			c.unmapped = append(c.unmapped, field) // a record has one
		}
	}
	return nil
}

// fieldAt returns the field of the kind with a home, nil if there is none.
func (c *conversion) fieldAt(home trace.EPCISHome) *trace.Field {
	for i := range c.spec.Fields {
		if f := &c.spec.Fields[i]; f.EPCIS == home {
			return f
		}
	}
	return nil
}

// set fills a field in, and reports whether it had no other value.
func (c *conversion) set(name string, v any) bool {
	if old, ok := c.draft.Fields[name]; ok {
		return old == v
	}
	c.draft.Fields[name] = v
	return true
}

// readEndpoints reads where goods come from and go to.
func (c *conversion) readEndpoints() error {
	var from []Source
	var to []Destination
	if _, err := c.object.take("sourceList", &from); err != nil {
		return err
	}
	if _, err := c.object.take("destinationList", &to); err != nil {
		return err
	}
	for i, s := range from {
		if err := c.endpoint("sourceList", i, s.Type, s.ID); err != nil {
			return err
		}
	}
	for i, d := range to {
		if err := c.endpoint("destinationList", i, d.Type, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// endpoint reads one of them. Who owns goods is not recorded: an owner counts where
// it is who has them, too. The own side says nothing new.
func (c *conversion) endpoint(list string, i int, typ, uri string) error {
	field := fmt.Sprintf("%s[%d]", list, i)
	typ = endpoints.short(typ)
	if typ == "location" {
		name, err := c.reader.place(field, uri)
		if err != nil {
			return err
		}
		if f := c.fieldAt(trace.EPCISHome(list + " location")); f != nil && c.set(f.Name, name) || name == c.reader.opt.Member+"/"+c.draft.Place {
			return nil
		}
		c.unmapped = append(c.unmapped, field)
		return nil
	}
	name, err := c.reader.party(field, uri)
	if err != nil {
		return err
	}
	f := c.fieldAt(trace.EPCISHome(list + " possessing_party"))
	switch {
	case typ != "possessing_party" && typ != "owning_party":
	case f != nil && c.set(f.Name, name), f == nil && (name == c.reader.opt.Member || name == join(c.reader.opt.Member, c.draft.Party)):
		return nil
	}
	c.unmapped = append(c.unmapped, field)
	return nil
}

func join(member, slug string) string {
	if slug == "" {
		return member
	}
	return member + "/" + slug
}

// readMaster reads instance and lot master data.
func (c *conversion) readMaster() error {
	raw, ok := c.object.have["ilmd"]
	if !ok {
		return nil
	}
	delete(c.object.have, "ilmd")
	o, err := newObject("ilmd", raw)
	if err != nil {
		return err
	}
	for i := range c.spec.Fields {
		f := &c.spec.Fields[i]
		if home, ok := strings.CutPrefix(string(f.EPCIS), "ilmd "); ok {
			text, err := o.text(home)
			if err != nil {
				return err
			}
			if text != "" && !c.set(f.Name, text) {
				return refuse(CodeDisagrees, "ilmd."+home, "is %q where the goods are of lot %q", text, c.draft.Fields[f.Name])
			}
		}
	}
	c.unmapped = append(c.unmapped, o.left()...)
	return nil
}

// readCertificates reads the digest of a report.
func (c *conversion) readCertificates() error {
	raw, ok := c.object.have["certificationInfo"]
	if !ok {
		return nil
	}
	delete(c.object.have, "certificationInfo")
	var list []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return refuse(CodeForm, "certificationInfo", "is neither a URI nor a list of them")
	}
	f := c.fieldAt(trace.HomeCertificate)
	for _, uri := range list {
		digest, ok := parseHash(uri)
		if f == nil || !ok || !c.set(f.Name, digest) {
			c.unmapped = append(c.unmapped, "certificationInfo")
		}
	}
	return nil
}

// readExtensions reads the fields that stand in our own namespace.
func (c *conversion) readExtensions() error {
	if _, err := c.object.take(Prefix+"documents", &c.draft.Documents); err != nil {
		return err
	}
	for i := range c.spec.Fields {
		f := &c.spec.Fields[i]
		if f.EPCIS != "" {
			continue
		}
		var v any
		ok, err := c.object.take(Prefix+f.Name, &v)
		if err != nil {
			return err
		}
		if ok {
			c.draft.Fields[f.Name] = v
		}
	}
	return nil
}

// complete fills in what step and disposition say, and the defaults, and holds that
// the fields fit the step.
func (c *conversion) complete() error {
	x := &c.spec.EPCIS
	if _, ok := c.draft.Fields[x.By]; x.By != "" && !ok {
		if v := c.bySays(); v != "" {
			c.draft.Fields[x.By] = v
		}
	}
	c.reader.defaults(c.spec, c.draft)
	text, _ := c.draft.Fields[x.By].(string)
	want := x.At(trace.Values{x.By: text})
	if !c.fits(want) {
		return refuse(CodeDisagrees, "bizStep", "%s %s, where a %s has %s %s", c.step.Step, c.step.Disposition, c.spec.Kind, want.Step, want.Disposition)
	}
	for i := range c.spec.Fields {
		f := &c.spec.Fields[i]
		if _, ok := c.draft.Fields[f.Name]; f.Required && !ok {
			return refuse(CodeMissing, f.Attribute(),
				"a %s has to say it (%s); give it, or a default for %s.%s", c.spec.Kind, f.Doc, c.spec.Kind, f.Name)
		}
	}
	return nil
}

// bySays is the value of the field for which the step stands, if it stands for one
// alone.
func (c *conversion) bySays() string {
	x := &c.spec.EPCIS
	f, _ := c.spec.Field(x.By)
	var fit []string
	for _, v := range f.Choices {
		if c.fits(x.At(trace.Values{x.By: v})) {
			fit = append(fit, v)
		}
	}
	for v, s := range x.Instead {
		if c.fits(s) && !slices.Contains(fit, v) {
			fit = append(fit, v)
		}
	}
	if len(fit) != 1 {
		return ""
	}
	return fit[0]
}

// fits reports whether the event has a step and its disposition, or says no
// disposition.
func (c *conversion) fits(s trace.EPCISStep) bool {
	return c.step.Step == s.Step && (c.step.Disposition == s.Disposition || c.step.Disposition == "")
}

func (r *Reader) defaults(spec *trace.KindSpec, d *trace.Draft) {
	for name, v := range r.opt.Defaults[spec.Kind.String()] {
		if _, ok := d.Fields[name]; !ok {
			d.Fields[name] = v
		}
	}
}

// correction makes the draft of a declaration that an event is an error. Of the
// event only its name counts: what it says again is what was recorded.
func (r *Reader) correction(it *Item) (*trace.Draft, error) {
	e := it.events[0]
	o, err := newObject("errorDeclaration", e.object.have["errorDeclaration"])
	if err != nil {
		return nil, err
	}
	spec, _ := trace.Spec(ledger.KindCorrect)
	d := &trace.Draft{Kind: spec.Kind.String(), Fields: map[string]any{}}
	if err := r.declared(o, d); err != nil {
		return nil, err
	}
	target, err := r.record("eventID", it.EventID)
	if err != nil {
		return nil, err
	}
	d.Fields["target"] = target
	var corrective []string
	if _, err := o.take("correctiveEventIDs", &corrective); err != nil {
		return nil, err
	}
	switch len(corrective) {
	case 0:
	case 1:
		if d.Fields["replacement"], err = r.record("errorDeclaration.correctiveEventIDs[0]", BaseID(corrective[0])); err != nil {
			return nil, err
		}
	default:
		return nil, refuse(CodeUnmapped, "errorDeclaration.correctiveEventIDs", "one record stands in the place of another, not %d", len(corrective))
	}
	for _, name := range provenance {
		delete(o.have, name)
	}
	if left := o.left(); len(left) > 0 {
		return nil, unmapped(left)
	}
	r.defaults(spec, d)
	return d, nil
}

// declared reads a declaration but for the events that it names.
func (r *Reader) declared(o *object, d *trace.Draft) error {
	text, err := o.text("declarationTime")
	if err != nil {
		return err
	}
	at, err := readTime("errorDeclaration.declarationTime", text)
	if err != nil {
		return err
	}
	_, seconds := at.Zone()
	utc := at.UTC()
	d.At, d.Zone = &utc, offset(seconds/60)
	if err := r.envelope(o, d); err != nil {
		return err
	}
	place, err := o.text(extPlace)
	if err != nil {
		return err
	}
	if place != "" {
		if d.Place, err = r.ownPlace("errorDeclaration."+extPlace, place); err != nil {
			return err
		}
	}
	if _, err := o.take(Prefix+"documents", &d.Documents); err != nil {
		return err
	}
	reason, err := o.text("reason")
	if err != nil {
		return err
	}
	if reason = errorReasons.short(reason); reason != "" {
		d.Fields["reason"] = strings.ReplaceAll(reason, "_", "-")
	}
	for _, name := range []string{"reason", "text"} {
		text, err := o.text(Prefix + name)
		if err != nil {
			return err
		}
		if text != "" {
			d.Fields[name] = text
		}
	}
	return nil
}

// record finds the record that an event's id names.
func (r *Reader) record(field, id string) (ledger.Hash, error) {
	if id == "" || r.opt.Record == nil {
		return ledger.Hash{}, refuse(CodeID, field, "an event is declared an error by its eventID")
	}
	found, err := r.opt.Record(id)
	if err == nil && found.IsZero() {
		err = refuse(CodeID, field, "no event %s is recorded here", id)
	}
	return found, err
}
