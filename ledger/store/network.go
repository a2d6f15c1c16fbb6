package store

import (
	"errors"
	"fmt"

	"suyuan/ledger"
)

// loadNetwork joins the charters stored and those of the configuration: both
// must be of one network, and the longer list holds.
func (s *Store) loadNetwork(hadTables bool) error {
	raw, err := s.get(layoutKey())
	if errors.Is(err, ErrNotFound) {
		if hadTables {
			return damaged(s.cfg.Dir, nil, "there are tables but no layout key")
		}
		return s.createLayout()
	}
	if err != nil {
		return damaged(s.cfg.Dir, err, "read layout")
	}
	id, err := checkLayout(s.cfg.Dir, raw)
	if err != nil {
		return err
	}
	net, err := readNetwork(s.view)
	if err != nil {
		return damaged(s.cfg.Dir, err, "charters")
	}
	if net.ID != id {
		return damaged(s.cfg.Dir, nil, "the charters are those of network %s, not %s", net.ID, id)
	}
	s.net.Store(net)
	return s.mergeNetwork()
}

// checkLayout refuses what a newer version wrote. Layout 1 is the first: there is
// none to migrate from.
func checkLayout(dir string, raw []byte) (network ledger.Hash, err error) {
	version, id, ok := parseLayout(raw)
	switch {
	case !ok || version == 0:
		return id, damaged(dir, nil, "the layout key is not of this store")
	case version > layoutVersion:
		return id, fmt.Errorf("the store has layout %d, which a newer version of suyuan wrote; this one reads up to %d", version, layoutVersion)
	}
	return id, nil
}

func (s *Store) createLayout() error {
	net := s.cfg.Network
	if net == nil {
		return errors.New("open store: it is empty and no network is given")
	}
	err := s.update(func(w *writer) error {
		w.set(layoutKey(), layoutValue(net.ID))
		for _, v := range net.Versions() {
			if err := w.charter(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	s.net.Store(net)
	return nil
}

// mergeNetwork stores the charters that only the configuration has.
func (s *Store) mergeNetwork() error {
	given, stored := s.cfg.Network, s.Network()
	if given == nil {
		return nil
	}
	if given.ID != stored.ID {
		return fmt.Errorf("open store: it belongs to network %s, not %s", stored.ID, given.ID)
	}
	have := len(stored.Versions())
	for i, v := range given.Versions() {
		if i >= have {
			if err := s.update(func(w *writer) error { return w.charter(v) }); err != nil {
				return fmt.Errorf("store charter %d: %w", v.Charter.Version, err)
			}
		} else if v.Hash != stored.Versions()[i].Hash {
			return fmt.Errorf("open store: charter version %d is not the stored one: %w", v.Charter.Version, ErrConflict)
		}
	}
	if len(given.Versions()) > have {
		s.net.Store(given)
	}
	return nil
}

// readCharters reads the stored charters from version 1 on.
func readCharters(view viewer) ([]*ledger.SignedCharter, error) {
	pairs, err := scanTo(view, []byte{prefixCharter}, charterKey(0), []byte{prefixCharter + 1})
	if err != nil {
		return nil, err
	}
	var list []*ledger.SignedCharter
	for _, p := range pairs {
		var c storedCharter
		if err := ledger.Unmarshal(p.value, &c); err != nil {
			return nil, err
		}
		list = append(list, &ledger.SignedCharter{Body: c.Body, Signatures: c.Signatures})
	}
	return list, nil
}

func readNetwork(view viewer) (*ledger.Network, error) {
	list, err := readCharters(view)
	if err != nil {
		return nil, err
	}
	return ledger.VerifyNetwork(list)
}
