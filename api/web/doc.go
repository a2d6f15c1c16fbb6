// Package web renders the pages that people see: what a code says, the entry
// form and what went wrong. Start with [New] and the view types [Item], [Entry]
// and [Trouble].
//
// The package knows neither the ledger nor HTTP. It takes plain values, already
// filtered for whoever asks, and writes one HTML document that needs nothing
// else: no script, no font, no second request but the product's picture and the
// pixel by which the page is counted.
//
// # Content security
//
// The style sheet stands inline, so that a page is one round trip. [Pages.CSP]
// returns the policy that goes with it: it allows this style sheet by its hash,
// pictures of the same origin, forms to the same origin, and nothing else.
//
// # What is kept
//
// Most of a page is the same for many items. The page of a code is a row of
// templates, and what they were rendered to is kept, at most maxShared bytes of
// it, each part under the SHA-256 of all that it says: nothing kept can be out of
// date, or be shown to who may not see it, and a recall is on the page at once.
// What an item alone has is put into blanks. parts.go and blanks.go say why that is
// safe, document.go how kept parts make a packed page.
//
// # Languages
//
// The words of each language are one file, words/<language>.json, decoded into
// [Words]: a key that is missing or not known is an error when the pages are
// made. [Choose] picks the language of a request. What varies with the data
// comes as a [Text] with both languages.
package web
