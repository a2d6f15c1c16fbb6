/*
Package epcis writes records as events of EPCIS 2.0 in JSON-LD, and reads such
events into drafts of records. How each kind and field stands in an event is said
by the columns of package trace's table (trace.EPCISEvent, trace.EPCISHome); there
is no list of kinds here. XML, and EPCIS 1, are not read.

Start with [Writer.Event] and [Reader.Read]. The package is pure.

# Events

A record is one event; a record that fills or empties several units is one for
each. Master data, rights, runs of codes, claims, links and erasures are no events
(trace.EPCISEvent.None says why). Everything that a record says and the reader may
see stands in the event: where the standard has no attribute, in one of the
namespace urn:suyuan:epcis:, abbreviated suyuan:.

	suyuan:kind        kind of the record
	suyuan:party       who acted: <member>[/<slug>]
	suyuan:refs        leaf hashes of earlier entries
	suyuan:documents   SHA-256 of documents for members
	suyuan:<field>     a field without a home in the standard, as drafts have it
	suyuan:subjects    what the record is about, as drafts have it; where lists of
	                   EPCs and classes say less
	suyuan:part        {number, of, first} from 1: which of the events of a record,
	                   and which is the first about the same subjects
	suyuan:record,     id of the record, where it stands, whether it is final, and
	chain, seq, state, what was erased of it: not part of what it says, and passed
	erased             over when it is read

The eventID is the same on every node and can be checked: the leaf hash of the
record's entry as RFC 6920 writes it, where it stands, and, of several events of one
record, which one it is from 1. It is not the event hash of CBV 2.0, which would
differ with what a reader may see.

	ni:///sha-256;<hash in unpadded base64url>?at=<chain>.<seq>[.<part>]

# Goods

Codes of a run are told one by one, by their Digital Links, where these may be told
and are no more than [MaxListed]. Most nodes know no serial of a partner's codes and
could not print one; there, and of long ranges, the quantityList has the GTIN, with
its lot if the record gives one, and how many; suyuan:subjects has the range. So
nothing is lost, and nothing counted twice: what stands in a list of EPCs is left
out of the count. A lot without serials has its quantity, if the reader may see it.

What has no number of GS1 has a private identifier (CBV 2.0, section 8) below the
network's name:

	https://<network>/obj/<gtin>/<run>/<index>    a code by its index, such as a case
	https://<network>/party/<member>[/<slug>]     a party
	https://<network>/loc/<member>/<id>           a place without a GLN
	https://<network>/bt/<number>                 a document by its number, escaped

# Reading

Each event becomes one draft; all events of a record together become one. Kind,
action, business step and disposition must fit each other; without suyuan:kind the
kind follows from the other three. EPCs may be Digital Links of any domain or EPC
URNs (sgtin, lgtin, sscc, sgln, pgln), words of the vocabulary may be short names,
URNs or URLs. An attribute for which a record has no place refuses the event
([CodeUnmapped]): nothing is dropped in silence. So does a required field that the
event does not have ([CodeMissing]), unless the caller names a default. recordTime is passed over, as
the standard says, and so is what says where a document comes from. Where an event
has suyuan:subjects, its lists must tell of the same goods.

An event with an errorDeclaration is a correction of the record that its eventID
names; what it repeats of that record is not read again. Of several events with one
eventID the first is recorded; the others are it. An event without an eventID is
known by what it says.
*/
package epcis
