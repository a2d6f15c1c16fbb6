package ledger

import "strconv"

// A Kind says what business event a record is. Kinds 1 to 15 belong to this
// package, 16 and up to the application. Numbers are never reused.
type Kind uint16

// All kinds whose names are part of the format. A record of one of these kinds
// must not carry a name; a record of any other kind must, so that its signature
// can be checked by nodes that do not know the kind. A kind that a later version
// adds is not added to this table.
const (
	KindGrant  Kind = 1
	KindRevoke Kind = 2
	KindErase  Kind = 3

	KindProduct   Kind = 16
	KindPlace     Kind = 17
	KindParty     Kind = 18
	KindAppoint   Kind = 19
	KindRun       Kind = 20
	KindActivate  Kind = 21
	KindVoid      Kind = 22
	KindPack      Kind = 23
	KindUnpack    Kind = 24
	KindTransform Kind = 25
	KindShip      Kind = 26
	KindReceive   Kind = 27
	KindCancel    Kind = 28
	KindSell      Kind = 29
	KindReturn    Kind = 30
	KindInspect   Kind = 31
	KindHold      Kind = 32
	KindRelease   Kind = 33
	KindRecall    Kind = 34
	KindWithdraw  Kind = 35
	KindCorrect   Kind = 36
	KindClaim     Kind = 37
	KindLink      Kind = 38
)

var kindNames = map[Kind]string{
	KindGrant: "grant", KindRevoke: "revoke", KindErase: "erase",
	KindProduct: "product", KindPlace: "place", KindParty: "party", KindAppoint: "appoint",
	KindRun: "run", KindActivate: "activate", KindVoid: "void", KindPack: "pack",
	KindUnpack: "unpack", KindTransform: "transform", KindShip: "ship", KindReceive: "receive",
	KindCancel: "cancel", KindSell: "sell", KindReturn: "return", KindInspect: "inspect",
	KindHold: "hold", KindRelease: "release", KindRecall: "recall", KindWithdraw: "withdraw",
	KindCorrect: "correct", KindClaim: "claim", KindLink: "link",
}

var kindsByName = func() map[string]Kind {
	m := make(map[string]Kind, len(kindNames))
	for k, n := range kindNames {
		m[n] = k
	}
	return m
}()

// String is the kind's name, or its number where the format has no name for it.
func (k Kind) String() string {
	if n, ok := kindNames[k]; ok {
		return n
	}
	return strconv.Itoa(int(k))
}

// KindByName returns the kind with that name in the format's table.
func KindByName(name string) (Kind, bool) {
	k, ok := kindsByName[name]
	return k, ok
}

// byAdmin reports whether records of this kind are signed by an admin address
// of the charter instead of under a grant.
func (k Kind) byAdmin() bool { return k == KindGrant || k == KindRevoke }
