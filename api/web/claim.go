package web

import (
	"io"
	"time"
)

// A Claim is the page on which the second code of an item is typed in, and what
// became of it.
type Claim struct {
	Serial string
	Token  string // hidden in the form: sending it again is the same claim
	Typed  string // the second code, as typed

	Mistake string        // code of what is wrong, or empty
	Wait    time.Duration // before the next try, with the mistake too-many-tries

	Outcome string    // first, yours, before or wrong; empty before the form was sent
	At      time.Time // of the first use

	Caution Text // the sentence that stands on every page
	Back    string
	Filings []string
}

// claimPage is the data of the claim template.
type claimPage struct {
	entryPage
	Claim *Claim
}

// Claim writes the page on which a second code is typed in.
func (p *Pages) Claim(w io.Writer, l Lang, v *Claim) error {
	page := &claimPage{entryPage: entryPage{frame: p.frame(l)}, Claim: v}
	page.Title = page.Words.Claim.Title + " · " + page.Words.Site
	return p.render(w, "claim", page)
}

// ClaimSentence says what became of a claim, as the page does.
func (p *Pages) ClaimSentence(outcome string, at time.Time) Text {
	say := func(l Lang) string {
		w := p.words[l].Claim.Outcomes[outcome]
		stop := "。"
		if l == En {
			stop = ". "
		}
		return w.Headline + stop + fill(w.Text, "at", claimTime(l, at))
	}
	return Text{Zh: say(Zh), En: say(En)}
}

// claimTime shows when a code was first used, where the server is.
func claimTime(l Lang, at time.Time) string {
	at = at.Local()
	return instant(l, at) + " (" + zone(at) + ")"
}

// Asks reports whether there is something left to type in.
func (p *claimPage) Asks() bool { return p.Claim.Outcome == "" || p.Claim.Outcome == "wrong" }

// Mark names the banner's colour and icon.
func (p *claimPage) Mark() string {
	switch p.Claim.Outcome {
	case "first", "yours":
		return "consistent"
	case "before", "wrong":
		return "warning"
	}
	return "none"
}

// Result is what became of the claim.
func (p *claimPage) Result() TroubleWords { return p.Words.Claim.Outcomes[p.Claim.Outcome] }

// Advice says when the code was first used, and what that means.
func (p *claimPage) Advice() string {
	return fill(p.Result().Text, "at", claimTime(p.Lang, p.Claim.At))
}

// Wrong explains what is wrong with what was typed, or why nobody could say.
func (p *claimPage) Wrong() string {
	minutes := int((p.Claim.Wait + time.Minute - 1) / time.Minute)
	return fill(lookUp(p.Words.Claim.Mistakes, p.Claim.Mistake), "n", max(minutes, 1))
}
