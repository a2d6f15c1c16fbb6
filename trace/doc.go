// Package trace says what the records of a ledger mean for goods: which event a
// record tells, who held an item when, and what does not fit together.
package trace
