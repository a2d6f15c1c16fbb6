package node

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// An Approved is a draft that a second operator has approved.
type Approved struct {
	Draft    json.RawMessage // with the approval, and the time it is of
	Message  string          // what was signed, see [trace.ApprovalMessage]
	Approver ledger.Address  // zero if nobody has signed
}

// Approve has a second operator of this node approve a draft that another is going
// to sign: codes of products that pay rewards are activated by two. It fixes the
// time of the event, which is what is approved, and nothing may be changed
// afterwards. With sign false nothing is signed: an operator whose key is kept
// elsewhere signs the message there, and puts the signature into the draft's field
// co_approval.
func (n *Node) Approve(ctx context.Context, who Signer, raw []byte, sign bool) (*Approved, error) {
	d, err := trace.ParseDraft(raw)
	if err != nil {
		return nil, fieldRefusal(err)
	}
	if d.Kind != ledger.KindActivate.String() {
		return nil, refuse(422, "no-approval-needed", "a %s record is signed by one operator", d.Kind)
	}
	env, err := n.draftEnv(ctx)
	if err != nil {
		return nil, err
	}
	d.Party = cmp.Or(d.Party, who.Party) // as it will be where the other operator posts it
	delete(d.Fields, "co_approval")
	pinTime(d, &env)
	e, err := d.Event(env)
	if err != nil {
		return nil, fieldRefusal(err)
	}
	a := &Approved{}
	if a.Message, err = trace.ApprovalMessage(n.Network().ID, e); err != nil {
		return nil, err
	}
	if sign {
		if d.Fields["co_approval"], err = n.signApproval(who, e, a); err != nil {
			return nil, err
		}
	}
	a.Draft, err = json.Marshal(d)
	return a, err
}

// pinTime gives a draft that says when it happened by its age, or not at all, the
// instant. Milliseconds are all that a record keeps.
func pinTime(d *trace.Draft, env *trace.Env) {
	if d.At != nil {
		return
	}
	at := env.Now.Truncate(time.Millisecond)
	if d.AgeMs != nil {
		at, d.AgeMs = at.Add(-time.Duration(*d.AgeMs)*time.Millisecond), nil
	}
	at = at.In(time.FixedZone("", env.Zone*60))
	d.At = &at
}

// signApproval signs as an operator of this node who may sign such events.
func (n *Node) signApproval(who Signer, e *trace.Event, a *Approved) (string, error) {
	key, err := n.signingKey(who, e.Kind.String())
	if err != nil {
		return "", err
	}
	a.Approver = ledger.AddressOf(key)
	if err := n.mayApprove(a.Approver, e); err != nil {
		return "", err
	}
	sig, err := ledger.SignMessage(a.Message, key)
	if err != nil {
		return "", err
	}
	return trace.Approval(sig).String(), nil
}

// checkApproval holds at the author's door that an activation of codes of a
// product that pays rewards was approved by a second operator, and that an
// approval which an activation bears is one.
func (n *Node) checkApproval(e *trace.Event, view ownView) error {
	if e.Kind != ledger.KindActivate {
		return nil
	}
	given := e.Fields.Text("co_approval") != ""
	if !given {
		needed, err := needsApproval(e, view)
		if err != nil || !needed {
			return err
		}
		return refuse(409, "approval-missing", "codes of a product that pays rewards are activated by two operators: suyuan record approve has a second one approve the draft")
	}
	approver, err := trace.Approver(n.Network().ID, e)
	if err != nil {
		return &Refusal{code: "approval-invalid", status: 409, err: err}
	}
	if err := n.mayApprove(approver, e); err != nil {
		return err
	}
	return n.differentPeople(approver, e.Signer)
}

// differentPeople refuses two keys that grants on this chain say are one person's.
// Where they do not say whose a key is, two keys count as two people.
func (n *Node) differentPeople(approver, signer ledger.Address) error {
	a, err := n.people(approver)
	if err != nil {
		return err
	}
	b, err := n.people(signer)
	if err != nil {
		return err
	}
	for person := range a {
		if b[person] {
			return refuse(409, "approval-invalid", "%s and %s are keys of one person, %s", approver, signer, person)
		}
	}
	return nil
}

// people returns whose key an address is, as the own chain's grants say.
func (n *Node) people(address ledger.Address) (map[string]bool, error) {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return nil, err
	}
	people := make(map[string]bool)
	for _, g := range c.Rights().Of(address) {
		raw, err := n.store.Sidecar(n.chain, g.Seq)
		if err != nil {
			return nil, fmt.Errorf("read grant %d: %w", g.Seq, err)
		}
		sc, err := ledger.DecodeSidecar(raw)
		if err != nil {
			return nil, err
		}
		for _, raw := range sc.Disclosures {
			d, err := ledger.DecodeDisclosure(raw)
			if err != nil {
				return nil, err
			}
			var person string
			if d.Path == ledger.GrantPerson && ledger.Unmarshal(d.Value, &person) == nil && person != "" {
				people[person] = true
			}
		}
	}
	return people, nil
}

// needsApproval reports whether a range of codes of a product that pays rewards is
// among what an activation is about.
func needsApproval(e *trace.Event, view ownView) (bool, error) {
	asked := make(map[gs1.GTIN]bool)
	for _, s := range e.Subjects {
		if s.Kind != trace.SubjectRange || asked[s.Range.GTIN] {
			continue
		}
		asked[s.Range.GTIN] = true
		products, err := view.Products(s.Range.GTIN)
		if err != nil {
			return false, fmt.Errorf("look up product %s: %w", s.Range.GTIN, err)
		}
		if trace.RewardTrigger(products) != "" {
			return true, nil
		}
	}
	return false, nil
}

// mayApprove holds that an address holds a grant by which it could have signed the
// event itself, and was not revoked by the charter.
func (n *Node) mayApprove(approver ledger.Address, e *trace.Event) error {
	c, err := n.store.Chain(n.chain)
	if err != nil {
		return err
	}
	if coversEvent(c.Rights().Of(approver), e) && !n.revokedByCharter(approver) {
		return nil
	}
	return refuse(409, "approval-invalid", "%s holds no grant that covers this activation, and cannot approve it", approver)
}

// approvedByTwo reports whether a stored activation was approved by a second
// operator who at that time could have signed it himself. Its author's door holds
// this; who pays does not rely on another company's door.
func (n *Node) approvedByTwo(e *trace.Event) (bool, error) {
	approver, err := trace.Approver(n.Network().ID, e)
	if err != nil {
		return false, nil
	}
	c, err := n.store.Chain(e.Chain)
	if err != nil {
		return false, err
	}
	return coversEvent(c.Rights().At(approver, e.Seq), e), nil
}

// coversEvent reports whether one of the grants allows to sign the event.
func coversEvent(grants []ledger.Grant, e *trace.Event) bool {
	return slices.ContainsFunc(grants, func(g ledger.Grant) bool {
		return slices.Contains(g.Kinds, e.Kind) && (g.Party == "" || g.Party == e.Party) &&
			(len(g.Places) == 0 || slices.Contains(g.Places, e.Place))
	})
}
