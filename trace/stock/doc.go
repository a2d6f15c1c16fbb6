/*
Package stock counts items: who has how many of what, where, and since when;
what was sold, what is on its way, and what does not fit together. It starts at
[Count], which says how things stand with every code of a run, and [Group],
which adds that up.

# Figures are folds

A figure is made of trails, and nothing else: what [trace.Fold] says of each item
is what is counted. A run of ten million codes is not folded ten million times,
though. Codes that no record tells apart have the same trail but for their
index, so that one of them is folded and the others are counted. The work grows
with the number of records and of the ranges in them, not with the codes.

Count cuts a run where a range of some record begins or ends. What is in a unit
shares the records of the unit: where a pattern packs a run into cases, the cuts
among the cases become cuts of the run, and so on up to [trace.MaxNesting] units.
Where something was made of a range, its cuts become cuts of what was made. Each
piece then gets a signature: a hash over the events that name the code, or a unit
in which it ever was, and how; units are numbered in the order in which the fold
meets them. Pieces with one signature are alike, however far apart they lie, and
one fold does for all of them. A [Memo] keeps what was folded, so that counting a
run again after some records costs the folds of what these records touch.

# Sources

The package reads through [Source], at one cut: the sizes of the chains up to
which entries count. What an event says may change at one cut all the same, when
disclosures come late or are erased: a signature has how often it did. Everything may be asked at a past cut as well, and is then
what a fold at that cut says.
*/
package stock
