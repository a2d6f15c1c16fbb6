package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// The secret of a run's second codes, secrets/second-<gtin>-<number>.json, is
// its 32 bytes. It is another than that of the first codes: whoever gets hold of
// one cannot print the other. Nothing that follows from it stands in a pack, a
// record or a message but what a claim itself shows.
func secondName(gtin gs1.GTIN, number uint16) string {
	return filepath.Join(dirSecrets, fmt.Sprintf("second-%s-%d.json", gtin, number))
}

// sealSecond makes the secret of a run's second codes before the run is
// recorded, or takes away what a run that was never recorded has left.
func (n *Node) sealSecond(gtin gs1.GTIN, number uint16, wanted bool) error {
	name := secondName(gtin, number)
	if wanted {
		secret := code.NewSecret()
		return n.keys.Seal(name, secret[:])
	}
	if err := os.Remove(filepath.Join(n.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// secondSecret opens the secret of a run's second codes; ok is false if the run
// has none.
func (n *Node) secondSecret(gtin gs1.GTIN, number uint16) (secret code.Secret, ok bool, err error) {
	raw, err := n.keys.Open(secondName(gtin, number))
	if errors.Is(err, os.ErrNotExist) {
		return secret, false, nil
	}
	if err != nil {
		return secret, false, err
	}
	if len(raw) != len(secret) {
		return secret, false, fmt.Errorf("the secret of the second codes of run %d of GTIN %s is damaged", number, gtin)
	}
	return code.Secret(raw), true, nil
}

// Seconds returns what tells the second code (暗码) of each index of a run that
// this node issued with them. Like the codes, they are given out only when the
// run's record is stored.
func (n *Node) Seconds(gtin gs1.GTIN, number uint16) (func(index uint32) string, error) {
	rec, err := n.runOf(gtin, number, nil)
	if err != nil {
		return nil, err
	}
	secret, ok, err := n.secondSecret(gtin, number)
	switch {
	case err != nil:
		return nil, err
	case rec == nil || !ok && rec.Chain != n.chain:
		return nil, refuse(404, "unknown-run", "this node has not issued run %d of GTIN %s", number, gtin)
	case !ok || rec.Fields["second"] != true:
		return nil, refuse(404, "no-second-codes", "run %d of GTIN %s was issued without second codes", number, gtin)
	}
	return func(index uint32) string { return code.SecondOf(secret, gtin.Uint64(), number, index).String() }, nil
}
