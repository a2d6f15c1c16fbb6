package ledger

// Covers checks the form of an end and whether it covers what may be final.
func (e *Ended) Covers(prev *Charter, signed map[string]bool, guilty string) error {
	if err := e.checkForm(); err != nil {
		return err
	}
	return e.covers(prev, signed, guilty)
}
