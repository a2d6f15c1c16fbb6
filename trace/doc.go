/*
Package trace says what the records of a ledger mean for goods: which event each
record tells, where an item was when and who held it, and what does not fit
together.

To read: [DecodeEvent] makes events of records, [Fold] makes the trail of an item
of events, and [Trail.For] shows it to somebody. To write: [ParseDraft] and
[Draft.Build] make a record of what a caller says, and [Admit] decides whether
its author may append it. The package is pure: it has no clock, no storage and no
goroutine, and everything is safe for concurrent use as long as nobody changes
what was passed in.

# Subjects

What an event is about stands in the leaves of its record, one subject each, so
that a proof for one item reveals just the subject that covers it. A subject is a
CBOR array that begins with its kind. GTIN and SSCC are the unsigned integers
that their 14 or 18 digits write; indexes count the codes of a run from 0; both
ends of a range belong to it.

	range    [1, gtin, run, from, to]
	sscc     [2, sscc]
	lot      [3, gtin, lot]              lot as in AI 10
	content  [4, unit, content]          unit: an sscc, or a range of one code;
	                                     content: a range, an sscc or a lot
	pattern  [5, gtin, run, start, per, unit gtin, unit run, unit start, units,
	          [[from, to], ...]]         unit i of the case codes holds the codes
	                                     start+i·per to start+i·per+per-1, minus
	                                     the exceptions, which ascend and do not
	                                     touch
	gtin     [6, gtin]                   the product as a whole
	made     [7, output, input]          output: a range or an sscc; input: a range,
	                                     an sscc or a lot. Of two ranges one has n
	                                     times as many codes as the other: the
	                                     first n go with its first, and so on

For example the codes 10 to 600 of run 3 of GTIN 06901234567892:

	85                      array of 5
	   01                   range
	   1b 00000646d1a28ad4  GTIN
	   03                   run
	   0a                   from
	   19 0258              to

# Fields

[Spec] returns the table of a kind's fields; [Table] writes it all down, as
testdata/table.txt shows. Each field has a number in its kind, which is never
reused, and an audience. Public codes, numbers, dates and digests stand in the
record's bytes, in a CBOR map by number. All else, free text above all, is a
disclosure whose path is the number. Every kind may have two more disclosures:
refs, number 0, the leaf hashes of earlier entries that this one follows, and
documents, number 100, digests of files for members.

	type              CBOR                        JSON
	uint              unsigned integer            number, at most 2^53-1
	bool              boolean                     boolean
	text              text                        string, no control characters
	                                              but line feeds
	token, slug       text                        string, a slug
	lot               text                        string, characters of AI 10
	party             text                        "member" or "member/slug"
	place             text                        "member/slug"
	country           text                        ISO 3166-1 alpha-2
	region            text                        GB/T 2260, six digits, or
	                                              ISO 3166-2
	date              text                        "yyyy-mm-dd"
	hash              byte string, 32             64 hex digits
	gtin, gln         unsigned integer            14 or 13 digits
	names             {1: zh, 2: en}              {"zh", "en"}, one may be absent
	texts, hashes     array                       array
	lines             [[gtin, count], ...]        [{"gtin", "count"}, ...]
	counts            [[gtin, expected, counted,  [{"gtin", "expected", "counted",
	                   damaged], ...]              "damaged"}, ...]
	time              unsigned integer, ms        RFC 3339, shown in UTC
	quantity          [value, unit]               {"value", "unit"}, unit of UN/ECE
	                                              Recommendation 20
	tokens, lots,     array                       array
	gtins, regions
	url               text                        string, https
	language,         text                        string: "zh-Hant", "gs1:pip",
	link-type,                                    "text/html"
	media-type

What others have written may come from a later version. A field that the table
does not have, that stands elsewhere than it says, has another audience or does
not parse counts as absent. A record whose subjects do not parse or name a code
or unit twice, that has over [MaxPatterns] patterns, or that lacks a field which
the fold needs, has no place in any trail. At the author's door all of this is
refused ([CheckEvent]). Both readings of a record depend on nothing
that is not on every node.

# Drafts

	{"kind":      name,
	 "at":        RFC 3339 with offset, or "age_ms": milliseconds ago; absent: now,
	 "zone":      "+08:00", where the time does not say it,
	 "party":     slug of the hosted party that acts,
	 "place":     id of the member's place,
	 "refs":      [leaf hash, ...],
	 "subjects":  [{"gtin", "run", "from", "to"} | {"uri"} | {"sscc"} |
	               {"gtin", "lot"} | {"gtin"} | {"unit": {...}, "content": {...}} |
	               {"output": {...}, "input": {...}} |
	               {"pattern": {"gtin", "run", "start", "per", "unit_gtin",
	                            "unit_run", "unit_start", "count", "except"}}, ...],
	 "fields":    {name: value, ...},
	 "documents": [SHA-256, ...]}

Ranges that touch become one. The files testdata/vectors/drafts.jsonl and
records.txt show a draft of each kind and the bytes of its record.

# Custody

Following an item, a machine with these states goes from event to event by the
table in transition.go; testdata/custody.txt shows what comes of it:

	issued      the run is recorded; its author holds the item
	active      activated; who did it holds it
	in-transit  shipped; the sender holds it until the receipt
	held        received
	sold        left the tracked chain; nobody in it holds it
	used        something else was made of it, or it has another label now
	void        must not be used any more

A party and the member that hosts it are the same hand, two parties of one member
are not. An event on a unit is about what was in it at that point, at any depth.
What is shipped, sold, used or declared void by itself leaves its unit, be it an
item or a unit, and packing takes out of the unit before. Receipts match shipments
by what they name, so they may be partial: what one names leaves the units around
it that it does not name, which are the rest of the shipment. So with cancellations.
Who fills a unit has it at hand: it is out of units that were sent away since.

A pattern and the range of an activation pass over void codes: labels scrapped at
the printer stay void, and the rest of their roll is one range. Whatever names a
void code or unit by itself bears a finding. Who acts before the records of the
goods' way to him are here, and names one that is missing, may count as holder.

A transform ends its inputs and begins its outputs, which need no activation. The
trail of an output has those of its first [MaxSources] inputs beside it, and so on
[MaxSourceDepth] times; a recall of one reaches the output.

Lots without serials have no exclusive holder. Records about them have one lot and
its quantity, which is for the parties; [Trail.Balances] adds up, by party and unit
of measure. A negative balance for which nobody of the same hand makes up is a
finding of [NowOf].

Claims are kept. What the author has no right to record (activation, inspection,
voiding) counts for nothing and is shown to members only. So does all that
strangers record: parties that by the records never held the item and were never
sent it, the brand and whom it has appointed excepted; and what they said of it
before its code was issued. Nobody spoils another's goods by writing about them.

A shipment or packing by one who held the item once and does not now moves nothing
and bears a finding. His receipt moves it, since goods that somebody has before
him are a fact; where nobody shipped them, both he and the holder before are
believed from then on, and it is a critical finding if both act as holders. His
sale counts, and a second sale is critical.

A stranger is believed for now in three cases: he names an entry that is not here
while the item is in transit, or while he says that the holder sent it, or he takes
the item back after it was sold. Custody shows it; he cannot void, stop or use the
item. When a known party acts and that fits without the stranger, the stranger's
records never moved anything; if it fits only with him, he is known.

# Quantities

What a shipment had in it, and what of that came, is counted from the trails of all
goods, so that packing does not matter: of a pallet that was sent, cases may be
received, or bottles, or the reverse. Each shipment is a leg of an item's way, which
ends once ([Leg]):

	sent       what a shipment names, and what was in that when it left
	received   with whom it was sent to, by his receipt, or because he did something
	           that takes the goods in hand, such as sending them on without a word
	           (cross-docking); also what went by itself, where his receipt names
	           the shipment and the unit out of which that took it
	refused    cancelled by whom it was sent to
	kept       cancelled, handled or sent again by its sender
	elsewhere  with somebody else
	void       declared void on the way
	open       none of these, so far
	over       received by somebody to whom nobody had sent it

Counted are pieces. A unit that was filled and has not been emptied since as a whole
is none: what is in it counts, and a case whose bottles came is not missing. A unit
of which nobody has said what is in it is a piece.

[Quantities] finds, by product, for the parties of a shipment and its receipts, the
product's brand and the auditors, and never for a verdict:

	short-receipt     pieces are open of a shipment that its recipient has answered.
	                  They are short from when his receipts have counted it through
	                  (their lines expect no less than its lines, or without these
	                  its codes, have), else [ledger.Settings] LateHours, or 72, after
	                  the entry of his last receipt of it. A shipment of which nothing
	                  was received or refused is open, and not short.
	over-receipt      pieces came with a receipt that names a shipment, and nobody had
	                  sent them to its author
	quantity-differs  a receipt's lines count something else than they expect
	received-damaged  they count damaged pieces, which are among those that came
	lines-differ      a record's lines count something else than its codes are, units
	                  of the product too
	taken-back        a lot's sender has cancelled his shipment, or corrected it to less
	                  than came, though its recipient has received of it

A shipment may have many receipts and a receipt many shipments, which it names in
refs or by the goods that it brings. Lines of one product, as of many delivery
notes, are added up. What is declared void or sold after the receipt was received.
Inventory counts codes by their custody, those of cases too: a case whose bottles
were received one by one stays in transit until somebody receives it.

Lots without serials are compared by shipment and the receipts that name it, or by
all shipments that receipts name together, in one unit of measure: more than was
sent is over at once, less is short after the same hours. Only receipts by whom a
shipment was sent to count, also for [Trail.Balances]. A cancellation gives back to
the sender what has not come. That nothing is short then is for the recipient to
say, by a cancellation of his own: once he has received of a shipment, his sender's
cancellation, or correction to less, hides nothing. Receipts and cancellations by
others are findings for members (received-by-other, cancel-no-effect), as are
receipts that name no shipment, by those to whom nothing of the lot was sent
(received-not-shipped). Findings about quantities of lots stand in now, those about
codes in lists only.

# Holds, recalls and claims

A hold is a warning until who placed it, or the brand, releases it. A recall makes
the verdict, wherever the item is; a withdrawal takes goods off the market and is a
warning. Both reach items by codes, lots or the product, narrowed by lots, times
and lines of activation; they end by being corrected. They and holds count in the
answer before they are final ([Trail.PendingFindings]).

An item may bear a second code (暗码) under a coating. The node that issued its code
alone can check it, and claims it for who used it first; another claim is a
finding. Claims of other chains do not count ([ChecksSeconds]), but once a charter
has ended the chain that issued, for those of the one chain of the same member that
goes on ([CheckerOf]). Codes of products that name a reward trigger are worth money when
they are activated, and need a second operator's [Approval]. [Links] gives the
pages that the brand names.

# Erasure

An erase record names, by their digests, disclosures of an own record and files
that it names. Nodes forget these where they store the erase record, final or not,
and the events of the record show what is gone ([ErasureView]): so a field that no
trail depends on may be gone on one node a moment before another, which is the
only way in which trails with one "as_of" differ. What the fold reads is refused at
the author's door. A hostile author who erases it all the same empties his own
record for everybody: the event stays, without the field.

# Appointments

A brand appoints a party, or a member with all its parties, for some of its GTINs
from one day to another. What it lets them sign (activate, void, transform,
inspect, hold, release) counts as if the brand had signed it. Levels, parents and
territories of dealers are for the parties: a sale outside the territory of its
seller is a finding of [NowOf] for the brand, the seller and the auditors.

# Corrections

The author of a record may take it back (correct), naming it by its id and being
about the same subjects, and may name another of his records of that kind that
stands in its place: with its position and entry time, and at the time that it
says itself unless that is after the entry of what it replaces. Of several
corrections of one record the first that names a replacement counts. A shipment that
another company has received is no longer its sender's to take back: unless what
stands in its place went to that company too, or the receipt was recorded after its
author had seen the correction, this counts for nothing. Runs, places,
parties and corrections are not corrected. Both records stay in the trail;
"corrected" is the id of the correction.

# Order

Events stand in the order of the time at which they are said to have happened.
The author of an event had seen the entries before it on its chain, what its
chain's frontier covered there, what its refs name, and what these had seen. An
event that stands before others which its author had seen, and but for which they
would not contradict the records, is a suspect. Suspects enter last, in causal
order, ties by entry time, chain and position: each at its time, unless it makes
an event contradictory that its author had seen. Then it goes after all of those
and bears the contradiction, or where it fits there a finding that says so
(misdated). So nobody gains from a false date, and records that come late, out of
order and in pieces accuse nobody.

Clocks of hand-held devices are wrong by minutes ([ledger.MaxAhead] either way). Of
two events that are no further apart, the one whose author had seen the other is
put behind it where the records then fit better, before suspects are looked for.

A trail depends on nothing but the [Input]'s final entries. [Rules] is the version
of all this.

# Answers

[Answer] is the JSON of an answer, [TrailView] its part that is the same on every
node. Instants are RFC 3339 with milliseconds: "at" in the zone of the event,
others in UTC. A party is {member, party, zh, en}; the public sees a hosted party
only under its public name and else its host. A place is {id, kind, country,
region, zh, en}; the public sees the region's name, members the place's own.
Who reads for a hosted party only sees what the public sees, and of the events
that name the party what its host does. Findings have stable codes; those about quantities and lateness are for the
parties of the event, and only public ones make a verdict.
*/
package trace
